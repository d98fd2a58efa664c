"""The published statistics, converted: the same keys are kept as by the published implementation.

From the method's own file format through our sidecar to the numpy oracle and to the library's
graphs. The golden scores and keep sets are described in tests/data/golden/README.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.native.models import Shape, write  # noqa: E402
from triagent.calibrate import make  # noqa: E402
from triagent.errors import SidecarError  # noqa: E402
from triagent.kv import score as sc  # noqa: E402
from triagent.kv.score import Mode  # noqa: E402
from triagent.kv.sidecar import read_sidecar, write_sidecar  # noqa: E402

DATA = Path(__file__).parents[1] / "data" / "golden" / "qwen3_8b.npz"
N_KEYS = 512
KEEP = {Mode.LAYER_HEAD: "per_layer_head", Mode.HEAD: "per_head", Mode.SHARED: "union"}
SHAPE = Shape("qwen3", 4, 64, 32, 8, 128, rope_theta=1e6)


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write(tmp_path_factory.mktemp("model") / "m.gguf", SHAPE)


def official_file(golden, path: Path) -> Path:
    """The statistics in the schema of the method's authors, as `torch.save` writes it."""
    stats = {}
    for il, head in np.ndindex(4, 32):
        fields = ("q_mean_real", "q_mean_imag", "q_abs_mean")
        parts = {name: torch.from_numpy(golden[name][il, head].copy()) for name in fields}
        stats[f"layer{il:02d}_head{head:02d}"] = parts
    heads = [[il, head] for il, head in np.ndindex(4, 32)]
    metadata = {"head_dim": 128, "rope_style": "half", "sampled_heads": heads}
    torch.save({"metadata": metadata, "stats": stats}, path)
    return path


@pytest.fixture(scope="module")
def stats(golden, model, tmp_path_factory):
    """Converted, written as a sidecar, and read again."""
    folder = tmp_path_factory.mktemp("stats")
    made = make.from_official(official_file(golden, folder / "official.pt"), model)
    write_sidecar(folder / "m.centers.gguf", made.stats)
    return read_sidecar(folder / "m.centers.gguf")


def wanted(golden, mode, kind):
    return golden[f"keep_{KEEP[mode]}_{kind}"].reshape(-1, int(golden["budget"]))


def test_conversion_keeps_every_number(stats, golden):
    for il in range(4):
        center = golden["q_mean_real"][il] + 1j * golden["q_mean_imag"][il]
        assert np.array_equal(stats.layers[il].q_center, center.astype(np.complex64))
        assert np.allclose(stats.layers[il].q_norm, golden["q_abs_mean"][il], rtol=1e-6)
    assert stats.recipe["converted_from"] == "official.pt" and stats.skipped == {}


@pytest.mark.parametrize("kind", ["pinned", "allowprefill"])
@pytest.mark.parametrize("mode", KEEP)
def test_the_oracle_keeps_the_golden_sets(stats, golden, mode, kind):
    """Identical but for ties nearer than the published code's own float32 rounding."""
    first = int(golden["prefix_length"]) if kind == "pinned" else 0
    n_keep = int(golden["budget"]) - first
    omega = golden["omega"].astype(np.float64)
    g = np.exp(1j * omega * np.asarray(sc.OFFSETS)[:, None]).mean(0)
    now = np.exp(1j * omega * int(golden["round_start"]))
    rows = []
    for il in range(4):
        layer = stats.layers[il]
        keys = sc.to_bands(golden["k_post"][il], sc.Pairing.HALF, 128)[:, first:]  # (8, n, 64)
        keys = np.repeat(keys, 4, 0)
        vector = layer.q_center.astype(np.complex128) * g * now
        weight = layer.q_norm.astype(np.float64) - np.abs(layer.q_center.astype(np.complex128))
        scores = np.real((vector[:, None] * keys.conj()).sum(-1))
        scores += (weight[:, None] * np.abs(keys)).sum(-1)  # (32, n)
        published = golden["scores_mean"][il][:, first:]
        assert (np.abs(scores - published) / published.std(1, keepdims=True)).max() < 5e-3
        rows.append(sc.znorm(scores).reshape(8, 4, -1).max(1))
    ranked = np.concatenate(rows)
    if mode is Mode.SHARED:
        ranked = ranked.max(0, keepdims=True)
    if mode is Mode.HEAD:
        ranked = ranked.reshape(4, 8, -1).mean(0)
    n_differ = 0
    for scores, golden_keep in zip(ranked, wanted(golden, mode, kind), strict=True):
        keep = set(range(first)) | {int(i) + first for i in np.argsort(-scores)[:n_keep]}
        differ = np.array(sorted(keep ^ set(golden_keep.tolist())), int)
        n_differ += len(differ) // 2
        threshold = np.sort(scores)[len(scores) - n_keep]
        assert (np.abs(scores[differ - first] - threshold) < 3e-4).all()
    assert n_differ <= (1 if mode is Mode.LAYER_HEAD else 0)


