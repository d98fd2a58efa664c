"""Layers with fewer cells than others: what they hold, give up, attend to, save and refuse."""

from __future__ import annotations

from ctypes import POINTER, byref, c_int32
from dataclasses import replace

import numpy as np
import pytest

from tests.native.cache_model import CacheModel
from tests.native.lib import TYPES, Session, context_params, dequantize, parse_state
from tests.native.models import GEMMA3, LFM2, LLAMA, QWEN3
from tests.native.test_moves import _restore, guard, softmax, with_score
from tests.native.test_scores import tokens
from tests.native.weights import read
from triagent.engine.abi import PlanStruct, Status
from triagent.engine.native import Callback, Request, Select, supported
from triagent.errors import NativeError, UnsupportedError
from triagent.kv.score import Mode

pytestmark = pytest.mark.native

FOUR = replace(LLAMA, n_layer=4)
CELLS = (512, 256, 1024, 256)
"""Three groups: layer 2, layer 0, layers 1 and 3."""
BIG_HEADS = replace(QWEN3, n_layer=3, head_dim=128)
SHAPES = {
    "qwen3": (BIG_HEADS, (256, 768, 256)),
    "sliding window": (replace(GEMMA3, n_layer=12), (0, 0, 0, 0, 0, 512, 0, 0, 0, 0, 0, 256)),
    "hybrid": (LFM2, (0, 256, 512)),
}


def grouped(session_of, cells=CELLS, shape=FOUR, **options) -> Session:
    return with_score(session_of(shape, n_cells=cells, n_ctx=8192, **options))


def give_up(session, *n_evict: int, **options) -> Request:
    """A round in which each group gives up its number."""
    now = session.n_past
    return Request(1, Mode.LAYER_HEAD, now, protect=guard(now), n_evict_of=n_evict, **options)


def test_sizes_are_those_asked_for_and_so_are_the_bytes(session_of):
    session = grouped(session_of, cache_type="f16")
    cache = session.cache
    assert cache.layer_cells == list(CELLS)
    assert cache.layer_group == [1, 2, 0, 2]
    assert [cache.group(g).n_cells for g in range(3)] == [1024, 512, 256]
    row = 2 * FOUR.kv_heads(0) * FOUR.head_dim
    info = cache.info()
    assert (info.n_cells, info.n_groups) == (1024, 3)
    assert info.bytes_k == info.bytes_v == sum(CELLS) * row


@pytest.mark.parametrize("cache_type", ["f32", "f16", "q8_0"])
def test_while_nothing_is_evicted_logits_equal_those_of_one_size(session_of, cache_type):
    one = session_of(FOUR, n_cells=1024, cache_type=cache_type)
    several = session_of(FOUR, n_cells=CELLS, cache_type=cache_type)
    for step in range(4):
        part = tokens(60, step)
        assert one.decode(part, every=True) == several.decode(part, every=True) == 0
        for i in range(60):
            assert np.array_equal(one.logits(i), several.logits(i))


def test_scores_are_those_of_layers_of_one_size(session_of):
    one = with_score(session_of(FOUR, n_cells=1024))
    several = grouped(session_of)
    for session in (one, several):
        session.feed(tokens(200))
    request = give_up(several)
    wanted, cells = one.cache.score(replace(request, n_evict_of=()))
    found, here = several.cache.score(request)
    assert np.array_equal(cells, here)
    assert np.allclose(found, wanted, atol=1e-5)
    wanted, _ = one.cache.score(replace(request, n_evict_of=()), vector_mode=True)
    found, _ = several.cache.score(request, vector_mode=True)
    assert np.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("select", [Select.HOST, Select.DEVICE])
