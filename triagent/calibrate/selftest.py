"""Does forgetting hurt this model? Facts are planted, evicted past, and asked for.

For each score and budget: the share of planted facts answered rightly after one compression,
the question unknown; and the nats a token of prose costs while streaming under that budget.
From the table comes what the engine follows: the score, and the smallest safe budget.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from triagent.calibrate.text import Session, Writer
from triagent.config import ModelConfig
from triagent.engine.trial import Ranking, Trial, ranking
from triagent.kv.policy import CAREFUL
from triagent.kv.sidecar import SelfTest, Stats

SHARES = (1 / 2, 1 / 4, 1 / 8, 1 / 16)
SAFE_RECALL = 0.95
"""Of full attention's recall: what a safe budget must keep."""
FULL = "full"


@dataclass(frozen=True)
class Plan:
    """How much is tested."""

    n_tokens: int = 4096
    n_sessions: int = 4
    n_questions: int = 8
    """Of one session."""
    n_prose: int = 1024
    """Tokens of prose scored under each budget; 0: no fluency measured."""
    seed: int = 20_000
    """Sessions use seeds from here; calibration must not."""


@dataclass(frozen=True)
class Verdict:
    """The self-test's table and what follows from it."""

    tests: tuple[SelfTest, ...]
    full_recall: float
    full_nll: float | None
    score: str
    budget: int
    """Smallest safe budget, cells of a session of `Plan.n_tokens`; 0: none was safe."""
    note: str


def run(
    config: ModelConfig,
    stats: Stats,
    writer: Writer,
    prose: Sequence[int],
    plan: Plan | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Verdict:
    """Measure every score that this model can have at every budget.

    Args:
        prose: token ids of text that calibration did not use.
    """
    plan = plan or Plan()
    scores = candidates(stats)
    sessions = [writer.whole_session(plan.seed + i, plan.n_tokens) for i in range(plan.n_sessions)]
    with Trial(config, stats, plan.n_tokens) as trial:
        exam = _Exam(trial, writer, plan, progress, (len(scores) * len(SHARES) + 1))
        right = exam.recall(sessions, scores)
        nll = exam.fluency(prose, scores) if plan.n_prose else {}
    n = plan.n_sessions * plan.n_questions
    longest = max(len(session.ids) for session in sessions)
    tests = tuple(
        SelfTest(name, int(longest * share), right[name, share] / n, nll.get((name, share)))
        for name in scores
        for share in SHARES
    )
    verdict = choose(tests, right[FULL, 1.0] / n, longest)
    return replace(verdict, full_nll=nll.get((FULL, 1.0)))


def candidates(stats: Stats) -> list[str]:
    """Scores to compare: what the sidecar holds, and what needs none."""
    calibrated = ["fitted"] * bool(stats.fits) + ["triattention"] * bool(stats.layers)
    return [*calibrated, "knorm", "keydiff", "streaming", "random"]


def choose(tests: Sequence[SelfTest], full_recall: float, n_tokens: int) -> Verdict:
    """The smallest budget at which some score is safe, and the best score there."""
    if full_recall < 0.5:
        note = (
            f"With full attention this model answers {full_recall:.0%} of the planted facts, too "
            f"few to tell scores apart; {CAREFUL} is used, unchecked."
        )
        return Verdict(tuple(tests), full_recall, None, CAREFUL, 0, note)
    budgets = sorted({test.budget for test in tests})
    for budget in budgets:
        here = [test for test in tests if test.budget == budget]
        best = max(here, key=lambda test: (test.recall, -(test.nll or 0.0)))
        if best.recall >= SAFE_RECALL * full_recall:
            note = (
                f"{best.score} keeps {best.recall:.0%} of the facts in {budget} of {n_tokens} "
                f"cells (full attention: {full_recall:.0%})."
            )
            return Verdict(tuple(tests), full_recall, None, best.score, budget, note)
    top = max((test for test in tests if test.budget == budgets[-1]), key=lambda test: test.recall)
    note = (
        f"No score keeps {SAFE_RECALL:.0%} of full attention's recall ({full_recall:.0%}) in "
        f"{budgets[-1]} of {n_tokens} cells; {top.score} comes nearest with {top.recall:.0%}. "
        "Give this model a large budget."
    )
    return Verdict(tuple(tests), full_recall, None, top.score, 0, note)


def table(verdict: Verdict) -> str:
    """The table as Markdown."""
    lines = ["| score | budget | recall | nats per token |", "| --- | --- | --- | --- |"]
    lines.append(
        f"| full attention | all | {verdict.full_recall:.3f} | {_nats(verdict.full_nll)} |"
    )
    for test in verdict.tests:
        nats = _nats(test.nll)
        lines.append(f"| {test.score} | {test.budget} | {test.recall:.3f} | {nats} |")
    return "\n".join(lines) + "\n"


def _nats(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _rank(name: str) -> Ranking | None:
    return None if name == FULL else ranking(name)


class _Exam:
    def __init__(self, trial: Trial, writer: Writer, plan: Plan, progress, n_cells: int) -> None:
        self._trial, self._writer, self._plan = trial, writer, plan
        self._progress = progress or (lambda *_: None)
        self._n_cells = n_cells

    def recall(
        self, sessions: Sequence[Session], scores: Sequence[str]
    ) -> dict[tuple[str, float], int]:
        """Questions answered rightly, for each (score, share); (FULL, 1) is full attention."""
        right: dict[tuple[str, float], int] = {}
        total = len(sessions) * self._n_cells
        for i, session in enumerate(sessions):
            questions = self._questions(session, i)
            text = self._trial.read(session.ids, session.n_prompt)
            for j, (name, share) in enumerate(self._grid(scores)):
                keep = session.n_prompt + int(share * (len(session.ids) - session.n_prompt))
                self._trial.compress(text, _rank(name), keep)
                good = sum(self._trial.ask(*question) for question in questions)
                right[name, share] = right.get((name, share), 0) + good
                self._progress("self-test: recall", i * self._n_cells + j + 1, total)
        return right

    def fluency(
        self, prose: Sequence[int], scores: Sequence[str]
    ) -> dict[tuple[str, float], float]:
        """Mean nats per token of the last `n_prose` tokens, streamed under each budget."""
        plan = self._plan
        start = min(len(prose), plan.n_tokens) - plan.n_prose - 1
        out = {}
        for j, (name, share) in enumerate(self._grid(scores)):
            budget = int(share * (start + plan.n_prose))
            self._trial.stream(prose[:start], 0, _rank(name), budget)
            ids = prose[start : start + plan.n_prose + 1]
            steps = self._trial.teacher_forced(ids)
            losses = [-step[token] for step, token in zip(steps, ids[1:], strict=True)]
            out[name, share] = float(sum(losses) / len(losses))
            self._progress("self-test: fluency", j + 1, self._n_cells)
        return out

    def _grid(self, scores: Sequence[str]) -> Iterator[tuple[str, float]]:
        yield FULL, 1.0
        for name in scores:
            for share in SHARES:
                yield name, share

    def _questions(self, session: Session, i: int) -> list[tuple[list[int], list[int]]]:
        old = [p.fact for p in session.facts if p.stop <= len(session.ids) - 256]
        picked = random.Random(i).sample(old, min(self._plan.n_questions, len(old)))
        return [self._writer.question(fact, session.ended) for fact in picked]
