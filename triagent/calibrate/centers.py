"""Query centers: E[q] and E[|q|] per band of every query head, before RoPE.

Sums only, in float64, so memory does not grow with the text and chunked equals at once.
Source: arXiv:2604.04921, calibration statistics; R is the mean resultant length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from triagent.calibrate.pairs import to_bands


@dataclass(frozen=True)
class LayerCenters:
    """Statistics of one layer."""

    layer: int
    n_rot: int
    half: bool
    q_center: np.ndarray
    """E[q_f], (n_head, F) complex128, pre-RoPE."""
    q_norm: np.ndarray
    """E[|q_f|], (n_head, F) float64, pre-RoPE."""
    n_tokens: int

    @property
    def concentration(self) -> np.ndarray:
        """R_f = |E[q_f]| / E[|q_f|], (n_head, F) float64 in [0, 1]."""
        return np.abs(self.q_center) / np.maximum(self.q_norm, 1e-30)


class CenterSums:
    """Accumulates one layer's sums on a device."""

    def __init__(self, layer: int, n_rot: int, half: bool, device: torch.device) -> None:
        self.layer, self.n_rot, self.half = layer, n_rot, half
        self._device = device
        self._n = 0
        self._sum: torch.Tensor | None = None
        self._abs: torch.Tensor | None = None

    def add(self, q_pre: np.ndarray) -> None:
        """Add queries, (n_tokens, n_head, head_dim) float32, as they enter RoPE."""
        q = torch.from_numpy(q_pre).to(self._device, torch.float64)
        bands = to_bands(q, self.n_rot, self.half)  # (n_tokens, n_head, F)
        total, size = bands.sum(0), bands.abs().sum(0)
        self._sum = total if self._sum is None else self._sum + total
        self._abs = size if self._abs is None else self._abs + size
        self._n += q.shape[0]

    def mean(self) -> LayerCenters:
        """The statistics so far. Raises ValueError when nothing was added."""
        if self._sum is None or self._abs is None:
            raise ValueError(f"layer {self.layer}: no queries were captured")
        return LayerCenters(
            self.layer,
            self.n_rot,
            self.half,
            (self._sum / self._n).cpu().numpy(),
            (self._abs / self._n).cpu().numpy(),
            self._n,
        )
