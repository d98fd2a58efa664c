"""Centers and features from the engine, beside a float64 forward pass written from scratch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.native]

from tests.calibrate.forward import HALVES, forward  # noqa: E402
from tests.native.models import LLAMA, QWEN3, write  # noqa: E402
from triagent.calibrate import measure  # noqa: E402
from triagent.calibrate.text import twice  # noqa: E402
from triagent.config import CacheConfig, ModelConfig  # noqa: E402
from triagent.engine.capture import Capture, Kind  # noqa: E402
from triagent.engine.forward import Forward  # noqa: E402
from triagent.engine.trial import Trial, ranking  # noqa: E402

IDS = np.random.default_rng(5).integers(0, LLAMA.n_vocab, 700).tolist()


@pytest.fixture(params=[LLAMA, QWEN3], ids=["adjacent", "half-and-q_norm"])
def model(request, tmp_path):
    path = write(tmp_path / "m.gguf", request.param)
    return path, request.param, ModelConfig(path=path, threads=1, gpu_layers=0)


class Exact(Forward):
    """Without flash attention, whose own rounding on the CPU reaches 5e-3 in the next layer."""

    N_CHUNK = 512

    def __init__(self, config, n_ctx, kinds, sink, n_chunk=512):
        some = {*kinds, Kind.ATTENTION}
        super().__init__(config, n_ctx, some, lambda c: c.kind in kinds and sink(c), self.N_CHUNK)


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(measure, "Forward", Exact)


def test_centers_equal_a_forward_pass_written_from_scratch(kind, exact):
    """Both pairings, groups, q_norm, biases, partial rotary: within 1e-4."""
    shape, ids = kind.shape, IDS[:400]
    centers = measure.measure_centers(kind.config, [ids])
    queries, _, _ = forward(kind.path, shape, ids)
    assert [layer.layer for layer in centers.layers] == list(range(shape.n_layer))
    for layer, q in zip(centers.layers, queries, strict=True):
        n = shape.n_rot or shape.head_dim
        q = q[..., :n]
        re, im = (q[..., : n // 2], q[..., n // 2 :]) if layer.half else (q[..., ::2], q[..., 1::2])
        mu, m = torch.complex(re, im).mean(0).numpy(), torch.complex(re, im).abs().mean(0).numpy()
        size = np.linalg.norm(m)
        assert layer.q_center.shape == (shape.n_head, n // 2)
        assert np.linalg.norm(layer.q_center - mu) < 1e-4 * size
        assert np.linalg.norm(layer.q_norm - m) < 1e-4 * size
        assert layer.half == (shape.arch in HALVES)


def test_captured_keys_are_what_attention_uses(kind):
    """Way two of capture: keys leave RoPE as the forward pass has them."""
    seen = {}
    with Forward(
        kind.config, 256, {Kind.KEY}, lambda c: seen.setdefault(c.layer, []).append(c.array)
    ) as f:
        f.feed(IDS[:200])
    _, _, keys = forward(kind.path, kind.shape, IDS[:200])
    for il, k in enumerate(keys):
        got = np.concatenate(seen[il])
        assert np.abs(got - k.numpy()).max() < 1e-3 * np.abs(got).max()


class BothSides(Capture):
    """Also keeps what the RoPE nodes of queries put out. The first graph is single-stepped."""

    outputs: ClassVar[dict[int, np.ndarray]] = {}

    def _computed(self, tensor):
        stop = self._learning.get(self._index)
        if stop is not None and stop.kind is Kind.QUERY:
            self.outputs[stop.layer] = self._api.read(tensor)[0]
        return super()._computed(tensor)


def test_what_rope_puts_out_turned_back_is_what_was_captured_before_it(kind, monkeypatch):
    monkeypatch.setattr("triagent.engine.forward.Capture", BothSides)
    BothSides.outputs.clear()
    n, inputs = 150, {}
    with Forward(
        kind.config, 256, {Kind.QUERY}, lambda c: inputs.setdefault(c.layer, c.array)
    ) as f:
        f.feed(IDS[:n])
        for i, layer in enumerate(f.cache.layers):
            out = BothSides.outputs[layer.il]  # (n, n_head, head_dim)
            at = -np.repeat(np.arange(n), layer.n_head)
            flat = out.reshape(-1, layer.head_dim)
            back = f.cache.rope(i, at, flat).reshape(out.shape) / f.cache.rope_magnitude[i] ** 2
            captured = inputs[layer.il]
            assert np.abs(out - captured).max() > 0.1  # it did turn
            rotated = slice(0, layer.n_rot)
            error = np.abs(back - captured)[..., rotated].max()
            assert error < 1e-4 * np.abs(captured).max()
            assert np.array_equal(out[..., layer.n_rot :], captured[..., layer.n_rot :])


def test_flash_attention_moves_centers_by_less_than_texts_do(kind):
    rounded = measure.measure_centers(kind.config, [IDS[:400]])
    queries, _, _ = forward(kind.path, kind.shape, IDS[:400])
    for layer, q in zip(rounded.layers, queries, strict=True):
        q = q[..., : layer.n_rot].numpy()
        n = layer.n_rot // 2
        z = q[..., :n] + 1j * q[..., n:] if layer.half else q[..., ::2] + 1j * q[..., 1::2]
        assert np.linalg.norm(layer.q_center - z.mean(0)) < 2e-3 * np.linalg.norm(z.mean(0))


def test_in_chunks_equals_at_once(kind, exact, monkeypatch):
    ids = IDS[:100]
    whole = measure.measure_centers(kind.config, [ids])
    monkeypatch.setattr(Exact, "N_CHUNK", 7)
    parts = measure.measure_centers(kind.config, [ids])
    for a, b in zip(whole.layers, parts.layers, strict=True):
        assert a.n_tokens == b.n_tokens == 100
        size = np.linalg.norm(a.q_norm)
        assert np.linalg.norm(a.q_center - b.q_center) < 1e-5 * size
        assert np.linalg.norm(a.q_norm - b.q_norm) < 1e-5 * size


def test_texts_apart_give_the_centers_of_both_together(model):
    _, _, config = model
    whole = measure.measure_centers(config, [IDS[:300], IDS[300:600]])
    first = measure.measure_centers(config, [IDS[:300]])
    second = measure.measure_centers(config, [IDS[300:600]])
    for a, b, c in zip(whole.layers, first.layers, second.layers, strict=True):
        np.testing.assert_allclose(a.q_center, (b.q_center + c.q_center) / 2, atol=1e-9)
    assert whole.trace[-1][0] == 600


def test_a_feature_times_a_vector_is_the_turned_vector_times_the_key(model):
    """The fit's features are those of the run-time score: <R(t) a, c>."""
    _, shape, config = model
    text = twice(IDS[:200], 4)
    chunks = []
    with Forward(
        config, 512, {Kind.KEY}, lambda c: c.layer == 1 and chunks.append(c.array), n_chunk=64
    ) as f:
        f.feed(text.ids, cut=text.seam)
        keys = np.concatenate(chunks)[: text.seam]
        features = measure.key_features(f, 1, [keys], text).numpy()
        layer = f.cache.layers[1]
        vector = np.random.default_rng(1).normal(size=shape.head_dim).astype(np.float32)
        turned = f.rotate(1, text.seam, vector[None])[0]
    n = shape.head_dim
    halves = shape.arch == "qwen3"
    bands = vector if halves else np.concatenate([vector[0::2], vector[1::2]])
    candidates = keys[text.n_prompt : text.seam - measure.N_WINDOW]
    for head in range(layer.n_head_kv):
        want = candidates[:, head] @ turned
        np.testing.assert_allclose(features[head, :, :n] @ bands, want, atol=2e-3)


