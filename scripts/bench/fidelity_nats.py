"""Nats and KL per token of text that calibration did not see, fed token by token while evicting.

A batch would only evict between its parts; token by token is how a session goes on.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from triagent.calibrate import rankings

if TYPE_CHECKING:
    from bench.fidelity import Fidelity

FULL = "full"
STEP = 128
"""Tokens of one point of the curve over position."""


def fluency(bench: Fidelity, table: dict) -> None:
    """The last quarter of each text; before it the text is read under the same budget."""
    names = bench.names(but=rankings.ABLATIONS)
    n = bench.options.text_tokens
    with bench.trial(n) as full, bench.trial(n) as trial:
        for kind, ids, n_prompt in _texts(bench, n):
            start = 3 * len(ids) // 4
            full.stream(ids[:start], n_prompt, None, len(ids))
            truth = list(full.teacher_forced(ids[start:]))
            add = _Adder(bench, table, kind, truth, ids[start + 1 :])
            add(FULL, "1", truth)
            for name in names:
                for label, share in bench.shares.items():
                    budget = n_prompt + int(share * (len(ids) - n_prompt))
                    trial.stream(ids[:start], n_prompt, bench.rank(name, trial), budget)
                    add(name, label, trial.teacher_forced(ids[start:]))
                bench.check_time()


class _Adder:
    """Adds up one text's losses, over all of it and by position."""

    def __init__(
        self,
        bench: Fidelity,
        table: dict,
        kind: str,
        truth: Sequence[np.ndarray],
        ids: Sequence[int],
    ) -> None:
        self._rows = table.setdefault(kind, {})
        self._curves: dict = bench.results.setdefault("position", {}).setdefault(kind, {})
        self._truth, self._ids = truth, ids

    def __call__(self, name: str, label: str, steps: Iterable[np.ndarray]) -> None:
        """steps: log-probabilities before each token, (n_vocab,) float64."""
        for i, (step, full, token) in enumerate(zip(steps, self._truth, self._ids, strict=True)):
            nats = -float(step[token])
            lost = nats + float(full[token])
            kl = float((np.exp(full) * (full - step)).sum())
            cell = self._rows.setdefault(name, {}).setdefault(label, _empty())
            # the square, for the interval of what was lost
            for key, value in (("nats", nats), ("kl", kl), ("lost", lost), ("lost2", lost**2)):
                cell[key] += value
            cell["n"] += 1
            point = self._curves.setdefault(name, {}).setdefault(label, {})
            at = point.setdefault(str(i // STEP * STEP), {"lost": 0.0, "n": 0})
            at["lost"] += lost
            at["n"] += 1


def _empty() -> dict[str, float]:
    return {"nats": 0.0, "kl": 0.0, "lost": 0.0, "lost2": 0.0, "n": 0}


def _texts(bench: Fidelity, n_tokens: int) -> Iterator[tuple[str, list[int], int]]:
    """Kind, token ids and pinned tokens of texts that calibration did not see."""
    first, n_texts = bench.options.first, bench.options.texts
    packed = Path(__file__).with_name("data") / "prose-eval.txt.xz"
    prose = bench.model.vocab.tokenize(lzma.decompress(packed.read_bytes()).decode(), False)
    for i in range(first, first + n_texts):
        ids = prose[i * n_tokens : (i + 1) * n_tokens]
        if len(ids) == n_tokens:
            yield "prose", ids, 0
    for i in range(first, first + n_texts):
        session = bench.session(90_000 + i, n_tokens)
        yield "sessions", list(session.ids), session.n_prompt
