"""By which score cells are kept: the policies, and how one is chosen.

Knows nothing of the library: the hook asks here and carries the answer out. When a round is due
and what is protected is the same for all, see `protection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np

from triagent.errors import ConfigError, SidecarError
from triagent.kv.protection import CELL_PAD
from triagent.kv.score import Mode
from triagent.kv.sidecar import Stats

MIN_BUDGET, AUTO_BUDGET = 256, 8192


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
CAREFUL = KeyNorm.name
"""The score where none was checked on the model, see `choose_policy`."""
UNCHECKED = (
    f"No centers for this model: keys are kept by their length ({CAREFUL}), unchecked on this "
    "model. Make a sidecar (triagent centers MODEL.gguf), or choose a policy with --policy."
)
UNTESTED = (
    f"The sidecar has no self-test: keys are kept by their length ({CAREFUL}), unchecked on this "
    "model. Its scores are used where --policy names them."
)


def choose_policy(name: str, stats: Stats | None, seed: int = 0) -> tuple[Policy, str | None]:
    """Turn a configured name into a policy, and a sentence for the user where one is due.

    auto takes what the sidecar's self-test recommends, also where it found no budget safe: it
    still compared all scores on this model. Without a self-test it takes key norm, whatever the
    sidecar holds: key norm has learned nothing that could be wrong for this model, and on the one
    model measured it kept more than chance at every budget (docs/fidelity.md). The fitted score
    kept more there; whether it does elsewhere is what a self-test finds out.

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
        return CAREFUL, UNCHECKED
    if stats.recommended_score:
        return stats.recommended_score, None
    return CAREFUL, UNTESTED


def budget_note(stats: Stats | None, score: str, budget: int) -> str | None:
    """A sentence for the user where the self-test saw the recommended score fail; else None.

    Other scores are a choice of the user, who need not be told.

    Args:
        score: the policy in use.
        budget: cells kept after a round.
    """
    if stats is None or not stats.recommended_score or score != stats.recommended_score:
        return None
    safe = stats.recommended_budget
    if not safe:
        largest = max((test.budget for test in stats.self_tests), default=0)
        tested = f" up to {largest:,} cells" if largest else ""
        return (
            f"The self-test found no safe budget{tested} for this model. {score} is used as it "
            "recommends; answers may miss what was evicted."
        )
    if budget < safe:
        return (
            f"The budget of {budget:,} cells is below the {safe:,} that the self-test found safe "
            f"with {score}; answers may miss what was evicted."
        )
    return None


def choose_mode(name: str, policy: Policy) -> Mode:
    """Which rows share a set. Raises: ConfigError for an unknown name."""
    try:
        mode = Mode(name)
    except ValueError:
        known = ", ".join(m.value for m in Mode)
        raise ConfigError(f"select {name!r} is not known; choose {known}") from None
    return Mode.SHARED if policy.shared else mode


def auto_budget(stats: Stats | None, free_bytes: int, cell_bytes: float, n_ctx: int) -> int:
    """Choose a budget: what fits in a quarter of free memory, in cells.

    A quarter leaves room for compute buffers and for other programs; beyond 8192 cells a larger
    budget should be a decision. The sidecar's budget is the smallest that its self-test found
    safe, so it is a floor: more memory only ever forgets less. A multiple of 256 keeps
    attention's reach, and so the graph, the same from round to round.
    """
    fits = int(free_bytes / 4 / max(cell_bytes, 1.0))
    wanted = max(MIN_BUDGET, min(AUTO_BUDGET, fits) // CELL_PAD * CELL_PAD)
    safe = stats.recommended_budget if stats is not None else 0
    return min(max(wanted, safe), n_ctx)
