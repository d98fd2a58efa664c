"""The line of facts at the end of a turn: counted by us, never told by the model."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from triagent.agent.calls import Answered
from triagent.agent.events import Ending, Outcome, TurnEnded
from triagent.chat import CacheStatus, Usage


@dataclass
class Facts:
    """What happened in one turn so far."""

    turn: int
    n_steps: int = 0
    n_tools: int = 0
    """Calls that ran; malformed ones count as failed."""
    n_failed: int = 0
    n_denied: int = 0
    """Calls that the user or the mode did not allow."""
    n_skipped: int = 0
    """Calls that were not run because the turn was over."""
    n_acted: int = 0
    """Calls that changed a file or ran a command, and did not fail."""
    changed: dict[str, None] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    started: float = field(default_factory=time.monotonic)

    def add_usage(self, usage: Usage) -> None:
        """Add the counts of one append or one generation."""
        mine = self.usage
        self.usage = Usage(
            mine.n_prefill + usage.n_prefill,
            mine.n_decode + usage.n_decode,
            mine.prefill_s + usage.prefill_s,
            mine.decode_s + usage.decode_s,
        )

    def add_call(self, answered: Answered, acts: bool) -> None:
        """Count one call; `acts` when its tool is one that changes things."""
        if answered.ending is Ending.DENIED:
            self.n_denied += 1
        elif answered.skipped:
            self.n_skipped += 1
        else:
            self.n_tools += 1
            self.n_failed += not answered.ok
            self.n_acted += answered.ok and acts
        self.changed.update(dict.fromkeys(answered.changed))

    def ended(
        self, outcome: Outcome, why: str, cache: CacheStatus | None, unproved: bool = False
    ) -> TurnEnded:
        """The turn's last event."""
        return TurnEnded(
            turn=self.turn,
            outcome=outcome,
            why=why,
            n_steps=self.n_steps,
            n_tools=self.n_tools,
            n_failed=self.n_failed,
            changed=tuple(self.changed),
            usage=self.usage,
            seconds=time.monotonic() - self.started,
            cache=cache,
            unproved=unproved,
            n_denied=self.n_denied,
            n_skipped=self.n_skipped,
        )


def line(end: TurnEnded) -> str:
    """One line for people: tools, files, tokens and rates, the cache."""
    usage = end.usage
    parts = [
        tools(end),
        f"{len(end.changed)} file{'' if len(end.changed) == 1 else 's'} changed"
        + (f" ({', '.join(end.changed[:5])}{', ...' if len(end.changed) > 5 else ''})"
           if end.changed else ""),
        f"{usage.n_prefill} tokens in ({usage.prefill_tps:.0f}/s)",
        f"{usage.n_decode} out ({usage.decode_tps:.1f}/s)",
    ]  # fmt: skip
    if end.cache is not None:
        parts += cache_parts(end.cache)
    parts.append(f"{end.seconds:.1f} s")
    return " · ".join(parts)


def tools(end: TurnEnded) -> str:
    """What became of the calls: ran, failed, denied, not run."""
    parts = [
        f"{end.n_tools} tool{'' if end.n_tools == 1 else 's'} ran"
        + (f" ({end.n_failed} failed)" if end.n_failed else "")
    ]
    parts += [f"{end.n_denied} denied"] if end.n_denied else []
    parts += [f"{end.n_skipped} not run"] if end.n_skipped else []
    return ", ".join(parts)


def cache_parts(cache: CacheStatus) -> list[str]:
    """The cache in words: cells, bytes beside full attention's, rounds, evicted."""
    return [
        f"{cache.n_used} of {cache.n_cells} cells",
        f"KV {_bytes(cache.cache_bytes)} (full attention {_bytes(cache.full_bytes)})",
        f"{cache.n_rounds} round{'' if cache.n_rounds == 1 else 's'}, {cache.n_evicted} evicted",
    ]


def _bytes(n: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n} B"
