"""When a round is due, what is protected, how many stay, and by which score.

A `Policy` names a score; `Bounds` and `Protection` say when and how many. Knows nothing of the
library: the hook asks here and carries the answer out. Protection is by position and never by
doctored scores: sinks, window and pinned spans are no candidates at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

import numpy as np

from triagent.errors import ConfigError, SidecarError
from triagent.kv.score import Mode
from triagent.kv.sidecar import Stats
from triagent.kv.spans import Spans

MIN_BUDGET, AUTO_BUDGET = 256, 8192
CELL_PAD = 256  # llama.cpp rounds the number of cells, and attention's reach, up to this


class Score(Enum):
    """What the library computes for a policy."""

    HOST = "host"
    """Nothing: the policy makes the scores itself."""
    PUBLISHED = "published"
    FITTED = "fitted"
    KNORM = "knorm"
    KEYDIFF = "keydiff"


@dataclass(frozen=True)
class Policy:
    """A way to rank what may be evicted. The base keeps what the library's score ranks high."""

    name: ClassVar[str] = ""
    score: ClassVar[Score] = Score.HOST
    scale: ClassVar[float] = 1.0
    """Multiplies the score; -1 keeps the low end."""
    shared: ClassVar[bool] = False
    """True: one set for all rows, whatever the configuration asks."""
    seed: int = 0

    def host_scores(self, pos: np.ndarray, n_sets: int, now: int) -> np.ndarray | None:
        """Scores (n_sets, n_candidates) float32 for candidates at `pos`; None: the library's."""
        return None


class NoEviction(Policy):
    """Keep everything: the cache is as long as the window."""

    name = "none"


class TriAttention(Policy):
    """The published score from the sidecar's centers (arXiv:2604.04921)."""

    name = "triattention"
    score = Score.PUBLISHED


class Fitted(Policy):
    """The same linear form with vectors and signed weights fitted to this model."""

    name = "fitted"
    score = Score.FITTED


class KeyNorm(Policy):
    """Keep the longest keys. Needs no calibration."""

    name = "knorm"
    score = Score.KNORM


class LowKeyNorm(Policy):
    """Keep the shortest keys (arXiv:2406.11430)."""

    name = "knorm-low"
    score = Score.KNORM
    scale = -1.0


class KeyDiff(Policy):
    """Keep keys unlike their mean (arXiv:2504.15364)."""

    name = "keydiff"
    score = Score.KEYDIFF
    scale = -1.0


class Streaming(Policy):
    """Sinks and the most recent (arXiv:2309.17453): the oldest go."""

    name = "streaming"
    shared = True

    def host_scores(self, pos: np.ndarray, n_sets: int, now: int) -> np.ndarray:
        # distance, not position: float32 cannot tell positions beyond 2^24 apart
        return np.broadcast_to((pos - now).astype(np.float32), (n_sets, len(pos)))


class Random(Policy):
    """Chance, with the same protection: what every other policy has to beat."""

    name = "random"

    def host_scores(self, pos: np.ndarray, n_sets: int, now: int) -> np.ndarray:
        # from (seed, now) alone, so that a restored session goes on as it would have
        return np.random.default_rng((self.seed, now)).random((n_sets, len(pos)), np.float32)


POLICIES: dict[str, type[Policy]] = {
    p.name: p
    for p in (TriAttention, Fitted, KeyNorm, LowKeyNorm, KeyDiff, Streaming, Random, NoEviction)
}
UNCHECKED = (
    "No centers for this model: keys are kept by their length (knorm), unchecked on this model. "
    "Make a sidecar, or choose a policy with --policy."
)


def choose_policy(name: str, stats: Stats | None, seed: int = 0) -> tuple[Policy, str | None]:
    """Turn a configured name into a policy, and a sentence for the user where one is due.

    auto takes what the sidecar's self-test recommends; without a sidecar, key norm.

    Raises:
        ConfigError: no such policy.
        SidecarError: the policy needs centers or a fit that are not there.
    """
    note = None
    if name == "auto":
        name, note = _recommended(stats)
    if name not in POLICIES:
        raise ConfigError(f"policy {name!r} is not known; choose auto, {', '.join(POLICIES)}")
    kind = POLICIES[name]
    if kind.score is Score.PUBLISHED and not (stats and stats.layers):
        raise SidecarError(f"policy {name} needs a sidecar with centers. Make one, or use knorm.")
    if kind.score is Score.FITTED and not (stats and stats.fits):
        raise SidecarError(f"policy {name} needs a sidecar with a fit. Make one, or use knorm.")
    return kind(seed=seed), note


def _recommended(stats: Stats | None) -> tuple[str, str | None]:
    if stats is None:
        return KeyNorm.name, UNCHECKED
    if stats.recommended_score:
        return stats.recommended_score, None
    name = Fitted.name if stats.fits else TriAttention.name
    return name, f"The sidecar has no self-test: {name} is used unchecked."


def choose_mode(name: str, policy: Policy) -> Mode:
    """Which rows share a set. Raises: ConfigError for an unknown name."""
    try:
        mode = Mode(name)
    except ValueError:
        known = ", ".join(m.value for m in Mode)
        raise ConfigError(f"select {name!r} is not known; choose {known}") from None
    return Mode.SHARED if policy.shared else mode


def auto_budget(stats: Stats | None, free_bytes: int, cell_bytes: float, n_ctx: int) -> int:
    """Choose a budget: the sidecar's, else what fits in a quarter of free memory, in cells.

    A quarter leaves room for compute buffers and for other programs; beyond 8192 cells a larger
    budget should be a decision. A multiple of 256 keeps attention's reach, and so the graph, the
    same from round to round.
    """
    if stats is not None and stats.recommended_budget:
        wanted = stats.recommended_budget
    else:
        fits = int(free_bytes / 4 / max(cell_bytes, 1.0))
        wanted = max(MIN_BUDGET, min(AUTO_BUDGET, fits) // CELL_PAD * CELL_PAD)
    return min(wanted, n_ctx)


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
