"""The oracle against itself, against RoPE, and against the authors' implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagent.kv import score as s
from triagent.kv.coefficients import Geometry, fitted, layer_gain, published
from triagent.kv.score import Mode, Pairing

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "qwen3_8b.npz"
rng = np.random.default_rng(0)


def random_head(n_cells=12, n_band=6, magnitude=1.0):
    omega = 1e4 ** (-np.arange(n_band) / n_band)
    pos = np.sort(rng.choice(500, n_cells, replace=False))
    k = rng.normal(size=(n_cells, n_band)) + 1j * rng.normal(size=(n_cells, n_band))
    mu = rng.normal(size=n_band) + 1j * rng.normal(size=n_band)
    return omega, pos, s.rotate(k, pos, omega, magnitude), mu, np.abs(mu) * 1.3


@pytest.mark.parametrize("magnitude", [1.0, 1.37])
def test_the_linear_form_is_the_definition(magnitude):
    omega, pos, k_rot, mu, norm = random_head(magnitude=magnitude)
    loops = s.published_loops(k_rot, pos, 777, mu, norm, omega, magnitude)
    weights = [norm - np.abs(mu)]
    fast = s.linear(k_rot, 777, [mu * s.gain(omega)], weights, omega, magnitude)[0]
    assert np.allclose(loops, fast, rtol=1e-9, atol=1e-9 * np.abs(loops).max())


def test_loops_and_vectors_of_the_linear_form_agree():
    omega, _, k_rot, _, _ = random_head()
    vectors = rng.normal(size=(3, 6)) + 1j * rng.normal(size=(3, 6))
    weights = rng.normal(size=(3, 6))  # signed
    loops = s.linear_loops(k_rot, 99, vectors, weights, omega, 1.2)
    assert np.allclose(loops, s.linear(k_rot, 99, vectors, weights, omega, 1.2))


def test_a_score_needs_no_key_position():
    omega, pos, k_rot, mu, norm = random_head()
    right = s.published_loops(k_rot, pos, 777, mu, norm, omega)
    k_pre = s.rotate(k_rot, -pos, omega)
    elsewhere = s.rotate(k_pre, pos, omega)
    assert np.allclose(right, s.published_loops(elsewhere, pos, 777, mu, norm, omega))


@pytest.mark.parametrize("pairing", list(Pairing))
def test_bands_and_vectors_are_one_another(pairing):
    x = rng.normal(size=(5, 16))
    bands = s.to_bands(x, pairing, 12)
    back = s.from_bands(bands, pairing, 16)
    assert np.array_equal(back[:, :12], x[:, :12]) and not back[:, 12:].any()


def test_rotating_and_rotating_back_changes_nothing():
    omega, pos, k_rot, _, _ = random_head()
    assert np.allclose(s.rotate(s.rotate(k_rot, pos, omega, 2.0), -pos, omega, 0.5), k_rot)


@pytest.mark.parametrize("pairing", list(Pairing))
def test_coefficients_score_as_the_definition(pairing):
    omega, pos, k_rot, mu, norm = random_head()
    layer = Geometry(0, 2, 1, 16, 12, pairing, (0,))

    def rope(at, vectors):
        bands = s.rotate(s.to_bands(vectors, pairing, 12), at, omega, 1.5)
        return s.from_bands(bands, pairing, 16)

    gain = layer_gain(rope, layer)
    assert np.allclose(gain, s.gain(omega), atol=1e-6)
    mus, norms = np.stack([mu, -mu]), np.stack([norm, 2 * norm])
    made = published([mus], [norms], gain, layer)
    assert made.vectors.shape == (1, 2, 16) and made.weights.shape == (1, 2, 6)
    vectors = s.to_bands(made.vectors[0], pairing, 12)
    fast = s.linear(k_rot, 777, vectors, made.weights[0], omega)
    for h in range(2):
        loops = s.published_loops(k_rot, pos, 777, mus[h], norms[h], omega)
        assert np.allclose(fast[h], loops, atol=1e-4 * np.abs(loops).max())


def test_a_shared_layer_is_scored_by_all_its_readers():
    layer = Geometry(3, 4, 2, 8, 8, Pairing.HALF, (3, 5))
    mus = [rng.normal(size=(4, 4)) + 0j for _ in range(2)]
    made = published(mus, [np.abs(m) for m in mus], np.ones(4), layer)
    assert made.vectors.shape == (2, 4, 8)
    assert np.allclose(made.vectors[1, :2, :4], mus[0][2:].real)
    assert np.allclose(made.vectors[1, 2:, :4], mus[1][2:].real)


def test_fitted_coefficients_are_used_as_they_are():
    layer = Geometry(0, 4, 2, 10, 8, Pairing.ADJACENT, (0,))
    vec = rng.normal(size=(2, 4)) + 1j * rng.normal(size=(2, 4))
    made = fitted(vec.astype(np.complex64), -np.ones((2, 4), np.float32), layer)
    assert made.vectors.shape == (2, 1, 10) and (made.weights == -1).all()
    assert np.allclose(s.to_bands(made.vectors[:, 0], Pairing.ADJACENT, 8), vec, atol=1e-6)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def golden_scores(golden):
    """(4, 8, 4, 512): layer, KV head, head of the group, key."""
    g = golden
    omega, out = g["omega"].astype(float), np.zeros((4, 32, 512))
    mu, norm = g["q_mean_real"] + 1j * g["q_mean_imag"], g["q_abs_mean"]
    for il in range(4):
        for h in range(32):
            k = s.to_bands(g["k_post"][il, h // 4], Pairing.HALF, 128)
            v, w = mu[il, h] * s.gain(omega), norm[il, h] - np.abs(mu[il, h])
            out[il, h] = s.linear(k, int(g["round_start"]), [v], [w], omega)[0]
    return out.reshape(4, 8, 4, 512)


def test_scores_are_those_of_the_authors(golden, golden_scores):
    mine, theirs = golden_scores, golden["scores_mean"].reshape(4, 8, 4, 512)
    assert (np.abs(mine - theirs).max(-1) / theirs.std(-1)).max() < 5e-3


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize(
    ("mode", "name"),
    [(Mode.LAYER_HEAD, "per_layer_head"), (Mode.HEAD, "per_head"), (Mode.SHARED, "union")],
)
def test_keep_sets_are_those_of_the_authors(golden, golden_scores, mode, name, pinned):
    first = int(golden["prefix_length"]) if pinned else 0
    scores = golden_scores[..., first:]
    rows = np.array([[s.aggregate(head, True) for head in layer] for layer in scores])
    evicted = s.lowest(s.rank(rows, mode), 512 - int(golden["budget"]))
    keep = [set(range(512)) - set(e + first) for e in evicted]
    suffix = "pinned" if pinned else "allowprefill"
    theirs = golden[f"keep_{name}_{suffix}"].reshape(len(keep), -1)
    n_equal = sum(k == set(t.tolist()) for k, t in zip(keep, theirs, strict=True))
    assert n_equal >= len(keep) - (mode is Mode.LAYER_HEAD)  # one near tie among 32 sets


def test_equal_scores_evict_the_later_position_first():
    picked = s.lowest(np.array([[1.0, 0.0, 0.0, 0.0]]), 2, pos=np.array([5, 6, 8, 7]))
    assert picked.tolist() == [[2, 3]]


def test_sets_merge_rows_by_their_mode():
    rows = rng.normal(size=(3, 2, 7))
    assert np.array_equal(s.rank(rows, Mode.LAYER_HEAD), rows.reshape(6, 7))
    assert np.allclose(s.rank(rows, Mode.HEAD), rows.mean(0))
    assert np.allclose(s.rank(rows, Mode.SHARED), rows.reshape(6, 7).max(0)[None])
    assert np.allclose(s.rank(rows, Mode.SHARED_MEAN), rows.mean(0).max(0)[None])


@given(st.integers(1, 4), st.integers(2, 30), st.integers(0, 1000))
def test_normalized_rows_have_mean_0_and_deviation_1(n_vec, n, seed):
    scores = np.random.default_rng(seed).normal(3, 5, (n_vec, n))
    z = s.znorm(scores)
    assert np.allclose(z.mean(-1), 0, atol=1e-9) and np.allclose(z.std(-1), 1, atol=1e-6)


def test_equal_keys_normalize_to_zero():
    assert not s.znorm(np.full((2, 5), 3.0)).any()


def test_key_norm_keeps_long_keys_and_key_difference_unlike_ones():
    keys = np.array([[3.0, 0], [1, 0], [1, 0.1], [0, 2]])
    assert np.argmax(s.knorm(keys)) == 0
    assert np.argmax(s.keydiff(keys)) == 3
