"""Weights in about one byte each, to start a further run from where space is short."""

from __future__ import annotations

import torch

BLOCK = 32
"""Weights of a row that share a scale."""


def pack(network: dict[str, torch.Tensor]) -> dict:
    """Matrices as int8 with a scale a block, as Q8_0 has them; embedding and gains in F16."""
    return {
        name: _packed(value) if _fits(name, value) else value.half()
        for name, value in network.items()
    }


def unpack(network: dict) -> dict[str, torch.Tensor]:
    """The weights again, in F32; what was not packed stays as it is."""
    return {
        name: _unpacked(value) if isinstance(value, dict) else value
        for name, value in network.items()
    }


def _fits(name: str, value: torch.Tensor) -> bool:
    return value.dim() == 2 and value.shape[1] % BLOCK == 0 and "embed" not in name


def _packed(value: torch.Tensor) -> dict[str, torch.Tensor]:
    blocks = value.float().view(value.shape[0], -1, BLOCK)
    scale = (blocks.abs().amax(-1, keepdim=True) / 127).clamp_min(1e-8)
    return {"q": (blocks / scale).round().to(torch.int8), "scale": scale.half()}


def _unpacked(packed: dict[str, torch.Tensor]) -> torch.Tensor:
    return (packed["q"].float() * packed["scale"].float()).flatten(1)
