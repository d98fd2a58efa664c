"""A last phase of training in which the network learns to live with forgetting.

Rows are read up to a cut; there every KV head keeps the same share of its old keys, those of the
highest score, and later queries see only them. The scores' coefficients and all weights are
trained together: the network is to say what its former self says with nothing forgotten. So it
learns to make the keys that will be needed known by their score, and to spread them over heads,
which a budget of equal size for every head asks for.

Letters as in `model`; the score as in `gates`.
"""

from __future__ import annotations

import copy
import json
import math
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import gates
from .exams import Rows
from .gates import WINDOW
from .model import Network, rope_table, rotate
from .optim import Optimiser, Rates

SHARES = (1 / 4, 1 / 8, 1 / 16)
DRAWN = (1, 1 / 4, 1 / 8, 1 / 8, 1 / 16)
"""Shares as rows are given them; with everything kept, recall must stay what it was."""
FORGOTTEN = -100.0
"""Added to the attention logit of a key that is gone."""


@dataclass(frozen=True)
class Batch:
    """Rows on the device."""

    ids: Tensor
    """(B, T) int64."""
    asked: Tensor
    """(B, T) bool: the next token is one of a value that was asked for."""
    late: Tensor
    """(B, T) bool: from the cut on."""
    old: Tensor
    """(B, 1, T) bool: keys that may be forgotten."""
    cut: Tensor
    """(B,) int64."""

    @classmethod
    def of(cls, rows: Rows, device: str) -> Batch:
        move = lambda x: torch.from_numpy(x).to(device)  # noqa: E731
        ids, cut = move(rows.ids.astype(np.int64)), move(rows.cut.astype(np.int64))
        pinned = move(rows.n_pinned.astype(np.int64))
        pos = torch.arange(ids.shape[1], device=device)
        asked = F.pad(move(rows.asked)[:, 1:], (0, 1))
        late = pos >= cut[:, None]
        old = (pos >= pinned[:, None]) & (pos < cut[:, None] - WINDOW)
        return cls(ids, asked & late, late, old[:, None], cut)


@dataclass(frozen=True)
class Gate:
    """Which old keys later queries see."""

    vec: list[Tensor]
    """Of each layer, (G, E): the vector that is turned to the cut."""
    weights: list[Tensor]
    """Of each layer, (G, E/2): of the norms of the bands."""
    n_keep: Tensor
    """(B, 1, 1) int64."""
    temperature: Tensor
    hard: Tensor
    """(B, 1, 1) bool: rows whose keys are there or gone; the others' fade."""


def n_keep(batch: Batch, share: Tensor) -> Tensor:
    """Old keys that stay, by a share (B,) of the cache behind the pinned part; (B, 1, 1)."""
    n = batch.old.sum(-1, keepdim=True)
    kept = ((n + WINDOW) * share[:, None, None]).long() - WINDOW
    return torch.minimum(kept.clamp_min(1), n.clamp_min(1))


def _first(block, x, cos, sin, vec, weights, cos_cut, sin_cut):
    """Queries, keys, values, and the score of every key at the cut."""
    q, k, v = block.project(x)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    turned = rotate(vec.float()[None], cos_cut, sin_cut)
    re, im = k.float().chunk(2, -1)
    norms = (re * re + im * im + 1e-9).sqrt()
    score = (k.float() * turned[:, :, None]).sum(-1) + (norms * weights[:, None]).sum(-1)
    return q, k, v, score


