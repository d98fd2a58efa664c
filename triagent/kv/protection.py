"""When a round is due, what no round may take, and how many stay.

Protection is by position and never by doctored scores: sinks, window and pinned spans are no
candidates at all. When they alone pass the budget the cache holds more, visibly, up to its cells.
"""

from __future__ import annotations

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

    def target(self, now: int) -> int:
        """Most cells kept after a round: the budget, or more when protection alone passes it.

        Then an interval of others still stays, so that rounds do not follow one another at every
        token; what that costs is seen in the status and ends where the cells end.
        """
        return max(self.bounds.budget, self.count(now) + self.bounds.interval)

    def trigger(self, now: int, n_cells: int) -> int:
        """Most cells that may fill before a round is due."""
        return min(self.target(now) + self.bounds.interval, n_cells)

    def decide(self, n_used: int, n_new: int, now: int, n_cells: int) -> Decision:
        """Decide for a batch of `n_new` tokens that would fill `n_used` cells further."""
        if n_used + n_new <= self.trigger(now, n_cells):
            return Decision(Verdict.NOT_DUE)
        room = n_cells - n_new
        n_evict = n_used - min(self.target(now), room)
        n_free = n_used - min(n_used, self.count(now))  # candidates
        if n_used > room and n_free < n_used - room:
            return Decision(Verdict.NO_ROOM)
        if n_evict <= 0 or n_free == 0:
            return Decision(Verdict.NOT_DUE)
        return Decision(Verdict.EVICT, min(n_evict, n_free))

    def can_fit(self, n_pinned: int, n_cells: int) -> bool:
        """Whether that many protected cells leave room to feed a batch and to go on."""
        return n_pinned + self.bounds.n_window + self.bounds.interval < n_cells
