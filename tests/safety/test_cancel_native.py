"""Cancelled at random instants of every state, on the real engine: cache = ledger minus evicted.

Reading and answering on a tiny model that babbles; calls, running tools and questions on the
bundled model, with its tools and the real machine. One session takes all cancels of a state, with
rounds between them, is closed, and is opened again.
"""

from __future__ import annotations

import math
import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.setup import end_of
from triagent.agent.events import (
    AnswerText,
    ApprovalAsked,
    CallText,
    Decision,
    Outcome,
    Prefilling,
    StepDone,
    StepStarted,
    ToolEnded,
    ToolOutput,
    ToolProposed,
    ToolStarted,
    TurnEnded,
)
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.config import AgentConfig, CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.session.store import Store

pytestmark = pytest.mark.native
STORIES = Path(__file__).parents[1] / "data/models/stories260K-f32.gguf"
ASK = "Run the command: sleep 3"
# state -> (model, mode, what is said, what begins it, what ends it, seconds it takes at most)
STATES = {
    "prefill": ("tiny", "full", "The cat sat on a mat and slept. " * 70, Prefilling, StepStarted,
                0.2),
    "decode": ("tiny", "full", "Once upon a time", AnswerText, StepDone, 0.5),
    "call": ("bundled", "auto", ASK, CallText, StepDone, 0.8),
    "tool": ("bundled", "auto", ASK, ToolStarted, ToolEnded, 0.5),
    "approval": ("bundled", "ask", ASK, ApprovalAsked, ToolStarted, 0.2),
}  # fmt: skip
PROGRESS = (StepDone, StepStarted, AnswerText, CallText, ToolProposed, ToolStarted, ToolOutput,
            ToolEnded, ApprovalAsked, TurnEnded)  # fmt: skip


class Session:
    """One session, opened as often as need be."""

    def __init__(self, root: Path, which: str, mode: str) -> None:
        from triagent.models import shelf

        self.root, self.work, self.mode = root, root / "work", mode
        self.work.mkdir()
        is_tiny = which == "tiny"
        path = STORIES if is_tiny else shelf.bundled()
        assert path is not None, "the bundled model is not installed"
        bounds = {"budget": 640, "interval": 32, "chunk": 64, "n_window": 64, "policy": "knorm"}
        self.config = Config(
            model=ModelConfig(path=path, gpu_layers=0, threads=1, n_ctx=900_000 if is_tiny else 0),
            cache=CacheConfig(**bounds) if is_tiny else CacheConfig(1280, policy="streaming"),
            sampling=SamplingConfig(max_tokens=64 if is_tiny else 48, think_tokens=0),
            agent=replace(AgentConfig(), mode=mode, instructions=False, auto_recall=False),
            workspace=self.work,
        )
        self.options = {"tools": ()} if is_tiny else {}
        self.store = Store(root / "sessions")
        self.id: str | None = None

    def open(self) -> Agent:
        from triagent.engine.client import open_model

        model = open_model(self.config)
        session = self.store.open(self.id) if self.id else self.store.create(self.work, model.info)
        self.id = session.id
        places = Places(*(self.root / name for name in ("config", "data", "cache")))
        machine = open_machine(self.work, places, self.mode, session.blobs)
        return Agent(model, session, machine, self.config, **self.options)


def check_books(agent: Agent) -> None:
    """The cache holds what the ledger has, but for what the ledger says was evicted."""
    status, share = agent.status(), list(agent.holding().share)
    n_ids = sum(len(span.ids) for span in agent.spans())
    assert status.n_pos == agent.session.n_pos == n_ids == len(share)
    assert status.n_used == status.n_pos - status.n_evicted
    assert math.fsum(share) == pytest.approx(status.n_used, abs=0.01)
    lost = {pos for item in agent.session.ledger.records() if item.type == "evict"
            for start, stop in item.data["lost"] for pos in range(start, stop)}  # fmt: skip
    assert {pos for pos, held in enumerate(share) if held == 0} == lost


def cancel_once(agent: Agent, state: str, chosen: random.Random) -> bool:
    """Cancel at a random instant after the state began; whether that was still in it."""
    _, _, text, begins, ends, most_s = STATES[state]
    at, was_in = chosen.random() * most_s, []
    progress: list[type] = []

    def cancel() -> None:
        was_in.append(bool(progress) and not issubclass(progress[-1], (ends, TurnEnded)))
        agent.cancel()

    timer, events = threading.Timer(at, cancel), []
    for event in agent.turn(text):
        events.append(event)
        if isinstance(event, begins) and not progress:
            timer.start()
        if progress or isinstance(event, begins):
            progress += [type(event)] if isinstance(event, (begins, *PROGRESS)) else []
        if isinstance(event, ApprovalAsked) and state != "approval":
            agent.answer(event.id, Decision.ONCE)
    timer.cancel()
    timer.join(5)
    check_books(agent)
    if not (was_in and was_in[0]):
        return False
    # The engine may have sampled its last token while those before were still on their way.
    end = end_of(events)
    is_late = end.outcome is Outcome.STOPPED and "was cut at" in end.why
    assert is_late or end.outcome is Outcome.CANCELLED, (state, end)
    return not is_late


def cancel_often(root: Path, state: str, n_wanted: int) -> int:
    """Cancel until so many instants lay in the state; then close, open again, go on."""
    chosen = random.Random(state)
    session = Session(root, *STATES[state][:2])
    agent = session.open()
    n_in, n_tried = 0, 0
    try:
        while n_in < n_wanted:
            n_in += cancel_once(agent, state, chosen)
            n_tried += 1
            assert n_tried < 4 * n_wanted + 8, "the state is hardly ever met"
    finally:
        agent.close()
    agent = session.open()
    try:
        began = time.monotonic()
        for event in agent.turn("Hello."):
            if isinstance(event, ApprovalAsked):
                agent.answer(event.id, Decision.DENY)
        assert event.outcome is not Outcome.FAILED and time.monotonic() - began < 120
        check_books(agent)
        n_rounds = agent.status().n_rounds
    finally:
        agent.close()
        session.store.close()
    return n_rounds


@pytest.mark.timeout(900)
@pytest.mark.parametrize("state", STATES)
def test_cancelled_in_each_state_cache_is_ledger_minus_evicted(
    tmp_path, state, slow_too, record_property
):
    n_instants = 50 if slow_too else 2 if STATES[state][0] == "bundled" else 4
    n_rounds = cancel_often(tmp_path, state, n_instants)
    assert n_rounds > 0 or not slow_too  # rounds came between
    record_property(f"cancelled: in state {state}, real engine", n_instants)