def _second(block, x, q, k, v, score, edge, old, late, temperature, hard):
    """The layer's output, late queries seeing what the gate leaves.

    Forgetting is a bias in eight more dimensions: a mask would rule out the fast kernels.
    """
    soft = F.logsigmoid((score - edge) / temperature).clamp_min(-15)
    gone = torch.where(score >= edge, 0.0, FORGOTTEN)
    bias = torch.where(old, torch.where(hard, gone + soft - soft.detach(), soft), 0.0)
    e, g = k.shape[-1], block.shape.n_group
    q_extra = late[:, None, :, None].to(q.dtype).expand(*q.shape[:3], 1)
    q = torch.cat([q, F.pad(q_extra, (0, 7))], -1)
    k = torch.cat([k, F.pad((e**0.5 * bias)[..., None].to(k.dtype), (0, 7))], -1)
    k, v = k.repeat_interleave(g, 1), F.pad(v, (0, 8)).repeat_interleave(g, 1)
    a = F.scaled_dot_product_attention(q, k, v.to(q.dtype), is_causal=True, scale=e**-0.5)
    return block.finish(x, a[..., :e])


def _losses(hidden, teacher, embedding, ids, asked, late):
    """Mean divergence of late tokens, of early ones and of asked ones; loss of asked ones."""
    logits = F.linear(hidden, embedding.to(hidden.dtype)).float().log_softmax(-1)
    truth = teacher.float().log_softmax(-1)
    each = (truth.exp() * (truth - logits)).sum(-1)
    following = torch.roll(ids, -1, 1)
    said = -logits.gather(-1, following[..., None])[..., 0]
    mean = lambda x, at: (x * at).sum() / at.sum().clamp_min(1)  # noqa: E731
    return mean(each, late & ~asked), mean(each, ~late), mean(each, asked), mean(said, asked)


class Adapter:
    """Holds the network, its former self and the coefficients, and trains them together."""

    def __init__(self, network: Network, device: str) -> None:
        self.network, self.device = network, device
        self.teacher = copy.deepcopy(network).eval().requires_grad_(False)
        self.fast = device.startswith("cuda")
        self.first, self.second, self.losses = _first, _second, _losses
        self.vec: list[Tensor] = []
        self.weights: list[Tensor] = []
        self.scales: list[Tensor] = []
        if self.fast:
            torch.backends.cuda.matmul.allow_tf32 = True
            torch._dynamo.config.cache_size_limit = 64
            self.first = torch.compile(_first, dynamic=False)
            self.second = torch.compile(_second, dynamic=False)
            self.losses = torch.compile(_losses, dynamic=False)
            for block in self.teacher.blocks:
                block.compile(dynamic=False)

    def start_gates(self, samples: list[gates.Sample]) -> None:
        """Coefficients from the closed form, kept in units in which features have deviation 1."""
        with torch.no_grad():
            coefficients, _, self.scales = gates.ridge_start(self.network, samples)
        e = self.network.shape.head_dim
        self.vec = [w[:, :e].clone().requires_grad_(True) for w in coefficients]
        self.weights = [w[:, e:].clone().requires_grad_(True) for w in coefficients]

    def gate(self, batch: Batch, share: Tensor, temperature: float, hard: Tensor) -> Gate:
        """The gate of this moment's coefficients."""
        e = self.network.shape.head_dim
        vec = [w / s[:, :e] for w, s in zip(self.vec, self.scales, strict=True)]
        weights = [w / s[:, e:] for w, s in zip(self.weights, self.scales, strict=True)]
        heat = torch.tensor(temperature, device=self.device)
        return Gate(vec, weights, n_keep(batch, share), heat, hard[:, None, None])

    def hidden(self, batch: Batch, gate: Gate) -> Tensor:
        """Last hidden states (B, T, D), late queries seeing gated keys."""
        shape, net = self.network.shape, self.network
        cos, sin = rope_table(torch.arange(batch.ids.shape[1], device=self.device), shape)
        # One angle a row: (B, 1, E/2) against vectors (1, G, E).
        cos_cut, sin_cut = (t[:, None] for t in rope_table(batch.cut, shape))
        x = net.embed(batch.ids)
        for i, block in enumerate(net.blocks):
            q, k, v, score = self.first(
                block, x, cos, sin, gate.vec[i], gate.weights[i], cos_cut, sin_cut
            )
            edge = _edge(score, batch.old, gate.n_keep)
            x = self.second(
                block, x, q, k, v, score, edge, batch.old, batch.late, gate.temperature, gate.hard
            )
        return net.norm(x)

    def warm(self, rows: Rows) -> None:
        """Compile what a step of such rows needs; changes nothing."""
        batch = Batch.of(rows, self.device)
        shares = torch.full((len(rows),), 0.25, device=self.device)
        self.loss(batch, self.gate(batch, shares, 1.0, shares > 1))[0].backward()
        for p in (*self.network.parameters(), *self.vec, *self.weights):
            p.grad = None

    def autocast(self):
        return torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.fast)

    def loss(self, batch: Batch, gate: Gate) -> tuple[Tensor, ...]:
        """What is to become small, and the four parts it has."""
        with self.autocast():
            with torch.no_grad():
                teacher = self.teacher.logits(self.teacher.hidden(batch.ids))
            hidden = self.hidden(batch, gate)
            late, early, asked, said = self.losses(
                hidden, teacher, self.network.embed.weight, batch.ids, batch.asked, batch.late
            )
        return 2 * late + 2 * early + asked + said, late, early, asked, said


