"""Small makers of screen lines: wrap, pad, join left and right. Widths are in cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich._wrap import divide_line
from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from triagent.ui.safe import plain


def words(text: str, width: int) -> list[str]:
    """Wrap at words, then at cells; every newline stays."""
    found: list[str] = []
    for line in plain(text).split("\n"):
        if cell_len(line) <= width:
            found.append(line)
            continue
        cuts = [0, *divide_line(line, max(1, width)), len(line)]
        found.extend(line[a:b].rstrip() for a, b in pairwise(cuts))
    return found


def cells(text: str, width: int) -> list[str]:
    """Cut every line at `width` cells: for output and code, where columns matter."""
    found: list[str] = []
    for line in plain(text).split("\n"):
        found.extend(chop_cells(line, max(1, width)) if cell_len(line) > width else [line])
    return found


def cut(text: str, width: int) -> str:
    """At most `width` cells, an ellipsis where something was left out."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…" if width > 0 else ""


def strip(*parts: tuple[str, Style]) -> Strip:
    """A strip of styled texts."""
    return Strip(Segment(text, style) for text, style in parts if text)


def spread(
    left: Sequence[tuple[str, Style]], right: Sequence[tuple[str, Style]], width: int
) -> Strip:
    """Left parts, then right parts at the right edge; the left ones give way."""
    room = width - sum(cell_len(text) for text, _ in right) - (1 if right else 0)
    shown: list[tuple[str, Style]] = []
    for text, style in left:
        text = cut(text, room)
        shown.append((text, style))
        room -= cell_len(text)
    gap = " " * (max(0, room) + (1 if right else 0))
    return strip(*shown, (gap, Style()), *right)


def papered(line: Strip, width: int, paper: Style) -> Strip:
    """The line filled to `width` on a background."""
    return Strip(
        [Segment(s.text, paper + s.style if s.style else paper) for s in line]
        + [Segment(" " * max(0, width - line.cell_length), paper)]
    )


def indented(lines: Iterable[Iterable[Segment]], left: str, style: Style) -> list[Strip]:
    """Put the same text before every line."""
    return [Strip([Segment(left, style), *line]) for line in lines]


def selected(line: Strip, span: tuple[int, int] | None, style: Style) -> Strip:
    """Lay the selection over a span of characters; -1 means to the end of the line."""
    if span is None:
        return line
    start = line.index_to_cell_position(min(span[0], len(line.text)))
    end = line.cell_length
    if span[1] != -1:
        end = line.index_to_cell_position(min(span[1], len(line.text)))
    if end <= start:
        return line
    return Strip([*line.crop(0, start), *laid(line.crop(start, end), style), *line.crop(end)])


def laid(line: Strip, style: Style) -> Strip:
    """Lay a style over all of a line; `apply_style` would put it below."""
    return Strip([Segment(s.text, (s.style or Style()) + style) for s in line])
