"""What the list screens share: a search line that keeps the arrow keys working, rows, a note."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from triagent.ui.lines import cut
from triagent.ui.safe import one_line
from triagent.ui.themes import Palette, palette_of


class Rows(OptionList):
    """An option list with a bar beside the chosen row, which shows without any color."""

    def _get_left_gutter_width(self) -> int:
        return 2

    def render_line(self, y: int) -> Strip:
        """A line with its gutter."""
        line = super().render_line(y)
        style = next((segment.style for segment in line if segment.style), Style())
        chosen = self.highlighted is not None and style.meta.get("option") == self.highlighted
        paper = Style(bgcolor=style.bgcolor, meta=style.meta)
        bar = palette_of(self.app.current_theme, self.app.theme_variables).primary
        return Strip([Segment("▌ " if chosen else "  ", paper + bar), *line])


class PanelScreen(Screen):
    """A screen over the chat: head, body, note, keys."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()


class ListScreen(PanelScreen):
    """Search above, rows below; typing searches while the arrows choose."""

    BINDINGS: ClassVar = [
        Binding("escape", "back", "Back"),
        Binding("down", "move('cursor_down')", "Down", show=False, priority=True),
        Binding("up", "move('cursor_up')", "Up", show=False, priority=True),
        Binding("pagedown", "move('page_down')", "Page down", show=False, priority=True),
        Binding("pageup", "move('page_up')", "Page up", show=False, priority=True),
    ]
    HEAD = ""
    KEYS = ""
    SEARCH = "type to search"

    def compose(self) -> ComposeResult:
        """Head, search, rows, note, keys."""
        yield Static(self.HEAD, classes="head", markup=False)
        yield Input(placeholder=self.SEARCH, id="search")
        yield Rows(id="rows", markup=False)
        yield Static(id="note", classes="note", markup=False)
        yield Static(self.KEYS, classes="keys", markup=False)

    @property
    def rows(self) -> OptionList:
        """The list."""
        return self.query_one("#rows", OptionList)

    @property
    def search(self) -> Input:
        """The search line; also where names are typed."""
        return self.query_one("#search", Input)

    @property
    def palette(self) -> Palette:
        """Styles of the theme in force."""
        return palette_of(self.app.current_theme, self.app.theme_variables)

    def note(self, text: str) -> None:
        """One sentence below the rows."""
        self.query_one("#note", Static).update(text)

    def type_in(self, text: str) -> None:
        """Put a text into the search line, to be changed there."""
        self.search.value = text
        self.search.cursor_position = len(text)
        self.search.focus()

    def fill(self, lines: Iterable[Text]) -> None:
        """Show these rows; the chosen place stays where it was."""
        at = self.rows.highlighted or 0
        self.rows.clear_options()
        self.rows.add_options([Option(line) for line in lines])
        if self.rows.option_count:
            self.rows.highlighted = min(at, self.rows.option_count - 1)

    def line(self, left: str, right: str, about: str = "", good: bool = True) -> Text:
        """A row: name and facts on one line, what it is about on a second."""
        width = max(20, self.size.width - 5)
        room = max(10, width - len(right) - 2)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(cut(one_line(left), room).ljust(room), self.palette.text + Style(bold=True))
        text.append("  " + right, self.palette.muted if good else self.palette.warn)
        if about:
            text.append("\n  " + cut(one_line(about), width - 2), self.palette.muted)
        return text

    def action_move(self, how: str) -> None:
        """Choose another row, whatever has the focus."""
        getattr(self.rows, f"action_{how}")()
        self.describe()

    def on_resize(self) -> None:
        """Rows are cut to the width."""
        self.refill()

    def refill(self) -> None:
        """Draw the rows anew; each screen says how."""

    def describe(self) -> None:
        """Say more about the chosen row in the note; nothing unless a screen has more to say."""

    def action_back(self) -> None:
        """Leave the screen."""
        self.dismiss()
