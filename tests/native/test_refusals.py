"""What cannot be evicted from is refused, with its name and reason."""

from __future__ import annotations

import ctypes
from ctypes import byref
from dataclasses import replace

import numpy as np
import pytest

from tests.native.lib import Session, context_params
from tests.native.models import GEMMA3, LFM2, LLAMA, QWEN3
from tests.native.other_models import BLOOM, DSA, MAMBA, MLA, MPT
from tests.native.test_moves import request_for, with_score
from tests.native.test_scores import random_coefficients, tokens
from triagent.engine.abi import PlanStruct, Status
from triagent.engine.library import load
from triagent.engine.native import Kind, make_context, supported
from triagent.errors import NativeError, UnsupportedError
from triagent.kv.score import Mode

pytestmark = pytest.mark.native

LLAMA_SPLIT_MODE_TENSOR = 3


def params_of(model, **changes):
    params = context_params(model.lib, 4096, 128, "f16", True)
    for name, value in changes.items():
        setattr(params, name, value)
    return params


def test_a_plain_model_is_supported(model_of):
    model = model_of(LLAMA)
    assert supported(model.handle, params_of(model), 256) is None


REFUSED = {
    "bloom": (BLOOM, "ALiBi"),
    "mpt": (MPT, "ALiBi"),
    "mamba": (MAMBA, "recurrent-only memory"),
    "deepseek32": (DSA, "indexer cache"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_memory_that_cannot_be_evicted_from_is_named(model_of, name):
    shape, reason = REFUSED[name]
    model = model_of(shape)
    assert reason in supported(model.handle, params_of(model), 256)
    with pytest.raises(UnsupportedError, match=reason):
        make_context(model.handle, params_of(model), 256)


@pytest.mark.parametrize("name", REFUSED)
def test_the_engine_runs_it_unbounded_and_says_why(model_of, name):
    """Asked for a budget, it names the reason and goes on without one."""
    from triagent.config import CacheConfig, ModelConfig
    from triagent.engine.assembly import assemble
    from triagent.engine.engine import Engine

    shape, reason = REFUSED[name]
    config = ModelConfig(path=model_of(shape).path, gpu_layers=0, threads=1, n_ctx=512)
    engine = Engine(assemble(config, CacheConfig(budget=128, policy="streaming")))
    try:
        assert engine.hook is None and engine.parts.policy.name == "none"
        assert any("cannot be evicted from" in n and reason in n for n in engine.parts.notes)
        assert [*engine.feed(tokens(300))] and engine.n_pos == 300
    finally:
        engine.close()


def test_tensor_split_devices(model_of):
    """Weights and cache of one layer cut over devices: here over one, and that the CPU."""
    model = model_of(QWEN3)
    registry = ctypes.CDLL(str(load().folder / "libggml.so"))
    registry.ggml_backend_dev_by_type.restype = ctypes.c_void_p
    devices = (ctypes.c_void_p * 2)(registry.ggml_backend_dev_by_type(0), None)
    params = model.lib.llama_model_default_params()
    params.split_mode, params.n_gpu_layers = LLAMA_SPLIT_MODE_TENSOR, 99
    params.devices = ctypes.addressof(devices)
    handle = model.lib.llama_model_load_from_file(str(model.path).encode(), params)
    assert handle
    try:
        assert supported(handle, params_of(model), 256) == "tensor-split devices"
        with pytest.raises(UnsupportedError, match="tensor-split"):
            make_context(handle, params_of(model), 256)
    finally:
        model.lib.llama_model_free(handle)


def test_latent_attention_is_not_scored_but_may_stream(session_of):
    """MLA keeps one wide key per cell, of which RoPE turns the end: no vectors for that."""
    session = session_of(MLA, n_cells=256, cache_type="f16")
    info = session.cache.info()
    assert (info.can_score, info.can_move) == (0, 1)
    with pytest.raises(UnsupportedError, match="MLA: scoring unsupported"):
        session.cache.set_score(Kind.COEF, True, 1.0, random_coefficients(session))
    session.feed(tokens(200))
    made = np.arange(180, dtype=np.float32)[None]
    session.cache.round(request_for(session, 100, Mode.SHARED, scores=made))
    session.feed(tokens(100))
    assert session.cache.info().n_used == 200


@pytest.mark.parametrize(
    ("changes", "n_cells", "reason"),
    [
        ({"n_seq_max": 2}, 256, "n_seq_max = 2"),
        ({"ctx_type": 1}, 256, "draft"),
        ({}, 0, "n_cells = 0"),
        ({"n_batch": 512, "n_ubatch": 512}, 256, "at least 512"),
    ],
)
def test_parameters(model_of, changes, n_cells, reason):
    model = model_of(LLAMA)
    params = params_of(model, **changes)
    assert reason in supported(model.handle, params, n_cells)
    with pytest.raises(UnsupportedError, match=reason.split(" = ")[0]):
        make_context(model.handle, params, n_cells)


def test_a_window_that_would_starve(model_of):
    """Sliding-window layers need n_swa + n_ubatch cells of their own cache."""
    model = model_of(replace(GEMMA3, extra={"attention.sliding_window": 1024}))
    assert "sliding window 1024" in supported(model.handle, params_of(model), 512)
    assert supported(model.handle, params_of(model), 1280) is None


def test_no_layer_with_full_attention(model_of):
    model = model_of(replace(LFM2, extra=LFM2.extra | {"attention.sliding_window": 64}))
    with pytest.raises(UnsupportedError, match="full attention"):
        make_context(model.handle, params_of(model), 512)


def test_heads_that_are_not_whole_words(session_of):
    """Three blocks of Q8_0 are 102 bytes: rows of head 96 cannot move, shared sets still can go."""
    session = session_of(replace(QWEN3, head_dim=96), n_cells=256, cache_type="q8_0")
    assert not session.cache.info().can_move
    with_score(session)
    session.feed(tokens(100))
    with pytest.raises(UnsupportedError, match="whole words"):
        session.cache.round(request_for(session, 30, Mode.LAYER_HEAD))
    session.cache.round(request_for(session, 30, Mode.SHARED))
    assert session.cache.info().n_used == 70


def test_a_transposed_cache_gives_shared_sets_only(session_of):
    session = with_score(session_of(LLAMA, n_cells=256, flash=False))
    info = session.cache.info()
    assert (info.v_trans, info.can_move, info.can_score) == (1, 0, 1)
    session.feed(tokens(100))
    with pytest.raises(UnsupportedError, match="flash attention"):
        session.cache.round(request_for(session, 30, Mode.HEAD))
    session.cache.round(request_for(session, 30, Mode.SHARED_MEAN))
    session.feed(tokens(50))
    assert session.cache.info().n_used == 120


def test_a_second_sequence(model_of):
    """A plain context of several sequences is not for us."""
    model = model_of(LLAMA)
    params = params_of(model, n_seq_max=2, kv_unified=True)
    handle = model.lib.llama_init_from_model(model.handle, params)
    try:
        from triagent.engine.native import Cache

        with pytest.raises(NativeError, match="n_seq_max = 2"):
            Cache(handle)
    finally:
        model.lib.llama_free(handle)


def test_a_pending_shift_is_busy(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(50))
    session.lib.llama_memory_seq_add(session.memory, 0, 10, -1, 3)
    with pytest.raises(NativeError, match="shift"):
        session.cache.round(request_for(session, 5, Mode.SHARED))
    free = np.array([3], np.int32)
    from tests.native.test_plans import pointer

    plan = PlanStruct(1, 0, pointer(free), None, None)
    status = session.cache.lib.llama_kv_evict_apply(session.handle, byref(plan))
    assert status == Status.BUSY


def test_an_unset_score_is_named(session_of):
    session = session_of(LLAMA, n_cells=256)
    session.feed(tokens(50))
    with pytest.raises(NativeError, match="no score"):
        session.cache.round(request_for(session, 5, Mode.SHARED))


def test_a_null_context():
    from triagent.engine.native import functions

    lib = functions()
    assert lib.llama_kv_evict_get_info(None, None) == Status.INVALID
    assert lib.llama_kv_evict_last_error(None) == b"ctx is NULL"


def test_a_plain_context_can_be_evicted_from_too(model_of):
    """init_from_model is for the number of cells only."""
    session = Session(model_of(LLAMA), n_cells=None, n_ctx=512)
    assert session.cache.info().n_cells == 512
    session.feed(tokens(300))
    with_score(session)
    session.cache.round(request_for(session, 100, Mode.LAYER_HEAD))
    session.feed(tokens(250))
    session.close()


def test_positions_run_past_the_cells_and_the_window(session_of):
    session = with_score(session_of(LLAMA, n_cells=256, n_ctx=512))
    while session.n_past < 1500:
        session.feed(tokens(50))
        if session.cache.info().n_used > 150:
            session.cache.round(request_for(session, 100, Mode.HEAD))
    assert session.cache.info().pos_max == 1499


def test_cells_are_rounded_up_to_256(session_of):
    assert session_of(LLAMA, n_cells=300).cache.info().n_cells == 512


def test_layers_know_who_reads_them(session_of):
    cache = session_of(GEMMA3, n_cells=512).cache
    assert [layer.il for layer in cache.layers] == [5]
    assert cache.layers[0].readers == (5,)
    hybrid = session_of(LFM2, n_cells=256).cache
    assert [layer.il for layer in hybrid.layers] == [1, 2]
    assert hybrid.info().memory == b"hybrid"
    assert cache.info().memory == b"iswa"
    assert cache.info().bytes_other > 0


def test_layers_may_have_different_numbers_of_vectors(session_of):
    """Fewer vectors are filled up in a way that no score shows."""
    session = session_of(LLAMA, n_cells=256)
    session.feed(tokens(100))
    made = random_coefficients(session, n_vec=3)
    fewer = replace(made[0], vectors=made[0].vectors[:, :1], weights=made[0].weights[:, :1])
    session.cache.set_score(Kind.COEF, True, 1.0, [fewer, made[1]])
    request = request_for(session, 1, Mode.LAYER_HEAD)
    vectors, _ = session.cache.score(request, vector_mode=True)
    assert len(vectors) == 2 * 1 + 2 * 3
    rows, _ = session.cache.score(request)
    z = (vectors - vectors.mean(1, keepdims=True)) / vectors.std(1, keepdims=True)
    wanted = np.stack([z[0], z[1], z[2:5].max(0), z[5:8].max(0)])
    assert np.abs(rows - wanted).max() < 1e-4