def test_a_round_takes_the_lowest_of_each_row_by_its_groups_number(session_of, select):
    session = grouped(session_of)
    session.feed(tokens(250))
    session.cache.round(give_up(session, 0, 10, 90))
    session.feed(tokens(60, 1))
    request = give_up(session, 20, 30, 120, select=select)
    scores, cells = session.cache.score(request)
    true = session.cache.positions()
    done = session.cache.round(request)
    assert done.selected_on is select
    assert [len(part) for part in done.given_up] == [20, 30, 120]
    for r, g in enumerate(session.cache.row_group):
        held = ~np.isnan(scores[r])
        assert np.array_equal(held, true[r, cells] >= 0)
        n = (20, 30, 120)[g]
        order = np.argsort(np.where(held, scores[r], np.inf), kind="stable")[:n]
        assert np.array_equal(done.evicted[r, :n], cells[order])
        assert np.array_equal(done.positions[r, :n], true[r, cells[order]])
        assert (done.evicted[r, n:] == -1).all() and (done.positions[r, n:] == -1).all()


@pytest.mark.parametrize("cache_type", TYPES)
def test_every_cache_type_moves_its_bytes(session_of, cache_type):
    session = grouped(session_of, cache_type=cache_type)
    session.cache.self_test()
    model = CacheModel(session)
    for step in range(3):
        session.feed(tokens(100, step))
        model.append()
        done = session.cache.round(give_up(session, 20, 40, 60 if step else 10))
        assert done.n_moved > 0
        model.round(done)


@pytest.mark.parametrize("name", SHAPES)
def test_rounds_of_other_memories_leave_the_bytes_that_numpy_says(session_of, name):
    shape, cells = SHAPES[name]
    session = grouped(session_of, cells, shape, n_batch=64)
    model = CacheModel(session)
    for step in range(5):
        session.feed(tokens(60, step))
        model.append()
        model.round(session.cache.round(give_up(session, 10 + step, 30 + step)))
    assert session.cache.group(0).n_used > session.cache.group(1).n_used


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_appends_rounds_roll_backs_and_restores(session_of, seed):
    """A property over random histories, against the numpy model at each step."""
    rng = np.random.default_rng(seed)
    session = grouped(session_of)
    model = CacheModel(session)
    groups = range(session.cache.n_groups)
    for _ in range(16):
        used = [session.cache.group(g).n_used for g in groups]
        room = min(session.cache.group(g).n_cells - used[g] for g in groups)
        step = rng.choice(["append", "round", "back", "restore"], p=[0.4, 0.35, 0.15, 0.1])
        if step == "append" and room > 1:
            session.feed(tokens(int(rng.integers(1, min(room, 90))), int(rng.integers(1 << 30))))
            model.append()
        elif step == "round" and min(used) > 60:
            wanted = [int(rng.integers(0, n - 40)) for n in used]
            wanted[rng.integers(3)] = 0
            if not any(wanted):
                continue
            done = session.cache.round(give_up(session, *wanted))
            for n, found in zip(wanted, done.given_up, strict=True):
                assert n <= len(found) <= max(n, len(done.freed))
            model.round(done)
        elif step == "back" and session.n_past > 20:
            pos = session.n_past - int(rng.integers(1, 20))
            assert session.remove_from(pos)
            model.rolled_back(pos)
        elif step == "restore" and used[0]:
            _restore(session, model)


def test_a_restored_state_goes_on_with_the_same_logits(session_of):
    first, second = grouped(session_of), grouped(session_of)
    first.feed(tokens(240))
    first.cache.round(give_up(first, 10, 60, 150))
    first.feed(tokens(30, 1))
    true, used = first.cache.positions(), np.flatnonzero(first.cache.cells() >= 0)
    assert second.set_state(first.state())
    second.cache.sync(forget=True)
    packed = np.full_like(true, -1)
    packed[:, : len(used)] = true[:, used]
    second.cache.set_positions(packed)
    second.n_past = first.n_past
    for session in (first, second):
        session.feed(tokens(20, 2))
    # cells lie elsewhere, and flash attention sums halves of floats in their order
    assert np.abs(first.logits() - second.logits()).max() < 1e-2


