"""The calm message when something failed, with the steps that can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Static

from triagent.ui.themes import palette_of

if TYPE_CHECKING:  # most starts show none
    from triagent.ui.failures import Failure


class FailurePanel(Static, can_focus=True):
    """Stands in the prompt's place until a step is chosen."""

    BINDINGS: ClassVar = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("enter", "choose", "Choose"),
        *(Binding(str(n), f"pick({n - 1})", show=False) for n in range(1, 6)),
    ]

    class Chosen(Message):
        """The user chose what to do next."""

        def __init__(self, step: str) -> None:
            super().__init__()
            self.step = step

    def __init__(self) -> None:
        super().__init__(id="failure")
        self._failure: Failure | None = None
        self._at = 0

    @property
    def failure(self) -> Failure | None:
        """What is shown, or None."""
        return self._failure

    def show(self, failure: Failure) -> None:
        """Show a failure and take the keys."""
        self._failure, self._at = failure, 0
        self.add_class("-shown")
        self.draw()
        self.focus()

    def hide(self) -> None:
        """Go away."""
        self._failure = None
        self.remove_class("-shown")

    def draw(self) -> None:
        """Title, text, numbered steps."""
        if self._failure is None:
            return
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        text = Text()
        text.append(f"✗ {self._failure.title}\n\n", palette.bad + Style(bold=True))
        text.append(self._failure.text + "\n\n", palette.text)
        for number, (_, words) in enumerate(self._failure.steps):
            chosen = number == self._at
            mark = "▸" if chosen else " "
            style = palette.text + Style(bold=True) if chosen else palette.muted
            text.append(f"{mark} {number + 1}  {words}\n", style)
        text.rstrip()
        self.update(text)

    def action_move(self, step: int) -> None:
        """Another step."""
        if self._failure is not None:
            self._at = (self._at + step) % len(self._failure.steps)
            self.draw()

    def action_pick(self, at: int) -> None:
        """Choose by number."""
        if self._failure is not None and at < len(self._failure.steps):
            self._at = at
            self.action_choose()

    def action_choose(self) -> None:
        """Take the step."""
        if self._failure is not None:
            step = self._failure.steps[self._at][0]
            self.hide()
            self.post_message(self.Chosen(step))