@torch.no_grad()
def _edge(score: Tensor, old: Tensor, n_kept: Tensor) -> Tensor:
    """The lowest score that stays, (B, G, 1)."""
    ranked = score.masked_fill(~old, -torch.inf).sort(-1, descending=True).values
    return ranked.gather(-1, (n_kept - 1).expand(-1, score.shape[1], -1))


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    until: float
    """End, by `time.monotonic`."""
    rate: float
    """Multiple of the first training's rates."""
    gate_rate: float = 0.02
    seed: int = 0
    log: Path | None = None


def train(adapter: Adapter, more: Callable[[float], Rows | None], plan: Plan) -> list[dict]:
    """Adapt until the plan's end; the log's lines.

    Args:
        more: the next rows, or None when none came within so many seconds.
    """
    net, rng = adapter.network, random.Random(plan.seed)
    rates = Rates(matrix=0.02 * plan.rate, vector=3e-3 * plan.rate, n_warmup=20, decay=0.7)
    optimiser = Optimiser(net.matrices(), net.vectors(), rates, adapter.fast)
    adam = torch.optim.Adam([*adapter.vec, *adapter.weights], plan.gate_rate, betas=(0.9, 0.95))
    kept: deque[Rows] = deque(maxlen=96)
    lines, began, step, fresh = [], time.monotonic(), 0, 0
    while step < 2 or time.monotonic() < plan.until:
        done = min(1.0, (time.monotonic() - began) / max(plan.until - began, 1e-3))
        rows = more(0.02 if kept else 300)
        fresh += rows is not None
        if rows is not None:
            kept.append(rows)
        batch = Batch.of(rows or rng.choice(kept), adapter.device)
        loss, *parts = adapter.loss(batch, _drawn(adapter, batch, done, rng))
        loss.backward()
        optimiser.step(step, done)
        for group in adam.param_groups:
            group["lr"] = plan.gate_rate * (1 - done) + 1e-4
        adam.step()
        adam.zero_grad(set_to_none=True)
        net.zero_grad(set_to_none=True)
        if step == 0:  # compiling is no training time
            _wait(adapter)
            began = time.monotonic()
        step += 1
        if step % 25 == 1:
            lines.append(_line(step, began, fresh, batch, loss, parts, plan))
    _wait(adapter)
    return lines


def _drawn(adapter: Adapter, batch: Batch, done: float, rng: random.Random) -> Gate:
    """Gates that sharpen: fading keys at first, keys that are gone in ever more rows."""
    n = len(batch.ids)
    drawn = [rng.choice(DRAWN) for _ in range(n)]
    share = torch.tensor(drawn, dtype=torch.float32, device=adapter.device)
    sharp = min(0.85, max(0.0, (done - 0.15) / 0.6))
    hard = [x == 1 or rng.random() < sharp for x in drawn]
    temperature = 0.12 + 0.6 * max(0.0, 1 - done / 0.6)
    return adapter.gate(batch, share, temperature, torch.tensor(hard, device=adapter.device))


