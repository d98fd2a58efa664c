"""Marks that stand for untrusted text while a template is rendered.

A template sees only marks; the real text is put in afterwards, so that the template's own text
and everybody else's words can be told apart to the character. Each mark holds a quote, which
shows whether the template put it into JSON: then the text needs the same escaping.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape

_MARK = re.compile(r'zs(\d+)q(\\*)("|&#34;|&quot;)qs')


def mark(index: int) -> str:
    """What stands for text number `index`."""
    return f'zs{index}q"qs'


@dataclass(frozen=True)
class Slot:
    """A place for text number `index`."""

    index: int
    n_json: int = 0
    """How many times the text must be JSON-escaped to stand here."""
    html: bool = False

    def fill(self, text: str) -> str:
        for _ in range(self.n_json):
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        return escape(text) if self.html else text


Piece = str | Slot


def split(rendered: str) -> list[Piece]:
    """Rendered text as the template's own text and slots, in order."""
    pieces: list[Piece] = []
    end = 0
    for match in _MARK.finditer(rendered):
        pieces += [rendered[end : match.start()], _slot(match)]
        end = match.end()
    return [piece for piece in (*pieces, rendered[end:]) if piece != ""]


def indexes(rendered: str) -> list[int]:
    """Numbers of the marks in the order they stand."""
    return [int(match[1]) for match in _MARK.finditer(rendered)]


def after(rendered: str, index: int) -> int | None:
    """Where mark `index` last ends, or None when the template lost it."""
    ends = [match.end() for match in _MARK.finditer(rendered) if int(match[1]) == index]
    return ends[-1] if ends else None


def before(rendered: str, index: int) -> int | None:
    """Where mark `index` first begins, or None when the template lost it."""
    starts = [match.start() for match in _MARK.finditer(rendered) if int(match[1]) == index]
    return starts[0] if starts else None


def _slot(match: re.Match[str]) -> Slot:
    # Escaping once makes one backslash, twice makes three, n times 2**n - 1.
    return Slot(int(match[1]), len(match[2]).bit_length(), match[3] != '"')
