"""Facts told in long sessions, asked for under full attention; and the time to a first answer.

A session is the generator's, so that facts stand between the reading, searching and editing that
fill real ones; some facts are told again with another value. It is fed once, as tokens. After
each question the engine goes back to the session's end, so no answer helps another.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from tokenizers import Tokenizer

from bench.model_items import SEED
from scripts.train_demo.session import Seen, Session
from scripts.train_demo.tasks import memory, step
from scripts.train_demo.tokens import Piece, encode, tokenizer_of_gguf
from scripts.train_demo.values import Lexicon
from scripts.train_demo.wording import request
from triagent.agent.context import system_prompt
from triagent.agent.tools import TOOLS
from triagent.chat import CallText, Limits, Message, Origin, Role, Span, Text
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.client import EngineModel

LENGTHS = {"1K": 1024, "4K": 4096, "8K": 8192, "16K": 16_200}
"""Tokens of a session when it is asked; the last leaves room for question and answer."""
N_TOLD = {"1K": 7, "4K": 32, "8K": 52, "16K": 84}
"""Turns of a session that tell a fact."""
N_AGAIN = {"1K": 1, "4K": 4, "8K": 3, "16K": 2}
"""How many of them tell an earlier thing anew on purpose; others do by chance."""
N_ONCE = {"1K": 4.1, "4K": 18.0, "8K": 30.0, "16K": 40.0}
"""Facts told once that a session holds then, on the average."""
ROOM = 150
"""A session that lacks no more than this is full; longer turns are passed over until then."""
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


def n_sessions(label: str, n: int) -> int:
    """Sessions of a length that hold about `n` facts told once."""
    return math.ceil(n / N_ONCE[label])


@dataclass
class _Draft:
    """A session while it is made."""

    session: Session
    ids: list[int]
    ends: dict[int, int] = field(default_factory=dict)
    """Turn -> position of its end; turns that did not fit have none."""
    told: list[Seen] = field(default_factory=list)
    """What was told, in order."""

    @property
    def again(self) -> set[str]:
        """Things told more than once."""
        names = Counter(fact.names[0] for fact in self.told)
        return {name for name, n in names.items() if n > 1}

    def last_of(self) -> list[Seen]:
        """Each thing as it was told last."""
        return list({fact.names[0]: fact for fact in self.told}.values())


def recall(
    model: EngineModel, path: Path, label: str, number: int, x: Lexicon,
    deadline: float = float("inf"),
) -> tuple[list[Told], bool]:  # fmt: skip
    """Feed one session and ask for each fact in it; whether all were asked for in time."""
    r = Random(SEED + 30_000_000 + 1000 * LENGTHS[label] + number)
    draft = make_session(r, x, tokenizer_of_gguf(path), label)
    n_tokens = len(draft.ids)
    model.bind_tools([] if label == "1K" else [tool.schema for tool in TOOLS])
    for _ in model.replay([Span(Origin.USER, 0, tuple(draft.ids), "")]):
        pass
    found = []
    for fact in draft.last_of():
        if time.monotonic() > deadline:
            return found, False
        thing = fact.names[0]
        answer = _answer(model, request(r, x, "ask", thing=thing))
        if not model.rollback(n_tokens):
            raise RuntimeError(f"the engine cannot go back to position {n_tokens}")
        kind = f"{label}, told anew" if thing in draft.again else label
        distance = n_tokens - draft.ends[fact.turn]
        found.append(Told(label, thing, fact.value, distance, fact.value in answer, answer, kind))
    return found, True


def make_session(r: Random, x: Lexicon, tokenizer: Tokenizer, label: str) -> _Draft:
    """A session of about a length, with facts all over."""
    n_tokens, n_told = LENGTHS[label], N_TOLD[label]
    s = Session(r, x, short_prompt=n_tokens < 2000)
    draft = _Draft(s, _ids(tokenizer, s.head))
    first, every = len(draft.ids), n_told // N_AGAIN[label]
    while True:
        n_turns, n = len(s.turns), len(draft.told)
        is_due = n * (n_tokens - first) < n_told * (len(draft.ids) - first + 1)
        if is_due:
            (memory.retell if n % every == every // 2 else memory.tell)(s)
        else:
            step(s, r)
        more = _ids(tokenizer, [piece for turn in s.turns[n_turns:] for piece in turn.pieces])
        if len(draft.ids) + len(more) > n_tokens:
            if n_tokens - len(draft.ids) <= ROOM:
                return draft
            continue
        draft.ids += more
        draft.ends |= {turn.number: len(draft.ids) for turn in s.turns[n_turns:]}
        fresh = {turn.number for turn in s.turns[n_turns:]}
        draft.told += [fact for fact in s.seen if not fact.path and fact.turn in fresh]


def _ids(tokenizer: Tokenizer, pieces: list[Piece]) -> list[int]:
    return [int(i) for i in encode(tokenizer, pieces)[0]] if pieces else []


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
