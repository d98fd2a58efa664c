"""`triagent sessions`: list, search, rename, fork, export, delete, repair, audit."""

from __future__ import annotations

import argparse
import time

from triagent.agent import recall
from triagent.agent.redact import redact
from triagent.errors import SessionError
from triagent.opening import open_store
from triagent.session import export
from triagent.session.repair import repair
from triagent.session.store import Store


def cli(args: argparse.Namespace) -> int:
    """Run one sub-command; returns the exit status.

    Raises: SessionError with a message for the user.
    """
    store = open_store()
    try:
        return COMMANDS[args.action or "list"](store, args)
    finally:
        store.close()


def _list(store: Store, args: argparse.Namespace) -> int:
    for item in store.list(verify=True):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.updated))
        counts = f"{item.n_turns:4} turns {item.n_pos:8} tokens"
        print(f"{item.id}  {when}  {counts}  {item.damage or item.title or 'untitled'}")
    return 0


def _search(store: Store, args: argparse.Namespace) -> int:
    found = store.search(" ".join(args.words))
    for item in found:
        text = redact(" ".join(item.passage.text.split()))
        print(f"{item.session}  turn {item.passage.turn}: {text[:160]}")
    return 0 if found else 1


def _rename(store: Store, args: argparse.Namespace) -> int:
    store.rename(store.folder(args.id).name, args.title)
    return 0


def _fork(store: Store, args: argparse.Namespace) -> int:
    session = store.fork(args.id)
    print(session.id)
    session.close()
    return 0


def _delete(store: Store, args: argparse.Namespace) -> int:
    store.delete(args.id)
    return 0


def _check(store: Store, args: argparse.Namespace) -> int:
    session = store.open(args.id, write=False)
    try:
        print(f"{session.ledger.verify()} records, {session.ledger.size} bytes, none damaged")
    finally:
        session.close()
    return 0


def _repair(store: Store, args: argparse.Namespace) -> int:
    n_records, n_bytes = repair(store.folder(args.id))
    print(f"{n_records} records kept, {n_bytes} bytes set aside in log.torn")
    return 0


def _audit(store: Store, args: argparse.Namespace) -> int:
    session = store.open(args.id, write=False)
    try:
        for item in recall.audit(session):
            print(_round(item))
            for passage in item.lost:
                words = redact(" ".join(passage.text.split()))
                print(
                    f"    gone from every head: turn {passage.turn}, {passage.who}: {words[:100]}"
                )
    finally:
        session.close()
    return 0


def _round(item: recall.Round) -> str:
    """Turn and time, position, what went, at what scores, by which policy and why."""
    when = f"turn {item.turn}" if item.turn else "opening"
    if item.time is not None:
        when += time.strftime(", %Y-%m-%d %H:%M:%S", time.localtime(item.time))
    low, high = item.score_min, item.score_max
    scores = "" if low is None else f", scores {low:.3g}..{high:.3g}"
    by = f"by {item.policy} ({item.reason})"
    return f"{when}, position {item.now}: {item.n_evicted} cells {by}{scores}"


def _export(store: Store, args: argparse.Namespace) -> int:
    is_json = args.file.suffix in (".json", ".jsonl")
    session = store.open(args.id, write=False)
    try:
        make = export.json_lines if is_json else export.markdown
        export.write(args.file, make(session, redact))
    except OSError as error:
        raise SessionError(f"{args.file} cannot be written: {error.strerror}") from error
    finally:
        session.close()
    print(args.file)
    return 0


COMMANDS = {
    "list": _list,
    "search": _search,
    "rename": _rename,
    "fork": _fork,
    "delete": _delete,
    "check": _check,
    "repair": _repair,
    "audit": _audit,
    "export": _export,
}