@pytest.mark.parametrize("other", [1024, (1024, 256, 512, 256), (512, 256, 1024, 512)])
def test_a_state_of_other_sizes_is_refused_and_leaves_the_cache_empty(session_of, other):
    first = session_of(FOUR, n_cells=CELLS)
    second = session_of(FOUR, n_cells=other)
    first.feed(tokens(100))
    second.feed(tokens(50))
    assert not second.set_state(first.state())
    assert second.cache.info().n_used == 0
    second.n_past = 0
    second.feed(tokens(100))
    assert second.cache.info().n_used == 100
    if isinstance(other, int):
        assert not first.set_state(second.state())


def test_a_batch_that_the_smallest_layers_cannot_hold_is_refused_and_nothing_changes(session_of):
    session = grouped(session_of)
    session.feed(tokens(250))
    before = session.state()
    assert session.decode(tokens(7, 1)) == 1
    assert session.state() == before
    assert session.decode(tokens(6, 1)) == 0


def test_thousands_of_tokens_run_through_with_triggers_by_group(session_of):
    session = grouped(session_of)
    calls = []

    def called(_ctx, reason, n_used, n_cells, n_new, _user):
        used = [session.cache.group(g).n_used for g in range(3)]
        calls.append((reason, *used))
        keep = (900, 400, 150)
        counts = [max(0, n + n_new - k) for n, k in zip(used, keep, strict=True)]
        session.cache.start_round(give_up(session, *counts))
        return 1

    thunk = Callback(called)
    session.cache.set_callback(thunk)
    session.cache.set_triggers((1000, 500, 250))
    rng = np.random.default_rng(0)
    while session.n_past < 4000:
        assert session.decode(tokens(int(rng.integers(1, 60)), session.n_past)) == 0
        info = [session.cache.group(g) for g in range(3)]
        assert all(group.n_used <= group.n_trigger for group in info)
    assert len(calls) > 30
    assert calls[0][1] == calls[0][3] <= 250, "the smallest layers evict first"
    true = session.cache.positions()
    for r, g in enumerate(session.cache.row_group):
        assert (true[r] >= 0).sum() == session.cache.group(g).n_used
    newest = true.max()
    assert ((true == newest).sum(1) == 1).all()
    session.cache.set_callback(None)


@pytest.mark.parametrize("n_evict", [(0, 0, 0), (1, 1, 500), (0, 0, 231)])
def test_a_bad_number_is_refused_and_changes_nothing(session_of, n_evict):
    session = grouped(session_of)
    session.feed(tokens(250))
    before = session.state()
    with pytest.raises(NativeError, match="n_evict"):
        session.cache.round(give_up(session, *n_evict))
    assert session.state() == before


def test_sets_that_rows_share_are_refused(session_of):
    session = grouped(session_of)
    session.feed(tokens(100))
    for mode in (Mode.HEAD, Mode.SHARED, Mode.SHARED_MEAN):
        with pytest.raises(UnsupportedError, match="differ in their number of cells"):
            session.cache.round(replace(give_up(session, 1, 1, 1), mode=mode))


def test_host_scores_decide_where_rows_hold_the_cell(session_of):
    session = grouped(session_of)
    session.feed(tokens(250))
    session.cache.round(give_up(session, 0, 0, 100))
    true = session.cache.positions()
    rng = np.random.default_rng(0)
    request = give_up(session, 5, 5, 40)
    _, cells = session.cache.score(request)
    scores = rng.standard_normal((8, len(cells))).astype(np.float32)
    done = session.cache.round(replace(request, scores=scores))
    for r, g in enumerate(session.cache.row_group):
        n = (5, 5, 40)[g]
        held = true[r, cells] >= 0
        order = np.argsort(np.where(held, scores[r], np.inf), kind="stable")[:n]
        assert np.array_equal(done.evicted[r, :n], cells[order])


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ((512, 256, 1024), "cells of 3 layers, the model has 4"),
        ((512, 0, 1024, 256), "0 cells of layer 1, which has full attention"),
        ((512, 64, 1024, 1 << 25), "n_cells = 33554432"),
    ],
)
def test_sizes_that_do_not_fit_the_model_are_refused_by_name(model_of, cells, why):
    model = model_of(FOUR)
    params = context_params(model.lib, 4096, 128, "f32", True)
    assert why in supported(model.handle, params, cells)


