"""The engine's process may end anywhere, in any way: the session goes on and has lost nothing.

A fault is put into the real engine on a tiny model: at a point (while it starts, in a prefill, in
a decode, around a round, in the middle of an answer, at each step of writing a snapshot, while
one is loaded), as a kill, a failed assertion, an invalid access, or as CUDA ends a process.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.agent.setup import end_of
from tests.agent.test_native_session import assert_books, ids, opened  # noqa: F401
from triagent.agent.events import Notice, Outcome, RoundDone
from triagent.errors import EngineDied

pytestmark = pytest.mark.native
WORKER = Path(__file__).with_name("failing_worker.py")
ROOT = WORKER.parents[2]
LONG = "Once upon a time there was a dog who had a big red ball and a hat. " * 8


@pytest.fixture
def fault(tmp_path, monkeypatch):
    """(point, way, nth) -> engines that start from now on have this fault, once."""
    left = tmp_path / "left"
    real = subprocess.Popen

    def put(point, way="kill", nth=1):
        left.write_text(str(nth))

        def start(command, **options):
            if command[-1] == "triagent.engine.worker":
                command = [sys.executable, str(WORKER), point, way, str(left)]
                options["env"]["PYTHONPATH"] += os.pathsep + str(ROOT)
            return real(command, **options)

        monkeypatch.setattr(subprocess, "Popen", start)

    put.left = left
    return put


def said(agent) -> list[str]:
    """What the user said, as the ledger has it."""
    names = ("turn_started", "unsent")
    return [x.data["text"] for x in agent.session.events() if x.data["name"] in names]


N_TURNS = 5
POINTS = [
    ("prefill", 1), ("prefill", 4), ("prefill", 11), ("decode", 1), ("decode", 9), ("decode", 40),
    ("round", 1), ("round", 3), ("round done", 1), ("round done", 4), ("answer", 3),
    ("answer", 30),
]  # fmt: skip
WAYS = ("kill", "assert", "cuda", "fault")
SLOW = pytest.mark.slow
FALLS = [
    ("prefill", 6, "cuda"), ("decode", 9, "assert"), ("round", 2, "cuda"), ("answer", 30, "fault"),
    # All points by "kill", which asks for nothing; each other way at a third of them.
    *(pytest.param(point, nth, way, marks=SLOW)
      for i, (point, nth) in enumerate(POINTS) for way in ("kill", WAYS[1 + i % 3])),
]  # fmt: skip


def check(make, fault, point, way, nth) -> None:
    """Talk, let it fall, go on: every word is there, and the tokens of before stay as they were."""
    fault(point, way, nth)
    agent, before, outcomes = make(), [], []
    for n in range(N_TURNS):
        events = list(agent.turn(f"{n} {LONG}"))
        outcomes.append(end_of(events).outcome)
        if outcomes[-1] is Outcome.FAILED:
            assert outcomes.count(Outcome.FAILED) == 1
            words = {"assert": "GGML_ASSERT", "cuda": "CUDA error", "fault": "SIGSEGV"}
            why = end_of(events).why
            assert words.get(way, "SIGKILL") in why and "session is safe" in why, why
        else:
            assert_books(agent)
        assert ids(agent)[: len(before)] == before
        before = ids(agent)
    assert outcomes.count(Outcome.FAILED) == 1 and not fault.left.exists()
    assert said(agent) == [f"{n} {LONG}" for n in range(N_TURNS)]
    agent.session.ledger.verify()


@pytest.mark.parametrize(("point", "nth", "way"), FALLS)
def test_an_engine_that_falls_in_a_turn_costs_that_turn_only(
    opened,  # noqa: F811
    fault,
    point,
    nth,
    way,
    record_property,
):
    record_property(f"killed: the engine, by {way}", 1)
    check(opened, fault, point, way, nth)


def test_a_library_that_reports_a_failure_is_started_anew(opened, fault):  # noqa: F811
    fault("refused", "status", 6)
    agent = opened()
    outcomes = [end_of(list(agent.turn(f"{n} {LONG}"))).outcome for n in range(4)]
    assert outcomes.count(Outcome.FAILED) == 1 and outcomes[-1] is not Outcome.FAILED
    assert_books(agent)


@pytest.mark.parametrize("way", ("kill", "cuda"))
def test_an_engine_that_falls_while_it_starts_is_one_error(opened, fault, way):  # noqa: F811
    fault("start", way)
    with pytest.raises(EngineDied, match="ended"):
        opened()
    assert end_of(list(opened().turn("Hello."))).outcome is not Outcome.FAILED


SNAPSHOT_POINTS = [
    ("snapshot write", 2), ("snapshot sync", 1), ("snapshot rename", 1),
    *(pytest.param("snapshot write", n, marks=SLOW) for n in (1, 3, 4, 5, 6, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("point", "nth"), SNAPSHOT_POINTS)
def test_killed_while_a_snapshot_is_written_the_session_is_read_again(
    opened,  # noqa: F811
    fault,
    point,
    nth,
    record_property,
):
    record_property("killed: the engine, while it wrote a snapshot", 1)
    whole = opened(budget=3000)
    fault(point, "kill", nth)
    first = opened(budget=3000)
    for agent in (whole, first):
        list(agent.turn(LONG))
    first.close()
    assert not fault.left.exists() and not list(first.session.folder.glob("kv/*"))
    second = opened(first.session_id, budget=3000)
    assert ids(second) == ids(whole)
    for agent in (whole, second):
        assert end_of(list(agent.turn("And then?"))).outcome is not Outcome.FAILED
    assert ids(second) == ids(whole)
    assert_books(second)


def test_a_snapshot_that_ends_the_engine_is_tried_once(opened, fault):  # noqa: F811
    first = opened()
    list(first.turn(LONG))
    first.close()
    (snapshot,) = first.session.folder.glob("kv/*.state")
    fault("snapshot load", "assert")
    second = opened(first.session_id)
    assert end_of(list(second.turn("And then?"))).outcome is Outcome.FAILED
    assert not snapshot.exists()
    assert end_of(list(second.turn("And then?"))).outcome is not Outcome.FAILED
    assert_books(second)


# ---- the program itself, with an engine behind it


PLAY = """
import sys
sys.path[:0] = [{root!r}]
from pathlib import Path
from tests.agent.test_native_session import STORIES
from tests.fakes import FolderWorkspace, KeptUndo, PlainSandbox, RuleGate
from triagent.agent.loop import Agent
from triagent.agent.ports import Machine
from triagent.config import AgentConfig, CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.engine.client import open_model
from triagent.session.store import Store

