"""Which cells are freed and which rows move, and a numpy model of the cache to check it against.

All rows lose the same number of tokens, so the same cells can be freed for all of them: a row
first moves what it keeps out of those cells into cells whose token it gives up. Nothing else
moves, and no order has to be kept, because attention is a sum over cells and RoPE is in the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Plan:
    """One round's moves. All reads come before all writes."""

    freed: np.ndarray
    """(n_free,) int32 cells, ascending."""
    src: np.ndarray
    """(n_rows, n_move) int32 cells moved from, each in `freed`; -1: no move."""
    dst: np.ndarray
    """(n_rows, n_move) int32 cells moved to, none in `freed`; -1 with `src`."""
    given_up: tuple[np.ndarray, ...] = ()
    """Where layers differ in their number of cells: what each group of them gives up, int32 cells,
    with all that it holds of `freed`. Empty: every row gives up `freed` alone."""


def make_plan(evicted: np.ndarray, n_cells: int) -> Plan:
    """Choose the cells to free and each row's moves.

    The cells that most rows give up are freed (ties: the highest), so that few rows move.

    Args:
        evicted: cells that each row gives up, (n_rows, n_evict) int, distinct in a row.
    """
    n_rows, n_evict = evicted.shape
    votes = np.bincount(evicted.ravel(), minlength=n_cells)
    order = np.lexsort((-np.arange(n_cells), -votes))
    freed = np.sort(order[:n_evict]).astype(np.int32)
    is_freed = np.zeros(n_cells, bool)
    is_freed[freed] = True
    pairs = []
    for row in evicted:
        gives_up = np.zeros(n_cells, bool)
        gives_up[row] = True
        pairs.append((freed[~gives_up[freed]], np.sort(row[~is_freed[row]])))
    n_move = max((len(src) for src, _ in pairs), default=0)
    src = np.full((n_rows, n_move), -1, np.int32)
    dst = np.full((n_rows, n_move), -1, np.int32)
    for r, (come_from, go_to) in enumerate(pairs):
        src[r, : len(come_from)], dst[r, : len(go_to)] = come_from, go_to
    return Plan(freed, src, dst)


@dataclass
class CacheModel:
    """The cache as arrays: what every cell of every row holds.

    `content` stands for the bytes of K and V: the tests give each (row, token) a value and
    compare with the library's bytes.
    """

    n_rows: int
    n_cells: int
    row_group: np.ndarray | None = None
    """(n_rows,) int: group of layers that a row belongs to; None: there is one."""
    nominal: np.ndarray = field(init=False)
    """(n_cells,) int64: position of the cell, -1 when empty."""
    true: np.ndarray = field(init=False)
    """(n_rows, n_cells) int64: position of the token that each row holds there; -1: none."""
    content: np.ndarray = field(init=False)
    """(n_rows, n_cells) int64: what was written for it."""

    def __post_init__(self) -> None:
        self.nominal = np.full(self.n_cells, -1, np.int64)
        self.true = np.full((self.n_rows, self.n_cells), -1, np.int64)
        self.content = np.full((self.n_rows, self.n_cells), -1, np.int64)

    @property
    def n_used(self) -> int:
        return int((self.nominal >= 0).sum())

    @property
    def newest(self) -> int:
        """Largest position, -1 when empty."""
        return int(self.nominal.max(initial=-1))

    def append(self, cells: np.ndarray, content: np.ndarray) -> None:
        """Fill empty cells with the next positions. content: (n_rows, n)."""
        assert (self.nominal[cells] < 0).all()
        pos = self.newest + 1 + np.arange(len(cells))
        self.nominal[cells] = pos
        self.true[:, cells] = pos
        self.content[:, cells] = content

    def apply(self, plan: Plan) -> None:
        """Move rows, free cells, and make each cell's position the largest true one."""
        for r in range(self.n_rows):
            moved = plan.src[r] >= 0
            src, dst = plan.src[r][moved], plan.dst[r][moved]
            self.true[r, dst] = self.true[r, src]
            self.content[r, dst] = self.content[r, src]
        if plan.given_up and self.row_group is not None:
            for r, g in enumerate(self.row_group):
                self.true[r, plan.given_up[g]] = -1
                self.content[r, plan.given_up[g]] = -1
        self._empty(plan.freed)
        live = self.nominal >= 0
        self.nominal[live] = self.true[:, live].max(0)

    def rollback(self, pos: int) -> None:
        """Empty every cell whose position is `pos` or later."""
        self._empty(np.flatnonzero(self.nominal >= pos))

    def snapshot(self) -> CacheModel:
        """Copy it."""
        copy = CacheModel(self.n_rows, self.n_cells, self.row_group)
        copy.nominal, copy.true = self.nominal.copy(), self.true.copy()
        copy.content = self.content.copy()
        return copy

    def _empty(self, cells: np.ndarray) -> None:
        self.nominal[cells] = -1
        self.true[:, cells] = -1
        self.content[:, cells] = -1
