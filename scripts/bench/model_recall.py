"""Facts told in long sessions, asked for under full attention; and the time to a first answer.

A session is the generator's, so that facts stand between the reading, searching and editing that
fill real ones. It is fed as tokens; each question is asked from the same saved state, so no
answer helps another.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from bench.model_items import SEED
from scripts.train_demo.session import Session
from scripts.train_demo.tasks import memory, step
from scripts.train_demo.tokens import encode, tokenizer_of_gguf
from scripts.train_demo.values import Lexicon
from scripts.train_demo.wording import request
from triagent.agent.context import system_prompt
from triagent.agent.tools import TOOLS
from triagent.chat import CallText, Limits, Message, Origin, Role, Span, Text
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.client import EngineModel

LENGTHS = {"1K": 1024, "4K": 4096, "8K": 8192, "16K": 16_200}
"""Tokens of a session when it is asked; the last leaves room for question and answer."""
N_FACTS = {"1K": 5, "4K": 20, "8K": 34, "16K": 50}
LIMITS = Limits(max_tokens=96, think_tokens=0)


@dataclass(frozen=True)
class Told:
    """One question about a session."""

    session: str
    thing: str
    value: str
    distance: int
    """Tokens between the fact and the question."""
    is_right: bool
    answer: str
    label: str
    """The session's length; apart from it what was told before with another value."""


class Full:
    """An engine with full attention, as a context manager."""

    def __init__(self, model: Path, threads: int, gpu_layers: int) -> None:
        self._settings = ModelConfig(path=model, threads=threads, gpu_layers=gpu_layers)

    def __enter__(self) -> EngineModel:
        self._model = EngineModel(self._settings, CacheConfig(policy="none"))
        return self._model

    def __exit__(self, *_: object) -> None:
        self._model.close()


def recall(model: EngineModel, path: Path, label: str, number: int, x: Lexicon) -> list[Told]:
    """Feed one session and ask for each fact in it."""
    tokenizer = tokenizer_of_gguf(path)
    r = Random(SEED + 30_000_000 + 1000 * LENGTHS[label] + number)
    s, ids, marks = _session(r, x, tokenizer, LENGTHS[label], N_FACTS[label])
    model.bind_tools([] if label == "1K" else [tool.schema for tool in TOOLS])
    for _ in model.replay([Span(Origin.USER, 0, tuple(ids), "")]):
        pass
    found = []
    with tempfile.TemporaryDirectory(prefix="triagent-bench-") as folder:
        state = Path(folder) / "session.state"
        model.save(state, "session")
        for fact in (fact for fact in s.seen if not fact.path):
            model.load(state, "session")
            thing = fact.names[0]
            answer = _answer(model, request(r, x, "ask", thing=thing))
            distance = len(ids) - marks[fact.turn]
            kind = f"{label}, told anew" if is_retold(s, thing, marks) else label
            is_right = fact.value in answer
            found.append(Told(label, thing, fact.value, distance, is_right, answer, kind))
    return found


def is_retold(s: Session, thing: str, marks: dict[int, int]) -> bool:
    """Whether a thing was told more than once, so that an older value stands before the new."""
    turns = (turn for turn in s.turns if turn.number in marks)
    texts = (text for turn in turns for text, _ in turn.pieces)
    return sum(text.startswith(f"Noted: your {thing} is `") for text in texts) > 1


def _session(r: Random, x: Lexicon, tokenizer, n_tokens: int, n_facts: int):
    """A session of at most `n_tokens` with facts all over; its ids, and where turns end."""
    s = Session(r, x, short_prompt=n_tokens < 2000)
    ids = list(encode(tokenizer, s.head)[0])
    marks: dict[int, int] = {}
    n_told, first = 0, len(ids)
    while True:
        is_due = n_told * (n_tokens - first) < n_facts * (len(ids) - first + 1)
        n_turns = len(s.turns)
        done = memory.tell(s) if is_due else step(s, r)
        n_told += bool(is_due and done)
        fresh = [piece for turn in s.turns[n_turns:] for piece in turn.pieces]
        more = list(encode(tokenizer, fresh)[0]) if fresh else []
        if len(ids) + len(more) > n_tokens:
            s.seen = [fact for fact in s.seen if fact.turn in marks]
            return s, [int(i) for i in ids], marks
        ids += more
        marks |= {turn.number: len(ids) for turn in s.turns[n_turns:]}


def _answer(model: EngineModel, question: str) -> str:
    for _ in model.append([Message(Role.USER, question)]):
        pass
    return "".join(x.text for x in model.generate(LIMITS) if isinstance(x, Text))


def first_answer(path: Path, threads: int, gpu_layers: int, n: int = 3) -> dict[str, float]:
    """Seconds from nothing to the first word of an answer, and its parts; the median of `n`."""
    rows = []
    for _ in range(n + 1):  # the first brings the file into memory
        began = time.perf_counter()
        with Full(path, threads, gpu_layers) as model:
            loaded = time.perf_counter()
            for _ in model.open(system_prompt("project", "Linux"), [t.schema for t in TOOLS]):
                pass
            opened = time.perf_counter()
            for _ in model.append([Message(Role.USER, "what files are here?")]):
                pass
            first = 0.0
            for delta in model.generate(LIMITS):
                if not first and isinstance(delta, Text | CallText):
                    first = time.perf_counter()
        rows.append((loaded - began, opened - loaded, first - opened, first - began))
    names = ("load_s", "opening_s", "to_first_word_s", "total_s")
    return dict(zip(names, np.median(np.array(rows[1:]), axis=0).round(3).tolist(), strict=True))
