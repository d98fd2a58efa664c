"""Nothing may lose a session: kills at every write, cancels at any instant, full disks.

A child made by fork plays a session and is killed at the n-th write boundary it comes to; the
parent then opens what is left.
"""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import struct
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes import call, step
from tests.safety.boundaries import Boundaries
from tests.safety.desk import RealDesk, ids, in_child, model_ids
from triagent.agent.events import (
    AnswerText,
    ApprovalAsked,
    CacheChanged,
    CallText,
    Outcome,
    Prefilling,
    RoundDone,
    StepDone,
    ToolOutput,
    ToolStarted,
    TurnEnded,
)
from triagent.errors import SessionError, TriagentError

SCRIPT = [
    step("I will write. ", call("write", path="a.txt", content="second")),
    step(call("bash", command="echo ran >> count; echo changed > b.txt")),
    "done with it",
    step(call("edit", path="a.txt", old="second", new="third")),
    "and done again",
]


def play(root: Path, report: int | None = None) -> None:
    """Two turns with tools; reports how many tokens the ledger has after each step."""
    desk = RealDesk(root)
    agent = desk.agent(SCRIPT, budget=300)
    for text in ("please write", "once more"):
        for event in agent.turn(text):
            if report is not None and isinstance(event, (StepDone, TurnEnded)):
                os.write(report, struct.pack("<q", agent.session.n_pos))
    agent.close()
    desk.close()


def killed_at(root: Path, nth: int) -> tuple[int, int]:
    """Kill a session at a boundary (0: at none); returns the status and the tokens reported."""
    read_end, write_end = os.pipe()

    def work():
        os.close(read_end)
        passing = Boundaries(nth, spared=(write_end,))
        passing.arm()
        play(root, write_end)
        (root / "n_boundaries").write_text(str(passing.n_passed))

    status = in_child(work)
    os.close(write_end)
    data = b""
    while block := os.read(read_end, 4096):
        data += block
    os.close(read_end)
    whole = len(data) // 8
    return status, struct.unpack(f"<{whole}q", data[: whole * 8])[-1] if whole else 0


def check_recovered(root: Path, n_reported: int) -> bool:
    """Open what a kill left; returns whether there was a session yet."""
    desk = RealDesk(root)
    try:
        sessions = [p.name for p in (root / "data" / "sessions").iterdir() if p.is_dir()]
        logs = [name for name in sessions if (root / "data/sessions" / name / "log.jsonl").exists()]
        if not logs:
            assert n_reported == 0
            return False
        try:
            session = desk.store.open(logs[0])
        except SessionError:
            assert n_reported == 0  # killed while its very first record was written
            return False
        agent = desk.agent([step("answer after the crash")], session)
        assert session.n_pos >= n_reported, (session.n_pos, n_reported)
        events = list(agent.turn("are you there?"))
        assert events[-1].outcome is Outcome.DONE
        assert ids(agent) == model_ids(agent)
        count = desk.work / "count"
        assert not count.exists() or count.read_text() == "ran\n"
        while agent.undo():
            pass
        # The one thing that may stay is what a command was making as the program died.
        assert set(os.listdir(desk.work)) <= {"b.txt", "count"}
        return True
    finally:
        desk.close()