@pytest.mark.native
@pytest.mark.parametrize("mode", KEEP)
def test_the_library_keeps_the_golden_sets(stats, golden, mode, model):
    from tests.native import lib
    from triagent.engine.native import Kind, Request
    from triagent.kv.coefficients import layer_gain, published

    loaded = lib.Model(model)
    session = lib.Session(loaded, n_cells=768, n_ctx=16384, cache_type="f32")
    try:
        session.feed([1])
        magic = session.state()[:8]
        keys = golden["k_post"].transpose(0, 2, 1, 3).reshape(4, N_KEYS, -1).astype(np.float32)
        whole = np.concatenate([keys, np.zeros((4, 1, keys.shape[2]), np.float32)], 1)
        rows = [np.ascontiguousarray(layer).view(np.uint8) for layer in whole]
        pos = np.append(golden["positions"], golden["round_start"] - 1)
        assert session.set_state(lib.pack_state(magic, lib.CacheState(pos, rows, rows, 0, 0)))
        session.cache.sync(forget=True)
        coefficients = []
        for i, layer in enumerate(session.cache.layers):
            gain = layer_gain(lambda pos, x, i=i: session.cache.rope(i, pos, x), layer)
            mine = stats.layers[layer.il]
            coefficients.append(published([mine.q_center], [mine.q_norm], gain, layer))
        session.cache.set_score(Kind.COEF, True, 1.0, coefficients)
        cells = np.arange(int(golden["prefix_length"]), N_KEYS, dtype=np.int32)
        n_evict = N_KEYS - int(golden["budget"])
        request = Request(n_evict, mode, now=int(golden["round_start"]), cells=cells)
        evicted = session.cache.round(request, dry_run=True).evicted
    finally:
        session.close()
        loaded.close()
    n_differ = sum(
        len((set(range(N_KEYS)) - set(row.tolist())) ^ set(keep.tolist())) // 2
        for row, keep in zip(evicted, wanted(golden, mode, "pinned"), strict=True)
    )
    assert n_differ <= 2  # near ties: float32 RoPE turns by up to 5e-4 radians here


def test_statistics_of_another_model_are_refused_with_both_values(golden, tmp_path):
    path = official_file(golden, tmp_path / "official.pt")
    for other, words in (
        (Shape("qwen3", 4, 64, 16, 8, 128), "32 heads of 64 bands.*16 heads of 64 bands"),
        (Shape("qwen3", 4, 64, 32, 8, 64), "32 heads of 64 bands.*32 heads of 32 bands"),
        (Shape("qwen3", 2, 64, 32, 8, 128), "has layer 2 .*2 layers"),
    ):
        model = write(tmp_path / "other.gguf", other)
        with pytest.raises(SidecarError, match=words):
            make.from_official(path, model)
