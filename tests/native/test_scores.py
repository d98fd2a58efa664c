"""The library's scores against a float64 oracle on the same cached keys.

Two ways: graphs on the backend with the layer's own RoPE; and numpy on keys read from the
sequence's state, with RoPE computed here from the model's metadata.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.native.models import GEMMA3, LFM2, LLAMA, QWEN3, Shape
from tests.native.oracle import row_scores, set_scores, vector_scores
from triagent.engine.native import Kind, Request
from triagent.errors import NativeError
from triagent.kv.coefficients import Coefficients
from triagent.kv.score import Mode, keydiff, knorm
from triagent.kv.spans import Spans

pytestmark = pytest.mark.native

LLAMA3_FREQS = tuple(np.linspace(1.0, 8.0, 32))
LONG, SHORT = tuple(np.linspace(1.0, 30.0, 48)), tuple(np.linspace(1.0, 1.5, 48))
YARN = {
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": 4.0,
    "rope.scaling.original_context_length": 1024,
}

SHAPES = {
    "adjacent": LLAMA,
    "half, normed": QWEN3,
    "one query head per KV head": replace(LLAMA, n_head=2),
    "three query heads per KV head": replace(QWEN3, n_head=6),
    "head of 80": replace(LLAMA, head_dim=80),
    "head of 96": replace(QWEN3, head_dim=96),
    "head of 128": replace(QWEN3, head_dim=128),
    "head of 256, one KV head": replace(QWEN3, head_dim=256, n_head=2, n_head_kv=1),
    "llama3 factors": replace(LLAMA, rope_freqs=LLAMA3_FREQS, rope_theta=5e5),
    "linear": replace(LLAMA, extra={"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}),
    "YaRN, half": replace(QWEN3, extra=YARN),
    "YaRN, adjacent": replace(LLAMA, extra=YARN),
    "partial, half": Shape("stablelm", n_embd=256, n_head=4, n_head_kv=4, n_rot=16),
    "partial, adjacent": Shape("chatglm", n_embd=256, n_head=4, n_rot=32),
    "sliding window": GEMMA3,
    "hybrid": LFM2,
}
TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0"]


def tokens(n: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 64, n).tolist()


def random_coefficients(session, n_vec=None, seed=0, rotated_only=False) -> list[Coefficients]:
    rng = np.random.default_rng(seed)
    made = []
    for layer in session.cache.layers:
        g = n_vec or layer.n_head // layer.n_head_kv
        vectors = rng.standard_normal((layer.n_head_kv, g, layer.head_dim)).astype(np.float32)
        if rotated_only:
            vectors[..., layer.n_rot :] = 0
        weights = rng.standard_normal((layer.n_head_kv, g, layer.n_band)).astype(np.float32)
        made.append(Coefficients(vectors, weights))
    return made


def worst_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference in standard deviations of its row."""
    assert found.shape == wanted.shape
    return float((np.abs(found - wanted) / wanted.std(-1, keepdims=True)).max())


def fed_session(session_of, shape, n=150, **options):
    session = session_of(shape, **options)
    session.feed(tokens(n))
    return session


def candidate_keys(session, cells):
    """Keys of candidates: the state lists used cells in ascending order, here without holes."""
    from tests.native.lib import keys_of

    return [k[cells] for k in keys_of(session)]


@pytest.mark.parametrize("name", SHAPES)
def test_every_vector_scores_as_in_float64(session_of, tolerance, name):
    shape = SHAPES[name]
    session = fed_session(session_of, shape)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, False, 1.0, coefficients)
    request = Request(1, Mode.LAYER_HEAD, now=150, protect=Spans(((0, 4), (131, 150))))
    found, cells = session.cache.score(request, vector_mode=True)
    assert len(cells) == 127  # odd, and not all
    keys = candidate_keys(session, cells)
    wanted = vector_scores(shape, keys, coefficients, now=150)
    flat = np.concatenate([w.reshape(-1, len(cells)) for w in wanted])
    assert worst_error(found, flat) < tolerance(2e-4)


