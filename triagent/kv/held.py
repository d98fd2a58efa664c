"""Who still holds which position: one count of rows per position, kept as rounds happen."""

from __future__ import annotations

import numpy as np

from triagent.kv.spans import Spans


class Held:
    """For each position of a session, how many of `n_rows` rows still hold its token."""

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.n_pos = 0
        self._rows = np.zeros(1024, np.int32)

    @property
    def rows(self) -> np.ndarray:
        """(n_pos,) int32, a view."""
        return self._rows[: self.n_pos]

    @property
    def share(self) -> np.ndarray:
        """(n_pos,) float32, 0 to 1."""
        return (self.rows / max(1, self.n_rows)).astype(np.float32)

    def append(self, n: int) -> None:
        """`n` more tokens are held by every row."""
        while self.n_pos + n > len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self.n_pos : self.n_pos + n] = self.n_rows
        self.n_pos += n

    def lose(self, positions: np.ndarray) -> Spans:
        """Book what a round took, (n_rows, n_evict) int; return what nobody holds any more.

        -1 is no position: rows may lose unequally many.
        """
        positions = np.sort(positions, axis=None)
        positions = positions[np.searchsorted(positions, 0) :]
        # sorting is what costs, and depends on what was lost, not on how long the session is
        starts = np.flatnonzero(np.diff(positions, prepend=-1))
        lost = positions[starts]
        self._rows[lost] -= np.diff(starts, append=len(positions)).astype(np.int32)
        return Spans.from_positions(lost[self._rows[lost] == 0])

    def rollback(self, pos: int) -> None:
        """Forget positions from `pos` on."""
        self.n_pos = min(self.n_pos, pos)

    def restore(self, rows: np.ndarray) -> None:
        """Take the counts of a snapshot, (n_pos,)."""
        self.n_pos = 0
        self.append(len(rows))
        self._rows[: self.n_pos] = rows

    def still(self, spans: Spans) -> Spans:
        """The part of `spans` that at least one row holds."""
        return Spans.from_positions(
            np.concatenate(
                [np.flatnonzero(self.rows[a:b]) + a for a, b in spans.below(self.n_pos).ranges]
                or [np.zeros(0, np.int64)]
            )
        )