def test_a_fit_has_one_vector_and_signed_weights_a_kv_head(model):
    _, shape, config = model
    text = twice(IDS[:330], 4)  # more keys than features
    fits = measure.measure_fit(config, [text])
    assert [fit.layer for fit in fits] == list(range(shape.n_layer))
    for fit in fits:
        assert fit.vec.shape == (2, shape.head_dim)
        assert fit.weight.shape == (2, shape.head_dim // 2)
        assert np.isfinite(fit.vec).all() and (fit.weight < 0).any()
        assert (fit.correlation > 0).all()


def test_a_question_leaves_no_trace_and_a_text_comes_back_whole(model):
    _, _, config = model
    with Trial(config, None, 600, CacheConfig(interval=32, n_window=64)) as trial:
        text = trial.read(IDS[:500], 8)
        trial.compress(text, ranking("knorm"), 200)
        assert trial.engine.status().n_used == 200
        question = (IDS[500:510], [1, 2])
        first = trial.ask(*question)
        before = trial.hook.cache.positions().copy()
        assert trial.ask(*question) == first
        assert (trial.hook.cache.positions() == before).all()
        assert trial.engine.n_pos == 500
        trial.compress(text, None, 0)
        assert trial.engine.status().n_used == 500


def test_streaming_never_holds_more_than_budget_and_interval(model):
    _, _, config = model
    with Trial(config, None, 600, CacheConfig(interval=32, n_window=64)) as trial:
        trial.stream(IDS, 8, ranking("random"), 200)
        assert trial.engine.status().n_used <= 232
        assert trial.engine.n_pos == len(IDS)
