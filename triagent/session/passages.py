"""Cutting what was said into passages small enough to be put back word for word.

Knows nothing of files or of the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARS = 600


@dataclass(frozen=True)
class Passage:
    """Some words of a session, exactly."""

    turn: int
    who: str
    """"user", "you" (the model), or "<tool> result"."""
    text: str
    pos: int
    """First token's position, to within a few tokens: words are cut, not tokens."""
    stop: int


def cut(turn: int, who: str, text: str, pos: int, stop: int) -> Iterator[Passage]:
    """Passages of a text whose tokens lie at [pos, stop), cut at line ends where possible."""
    scale = (stop - pos) / len(text) if text else 0.0
    start = 0
    while start < len(text):
        end = _end(text, start)
        body = text[start:end].strip("\n")
        if body.strip():
            first = pos + int(start * scale)
            yield Passage(turn, who, body, first, max(first + 1, pos + round(end * scale)))
        start = end


def _end(text: str, start: int) -> int:
    limit = start + MAX_CHARS
    if limit >= len(text):
        return len(text)
    for mark in ("\n", " "):
        at = text.rfind(mark, start + MAX_CHARS // 3, limit)
        if at > 0:
            return at + 1
    return limit