def _wait(adapter: Adapter) -> None:
    if adapter.fast:
        torch.cuda.synchronize()


def _line(step, began, fresh, batch, loss, parts, plan) -> dict:
    names = ("late", "early", "asked", "asked_loss")
    line = {
        "step": step, "seconds": round(time.monotonic() - began, 1),
        "loss": round(loss.item(), 4),
        **{name: round(part.item(), 4) for name, part in zip(names, parts, strict=True)},
        "tokens": step * batch.ids.numel(), "fresh": fresh, "rate": plan.rate,
    }  # fmt: skip
    print(json.dumps(line), flush=True)
    if plan.log:
        with plan.log.open("a") as file:
            file.write(json.dumps(line) + "\n")
    return line


@torch.no_grad()
def measure(adapter: Adapter, tests: dict[str, list[Rows]]) -> dict[str, dict[str, float]]:
    """By kind of row: answers right and nats a late token, whole (`full`) and by share.

    Every answer is judged with the true words before it: all tokens of the value must be the
    most likely ones. Keys are there or gone, once, before any question is read.
    """
    with torch.compiler.set_stance("force_eager"):  # compiling for other shapes costs seconds
        return {kind: _row(adapter, blocks) for kind, blocks in tests.items()}


def _row(adapter: Adapter, blocks: list[Rows]) -> dict[str, float]:
    row = {}
    for share in (1.0, *SHARES):
        counts = sum(_measured(adapter, Batch.of(rows, adapter.device), share) for rows in blocks)
        right, answers, nats, n = counts.tolist()
        name = "full" if share == 1 else f"1/{round(1 / share)}"
        if answers:
            row["answers"] = int(answers)
            row[f"recall {name}"] = round(right / answers, 3)
        row[f"nats {name}"] = round(nats / n, 4)
    return row


def _measured(adapter: Adapter, batch: Batch, share: float) -> np.ndarray:
    shares = torch.full((len(batch.ids),), share, device=adapter.device)
    gate = adapter.gate(batch, shares, 1.0, torch.ones_like(shares, dtype=torch.bool))
    if share == 1:
        n = batch.old.sum(-1, keepdim=True)
        gate = Gate(gate.vec, gate.weights, n.clamp_min(1), gate.temperature, gate.hard)
    with adapter.autocast():
        logits = adapter.network.logits(adapter.hidden(batch, gate)).float()
    following, at = torch.roll(batch.ids, -1, 1), batch.late.clone()
    at[:, -1] = False
    nats = F.cross_entropy(logits[at], following[at], reduction="sum").item()
    hit = ((logits.argmax(-1) == following) | ~batch.asked).cpu().numpy()
    asked = batch.asked.cpu().numpy()
    right, answers = 0, 0
    for good, wanted in zip(hit, asked, strict=True):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]])))
        answers += len(edges) // 2
        right += sum(good[a:b].all() for a, b in zip(edges[::2], edges[1::2], strict=True))
    return np.array([right, answers, nats, at.sum().item()])


def coefficients(adapter: Adapter) -> dict[str, np.ndarray]:
    """The coefficients of raw features, as `gates.npz` holds them."""
    joint = [torch.cat(pair, -1) for pair in zip(adapter.vec, adapter.weights, strict=True)]
    return gates.as_arrays("fit", joint, adapter.scales)


def score_of(report: dict[str, dict[str, float]]) -> float:
    """One number to choose by: recall at 1/8 and 1/16, less what fluency and memory pay."""
    exams = [row for row in report.values() if "answers" in row]
    recall = sum(r["recall 1/8"] + 0.5 * r["recall 1/16"] + r["recall full"] for r in exams)
    nats = sum(r["nats full"] + r["nats 1/8"] for r in report.values() if "answers" not in r)
    return recall - nats if math.isfinite(nats) else -math.inf
