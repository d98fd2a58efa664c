"""Mean logits by distance, beside loops over every pair; the series, beside its formula."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.calibrate.forward import HALVES, forward, rope  # noqa: E402
from triagent.calibrate import measure, reconstruct  # noqa: E402
from triagent.calibrate.reconstruct import DISTANCES, LayerCurves  # noqa: E402

IDS = np.random.default_rng(6).integers(0, 64, 400).tolist()
TEXTS = [IDS[:200], IDS[200:400]]


def complex_rows(seed, n=30, width=5):
    x = torch.randn(2, n, width, 2, generator=torch.Generator().manual_seed(seed))
    return torch.view_as_complex(x.double())


def test_lags_are_sums_over_every_pair_of_that_distance():
    q, k = complex_rows(1)
    got = reconstruct._lags(q, k)
    for d in range(16):
        want = sum((q[t] * k[t - d].conj()).sum().real for t in range(d, 30))
        assert got[d] == pytest.approx(float(want), abs=1e-9)


def test_a_curve_that_is_the_prediction_has_r_one_and_its_opposite_minus_one():
    predicted = np.stack([np.cos(DISTANCES / 50), np.ones(len(DISTANCES))])
    curves = LayerCurves(0, np.array([1.0, 1.0])[:, None] * predicted[:, :90], predicted, predicted)
    assert curves.r[0] == pytest.approx(1)
    assert np.isnan(curves.r[1])  # a level line tells nothing
    assert LayerCurves(0, 3 - 2 * predicted[:, :90], predicted, predicted).r[0] == pytest.approx(-1)


@pytest.mark.native
def test_measured_and_predicted_logits_equal_loops_over_a_forward_pass(kind):
    shape = kind.shape
    centers = measure.measure_centers(kind.config, [IDS])
    found = reconstruct.measure_curves(kind.config, centers.layers, TEXTS)
    passes = [forward(kind.path, shape, ids) for ids in TEXTS]
    far = DISTANCES[DISTANCES <= 100]
    n_rot, group = shape.n_rot or shape.head_dim, shape.n_head // shape.kv_heads(0)
    half = shape.arch in HALVES
    for il, (curves, center) in enumerate(zip(found, centers.layers, strict=True)):
        logits, keys = np.zeros((shape.n_head, 100 + 1)), []
        for queries, keys_pre, turned in passes:
            q = rope(queries[il], shape.rope_theta, half, n_rot).numpy()
            k = turned[il].repeat_interleave(group, 1).numpy()
            keys.append(keys_pre[il].repeat_interleave(group, 1).numpy())
            for d in range(101):
                logits[:, d] += (q[d:] * k[: len(k) - d]).sum((0, 2))
        want = logits[:, far] / (2 * (200 - far)) / shape.head_dim**0.5
        size = np.abs(want).max()
        assert np.abs(curves.measured - want).max() < 5e-3 * size  # flash attention's rounding
        key = np.concatenate(keys)[..., :n_rot].mean(0)
        n = n_rot // 2
        key = key[:, :n] + 1j * key[:, n:] if half else key[:, ::2] + 1j * key[:, 1::2]
        omega = shape.rope_theta ** (-np.arange(n) / n)
        turn = np.exp(1j * omega[:, None] * DISTANCES)
        series = np.real((center.q_center * key.conj()) @ turn) / shape.head_dim**0.5
        assert np.abs(curves.predicted - series).max() < 5e-3 * np.abs(series).max()
        assert curves.r.shape == curves.r_single.shape == (shape.n_head,)
        assert (np.abs(curves.r) <= 1 + 1e-9).all() and (np.abs(curves.r_single) <= 1).all()


@pytest.mark.native
def test_the_correlation_of_single_queries_is_the_mean_of_their_own(kind_of):
    kind = kind_of("half-and-q_norm")
    centers = measure.measure_centers(kind.config, [IDS])
    (curves, _) = reconstruct.measure_curves(kind.config, centers.layers, [IDS[:200]])
    queries, _, turned = forward(kind.path, kind.shape, IDS[:200])
    q = rope(queries[0], kind.shape.rope_theta, True, 64).numpy()[:, 3]
    k = turned[0].numpy()[:, 1]  # query head 3 reads KV head 1
    far = DISTANCES[DISTANCES <= 100]
    own = [
        np.corrcoef(q[t] @ k[t - far].T, curves.predicted[3, : len(far)])[0, 1]
        for t in np.linspace(100, 199, reconstruct.N_SINGLE).astype(int)
    ]
    assert curves.r_single[3] == pytest.approx(np.mean(own), abs=5e-3)
    assert len(far) == curves.measured.shape[1]
