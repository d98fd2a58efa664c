"""Fits score coefficients to what a key will be needed for.

The run-time score stays linear in 2F + F features of a cached key: the key rotated back by the
position t of the eviction (so that one vector, rotated to t, meets it), and its pair norms.
The coefficients are ridge regressions, per KV head, of

    log(peak + eps_peak) - alpha * log(mean + eps_mean)

where peak and mean are the key's largest and average attention probability over the queries
after t. On text written twice every token of the first copy is needed once, in the second, so
peaks mean need. Mean attention alone is the wrong target: most of it rests on separators and
sinks that are many and replaceable.

Only X'X, X'y and sums are kept, float64, per KV head; memory does not grow with the text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Target:
    """What is regressed: log(peak + eps_peak) - alpha * log(mean + eps_mean)."""

    name: str
    eps_peak: float
    eps_mean: float
    alpha: float

    def of(self, peak: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
        """Targets from attention, elementwise; float64."""
        return torch.log(peak + self.eps_peak) - self.alpha * torch.log(mean + self.eps_mean)


L2M = Target("l2m", 1e-2, 1e-6, 0.5)
"""The default: best recall at small budgets with the least loss of fluency."""

RIDGE = 1e-2
"""Of a standardised feature's variance; 1e-5 to 1e-1 change little."""


class FitSums:
    """Normal equations of one layer, all its KV heads."""

    def __init__(self, n_head_kv: int, n_features: int, device: torch.device) -> None:
        zeros = lambda *shape: torch.zeros(  # noqa: E731
            n_head_kv, *shape, dtype=torch.float64, device=device
        )
        self.n = 0.0
        self.x, self.xx = zeros(n_features), zeros(n_features, n_features)
        self.xy, self.y, self.yy = zeros(n_features), zeros(), zeros()

    def add(self, features: torch.Tensor, target: torch.Tensor, weight: float = 1.0) -> None:
        """Add keys.

        Args:
            features: (n_head_kv, n_keys, n_features).
            target: (n_head_kv, n_keys).
            weight: counts every key this often; balances kinds of text.
        """
        features, target = features.double(), target.double()
        self.n += weight * features.shape[1]
        self.x += weight * features.sum(1)
        self.xx += weight * features.transpose(1, 2) @ features
        self.xy += weight * (features * target[..., None]).sum(1)
        self.y += weight * target.sum(1)
        self.yy += weight * (target**2).sum(1)

    def solve(self, ridge: float = RIDGE) -> tuple[np.ndarray, np.ndarray]:
        """Ridge coefficients and the correlation of fit and target.

        Returns:
            coefficients (n_head_kv, n_features) float64, correlation (n_head_kv,) float64.
            The constant is dropped: it does not change which keys are lowest in a row.

        Raises: ValueError when fewer keys than features were added.
        """
        n_features = self.x.shape[1]
        if self.n < n_features:
            raise ValueError(f"fit: {self.n:.0f} keys for {n_features} features; use a longer text")
        mean_x, mean_y = self.x / self.n, self.y / self.n
        cov = self.xx / self.n - mean_x[:, :, None] * mean_x[:, None]
        cross = self.xy / self.n - mean_x * mean_y[:, None]
        var_y = self.yy / self.n - mean_y**2
        scale = cov.diagonal(dim1=1, dim2=2).clamp_min(1e-12).sqrt()
        normal = cov / scale[:, :, None] / scale[:, None]
        normal = normal + ridge * torch.eye(n_features, dtype=normal.dtype, device=normal.device)
        weight = torch.linalg.solve(normal, (cross / scale)[..., None])[..., 0] / scale
        explained = torch.einsum("hd,hde,he->h", weight, cov, weight)
        correlation = (weight * cross).sum(-1) / (explained * var_y).clamp_min(1e-20).sqrt()
        return weight.cpu().numpy(), correlation.cpu().numpy()


class Need:
    """Peak and mean future attention of the keys of one layer, over the queries of a stretch."""

    def __init__(self, n_head_kv: int, n_keys: int, device: torch.device) -> None:
        shape = (n_head_kv, n_keys)
        self.peak = torch.zeros(shape, dtype=torch.float64, device=device)
        self.sum = torch.zeros(shape, dtype=torch.float64, device=device)
        self.n_queries = 0

    def add(self, attention: np.ndarray) -> None:
        """Add attention of one chunk of queries.

        Args:
            attention: (n_head, n_tokens, n_kv) float32 probabilities; the first n_keys of n_kv
                are the keys asked about. Heads of one group count together: the peak is
                their largest, the mean their sum.
        """
        n_head_kv, n_keys = self.peak.shape
        a = torch.from_numpy(attention[:, :, :n_keys]).to(self.peak.device)
        a = a.view(n_head_kv, -1, a.shape[1], n_keys)  # (n_head_kv, G, n_tokens, n_keys)
        self.peak = torch.maximum(self.peak, a.amax((1, 2)).double())
        self.sum += a.double().sum((1, 2))
        self.n_queries += attention.shape[1]

    @property
    def mean(self) -> torch.Tensor:
        """(n_head_kv, n_keys) float64."""
        return self.sum / max(1, self.n_queries)


@dataclass(frozen=True)
class LayerFit:
    """Fitted coefficients of one layer."""

    layer: int
    vec: np.ndarray
    """(n_head_kv, 2F) float32, band order: real parts then imaginary parts; unrotated."""
    weight: np.ndarray
    """Signed weights of the pair norms, (n_head_kv, F) float32."""
    correlation: np.ndarray
    """(n_head_kv,) float64."""
