"""After rounds every row holds the bytes, and every cell the positions, that numpy says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.native.cache_model import CacheModel
from tests.native.lib import TYPES, dequantize, parse_state
from tests.native.models import GEMMA3, LFM2, LLAMA, QWEN3
from tests.native.test_scores import random_coefficients, state_rows, tokens
from triagent.engine.native import Kind, Request, Select
from triagent.errors import NativeError
from triagent.kv.score import Mode
from triagent.kv.spans import Spans

pytestmark = pytest.mark.native

BIG_HEADS = replace(QWEN3, head_dim=128)
SHAPES = {"llama": LLAMA, "qwen3": BIG_HEADS, "sliding window": GEMMA3, "hybrid": LFM2}


def guard(now: int) -> Spans:
    """Four sinks and a window of sixteen."""
    return Spans(((0, 4), (now - 16, now)))


def request_for(session, n_evict: int, mode: Mode, **options) -> Request:
    now = session.n_past
    return Request(n_evict, mode, now=now, protect=guard(now), **options)


def with_score(session, seed: int = 0):
    coefficients = random_coefficients(session, seed=seed)
    session.cache.set_score(Kind.COEF, True, 1.0, coefficients)
    return session


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("mode", list(Mode))
def test_rounds_leave_the_bytes_and_positions_that_numpy_says(session_of, name, mode):
    session = with_score(session_of(SHAPES[name], n_cells=256, n_ctx=8192))
    model = CacheModel(session)
    for step in range(6):
        session.feed(tokens(60, step))
        model.append()
        done = session.cache.round(request_for(session, 45 if step else 20, mode))
        assert done.n_moved == 0 or mode in (Mode.LAYER_HEAD, Mode.HEAD)
        model.round(done)


@pytest.mark.parametrize("cache_type", TYPES)
def test_every_cache_type_moves_its_bytes(session_of, cache_type):
    session = with_score(session_of(BIG_HEADS, n_cells=256, cache_type=cache_type))
    session.cache.self_test()
    model = CacheModel(session)
    for step in range(2):
        session.feed(tokens(100, step))
        model.append()
        done = session.cache.round(request_for(session, 50, Mode.LAYER_HEAD))
        assert done.n_moved > 0
        model.round(done)


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_appends_rounds_roll_backs_and_restores(session_of, seed):
    """A property over random histories, against the numpy model at each step."""
    rng = np.random.default_rng(seed)
    session = with_score(session_of(LLAMA, n_cells=256, n_ctx=8192))
    model = CacheModel(session)
    for _ in range(14):
        n_used = session.cache.info().n_used
        step = rng.choice(["append", "round", "back", "restore"], p=[0.45, 0.3, 0.15, 0.1])
        if step == "append" and n_used < 200:
            session.feed(tokens(int(rng.integers(1, 56)), int(rng.integers(1 << 30))))
            model.append()
        elif step == "round" and n_used > 60:
            n = int(rng.integers(1, n_used - 40))
            mode = list(Mode)[rng.integers(4)]
            model.round(session.cache.round(request_for(session, n, mode)))
        elif step == "back" and session.n_past > 20:
            pos = session.n_past - int(rng.integers(1, 20))
            assert session.remove_from(pos)
            model.rolled_back(pos)
        elif step == "restore" and n_used:
            _restore(session, model)


def _restore(session, model: CacheModel) -> None:
    """Save, clear and load: cells are packed, in the order in which they were saved."""
    data = session.state()
    used = np.flatnonzero(model.true.max(0) >= 0)
    session.lib.llama_memory_clear(session.memory, True)
    session.cache.sync(forget=True)
    assert session.set_state(data)
    session.cache.sync(forget=True)
    true = np.full_like(model.true, -1)
    true[:, : len(used)] = model.true[:, used]
    session.cache.set_positions(true)
    for i, part in enumerate(model.rows):
        packed = np.zeros_like(part)
        packed[: len(used)] = part[used]
        model.rows[i] = packed
    model.true = true
    model.check()


def test_a_refilled_cell_of_the_same_position_forgets_its_rows(session_of):
    """Rolled back and decoded again, a cell can get its old nominal position back."""
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(120))
    model = CacheModel(session)
    model.append()
    model.round(session.cache.round(request_for(session, 60, Mode.LAYER_HEAD)))
    nominal = model.true.max(0)
    mixed = (model.true != nominal).any(0)
    pos = int(np.sort(nominal[nominal >= 0])[20]) + 1  # decoding goes on where a token is held
    assert (mixed & (nominal >= pos)).sum() > 5
    assert session.remove_from(pos)
    session.feed(tokens(120 - pos, 5))
    true = session.cache.positions()
    fresh = true.max(0) >= pos
    assert (true[:, fresh] == true.max(0)[fresh]).all()


def test_a_roll_back_never_leaves_a_later_token_in_any_row(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(200))
    session.cache.round(request_for(session, 120, Mode.LAYER_HEAD))
    session.remove_from(100)
    assert session.cache.positions().max() < 100


def test_sinks_window_and_newest_stay(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(200))
    done = session.cache.round(request_for(session, 180, Mode.LAYER_HEAD))
    assert done.n_candidates == 180
    true = session.cache.positions()
    for row in true:
        assert set(row[row >= 0]) == {*range(4), *range(184, 200)}


def test_what_a_round_reports_is_what_each_row_lost(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(120))
    for step in range(3):
        before = [set(row[row >= 0]) for row in session.cache.positions()]
        done = session.cache.round(request_for(session, 30, Mode.LAYER_HEAD))
        after = [set(row[row >= 0]) for row in session.cache.positions()]
        for was, now, lost in zip(before, after, done.positions, strict=True):
            assert was - now == set(lost)
            assert now <= was
        session.feed(tokens(30, step))


@pytest.mark.parametrize("select", [Select.HOST, Select.DEVICE])
def test_the_lowest_of_each_row_go(session_of, select):
    session = with_score(session_of(BIG_HEADS, n_cells=2048, n_ctx=4096, n_batch=512))
    session.feed(tokens(1500))
    request = request_for(session, 128, Mode.LAYER_HEAD, select=select)
    scores, cells = session.cache.score(request)
    done = session.cache.round(request)
    assert done.selected_on is select
    for row, found, values in zip(scores, done.evicted, done.scores, strict=True):
        order = np.argsort(row, kind="stable")[:128]
        assert np.array_equal(found, cells[order])
        assert np.allclose(values, row[order], atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False], ids=["z-norm", "raw"])
def test_many_rows_are_selected_in_blocks_alike(session_of, normalize):
    """More rows than top_k is given at once."""
    shape = replace(QWEN3, n_layer=48, n_embd=32, n_head=8, n_head_kv=8, head_dim=32, n_ff=32)
    session = session_of(shape, n_cells=2048, n_ctx=4096, cache_type="f16")
    state_rows(session, 2000)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, normalize, 1.0, coefficients)
    done = {}
    for select in (Select.HOST, Select.DEVICE):
        request = request_for(session, 128, Mode.LAYER_HEAD, select=select)
        done[select] = session.cache.round(request, dry_run=True)
        assert done[select].selected_on is select
    host, device = done.values()
    assert host.evicted.shape == (384, 128)
    assert np.array_equal(host.evicted, device.evicted)
    assert np.allclose(host.scores, device.scores)


def test_equal_host_scores_keep_the_lower_position(session_of):
    session = session_of(LLAMA, n_cells=256)
    session.feed(tokens(100))
    scores = np.zeros((4, 79), np.float32)
    scores[1, ::2] = -1
    request = request_for(session, 10, Mode.LAYER_HEAD, scores=scores[:, :79])
    request = replace(request, protect=Spans(((0, 4), (83, 100))))
    done = session.cache.round(request)
    assert done.evicted[0].tolist() == list(range(82, 72, -1))
    assert done.evicted[1].tolist() == list(range(82, 62, -2))


@pytest.mark.parametrize("mode", [Mode.SHARED, Mode.LAYER_HEAD])
def test_host_scores_decide_without_any_coefficients(session_of, mode):
    session = session_of(LLAMA, n_cells=256)
    session.feed(tokens(120))
    model = CacheModel(session)
    model.append()
    rng = np.random.default_rng(0)
    n_sets = 1 if mode is Mode.SHARED else 4
    scores = rng.standard_normal((n_sets, 100)).astype(np.float32)
    done = session.cache.round(request_for(session, 33, mode, scores=scores))
    for row, found in zip(scores, done.evicted, strict=True):
        assert np.array_equal(found, 4 + np.argsort(row, kind="stable")[:33])
    model.round(done)


def test_a_dry_run_changes_nothing(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(120))
    before = session.state()
    dry = session.cache.round(request_for(session, 40, Mode.LAYER_HEAD), dry_run=True)
    assert session.state() == before
    wet = session.cache.round(request_for(session, 40, Mode.LAYER_HEAD))
    assert np.array_equal(dry.freed, wet.freed)
    assert np.array_equal(dry.src, wet.src)


@pytest.mark.parametrize(
    "change",
    [
        {"n_evict": 0},
        {"n_evict": 101},
        {"now": -1},
        {"cells": np.array([5, 5], np.int32)},
        {"cells": np.array([5, 119], np.int32)},
        {"cells": np.array([5, 200], np.int32)},
        {"cells": np.array([5, -1], np.int32)},
        {"scores": np.zeros((4, 99), np.float32)},
        {"scores": np.full((4, 100), np.nan, np.float32)},
    ],
    ids=str,
)
def test_a_bad_request_is_refused_and_changes_nothing(session_of, change):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(120))
    before = session.state()
    request = replace(request_for(session, 2, Mode.LAYER_HEAD), **change)
    with pytest.raises(NativeError):
        session.cache.round(request)
    assert session.state() == before


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


@pytest.mark.parametrize("head_dim", [64, 128])
def test_attention_after_rounds_is_that_over_each_heads_own_rows(model_of, session_of, head_dim):
    """One more token through one layer: logits against a float64 forward over gathered rows.

    Flash attention rounds F32 keys and values to F16, with or without a round; another head's
    rows are ten times further off.
    """
    shape = replace(LLAMA, n_layer=1, head_dim=head_dim, seed=3)
    session = with_score(session_of(shape, n_cells=256))
    session.feed(tokens(150))
    session.cache.round(request_for(session, 90, Mode.LAYER_HEAD))
    session.feed([7])
    found = session.logits()
    path = model_of(shape).path
    assert np.abs(found - _forward(path, session, shape, 7)).max() < 8e-3
    swapped = np.abs(found - _forward(path, session, shape, 7, swap_heads=True)).max()
    assert swapped > 8e-2


def _forward(path, session, shape, token: int, swap_heads: bool = False) -> np.ndarray:
    """Logits of the newest token of a one-layer llama whose cache holds it."""
    from tests.native.weights import read

    w = read(path)
    state = parse_state(session.state())
    hd, n_head, n_kv = shape.head_dim, shape.n_head, shape.kv_heads(0)
    k = dequantize(state.k[0], 0).astype(float).reshape(-1, n_kv, hd)
    v = dequantize(state.v[0], 0).astype(float).reshape(-1, n_kv, hd)
    x = w["token_embd.weight"][token]

    def norm(x, gain):
        return x / np.sqrt((x * x).mean() + 1e-5) * gain

    h = norm(x, w["blk.0.attn_norm.weight"])
    q = (w["blk.0.attn_q.weight"] @ h).reshape(n_head, hd)
    pos = session.n_past - 1
    omega = shape.rope_theta ** (-2.0 * np.arange(hd // 2) / hd)
    turned = (q[:, 0::2] + 1j * q[:, 1::2]) * np.exp(1j * pos * omega)
    q[:, 0::2], q[:, 1::2] = turned.real, turned.imag
    out = np.zeros((n_head, hd))
    for i in range(n_head):
        j = i // (n_head // n_kv)
        value = v[:, 1 - j] if swap_heads else v[:, j]
        out[i] = softmax(k[:, j] @ q[i] / np.sqrt(hd)) @ value
    x = x + w["blk.0.attn_output.weight"] @ out.ravel()
    h = norm(x, w["blk.0.ffn_norm.weight"])
    gate = w["blk.0.ffn_gate.weight"] @ h
    up = w["blk.0.ffn_up.weight"] @ h
    x = x + w["blk.0.ffn_down.weight"] @ (gate / (1 + np.exp(-gate)) * up)
    return w["output.weight"] @ norm(x, w["output_norm.weight"])
