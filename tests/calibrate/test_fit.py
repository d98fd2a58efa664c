import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from triagent.calibrate.fit import L2M, FitSums, Need, Target  # noqa: E402

CPU = torch.device("cpu")


def test_known_coefficients_come_back():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 4000, 9, generator=generator, dtype=torch.float64) * 3 + 1
    truth = torch.randn(2, 9, generator=generator, dtype=torch.float64)
    y = torch.einsum("hnd,hd->hn", x, truth) + 7
    sums = FitSums(2, 9, CPU)
    for start in range(0, 4000, 501):
        sums.add(x[:, start : start + 501], y[:, start : start + 501])
    got, correlation = sums.solve(ridge=1e-9)
    np.testing.assert_allclose(got, truth, rtol=1e-5)
    np.testing.assert_allclose(correlation, 1, rtol=1e-6)


def test_a_weight_counts_keys_that_often():
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(1, 300, 4, generator=generator, dtype=torch.float64)
    y = torch.randn(1, 300, generator=generator, dtype=torch.float64)
    twice, weighted = FitSums(1, 4, CPU), FitSums(1, 4, CPU)
    for _ in range(2):
        twice.add(x, y)
    weighted.add(x, y, weight=2.0)
    np.testing.assert_allclose(twice.solve()[0], weighted.solve()[0], rtol=1e-12)


def test_too_little_text_is_named():
    sums = FitSums(1, 12, CPU)
    sums.add(torch.ones(1, 5, 12), torch.ones(1, 5))
    with pytest.raises(ValueError, match="5 keys for 12 features"):
        sums.solve()


def test_need_takes_the_peak_and_the_sum_of_a_group():
    attention = np.zeros((4, 3, 6), np.float32)  # 2 KV heads of 2 query heads, 3 queries
    attention[0, 0, 1], attention[1, 2, 1], attention[2, 1, 4] = 0.5, 0.25, 0.75
    attention[3, 0, 5] = 1.0  # beyond the keys asked about
    at_once, chunked = Need(2, 5, CPU), Need(2, 5, CPU)
    at_once.add(attention)
    for i in range(3):
        chunked.add(attention[:, i : i + 1])
    for need in (at_once, chunked):
        assert need.peak.tolist() == [[0, 0.5, 0, 0, 0], [0, 0, 0, 0, 0.75]]
        assert need.mean[0, 1] == pytest.approx(0.25)
        assert need.mean[1].tolist() == [0, 0, 0, 0, 0.25]


def test_a_key_asked_once_is_needed_more_than_one_attended_always():
    peak, mean = torch.tensor([0.9, 0.9]), torch.tensor([0.9 / 500, 0.6])
    asked, resting = L2M.of(peak.double(), mean.double()).tolist()
    assert asked > resting
    assert Target("peak", 1e-2, 1e-6, 0).of(peak, mean)[0] == pytest.approx(np.log(0.91))
