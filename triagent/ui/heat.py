"""Who still holds what: a session's spans with the share of heads that hold them. No widgets.

Made from the engine's own bookkeeping (`chat.Holding`); nothing is computed for it.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from triagent.chat import CacheStatus, Holding, Origin, Span
from triagent.ui.ports import Agent

WHO = {
    Origin.SYSTEM: "system",
    Origin.USER: "you",
    Origin.MODEL: "answer",
    Origin.THINKING: "thinking",
    Origin.CALL: "call",
    Origin.TOOL: "tool",
}


_FRAME = re.compile(
    r"<[|｜][^|｜<>\n]{1,40}[|｜]>(?:(?:system|user|assistant|tool)\n)?"
    r"|<(?:start|end)_of_turn>(?:(?:user|model)\n)?|\[/?INST\]|</?s>"
    r"|</?(?:tool_calls?|tool_responses?|think)>"
)
"""What common chat templates put around a message."""


@dataclass(frozen=True)
class HeatRow:
    """One span of the session."""

    turn: int
    """0 before the first turn."""
    who: str
    start: int
    stop: int
    text: str
    """Its words, without what the chat template puts around them."""
    share: float
    """Mean share of (layer, KV head) rows that still hold its positions, 0 to 1."""
    score: float | None
    """Mean keep score at the last round; None where nothing of it was a candidate."""
    n_lost: int
    """Positions that the last round took from every head."""
    pinned: bool
    """Whether all of it that is still held is pinned."""

    @property
    def n_pos(self) -> int:
        """Positions of the span."""
        return self.stop - self.start


@dataclass(frozen=True)
class Picture:
    """The whole session at one moment."""

    rows: tuple[HeatRow, ...]
    sums: tuple[float, ...]
    """Running sum of the share over positions, one longer than the session."""
    status: CacheStatus

    @property
    def n_pos(self) -> int:
        """Positions of the session."""
        return len(self.sums) - 1

    def share(self, start: int, stop: int) -> float:
        """Mean share over positions [start, stop)."""
        return (self.sums[stop] - self.sums[start]) / max(1, stop - start)

    def row_at(self, pos: int) -> int:
        """Index of the row that holds a position."""
        starts = [row.start for row in self.rows]
        return max(0, bisect_right(starts, pos) - 1)


def look(agent: Agent, lost: Sequence[tuple[int, int]] = ()) -> Picture:
    """Ask the agent what its model holds.

    Args:
        agent: the open session; called on its thread.
        lost: position ranges that the last round took from every head.
    """
    return picture(agent.spans(), agent.holding(), agent.turn_starts(), lost, agent.status())


def picture(
    spans: Sequence[Span],
    holding: Holding,
    turn_starts: dict[int, int],
    lost: Sequence[tuple[int, int]],
    status: CacheStatus,
) -> Picture:
    """Put spans and holding together; neighboring spans of one origin and turn become one row."""
    share = [float(value) for value in holding.share]
    sums = tuple(accumulate(share, initial=0.0))
    turns = sorted((start, turn) for turn, start in turn_starts.items())
    rows = tuple(
        _row(start, min(stop, holding.n_pos), origin, text, turn, sums, holding, lost)
        for start, stop, origin, text, turn in _joined(spans, turns)
        if start < holding.n_pos
    )
    return Picture(rows, sums, status)


def _joined(
    spans: Sequence[Span], turns: list[tuple[int, int]]
) -> Iterator[tuple[int, int, Origin, str, int]]:
    starts = [start for start, _ in turns]
    last: list | None = None
    for span in spans:
        at = bisect_right(starts, span.pos)
        turn = turns[at - 1][1] if at else 0
        if last and last[1] == span.pos and last[2] is span.origin and last[4] == turn:
            last[1], last[3] = span.stop, last[3] + span.text
            continue
        if last:
            yield tuple(last)
        last = [span.pos, span.stop, span.origin, span.text, turn]
    if last:
        yield tuple(last)


def _row(start, stop, origin, text, turn, sums, holding, lost) -> HeatRow:
    held = [at for at in range(start, stop) if holding.share[at] > 0.0]
    scores = [x for x in map(float, holding.score[start:stop]) if not math.isnan(x)]
    return HeatRow(
        turn=turn,
        who=WHO[origin],
        start=start,
        stop=stop,
        text=_FRAME.sub("", text).strip(),
        share=(sums[stop] - sums[start]) / max(1, stop - start),
        score=sum(scores) / len(scores) if scores else None,
        n_lost=sum(max(0, min(stop, b) - max(start, a)) for a, b in lost),
        pinned=bool(held) and all(holding.pinned[at] for at in held),
    )


def level(share: float) -> int:
    """Index into `themes.GLYPHS`: 0 when nobody holds it, 4 when nearly all do."""
    if share <= 0.0:
        return 0
    return 4 if share >= 0.98 else 1 + min(2, int(share * 3))
