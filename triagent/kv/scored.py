"""What the last round scored: one mean per position, made from the round's own scores."""

from __future__ import annotations

import numpy as np


class Scored:
    """The keep score of each position at the last round that kept its scores."""

    def __init__(self) -> None:
        self._mean = np.zeros(0, np.float32)
        self._round: tuple[np.ndarray, np.ndarray] | None = None

    def keep(self, pos: np.ndarray, scores: np.ndarray) -> None:
        """Take what a round ranked by. The mean is left for whoever asks: few rounds are looked at.

        Args:
            pos: true positions of the candidates, (n_sets, n_candidates) int32; -1 where a set's
                layer does not hold the cell.
            scores: (n_sets, n_candidates) float32; not looked at there.
        """
        self._round = pos, scores

    def mean(self, n_pos: int) -> np.ndarray:
        """Mean over the sets that held the position, (n_pos,) float32; NaN: it was no candidate."""
        if self._round is not None:
            (pos, scores), self._round = self._round, None
            pos, scores = pos[pos >= 0], scores[pos >= 0]
            total = np.bincount(pos, scores.astype(np.float64))
            count = np.bincount(pos)
            self._mean = np.full(len(count), np.nan, np.float32)
            np.divide(total, count, out=self._mean, where=count > 0, casting="same_kind")
        out = np.full(n_pos, np.nan, np.float32)
        n = min(n_pos, len(self._mean))
        out[:n] = self._mean[:n]
        return out

    def restore(self, mean: np.ndarray) -> None:
        """Take what `mean` gave, from a snapshot."""
        self._mean, self._round = np.array(mean, np.float32), None

    def clear(self) -> None:
        """Nothing was scored yet."""
        self.restore(np.zeros(0, np.float32))
