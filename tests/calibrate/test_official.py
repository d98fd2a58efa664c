from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

import numpy as np  # noqa: E402

from triagent.calibrate import official, selftest, trained  # noqa: E402
from triagent.errors import SidecarError  # noqa: E402
from triagent.kv.sidecar import SelfTest  # noqa: E402


def stats(n_layer=2, n_head=4, n_band=8):
    generator = torch.Generator().manual_seed(0)
    heads = {}
    for il in range(n_layer):
        for h in range(n_head):
            parts = {
                "q_mean_real": torch.randn(n_band, generator=generator),
                "q_mean_imag": torch.randn(n_band, generator=generator),
            }
            parts["q_abs_mean"] = torch.hypot(*parts.values()) + 1
            heads[f"layer{il:02d}_head{h:02d}"] = parts
    return {"metadata": {"head_dim": 2 * n_band}, "stats": heads}


def test_every_head_comes_back_in_its_place(tmp_path):
    data = stats()
    torch.save(data, tmp_path / "s.pt")
    layers = official.read(tmp_path / "s.pt")
    assert [layer.layer for layer in layers] == [0, 1]
    one = data["stats"]["layer01_head03"]
    assert np.allclose(layers[1].q_center[3].real, one["q_mean_real"])
    assert np.allclose(layers[1].q_norm[3], one["q_abs_mean"])
    assert layers[1].n_rot == 16


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda d: d.pop("stats"), "stats"),
        (lambda d: d["stats"].pop("layer00_head01"), "layer 0"),
        (lambda d: d["stats"]["layer00_head00"].pop("q_abs_mean"), "q_abs_mean"),
        (lambda d: d["stats"]["layer01_head00"]["q_mean_real"].fill_(float("nan")), "finite"),
    ],
)
def test_damaged_statistics_are_named(tmp_path, spoil, word):
    data = stats()
    spoil(data)
    torch.save(data, tmp_path / "s.pt")
    with pytest.raises(SidecarError, match=word):
        official.read(tmp_path / "s.pt")


def test_code_in_a_statistics_file_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"stats": Evil()}, tmp_path / "s.pt")
    with pytest.raises(SidecarError):
        official.read(tmp_path / "s.pt")
    assert not (tmp_path / "ran").exists()


def test_trained_coefficients_keep_their_bands(tmp_path):
    rng = np.random.default_rng(0)
    vec, weights = rng.normal(size=(2, 3, 4, 2)), rng.normal(size=(2, 3, 4))
    np.savez(tmp_path / "t.npz", fit_vec=vec, fit_weights=weights)
    fits = trained.read(tmp_path / "t.npz")
    assert np.allclose(fits[1].vectors[2], vec[1, 2, :, 0] + 1j * vec[1, 2, :, 1])
    assert np.allclose(fits[0].weights, weights[0])
    np.savez(tmp_path / "bad.npz", fit_vec=vec, fit_weights=weights[:1])
    with pytest.raises(SidecarError, match="belong"):
        trained.read(tmp_path / "bad.npz")


def table(*rows):
    return [SelfTest(score, budget, recall) for score, budget, recall in rows]


def test_the_smallest_budget_at_which_some_score_is_safe_is_recommended():
    tests = table(("fitted", 512, 0.97), ("knorm", 512, 0.5), ("fitted", 256, 0.7))
    verdict = selftest.choose([*tests, *table(("knorm", 256, 0.2))], 0.99, 4096)
    assert (verdict.score, verdict.budget) == ("fitted", 512)


def test_without_a_safe_budget_the_best_score_is_named_and_no_budget():
    tests = table(("fitted", 512, 0.6), ("knorm", 512, 0.7), ("fitted", 256, 0.1))
    verdict = selftest.choose(tests, 0.99, 4096)
    assert (verdict.score, verdict.budget) == ("knorm", 0)
    assert "large budget" in verdict.note


def test_a_model_that_cannot_answer_is_not_judged():
    verdict = selftest.choose(table(("fitted", 512, 0.2)), 0.2, 4096)
    assert verdict.score == selftest.CAREFUL and verdict.budget == 0
    assert "unchecked" in verdict.note
