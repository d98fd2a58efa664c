"""The approval panel: what exactly will run, in its parts, with its diff; once, always or no.

Stands in the prompt's place, so that nothing typed to the prompt can answer it. Who is in the
middle of a sentence when it appears goes on with the sentence: keys answer after a pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.events import Key
from textual.message import Message
from textual.strip import StripRenderable
from textual.widgets import Static

from triagent.ui.lines import cells
from triagent.ui.safe import plain
from triagent.ui.themes import Palette, palette_of

if TYPE_CHECKING:  # slow to make, and not needed for the first paint
    from triagent.agent.events import ApprovalAsked, Decision

GRACE_S = 0.4
"""Keys within this time of appearing, or of such a key, were meant for the prompt."""


class ApprovalPanel(Vertical, can_focus=True, can_focus_children=False):
    """Asks one question at a time. The keys stay in view however long the question is."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()
    BINDINGS: ClassVar = [
        Binding("y,enter", "answer('once')", "Once", id="approve.once"),
        Binding("a", "answer('always')", "Always", id="approve.always"),
        Binding("n", "answer('deny')", "No", id="approve.deny"),
        Binding("up,k", "scroll_body(-1)", "Up", show=False),
        Binding("down,j", "scroll_body(1)", "Down", show=False),
        Binding("pageup", "scroll_body(-8)", "Page up", show=False),
        Binding("pagedown", "scroll_body(8)", "Page down", show=False),
    ]

    class Answered(Message):
        """The user decided."""

        def __init__(self, asked: ApprovalAsked, decision: Decision) -> None:
            super().__init__()
            self.asked, self.decision = asked, decision

    class Overheard(Message):
        """A character that was meant for the prompt."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def __init__(
        self, grace_s: float = GRACE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(id="approval")
        self._asked: ApprovalAsked | None = None
        self._quiet_since = 0.0
        self._grace_s, self._clock = grace_s, clock

    def compose(self) -> ComposeResult:
        """Why, what, keys."""
        yield Static(id="approval-head", markup=False)
        with VerticalScroll(id="approval-body"):
            yield Static(id="approval-what", markup=False)
        yield Static(id="approval-keys", markup=False)

    @property
    def asked(self) -> ApprovalAsked | None:
        """The open question, or None."""
        return self._asked

    def show(self, asked: ApprovalAsked) -> None:
        """Ask."""
        self._asked, self._quiet_since = asked, self._clock()
        self.add_class("-shown")
        self.query_one("#approval-body").scroll_home(animate=False)
        self.draw()
        self.focus()

    def hide(self) -> None:
        """Ask no more."""
        self._asked = None
        self.remove_class("-shown")

    def draw(self) -> None:
        """Show the question at the present width."""
        asked = self._asked
        if asked is None:
            return
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        # Not yet laid out when first shown: the screen's width less edge, padding, scroll bar.
        width = (self.size.width or self.app.size.width - 3) - 2
        head = Text("? ", palette.warn).append(asked.call.name, palette.text + Style(bold=True))
        head.append(f" asks: {plain(asked.why)}", palette.muted)
        self.query_one("#approval-head", Static).update(head)
        what: list = [_parts(asked, width, palette)]
        if asked.diff:
            from triagent.ui.draw_diff import diff_lines  # not for the first paint

            what.append(StripRenderable(diff_lines(asked.diff, width, palette), width))
        self.query_one("#approval-what", Static).update(Group(*what))
        self.query_one("#approval-keys", Static).update(_keys(asked, palette))

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.draw()

    @property
    def _is_early(self) -> bool:
        return self._clock() - self._quiet_since < self._grace_s

    def on_key(self, event: Key) -> None:
        """Hand on what belongs to a sentence that was begun before the question came."""
        if event.is_printable and event.character and self._is_early:
            self._quiet_since = self._clock()
            self.post_message(self.Overheard(event.character))
            event.stop().prevent_default()

    def action_scroll_body(self, lines: int) -> None:
        """Scroll a long question."""
        self.query_one("#approval-body").scroll_relative(y=lines, animate=False)

    def action_answer(self, decision: str) -> None:
        """Decide; "always" only where it is on offer."""
        from triagent.agent.events import Decision  # not for the first paint

        asked = self._asked
        if asked is None or self._is_early:
            return
        if decision == Decision.ALWAYS.value and not asked.may_always:
            self.app.bell()
            return
        self.hide()
        self.post_message(self.Answered(asked, Decision(decision)))


def _parts(asked: ApprovalAsked, width: int, palette: Palette) -> Text:
    """The exact commands or files, one by one."""
    lines = []
    for number, part in enumerate(asked.parts, 1):
        lead = f"{number}. " if len(asked.parts) > 1 else "› "
        for at, line in enumerate(cells(part, width - len(lead))):
            text = Text(lead if at == 0 else " " * len(lead), palette.muted, no_wrap=True)
            lines.append(text.append(line, palette.accent))
    return Text("\n").join(lines)


def _keys(asked: ApprovalAsked, palette: Palette) -> Text:
    bold = palette.text + Style(bold=True)
    keys = Text(no_wrap=True)
    keys.append("y", bold).append(" once   ", palette.muted)
    if asked.may_always:
        keys.append("a", bold).append(" always   ", palette.muted)
    keys.append("n", bold).append(" or ", palette.muted)
    return keys.append("esc", bold).append(" no", palette.muted)
