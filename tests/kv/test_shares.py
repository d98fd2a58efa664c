"""A budget divided among layers by what they need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagent.kv.protection import CELL_PAD, Bounds, Protection, Verdict
from triagent.kv.shares import FLOOR, MAX_SIZES, are_usable, layer_cells, split

SHARES = st.lists(st.floats(0.01, 50), min_size=1, max_size=40)


@given(SHARES, st.integers(0, 10_000), st.integers(0, 200))
def test_parts_add_up_and_none_is_below_the_floor(shares, even, floor):
    total = even * len(shares)
    floor = min(floor, even)
    parts = split(shares, total, floor)
    assert sum(parts) == total
    assert min(parts) >= floor


@given(SHARES, st.integers(1, 1000))
def test_a_layer_that_needs_more_gets_no_less(shares, even):
    parts = split(shares, even * len(shares), 1)
    order = np.argsort(shares)
    assert (np.diff(np.array(parts)[order]) >= -1).all()  # whole numbers, so one may be over


def test_no_part_passes_what_can_be_used():
    assert split([1, 1, 100], 300, 10, 150) == [75, 75, 150]


def test_equal_shares_are_equal_parts():
    assert split([1.0] * 4, 400, 10) == [100] * 4


@given(SHARES, st.integers(1, 60), st.integers(1, 4), st.integers(1, 500))
def test_cells_of_layers_take_no_more_than_equal_ones(shares, n_units, n_slack, n_least):
    n_cells, slack = CELL_PAD * (n_units + n_slack), CELL_PAD * n_slack - 7
    by_layer = {2 * i + 1: share for i, share in enumerate(shares)}
    cells = layer_cells(by_layer, 2 * len(shares), n_cells, slack, n_least, 10**6)
    mine = cells[1::2]
    assert sum(cells) == sum(mine) <= n_cells * len(shares)
    assert all(n % CELL_PAD == 0 for n in cells)
    assert len(set(mine)) <= MAX_SIZES
    budget = n_cells - slack
    assert min(mine) - slack >= min(budget, max(int(budget * FLOOR), n_least))


def test_a_layer_in_eight_that_needs_most_gets_most():
    shares = dict.fromkeys(range(8), 0.5) | {5: 2.0, 7: 3.0}
    cells = layer_cells(shares, 8, 2048 + 512, 512, 200, 32_768)
    assert sum(cells) == 8 * 2560
    assert cells[7] > cells[5] > 2560 > cells[0]


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_shares_that_divide_nothing_are_not_usable(wrong):
    assert not are_usable([1.0, wrong])
    assert are_usable([1.0, 0.2])


GROUPS = Bounds(budget=256, interval=32, chunk=64, n_sink=4, n_window=32, budgets=(400, 112))


def test_groups_keep_their_own_numbers_and_small_ones_are_due_first():
    protection = Protection(GROUPS)
    assert [protection.target(1000, g) for g in (0, 1)] == [400, 112]
    assert protection.decide_all((140, 140), 4, 140, (512, 256)).verdict is Verdict.NOT_DUE
    first = protection.decide_all((144, 144), 1, 144, (512, 256))
    assert first.verdict is Verdict.EVICT and first.of_groups == (0, 32)
    assert first.n_evict == 32


def test_a_round_that_one_group_needs_brings_all_back_to_their_targets():
    decision = Protection(GROUPS).decide_all((432, 130), 1, 5000, (512, 256))
    assert decision.of_groups == (32, 18)


def test_no_room_in_one_group_is_no_room():
    protection = Protection(Bounds(256, 32, 64, 4, 250, budgets=(400, 280)))
    assert protection.decide_all((300, 256), 20, 9000, (512, 256)).verdict is Verdict.NO_ROOM


@given(st.tuples(st.integers(0, 512), st.integers(0, 256)), st.integers(1, 64))
def test_no_group_is_asked_for_what_is_protected(used, n_new):
    protection = Protection(GROUPS)
    used = tuple(max(n, protection.count(9000)) for n in used)
    decision = protection.decide_all(used, n_new, 9000, (512, 256))
    for n, count in zip(used, decision.of_groups, strict=False):
        assert 0 <= count <= n - protection.count(9000)