def points(n_points: int):
    step_size = max(1, n_points // 12)
    return list(range(1, n_points + 1, step_size))


@pytest.fixture(scope="module")
def n_boundaries(tmp_path_factory):
    """How many write boundaries a whole session comes to."""
    root = tmp_path_factory.mktemp("count")
    status, _ = killed_at(root, 0)
    assert status == 0
    return int((root / "n_boundaries").read_text())


def test_a_session_that_is_not_killed_leaves_nothing_to_recover(tmp_path):
    assert in_child(lambda: play(tmp_path)) == 0
    assert check_recovered(tmp_path, 1)


@pytest.mark.timeout(900)
def test_killed_before_in_and_after_writes_the_session_goes_on(
    tmp_path, n_boundaries, slow_too, record_property
):
    n_killed = n_sessions = 0
    for nth in range(1, n_boundaries + 1) if slow_too else points(n_boundaries):
        root = tmp_path / str(nth)
        status, reported = killed_at(root, nth)
        # How often a command is looked at follows its pace, and so does the last boundary.
        assert os.WIFSIGNALED(status) or nth > n_boundaries - 10
        n_killed += os.WIFSIGNALED(status)
        n_sessions += check_recovered(root, reported)
    record_property("killed: the program, at a write of the session", n_killed)
    assert n_sessions >= 9


# ---- cancelled at any instant


STATES = {
    "prefill": (Prefilling, "word " * 2000, "fine"),
    "decode": (AnswerText, "go", "word " * 400),
    "call": (CallText, "go", step(call("write", path="x", content="word " * 300))),
    "tool": (ToolStarted, "go", step(call("bash", command="echo up; sleep 20"))),
    "approval": (ApprovalAsked, "go", step(call("bash", command="echo never"))),
}


def cancel_at_random(desk, state: str, generator: random.Random, budget: int) -> bool:
    """Cancel within 50 ms of the state's beginning; whether that was still in it."""
    wanted, text, said = STATES[state]
    pace = 0.0004 if state in ("prefill", "decode", "call") else 0.0
    agent = desk.agent(
        [step("warm " * 120), said, step("next answer")], budget=budget, pace_s=pace
    )
    list(agent.turn("begin"))
    last: list = []

    def cancel() -> None:
        last.append(seen)
        agent.cancel()

    timer = threading.Timer(generator.random() * 0.05, cancel)
    started, seen = False, None
    for event in agent.turn(text):
        seen = event
        if isinstance(event, wanted) and not started:
            started = True
            timer.start()
    assert started
    timer.join()
    assert isinstance(event, TurnEnded)
    assert event.outcome in (Outcome.CANCELLED, Outcome.DONE), event
    assert ids(agent) == model_ids(agent)
    status = agent.model.status()
    assert status.n_pos == len(ids(agent)) == agent.session.n_pos
    live = [pos for pos, share in enumerate(agent.model.holding().share) if share]
    assert len(live) == status.n_used and (not live or live[-1] < status.n_pos)
    if not budget:
        assert status.n_used == status.n_pos  # nothing evicted: the cache is the ledger
    end = list(agent.turn("go on"))[-1]
    assert end.outcome is Outcome.DONE or state == "prefill"
    agent.close()
    return isinstance(last[0], (wanted, RoundDone, CacheChanged, ToolOutput))


def cancel_often(root: Path, state: str, n_times: int) -> int:
    """How many of these instants lay in the state."""
    generator = random.Random(state)
    desk = RealDesk(root, mode="ask" if state == "approval" else "full")
    try:
        return sum(
            cancel_at_random(desk, state, generator, budget=0 if n % 2 else 200)
            for n in range(n_times)
        )
    finally:
        desk.close()


@pytest.mark.parametrize("state", STATES)
def test_cancelled_in_each_state_cache_and_ledger_agree(
    tmp_path, state, slow_too, record_property
):
    n_instants = n_in_state = 0
    while n_in_state < (50 if slow_too else 1):  # how many is up to the machine
        n_in_state += cancel_often(tmp_path / str(n_instants), state, 10)
        n_instants += 10
        assert n_instants <= 150
    record_property(f"cancelled: in state {state}, scripted model", n_in_state)


# ---- two processes, one session


def test_a_second_process_cannot_write_the_session(tmp_path):
    desk = RealDesk(tmp_path)
    agent = desk.agent(["one", "two"])
    list(agent.turn("a"))
    before = agent.session.ledger.path.read_bytes()

    def other():
        again = RealDesk(tmp_path)
        second = again.agent(["other"], again.store.open(agent.session_id))
        with suppress(TriagentError):
            if list(second.turn("intruder"))[-1].outcome is not Outcome.FAILED:
                raise AssertionError("the second process wrote")

    status = in_child(other)
    assert status == 0
    assert agent.session.ledger.path.read_bytes() == before
    list(agent.turn("b"))
    assert ids(agent) == model_ids(agent)
    desk.close()


# ---- full disks and closed folders


@pytest.mark.parametrize("n_before", range(0, 24, 3))
def test_a_disk_that_is_full_from_the_nth_write_on_costs_a_turn_and_no_word(
    tmp_path, monkeypatch, n_before, record_property
):
    record_property("disk full: from a write on", 1)
    desk = RealDesk(tmp_path)
    agent = desk.agent([*SCRIPT[:3], "then"])
    list(agent.turn_starts())
    real, count = os.fsync, 0

    def full(fd):
        nonlocal count
        count += 1
        if count > n_before:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd)

    monkeypatch.setattr(os, "fsync", full)
    with suppress(TriagentError, OSError):
        events = list(agent.turn("please write"))
        assert isinstance(events[-1], TurnEnded)
    monkeypatch.undo()
    agent.session.ledger.close()
    agent.machine.close()
    again = RealDesk(tmp_path)
    second = again.agent(["fine"] * 3, again.store.open(agent.session_id))
    assert list(second.turn("still there?"))[-1].outcome is Outcome.DONE
    assert ids(second) == model_ids(second)
    while second.undo():
        pass
    again.close()
    desk.store.close()


def test_files_that_may_not_grow_end_the_turn_and_not_the_program(tmp_path):
    def work():
        desk = RealDesk(tmp_path)
        agent = desk.agent(SCRIPT)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (2500, hard))
        outcomes = []
        for _ in range(2):
            with suppress(TriagentError):
                outcomes.append(list(agent.turn("please " * 500))[-1].outcome)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert Outcome.DONE not in outcomes

    assert in_child(work) == 0
    desk = RealDesk(tmp_path)
    [name] = [p.name for p in (tmp_path / "data/sessions").iterdir() if (p / "log.jsonl").exists()]
    agent = desk.agent(["fine"], desk.store.open(name))
    assert list(agent.turn("again"))[-1].outcome is Outcome.DONE
    desk.close()


def become_nobody(folder: Path) -> None:
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def refuse(*args, **kwargs):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_workspace_that_is_read_only_is_a_sentence_for_the_model(tmp_path):
    def work():
        try:
            become_nobody(tmp_path)
        except OSError:  # a namespace without other users, where root may write anywhere
            os.rename = refuse
        desk = RealDesk(tmp_path)
        desk.work.chmod(0o500)
        agent = desk.agent([SCRIPT[0], "I could not"])
        ended = [e for e in agent.turn("write") if type(e).__name__ == "ToolEnded"]
        assert not ended[0].ok and "permission" in ended[0].text
        desk.work.chmod(0o700)

    for folder in tmp_path.parents:  # pytest's own, as many as it makes: nobody may pass
        if folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o755)
    assert in_child(work) == 0
