"""Rotated pairs: from a head's memory layout to band order and back.

RoPE rotates pairs of dimensions. Which dimensions form band f depends on the architecture
(`llama_rope_type` of llama.cpp): halves (f, f + F) or neighbours (2f, 2f + 1). Everything that
is stored is in band order, so one file serves both.
"""

from __future__ import annotations

import torch


def to_bands(x: torch.Tensor, n_rot: int, half: bool) -> torch.Tensor:
    """Complex bands of head vectors.

    Args:
        x: (..., head_dim) real; dimensions past `n_rot` are not rotated and are ignored.
        n_rot: rotated dimensions, even.
        half: pairs are (f, f + n_rot/2), else (2f, 2f + 1).

    Returns:
        (..., n_rot/2) complex, of x's precision.
    """
    rotated = x[..., :n_rot]
    if half:
        re, im = rotated[..., : n_rot // 2], rotated[..., n_rot // 2 :]
    else:
        re, im = rotated[..., 0::2], rotated[..., 1::2]
    return torch.complex(re.contiguous(), im.contiguous())


def to_real(bands: torch.Tensor) -> torch.Tensor:
    """Bands as real numbers, all real parts then all imaginary parts: (..., F) -> (..., 2F)."""
    return torch.cat([bands.real, bands.imag], -1)