@pytest.mark.parametrize("n_vec", [9, 17])
def test_more_vectors_than_one_product_takes(session_of, tolerance, n_vec):
    session = fed_session(session_of, QWEN3, cache_type="f16")
    coefficients = random_coefficients(session, n_vec)
    session.cache.set_score(Kind.COEF, False, 1.0, coefficients)
    found, cells = session.cache.score(Request(1, Mode.LAYER_HEAD, now=150), vector_mode=True)
    wanted = vector_scores(QWEN3, candidate_keys(session, cells), coefficients, now=150)
    flat = np.concatenate([w.reshape(-1, len(cells)) for w in wanted])
    assert worst_error(found, flat) < tolerance(2e-4)


@pytest.mark.parametrize("cache_type", TYPES)
@pytest.mark.parametrize("arch", ["llama", "qwen3"])
def test_every_cache_type_scores_its_dequantized_keys(session_of, tolerance, arch, cache_type):
    shape = replace(LLAMA if arch == "llama" else QWEN3, head_dim=128)
    session = fed_session(session_of, shape, cache_type=cache_type)
    assert session.cache.info().k_rotated == (cache_type in ("q8_0", "q4_0"))
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, False, 1.0, coefficients)
    request = Request(1, Mode.LAYER_HEAD, now=777)
    found, cells = session.cache.score(request, vector_mode=True)
    wanted = vector_scores(shape, candidate_keys(session, cells), coefficients, now=777)
    flat = np.concatenate([w.reshape(-1, len(cells)) for w in wanted])
    assert worst_error(found, flat) < tolerance(2e-4)


def test_vectors_alone_and_weights_alone(session_of, tolerance):
    """Without weights a rotated cache is not un-rotated, the vector is rotated instead."""
    session = fed_session(session_of, QWEN3, cache_type="q8_0")
    both = random_coefficients(session)
    now = 150
    parts = {}
    for name, keep in {"both": (1, 1), "vectors": (1, 0), "weights": (0, 1)}.items():
        _set_parts(session, both, *keep)
        parts[name], _ = session.cache.score(Request(1, Mode.LAYER_HEAD, now), vector_mode=True)
    assert worst_error(parts["vectors"] + parts["weights"], parts["both"]) < tolerance(1e-4)


def _set_parts(session, coefficients, with_vectors, with_weights):
    """As Cache.set_score, with NULL for a term that is left out."""
    from ctypes import POINTER, c_float

    from triagent.engine.abi import CoefStruct

    structs = (CoefStruct * len(coefficients))()
    for struct, layer in zip(structs, coefficients, strict=True):
        struct.n_vec = layer.vectors.shape[1]
        if with_vectors:
            struct.vecs = layer.vectors.ctypes.data_as(POINTER(c_float))
        if with_weights:
            struct.weights = layer.weights.ctypes.data_as(POINTER(c_float))
    cache = session.cache
    status = cache.lib.llama_kv_evict_set_score(cache.context, 1, 0, 1.0, structs, len(structs))
    assert status == 0


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("normalize", [True, False], ids=["z-norm", "raw"])
def test_sets_rank_by_the_mode(session_of, tolerance, mode, normalize):
    session = fed_session(session_of, QWEN3)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, normalize, 1.0, coefficients)
    found, cells = session.cache.score(Request(1, mode, now=150))
    vectors = vector_scores(QWEN3, candidate_keys(session, cells), coefficients, now=150)
    wanted = set_scores(row_scores(vectors, normalize), 2, mode)
    assert np.abs(found - wanted).max() < tolerance(1e-3) * wanted.std()


def test_scores_far_from_zero_keep_their_digits(session_of):
    """A mean thousands of standard deviations away must not drown the z-norm."""
    session = fed_session(session_of, QWEN3)
    coefficients = random_coefficients(session, n_vec=2)
    for layer in coefficients:
        layer.weights[:] = 100 + 0.01 * layer.weights
        layer.vectors[:] *= 0.01
    session.cache.set_score(Kind.COEF, True, 1.0, coefficients)
    found, cells = session.cache.score(Request(1, Mode.LAYER_HEAD, now=150))
    vectors = vector_scores(QWEN3, candidate_keys(session, cells), coefficients, now=150)
    assert np.abs(found - row_scores(vectors, True)).max() < 0.05


