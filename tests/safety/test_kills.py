"""Killed at every write boundary of every store there is: what was kept before is there after.

The session's own ledger, undo and snapshots are in test_durability, test_undo and
test_engine_faults; here is everything else that this program writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import ScriptedModel
from tests.safety import boundaries
from triagent import settings, settings_file
from triagent.agent.approval_rules import Rule, Rules
from triagent.agent.notes import Notes
from triagent.agent.redact import redact
from triagent.agent.trust import Trust
from triagent.chat import Origin, Span
from triagent.errors import SessionError
from triagent.kv.sidecar import LayerStats, Stats, read_sidecar, write_sidecar
from triagent.session import export
from triagent.session.repair import repair
from triagent.session.store import Store
from triagent.ui.history import History

WORKSPACE = Path("/nowhere/project")


@dataclass(frozen=True)
class Play:
    """A piece of work on one kind of file, what was there before it, and what must be after."""

    before: Callable[[Path], object]
    work: Callable[[Path], object]
    check: Callable[[Path], object]


# ---- settings, answers, trust


def config_before(root: Path) -> None:
    settings_file.update(root / "config.toml", {"cache.budget": 1000, "ui.theme": "mine"})


def config_work(root: Path) -> None:
    for budget in (2000, 3000):
        settings_file.update(root / "config.toml", {"cache.budget": budget})


def config_check(root: Path) -> None:
    config = settings.load({}, {}, root / "config.toml").config
    assert config.cache.budget in (1000, 2000, 3000) and config.ui.theme == "mine"


RULES = [Rule("run", (word,)) for word in ("ls", "make", "wc")]


def rules_of(root: Path) -> Rules:
    return Rules(root / "approvals", WORKSPACE)


def rules_work(root: Path) -> None:
    rules = rules_of(root)
    rules.add(RULES[1])
    rules.revoke(RULES[0])
    rules.add(RULES[2])


def rules_check(root: Path) -> None:
    assert rules_of(root).list() in (
        (RULES[0],), (RULES[0], RULES[1]), (RULES[1],), (RULES[1], RULES[2]))  # fmt: skip
    rules_of(root).add(Rule("run", ("more",)))  # and it can be written again


def trust_of(root: Path) -> Trust:
    # One project for all kills: answers go by its path.
    (root.parent / "project").mkdir(exist_ok=True)
    return Trust(root / "trust", root.parent / "project")


def trust_before(root: Path) -> None:
    trust = trust_of(root)
    (root.parent / "project/AGENTS.md").write_text("first")
    trust.accept(trust.question())


def trust_work(root: Path) -> None:
    (root.parent / "project/MEMORY.md").write_text("second")
    trust = trust_of(root)
    trust.accept(trust.question())


def trust_check(root: Path) -> None:
    trust = trust_of(root)
    (root.parent / "project/MEMORY.md").unlink(missing_ok=True)
    assert trust.covers("AGENTS.md", b"first")  # what was trusted before is so still
    assert not trust.covers("AGENTS.md", b"another")


# ---- what is added to: notes, what was typed


def notes_of(root: Path) -> Notes:
    return Notes(root / "notes", WORKSPACE)


def notes_check(root: Path) -> None:
    text = "".join(part.text for part in notes_of(root).recent())
    assert text.startswith("- the first note")
    notes_of(root).add("a note after")
    assert notes_of(root).recent()[-1].text.endswith("a note after")


def history_of(root: Path) -> History:
    return History(lambda: root / "data/prompts.jsonl")


def history_work(root: Path) -> None:
    history = history_of(root)
    history.add("second")
    history.add("third")


def history_check(root: Path) -> None:
    history = history_of(root)
    entries = []
    while (entry := history.older("")) is not None and entry not in entries:
        entries.append(entry)
    assert entries[-1] == "first" and set(entries) <= {"first", "second", "third"}


# ---- sessions: index, names, copies, exports, repair


def store_of(root: Path) -> Store:
    return Store(root / "sessions")


def say(session, number: int, text: str) -> None:
    session.event("turn_started", turn=number, text=text, pos=session.n_pos)
    for origin, name, words in ((Origin.USER, "user", text), (Origin.MODEL, "answer", "It is so.")):
        pos, ids = session.n_pos, tuple(range(3))
        session.add_span(Span(origin, pos, ids, words))
        session.event(name, turn=number, text=words, pos=pos, stop=session.n_pos)
    session.event("turn_ended", turn=number, outcome="done", why="answered")


def sessions_before(root: Path) -> None:
    store = store_of(root)
    session = store.create(root, ScriptedModel([]).info, {"id": "mine"})
    say(session, 1, "Which port is open?")
    session.close()
    store.close()


def mine(store: Store) -> str:
    return next(x.id for x in store.list() if not x.title.endswith("(fork)"))


def sessions_work(root: Path) -> None:
    store = store_of(root)
    id = mine(store)
    store.rename(id, "Ports")
    session = store.open(id)
    say(session, 2, "And which is closed?")
    path = session.snapshot_path()
    path.write_bytes(b"a snapshot")
    session.keep_snapshot(path)
    store.search("closed")
    export.write(root / "out.md", export.markdown(session, redact))
    session.close()
    fork = store.fork(id)
    fork.close()
    store.delete(fork.id)
    store.close()


def sessions_check(root: Path) -> None:
    store = store_of(root)
    rows = {row.id: row for row in store.list(verify=True)}
    assert not [row.damage for row in rows.values() if row.damage and row.n_turns], rows
    session = store.open(mine(store))
    session.ledger.verify()
    assert session.turn >= 1 and store.search("port")[0].passage.text == "Which port is open?"
    say(session, session.turn + 1, "Still there?")
    export.write(root / "out.md", export.markdown(session, redact))
    text = (root / "out.md").read_text()
    assert "Which port is open?" in text and "Still there?" in text
    session.close()
    assert store.search("there")[0].passage.text == "Still there?"
    store.close()


def repair_before(root: Path) -> None:
    sessions_before(root)
    log = next(root.rglob("log.jsonl"))
    data = bytearray(log.read_bytes())
    at = data.rindex(b"turn_ended")
    data[at] ^= 1
    log.write_bytes(data + data[at:])


def repair_work(root: Path) -> None:
    repair(next(root.rglob("log.jsonl")).parent)


def repair_check(root: Path) -> None:
    store = store_of(root)
    folder = next(root.rglob("log.jsonl")).parent
    try:
        store.open(folder.name).close()
    except SessionError as error:  # it was not begun: the user is told what to do
        assert "repair" in str(error)
        repair(folder)
    session = store.open(folder.name)
    assert session.turn == 1
    say(session, 2, "Still there?")
    session.close()
    store.close()


# ---- centers


def stats(value: float) -> Stats:
    layer = LayerStats(np.full((4, 8), value, np.complex64), np.full((4, 8), 2, np.float32))
    return Stats("f" * 64, "llama", layers={0: layer})


def centers_work(root: Path) -> None:
    write_sidecar(root / "m.centers.gguf", stats(0.5))


def centers_check(root: Path) -> None:
    found = read_sidecar(root / "m.centers.gguf").layers[0].q_center
    assert found[0, 0].real in (1.0, 0.5)
    centers_work(root)
    assert read_sidecar(root / "m.centers.gguf").layers[0].q_center[0, 0].real == 0.5


def nothing(root: Path) -> None:
    pass


PLAYS = {
    "settings": Play(config_before, config_work, config_check),
    "answers": Play(lambda root: rules_of(root).add(RULES[0]), rules_work, rules_check),
    "trust": Play(trust_before, trust_work, trust_check),
    "notes": Play(
        lambda root: notes_of(root).add("the first note"),
        lambda root: notes_of(root).add("the second note"),
        notes_check,
    ),
    "history": Play(
        lambda root: history_of(root).add("first"), history_work, history_check
    ),
    "sessions": Play(sessions_before, sessions_work, sessions_check),
    "repair": Play(repair_before, repair_work, repair_check),
    "centers": Play(
        lambda root: write_sidecar(root / "m.centers.gguf", stats(1.0)), centers_work, centers_check
    ),
}
QUICK = 12
"""Kills of one kind of file where slow tests are left out, spread over all boundaries."""


def kill(root: Path, play: Play, most: int) -> int:
    """Kill the work at its boundaries, spread over all of them; returns how many kills."""
    start = root / "start"
    start.mkdir()
    play.before(start)
    counted = root / "counted"
    shutil.copytree(start, counted, symlinks=True)
    n_boundaries = boundaries.count(lambda: play.work(counted), root / "n")
    play.check(counted)
    points = range(1, n_boundaries + 1, max(1, n_boundaries // most))
    for nth in points:
        here = root / str(nth)
        shutil.copytree(start, here, symlinks=True)
        assert boundaries.killed(lambda here=here: play.work(here), nth), (nth, n_boundaries)
        play.check(here)
        shutil.rmtree(here)
    return len(points)


@pytest.mark.parametrize("name", PLAYS)
def test_killed_at_its_boundaries_what_was_kept_is_there(
    tmp_path, name, slow_too, record_property
):
    n_kills = kill(tmp_path, PLAYS[name], 10**6 if slow_too else QUICK)
    record_property("killed: the program, at a write of another file", n_kills)
    assert n_kills >= 5
