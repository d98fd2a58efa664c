"""A unified diff as rows for the screen: one column, or two where there is room.

Reads the text that `difflib.unified_diff` and git write; knows nothing of files.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$")


@dataclass(frozen=True)
class Half:
    """One line of one side."""

    number: int
    """Line number in its file, from 1."""
    text: str
    words: tuple[tuple[int, int], ...] = ()
    """Character ranges that differ from the line across."""


@dataclass(frozen=True)
class Row:
    """One row: both sides alike, a change across, or one side only; or a heading."""

    old: Half | None = None
    new: Half | None = None
    heading: str = ""

    @property
    def changed(self) -> bool:
        """True for a row that adds or removes something."""
        return not self.heading and (
            self.old is None or self.new is None or self.old.text != self.new.text
        )


def rows(diff: str) -> list[Row]:
    """Parse a unified diff; removed and added lines of one place stand across."""
    found: list[Row] = []
    removed: list[Half] = []
    added: list[Half] = []
    n_old = n_new = 0

    def flush() -> None:
        found.extend(_across(removed, added))
        removed.clear()
        added.clear()

    for line in diff.splitlines():
        hunk = _HUNK.match(line)
        if hunk:
            flush()
            n_old, n_new = int(hunk[1]), int(hunk[2])
            found.append(Row(heading=f"@@ line {n_new}{hunk[3].rstrip()}"))
        elif line.startswith("+++ ") and not n_new:
            name = line[4:].split("\t")[0]
            found.append(Row(heading=name.removeprefix("b/")))
        elif line.startswith(("--- ", "diff ", "index ")) and not n_new:
            continue
        elif line.startswith("diff --git"):
            flush()
            n_old = n_new = 0
        elif line.startswith("-"):
            removed.append(Half(n_old, line[1:]))
            n_old += 1
        elif line.startswith("+"):
            added.append(Half(n_new, line[1:]))
            n_new += 1
        elif line.startswith(" ") or not line:
            flush()
            found.append(Row(Half(n_old, line[1:]), Half(n_new, line[1:])))
            n_old, n_new = n_old + 1, n_new + 1
    flush()
    return found


def _across(removed: list[Half], added: list[Half]) -> list[Row]:
    paired = min(len(removed), len(added))
    both = [Row(*_words(old, new)) for old, new in zip(removed, added, strict=False)]
    return (
        both
        + [Row(old=half) for half in removed[paired:]]
        + [Row(new=half) for half in added[paired:]]
    )


def _words(old: Half, new: Half) -> tuple[Half, Half]:
    """Mark what differs inside a changed line; nothing when the lines have little in common."""
    matcher = difflib.SequenceMatcher(None, old.text, new.text, autojunk=False)
    if max(len(old.text), len(new.text)) > 400 or matcher.quick_ratio() < 0.5:
        return old, new
    edits = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return (
        Half(old.number, old.text, tuple((a, b) for _, a, b, _, _ in edits if b > a)),
        Half(new.number, new.text, tuple((a, b) for _, _, _, a, b in edits if b > a)),
    )
