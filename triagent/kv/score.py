"""The oracle: one score per key, as nested loops and vectorised, in float64.

Every faster implementation (the library's graphs above all) must agree with this one. Published
score: arXiv:2604.04921, eqs. for S_trig and S_norm with the weights R and 1 - R taken per band;
fitted score: the same linear form with free vectors and signed weights. RoPE scaling is not
computed here: `omega` and `magnitude` are given.
"""

from __future__ import annotations

from cmath import exp, phase
from enum import Enum

import numpy as np

OFFSETS = tuple(2**i for i in range(17))
"""Future distances that the published score is averaged over, positions."""


class Pairing(Enum):
    """Which two dimensions form band f."""

    ADJACENT = 0
    """2f and 2f + 1."""
    HALF = 1
    """f and f + n_rot / 2."""


class Mode(Enum):
    """Which rows share a set; the values are those of the command line."""

    LAYER_HEAD = "per-layer-head"
    HEAD = "per-head"
    SHARED = "shared"
    SHARED_MEAN = "shared-mean"


def to_bands(x: np.ndarray, pairing: Pairing, n_rot: int) -> np.ndarray:
    """Read the rotated dimensions of vectors (..., head_dim) as bands (..., n_band) complex128."""
    x = np.asarray(x, np.float64)[..., :n_rot]
    if pairing is Pairing.ADJACENT:
        return x[..., 0::2] + 1j * x[..., 1::2]
    return x[..., : n_rot // 2] + 1j * x[..., n_rot // 2 :]


def from_bands(bands: np.ndarray, pairing: Pairing, head_dim: int) -> np.ndarray:
    """Lay bands (..., n_band) out as vectors (..., head_dim) float64; other dimensions are 0."""
    n_band = bands.shape[-1]
    x = np.zeros((*bands.shape[:-1], head_dim))
    if pairing is Pairing.ADJACENT:
        x[..., 0 : 2 * n_band : 2], x[..., 1 : 2 * n_band : 2] = bands.real, bands.imag
    else:
        x[..., :n_band], x[..., n_band : 2 * n_band] = bands.real, bands.imag
    return x


def rotate(bands: np.ndarray, pos, omega: np.ndarray, magnitude: float = 1.0) -> np.ndarray:
    """Apply RoPE: bands (..., n_band) at `pos` (broadcast over the leading axes)."""
    angle = np.asarray(pos, np.float64)[..., None] * omega
    return magnitude * np.exp(1j * angle) * bands


def gain(omega: np.ndarray, offsets=OFFSETS) -> np.ndarray:
    """g_f: the mean of exp(i omega_f d) over the offsets, (n_band,) complex128."""
    return np.exp(1j * np.outer(offsets, omega)).mean(0)


def published_loops(k_rot, pos, now, q_center, q_norm, omega, magnitude=1.0, offsets=OFFSETS):
    """Score the keys of one KV head for one query head by the definition, term by term.

    Args:
        k_rot: cached keys as bands, (n_cells, n_band) complex, after RoPE.
        pos: their positions, (n_cells,) int.
        now: position of the next token.
        q_center, q_norm: of the query head, (n_band,) complex and float.
        omega: (n_band,) float, radians per position.
        magnitude: what RoPE multiplies lengths by.

    Returns:
        (n_cells,) float64: s_trig + s_norm, from un-rotated keys and their own positions.
    """
    scores = []
    for key, p in zip(k_rot, pos, strict=True):
        trig = norm = 0.0
        for f, w in enumerate(omega):
            k = exp(-1j * float(w) * int(p)) * complex(key[f]) / magnitude
            mu = complex(q_center[f])
            phi = phase(mu * k.conjugate())
            for d in offsets:
                angle = float(w) * (int(now) - int(p) + d) + phi
                trig += magnitude**2 * abs(mu) * abs(k) * np.cos(angle) / len(offsets)
            norm += magnitude**2 * (float(q_norm[f]) - abs(mu)) * abs(k)
        scores.append(trig + norm)
    return np.array(scores)


def linear(k_rot, now, vectors, weights, omega, magnitude=1.0):
    """Score keys by rotated vectors and weighted band magnitudes: the form that the library runs.

    s = magnitude (<R(now) v, c> + sum_f w_f |c_f|), R without its magnitude. No key position
    enters: a cached key carries its own.

    Args:
        k_rot: (n_cells, n_band) complex, after RoPE.
        vectors: (n_vec, n_band) complex, unrotated.
        weights: (n_vec, n_band) float, signed.

    Returns:
        (n_vec, n_cells) float64.
    """
    turned = rotate(np.asarray(vectors, complex), now, omega)  # (n_vec, n_band)
    dots = (turned @ np.conj(k_rot).T).real  # (n_vec, n_cells)
    return magnitude * (dots + np.asarray(weights, np.float64) @ np.abs(k_rot).T)


def linear_loops(k_rot, now, vectors, weights, omega, magnitude=1.0):
    """`linear` as nested loops."""
    out = np.zeros((len(vectors), len(k_rot)))
    for v, (vector, weight) in enumerate(zip(vectors, weights, strict=True)):
        for i, key in enumerate(k_rot):
            for f, w in enumerate(omega):
                turned = complex(vector[f]) * exp(1j * float(w) * int(now))
                out[v, i] += (turned * complex(key[f]).conjugate()).real
                out[v, i] += float(weight[f]) * abs(complex(key[f]))
    return magnitude * out


def knorm(keys: np.ndarray) -> np.ndarray:
    """Score by the key's length, (n_cells, head_dim) -> (n_cells,) float64.

    Which end should be kept is a property of the model: Devoto et al. (arXiv:2406.11430) keep
    small keys; on the model that comes with triagent only large ones recall anything.
    """
    return np.linalg.norm(np.asarray(keys, np.float64), axis=-1)


def keydiff(keys: np.ndarray) -> np.ndarray:
    """Score by minus the cosine to the mean direction, (n_cells, head_dim) -> (n_cells,).

    Keys unlike the others are kept (arXiv:2504.15364).
    """
    keys = np.asarray(keys, np.float64)
    unit = keys / np.maximum(np.linalg.norm(keys, axis=-1, keepdims=True), 1e-12)
    mean = unit.mean(0)
    return -(unit @ mean) / max(float(np.linalg.norm(mean)), 1e-12)


def znorm(scores: np.ndarray) -> np.ndarray:
    """Normalize each vector's scores (..., n_candidates) over the candidates, population std."""
    std = scores.std(-1, keepdims=True)
    return (scores - scores.mean(-1, keepdims=True)) / np.maximum(std, 1e-6)


def aggregate(scores: np.ndarray, normalize: bool) -> np.ndarray:
    """Merge the vectors of one KV head: (n_vec, n_candidates) -> (n_candidates,) by maximum."""
    return (znorm(scores) if normalize else scores).max(0)


def rank(scores: np.ndarray, mode: Mode) -> np.ndarray:
    """Merge row scores into those of sets.

    Args:
        scores: (n_layer, n_head_kv, n_candidates), the same number of heads in each layer.

    Returns:
        (n_sets, n_candidates): n_layer * n_head_kv sets, n_head_kv, or 1.
    """
    if mode is Mode.LAYER_HEAD:
        return scores.reshape(-1, scores.shape[-1])
    if mode is Mode.HEAD:
        return scores.mean(0)
    if mode is Mode.SHARED:
        return scores.max((0, 1))[None]
    return scores.mean(0).max(0)[None]


def lowest(scores: np.ndarray, n_evict: int, pos: np.ndarray | None = None) -> np.ndarray:
    """Pick the `n_evict` lowest of each set, lowest first.

    Of equal scores the higher position goes first, so that results are the same everywhere.

    Args:
        scores: (n_sets, n_candidates); pos: (n_candidates,), by default ascending.

    Returns:
        (n_sets, n_evict) int64, indices of candidates.
    """
    pos = np.arange(scores.shape[-1]) if pos is None else np.asarray(pos)
    order = [np.lexsort((-pos, row)) for row in scores]
    return np.array(order, np.int64).reshape(len(scores), -1)[:, :n_evict]
