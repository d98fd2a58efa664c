"""Plans and the model of the cache, over random caches."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triagent.kv.held import Held
from triagent.kv.plan import CacheModel, make_plan
from triagent.kv.spans import Spans


@given(st.integers(1, 6), st.integers(2, 40), st.integers(0, 2**31))
def test_a_plan_gives_up_exactly_what_was_asked(n_rows, n_cells, seed):
    rng = np.random.default_rng(seed)
    n_evict = int(rng.integers(1, n_cells))
    evicted = np.array([rng.permutation(n_cells)[:n_evict] for _ in range(n_rows)])
    plan = make_plan(evicted, n_cells)
    cache = CacheModel(n_rows, n_cells)
    cache.append(np.arange(n_cells), np.tile(np.arange(n_cells), (n_rows, 1)))
    cache.apply(plan)
    assert cache.n_used == n_cells - n_evict
    for row, gone in enumerate(evicted):
        kept = set(cache.true[row][cache.nominal >= 0].tolist())
        assert kept == set(range(n_cells)) - set(gone.tolist())
    assert np.array_equal(cache.true, cache.content)


@given(st.integers(1, 6), st.integers(2, 40), st.integers(0, 2**31))
def test_moves_read_from_freed_cells_and_write_to_others(n_rows, n_cells, seed):
    rng = np.random.default_rng(seed)
    n_evict = int(rng.integers(1, n_cells))
    plan = make_plan(np.array([rng.permutation(n_cells)[:n_evict] for _ in range(n_rows)]), n_cells)
    freed = set(plan.freed.tolist())
    for src, dst in zip(plan.src, plan.dst, strict=True):
        moved = src >= 0
        assert np.array_equal(moved, dst >= 0)
        assert set(src[moved].tolist()) <= freed
        assert not set(dst[moved].tolist()) & freed
        assert len(set(dst[moved].tolist())) == moved.sum() == len(set(src[moved].tolist()))


def test_rows_that_agree_do_not_move():
    plan = make_plan(np.tile([3, 5, 1], (4, 1)), 8)
    assert plan.freed.tolist() == [1, 3, 5] and plan.src.size == 0


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_a_rollback_leaves_no_later_token_in_any_row(seed):
    rng = np.random.default_rng(seed)
    cache = CacheModel(3, 32)
    for _ in range(12):
        empty = np.flatnonzero(cache.nominal < 0)
        n = int(rng.integers(0, len(empty) + 1))
        cells = rng.permutation(empty)[:n]
        cache.append(cells, rng.integers(0, 100, (3, n)))
        live = np.flatnonzero((cache.nominal >= 0) & (cache.nominal < cache.newest))
        if len(live) > 8:
            picked = np.array([rng.permutation(live)[:4] for _ in range(3)])
            cache.apply(make_plan(picked, 32))
        before = cache.snapshot()
        pos = int(rng.integers(0, cache.newest + 2))
        cache.rollback(pos)
        assert (cache.true < pos).all()
        assert np.array_equal(before.true[:, cache.nominal >= 0], cache.true[:, cache.nominal >= 0])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8), st.data())
def test_spans_are_sets_of_positions(ranges, data):
    others = data.draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8))

    def as_set(pairs):
        return {p for a, b in pairs for p in range(a, b)}

    a, b = Spans.of(ranges), Spans.of(others)
    mine, theirs = as_set(ranges), as_set(others)
    assert as_set(a.ranges) == mine and len(a) == len(mine)
    assert as_set((a | b).ranges) == mine | theirs
    assert as_set((a - b).ranges) == mine - theirs
    assert as_set(a.below(30).ranges) == {p for p in mine if p < 30}
    assert np.flatnonzero(a.contains(np.arange(61))).tolist() == sorted(mine)
    assert as_set(Spans.from_positions(np.array(sorted(mine), int)).ranges) == mine


def test_what_no_row_holds_is_lost_once():
    held = Held(2)
    held.append(10)
    assert held.lose(np.array([[1, 2], [2, 3]])).ranges == ((2, 3),)
    assert held.lose(np.array([[3, 4], [1, 5]])).ranges == ((1, 2), (3, 4))
    assert held.share.tolist() == [1, 0, 0, 0, 0.5, 0.5, 1, 1, 1, 1]
    assert held.still(Spans.of([(0, 5)])).ranges == ((0, 1), (4, 5))
    held.rollback(6)
    held.append(1)
    assert held.rows.tolist() == [2, 0, 0, 0, 1, 1, 2]