root = Path({folder!r})
config = Config(
    model=ModelConfig(path=STORIES, gpu_layers=0, threads=1, n_ctx=100_000),
    cache=CacheConfig(budget=640, interval=32, chunk=64, n_window=64, policy="knorm"),
    sampling=SamplingConfig(max_tokens=24, think_tokens=0),
    agent=AgentConfig(instructions=False),
)
model = open_model(config)
session = Store(root / "sessions").create(root / "work", model.info)
place = FolderWorkspace(root / "work")
machine = Machine(place, PlainSandbox(place.root), KeptUndo(place), RuleGate())
agent = Agent(model, session, machine, config, tools=())
print(session.id, model.pid, flush=True)
for n in range(8):
    for event in agent.turn(f"{{n}} " + {long!r}):
        print(agent.session.n_pos, type(event).__name__, flush=True)
"""


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=SLOW) for n in range(1, 8))])
def test_the_program_killed_at_random_leaves_no_engine_and_every_word(
    tmp_path,
    opened,  # noqa: F811
    seed,
    record_property,
):
    record_property("killed: the program at random, its engine behind it", 1)
    code = PLAY.format(root=str(ROOT), folder=str(tmp_path), long=LONG)
    player = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    session, pid = player.stdout.readline().split()
    n_lines, reported = random.Random(seed).randrange(2, 160), 0
    for _ in range(n_lines):
        reported = int(player.stdout.readline().split()[0])
    os.kill(player.pid, signal.SIGKILL)
    player.wait()
    for line in player.stdout:  # what it had still written
        with suppress(ValueError, IndexError):
            reported = max(reported, int(line.split()[0]))
    deadline = time.monotonic() + 5
    while psutil.pid_exists(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(int(pid)), "the engine outlived the program"
    agent = opened(session)
    assert agent.session.n_pos >= reported
    events = list(agent.turn("Where is the hat?"))
    assert end_of(events).outcome is not Outcome.FAILED
    assert not any(isinstance(x, Notice) and x.level == "error" for x in events)
    assert any(isinstance(x, RoundDone) for x in agent.past()) or reported < 2000
    assert_books(agent)
