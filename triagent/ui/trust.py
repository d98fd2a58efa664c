"""The question before anything that a project brings along is used: its files, and yes or no.

"No" is chosen at first and letters answer nothing, so that what was meant for the prompt cannot
trust anything. The answer counts for the very content that is shown here.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from triagent.agent.trust import File, Question
from triagent.ui.approve import GRACE_S
from triagent.ui.panels import Rows
from triagent.ui.safe import one_line, plain
from triagent.ui.themes import Palette, palette_of

NO, YES = "no", "yes"
CHOICES = (
    (NO, "No: work without them"),
    (YES, "Yes: use them, as they are now"),
)


class TrustScreen(Screen[bool]):
    """Shows what a project brings along; dismissed with whether the user trusts it."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()
    BINDINGS: ClassVar = [
        Binding("escape", "no", "No"),
        Binding("pagedown,space", "scroll_body(10)", "Page down", priority=True, show=False),
        Binding("pageup", "scroll_body(-10)", "Page up", priority=True, show=False),
    ]

    def __init__(self, question: Question, grace_s: float | None = None) -> None:
        super().__init__()
        self.question = question
        self._grace_s = GRACE_S if grace_s is None else grace_s
        self._shown_at = time.monotonic()

    def compose(self) -> ComposeResult:
        """Question, files, answers, keys."""
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        yield Static(_head(self.question, palette), id="trust-head", markup=False)
        with VerticalScroll(id="trust-body", can_focus=False):
            yield Static(_body(self.question, palette), markup=False)
        yield Rows(*(Option(words, id=id) for id, words in CHOICES), id="trust-answer")
        keys = "↑ ↓ choose · Enter answers · PgUp PgDn read on · Esc no"
        yield Static(keys, id="trust-keys", markup=False)

    def on_mount(self) -> None:
        """Choose "no"; from now on keys count."""
        answers = self.query_one(Rows)
        answers.highlighted = 0
        answers.focus()
        self._shown_at = time.monotonic()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer, unless the key was on its way before the question was seen."""
        event.stop()
        if time.monotonic() - self._shown_at >= self._grace_s:
            self.dismiss(event.option_id == YES)

    def action_scroll_body(self, lines: int) -> None:
        """Read on."""
        self.query_one("#trust-body").scroll_relative(y=lines, animate=False)

    def action_no(self) -> None:
        """Nothing is trusted."""
        self.dismiss(False)


def _head(question: Question, palette: Palette) -> Text:
    where = one_line(str(question.workspace), 60)
    title = f"Use what {where} tells the agent?"
    if question.is_changed:
        title = f"What {where} tells the agent has changed. Use it?"
    text = Text("? ", palette.warn).append(title, palette.text + Style(bold=True))
    text.append(
        "\nThe model would obey these files. Trust them only if you know who wrote them.",
        palette.muted,
    )
    return text


def _body(question: Question, palette: Palette) -> Text:
    return Text("\n").join(_file(file, palette) for file in question.contents)


def _file(file: File, palette: Palette) -> Text:
    text = Text(f"{one_line(file.name)}  ", palette.accent)
    link = f" → {one_line(file.link)}" if file.link else ""
    runs = ", may be run" if file.mode else ""
    text.append(f"{len(file.data):,} bytes{runs}{link}", palette.muted)
    if file.n_hidden:
        text.append(f"\n! {file.n_hidden} hidden characters or terminal commands", palette.warn)
    shown = plain(file.text).rstrip()
    text.append(f"\n{shown}\n", palette.text)
    if len(file.data) > len(file.text.encode()) + file.n_hidden * 8:
        text.append("(its beginning)\n", palette.muted)
    return text
