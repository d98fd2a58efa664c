"""Plans made outside: what is applied, and that no invalid one ever reaches the data."""

from __future__ import annotations

from ctypes import POINTER, byref, c_int32

import numpy as np
import pytest

from tests.native.cache_model import CacheModel
from tests.native.models import LLAMA
from tests.native.test_scores import tokens
from triagent.engine.abi import PlanStruct, Status

pytestmark = pytest.mark.native

N_USED, N_CELLS, N_ROWS = 100, 256, 4
N_FREE, N_MOVE = 12, 5
N_INVALID = 100_000


@pytest.fixture
def session(session_of):
    """A hundred tokens and a hole: cell 50 is empty."""
    session = session_of(LLAMA, n_cells=N_CELLS)
    session.feed(tokens(N_USED))
    assert apply(session, np.array([50], np.int32)) == Status.OK
    return session


def pointer(array: np.ndarray | None):
    return None if array is None else array.ctypes.data_as(POINTER(c_int32))


def apply(session, free, src=None, dst=None) -> int:
    n_move = 0 if src is None else src.shape[1]
    plan = PlanStruct(len(free), n_move, pointer(free), pointer(src), pointer(dst))
    return session.cache.lib.llama_kv_evict_apply(session.handle, byref(plan))


def valid_plan(rng: np.random.Generator):
    """Freed cells, and rows that go from them to live ones; the newest token is in cell 99."""
    live = np.array([c for c in range(N_USED - 1) if c != 50], np.int32)
    order = rng.permutation(live)
    free, rest = order[:N_FREE].copy(), order[N_FREE:]
    src = np.stack([rng.permutation(free)[:N_MOVE] for _ in range(N_ROWS)])
    dst = np.stack([rng.permutation(rest)[:N_MOVE] for _ in range(N_ROWS)])
    return free, np.ascontiguousarray(src), np.ascontiguousarray(dst)


class Done:
    """A plan in the shape of a round's result."""

    def __init__(self, free, src, dst) -> None:
        self.freed, self.src, self.dst = np.sort(free), src, dst


def test_a_valid_plan_moves_what_it_says(session):
    model = CacheModel(session)
    model.append()
    free, src, dst = valid_plan(np.random.default_rng(0))
    src[2, 1:], dst[2, 1:] = -1, -1  # rows may move less
    assert apply(session, free, src, dst) == Status.OK
    model.round(Done(free, src, dst))


def test_a_plan_without_moves_frees_cells(session):
    model = CacheModel(session)
    model.append()
    free = np.array([3, 7, 98], np.int32)
    assert apply(session, free) == Status.OK
    nothing = np.zeros((N_ROWS, 0), np.int32)
    model.round(Done(free, nothing, nothing))


WRONG_CELLS = (-1, -2, N_CELLS, 10**6, -(2**31), 2**31 - 1, 50, 99, 100, 255)
"""Out of range, empty, or the newest token's."""


def spoil(kind: int, dice: list[int], free, src, dst) -> int:
    """Make a valid plan invalid in one of many ways; returns the n_free to pass."""
    row, i, f = dice[0] % N_ROWS, dice[1] % N_MOVE, dice[2] % N_FREE
    j, g = (i + 1 + dice[3] % (N_MOVE - 1)) % N_MOVE, (f + 1 + dice[4] % (N_FREE - 1)) % N_FREE
    wrong = WRONG_CELLS[dice[5] % len(WRONG_CELLS)]
    if kind == 0:
        free[f] = wrong
    elif kind == 1:
        free[f] = free[g]
    elif kind == 2:
        src[row, i] = wrong
    elif kind == 3:
        dst[row, i] = wrong
    elif kind == 4:
        src[row, i] = src[row, j]
    elif kind == 5:
        dst[row, i] = dst[row, j]
    elif kind == 6:
        src[row, i] = dst[row, j]
    elif kind == 7:
        dst[row, i] = src[row, j]
    elif kind == 8:
        dst[row, i] = free[f]
    elif kind == 9:
        return dice[6] % N_MOVE  # fewer cells freed than rows moved, or none
    elif kind == 10:
        return N_CELLS + 1 + dice[6]
    return N_FREE


N_KINDS = 11


def test_no_invalid_plan_reaches_the_data(session):
    before = session.state()
    positions = session.cache.positions()
    rng = np.random.default_rng(0)
    plans = [valid_plan(rng) for _ in range(50)]
    parts = tuple(part.copy() for part in plans[0])
    plan = PlanStruct(N_FREE, N_MOVE, *(pointer(part) for part in parts))
    function, handle, argument = session.cache.lib.llama_kv_evict_apply, session.handle, byref(plan)
    for n, dice in enumerate(rng.integers(0, 2**30, (N_INVALID, 7)).tolist()):
        for part, valid in zip(parts, plans[n % len(plans)], strict=True):
            part[...] = valid
        plan.n_free = spoil(n % N_KINDS, dice, *parts)
        status = function(handle, argument)
        assert status == Status.INVALID, (n, n % N_KINDS, plan.n_free, parts)
    assert session.state() == before
    assert np.array_equal(session.cache.positions(), positions)


@pytest.mark.parametrize("missing", ["free", "src", "dst", "plan"])
def test_null_pointers_are_refused(session, missing):
    free, src, dst = valid_plan(np.random.default_rng(0))
    parts = {"free": free, "src": src, "dst": dst} | {missing: None}
    plan = PlanStruct(N_FREE, N_MOVE, *(pointer(parts[k]) for k in ("free", "src", "dst")))
    argument = None if missing == "plan" else byref(plan)
    lib = session.cache.lib
    assert lib.llama_kv_evict_apply(session.handle, argument) == Status.INVALID
    assert lib.llama_kv_evict_last_error(session.handle)


def test_a_plan_may_be_checked_alone(session):
    before = session.state()
    free, src, dst = valid_plan(np.random.default_rng(0))
    plan = PlanStruct(N_FREE, N_MOVE, pointer(free), pointer(src), pointer(dst))
    assert session.cache.lib.llama_kv_evict_check(session.handle, byref(plan)) == Status.OK
    assert session.state() == before
