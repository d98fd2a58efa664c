"""Behavior inside long sessions: turn after turn through the agent, until the context is full.

Every turn is a task of the generator, laid out on the workspace as the reference left it, so one
wrong edit spoils no later turn; the conversation is the model's own. The cache is the product's:
its default budget or a smaller one, its policy, its sidecar, words recalled when a question
touches them. Turns are told apart by how long the session was when they began.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random

from bench.model_items import NOT_HERE, SEED, Item
from bench.model_run import AllowAll, NoUndo, ToldSandbox, judge
from scripts.train_demo.session import Session
from scripts.train_demo.tasks import TASKS, perform
from scripts.train_demo.values import Lexicon
from scripts.train_demo.workspace import Bench, Memory
from triagent.agent.events import Event, TurnEnded
from triagent.agent.loop import Agent
from triagent.agent.notes import Notes
from triagent.agent.ports import Machine
from triagent.config import AgentConfig, CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.engine.client import EngineModel
from triagent.session.store import Store

N_TOKENS = 16_384
ROOM = 700
"""Tokens kept free for the last turn."""
PART = 4096
EARLIER = ("ask_told", "ask_retold", "ask_sentence", "recall_seen")
"""Kinds of turn whose answer stands in the session only."""
MAX_STEPS = 8


class Story(Session):
    """A generated session, each turn to be had as an item."""

    def __init__(self, r: Random, x: Lexicon) -> None:
        self.before: dict[str, bytes] = {}
        self.words: list[str] = []
        super().__init__(r, x)

    def user(self, text: str) -> str:
        self.words.append(text)
        self.before = dict(self.bench.place.files)  # after the task's own preparations
        return super().user(text)

    def items(self) -> Iterator[Item]:
        """Turn by turn; those that take more than one message are left out."""
        names = [name for name in TASKS if name not in NOT_HERE]
        weights = [TASKS[name][0] for name in names]
        while True:
            said, name = len(self.words), self.r.choices(names, weights)[0]
            check = perform(self, name)
            if check is not None and len(self.words) == said + 1:
                yield Item(name, self.before, frozenset(self.bench.place.folders),
                           dict(self.bench.outputs), (self.words[-1],), check)  # fmt: skip


@dataclass(frozen=True)
class Long:
    """The session to run: which cache, and until when."""

    model: ModelConfig
    budget: str
    """"none" (full attention), "default", or a number of cells."""
    number: int
    deadline: float = float("inf")
    """Of `time.monotonic`: no turn begins after it."""

    @property
    def config(self) -> Config:
        cache = CacheConfig(policy="none") if self.budget == "none" else CacheConfig()
        if self.budget.isdigit():
            cache = replace(cache, budget=int(self.budget))
        return Config(
            model=self.model, cache=cache, sampling=SamplingConfig(max_tokens=1200, think_tokens=0),
            agent=AgentConfig(max_steps=MAX_STEPS, instructions=False),
        )  # fmt: skip


@dataclass
class _Desk:
    """What the turns of one session are had on."""

    agent: Agent
    bench: Bench
    rows: list[dict] = field(default_factory=list)


def run(long: Long, x: Lexicon) -> tuple[list[dict], bool]:
    """The judged turns of one session, and whether it came to its end."""
    root = Path(tempfile.mkdtemp(prefix="triagent-bench-"))
    config = long.config
    engine = EngineModel(config.model, config.cache, config.sampling)
    store = Store(root / "sessions")
    bench = Bench(place=Memory())
    machine = Machine(bench.place, ToldSandbox(bench), NoUndo(), AllowAll())
    session = store.create(root, engine.info)
    desk = _Desk(
        Agent(engine, session, machine, config, notes=Notes(root / "notes", root)), bench
    )  # fmt: skip
    try:
        is_whole = _turns(desk, long, x)
    finally:
        session.close()
        store.close()
        engine.close()
        shutil.rmtree(root)
    return desk.rows, is_whole


def _turns(desk: _Desk, long: Long, x: Lexicon) -> bool:
    n_pos = 0
    for item in Story(Random(SEED + 40_000_000 + long.number), x).items():
        if n_pos > N_TOKENS - ROOM:
            return True
        if time.monotonic() > long.deadline:
            return False
        n_pos = _turn(desk, long, item, n_pos)
    return True


def _turn(desk: _Desk, long: Long, item: Item, n_pos: int) -> int:
    """Have one turn, judge it; returns the session's length."""
    place = desk.bench.place
    place.files.clear()
    place.files.update(item.files)
    place.folders.clear()
    place.folders.update(item.folders)
    place.touch()
    desk.bench.outputs.update(item.outputs)
    events = list(desk.agent.turn(item.turns[0]))
    found = judge(item, events, item.files, place.files)
    status = _end(events).cache
    part = min(n_pos // PART, N_TOKENS // PART - 1)
    desk.rows.append(asdict(found) | {
        "label": f"{long.budget}, {part * 4}K to {part * 4 + 4}K", "budget": long.budget,
        "part": part, "is_earlier": item.kind in EARLIER, "n_pos": n_pos,
        "n_cells": status.budget if status else 0, "n_rounds": status.n_rounds if status else 0,
    })  # fmt: skip
    return status.n_pos if status else n_pos


def _end(events: list[Event]) -> TurnEnded:
    return next(event for event in events if isinstance(event, TurnEnded))
