import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from triagent.calibrate.centers import CenterSums  # noqa: E402
from triagent.calibrate.pairs import to_bands, to_real  # noqa: E402

CPU = torch.device("cpu")


def queries(seed, n=96, n_head=3, head_dim=10):
    return np.random.default_rng(seed).normal(0.4, 1, (n, n_head, head_dim)).astype(np.float32)


@pytest.mark.parametrize("half", [True, False])
def test_in_chunks_equals_at_once(half):
    q = queries(1)
    whole, parts = (CenterSums(0, 8, half, CPU) for _ in range(2))
    whole.add(q)
    for start in range(0, len(q), 7):
        parts.add(q[start : start + 7])
    np.testing.assert_allclose(parts.mean().q_center, whole.mean().q_center, rtol=1e-12)
    np.testing.assert_allclose(parts.mean().q_norm, whole.mean().q_norm, rtol=1e-12)
    assert parts.mean().n_tokens == 96


@pytest.mark.parametrize("half", [True, False])
def test_centers_are_means_over_tokens_of_each_pair(half):
    q = queries(2)
    sums = CenterSums(5, 6, half, CPU)
    sums.add(q)
    got = sums.mean()
    for h in range(3):
        for f in range(3):
            a, b = (f, f + 3) if half else (2 * f, 2 * f + 1)
            z = [complex(float(t[h, a]), float(t[h, b])) for t in q]
            assert got.q_center[h, f] == pytest.approx(sum(z) / len(z), rel=1e-9)
            assert got.q_norm[h, f] == pytest.approx(sum(map(abs, z)) / len(z), rel=1e-9)


def test_concentration_is_one_for_a_constant_query_and_small_for_a_turning_one():
    angle = np.linspace(0, 20 * np.pi, 400, endpoint=False)
    q = np.zeros((400, 1, 4), np.float32)
    q[:, 0, 0] = 2.0  # band 0 (half layout: dimensions 0 and 2) never moves
    q[:, 0, 1], q[:, 0, 3] = np.cos(angle), np.sin(angle)
    sums = CenterSums(0, 4, True, CPU)
    sums.add(q)
    assert sums.mean().concentration[0, 0] == pytest.approx(1)
    assert sums.mean().concentration[0, 1] < 1e-6


def test_dimensions_past_the_rotated_ones_do_not_count():
    x = torch.arange(10, dtype=torch.float64)
    assert to_bands(x, 4, True).tolist() == [0 + 2j, 1 + 3j]
    assert to_bands(x, 4, False).tolist() == [0 + 1j, 2 + 3j]
    assert to_real(to_bands(x, 4, True)).tolist() == [0, 1, 2, 3]


def test_no_queries_is_named():
    with pytest.raises(ValueError, match="layer 4"):
        CenterSums(4, 4, True, CPU).mean()
