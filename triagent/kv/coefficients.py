"""From centers to what a round scores by: unrotated vectors and signed band weights.

Published (arXiv:2604.04921 in its linear form): v = mu g and w = m - |mu|, one pair per query
head, z-normalized, maximum over the group. Fitted: one free vector and signed weights per KV
head, used raw. The magnitude of RoPE is left to whoever scores. Knows nothing of files or the
library; frequencies come in as what RoPE does to a unit vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from triagent.kv.score import OFFSETS, Pairing, from_bands, to_bands


@dataclass(frozen=True)
class Geometry:
    """One layer of the attention cache."""

    il: int
    """Model layer that writes it."""
    n_head: int
    n_head_kv: int
    head_dim: int
    n_rot: int
    pairing: Pairing
    readers: tuple[int, ...]
    """Model layers whose queries read it, `il` among them."""

    @property
    def n_band(self) -> int:
        return self.n_rot // 2


@dataclass(frozen=True)
class Coefficients:
    """What one cache layer is scored by."""

    vectors: np.ndarray
    """(n_head_kv, n_vec, head_dim) float32, unrotated, in the model's own pair order."""
    weights: np.ndarray
    """(n_head_kv, n_vec, n_band) float32, signed."""


Rotate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""RoPE of one layer: positions (n,) int32 and vectors (n, head_dim) -> the vectors rotated."""


def layer_gain(rotate: Rotate, layer: Geometry, offsets: Sequence[int] = OFFSETS) -> np.ndarray:
    """g_f of a layer, by asking its RoPE what it does to ones: (n_band,) complex128.

    Every scaling rule is inside `rotate`; the magnitude divides out.
    """
    ones = from_bands(np.ones(layer.n_band, complex), layer.pairing, layer.head_dim)
    pos = np.array([0, *offsets], np.int32)
    turned = rotate(pos, np.tile(ones.astype(np.float32), (len(pos), 1)))
    bands = to_bands(turned, layer.pairing, layer.n_rot)  # (1 + n_offsets, n_band)
    return (bands[1:] / bands[:1]).mean(0)


def published(
    centers: Sequence[np.ndarray], norms: Sequence[np.ndarray], g: np.ndarray, layer: Geometry
) -> Coefficients:
    """Make the published coefficients of one cache layer.

    Args:
        centers: of each reading layer, (n_head, n_band) complex.
        norms: of each reading layer, (n_head, n_band) float.
        g: from `layer_gain`, (n_band,) complex.
    """
    vectors, weights = [], []
    for center, norm in zip(centers, norms, strict=True):
        # rows h * n_group ... of KV head h: query heads of one KV head lie side by side
        shape = (layer.n_head_kv, -1, layer.n_band)
        vectors.append((center * g).reshape(shape))
        weights.append((norm - np.abs(center)).reshape(shape))
    stacked = np.concatenate(vectors, 1)  # (n_head_kv, n_vec, n_band)
    return Coefficients(
        from_bands(stacked, layer.pairing, layer.head_dim).astype(np.float32),
        np.concatenate(weights, 1).astype(np.float32),
    )


def fitted(vectors: np.ndarray, weights: np.ndarray, layer: Geometry) -> Coefficients:
    """Make fitted coefficients of one cache layer.

    Args:
        vectors: (n_head_kv, n_band) complex, unrotated.
        weights: (n_head_kv, n_band) float, signed.
    """
    laid = from_bands(vectors[:, None], layer.pairing, layer.head_dim)
    return Coefficients(laid.astype(np.float32), weights[:, None].astype(np.float32))
