"""The two pictures of the memory screen: the session as a grid, and span by span."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from triagent.ui.heat import HeatRow, Picture, level
from triagent.ui.lines import cut, spread
from triagent.ui.safe import one_line
from triagent.ui.themes import GLYPHS, Palette, palette_of

BAR_CELLS = 12


def heat_cells(picture: Picture, start: int, stop: int, n: int, palette: Palette) -> list[Segment]:
    """`n` glyphs for positions [start, stop), each for its part of them."""
    found = []
    for at in range(n):
        a = start + (stop - start) * at // n
        b = max(a + 1, start + (stop - start) * (at + 1) // n)
        heat = level(picture.share(a, min(b, stop)))
        found.append(Segment(GLYPHS[heat], palette.heat[heat]))
    return found


class HeatMap(Widget):
    """The whole session as a grid read like text: each glyph stands for a run of positions."""

    class Picked(Message):
        """A place of the grid was clicked."""

        def __init__(self, pos: int) -> None:
            super().__init__()
            self.pos = pos

    def __init__(self) -> None:
        super().__init__(id="heatmap")
        self._picture: Picture | None = None
        self._chosen: tuple[int, int] = (0, 0)

    def show(self, picture: Picture, chosen: tuple[int, int]) -> None:
        """Draw a picture with one span marked."""
        self._picture, self._chosen = picture, chosen
        self.refresh()

    @property
    def per_cell(self) -> int:
        """Positions that one glyph stands for."""
        n_pos = self._picture.n_pos if self._picture else 0
        return max(1, -(-n_pos // max(1, self.size.width * self.size.height)))

    def render_line(self, y: int) -> Strip:
        """One row of the grid."""
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        width, each = self.size.width, self.per_cell
        first = y * width * each
        if self._picture is None or first >= self._picture.n_pos:
            return Strip.blank(width, palette.paper)
        last = min(first + width * each, self._picture.n_pos)
        cells = heat_cells(self._picture, first, last, -(-(last - first) // each), palette)
        marked = [
            Segment(s.text, palette.paper + s.style + self._mark(first + n * each, each, palette))
            for n, s in enumerate(cells)
        ]
        return Strip(marked).simplify().adjust_cell_length(width, palette.paper)

    def _mark(self, start: int, each: int, palette: Palette) -> Style:
        inside = start < self._chosen[1] and start + each > self._chosen[0]
        return palette.cursor if inside else Style()

    def on_click(self, event: Click) -> None:
        """Choose the span at a place."""
        place = event.get_content_offset(self)
        if place is not None:
            self.post_message(self.Picked((place.y * self.size.width + place.x) * self.per_cell))


class SpanList(ScrollView, can_focus=True):
    """One line for each span: turn, who, heat, share, score, what the last round took, words."""

    BINDINGS: ClassVar = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("home,g", "move(-1000000)", "First", show=False),
        Binding("end,G", "move(1000000)", "Last", show=False),
    ]

    class Moved(Message):
        """Another span is chosen."""

    def __init__(self) -> None:
        super().__init__(id="spans")
        self._picture: Picture | None = None
        self.chosen = 0

    def show(self, picture: Picture) -> None:
        """List a picture's spans; the chosen one stays, at first it is the last."""
        first_time = self._picture is None
        self._picture = picture
        last = max(0, len(picture.rows) - 1)
        self.chosen = last if first_time else min(self.chosen, last)
        self.virtual_size = Size(self.size.width, len(picture.rows))
        self._reveal()
        self.refresh()

    @property
    def row(self) -> HeatRow | None:
        """The chosen span."""
        rows = self._picture.rows if self._picture else ()
        return rows[self.chosen] if self.chosen < len(rows) else None

    def choose(self, index: int) -> None:
        """Choose a span by its index."""
        if self._picture is None or not self._picture.rows:
            return
        self.chosen = min(max(0, index), len(self._picture.rows) - 1)
        self._reveal()
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """Choose another span."""
        self.choose(self.chosen + step)

    def _reveal(self) -> None:
        height = max(1, self.size.height)
        if self.chosen < self.scroll_y:
            self.scroll_to(y=self.chosen, animate=False, immediate=True)
        elif self.chosen >= self.scroll_y + height:
            self.scroll_to(y=self.chosen - height + 1, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Keep the chosen span in view."""
        self._reveal()

    def on_click(self, event: Click) -> None:
        """Choose by mouse."""
        place = event.get_content_offset(self)
        if place is not None:
            self.choose(place.y + self.scroll_offset.y)

    def render_line(self, y: int) -> Strip:
        """One span."""
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if self._picture is None or index >= len(self._picture.rows):
            return Strip.blank(width, palette.paper)
        line = self._line(self._picture.rows[index], width, palette)
        over = palette.cursor if index == self.chosen else Style()
        laid = [Segment(s.text, palette.paper + (s.style or Style()) + over) for s in line]
        return Strip(laid).simplify()

    def _line(self, row: HeatRow, width: int, palette: Palette) -> Strip:
        heat = palette.heat[level(row.share)]
        score = f"{row.score:+.2f}" if row.score is not None else "–"
        left = [
            ("◆ " if row.pinned else "  ", palette.pinned),
            (f"{row.turn or '':>3} ", palette.muted),
            (f"{row.who:<9}", palette.text),
        ]
        bar = heat_cells(self._picture, row.start, row.stop, min(BAR_CELLS, row.n_pos), palette)
        left += [(s.text, s.style) for s in bar] + [(" " * (BAR_CELLS - len(bar)), Style())]
        left += [(f" {row.share:>4.0%}", heat), (f" {score:>6}", palette.muted)]
        lost = f" -{row.n_lost}" if row.n_lost else ""
        left.append((f"{lost:<6}", palette.warn))
        used = sum(len(text) for text, _ in left)
        left.append((cut(one_line(row.text, width), max(0, width - used)), palette.muted))
        return spread(left, [], width)