def test_window_and_recurrent_layers_have_no_cells_to_ask_for(model_of):
    for name in ("sliding window", "hybrid"):
        shape, cells = SHAPES[name]
        model = model_of(shape)
        params = context_params(model.lib, 4096, 64, "f32", True)
        assert supported(model.handle, params, cells) is None
        wrong = [n or 256 for n in cells]
        assert "none of its own" in supported(model.handle, params, wrong)


def test_nine_sizes_are_refused_by_name(model_of):
    model = model_of(replace(LLAMA, n_layer=9))
    params = context_params(model.lib, 4096, 128, "f32", True)
    cells = [256 * (i + 1) for i in range(9)]
    assert "9 different sizes" in supported(model.handle, params, cells)
    assert supported(model.handle, params, [*cells[:8], 256]) is None


N_INVALID = 30_000


def valid_plan(session, rng: np.random.Generator):
    """Cells that each group gives up and moves out of them, by row; the newest cell is kept."""
    cache = session.cache
    true = cache.positions()
    newest = int(true.max(0).argmax())
    first_row = [int(np.flatnonzero(cache.row_group == g)[0]) for g in range(3)]
    held = [np.setdiff1d(np.flatnonzero(true[r] >= 0), newest) for r in first_row]
    free = np.full((3, 12), -1, np.int32)
    free[0, :6] = rng.permutation(held[0])[:6]
    for g in (1, 2):
        must = np.intersect1d(free[0], held[g])
        rest = rng.permutation(np.setdiff1d(held[g], must))
        n = 8 + 4 * (g == 2)
        free[g, :n] = np.concatenate([must, rest])[:n]
    src, dst = np.full((2, len(true), 4), -1, np.int32)
    for r, g in enumerate(cache.row_group):
        own = free[g][free[g] >= 0]
        src[r] = rng.permutation(own)[:4]
        dst[r] = rng.permutation(np.setdiff1d(held[g], own))[:4]
    return free, np.ascontiguousarray(src), np.ascontiguousarray(dst)


def spoil(kind: int, rng: np.random.Generator, free, src, dst, unheld) -> None:
    """Make a valid plan invalid in one of many ways."""
    row, i, g = int(rng.integers(len(src))), int(rng.integers(4)), int(rng.integers(3))
    row2 = int(rng.choice([0, 2]))  # of the smallest or the middle group
    wrong = rng.choice([-2, 1024, 10**6, -(2**31), 2**31 - 1, 1000])
    if kind == 0:
        free[g, i] = wrong
    elif kind == 1:
        free[g, i] = free[g, i + 1]
    elif kind == 2:
        src[row, i] = rng.choice([wrong, -1])
    elif kind == 3:
        dst[row, i] = rng.choice([wrong, -1])
    elif kind == 4:
        src[row, i] = src[row, (i + 1) % 4]
    elif kind == 5:
        dst[row, i] = dst[row, (i + 1) % 4]
    elif kind == 6:
        free[g, 0] = -1  # an end before the last cell
    elif kind == 7:
        dst[2, i] = rng.choice(unheld)
    elif kind == 8:
        free[2, i] = rng.choice(unheld)
    elif kind == 9:
        src[row2, i] = dst[row2, i]


def apply(session, free, src, dst) -> int:
    pointers = (part.ctypes.data_as(POINTER(c_int32)) for part in (free, src, dst))
    plan = PlanStruct(free.shape[1], src.shape[1], *pointers)
    return session.cache.lib.llama_kv_evict_apply(session.handle, byref(plan))


