"""Which layers recall needs, found by letting them forget one at a time.

With every other layer whole, a layer keeps only a sixteenth; facts that are then answered wrongly
needed it. What is missed by its root is the layer's share of a budget: the root, because the first
tokens that a layer keeps are those that matter most. Layers that stand in for one another are not
found so: each of them can be done without while the other is there. Whether the shares are any
better than equal ones is tested before they are used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from triagent.calibrate.selftest import Plan, Verdict
from triagent.calibrate.text import Session, Writer
from triagent.config import ModelConfig
from triagent.engine.trial import Ranking, Trial, ranking
from triagent.kv.shares import FLOOR
from triagent.kv.sidecar import SelfTest, Stats

KEPT = 1 / 16
"""Of what follows the prompt, in the layer that forgets."""
AT_ONCE = 7
"""Layers that one cache can tell apart, beside all others."""
NOTICED = 0.1
"""Share of the answers; fewer lost ones may be chance."""
SCORE = "fitted"
FORGETTING = 1_000
"""Seeds of these sessions lie that far from the self-test's."""

Progress = Callable[[str, int, int], None]


def measure(
    config: ModelConfig, stats: Stats, writer: Writer, plan: Plan, progress: Progress | None = None
) -> dict[int, float]:
    """Share of each layer, 1 in the mean; empty when no layer is needed more than others."""
    layers = sorted(stats.fits)
    seed = plan.seed + FORGETTING
    sessions = [writer.whole_session(seed + i, plan.n_tokens) for i in range(plan.n_sessions)]
    right: dict[int, int] = {}
    whole = n = 0
    at_once = min(AT_ONCE, len(layers) - 1)
    for start in range(0, len(layers) if at_once else 0, max(1, at_once)):
        block = layers[start : start + at_once]
        with Trial(config, stats, plan.n_tokens, shares=_apart(layers, block)) as trial:
            for i, session in enumerate(sessions):
                exam = _Exam(trial, writer, session, i, plan.n_questions)
                if start == 0:
                    whole, n = whole + exam.right(None), n + len(exam.questions)
                for il in block:
                    right[il] = right.get(il, 0) + exam.right(KEPT, only=(il,))
                done = start * len(sessions) + (i + 1) * len(block)
                if progress:
                    progress("layers: needs", done, len(layers) * len(sessions))
    return to_shares({il: (whole - right[il]) / max(1, n) for il in layers})


def to_shares(needs: Mapping[int, float]) -> dict[int, float]:
    """Shares for layers that miss so much when they alone forget, 0 to 1; empty: none does."""
    roots = {il: float(np.sqrt(need)) if need > NOTICED else 0.0 for il, need in needs.items()}
    total = sum(roots.values())
    if not total or min(roots.values()) > 0:
        return {}
    rest = len(roots) - FLOOR * sum(root == 0 for root in roots.values())
    return {il: rest * root / total if root else FLOOR for il, root in roots.items()}


def _apart(layers: Sequence[int], block: Sequence[int]) -> dict[int, float]:
    """Shares that make a group of each layer of the block, and the largest one of all others:
    what the largest gives up is free, and lost to all."""
    return {il: 1 - (block.index(il) + 1) / 100 if il in block else 1.0 for il in layers}


class _Exam:
    """One session, and how many of its questions are answered after layers forgot."""

    def __init__(
        self, trial: Trial, writer: Writer, session: Session, i: int, n_questions: int
    ) -> None:
        self._trial, self._session, self._rank = trial, session, ranking(SCORE)
        old = [p.fact for p in session.facts if p.stop <= len(session.ids) - 256]
        picked = random.Random(i).sample(old, min(n_questions, len(old)))
        self.questions = [writer.question(fact, session.ended) for fact in picked]
        self._text = trial.read(session.ids, session.n_prompt)

    def right(self, share: float | None, only: Sequence[int] | None = None) -> int:
        """Evict all but a share of what follows the prompt, and ask; how many are right.

        share: None evicts nothing.
        only: the layers that forget; None: all do.
        """
        n_prompt = self._session.n_prompt
        keep = n_prompt + int((share or 1.0) * (len(self._session.ids) - n_prompt))
        rank: Ranking | None = None if share is None else self._rank
        self._trial.compress(self._text, rank, keep, only=only)
        return sum(self._trial.ask(*question) for question in self.questions)


def tested(
    config: ModelConfig,
    stats: Stats,
    writer: Writer,
    plan: Plan,
    verdict: Verdict,
    shares: Mapping[int, float],
) -> Verdict | None:
    """The self-test's verdict with layers by their shares; None where equal ones recall as much.

    The safe budget stays that of equal layers: the product divides less where a budget has to
    hold more that is pinned than these sessions do.
    """
    sessions = [writer.whole_session(plan.seed + i, plan.n_tokens) for i in range(plan.n_sessions)]
    mine = [test for test in verdict.tests if test.score == SCORE]
    right = dict.fromkeys((test.budget for test in mine), 0)
    longest, n = max(len(session.ids) for session in sessions), 0
    with Trial(config, stats, plan.n_tokens, shares=shares) as trial:
        for i, session in enumerate(sessions):
            exam = _Exam(trial, writer, session, i, plan.n_questions)
            n += len(exam.questions)
            for budget in right:
                right[budget] += exam.right(budget / longest)
    found = {budget: count / max(1, n) for budget, count in right.items()}
    if sum(found.values()) <= sum(test.recall for test in mine):
        return None
    others = [test for test in verdict.tests if test.score != SCORE]
    better = [SelfTest(SCORE, budget, recall) for budget, recall in found.items()]
    gains = ", ".join(
        f"{found[test.budget]:.0%} instead of {test.recall:.0%} in {test.budget}" for test in mine
    )
    note = f"{verdict.note} Layers by their shares keep {gains}.".strip()
    return replace(verdict, tests=(*better, *others), note=note)
