"""Rows that are read up to a cut and asked about behind it, to train and to test forgetting.

Every row knows where its old keys are judged (the cut) and how many first positions are never
given up. Behind the cut of most rows stand questions about what was said before it, each about
another fact, all facts equally likely; the others go on as they began.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from random import Random

import numpy as np

from triagent.calibrate.facts import Fact, FactSource

from . import tokens
from .planted import reading, turn
from .session import Session, opening, schemas, system_prompt
from .stream import Packer
from .tasks import perform, step
from .tasks.common import is_clean

N_SINK = 4
KINDS = {"session": 0.4, "planted": 0.25, "plain": 0.2, "prose": 0.15}
"""Shares of the rows that are trained on."""


@dataclass(frozen=True)
class Rows:
    """Rows of one length."""

    ids: np.ndarray
    """(B, T) uint16."""
    asked: np.ndarray
    """(B, T) bool: tokens of values that were asked for."""
    cut: np.ndarray
    """(B,) int32: keys before it are judged, queries from it on see what is left."""
    n_pinned: np.ndarray
    """(B,) int32: first positions that stay, the system prompt or the sinks."""

    def __len__(self) -> int:
        return len(self.ids)


def joined(rows: list[Rows]) -> Rows:
    """All rows, one after the other."""
    parts = zip(*((r.ids, r.asked, r.cut, r.n_pinned) for r in rows), strict=True)
    return Rows(*(np.concatenate(part) for part in parts))


class ExamPacker(Packer):
    """Makes `Rows`; takes the place of `Packer` in a stream."""

    def block(self, n_rows: int, length: int) -> Rows:
        """Rows of all kinds."""
        kinds = self.rng.choices(list(KINDS), list(KINDS.values()), k=n_rows)
        return joined([self._sure_row(kind, length) for kind in kinds])

    def _sure_row(self, kind: str, length: int) -> Rows:
        while True:
            try:
                return self.row(kind, length, self.rng.uniform(0.45, 0.85))
            except Exception:  # one odd draw in a million must not end a run; the log shows it
                traceback.print_exc()

    def row(self, kind: str, length: int, share: float) -> Rows:
        """One row of this kind, cut at about this share of it."""
        made = _Row(self, length, int(length * share))
        getattr(self, "_" + kind)(made)
        return made.rows()

    def _session(self, made: _Row) -> None:
        session = self._conversation(made, made.cut)
        made.ask(_questions(session, self.rng))

    def _plain(self, made: _Row) -> None:
        self._conversation(made, made.length)

    def _conversation(self, made: _Row, n_tokens: int) -> Session:
        session, n = Session(self.rng, self.maker.x), 0
        made.begin(session.head)
        telling = self.rng.choice([0.04, 0.04, 0.2])
        while made.n < n_tokens:
            if self.rng.random() < telling:
                perform(session, "tell")
            else:
                step(session, self.rng)
            made.add([piece for said in session.turns[n:] for piece in said.pieces])
            n = len(session.turns)
        return session

    def _planted(self, made: _Row) -> None:
        r, x = self.rng, self.maker.x
        made.begin(opening(system_prompt("project", "Linux", []), schemas()))
        words = [x.sentence(r)[:60] for _ in range(r.choice([0, 60, 60]))]
        source, facts = FactSource(r.randrange(10**6, 10**12), words), []
        while made.n < made.cut:
            if r.random() < 0.25:
                facts.append(fact := source.told())
                made.add(turn(f"My {fact.key} is {fact.value}.", _noted(fact)))
            else:
                file = source.file(r.choice([3, 3, 3, 5, 7]))
                facts += file.facts
                made.add(reading(file, r.choice(file.facts)))
        r.shuffle(facts)
        made.ask((fact.question, fact.lead, fact.value) for fact in facts)

    def _prose(self, made: _Row) -> None:
        while made.n < made.length:
            made.add(self.maker.prose(self.rng, made.length * 5))


def _noted(fact: Fact) -> str:
    return f"Noted: your {fact.key} is `{fact.value}`."


def _questions(session: Session, r: Random):
    """Question, beginning of the answer and value of facts that have one value only."""
    from .wording import request

    facts = [f for f in session.seen if is_clean(f.value) and not f.path.startswith("(")]
    r.shuffle(facts)
    told = [f for f in facts if not f.path]
    files = [f for f in facts if f.path]
    used = set()
    while told or files:
        fact = told.pop() if told and (not files or r.random() < 0.3) else files.pop()
        name = fact.names[0]
        values = {f.value for f in session.seen if f.path == fact.path and name in f.names}
        retold = not fact.path and name in session.retold
        if len(values) > 1 or (fact.path, name) in used or retold:
            continue
        used.add((fact.path, name))
        if fact.path:
            question = request(r, session.x, "recall", key=name, path=fact.path)
            yield question, f"From earlier: `{name}` in `{fact.path}` is `", fact.value
        else:
            yield request(r, session.x, "ask", thing=name), f"Your {name} is `", fact.value


class _Row:
    """A row that grows."""

    def __init__(self, packer: Packer, length: int, cut: int) -> None:
        self.tokenizer, self.length, self.cut = packer.tokenizer, length, cut
        self.ids: list[np.ndarray] = []
        self.asked: list[np.ndarray] = []
        self.n, self.n_pinned = 0, N_SINK

    def begin(self, head: list[tokens.Piece]) -> None:
        self.add(head)
        self.n_pinned = self.n

    def add(self, pieces: list[tokens.Piece]) -> None:
        if pieces:
            self._put(tokens.encode(self.tokenizer, pieces)[0])

    def _put(self, ids: np.ndarray, asked: np.ndarray | None = None) -> None:
        self.ids.append(ids)
        self.asked.append(np.zeros(len(ids), bool) if asked is None else asked)
        self.n += len(ids)

    def ask(self, questions) -> None:
        """Questions and their answers to the row's end; the cut moves to where they begin."""
        self.cut = self.n
        for question, lead, value in questions:
            if self.n >= self.length:
                return
            pieces = turn(question, f"{lead}{value}`.")
            self.add(pieces[:-2])
            answer = self._encoded(f"{lead}{value}`.<|im_end|>")
            first, stop = _same(answer, self._encoded(lead)), len(self._encoded(lead + value))
            asked = np.zeros(len(answer), bool)
            asked[first : max(stop, first + 1)] = True
            self._put(answer, asked)
            self.add(pieces[-1:])

    def _encoded(self, text: str) -> np.ndarray:
        return tokens.encode(self.tokenizer, [(text, 0)])[0]

    def rows(self) -> Rows:
        """The row, cut to its length, or filled with what it began with."""
        ids, asked = np.concatenate(self.ids), np.concatenate(self.asked)
        if len(ids) < self.length:  # nothing is left to ask
            asked = np.append(asked, np.zeros(self.length - len(ids), bool))
            ids = np.resize(ids, self.length)  # repeats
        numbers = (np.array([x], np.int32) for x in (min(self.cut, self.length - 2), self.n_pinned))
        return Rows(ids[None, : self.length], asked[None, : self.length], *numbers)


def _same(a: np.ndarray, b: np.ndarray) -> int:
    n = min(len(a), len(b))
    differs = np.flatnonzero(a[:n] != b[:n])
    return int(differs[0]) if len(differs) else n
