"""An experiment in torch: what if rows of the cache need not keep equally many tokens?

The engine frees the same cells for all layers and KV heads, so each row keeps the same number.
Here one score, fitted in closed form, chooses either that many of each row or as many of all rows
together; then single rows are left whole, to see which of them recall needs. Only for models that
`scripts/train_demo.py` made, on sessions of its generator; nothing of the engine runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.fidelity_sessions import Generator
from bench.fidelity_table import share, table
from scripts.train_demo.export import read_network
from scripts.train_demo.gates import WINDOW, features
from scripts.train_demo.model import rope_table, rotate
from triagent.calibrate.fit import L2M, FitSums
from triagent.calibrate.text import Session, Writer, twice
from triagent.config import ModelConfig
from triagent.engine.conversation import template_of
from triagent.engine.model import LoadedModel

BUDGETS = {"1/4": 1 / 4, "1/8": 1 / 8, "1/16": 1 / 16}
FLOOR = 1 / 4
"""Of the equal share, what every row keeps when rows share one budget."""
SEED = 300_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=40, help="8 questions each")
    parser.add_argument("--fit", type=int, default=12, help="sessions written twice, to fit on")
    parser.add_argument("--length", type=int, default=4096, help="tokens of a session")
    parser.add_argument("--rows", action="store_true", help="also leave each row whole in turn")
    parser.add_argument("--out", type=Path, required=True, help="folder for shares.json and .md")


def main(options: argparse.Namespace) -> int:
    lab = Lab(options.model)
    lab.fit(options.fit, options.length * 3 // 4)
    results = lab.measure(options.sessions, options.length, options.rows)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "shares.json").write_text(json.dumps(results, indent=1))
    text = "\n".join(table(results, share))
    (options.out / "shares.md").write_text(text + "\n")
    print(text)
    return 0


@dataclass(frozen=True)
class Read:
    """A session's cache: what every row holds, and what its old keys are scored by."""

    k: Tensor
    """(n_layer, G, T, E), rotated."""
    v: Tensor
    x: Tensor
    """Features of the keys that may go, (n_layer, G, N, C)."""
    n_prompt: int


Keep = Callable[[Read, float], Tensor]
"""(session, share of the budget) -> which keys stay, (n_layer, G, T) bool."""