def test_no_invalid_plan_of_several_groups_reaches_the_data(session_of):
    session = grouped(session_of)
    session.feed(tokens(250))
    session.cache.round(give_up(session, 0, 40, 120))
    model = CacheModel(session)
    model.true = session.cache.positions()
    _, model.rows = model.read()
    rng = np.random.default_rng(0)
    before = session.state()
    unheld = np.flatnonzero((model.true.max(0) >= 0) & (model.true[2] < 0))
    plans = [valid_plan(session, rng) for _ in range(30)]
    for n in range(N_INVALID):
        parts = tuple(part.copy() for part in plans[n % len(plans)])
        spoil(n % 10, rng, *parts, unheld)
        assert apply(session, *parts) == Status.INVALID, (n % 10, *parts)
    assert session.state() == before
    free, src, dst = plans[0]
    assert apply(session, free, src, dst) == Status.OK

    class Done:
        given_up = tuple(row[row >= 0] for row in free)
        freed = given_up[0]

    Done.src, Done.dst = src, dst
    model.round(Done)


def test_layers_of_several_sizes_need_flash_attention(model_of):
    model = model_of(FOUR)
    params = context_params(model.lib, 4096, 128, "f32", False)
    assert "flash attention" in supported(model.handle, params, CELLS)


def test_attention_after_rounds_is_that_over_each_rows_own_tokens(model_of, session_of):
    """One more token through layers of three sizes, against a float64 forward over gathered rows.

    Flash attention rounds F32 keys and values to F16; leaving out the newest hundred positions
    is ten times further off.
    """
    shape = replace(FOUR, seed=3)
    session = grouped(session_of, shape=shape)
    session.feed(tokens(240))
    session.cache.round(give_up(session, 40, 100, 190))
    session.feed(tokens(100, 1))
    session.cache.round(give_up(session, 20, 60, 90))
    session.feed([7])
    assert len({session.cache.group(g).n_used for g in range(3)}) == 3
    found = session.logits()
    path = model_of(shape).path
    assert np.abs(found - _forward(path, session, shape, 7)).max() < 2e-2
    assert np.abs(found - _forward(path, session, shape, 7, drop=30)).max() > 1e-1


def _forward(path, session, shape, token: int, drop: int = 0) -> np.ndarray:
    """Logits of the newest token of a llama whose cache holds it; drop: rows left out."""
    w = read(path)
    state = parse_state(session.state(), layer_group=session.cache.layer_group)
    hd, n_head, n_kv = shape.head_dim, shape.n_head, shape.kv_heads(0)
    pos = session.n_past - 1
    omega = shape.rope_theta ** (-2.0 * np.arange(hd // 2) / hd)

    def norm(x, gain):
        return x / np.sqrt((x * x).mean() + 1e-5) * gain

    x = w["token_embd.weight"][token]
    for il in range(shape.n_layer):
        k = dequantize(state.k[il], 0).astype(float).reshape(-1, n_kv, hd)[drop:]
        v = dequantize(state.v[il], 0).astype(float).reshape(-1, n_kv, hd)[drop:]
        h = norm(x, w[f"blk.{il}.attn_norm.weight"])
        q = (w[f"blk.{il}.attn_q.weight"] @ h).reshape(n_head, hd)
        turned = (q[:, 0::2] + 1j * q[:, 1::2]) * np.exp(1j * pos * omega)
        q[:, 0::2], q[:, 1::2] = turned.real, turned.imag
        out = np.zeros((n_head, hd))
        for i in range(n_head):
            j = i // (n_head // n_kv)
            out[i] = softmax(k[:, j] @ q[i] / np.sqrt(hd)) @ v[:, j]
        x = x + w[f"blk.{il}.attn_output.weight"] @ out.ravel()
        h = norm(x, w[f"blk.{il}.ffn_norm.weight"])
        gate, up = w[f"blk.{il}.ffn_gate.weight"] @ h, w[f"blk.{il}.ffn_up.weight"] @ h
        x = x + w[f"blk.{il}.ffn_down.weight"] @ (gate / (1 + np.exp(-gate)) * up)
    return w["output.weight"] @ norm(x, w["output_norm.weight"])
