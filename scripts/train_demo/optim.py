"""Muon for matrices, AdamW for the embedding and the gains, on one schedule of wall time.

Muon (Keller Jordan et al.): momentum, then the nearest orthogonal matrix by five Newton-Schulz
steps. Matrices of one shape are stepped as one batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Rates:
    """Learning rates and their course."""

    matrix: float = 0.02
    vector: float = 3e-3
    weight_decay: float = 0.05
    """Of the matrices, times the learning rate."""
    n_warmup: int = 100
    """Steps of linear warm-up."""
    decay: float = 0.5
    """Share of the run's time over which the rate falls linearly."""
    floor: float = 0.02
    """Lowest multiple of the rate."""

    def at(self, step: int, progress: float) -> float:
        """Multiple of the rates after `step` steps and `progress` (0 to 1) of the time."""
        warm = min(1.0, (step + 1) / self.n_warmup)
        fall = 1.0 if progress < 1 - self.decay else (1 - progress) / self.decay
        return warm * max(self.floor, fall)


def orthogonalise(g: Tensor) -> Tensor:
    """The nearest orthogonal matrices of g (n, rows, columns), in bfloat16."""
    x = g.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):  # coefficients of the quintic that pulls singular values to about 1
        s = x @ x.mT
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x.mT if tall else x


class Optimiser:
    """Steps a network's parameters."""

    def __init__(
        self, matrices: list[nn.Parameter], vectors: list[nn.Parameter], rates: Rates, fast: bool
    ) -> None:
        """`fast` compiles the orthogonalisation and fuses AdamW; for a GPU."""
        self.rates = rates
        self.vectors = vectors
        self.groups: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for p in matrices:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.momentum = {id(p): torch.zeros_like(p) for p in matrices}
        self.order = [id(p) for p in matrices]
        self.adam = torch.optim.AdamW(
            vectors, lr=rates.vector, betas=(0.9, 0.95), weight_decay=0.0, fused=fast
        )
        self.orthogonalise = torch.compile(orthogonalise, dynamic=False) if fast else orthogonalise

    def step(self, step: int, progress: float) -> float:
        """Apply the gradients; returns the multiple of the rates that was used."""
        factor = self.rates.at(step, progress)
        for group in self.adam.param_groups:
            group["lr"] = self.rates.vector * factor
        torch.nn.utils.clip_grad_norm_(self.vectors, 1.0)
        self.adam.step()
        self._step_matrices(self.rates.matrix * factor, min(0.95, 0.85 + step / 3000))
        return factor

    @torch.no_grad()
    def _step_matrices(self, rate: float, mu: float) -> None:
        for (n_rows, n_columns), params in self.groups.items():
            grads = [p.grad for p in params]
            moments = [self.momentum[id(p)] for p in params]
            torch._foreach_lerp_(moments, grads, 1 - mu)
            nesterov = torch.stack(torch._foreach_lerp(grads, moments, mu))
            update = self.orthogonalise(nesterov).float()
            torch._foreach_mul_(params, 1 - rate * self.rates.weight_decay)
            scale = max(1.0, n_rows / n_columns) ** 0.5
            torch._foreach_add_(params, list(update.unbind(0)), alpha=-rate * scale)

    def state(self) -> dict[str, object]:
        """What a checkpoint needs."""
        return {"adam": self.adam.state_dict(), "muon": [self.momentum[k] for k in self.order]}

    def restore(self, state: dict) -> None:
        """Continue from `state()`."""
        self.adam.load_state_dict(state["adam"])
        for key, moment in zip(self.order, state["muon"], strict=True):
            self.momentum[key].copy_(moment)
