"""All keys and commands on one page, made from the bindings in force and the command table."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from triagent.ui.approve import ApprovalPanel
from triagent.ui.chat import ChatScreen
from triagent.ui.memory import MemoryScreen
from triagent.ui.panels import PanelScreen
from triagent.ui.prompt import PromptArea
from triagent.ui.slash import COMMANDS
from triagent.ui.themes import Palette, palette_of
from triagent.ui.transcript import Transcript

HINT = "Keys with a name can be changed in the settings: [ui.keys] name = \"keys\""


class HelpScreen(PanelScreen):
    """Keys and commands."""

    BINDINGS: ClassVar = [Binding("escape,f1,q", "dismiss", "Back")]

    def compose(self) -> ComposeResult:
        """Head, page, keys."""
        yield Static("Help", classes="head", markup=False)
        with VerticalScroll():
            yield Static(id="page", markup=False)
        yield Static("↑ ↓ scroll · Esc back", classes="keys", markup=False)

    def on_mount(self) -> None:
        """Write the page."""
        self.query_one(VerticalScroll).focus()
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        self.query_one("#page", Static).update(page(self.app.BINDINGS, self.app._keymap, palette))


def places(app_bindings) -> tuple[tuple[str, list], ...]:
    """Where keys count, and the bindings there."""
    return (
        ("Anywhere", app_bindings),
        ("Chat", ChatScreen.BINDINGS),
        ("Prompt", PromptArea.BINDINGS),
        ("Question", ApprovalPanel.BINDINGS),
        ("Transcript (Ctrl+T)", Transcript.BINDINGS),
        ("Memory (F4)", MemoryScreen.BINDINGS),
    )


def page(app_bindings, keymap: dict[str, str], palette: Palette) -> Text:
    """The page: commands first, then keys by place."""
    text = Text()
    bold = palette.primary + Style(bold=True)
    text.append("Commands\n", bold)
    for command in COMMANDS:
        name = f"/{command.name} {command.argument}".rstrip()
        text.append(f"  {name:<22}", palette.text).append(command.help + "\n", palette.muted)
    text.append("  @part                 ", palette.text)
    text.append("names a file of the workspace; Tab completes\n", palette.muted)
    for place, bindings in places(app_bindings):
        text.append(f"\n{place}\n", bold)
        for binding in bindings:
            if binding.id:
                keys = keymap.get(binding.id, binding.key)
                text.append(f"  {shown(keys):<22}", palette.text)
                text.append(f"{binding.description:<34}", palette.muted)
                text.append(binding.id + "\n", palette.faint)
    return text.append("\n" + HINT, palette.muted)


def shown(keys: str) -> str:
    """Keys as they stand on a keyboard: "Ctrl+J or Shift+Enter"."""
    parts = []
    for key in keys.split(",")[:2]:
        names = key.split("+")
        alone = len(names) == 1 and len(key) == 1
        parts.append(key if alone else "+".join(name.capitalize() for name in names))
    return " or ".join(parts)
