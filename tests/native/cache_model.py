"""The cache as numpy has it: what every row should hold after appends, rounds and roll-backs.

Two descriptions of one thing: bytes, which the library moves on its backend, and true positions,
which it tracks on the host. Both are followed here from the result of each round.
"""

from __future__ import annotations

import numpy as np

from tests.native.lib import parse_state


class CacheModel:
    """Rows of one session, by cell; follows it step by step."""

    def __init__(self, session, has_ext: bool = False) -> None:
        self.session = session
        self.has_ext = has_ext
        self.layers = session.cache.layers
        self.n_rows = session.cache.n_rows
        self.n_cells = session.cache.info().n_cells
        several = session.cache.n_groups > 1
        self.layer_group = session.cache.layer_group if several else []
        self.true = np.full((self.n_rows, self.n_cells), -1, np.int32)
        self.rows: list[np.ndarray] = []

    def read(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Nominal positions and bytes [cell, head, bytes] of K and V, zeros in empty cells."""
        nominal = np.full(self.n_cells, -1, np.int32)
        pos = self.session.cache.cells()
        nominal[: len(pos)] = pos
        state = parse_state(self.session.state(), self.has_ext, self.layer_group)
        used = np.flatnonzero(nominal >= 0)
        assert np.array_equal(nominal[used], state.pos)
        parts = []
        for i, raw in enumerate(state.k + state.v):
            layer = self.layers[i % len(self.layers)]
            part = np.zeros((self.n_cells, layer.n_head_kv, raw.shape[1] // layer.n_head_kv), "u1")
            held = state.held[self.layer_group[i % len(self.layers)]] if state.held else slice(None)
            part[used[held]] = raw.reshape(len(raw), layer.n_head_kv, -1)
            parts.append(part)
        return nominal, parts

    def row_slices(self) -> list[tuple[int, int]]:
        """(layer, head) of every row."""
        return [(i, h) for i, layer in enumerate(self.layers) for h in range(layer.n_head_kv)]

    def append(self) -> None:
        """Tokens were decoded: only cells that were empty may have changed."""
        nominal, rows = self.read()
        live = (self.true >= 0).any(0)
        fresh = (nominal >= 0) & ~live
        for old, new in zip(self.rows, rows, strict=False):
            assert np.array_equal(old[live], new[live]), "decoding changed a live cell"
        self.true[:, fresh] = nominal[fresh]
        self.rows = rows
        self.check()

    def round(self, done) -> None:
        """A round was applied: move rows and positions as it says."""
        n = len(self.layers)
        for r, (i, h) in enumerate(self.row_slices()):
            moves = done.src[r] >= 0
            src, dst = done.src[r][moves], done.dst[r][moves]
            self.true[r, dst] = self.true[r, src]
            for part in (self.rows[i], self.rows[n + i]):
                part[dst, h] = part[src, h]
        if self.layer_group:
            for r, g in enumerate(self.session.cache.row_group):
                self.true[r, done.given_up[g]] = -1
            for i, part in enumerate(self.rows):
                part[done.given_up[self.layer_group[i % n]]] = 0
        else:
            self.true[:, done.freed] = -1
            for part in self.rows:
                part[done.freed] = 0
        self.check()

    def rolled_back(self, pos: int) -> None:
        """Every cell whose nominal position is not below `pos` was emptied."""
        gone = self.true.max(0) >= pos
        self.true[:, gone] = -1
        for part in self.rows:
            part[gone] = 0
        self.check()

    def check(self) -> None:
        """Compare with the library: nominal and true positions, and every byte."""
        nominal, rows = self.read()
        assert np.array_equal(nominal, self.true.max(0))
        assert np.array_equal(self.session.cache.positions(), self.true)
        for found, wanted in zip(rows, self.rows, strict=True):
            assert np.array_equal(found, wanted)
