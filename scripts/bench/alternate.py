"""Decoding at depth with a small budget, in turns with full attention at the first depth.

Two processes hold the device by turns, so that what changes on the machine in the meantime changes
for both. Also where a round's time goes: the tokens around it, one by one.
"""

from __future__ import annotations

import json
import subprocess
from typing import IO, Any

import numpy as np

BEFORE, AFTER = 2, 8
"""Tokens shown before and after the one that a round came with."""


class StockProcess:
    """Full attention in a process of its own, which decodes when asked."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            [*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def _answer(self) -> Any:
        out: IO[str] | None = self.process.stdout
        assert out is not None
        line = out.readline()
        if not line:
            raise SystemExit(f"the stock bench ended with {self.process.wait()}")
        return json.loads(line)

    def decode(self, n: int) -> np.ndarray:
        """Milliseconds of each of n tokens, (n,) float."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{n}\n")
        self.process.stdin.flush()
        return np.array(self._answer())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def around(token_ms: np.ndarray, rounds: list[int]) -> list[float]:
    """Mean ms of the tokens from BEFORE a round to AFTER it, over the rounds that have them all."""
    whole = [i for i in rounds if i >= BEFORE and i + AFTER < len(token_ms)]
    if not whole:
        return []
    return np.mean([token_ms[i - BEFORE : i + AFTER + 1] for i in whole], 0).round(3).tolist()


def in_turns(run, stock: StockProcess, n_decode: int, n_turns: int) -> dict:
    """Tokens per second of both, turn by turn; the ratio is of the medians.

    `round_costs_ms` is by how much tokens from a round to AFTER it take longer than the median.
    """
    ours, theirs, shapes, medians = [], [], [], []
    stock.decode(16)  # captures its graph
    for _ in range(n_turns):
        ours.append(run.decode(n_decode)[0])
        shapes.append(around(run.token_ms, run.with_round))
        medians.append(np.median(run.token_ms))
        theirs.append(1e3 * n_decode / stock.decode(n_decode).sum())
    shapes = [s for s in shapes if s]
    shape = np.mean(shapes, 0) if shapes else np.zeros(0)
    return {
        "ours_tps": ours,
        "full_tps": theirs,
        "ratio": float(np.median(ours) / np.median(theirs)),
        "median_ms": float(np.median(medians)),
        "around_a_round_ms": shape.round(3).tolist(),
        "round_costs_ms": float((shape[BEFORE:] - np.median(medians)).sum()),
    }


def phases(run, n_rounds: int, interval: int) -> dict[str, float]:
    """Median ms of each phase of rounds that decoding caused; meta lies behind the next token."""
    times = []
    for _ in range(n_rounds * interval):
        _, rounds = run.decode(1)
        times += [run.engine.hook.cache.last_round().times_us] * len(rounds)
    return {k: float(np.median([t[k] for t in times])) / 1e3 for k in times[0]} if times else {}
