"""`triagent models`: list, pull, info, remove."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triagent.config import Config
from triagent.engine.model_file import open_model_file
from triagent.errors import ModelError
from triagent.models import download as hub
from triagent.models import fit, shelf
from triagent.models.arguments import add_arguments as add_arguments
from triagent.models.catalog import find as find_listed
from triagent.models.catalog import source_of

UNCHECKED = (
    "Names, sizes and shapes are as their publishers give them; this project has neither\n"
    "downloaded nor run them. What comes is checked against the hub's hash, then looked at again."
)


def cli(
    args: argparse.Namespace,
    config: Config,
    devices: Sequence[fit.Device] = (),
    folder: Path | None = None,
) -> int:
    """Run one sub-command; returns the exit status.

    Raises:
        ModelError: with a message for the user.
    """
    folder = folder or shelf.models_folder()
    action = args.action or "list"
    if action == "pull":
        return _pull(args.name, config, devices, folder)
    if action == "info":
        return _info(args.name, args.json, config, devices, folder)
    if action == "remove":
        return _remove(args.name, args.yes, folder)
    return _list(getattr(args, "json", False), config, devices, folder)


def _list(
    as_json: bool, config: Config, devices: Sequence[fit.Device], folder: Path
) -> int:
    rows = shelf.rows(config, devices, folder)
    if as_json:
        print(json.dumps({"folder": str(folder), "models": [_row(item) for item in rows]}))
        return 0
    here = [item for item in rows if item.path is not None]
    print(f"On this machine ({folder}):" if here else f"No model is in {folder}.")
    for item in here:
        print(f"  {item.name}  {fit.gib(item.n_bytes)}  {item.problem or item.fit}"
              + (f"  centers {item.sidecar}" if item.sidecar else ""))  # fmt: skip
    print(f"\nTo download with triagent models pull NAME. {UNCHECKED}")
    for item in rows:
        if item.path is None and item.listed is not None:
            print(f"  {item.name:18} {fit.gib(item.n_bytes):>9}  {item.fit}")
            print(f"  {'':18} {item.listed.about}")
    return 0


def _pull(name: str, config: Config, devices: Sequence[fit.Device], folder: Path) -> int:
    source = source_of(name)
    listed = find_listed(name)
    if listed is not None:
        estimate = shelf.listed_fit(listed, config, devices)
        print(f"{source}: {estimate} (from the list; checked again when it is here)")
    done = hub.download(source, folder, offline=config.offline, report=_Line())
    print(f"\n{done.path}\nsha256 {done.sha256} "
          + ("as announced by the hub" if done.was_announced else "(the hub announced none)"))
    found = shelf.row(done.path, config, devices)
    print(found.fit)
    if found.sidecar != "ready" and (listed is None or listed.evicts):
        print("It has no centers yet; until it has, evictions go by the keys' norms, unchecked. "
              f"To measure it: triagent centers {done.path}")  # fmt: skip
    return 0


def _info(
    name: str, as_json: bool, config: Config, devices: Sequence[fit.Device], folder: Path
) -> int:
    path = shelf.find(name, folder)
    item = shelf.row(path, config, devices)
    facts = _row(item) | {"sha256": _hash(path)}
    if not item.problem:
        facts |= _facts(path, config)
    if as_json:
        print(json.dumps(facts))
    else:
        for key, value in facts.items():
            print(f"{key:14} {value}")
    return 1 if item.problem else 0


def _remove(name: str, yes: bool, folder: Path) -> int:
    path = shelf.find(name, folder).resolve()
    if path.parent != folder.resolve():
        raise ModelError(f"{path} is not in {folder}; delete it yourself")
    if not yes:
        if not sys.stdin.isatty():
            raise ModelError(f"to delete {path} without a terminal, add --yes")
        if input(f"Delete {path}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was deleted.")
            return 1
    print(f"{fit.gib(hub.remove(path))} freed")
    return 0


def _facts(path: Path, config: Config) -> dict[str, Any]:
    file = open_model_file(path)
    shape = fit.shape_of(path)
    return {
        "architecture": file.architecture,
        "fingerprint": file.fingerprint,
        "layers": shape.n_layer,
        "trained for": shape.n_ctx_train,
        "a cell": f"{shape.cell_bytes(config.model.cache_type) / 1024:.1f} KiB",
    }


def _row(item: shelf.Row) -> dict[str, Any]:
    return {
        "name": item.name,
        "path": str(item.path) if item.path else None,
        "size": fit.gib(item.n_bytes),
        "fit": str(item.fit) if item.fit else None,
        "fits": bool(item.fit and item.fit.fits),
        "centers": item.sidecar,
        "problem": item.problem,
        "source": _source(item),
    }


def _source(item: shelf.Row) -> str:
    known = hub.local_source(item.path) if item.path else None
    return known.source if known else str(item.listed.source) if item.listed else ""


def _hash(path: Path) -> str:
    return hub.sha256_of(path)


class _Line:
    # One line that is written over, or plain lines where there is no terminal.
    def __init__(self) -> None:
        self._last = -1

    def __call__(self, text: str, share: float | None) -> None:
        percent = -1 if share is None else int(share * 100)
        if percent == self._last and share is not None:
            return
        self._last = percent
        shown = text if share is None else f"{text} {percent} %"
        if sys.stderr.isatty():
            print(f"\r\x1b[K{shown}", end="", file=sys.stderr, flush=True)
        elif share is None or percent % 10 == 0:
            print(shown, file=sys.stderr)
