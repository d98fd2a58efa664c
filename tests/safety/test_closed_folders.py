"""Our own folders are read-only, for real: what can be read is read, the rest is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import call, step
from tests.safety import namespaces
from tests.safety.desk import RealDesk
from triagent.agent.events import ApprovalAsked, Decision, Outcome
from triagent.session.store import Store

ROOT = Path(__file__).parents[2]
SEVERAL = """
import contextlib, io, json, sys
from triagent import cli

found = []
for argv in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(argv)
    found.append((status, out.getvalue(), err.getvalue()))
print(json.dumps(found))
"""


@pytest.fixture
def home(tmp_path, absent):
    """Folders of a user, and a session in them."""
    if why := namespaces.possible():
        absent("userns", why)
    for name in ("config", "data", "cache", "work"):
        (tmp_path / name).mkdir()
    store = Store(tmp_path / "data/triagent/sessions")
    desk = RealDesk(tmp_path / "desk")
    desk.store.close()
    desk.store = store
    agent = desk.agent(["The answer is kept."])
    list(agent.turn("a question of yesterday"))
    agent.session.close()
    desk.close()
    return tmp_path


def run(home: Path, closed: tuple[str, ...], *commands: list[str]):
    """(status, output, errors) of each command of the program, with these folders read-only."""
    folders = {f"XDG_{name.upper()}_HOME": str(home / name) for name in ("config", "data", "cache")}

    def setting() -> None:
        namespaces.enter()
        namespaces.close([home / name for name in closed])

    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, json.dumps(commands)],
        env={**os.environ, **folders, "PYTHONPATH": str(ROOT)},
        cwd=home / "work", capture_output=True, text=True, stdin=subprocess.DEVNULL,
        preexec_fn=setting,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(item) for item in json.loads(done.stdout.splitlines()[-1])]


EVERY = ("config", "data", "cache")


def test_sessions_in_a_closed_folder_are_listed_searched_checked_and_exported(home):
    (home / "out").mkdir()
    listed, found, checked, exported, audited = run(
        home, EVERY, ["sessions"], ["sessions", "search", "yesterday"],
        ["sessions", "check", "last"], ["sessions", "export", "last", str(home / "out/x.md")],
        ["sessions", "audit", "last"],
    )  # fmt: skip
    assert listed[0] == 0 and "a question of yesterday" in listed[1]
    assert found[0] == 0 and "a question of yesterday" in found[1]
    assert checked[0] == 0 and "none damaged" in checked[1]
    assert exported[0] == 0 and "The answer is kept." in (home / "out/x.md").read_text()
    assert audited[0] == 0
    assert [item[2] for item in (listed, found, checked, exported, audited)] == [""] * 5


def test_what_would_change_a_closed_folder_is_one_sentence_and_changes_nothing(home):
    log = next((home / "data").rglob("log.jsonl"))
    before = log.read_bytes()
    changes = ["rename last x", "fork last", "delete last", "repair last"]
    commands = [["sessions", *words.split()] for words in changes] + [["trust", "revoke"]]
    for (status, out, err), command in zip(run(home, EVERY, *commands), commands, strict=True):
        assert status == 1 and out == "", command
        assert err.startswith("triagent: ") and err.count("\n") == 1, err
        assert "Read-only file system" in err
    assert log.read_bytes() == before


def test_the_error_names_the_folder_and_the_way_out(home):
    [(_, _, renamed), (_, _, forked)] = run(
        home, ("data",), ["sessions", "rename", "last", "x"], ["sessions", "fork", "last"]
    )
    folder = str(home / "data/triagent/sessions")
    assert folder in renamed and "sessions export" in renamed
    assert folder in forked and "XDG_DATA_HOME" in forked


@pytest.mark.native
@pytest.mark.parametrize("closed", EVERY)
def test_a_turn_in_closed_folders_is_refused_in_one_sentence_or_told_of(home, closed):
    logs = set(home.rglob("log.jsonl"))
    [(status, out, err)] = run(home, (closed,), ["run", "hello"])
    assert "Traceback" not in err
    if closed == "config":  # nothing but answers would be kept there
        assert status == 0 and out.strip()
        assert f"Answers hold for this session only: {home}/config cannot be written" in err
        return
    assert status in (1, 2) and out == "" and err.count("\n") == 1, err
    assert "Read-only file system" in err and str(home / closed) in err
    assert set(home.rglob("log.jsonl")) == logs  # no empty session is left behind


def test_an_answer_of_always_that_cannot_be_kept_holds_for_this_session(tmp_path, absent):
    if why := namespaces.possible():
        absent("userns", why)

    def work() -> None:
        desk = RealDesk(tmp_path, mode="ask", rung=None)
        agent = desk.agent([step(call("write", path="a", content="1")),
                            step(call("write", path="a", content="2")), "done"])  # fmt: skip
        assert "Answers hold for this session only" in " ".join(agent.machine.warnings())
        n_asked = 0
        for event in agent.turn("write twice"):
            if isinstance(event, ApprovalAsked):
                n_asked += 1
                agent.answer(event.id, Decision.ALWAYS)
        assert event.outcome is Outcome.DONE and n_asked == 1
        assert (desk.work / "a").read_text() == "2"
        desk.close()

    (tmp_path / "config").mkdir()
    assert namespaces.inside(lambda: namespaces.close([tmp_path / "config"]), work) == 0
    assert not list((tmp_path / "config").iterdir())
