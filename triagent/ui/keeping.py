"""What pinning and forgetting come to, in words. No widgets.

A span may be held by some heads and not by others, or lie where nothing is ever evicted; then a
key does less than its name says, or nothing, and the user is told.
"""

from __future__ import annotations

from triagent.chat import Holding, Origin
from triagent.ui.heat import WHO, HeatRow, Picture

OPENING = "the opening stays: the model's instructions and tools are in it"
WHOLE = 0.995
"""From this share on a span is held whole, as the screen shows it."""


def refusal(row: HeatRow, key: str) -> str:
    """Why "pin", "unpin" or "forget" would do nothing to a span; empty when it does."""
    if row.who == WHO[Origin.SYSTEM] and row.start == 0:
        return OPENING
    if row.share <= 0.0:
        left = "to pin" if key == "pin" else "to forget"
        return f"nothing of it is left {left}; r recalls it" if key != "unpin" else ""
    return "it is pinned; p lets it go first" if key == "forget" and row.pinned else ""


def outcome(picture: Picture, row: HeatRow, key: str) -> str:
    """What to know once it was done; empty when it went as the key says.

    Args:
        picture: made afterwards.
        row: the span as it was before.
    """
    left = picture.share(row.start, row.stop)
    match key:
        case "pin":
            return pinned_part(left)
        case "unpin" if picture.rows[picture.row_at(row.start)].pinned:
            return "it stays for now: the newest positions are never evicted"
        case "forget":
            return kept_part(left)
    return ""


def pinned_part(left: float) -> str:
    """For a span of which only a part was there to be pinned."""
    if left >= WHOLE:
        return ""
    return f"pinned where it is still held, {left:.0%} of it; recall brings back its words"


def kept_part(left: float) -> str:
    """For a span of which a part could not be evicted."""
    if left <= 0.0:
        return ""
    return (
        f"{max(left, 0.01):.0%} of it is still held: where it shares cells with what is pinned, "
        "or is the newest"
    )


def share_of(holding: Holding, start: int, stop: int) -> float:
    """Mean share of the heads that hold positions [start, stop)."""
    part = [float(share) for share in holding.share[start:stop]]
    return sum(part) / max(1, len(part))
