"""When a round is due, what no round may take, and how many stay.

Protection is by position and never by doctored scores: sinks, window and pinned spans are no
candidates at all. When they alone pass the budget the cache holds more, visibly, up to its cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from triagent.errors import ConfigError
from triagent.kv.spans import Spans

CELL_PAD = 256  # llama.cpp rounds the number of cells, and attention's reach, up to this


@dataclass(frozen=True)
class Bounds:
    """Sizes of one bounded cache, cells."""

    budget: int
    interval: int
    chunk: int
    n_sink: int
    n_window: int
    budgets: tuple[int, ...] = ()
    """Of each group of layers, by falling size; `budget` is then their mean. Empty: one group."""

    def __post_init__(self) -> None:
        for name in ("budget", "interval", "chunk", "n_window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.n_sink < 0:
            raise ConfigError(f"n_sink is {self.n_sink}; it must not be negative")
        if self.n_sink + self.n_window >= self.budget:
            raise ConfigError(
                f"{self.n_sink} sinks and a window of {self.n_window} leave nothing to choose in a "
                f"budget of {self.budget}; raise the budget"
            )

    def of_group(self, group: int) -> int:
        """Most cells that the layers of a group keep after a round."""
        return self.budgets[group] if self.budgets else self.budget

    @property
    def least(self) -> int:
        """Most cells that every layer keeps after a round."""
        return min(self.budgets, default=self.budget)

    @property
    def n_cells(self) -> int:
        """Cells to allocate: the budget and room for a chunk or an interval, padded."""
        wanted = self.budget + max(self.chunk, self.interval)
        return -(-wanted // CELL_PAD) * CELL_PAD


class Verdict(Enum):
    """What a round should do."""

    NOT_DUE = "not due"
    EVICT = "evict"
    NO_ROOM = "no room"
    """Everything left is protected and the batch does not fit."""


@dataclass(frozen=True)
class Decision:
    verdict: Verdict
    n_evict: int = 0
    """Of the group that gives up most."""
    of_groups: tuple[int, ...] = ()


@dataclass
class Protection:
    """Which positions no round may evict, and which go first."""

    bounds: Bounds
    pinned: Spans = field(default_factory=Spans)
    late: Spans = field(default_factory=Spans)
    """The part of `pinned` that was candidate before: some rows may hold only some of it, at
    scattered places, so its cells are found by true positions."""
    disposable: Spans = field(default_factory=Spans)
    """Evicted before anything else, such as old thinking."""
    last_round: int = -1
    """`now` of the last round; what was older than the window then was candidate."""

    def pin(self, spans: Spans) -> None:
        """Protect positions; what was candidate before is protected where rows still hold it."""
        self.pinned |= spans
        self.late |= spans.below(max(0, self.last_round - self.bounds.n_window))
        self.disposable -= spans

    def unpin(self, spans: Spans) -> None:
        self.pinned -= spans
        self.late -= spans

    def ranges(self, now: int) -> Spans:
        """All protected positions when the next token has position `now`."""
        bounds = self.bounds
        ends = Spans.of([(0, bounds.n_sink), (max(0, now - bounds.n_window), now + 1)])
        return ends | self.pinned.below(now)

    def count(self, now: int) -> int:
        """Cells that stay whatever happens."""
        return len(self.ranges(now).below(now))

    def target(self, now: int, group: int = 0) -> int:
        """Most cells kept after a round: the budget, or more when protection alone passes it.

        Then an interval of others still stays, so that rounds do not follow one another at every
        token; what that costs is seen in the status and ends where the cells end.
        """
        return max(self.bounds.of_group(group), self.count(now) + self.bounds.interval)

    def trigger(self, now: int, n_cells: int, group: int = 0) -> int:
        """Most cells that may fill before a round is due."""
        return min(self.target(now, group) + self.bounds.interval, n_cells)

    def decide_all(
        self, n_used: Sequence[int], n_new: int, now: int, n_cells: Sequence[int]
    ) -> Decision:
        """Decide for all groups of layers at once, from what each holds and can hold.

        A round that one group needs brings the others back to their targets too, so that from
        then on all are due together.
        """
        found = [
            self.decide(used, n_new, now, cells, group)
            for group, (used, cells) in enumerate(zip(n_used, n_cells, strict=True))
        ]
        verdicts = [decision.verdict for decision in found]
        if Verdict.EVICT not in verdicts or Verdict.NO_ROOM in verdicts:
            return Decision(Verdict.NO_ROOM if Verdict.NO_ROOM in verdicts else Verdict.NOT_DUE)
        counts = tuple(
            decision.n_evict or self._n_over(used, now, group)
            for group, (used, decision) in enumerate(zip(n_used, found, strict=True))
        )
        return Decision(Verdict.EVICT, max(counts), counts)

    def _n_over(self, n_used: int, now: int, group: int) -> int:
        """Cells beyond a group's target that may go."""
        return max(0, n_used - max(self.target(now, group), min(n_used, self.count(now))))

    def decide(
        self, n_used: int, n_new: int, now: int, n_cells: int, group: int = 0
    ) -> Decision:
        """Decide for a batch of `n_new` tokens that would fill `n_used` cells further."""
        if n_used + n_new <= self.trigger(now, n_cells, group):
            return Decision(Verdict.NOT_DUE)
        room = n_cells - n_new
        n_evict = n_used - min(self.target(now, group), room)
        n_free = n_used - min(n_used, self.count(now))  # candidates
        if n_used > room and n_free < n_used - room:
            return Decision(Verdict.NO_ROOM)
        if n_evict <= 0 or n_free == 0:
            return Decision(Verdict.NOT_DUE)
        n_evict = min(n_evict, n_free)
        return Decision(Verdict.EVICT, n_evict, (n_evict,))

    def can_fit(self, n_pinned: int, n_cells: int) -> bool:
        """Whether that many protected cells leave room to feed a batch and to go on."""
        return n_pinned + self.bounds.n_window + self.bounds.interval < n_cells
