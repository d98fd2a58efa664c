"""Eviction coefficients of our own model, trained end to end through a soft gate.

One score per (layer, KV head) and key: <a, x> + sum_f n_f |c_f|, where c_f is band f of the key
before rotation and x the key turned into the frame of the eviction position t. That is the form
the engine's score has (one vector turned to t, times the cached key, plus weighted norms of its
bands). Start: ridge on "peak minus half the default" of the attention that later queries pay.
Then the coefficients, and nothing else, are trained so that attention with old keys gated by
their score gives the logits of full attention.

Letters as in `model`; N candidate keys, C = 3E/2 coefficients.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .model import Network, Shape, rope_table, rotate

WINDOW = 64
"""Most recent keys, never gated, unless a rule says otherwise."""


@dataclass(frozen=True)
class Rule:
    """What the cache will protect and how it will divide a budget; gates are trained for that."""

    window: int = WINDOW
    """Most recent keys, never gated."""
    shares: tuple[float, ...] = ()
    """Of each layer, of what the window leaves, 1 in the mean; empty: all layers alike."""

    def n_keep(self, layer: int, n_old: int, share: float, n_all: int) -> int:
        """Of `n_old` keys that may go, how many stay if the mean layer keeps `share` of `n_all`."""
        rest = n_all * share - self.window
        return min(n_old, max(1, int(rest * (self.shares[layer] if self.shares else 1))))


@dataclass(frozen=True)
class Sample:
    """A sequence and the position at which its old keys are gated."""

    ids: Tensor
    """(T,) int64."""
    cut: int
    """Eviction happens before this position; later queries see gated keys."""
    n_pinned: int
    """First positions, never gated (the system prompt)."""


def features(k_pre: Tensor, pos: Tensor, now: int, shape: Shape) -> Tensor:
    """The C numbers a key is scored by, (..., N, C) float32, of keys (..., N, E) before rotation.

    First E: the key turned to position `now`, halves as in `model`; last E/2: its band norms.
    """
    re, im = k_pre.float().chunk(2, -1)
    cos, sin = rope_table(now - pos, shape)
    return torch.cat([re * cos + im * sin, im * cos - re * sin, (re * re + im * im).sqrt()], -1)


@torch.no_grad()
def ridge_start(
    network: Network, samples: Sequence[Sample], strength: float = 1e-2, window: int = WINDOW
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Closed-form coefficients, standardised, and the features' means and deviations by layer.

    Target: log(peak + 1e-2) - log(mean + 1e-6) / 2 of the attention that queries after the cut
    pay to a key. Each returned tensor is (G, C) float32.
    """
    shape = network.shape
    sums = [_Sums(shape, network.embed.weight.device) for _ in range(shape.n_layer)]
    for sample in samples:
        x = network.embed(sample.ids[None])
        pos = torch.arange(len(sample.ids), device=x.device)
        cos, sin = rope_table(pos, shape)
        old = slice(sample.n_pinned, sample.cut - window)
        for block, total in zip(network.blocks, sums, strict=True):
            q, k_pre, v = block.project(x)
            q, k = rotate(q, cos, sin), rotate(k_pre, cos, sin)
            peak, mean = _attention_paid(q[0, :, sample.cut :], k[0], sample.cut, shape, old)
            target = (peak + 1e-2).log() - (mean + 1e-6).log() / 2
            total.add(features(k_pre[0, :, old], pos[old], sample.cut, shape), target)
            g = shape.n_group
            k, v = k.repeat_interleave(g, 1), v.repeat_interleave(g, 1)
            x = block.finish(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))
    solved = [total.solve(strength) for total in sums]
    return [w for w, _, _ in solved], [m for _, m, _ in solved], [d for _, _, d in solved]


