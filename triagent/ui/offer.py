"""The offer to measure a model that has no centers: one key makes them, Esc goes on without.

It takes no focus, so that whoever wants to work types on; the first message is an answer too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from triagent.ui.safe import one_line
from triagent.ui.themes import palette_of

if TYPE_CHECKING:  # slow to make, and not needed for the first paint
    from triagent.chat import ModelInfo


class OfferPanel(Static):
    """Stands above the prompt until it is answered."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()

    def __init__(self) -> None:
        super().__init__(id="offer", markup=False)
        self._made: set[Path] = set()

    @property
    def is_open(self) -> bool:
        """Whether the offer stands."""
        return self.has_class("-shown")

    def show(self, info: ModelInfo) -> None:
        """Make the offer for a model; once, for an answer holds until the app ends."""
        if info.path in self._made:
            return
        self._made.add(info.path)
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        text = Text("? ", palette.warn)
        text.append(f"{one_line(info.name, 30)} has no centers: nobody checked what it forgets.\n",
                    palette.text)  # fmt: skip
        text.append("  Ctrl+K", palette.text + Style(bold=True))
        text.append(" measures it, then goes on (takes minutes) · ", palette.muted)
        text.append("Esc", palette.text + Style(bold=True))
        text.append(" goes on without", palette.muted)
        self.update(text)
        self.add_class("-shown")

    def hide(self) -> bool:
        """Go away; False when it was not there."""
        was_open = self.is_open
        self.remove_class("-shown")
        return was_open
