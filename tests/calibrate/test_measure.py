"""Centers and features from the engine, beside a float64 forward pass written from scratch."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.native]

from tests.native.models import LLAMA, QWEN3, Shape, write  # noqa: E402
from triagent.calibrate import measure  # noqa: E402
from triagent.calibrate.text import twice  # noqa: E402
from triagent.config import CacheConfig, ModelConfig  # noqa: E402
from triagent.engine.capture import Kind  # noqa: E402
from triagent.engine.forward import Forward  # noqa: E402
from triagent.engine.trial import Trial, ranking  # noqa: E402

IDS = np.random.default_rng(5).integers(0, LLAMA.n_vocab, 700).tolist()


def weights_of(path):
    import gguf

    reader = gguf.GGUFReader(path)
    return {t.name: torch.from_numpy(np.array(t.data)).double() for t in reader.tensors}


def rms(x, gain):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * gain


def rope(x, theta, half):
    """(n_tokens, n_head, head_dim), rotated by position."""
    n, n_rot = x.shape[0], x.shape[2]
    omega = theta ** (-torch.arange(0, n_rot, 2, dtype=torch.float64) / n_rot)
    angle = torch.arange(n, dtype=torch.float64)[:, None, None] * omega
    a, b = (x[..., : n_rot // 2], x[..., n_rot // 2 :]) if half else (x[..., ::2], x[..., 1::2])
    c, d = a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()
    if half:
        return torch.cat([c, d], -1)
    return torch.stack([c, d], -1).flatten(-2)


def forward(path, shape: Shape, ids):
    """Queries before RoPE and keys after it, of every layer: (n_tokens, heads, head_dim)."""
    w, half = weights_of(path), shape.arch == "qwen3"
    x, queries, keys = w["token_embd.weight"][torch.tensor(ids)], [], []
    for il in range(shape.n_layer):
        get = lambda name, il=il: w[f"blk.{il}.{name}.weight"]  # noqa: E731
        h = rms(x, get("attn_norm"))
        q, k, v = (
            (h @ get(name).T).view(len(ids), -1, shape.head_dim)
            for name in ("attn_q", "attn_k", "attn_v")
        )
        if half:
            q, k = rms(q, get("attn_q_norm")), rms(k, get("attn_k_norm"))
        queries.append(q)
        group = shape.n_head // shape.kv_heads(il)
        q, k = rope(q, shape.rope_theta, half), rope(k, shape.rope_theta, half)
        keys.append(k)
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        logits = torch.einsum("thd,shd->hts", q, k) / shape.head_dim**0.5
        mask = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()
        a = logits.masked_fill(~mask, -torch.inf).softmax(-1)
        x = x + torch.einsum("hts,shd->thd", a, v).flatten(1) @ get("attn_output").T
        h = rms(x, get("ffn_norm"))
        x = (
            x
            + (torch.nn.functional.silu(h @ get("ffn_gate").T) * (h @ get("ffn_up").T))
            @ get("ffn_down").T
        )
    return queries, keys


@pytest.fixture(params=[LLAMA, QWEN3], ids=["adjacent", "half-and-q_norm"])
def model(request, tmp_path):
    path = write(tmp_path / "m.gguf", request.param)
    return path, request.param, ModelConfig(path=path, threads=1, gpu_layers=0)


def test_centers_equal_a_forward_pass_written_from_scratch(model):
    path, shape, config = model
    centers = measure.measure_centers(config, [IDS[:400]])
    queries, _ = forward(path, shape, IDS[:400])
    assert [layer.layer for layer in centers.layers] == list(range(shape.n_layer))
    for layer, q in zip(centers.layers, queries, strict=True):
        n = shape.head_dim
        re, im = (q[..., : n // 2], q[..., n // 2 :]) if layer.half else (q[..., ::2], q[..., 1::2])
        mu, m = torch.complex(re, im).mean(0).numpy(), torch.complex(re, im).abs().mean(0).numpy()
        size = np.linalg.norm(m)
        assert np.linalg.norm(layer.q_center - mu) < 1e-4 * size
        assert np.linalg.norm(layer.q_norm - m) < 1e-4 * size
        assert layer.half == (shape.arch == "qwen3")


def test_captured_queries_turned_by_rope_are_what_attention_uses(model):
    """Way two of capture: keys leave RoPE as the forward pass has them."""
    path, shape, config = model
    seen = {}
    with Forward(
        config, 256, {Kind.KEY}, lambda c: seen.setdefault(c.layer, []).append(c.array)
    ) as f:
        f.feed(IDS[:200])
    _, keys = forward(path, shape, IDS[:200])
    for il, k in enumerate(keys):
        got = np.concatenate(seen[il])
        assert np.abs(got - k.numpy()).max() < 1e-3 * np.abs(got).max()


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
