"""Rows of training data from many processes, for ever and never twice.

Each worker has its own seed, packs documents into rows of one length and puts blocks of rows
into a queue for that length. The trainer says which length comes next; workers follow.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
import random
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Block = tuple[np.ndarray, np.ndarray]
"""Ids (n_rows, length + 1) uint16 and weights of the same shape, uint8, in percent."""


@dataclass(frozen=True)
class Source:
    """What a worker needs to make documents."""

    tokenizer: Path
    prose: Path | None
    seed: int


class Packer:
    """Documents into rows of `length` + 1 tokens."""

    def __init__(self, source: Source, worker: int) -> None:
        from . import documents, tokens  # workers import the generator, the trainer need not

        self.tokens = tokens
        self.tokenizer = tokens.load_tokenizer(source.tokenizer)
        self.maker = documents.Maker.load(source.prose, self.tokenizer)
        self.rng = random.Random(source.seed * 100_003 + worker)

    def block(self, n_rows: int, length: int) -> Block:
        """`n_rows` fresh rows."""
        rows = [self._row(length) for _ in range(n_rows)]
        return np.stack([ids for ids, _ in rows]), np.stack([weights for _, weights in rows])

    def _row(self, length: int) -> Block:
        """One row: documents end to end, the last one cut.

        A document that would lose most of itself at the end of the row is replaced by prose:
        a session cut after its system prompt would teach nothing.
        """
        ids, weights = np.zeros(0, np.uint16), np.zeros(0, np.uint8)
        while len(ids) <= length:
            room = length + 1 - len(ids)
            document = self._document(length, room)
            more_ids, more_weights = self.tokens.encode(self.tokenizer, document)
            ids, weights = np.append(ids, more_ids), np.append(weights, more_weights)
        return ids[: length + 1], weights[: length + 1]

    def _document(self, length: int, room: int):
        while True:
            try:
                return self.maker.document(self.rng, length, room)
            except Exception:  # one odd draw in a million must not end a run; the log shows it
                traceback.print_exc()


class Stream:
    """Workers and their queues, one queue a length."""

    def __init__(
        self,
        source: Source,
        lengths: list[int],
        n_tokens: int,
        n_workers: int,
        depth: int = 40,
        packer: type[Packer] = Packer,
    ) -> None:
        """Start the workers.

        Args:
            lengths: row lengths in the order they will be asked for.
            n_tokens: tokens in a block; a block has n_tokens / length rows.
            depth: blocks that a queue holds.
            packer: what makes the blocks.
        """
        # A fresh interpreter per worker: forking after torch has threads is not safe.
        context = mp.get_context("spawn")
        self.lengths = lengths
        self.stage = context.Value("i", 0)
        self.queues = [context.Queue(depth) for _ in lengths]
        self.processes = [
            context.Process(
                target=_work,
                args=(packer, source, i, lengths, n_tokens, self.queues, self.stage),
                daemon=True,
            )
            for i in range(n_workers)
        ]
        for process in self.processes:
            process.start()

    def prepare(self, stage: int) -> None:
        """Let the workers make rows for this stage from now on."""
        self.stage.value = max(self.stage.value, stage)

    def get(self, stage: int, timeout_s: float) -> Block | None:
        """A block of the stage's length; None when none came in time."""
        try:
            return self.queues[stage].get(timeout=timeout_s)
        except queue.Empty:
            if not any(p.is_alive() for p in self.processes):
                raise RuntimeError("every data worker has ended; see the messages above") from None
            return None

    def waiting(self, stage: int) -> int:
        """Blocks that wait in the stage's queue."""
        return self.queues[stage].qsize()

    def close(self) -> None:
        """End the workers."""
        for process in self.processes:
            process.kill()
        for q in self.queues:
            q.cancel_join_thread()


def _work(make, source, worker, lengths, n_tokens, queues, stage) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    packer = make(source, worker)
    while True:
        now = stage.value
        block = packer.block(max(1, n_tokens // lengths[now]), lengths[now])
        while stage.value == now:  # a block for a finished stage is dropped
            try:
                queues[now].put(block, timeout=0.5)
                break
            except queue.Full:
                continue