def _attention_paid(q, k, cut, shape, old) -> tuple[Tensor, Tensor]:
    """Largest and mean probability that late queries give each old key, (G, N)."""
    n_late, n_all = q.shape[1], k.shape[1]
    k = k.repeat_interleave(shape.n_group, 0).float()
    peak = torch.zeros(shape.n_head, n_all, device=q.device)
    total = torch.zeros_like(peak)
    pos = torch.arange(n_all, device=q.device)
    for start in range(0, n_late, 512):
        rows = q[:, start : start + 512].float()
        logits = rows @ k.mT / shape.head_dim**0.5
        at = cut + start + torch.arange(rows.shape[1], device=q.device)
        p = logits.masked_fill(pos > at[:, None], -torch.inf).softmax(-1)
        peak = torch.maximum(peak, p.amax(1))
        total += p.sum(1)
    by_group = (shape.n_head_kv, shape.n_group, n_all)
    mean = total.view(by_group).sum(1) / n_late
    return peak.view(by_group).amax(1)[:, old], mean[:, old]


class _Sums:
    """Normal equations of one layer, in float64."""

    def __init__(self, shape: Shape, device: torch.device) -> None:
        g, c = shape.n_head_kv, shape.head_dim * 3 // 2
        new = lambda *size: torch.zeros(g, *size, dtype=torch.float64, device=device)  # noqa: E731
        self.n, self.x, self.y, self.xx, self.xy = 0, new(c), new(), new(c, c), new(c)

    def add(self, x: Tensor, y: Tensor) -> None:
        x, y = x.double(), y.double()
        self.n += x.shape[1]
        self.x += x.sum(1)
        self.y += y.sum(1)
        self.xx += x.mT @ x
        self.xy += (x * y[..., None]).sum(1)

    def solve(self, strength: float) -> tuple[Tensor, Tensor, Tensor]:
        """Coefficients of the standardised features for a score of unit deviation."""
        mean = self.x / self.n
        cov = self.xx / self.n - mean[:, :, None] * mean[:, None]
        cross = self.xy / self.n - mean * (self.y / self.n)[:, None]
        dev = cov.diagonal(dim1=1, dim2=2).clamp_min(1e-12).sqrt()
        corr = cov / dev[:, :, None] / dev[:, None]
        eye = torch.eye(corr.shape[-1], dtype=corr.dtype, device=corr.device)
        w = torch.linalg.solve(corr + strength * eye, cross / dev)
        spread = torch.einsum("gc,gcd,gd->g", w, corr, w).clamp_min(1e-12).sqrt()
        return (w / spread[:, None]).float(), mean.float(), dev.float()


@dataclass(frozen=True)
class Gate:
    """How hard old keys are gated in one step."""

    coefficients: list[Tensor]
    means: list[Tensor]
    deviations: list[Tensor]
    share: float
    """Of the keys before the cut, how many the mean layer keeps."""
    temperature: float
    rule: Rule = Rule()


def late_logits(network: Network, sample: Sample, gate: Gate | None) -> Tensor:
    """Logits (T - cut, n_vocab) of the positions from the cut on; None is full attention."""
    shape = network.shape
    pos = torch.arange(len(sample.ids), device=sample.ids.device)
    cos, sin = rope_table(pos, shape)
    x = network.embed(sample.ids[None])
    g = shape.n_group
    for i, block in enumerate(network.blocks):
        q, k_pre, v = block.project(x)
        q, k = rotate(q, cos, sin), rotate(k_pre, cos, sin)
        if gate is not None:
            bias = _gate_bias(gate, i, k_pre, pos, sample, shape)
            q, k, v = _with_bias(q, k, v, bias, sample.cut)
        a = F.scaled_dot_product_attention(
            q, k.repeat_interleave(g, 1), v.repeat_interleave(g, 1),
            is_causal=True, scale=shape.head_dim**-0.5,
        )  # fmt: skip
        x = block.finish(x, a[..., : shape.head_dim])
    return network.logits(network.norm(x[0, sample.cut :])).float()


def _gate_bias(gate, i, k_pre, pos, sample, shape) -> Tensor:
    """Log of the gate of every key, (1, G, T); 0 for keys that are not gated."""
    window = gate.rule.window
    old = slice(sample.n_pinned, sample.cut - window)
    with torch.no_grad():
        x = features(k_pre[:, :, old], pos[old], sample.cut, shape)
        x = (x - gate.means[i][:, None]) / gate.deviations[i][:, None]
    score = torch.einsum("bgnc,gc->bgn", x, gate.coefficients[i])
    n_all = sample.cut - sample.n_pinned
    n_keep = gate.rule.n_keep(i, n_all - window, gate.share, n_all)
    edge = score.detach().topk(n_keep, -1).values[..., -1:]
    log_gate = F.logsigmoid((score - edge) / gate.temperature).clamp_min(-15)
    return F.pad(log_gate, (sample.n_pinned, len(sample.ids) - sample.cut + window))


