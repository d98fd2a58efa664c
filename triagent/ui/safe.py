"""What may reach the terminal: text without anything that could steer it or deceive the eye.

Model output, tool output, file names and pasted text all pass here before they are drawn.
"""

from __future__ import annotations

from triagent.agent.sanitize import clean

TAB_CELLS = 4


def plain(text: str) -> str:
    """Remove escape sequences, control characters and hidden marks; expand tabs."""
    if text.isascii() and text.isprintable():
        return text
    return clean(text).text.expandtabs(TAB_CELLS)


def one_line(text: str, width: int = 200) -> str:
    """The text on one line of at most `width` characters, an ellipsis where it was cut."""
    flat = " ".join(plain(text[: width * 4]).split())
    return flat if len(flat) <= width else flat[: max(0, width - 1)] + "…"
