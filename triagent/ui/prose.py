"""Markdown to lines of segments, fast enough to stream.

A text is cut at blank lines between which nothing is shared, and each piece is cached. While
an answer streams, only its last piece is rendered again, by the same code that draws it when
it is finished: so nothing jumps when the answer ends, and no widget is needed for it.

Imported only when the first Markdown is drawn: the parser and the highlighter are slow to
load and the first paint does not need them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar

from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.segment import Segment
from rich.style import Style
from rich.syntax import Syntax, SyntaxTheme
from rich.theme import Theme

from triagent.ui.themes import Palette

Line = tuple[Segment, ...]

CODE_LINES = 40
"""From this many lines on code is drawn in parts."""
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:", re.MULTILINE)
# A line that may go on with the block before the blank line: indented, list item, quote.
_GOES_ON = re.compile(r"^(\s|[-*+>]|\d+[.)]|<)")


def pieces(text: str) -> list[str]:
    """Cut Markdown at blank lines where a new top-level block certainly begins.

    A text with link definitions is left whole, since those reach across blocks.
    """
    if _REFERENCE.search(text):
        return [text]
    found: list[str] = []
    piece: list[str] = []
    fence = ""
    blank = False
    for line in text.splitlines():
        if not fence and blank and piece and not _GOES_ON.match(line):
            found.append("\n".join(piece))
            piece = []
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        blank = not line.strip()
        piece.append(line)
    if any(line.strip() for line in piece):
        found.append("\n".join(piece))
    return found


def lines(text: str, width: int, palette: Palette) -> list[Line]:
    """Render Markdown to lines at most `width` cells wide, one blank line between blocks."""
    found: list[Line] = []
    for piece in pieces(text):
        for number, part in enumerate(code_parts(piece)):
            rendered = _piece(part, width, palette)
            if rendered and found and number == 0:
                found.append(())
            found.extend(rendered)
    return found


def code_parts(piece: str) -> list[str]:
    """Cut long code into fences that follow each other without a gap, at blank lines if it can.

    A highlighter reads all that it is given, so that each line of a long listing would cost more
    than the one before while it comes.
    """
    first, *code = piece.rstrip().split("\n")
    mark = _FENCE.match(first)
    if not mark or len(code) <= CODE_LINES:
        return [piece]
    if code[-1].strip().startswith(mark[1]) and not code[-1].strip().strip(mark[1][0]):
        code.pop()
    parts: list[list[str]] = [[]]
    for line in code:
        n, goes_on = len(parts[-1]), not parts[-1] or not parts[-1][-1].strip()
        # A part may begin with blank lines, but not end with them: those at the end are not drawn.
        if not goes_on and ((n >= CODE_LINES and not line.strip()) or n >= 2 * CODE_LINES):
            parts.append([])
        parts[-1].append(line)
    return ["\n".join([first, *part, mark[1]]) for part in parts]


@lru_cache(maxsize=512)
def _piece(text: str, width: int, palette: Palette) -> tuple[Line, ...]:
    console = _console(palette)
    options = console.options.update(width=width, max_width=width)
    markdown = _Markdown(text, palette, hyperlinks=False)
    rendered = [tuple(line) for line in console.render_lines(markdown, options, pad=False)]
    while rendered and _is_blank(rendered[0]):
        rendered.pop(0)
    while rendered and _is_blank(rendered[-1]):
        rendered.pop()
    return tuple(rendered)


def _is_blank(line: Line) -> bool:
    # A line of code is not blank: its background shows.
    return all(not segment.text.strip() and not _paper(segment.style) for segment in line)


def _paper(style: Style | None) -> bool:
    return style is not None and style.bgcolor is not None


@lru_cache(maxsize=8)
def _console(palette: Palette) -> Console:
    bold = Style(bold=True)
    code = palette.accent + palette.code
    theme = Theme(
        {
            "markdown.paragraph": palette.text,
            "markdown.text": palette.text,
            "markdown.em": Style(italic=True),
            "markdown.strong": bold,
            "markdown.s": Style(strike=True),
            "markdown.code": code,
            "markdown.code_block": code,
            "markdown.block_quote": palette.muted,
            "markdown.list": palette.text,
            "markdown.item": palette.text,
            "markdown.item.bullet": palette.primary,
            "markdown.item.number": palette.primary,
            "markdown.hr": palette.faint,
            "markdown.h1": palette.primary + Style(bold=True, underline=True),
            "markdown.h2": palette.primary + bold,
            "markdown.h3": palette.text + bold,
            "markdown.h4": palette.text + Style(bold=True, italic=True),
            "markdown.h5": palette.muted + bold,
            "markdown.h6": palette.muted,
            "markdown.link": palette.primary,
            "markdown.link_url": palette.primary + Style(underline=True),
            "markdown.table.border": palette.faint,
            "markdown.table.header": palette.text + bold,
        }
    )
    return Console(
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        theme=theme,
        width=80,
        height=25,
        _environ={},
    )


class _Highlight(SyntaxTheme):
    """Code in the palette's few colors, so that it fits every theme, ANSI too."""

    def __init__(self, palette: Palette) -> None:
        self.paper = palette.code
        self.by_token = (
            (Comment, palette.muted),
            (Keyword, palette.primary),
            (Operator.Word, palette.primary),
            (Name.Function, palette.accent),
            (Name.Class, palette.accent),
            (Name.Decorator, palette.accent),
            (Name.Tag, palette.primary),
            (String, palette.good),
            (Number, palette.warn),
            (Token, palette.text),
        )

    def get_style_for_token(self, token_type) -> Style:
        return next(style for kind, style in self.by_token if token_type in kind) + self.paper

    def get_background_style(self) -> Style:
        return self.paper


class _Heading(Heading):
    LEVEL_ALIGN = dict.fromkeys(Heading.LEVEL_ALIGN, "left")


class _Code(CodeBlock):
    @classmethod
    def create(cls, markdown: Markdown, token) -> _Code:
        name = (token.info or "").partition(" ")[0]
        block = cls(name or "text", "")
        block.palette = markdown.palette
        return block

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(
            str(self.text).rstrip(),
            self.lexer_name,
            theme=_Highlight(self.palette),
            word_wrap=True,
            padding=(0, 1),
        )


class _Markdown(Markdown):
    elements: ClassVar = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
    }

    def __init__(self, text: str, palette: Palette, **options) -> None:
        self.palette = palette
        super().__init__(text, **options)