def _with_bias(q, k, v, bias, cut) -> tuple[Tensor, Tensor, Tensor]:
    """Carry a bias on keys, seen by queries from the cut on, in extra dimensions.

    A mask of T x T would rule out the fast attention kernels; eight more dimensions (their
    granularity) do not.
    """
    b, h, t, e = q.shape
    late = (torch.arange(t, device=q.device) >= cut).to(q.dtype)
    q_extra = F.pad(late[None, None, :, None].expand(b, h, t, 1), (0, 7))
    k_extra = F.pad((e**0.5 * bias)[..., None].to(k.dtype), (0, 7))
    return torch.cat([q, q_extra], -1), torch.cat([k, k_extra], -1), F.pad(v, (0, 8))


def train_gates(
    network: Network,
    samples: Sequence[Sample],
    stop_at: float,
    seed: int = 0,
    rate: float = 0.03,
    rule: Rule = Rule(),
) -> dict[str, np.ndarray]:
    """Coefficients after training until `stop_at` (`time.monotonic`).

    Returns:
        `fit_vec` (n_layer, n_head_kv, n_band, 2) float32, real and imaginary part a band;
        `fit_weights` (n_layer, n_head_kv, n_band) float32; `ridge_vec` and `ridge_weights`, the
        same before training; `n_steps`; `kl`, the mean divergence over the last fifth, by share
        in `shares`.
    """
    for p in network.parameters():
        p.requires_grad_(False)
    rng = random.Random(seed)
    some = rng.sample(samples, min(24, len(samples)))
    start, means, deviations = ridge_start(network, some, window=rule.window)
    coefficients = [w.clone().requires_grad_(True) for w in start]
    adam = torch.optim.Adam(coefficients, rate, betas=(0.9, 0.95))
    began, history = time.monotonic(), []
    while (now := time.monotonic()) < stop_at or len(history) < 2:
        done = min(1.0, (now - began) / max(stop_at - began, 1e-3))
        for group in adam.param_groups:
            group["lr"] = rate * (1 - done) + 1e-4
        sample = rng.choice(samples)
        share = rng.choice([1 / 4, 1 / 8, 1 / 8, 1 / 16])
        gate = Gate(coefficients, means, deviations, share, 0.7 * (1 - done) + 0.15, rule)
        with torch.no_grad():
            full = late_logits(network, sample, None).log_softmax(-1)
        gated = late_logits(network, sample, gate).log_softmax(-1)
        loss = (full.exp() * (full - gated)).sum(-1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        history.append((share, loss.detach()))
    return {
        **as_arrays("fit", coefficients, deviations),
        **as_arrays("ridge", start, deviations),
        **_summary(history),
    }


def as_arrays(name: str, standardised: list[Tensor], deviations: list[Tensor]) -> dict:
    """Coefficients of the raw features, in band order."""
    raw = torch.stack([w.detach() / d for w, d in zip(standardised, deviations, strict=True)])
    half = raw.shape[-1] // 3
    vec = torch.stack([raw[..., :half], raw[..., half : 2 * half]], -1)
    return {
        f"{name}_vec": vec.float().cpu().numpy(),
        f"{name}_weights": raw[..., 2 * half :].float().cpu().numpy(),
    }


def _summary(history: list[tuple[float, Tensor]]) -> dict[str, np.ndarray]:
    shares = sorted({share for share, _ in history})
    fifth = max(1, len(history) // 5)

    def mean(part, share):
        values = [loss.item() for s, loss in part if s == share]
        return sum(values) / len(values) if values else float("nan")

    return {
        "n_steps": np.array(len(history)),
        "shares": np.array(shares, np.float32),
        "kl_first": np.array([mean(history[:fifth], s) for s in shares], np.float32),
        "kl": np.array([mean(history[-fifth:], s) for s in shares], np.float32),
    }