@pytest.mark.parametrize("n_ctx", [4096, 65536])
def test_long_rope_factors_follow_the_window_and_not_the_cells(session_of, tolerance, n_ctx):
    shape = Shape(
        "phi3",
        n_embd=192,
        n_head=2,
        n_head_kv=2,
        head_dim=96,
        n_ctx_train=131072,
        rope_long=LONG,
        rope_short=SHORT,
        extra={"rope.scaling.original_context_length": 4096, "rope.scaling.attn_factor": 1.19},
    )
    session = fed_session(session_of, shape, n_ctx=n_ctx, n_cells=256)
    assert session.cache.info().n_cells == 256
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, False, 1.0, coefficients)
    found, cells = session.cache.score(Request(1, Mode.LAYER_HEAD, now=150), vector_mode=True)
    keys = candidate_keys(session, cells)
    wanted = vector_scores(shape, keys, coefficients, now=150, longer=n_ctx > 4096)
    flat = np.concatenate([w.reshape(-1, len(cells)) for w in wanted])
    scale = (found * flat).sum() / (flat * flat).sum()
    assert scale == pytest.approx(1.19, rel=1e-3)  # attn_factor, over both terms
    assert worst_error(found, scale * flat) < tolerance(2e-3)


@pytest.mark.parametrize("cache_type", ["f32", "f16", "q8_0"])
def test_key_norm_and_key_difference(session_of, tolerance, cache_type):
    session = fed_session(session_of, QWEN3, cache_type=cache_type)
    for kind, oracle in ((Kind.KNORM, knorm), (Kind.KEYDIFF, keydiff)):
        session.cache.set_score(kind, scale=-1.0)
        found, cells = session.cache.score(Request(1, Mode.LAYER_HEAD, now=150))
        keys = candidate_keys(session, cells)
        sign = -1.0 if kind is Kind.KNORM else 1.0
        wanted = [sign * oracle(k[:, h]) for k in keys for h in range(k.shape[1])]
        assert worst_error(found, np.stack(wanted)) < tolerance(2e-4)


def test_a_large_cache_is_scored_in_parts_alike(session_of, tolerance):
    """More candidates than one chunk of scratch memory holds: heads of a layer in turn."""
    shape = replace(QWEN3, n_layer=1, n_head=8, n_head_kv=8, head_dim=256)
    session = session_of(shape, n_cells=8192, n_batch=512, cache_type="f16", n_ctx=16384)
    state_rows(session, 8000)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, True, 1.0, coefficients)
    found, cells = session.cache.score(Request(1, Mode.LAYER_HEAD, now=8000))
    assert session.cache.info().bytes_extra < 64 << 20
    vectors = vector_scores(shape, candidate_keys(session, cells), coefficients, now=8000)
    assert np.abs(found - row_scores(vectors, True)).max() < tolerance(1e-3)


def state_rows(session, n: int) -> None:
    """Fill n cells with random F16 rows: quicker than to decode them."""
    from tests.native.lib import CacheState, pack_state

    rng = np.random.default_rng(1)
    layers = session.cache.layers
    width = layers[0].n_head_kv * layers[0].head_dim
    session.feed([1])
    magic = session.state()[:8]
    rows = [rng.standard_normal((n, width)).astype(np.float16).view(np.uint8) for _ in layers]
    assert session.set_state(pack_state(magic, CacheState(np.arange(n), rows, rows, 1, 1)))
    session.cache.sync(forget=True)
    session.n_past = n


