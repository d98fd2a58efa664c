"""Facts asked for after eviction: once or while reading, by distance, mode, cache, interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from triagent.calibrate import rankings
from triagent.calibrate.attention import AttentionPass
from triagent.calibrate.text import Session
from triagent.config import CacheConfig
from triagent.engine.trial import Ranking, Trial
from triagent.kv.score import Mode

if TYPE_CHECKING:
    from bench.fidelity import Fidelity, Question

FULL = "full"
N_PINNED = 2
"""Told facts of a session whose turns are pinned."""
REACHES = (512, 1024, 2048, 4096, 8192, 16384)
"""Upper ends of the classes of distance."""
CHOSEN = ("fitted", "triattention", "knorm")
"""What modes are compared for: a fit, the published score, and what needs no calibration."""


def recall(bench: Fidelity, table: dict) -> None:
    """Compressed once, before any question is known."""
    names = bench.names()
    for length in bench.lengths:
        with bench.trial(length) as trial:
            for session in bench.sessions(length):
                questions, pinned = bench.questions(session, N_PINNED)
                text = trial.read(session.ids, session.n_prompt, pinned)
                score = _Tables(bench, table, f"{length}")
                trial.compress(text, None, 0)
                score.ask(trial, questions, FULL, "1")
                ranks = {name: bench.rank(name, trial) for name in names}
                for name, rank in (ranks | _attention_ranks(bench, session)).items():
                    for label, keep in bench.budgets(session):
                        trial.compress(text, rank, keep)
                        score.ask(trial, questions, name, label)


def stream(bench: Fidelity, table: dict) -> None:
    """Evicting while reading, every 128 tokens."""
    for length in bench.lengths:
        with bench.trial(length) as trial:
            for session in bench.sessions(length):
                questions, _ = bench.questions(session)
                for name in bench.names(but=rankings.ABLATIONS):
                    rank = bench.rank(name, trial)
                    for label, keep in bench.budgets(session):
                        trial.stream(session.ids, session.n_prompt, rank, keep)
                        _count(table, f"{length}", name, label, trial, questions)


def modes(bench: Fidelity, table: dict) -> None:
    """Which rows share a set."""
    length = bench.lengths[0]
    names = [name for name in bench.names() if name in CHOSEN]
    with bench.trial(length) as trial:
        for session in bench.sessions(length):
            questions, _ = bench.questions(session)
            text = trial.read(session.ids, session.n_prompt)
            for name in names:
                rank = bench.rank(name, trial)
                for mode in Mode:
                    for label, keep in bench.budgets(session):
                        trial.compress(text, rank, keep, mode.value)
                        _count(table, mode.value, name, label, trial, questions)


def types(bench: Fidelity, table: dict) -> None:
    """Quantised caches."""
    length = bench.lengths[0]
    names = [name for name in bench.names() if name in CHOSEN]
    for kind in ("f16", "q8_0", "q4_0"):
        with bench.trial(length, kind=kind) as trial:
            for session in bench.sessions(length):
                questions, _ = bench.questions(session)
                text = trial.read(session.ids, session.n_prompt)
                trial.compress(text, None, 0)
                _count(table, kind, FULL, "1", trial, questions)
                for name in names:
                    rank = bench.rank(name, trial)
                    for label, keep in bench.budgets(session):
                        trial.compress(text, rank, keep)
                        _count(table, kind, name, label, trial, questions)


def interval(bench: Fidelity, table: dict) -> None:
    """Tokens between rounds, evicting while reading."""
    length = bench.lengths[0]
    name = next(name for name in ("fitted", "knorm") if name in bench.names())
    for n in (32, 64, 128, 256, 512):
        with bench.trial(length, CacheConfig(interval=n)) as trial:
            for session in bench.sessions(length):
                questions, _ = bench.questions(session)
                rank = bench.rank(name, trial)
                for label, keep in bench.budgets(session):
                    trial.stream(session.ids, session.n_prompt, rank, keep)
                    _count(table, f"{n}", name, label, trial, questions)


def _attention_ranks(bench: Fidelity, session: Session) -> dict[str, Ranking]:
    if bench.options.no_attention:
        return {}
    with AttentionPass(bench.config, len(session.ids)) as attention:
        paid = attention.run(session.ids)
    return {"snapkv": rankings.snapkv(paid.last), "h2o": rankings.h2o(paid.whole)}


class _Tables:
    """Counts every answer of a session where it belongs."""

    def __init__(self, bench: Fidelity, table: dict, group: str) -> None:
        self._table, self._group = table, group
        self._distances: dict = bench.results.setdefault("distance", {})
        self._pinned: dict = bench.results.setdefault("pinned", {})

    def ask(self, trial: Trial, questions: Iterable[Question], name: str, label: str) -> None:
        for question in questions:
            is_right = trial.ask(question.ids, question.answer)
            kind = "told by the user" if question.is_told else "in a file"
            if question.is_pinned:
                _add(self._pinned, "told by the user, pinned", name, label, is_right)
                continue
            reach = next(n for n in REACHES if question.distance <= n)
            _add(self._pinned, kind, name, label, is_right)
            _add(self._distances, f"up to {reach}", name, label, is_right)
            _add(self._table, self._group, name, label, is_right)


def _count(
    table: dict, group: str, name: str, label: str, trial: Trial, questions: Iterable[Question]
) -> None:
    for question in questions:
        _add(table, group, name, label, trial.ask(question.ids, question.answer))


def _add(table: dict, group: str, name: str, label: str, is_right: bool) -> None:
    cell = table.setdefault(group, {}).setdefault(name, {}).setdefault(label, {"right": 0, "n": 0})
    cell["right"] += is_right
    cell["n"] += 1
