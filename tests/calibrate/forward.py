"""A forward pass in float64 torch, written from the architectures' definitions.

Llama (neighbors), Qwen2 (halves, biases), Qwen3 (halves, q_norm), StableLM (halves, partial
rotary, LayerNorm) and ChatGLM (neighbors, partial rotary, fused projections).
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch

from tests.native.models import Shape

HALVES = ("qwen2", "qwen3", "stablelm")


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """Name -> float64 tensor, whatever type the file has."""
    found = {}
    for t in gguf.GGUFReader(path).tensors:
        plain = gguf.quants.dequantize(t.data, t.tensor_type)
        found[t.name] = torch.from_numpy(np.array(plain)).double()
    return found


def rms(x, gain):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * gain


def rope(x, theta, half, n_rot):
    """(n_tokens, n_head, head_dim), the first `n_rot` dimensions rotated by position."""
    rest, x = x[..., n_rot:], x[..., :n_rot]
    omega = theta ** (-torch.arange(0, n_rot, 2, dtype=torch.float64) / n_rot)
    angle = torch.arange(x.shape[0], dtype=torch.float64)[:, None, None] * omega
    a, b = (x[..., : n_rot // 2], x[..., n_rot // 2 :]) if half else (x[..., ::2], x[..., 1::2])
    c, d = a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()
    turned = torch.cat([c, d], -1) if half else torch.stack([c, d], -1).flatten(-2)
    return torch.cat([turned, rest], -1)


class Block:
    """One layer's weights."""

    def __init__(self, weights, il: int, shape: Shape) -> None:
        self._w, self._il, self._shape = weights, il, shape

    def __getitem__(self, name: str):
        return self._w[f"blk.{self._il}.{name}.weight"]

    def norm(self, x, name: str):
        if self._shape.arch == "stablelm":
            x = x - x.mean(-1, keepdim=True)
            return rms(x, self[name]) + self._w[f"blk.{self._il}.{name}.bias"]
        return rms(x, self[name])

    def project(self, h, name: str):
        bias = self._w.get(f"blk.{self._il}.{name}.bias", 0.0)
        return h @ self[name].T + bias

    def qkv(self, h):
        """(n_tokens, heads, head_dim) each, before RoPE, after bias and norm."""
        shape, s = self._shape, self._shape.head_dim
        n_kv = shape.kv_heads(self._il)
        if shape.arch == "chatglm":
            parts = self.project(h, "attn_qkv").split([shape.n_head * s, n_kv * s, n_kv * s], -1)
        else:
            parts = [self.project(h, name) for name in ("attn_q", "attn_k", "attn_v")]
        q, k, v = (part.view(len(h), -1, s) for part in parts)
        if shape.arch == "qwen3":
            q, k = rms(q, self["attn_q_norm"]), rms(k, self["attn_k_norm"])
        return q, k, v

    def feed_forward(self, h):
        if self._shape.arch == "chatglm":
            gate, up = (h @ self["ffn_up"].T).chunk(2, -1)
        else:
            gate, up = h @ self["ffn_gate"].T, h @ self["ffn_up"].T
        return (torch.nn.functional.silu(gate) * up) @ self["ffn_down"].T


def forward(path: Path, shape: Shape, ids):
    """Queries and keys before RoPE, and keys after it, of every layer: (n_tokens, heads, dim)."""
    w, half = weights_of(path), shape.arch in HALVES
    x, queries, keys_pre, keys = w["token_embd.weight"][torch.tensor(ids)], [], [], []
    mask = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()
    for il in range(shape.n_layer):
        block = Block(w, il, shape)
        q, k, v = block.qkv(block.norm(x, "attn_norm"))
        queries.append(q)
        keys_pre.append(k)
        n_rot = shape.n_rot or shape.head_dim
        q, k = (rope(part, shape.rope_theta, half, n_rot) for part in (q, k))
        keys.append(k)
        group = shape.n_head // shape.kv_heads(il)
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        logits = torch.einsum("thd,shd->hts", q, k) / shape.head_dim**0.5
        a = logits.masked_fill(~mask, -torch.inf).softmax(-1)
        x = x + torch.einsum("hts,shd->thd", a, v).flatten(1) @ block["attn_output"].T
        x = x + block.feed_forward(block.norm(x, "ffn_norm"))
    return queries, keys_pre, keys
