"""Random sessions against the numpy model of the cache: every byte of every row, every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("triagent_native")

from tests.engine.conftest import STORIES
from tests.engine.test_engine import run
from tests.native.lib import parse_state
from tests.native.models import LLAMA, QWEN3
from triagent.engine import snapshot
from triagent.kv.plan import CacheModel, Plan

pytestmark = pytest.mark.native


class Twin:
    """An engine, its model, and the bytes that were written for each token in each row."""

    def __init__(self, engine):
        self.engine = engine
        cache = engine.hook.cache
        self.layer_group = cache.layer_group if cache.n_groups > 1 else ()
        self.model = CacheModel(cache.n_rows, engine.hook.n_cells, cache.row_group)
        self.written: list[np.ndarray] = []  # content -> (n_rows, bytes of K and V)
        self._evict, self._book = cache.round, cache.last_round
        cache.round, cache.last_round = self._round, self._last_round

    def _round(self, request, dry_run=False):
        done = self._evict(request, dry_run)
        self.model.apply(Plan(done.freed, done.src, done.dst, done.given_up))
        return done

    def _last_round(self):
        """The round that a decode ran; told when the decode is over."""
        done = self._book()
        self.model.apply(Plan(done.freed, done.src, done.dst, done.given_up))
        return done

    def _rows(self):
        """Bytes of K and V of each used cell, (n_rows, n_used, bytes); 0 where none is held."""
        state = parse_state(bytes(self.engine.context.state()), layer_group=self.layer_group)
        rows = []
        for il, layer in enumerate(self.engine.hook.cache.layers):
            parts = [p[il].reshape(len(p[il]), layer.n_head_kv, -1) for p in (state.k, state.v)]
            held = np.concatenate(parts, -1).transpose(1, 0, 2)
            full = np.zeros((len(held), len(state.pos), held.shape[2]), held.dtype)
            full[:, state.held[self.layer_group[il]] if state.held else slice(None)] = held
            rows.append(full)
        return np.concatenate(rows)

    def _nominal(self):
        cells = np.full(self.engine.hook.n_cells, -1, np.int64)
        found = self.engine.hook.cache.cells()
        cells[: len(found)] = found
        return cells

    def feed(self, ids):
        """One decode: a round first, if one is due, then the tokens in empty cells."""
        start = self.engine.n_pos
        run(self.engine.feed(ids))
        nominal = self._nominal()
        new = np.flatnonzero(nominal >= start)
        new = new[np.argsort(nominal[new])]
        used = np.flatnonzero(nominal >= 0)
        rows = self._rows()[:, np.searchsorted(used, new)]
        first = len(self.written)
        self.written += list(rows.transpose(1, 0, 2))
        content = np.tile(np.arange(first, first + len(new)), (len(rows), 1))
        self.model.append(new, content)

    def rollback(self, pos):
        if self.engine.rollback(pos):
            self.model.rollback(pos)

    def restore(self, path):
        """Load what was saved."""
        snapshot.load(self.engine, path, "hash")
        self._follow(self.saved)

    def _follow(self, old):
        """Cells lie packed now, in the order that they had in `old`."""
        nominal = self._nominal()
        was, now = np.flatnonzero(old.nominal >= 0), np.flatnonzero(nominal >= 0)
        assert np.array_equal(old.nominal[was], nominal[now])
        self.model = CacheModel(old.n_rows, old.n_cells, old.row_group)
        self.model.nominal[now] = old.nominal[was]
        self.model.true[:, now] = old.true[:, was]
        self.model.content[:, now] = old.content[:, was]

    def save(self, path):
        snapshot.save(self.engine, path, "hash", {})
        self.saved = self.model.snapshot()
        self._follow(self.saved)

    def check(self):
        if not self.written:
            return
        model = self.model
        assert np.array_equal(self._nominal(), model.nominal)
        assert np.array_equal(self.engine.hook.cache.positions(), model.true)
        used = np.flatnonzero(model.nominal >= 0)
        written = np.stack(self.written)  # (n_content, n_rows, bytes)
        rows = np.arange(model.n_rows)[:, None]
        live = model.true[:, used]
        expected = np.where((live >= 0)[..., None], written[model.content[:, used], rows], 0)
        assert np.array_equal(expected, self._rows())
        live = live[live >= 0]
        held = np.zeros(self.engine.n_pos, np.int64)
        np.add.at(held, live.ravel(), 1)
        assert np.array_equal(held, self.engine.held.rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("shape", "select", "policy", "cache_type", "shares"),
    [
        (None, "per-layer-head", "knorm", "f16", None),
        (None, "per-head", "random", "f32", None),
        (QWEN3, "per-layer-head", "random", "q8_0", None),
        (LLAMA, "shared", "keydiff", "f16", None),
        (replace(LLAMA, n_layer=4), "per-layer-head", "knorm", "f16", (0.5, 2.0, 1.0, 0.5)),
        (replace(QWEN3, n_layer=3), "per-layer-head", "random", "f32", (1.5, 0.5, 1.0)),
    ],
)
def test_bytes_and_positions_follow_the_model(
    tmp_path, model_path, engine_of, shape, select, policy, cache_type, shares, seed
):
    rng = np.random.default_rng(seed)
    path = STORIES if shape is None else model_path(shape)
    engine = engine_of(
        path,
        select=select,
        policy=policy,
        cache_type=cache_type,
        budget=96,
        interval=16,
        chunk=48,
        n_window=24,
        seed=seed,
        layer_shares=dict(enumerate(shares)) if shares else None,
    )
    if shares:
        bounds = engine.hook.protection.bounds
        by_group = sorted(set(shares), reverse=True)
        budgets = tuple(int(96 * share) for share in by_group)
        engine.hook.protection.bounds = replace(bounds, budgets=budgets)
        engine.hook.arm()
    twin = Twin(engine)
    n_vocab = engine.vocab.n_tokens
    for step in range(60):
        act = rng.integers(0, 12)
        if act == 0 and engine.n_pos > 30:
            twin.rollback(int(rng.integers(engine.n_pos - 30, engine.n_pos)))
        elif act == 1 and engine.n_pos:
            twin.save(tmp_path / "s")
        elif act == 2 and hasattr(twin, "saved"):
            twin.restore(tmp_path / "s")
        elif act == 3 and engine.n_pos > 60:
            start = int(rng.integers(0, engine.n_pos - 40))
            engine.pin(start, start + int(rng.integers(1, 12)))
        elif act == 4 and engine.n_pos > 60:
            engine.forget(int(rng.integers(0, engine.n_pos - 40)), engine.n_pos - 30)
        elif act == 5:
            engine.unpin(0, engine.n_pos)
        else:
            twin.feed(rng.integers(3, n_vocab, int(rng.integers(1, 49))).tolist())
        if step % 3 == 0 or act < 5:
            twin.check()
    twin.check()
    assert engine.hook.n_rounds > 5