class Lab:
    """One model, with all its keys at hand."""

    def __init__(self, path: Path) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = read_network(path).to(self._device)
        self._shape = self._network.shape
        self._generator = Generator(path)
        self._model = LoadedModel(ModelConfig(path=path, gpu_layers=0))
        self._writer = Writer(template_of(self._model), self._model.vocab.tokenize)

    @torch.no_grad()
    def fit(self, n_sessions: int, n_tokens: int) -> None:
        """Fit one score per row, with its constant: all rows are in one unit then."""
        s = self._shape
        sums = [FitSums(s.n_head_kv, 3 * s.head_dim // 2, self._device) for _ in range(s.n_layer)]
        for i in range(n_sessions):
            session = self._generator.session(SEED + i, n_tokens)
            text = twice(session.ids, session.n_prompt)
            old = slice(text.n_prompt, text.seam - WINDOW)
            for part, (q, k, k_pre, _) in zip(sums, self._layers(text.ids), strict=True):
                peak, mean = self._paid(q[:, text.seam :], k, text.seam)
                pos = torch.arange(len(text.ids), device=self._device)[old]
                x = features(k_pre[:, old], pos, text.seam, s)
                part.add(x, L2M.of(peak[:, old].double(), mean[:, old].double()))
        solved = [torch.from_numpy(part.solve()[0]).to(self._device) for part in sums]
        self._weights = torch.stack(solved).float()
        constants = [
            part.y / part.n - (w * part.x / part.n).sum(-1)
            for part, w in zip(sums, solved, strict=True)
        ]
        self._constants = torch.stack(constants).float()

    def measure(self, n_sessions: int, length: int, each_row: bool) -> dict:
        """Right answers by variant and budget."""
        variants: dict[str, Keep | None] = {"full": None, "equal": self._equal}
        variants["one budget for all rows"] = self._together
        for layer in range(self._shape.n_layer if each_row else 0):
            for head in range(self._shape.n_head_kv):
                name = f"equal, but layer {layer} head {head} whole"
                variants[name] = self._but(layer, head)
        results: dict = {}
        for i in range(n_sessions):
            session = self._generator.session(SEED + 100_000 + i, length)
            read, questions = self._read(session), list(self._questions(session))
            for name, keep in variants.items():
                for label, part in BUDGETS.items() if keep else (("1", 1.0),):
                    kept = keep(read, part) if keep else None
                    cell = results.setdefault(name, {}).setdefault(label, {"right": 0, "n": 0})
                    cell["right"] += sum(self._is_right(read, kept, *q) for q in questions)
                    cell["n"] += len(questions)
        return results

    # -- which keys stay

    def _score(self, read: Read) -> Tensor:
        made = torch.einsum("lgnc,lgc->lgn", read.x, self._weights)
        return made + self._constants[..., None]

    def _n_keep(self, read: Read, part: float) -> int:
        return max(1, int((read.k.shape[2] - read.n_prompt) * part) - WINDOW)

    def _with(self, read: Read, chosen: Tensor) -> Tensor:
        """Prompt and window beside what was chosen, (n_layer, G, N)."""
        return F.pad(chosen, (read.n_prompt, WINDOW), value=True)

    def _equal(self, read: Read, part: float) -> Tensor:
        return self._with(read, equal(self._score(read), self._n_keep(read, part)))

    def _together(self, read: Read, part: float) -> Tensor:
        return self._with(read, together(self._score(read), self._n_keep(read, part)))

    def _but(self, layer: int, head: int) -> Keep:
        def keep(read: Read, part: float) -> Tensor:
            kept = self._equal(read, part)
            kept[layer, head] = True
            return kept

        return keep

    # -- the model

    def _layers(self, ids) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Queries and keys after RoPE, keys before it, values: (heads, T, E) of each layer."""
        ids = torch.tensor(ids, device=self._device)
        cos, sin = rope_table(torch.arange(len(ids), device=self._device), self._shape)
        x = self._network.embed(ids[None])
        for block in self._network.blocks:
            q, k_pre, v = block.project(x)
            q, k = rotate(q, cos, sin), rotate(k_pre, cos, sin)
            yield q[0], k[0], k_pre[0], v[0]
            g = self._shape.n_group
            wide = (k.repeat_interleave(g, 1), v.repeat_interleave(g, 1))
            x = block.finish(x, F.scaled_dot_product_attention(q, *wide, is_causal=True))

    def _paid(self, q: Tensor, k: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Largest and mean probability that queries from `first` on give each key, (G, T)."""
        s, n = self._shape, k.shape[1]
        peak, total = torch.zeros(2, s.n_head, n, device=q.device)
        pos = torch.arange(n, device=q.device)
        for start in range(0, q.shape[1], 512):
            rows = q[:, start : start + 512]
            logits = rows @ k.repeat_interleave(s.n_group, 0).mT / s.head_dim**0.5
            at = first + start + torch.arange(rows.shape[1], device=q.device)
            p = logits.masked_fill(pos > at[:, None], -torch.inf).softmax(-1)
            peak, total = torch.maximum(peak, p.amax(1)), total + p.sum(1)
        by_group = (s.n_head_kv, s.n_group, n)
        return peak.view(by_group).amax(1), total.view(by_group).sum(1) / q.shape[1]

    @torch.no_grad()
    def _read(self, session: Session) -> Read:
        now, pos = len(session.ids), torch.arange(len(session.ids), device=self._device)
        old = slice(session.n_prompt, now - WINDOW)
        layers = list(self._layers(session.ids))
        x = [features(k_pre[:, old], pos[old], now, self._shape) for _, _, k_pre, _ in layers]
        k, v = (torch.stack([layer[i] for layer in layers]) for i in (1, 3))
        return Read(k, v, torch.stack(x), session.n_prompt)

    def _questions(self, session: Session) -> Iterator[tuple[list[int], list[int]]]:
        old = [p for p in session.facts if p.stop <= len(session.ids) - 2 * WINDOW]
        for planted in Random(len(session.ids)).sample(old, min(8, len(old))):
            yield self._writer.question(planted.fact, session.ended)

    @torch.no_grad()
    def _is_right(
        self, read: Read, kept: Tensor | None, question: list[int], answer: list[int]
    ) -> bool:
        """Whether each token of the answer is the likeliest after those before it."""
        s, net = self._shape, self._network
        ids = torch.tensor([*question, *answer], device=self._device)
        n_old, n = read.k.shape[2], len(ids)
        cos, sin = rope_table(torch.arange(n_old, n_old + n, device=self._device), s)
        seen = torch.ones(n, n_old + n, dtype=torch.bool, device=self._device).tril(n_old)
        x = net.embed(ids[None])
        for i, block in enumerate(net.blocks):
            q, k, v = block.project(x)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            mask = seen.expand(s.n_head_kv, n, n_old + n).clone()
            if kept is not None:
                mask[:, :, :n_old] &= kept[i][:, None]
            wide = [
                torch.cat([part[i], new[0]], 1).repeat_interleave(s.n_group, 0)[None]
                for part, new in ((read.k, k), (read.v, v))
            ]
            mask = mask.repeat_interleave(s.n_group, 0)[None]
            x = block.finish(x, F.scaled_dot_product_attention(q, *wide, attn_mask=mask))
        said = net.logits(net.norm(x[0, len(question) - 1 : -1])).argmax(-1)
        return said.tolist() == answer


def equal(score: Tensor, n: int) -> Tensor:
    """The `n` highest of each row, (..., N) bool."""
    return score.argsort(-1, descending=True).argsort(-1) < n


def together(score: Tensor, n: int) -> Tensor:
    """As many as `n` of each row would be, wherever they score highest; every row keeps some."""
    floor = torch.where(equal(score, int(n * FLOOR)), torch.inf, score)
    n_rows = score.numel() // score.shape[-1]
    kept = torch.zeros(score.numel(), dtype=torch.bool, device=score.device)
    kept[floor.flatten().topk(n * n_rows).indices] = True
    return kept.view_as(score)
