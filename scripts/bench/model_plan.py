"""What the model bench runs, in which order, and what is left when the time is over.

Every section advances alike: at any moment each has had about the same share of its work, so a
run that is cut short measured a part of everything. Long pieces begin early, by as much as they
take, and none begins that would not end in time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

SECONDS = {
    "known": 1.4, "plain": 1.4, "unseen": 1.4, "f16": 2.0, "free": 2.2, "walks": 1.5, "long": 150.0,
}  # fmt: skip
"""What one piece of a section takes on one core, until some were timed."""
RECALL = {"1K": 6.0, "4K": 35.0, "8K": 100.0, "16K": 280.0}
"""The same for a session of the section recall."""
MARGIN = 1.15
"""How much longer than its mean a piece may take that is begun near the end."""
DIVISIBLE = ("recall", "long")
"""Sections whose pieces stop at the deadline with what they have."""
LEAST = 0.5
"""Part of such a piece that must fit."""


@dataclass(frozen=True)
class Work:
    """One piece: an item, or a session with its questions."""

    section: str
    label: str
    number: int

    @property
    def queue(self) -> tuple[str, str]:
        return self.section, self.label


class Plan:
    """Hands out pieces one by one.

    Args:
        todo: all pieces; those of one section and label are taken in their order.
        n_jobs: pieces that run at the same time.
        seconds: wall clock for all of them; 0: no limit.
    """

    def __init__(self, todo: list[Work], n_jobs: int, seconds: float) -> None:
        self._queues: dict[tuple[str, str], list[Work]] = defaultdict(list)
        for work in reversed(todo):
            self._queues[work.queue].append(work)
        self._n_all = {queue: len(some) for queue, some in self._queues.items()}
        self._n_jobs, self._seconds, self._began = n_jobs, seconds, time.monotonic()
        self._taken: dict[tuple[str, str], list[float]] = defaultdict(list)

    @property
    def deadline(self) -> float:
        """Of `time.monotonic`, which all processes share."""
        return self._began + self._seconds if self._seconds else float("inf")

    @property
    def n_left(self) -> int:
        return sum(map(len, self._queues.values()))

    def seconds_of(self, queue: tuple[str, str]) -> float:
        """What a piece of this queue takes: as timed, or as a table guesses."""
        if taken := self._taken[queue]:
            return sum(taken) / len(taken)
        section, label = queue
        return RECALL.get(label, RECALL["16K"]) if section == "recall" else SECONDS[section]

    def took(self, work: Work, seconds: float) -> None:
        self._taken[work.queue].append(seconds)

    def next(self) -> Work | None:
        """The piece to begin now; None when there is none or none that would end in time."""
        left = self.deadline - time.monotonic()
        fitting = [q for q, some in self._queues.items() if some and self._needs(q) < left]
        if not fitting:
            return None
        return self._queues[min(fitting, key=self._due)].pop()

    def _needs(self, queue: tuple[str, str]) -> float:
        """Seconds without which a piece is not begun."""
        return self.seconds_of(queue) * (LEAST if queue[0] in DIVISIBLE else MARGIN)

    def _due(self, queue: tuple[str, str]) -> float:
        """Share of the whole run at which the queue's next piece should begin."""
        done = 1 - len(self._queues[queue]) / self._n_all[queue]
        return done - self.seconds_of(queue) / self._whole()

    def _whole(self) -> float:
        """Seconds that everything would take, limit or not."""
        work = sum(self.seconds_of(queue) * n for queue, n in self._n_all.items())
        return max(1.0, work / self._n_jobs)
