"""The training loop: rows of growing length, a schedule of wall time, checkpoints.

The schedule is a share of the time, not a count of steps: the run uses the time it is given,
on whatever it runs. A run may be cut into pieces; each continues from the last checkpoint.
"""

from __future__ import annotations

import json
import random
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .model import Network, Shape
from .optim import Optimiser, Rates
from .packing import unpack
from .stream import Block, Stream


@dataclass(frozen=True)
class Stage:
    """A part of the run with rows of one length."""

    length: int
    until: float
    """Share of the training time at which the stage ends."""


STAGES = (Stage(2048, 0.08), Stage(4096, 0.34), Stage(8192, 0.78), Stage(16384, 1.0))
"""Short rows first, where copying is learnt fastest; long ones last, at falling rates."""


@dataclass(frozen=True)
class Plan:
    """What to train, on what, for how long."""

    shape: Shape
    rates: Rates
    stages: tuple[Stage, ...]
    n_tokens: int
    """Tokens a step."""
    seconds: float | None
    """Of the whole schedule, over all pieces; None takes what the first piece has left once
    everything is compiled."""
    seed: int
    device: str


class Trainer:
    """Holds a network and its optimiser, and steps them."""

    def __init__(self, plan: Plan, log: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.log_path = log
        self.fast = plan.device.startswith("cuda")
        self.network = Network(plan.shape).to(plan.device)
        self.optimiser = Optimiser(
            self.network.matrices(), self.network.vectors(), plan.rates, self.fast
        )
        self.step = 0
        self.n_seen = 0
        self.seconds = plan.seconds
        self.elapsed_s = 0.0
        """Training time spent, over all pieces."""
        self._loss = _loss
        if self.fast:
            torch.backends.cuda.matmul.allow_tf32 = True
            torch._dynamo.config.cache_size_limit = 64
            for block in self.network.blocks:
                block.compile(dynamic=False)
            self._loss = torch.compile(_loss, dynamic=False)

    @property
    def progress(self) -> float:
        """Share of the schedule that is done."""
        return self.elapsed_s / self.seconds if self.seconds else 0.0

    def run(self, stream: Stream, stop_at: float) -> bool:
        """Train until the schedule or the clock (`time.monotonic`) ends; True when all is done."""
        kept: deque[Block] = deque(maxlen=64)
        stage, fresh, last_log = self._stage(), 0, time.monotonic()
        stream.prepare(stage)
        clock = None  # starts with the first step's end: compiling is no training time
        while self.progress < 1 and time.monotonic() < stop_at:
            if self._stage() != stage:
                stage = self._stage()
                kept.clear()
            stream.prepare(self._stage(ahead=0.012))
            block = stream.get(stage, 0.05 if kept else 300)
            fresh += block is not None
            if block is not None:
                kept.append(block)
            loss, answer = self.train_step(block or random.choice(kept))
            now = time.monotonic()
            if clock is not None:
                self.elapsed_s += now - clock
            elif self.seconds is None:
                self._synchronise()
                self.seconds = stop_at - time.monotonic()
            clock = now
            if self.step % 50 == 0 or self.progress >= 1:
                self._log(
                    stage,
                    loss,
                    answer,
                    fresh,
                    50 * self.plan.n_tokens / (now - last_log),
                    stream.waiting(stage),
                )
                last_log = now
        self._synchronise()
        return self.progress > 0.99  # the clock may end a step before the schedule does

    def _synchronise(self) -> None:
        if self.fast:
            torch.cuda.synchronize()

    def train_step(self, block: Block) -> tuple[torch.Tensor, torch.Tensor]:
        """One step; the weighted loss and the loss of the full-weight tokens alone."""
        device = self.plan.device
        ids = torch.from_numpy(block[0].astype(np.int64)).to(device, non_blocking=True)
        weights = torch.from_numpy(block[1].astype(np.float32) / 100).to(device, non_blocking=True)
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=self.fast):
            hidden = self.network.hidden(ids[:, :-1])
            loss, answer = self._loss(hidden, self.network.embed.weight, ids[:, 1:], weights[:, 1:])
        loss.backward()
        self.optimiser.step(self.step, self.progress)
        self.network.zero_grad(set_to_none=True)
        self.step += 1
        self.n_seen += ids.shape[0] * (ids.shape[1] - 1)
        return loss.detach(), answer.detach()

    def _stage(self, ahead: float = 0.0) -> int:
        done = self.progress + ahead
        ends = [stage.until for stage in self.plan.stages]
        return min(sum(done >= end for end in ends), len(ends) - 1)

    def _log(self, stage, loss, answer, fresh, rate, n_waiting) -> None:
        line = {
            "step": self.step,
            "seconds": round(self.elapsed_s, 1),
            "length": self.plan.stages[stage].length,
            "loss": round(loss.item(), 4),
            "answer_loss": round(answer.item(), 4),
            "tokens": self.n_seen,
            "tokens_per_s": round(rate),
            "fresh_blocks": fresh,
            "waiting": n_waiting,
            "rate": round(self.plan.rates.at(self.step, self.progress), 4),
        }
        print(json.dumps(line), flush=True)
        with self.log_path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save(self, path: Path) -> None:
        """Write everything that a later piece needs, at once or not at all."""
        state = {
            "shape": asdict(self.plan.shape),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state(),
            "step": self.step,
            "n_seen": self.n_seen,
            "elapsed_s": self.elapsed_s,
            "seconds": self.seconds,
        }
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Continue from `save`."""
        state = torch.load(path, map_location=self.plan.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.restore(state["optimiser"])
        self.step, self.n_seen = state["step"], state["n_seen"]
        self.elapsed_s, self.seconds = state["elapsed_s"], state["seconds"]

    def start_from(self, path: Path) -> None:
        """Take the weights of a finished run and nothing else."""
        state = torch.load(path, map_location=self.plan.device, weights_only=True)
        self.network.load_state_dict(unpack(state["network"]))


def _loss(hidden, embedding, targets, weights):
    """Weighted mean of the cross entropy, and its mean over tokens of full weight."""
    logits = F.linear(hidden, embedding.to(hidden.dtype)).float()
    each = F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1), reduction="none")
    flat = weights.reshape(-1)
    full = flat == 1
    answer = (each.detach() * full).sum() / full.sum().clamp_min(1)
    return (each * flat).sum() / flat.sum(), answer
