"""Sets of positions as sorted, disjoint ranges [start, stop)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spans:
    """An immutable set of positions; adjoining ranges are merged."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Spans:
        """Sort and merge any ranges; empty ones vanish."""
        merged: list[tuple[int, int]] = []
        for start, stop in sorted((int(a), int(b)) for a, b in ranges if a < b):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return cls(tuple(merged))

    @classmethod
    def from_positions(cls, pos: np.ndarray) -> Spans:
        """Cover exactly these positions, (n,) int in ascending order, each once."""
        if not len(pos):
            return cls()
        cuts = np.flatnonzero(np.diff(pos) != 1)
        starts = pos[np.concatenate([[0], cuts + 1])]
        stops = pos[np.concatenate([cuts, [len(pos) - 1]])] + 1
        return cls(tuple((int(a), int(b)) for a, b in zip(starts, stops, strict=True)))

    def __len__(self) -> int:
        return sum(stop - start for start, stop in self.ranges)

    def __or__(self, other: Spans) -> Spans:
        return Spans.of(self.ranges + other.ranges)

    def __sub__(self, other: Spans) -> Spans:
        left = list(self.ranges)
        for start, stop in other.ranges:
            pieces = [((a, min(b, start)), (max(a, stop), b)) for a, b in left]
            left = [piece for pair in pieces for piece in pair if piece[0] < piece[1]]
        return Spans(tuple(left))

    def below(self, pos: int) -> Spans:
        """The part before `pos`."""
        return Spans.of((a, min(b, pos)) for a, b in self.ranges)

    def contains(self, pos: np.ndarray) -> np.ndarray:
        """Which of the positions are in it: the shape of `pos`, bool."""
        if not self.ranges:
            return np.zeros(np.shape(pos), bool)
        edges = np.array(self.ranges).ravel()  # ascending, as ranges are disjoint
        return np.searchsorted(edges, pos, side="right") % 2 == 1
