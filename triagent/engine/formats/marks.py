"""Finding marks in text that arrives in pieces of any size, and telling special tokens apart.

A mark that the vocabulary has as a special token is matched by that token alone: while the text
flows through the parser, the token is one private character that ordinary text cannot contain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from triagent.engine.formats.grammar import Lit, Node, Until

_FIRST = 0xF0000
_LAST = 0xFFFFD
_PRIVATE = dict.fromkeys(range(_FIRST, _LAST + 1), "�")


@dataclass(frozen=True)
class Found:
    """The earliest mark in a text, or where one may be beginning."""

    at: int
    mark: str | None
    """None: `at` is where a mark may begin that needs more text to be told."""


class Coder:
    """Swaps special tokens for private characters and back."""

    def __init__(self, specials: Mapping[int, str], marks: Iterable[str]) -> None:
        """specials: id -> text; only those that some mark contains are swapped."""
        marks = list(marks)
        used = {i: t for i, t in specials.items() if t and any(t in mark for mark in marks)}
        self._chars = {token: chr(_FIRST + n) for n, token in enumerate(used)}
        # Longest first, so that <|a|> inside <|a|>b goes to the longer one.
        by_length = sorted(used.items(), key=lambda item: -len(item[1]))
        self._texts = {text: self._chars[token] for token, text in by_length}

    def token(self, piece: str, token_id: int | None) -> str:
        """A sampled token's text as the parser sees it; without an id, the template's own."""
        if token_id is None:
            return self.text(piece)
        if token_id in self._chars:
            return self._chars[token_id]
        return piece.translate(_PRIVATE) if self._chars and not piece.isascii() else piece

    def text(self, text: str) -> str:
        """A mark or template text as the parser sees it."""
        for special, char in self._texts.items():
            text = text.replace(special, char)
        return text

    def plain(self, text: str) -> str:
        """The text as it was before."""
        if text.isascii():
            return text
        for special, char in self._texts.items():
            text = text.replace(char, special)
        return text

    def node(self, node: Any) -> Node:
        """The same grammar over what the parser sees."""
        if not self._texts:
            return node
        if isinstance(node, Lit):
            return Lit(self.text(node.text))
        if isinstance(node, Until):
            return Until(self.text(node.mark))
        parts = {f.name: self._part(getattr(node, f.name)) for f in fields(node)}
        return replace(node, **parts)

    def _part(self, part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(self._part(item) for item in part)
        return self.node(part) if hasattr(part, "step") or hasattr(part, "expand") else part


def find(text: str, marks: Iterable[str], start: int = 0) -> Found | None:
    """The earliest mark from `start` on, the longest of those that begin there.

    A mark is only given when no longer one may still be under way; with the message over
    (`text` is all there is) use `find_final`."""
    marks = [mark for mark in marks if mark]
    best: Found | None = None
    for mark in marks:
        at = _begin(text, mark, start)
        if at is not None and (best is None or at < best.at):
            best = Found(at, None)
    if best is None:
        return None
    rest = text[best.at :]
    if any(len(mark) > len(rest) and mark.startswith(rest) for mark in marks):
        return best
    whole = [mark for mark in marks if rest.startswith(mark)]
    return Found(best.at, max(whole, key=len))


def find_final(text: str, marks: Iterable[str], start: int = 0) -> Found | None:
    """The earliest mark that stands there in full, the longest of those."""
    found = [(text.find(mark, start), -len(mark), mark) for mark in marks if mark]
    found = [one for one in found if one[0] >= 0]
    return Found(min(found)[0], min(found)[2]) if found else None


def _begin(text: str, mark: str, start: int) -> int | None:
    """Where the mark, or a beginning of it that the text's end cuts off, first stands."""
    at = text.find(mark, start)
    if at >= 0:
        return at
    at = text.find(mark[0], max(start, len(text) - len(mark) + 1))
    while at >= 0 and not mark.startswith(text[at:]):
        at = text.find(mark[0], at + 1)
    return at if at >= 0 else None
