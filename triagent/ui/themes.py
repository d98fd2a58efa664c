"""Our themes, and the styles that the transcript is drawn in.

Widgets take their colors from the theme by CSS; what is drawn line by line takes them from a
`Palette` made from the same theme. On an ANSI theme all colors are the terminal's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="triagent-dark",
    primary="#7aa2f7",
    secondary="#73daca",
    accent="#e0af68",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0e8",
    background="#14161f",
    surface="#1a1d29",
    panel="#232737",
    dark=True,
)
LIGHT = Theme(
    name="triagent-light",
    primary="#2e5bb8",
    secondary="#0b7268",
    accent="#9a5b00",
    success="#3f7016",
    warning="#9a5b00",
    error="#b3203c",
    foreground="#23283a",
    background="#fafafc",
    surface="#f1f2f6",
    panel="#e4e6ee",
    dark=False,
)
OURS = (DARK, LIGHT)

# Share of rows that still hold a token, from none to all: glyphs tell it without color.
GLYPHS = "·░▒▓█"


@dataclass(frozen=True)
class Palette:
    """Rich styles by meaning."""

    name: str
    """The theme's; part of the key of everything that is cached."""
    paper: Style
    """The background that everything stands on, and the ink of what has none of its own."""
    text: Style
    muted: Style
    faint: Style
    """Rules and guides."""
    user: Style
    accent: Style
    primary: Style
    good: Style
    warn: Style
    bad: Style
    code: Style
    """Background of code blocks and the user's words."""
    added: Style
    removed: Style
    added_word: Style
    removed_word: Style
    cursor: Style
    """Laid over the line that the keyboard is on."""
    selected: Style
    heat: tuple[Style, ...]
    """One style for each of `GLYPHS`."""
    pinned: Style


def palette_of(theme: Theme, variables: dict[str, str]) -> Palette:
    """Make the palette of a theme.

    Args:
        theme: the theme in force.
        variables: its resolved CSS variables, as `App.theme_variables` has them.
    """
    return _ansi(theme) if theme.ansi else _rgb(theme, variables)


def _rgb(theme: Theme, variables: dict[str, str]) -> Palette:
    def color(name: str) -> Color:
        return Color.parse(variables[name])

    back, text = color("background"), color("foreground").rgb
    back, text = Color(*back.rgb), Color(*text)

    def ink(over: Color, share: float = 1.0, **how: bool) -> Style:
        return Style(color=back.blend(over, share, alpha=1.0).rich_color, **how)

    def paper(over: Color, share: float) -> Style:
        return Style(bgcolor=back.blend(over, share, alpha=1.0).rich_color)

    primary, accent = color("primary"), color("accent")
    good, warn, bad = color("success"), color("warning"), color("error")
    return Palette(
        name=theme.name,
        paper=paper(back, 1.0) + ink(text),
        text=ink(text),
        muted=ink(text, 0.68),
        faint=ink(text, 0.38),
        user=ink(text, bold=True),
        accent=ink(accent),
        primary=ink(primary),
        good=ink(good),
        warn=ink(warn),
        bad=ink(bad),
        code=paper(text, 0.07),
        added=paper(good, 0.14),
        removed=paper(bad, 0.14),
        added_word=paper(good, 0.34),
        removed_word=paper(bad, 0.34),
        cursor=paper(primary, 0.22),
        selected=paper(primary, 0.42),
        heat=tuple(
            ink(text if share == 0 else warn.blend(good, share, alpha=1.0), weight)
            for share, weight in ((0, 0.38), (0.1, 0.62), (0.35, 0.75), (0.7, 0.88), (1, 1.0))
        ),
        pinned=ink(primary, bold=True),
    )


def _ansi(theme: Theme) -> Palette:
    muted = Style(color="bright_black")
    return Palette(
        name=theme.name,
        paper=Style(),
        text=Style(color="default"),
        muted=muted,
        faint=muted,
        user=Style(color="default", bold=True),
        accent=Style(color="yellow"),
        primary=Style(color="blue"),
        good=Style(color="green"),
        warn=Style(color="yellow"),
        bad=Style(color="red"),
        code=Style(),
        added=Style(color="green"),
        removed=Style(color="red"),
        added_word=Style(color="green", bold=True, underline=True),
        removed_word=Style(color="red", bold=True, underline=True),
        cursor=Style(color="default", bgcolor="default", reverse=True),
        selected=Style(color="default", bgcolor="default", reverse=True),
        heat=(
            muted,
            Style(color="red"),
            Style(color="yellow"),
            Style(color="cyan"),
            Style(color="green"),
        ),
        pinned=Style(color="blue", bold=True),
    )
