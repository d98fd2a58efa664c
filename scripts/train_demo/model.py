"""The network: a small transformer of the qwen3 form, which llama.cpp loads as it is.

Grouped-query attention with normalised queries and keys, rotary positions (halves, theta 1e6),
gated feed-forward, tied embeddings. Letters in shapes: B rows, T tokens, D embedding, H query
heads, G KV heads, E head dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    n_layer: int = 8
    n_embd: int = 512
    n_head: int = 8
    n_head_kv: int = 4
    head_dim: int = 64
    n_ff: int = 1536
    n_vocab: int = 6144
    rope_theta: float = 1e6
    norm_eps: float = 1e-6

    @property
    def n_group(self) -> int:
        """Query heads that share one KV head."""
        return self.n_head // self.n_head_kv


class Norm(nn.Module):
    """Root-mean-square norm with a gain."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.gain.to(x.dtype), self.eps)


def rope_table(pos: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every position and band, each (T, E/2) float32."""
    half = torch.arange(0, shape.head_dim, 2, device=pos.device, dtype=torch.float64)
    omega = shape.rope_theta ** (-half / shape.head_dim)
    angle = pos.double()[:, None] * omega
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each band of x (..., T, E) by its angle; bands pair the two halves of E."""
    re, im = x.float().chunk(2, -1)
    return torch.cat([re * cos - im * sin, im * cos + re * sin], -1).to(x.dtype)


class Block(nn.Module):
    """One layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        d, e = shape.n_embd, shape.head_dim
        self.attn_norm = Norm(d, shape.norm_eps)
        self.q_norm = Norm(e, shape.norm_eps)
        self.k_norm = Norm(e, shape.norm_eps)
        self.ffn_norm = Norm(d, shape.norm_eps)
        self.q = nn.Linear(d, shape.n_head * e, bias=False)
        self.k = nn.Linear(d, shape.n_head_kv * e, bias=False)
        self.v = nn.Linear(d, shape.n_head_kv * e, bias=False)
        self.out = nn.Linear(shape.n_head * e, d, bias=False)
        self.gate = nn.Linear(d, shape.n_ff, bias=False)
        self.up = nn.Linear(d, shape.n_ff, bias=False)
        self.down = nn.Linear(shape.n_ff, d, bias=False)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, T, E), keys and values (B, G, T, E), before rotation."""
        b, t, _ = x.shape
        s, h = self.shape, self.attn_norm(x)
        q = self.q_norm(self.q(h).view(b, t, s.n_head, s.head_dim)).transpose(1, 2)
        k = self.k_norm(self.k(h).view(b, t, s.n_head_kv, s.head_dim)).transpose(1, 2)
        v = self.v(h).view(b, t, s.n_head_kv, s.head_dim).transpose(1, 2)
        return q, k, v

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Residual stream after attention output (B, H, T, E) and feed-forward."""
        b, t, _ = x.shape
        x = x + self.out(attended.transpose(1, 2).reshape(b, t, -1))
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q, k, v = self.project(x)
        g = self.shape.n_group
        q, k = rotate(q, cos, sin), rotate(k, cos, sin).repeat_interleave(g, 1)
        a = F.scaled_dot_product_attention(q, k, v.repeat_interleave(g, 1), is_causal=True)
        return self.finish(x, a)


class Network(nn.Module):
    """Token ids to hidden states to logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.n_vocab, shape.n_embd)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.n_layer))
        self.norm = Norm(shape.n_embd, shape.norm_eps)
        self._init_weights()

    def _init_weights(self) -> None:
        nn.init.normal_(self.embed.weight, std=0.02)
        # Writers into the residual stream start small, so that depth does not inflate it.
        shrink = 1 / math.sqrt(2 * self.shape.n_layer)
        for name, p in self.blocks.named_parameters():
            if p.dim() == 2:
                writer = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=p.shape[1] ** -0.5 * (shrink if writer else 1))

    def hidden(self, ids: Tensor) -> Tensor:
        """Last hidden states (B, T, D) of ids (B, T)."""
        cos, sin = rope_table(torch.arange(ids.shape[1], device=ids.device), self.shape)
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., n_vocab), in the dtype of `hidden`."""
        return F.linear(hidden, self.embed.weight.to(hidden.dtype))

    def matrices(self) -> list[nn.Parameter]:
        """The weights that Muon steps: every matrix but the embedding."""
        return [p for p in self.blocks.parameters() if p.dim() == 2]

    def vectors(self) -> list[nn.Parameter]:
        """The weights that AdamW steps: the embedding and the gains."""
        gains = [p for p in self.blocks.parameters() if p.dim() == 1]
        return [self.embed.weight, *gains, self.norm.gain]