@pytest.mark.parametrize("cache_type", ["f32", "q8_0"])
def test_scores_stay_right_through_rounds_roll_backs_and_restores(
    session_of, tolerance, cache_type
):
    """Norms are computed once and move with their rows: every history must leave them right."""
    from tests.native.lib import keys_of
    from tests.native.test_moves import request_for

    shape = replace(QWEN3, head_dim=128)
    session = session_of(shape, n_cells=512, cache_type=cache_type)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, False, 1.0, coefficients)

    def check():
        request = Request(1, Mode.LAYER_HEAD, now=session.n_past)
        found, cells = session.cache.score(request, vector_mode=True)
        used = np.flatnonzero(session.cache.cells() >= 0)
        keys = [k[np.searchsorted(used, cells)] for k in keys_of(session)]
        wanted = vector_scores(shape, keys, coefficients, now=session.n_past)
        flat = np.concatenate([w.reshape(-1, len(cells)) for w in wanted])
        assert worst_error(found, flat) < tolerance(2e-4)

    session.feed(tokens(300))
    for mode in (Mode.LAYER_HEAD, Mode.HEAD, Mode.SHARED):
        session.cache.round(request_for(session, 120, mode))
        session.feed(tokens(90, 1))
        check()
    session.remove_from(session.n_past - 10)
    session.feed(tokens(10, 2))  # other keys at the same positions, perhaps in the same cells
    check()
    session.feed(tokens(5, 3))  # a round that scores nothing still moves norms of new rows
    n = session.cache.shape(request_for(session, 1, Mode.LAYER_HEAD))[0]
    scores = np.random.default_rng(0).standard_normal((4, n)).astype(np.float32)
    session.cache.round(request_for(session, 50, Mode.LAYER_HEAD, scores=scores))
    check()
    state = session.state()
    session.lib.llama_memory_clear(session.memory, True)
    session.feed(tokens(200, 4))
    assert session.set_state(state)
    session.cache.sync(forget=True)
    session.n_past = session.cache.info().pos_max + 1
    check()


def test_the_graph_is_reused_and_remade_when_the_shape_changes(session_of):
    session = fed_session(session_of, QWEN3)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, True, 1.0, coefficients)
    whole = Request(1, Mode.LAYER_HEAD, now=150)
    part = replace_request(whole, protect=Spans(((0, 20),)))
    first, _ = session.cache.score(whole)
    session.cache.score(part)
    again, _ = session.cache.score(whole)
    later, _ = session.cache.score(replace_request(whole, now=5000))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)


def replace_request(request: Request, **changes) -> Request:
    return replace(request, **changes)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c[:-1],
        lambda c: [replace(c[0], vectors=c[0].vectors * np.nan), *c[1:]],
        lambda c: [replace(c[0], weights=c[0].weights * np.inf), *c[1:]],
    ],
    ids=["a layer too few", "vectors not finite", "weights not finite"],
)
def test_bad_coefficients_are_refused_and_the_old_ones_stay(session_of, spoil):
    session = fed_session(session_of, QWEN3)
    coefficients = random_coefficients(session)
    session.cache.set_score(Kind.COEF, True, 1.0, coefficients)
    before, _ = session.cache.score(Request(1, Mode.LAYER_HEAD, now=150))
    with pytest.raises(NativeError):
        session.cache.set_score(Kind.COEF, True, 1.0, spoil(coefficients))
    after, _ = session.cache.score(Request(1, Mode.LAYER_HEAD, now=150))
    assert np.array_equal(before, after)


def test_rotating_vectors_is_the_models_rope(session_of):
    from tests.native.oracle import rope_of

    shape = SHAPES["YaRN, half"]
    session = fed_session(session_of, shape, n=1)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((5, 64)).astype(np.float32)
    pos = np.array([0, 1, 17, 300, 4000], np.int32)
    omega, magnitude = rope_of(shape)
    bands = vectors[:, :32] + 1j * vectors[:, 32:]
    turned = magnitude * bands * np.exp(1j * pos[:, None] * omega)
    found = session.cache.rope(0, pos, vectors)
    assert np.allclose(found, np.concatenate([turned.real, turned.imag], 1), atol=2e-3)
