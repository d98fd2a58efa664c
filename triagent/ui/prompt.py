"""The prompt: many lines, history, completion, large pastes as attachments, a queue.

Keeps to the keyboard's side of things: it posts what was entered and does not know whether a
turn runs, except for the color of its edge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static, TextArea

from triagent.ui.history import History
from triagent.ui.lines import cut
from triagent.ui.safe import one_line, plain

if TYPE_CHECKING:  # not needed until something is typed
    from triagent.ui.complete import Choice, Choices, Completer

PASTE_LINES = 12
PASTE_CHARS = 1200
"""A paste of more lines or characters becomes an attachment."""
_ATTACHED = re.compile(r"\[pasted #(\d+) · [^\]]*\]")


class PromptArea(TextArea):
    """The text field; Enter sends."""

    BINDINGS: ClassVar = [
        Binding("enter", "send", "Send", id="prompt.send"),
        Binding("ctrl+s", "steer", "Send into the running turn", id="prompt.steer"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", id="prompt.newline"),
        Binding("up", "up", "Line above, or older prompt", show=False, id="prompt.up"),
        Binding("down", "down", "Line below, or newer prompt", show=False, id="prompt.down"),
        Binding("tab", "complete", "Complete", show=False, id="prompt.complete"),
        Binding("pageup", "app.page(-1)", "Page up", show=False),
        Binding("pagedown", "app.page(1)", "Page down", show=False),
    ]

    class Entered(Message):
        """The user sent something."""

        def __init__(self, text: str, steer: bool) -> None:
            super().__init__()
            self.text, self.steer = text, steer

    def __init__(self, history: History) -> None:
        super().__init__(
            id="prompt",
            soft_wrap=True,
            tab_behavior="focus",
            highlight_cursor_line=False,
            placeholder="Ask, or type / for commands, @ for files",
        )
        self._past = history
        self._attached: dict[int, str] = {}

    @property
    def chooser(self) -> Prompt:
        """The prompt around this field, which owns the list of choices."""
        return self.query_ancestor(Prompt)

    @property
    def before(self) -> str:
        """Text before the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)

    async def _on_key(self, event: events.Key) -> None:
        # The base class would type a newline before the binding is looked at.
        if event.key == "enter":
            event.prevent_default()
            return
        await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        text = plain(event.text)
        if len(text.splitlines()) > PASTE_LINES or len(text) > PASTE_CHARS:
            number = len(self._attached) + 1
            self._attached[number] = text
            text = f"[pasted #{number} · {len(text.splitlines()):,} lines]"
        self.insert(text)

    def put(self, text: str) -> None:
        """Show this text, cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)

    def full_text(self) -> str:
        """The text with its attachments in place."""

        def whole(found: re.Match[str]) -> str:
            kept = self._attached.get(int(found[1]))
            return found[0] if kept is None else f"\n```\n{kept.strip(chr(10))}\n```\n"

        return _ATTACHED.sub(whole, self.text).strip()

    def action_send(self) -> None:
        """Take the chosen completion, or send."""
        if self.chooser.take_choice(run=True):
            return
        self._send(steer=False)

    def action_steer(self) -> None:
        """Send into the running turn."""
        self._send(steer=True)

    def _send(self, steer: bool) -> None:
        text = self.full_text()
        if text:
            self._past.add(self.text.strip() if not self._attached else text)
            self._attached.clear()
            self.text = ""
            self.post_message(self.Entered(text, steer))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_up(self) -> None:
        """Choice above, line above, or older prompt."""
        if self.chooser.move_choice(-1):
            return
        if self.cursor_at_first_line:
            self._walk(self._past.older(self.text))
        else:
            self.action_cursor_up()

    def action_down(self) -> None:
        """Choice below, line below, or newer prompt."""
        if self.chooser.move_choice(1):
            return
        if self.cursor_at_last_line:
            self._walk(self._past.newer())
        else:
            self.action_cursor_down()

    def _walk(self, text: str | None) -> None:
        if text is not None:
            self.put(text)
            self.chooser.hide_choices()

    def action_complete(self) -> None:
        """Take the chosen completion, or go to the transcript."""
        if not self.chooser.take_choice(run=False):
            self.screen.focus_previous()


class Prompt(Vertical):
    """The text field with its choices above and the queue between."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()

    def __init__(self, history: History, completer: Callable[[], Completer]) -> None:
        super().__init__(id="prompt-box")
        self._make_completer = completer
        self._area = PromptArea(history)
        self._choices: tuple[Choice, ...] = ()
        self._n_typed = 0
        self._chosen = 0
        self._quiet = False

    def compose(self) -> ComposeResult:
        """Choices, queue, field."""
        yield Static(id="choices", markup=False)
        yield Static(id="queue", markup=False)
        yield self._area

    @property
    def area(self) -> PromptArea:
        """The text field."""
        return self._area

    def set_busy(self, busy: bool) -> None:
        """Show by the edge's color whether a turn runs."""
        self._area.set_class(busy, "-busy")
        self._area.placeholder = (
            "Enter queues, Ctrl+S sends now, Esc interrupts"
            if busy
            else "Ask, or type / for commands, @ for files"
        )

    def show_queue(self, queued: list[str]) -> None:
        """Show what waits for the turn to end."""
        box = self.query_one("#queue", Static)
        box.set_class(bool(queued), "-shown")
        lines = [f"⏎ next: {one_line(text, 120)}" for text in queued[:3]]
        if len(queued) > 3:
            lines.append(f"  and {len(queued) - 3} more")
        box.update("\n".join(lines))

    # -- choices

    @cached_property
    def _completer(self) -> Completer:
        return self._make_completer()

    def on_text_area_changed(self) -> None:
        """Look for completions of what was typed."""
        before = self._area.before
        if self._completer.needs_files(before):
            self._look(before)
        else:
            self._show(self._completer.complete(before))

    @work(thread=True, exclusive=True, group="complete")
    def _look(self, before: str) -> None:
        found = self._completer.complete(before)
        self.app.call_from_thread(self._show_if_current, before, found)

    def _show_if_current(self, before: str, found: Choices) -> None:
        if self._area.before == before:
            self._show(found)

    def hide_choices(self) -> bool:
        """Hide the choices; False when none were shown."""
        shown = bool(self._choices)
        self._show(None)
        return shown

    def move_choice(self, step: int) -> bool:
        """Go to another choice; False when none are shown."""
        if not self._choices:
            return False
        self._chosen = (self._chosen + step) % len(self._choices)
        self._draw()
        return True

    def take_choice(self, run: bool) -> bool:
        """Put the chosen text in place; False when nothing is left to complete.

        With `run`, a choice that is typed in full already is left to be sent."""
        if not self._choices:
            return False
        choice = self._choices[self._chosen]
        row, column = self._area.cursor_location
        typed = self._area.before[len(self._area.before) - self._n_typed :]
        if run and typed == choice.text.rstrip():
            self.hide_choices()
            return False
        start = (row, column - self._n_typed)
        self._area.replace(choice.text, start, (row, column))
        self._show(None)
        # A command without an argument is complete: Enter both chooses and runs it.
        return not (run and choice.text.startswith("/") and not choice.text.endswith(" "))

    def _show(self, found: Choices | None) -> None:
        self._n_typed, self._choices = (found.n_typed, found.choices) if found else (0, ())
        self._chosen = 0
        self.query_one("#choices", Static).set_class(bool(self._choices), "-shown")
        self._draw()

    def _draw(self) -> None:
        width = max(20, self.size.width - 2)
        first = max(0, min(self._chosen - 3, len(self._choices) - 8))
        text = Text(no_wrap=True, overflow="ellipsis")
        for number, choice in enumerate(self._choices[first : first + 8], first):
            mark = "▸ " if number == self._chosen else "  "
            label = set_cell_size(mark + plain(choice.label), 30) if choice.help else (
                mark + plain(choice.label)
            )
            line = cut(f"{label} {choice.help}", width)
            text.append(line + "\n", "bold" if number == self._chosen else "")
        text.rstrip()
        self.query_one("#choices", Static).update(text)
