"""The report's tables and pictures, from made measurements."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytestmark = pytest.mark.torch

from triagent.calibrate import report  # noqa: E402
from triagent.calibrate.centers import LayerCenters  # noqa: E402
from triagent.calibrate.measure import Centers  # noqa: E402
from triagent.calibrate.reconstruct import DISTANCES, LayerCurves  # noqa: E402

TRACE = [(4096, 0.7), (8192, 0.75), (12288, 0.752), (16384, 0.753)]


def layer(il, n_head=4, seed=0):
    rng = np.random.default_rng(seed + il)
    mu = rng.normal(size=(n_head, 8)) + 1j * rng.normal(size=(n_head, 8))
    return LayerCenters(il, 16, True, mu, np.abs(mu) * rng.uniform(1.01, 3, mu.shape), 16384)


def curve(il, n_head=4, noise=0.5):
    rng = np.random.default_rng(il)
    predicted = np.cos(np.log(DISTANCES) * rng.uniform(0.5, 2, (n_head, 1)))
    measured = predicted[:, :110] + noise * rng.normal(size=(n_head, 110))
    return LayerCurves(il, measured, predicted, measured - measured.mean(1, keepdims=True))


def centers(trace=TRACE):
    return Centers([layer(0), layer(1, 6), layer(3)], list(trace))


def test_every_picture_and_table_is_written(tmp_path):
    curves = (curve(0), curve(1, 6), curve(3))
    made = report.Report("m", centers(), curves, "| a |\n", "A note.", ((2, "recurrent"),))
    paths = report.write(tmp_path / "new" / "folder", made)
    names = {path.name for path in paths}
    assert names == {
        "report.md", "report.json", "concentration.png", "histogram.png", "settling.png",
        "distances.png", "correlations.png", "reconstruction.png", "single.png",
    }  # fmt: skip
    for path in paths[2:]:
        assert path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 5000
    text = paths[0].read_text()
    for words in ("has levelled off", "r = ", "| layer | mean R", "A note.", "recurrent"):
        assert words in text
    assert all(f"]({name})" in text for name in names if name.endswith("png"))
    values = json.loads(paths[1].read_text())
    assert len(values["curves"][1]["r"]) == 6 and values["level_since"] == 8192


def test_statistics_without_a_pass_have_a_report_of_concentration_alone(tmp_path):
    paths = report.write(tmp_path, report.Report("m", centers(())))
    assert {p.name for p in paths} == {
        "report.md", "report.json", "concentration.png", "histogram.png",
    }  # fmt: skip


def test_a_head_whose_logits_do_not_vary_counts_nowhere():
    flat = curve(0)
    flat.measured[2] = 1.0
    row = report.summary([layer(0)], [flat])[0]
    assert row["mean r"] == pytest.approx(np.nanmean(flat.r))
    values = report._values(report.Report("m", Centers([layer(0)], TRACE), (flat,)))
    assert json.loads(json.dumps(values))["curves"][0]["r"][2] is None


def test_the_summary_weighs_bands_by_energy():
    mu = np.array([[1.0, 0.0]], complex)
    one = LayerCenters(0, 4, True, mu, np.array([[1.0, 3.0]]), 1)
    row = report.summary([one])[0]
    assert row["mean R"] == pytest.approx(0.5)
    assert row["R by energy"] == pytest.approx(0.1)


def test_chosen_heads_are_six_different_ones():
    curves = [curve(0), curve(1, 6), curve(3)]
    chosen = report.chosen_heads([layer(0), layer(1, 6), layer(3)], curves)
    heads = [(c.layer, h) for _, c, h in chosen]
    assert heads[0] == (0, 0) and len(set(heads)) == 6
    by_why = {why: c.r[h] for why, c, h in chosen}
    assert by_why["worst predicted"] < by_why["the median head"] < by_why["best predicted"]
    few = report.chosen_heads([layer(0, 2)], [curve(0, 2)])
    assert len(few) == 2


def test_agreement_is_one_for_equal_centers_whatever_their_length():
    one, other = layer(0), layer(1, 6)
    rows = report.agreement([one, other], {0: 3 * one.q_center, 1: layer(1, 4).q_center})
    assert rows == [(0, pytest.approx(1), pytest.approx(1))]
    spoiled = one.q_center.copy()
    spoiled[2] *= -1
    assert report.agreement([one], {0: spoiled})[0][2] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (TRACE, "has levelled off: it changed by less than 0.005 since 8,192 of 16,384 tokens"),
        ([(4096, 0.7), (8192, 0.71), (12288, 0.72)], "has not levelled off: it changed by 0.0100"),
        ([(4096, 0.7), (8192, 0.7), (12288, 0.6), (16384, 0.7)], "has not levelled off"),
        ([(4096, 0.6), (8192, 0.6), (12288, 0.7), (16384, 0.7)], "since 12,288 of 16,384"),
        ([(512, 0.7)], "512 tokens are too few to see it level off"),
    ],
)
def test_whether_r_has_levelled_off_is_said(trace, words):
    assert words in Centers([], list(trace)).settling
