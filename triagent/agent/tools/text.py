"""Pure text helpers of the tools: cleaning, clipping, nearest names.

Knows nothing of files.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from triagent.agent import sanitize

MAX_LINE = 1000
"""Characters shown of one line."""


def clean(text: str) -> str:
    """Text without terminal escapes and hidden characters, lines ended by a plain newline."""
    return sanitize.clean(text).text


def decode(data: bytes) -> str | None:
    """Text of a file, or None when it is not text."""
    if b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", errors="replace")


def clip_line(line: str, limit: int = MAX_LINE) -> str:
    """One line, cut with a mark when it is very long."""
    return line if len(line) <= limit else f"{line[:limit]}[+{len(line) - limit} characters]"


def clip(text: str, limit: int, where: str = "") -> str:
    """Head and tail of a long text, with a mark between that says where the whole is.

    Two thirds head, one third tail: the beginning says what it is, the end how it ended.
    """
    if len(text) <= limit:
        return text
    n_head, n_tail = limit * 2 // 3, limit // 3
    return join_cut(text[:n_head], text[-n_tail:], len(text) - n_head - n_tail, where)


def join_cut(head: str, tail: str, n_left_out: int, where: str = "") -> str:
    """A head and a tail with the mark between them."""
    rest = f"; whole output: {where}" if where else ""
    return f"{head.rstrip()}\n[{n_left_out} characters left out{rest}]\n{tail.lstrip()}"


def nearest(name: str, names: Iterable[str], n: int = 3) -> list[str]:
    """Names most like `name`: same last part first, then by likeness."""
    unique = list(dict.fromkeys(names))
    wanted = name.rstrip("/").rsplit("/", 1)[-1].lower()
    tails: dict[str, list[str]] = {}
    for item in unique:
        tails.setdefault(item.rstrip("/").rsplit("/", 1)[-1].lower(), []).append(item)
    stem = wanted.rsplit(".", 1)[0]
    like = difflib.get_close_matches(wanted, tails, n=n, cutoff=0.6)
    inside = [tail for tail in tails if len(stem) >= 3 and stem in tail]
    found = [item for tail in dict.fromkeys([*like, *inside]) for item in sorted(tails[tail])]
    return found[:n]


def hint(names: list[str]) -> str:
    """`; nearest: a, b`, or nothing."""
    return f"; nearest: {', '.join(names)}" if names else ""


def count(n: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}{'es' if noun.endswith('ch') else 's'}"
