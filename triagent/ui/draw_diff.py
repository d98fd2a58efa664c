"""A diff on the screen: side by side where two columns fit, else one column."""

from __future__ import annotations

from dataclasses import replace

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from triagent.ui.diff import Half, Row, rows
from triagent.ui.safe import plain, readable
from triagent.ui.themes import Palette

SPLIT_WIDTH = 110
"""Cells from which a diff is drawn side by side."""


def diff_lines(diff: str, width: int, palette: Palette) -> list[Strip]:
    """Render a unified diff in `width` cells."""
    draw_row = _split if width >= SPLIT_WIDTH else _unified
    return [line for row in rows(diff) for line in _row(row, width, palette, draw_row)]


def _row(row: Row, width: int, palette: Palette, draw_row) -> list[Strip]:
    if row.heading:
        text = set_cell_size(plain(row.heading), min(width, cell_len(plain(row.heading))))
        return [Strip([Segment(text, palette.primary)])]
    return draw_row(row, width, palette)


def _unified(row: Row, width: int, palette: Palette) -> list[Strip]:
    if not row.changed:
        return [_half(row.new, " ", width, palette.muted, Style(), Style(), palette)]
    found = []
    if row.old is not None:
        found.append(_removed(row.old, width, palette))
    if row.new is not None:
        found.append(_added(row.new, width, palette))
    return found


def _split(row: Row, width: int, palette: Palette) -> list[Strip]:
    left_width = (width - 3) // 2
    right_width = width - 3 - left_width
    if not row.changed:
        left = _half(row.old, " ", left_width, palette.muted, Style(), Style(), palette)
        right = _half(row.new, " ", right_width, palette.muted, Style(), Style(), palette)
    else:
        left = _removed(row.old, left_width, palette) if row.old else Strip.blank(left_width)
        right = _added(row.new, right_width, palette) if row.new else Strip.blank(right_width)
    return [Strip([*left, Segment(" │ ", palette.faint), *right])]


def _removed(half: Half, width: int, palette: Palette) -> Strip:
    return _half(half, "-", width, palette.text, palette.removed, palette.removed_word, palette)


def _added(half: Half, width: int, palette: Palette) -> Strip:
    return _half(half, "+", width, palette.text, palette.added, palette.added_word, palette)


def _half(
    half: Half, sign: str, width: int, ink: Style, paper: Style, word: Style, palette: Palette
) -> Strip:
    """One side's line: number, sign, text; filled to the width, cut where it does not fit."""
    lead = ((f"{half.number:>4} ", palette.faint), (f"{sign} ", ink))
    segments = [Segment(text, style + paper) for text, style in lead]
    cut, shown = 0, readable(half.text)
    if shown != plain(half.text):  # a secret: no word of it is marked
        half = replace(half, text=shown, words=())
    # Offsets are into the raw text, so each part is cleaned by itself.
    for start, stop in half.words:
        segments.append(Segment(plain(half.text[cut:start]), ink + paper))
        segments.append(Segment(plain(half.text[start:stop]), ink + word))
        cut = stop
    segments.append(Segment(plain(half.text[cut:]), ink + paper))
    line = Strip([segment for segment in segments if segment.text])
    if line.cell_length > width:
        return Strip([*line.crop(0, width - 1), Segment("…", palette.muted + paper)])
    return Strip([*line, Segment(" " * (width - line.cell_length), paper)])
