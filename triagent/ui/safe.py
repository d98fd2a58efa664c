"""What may reach the terminal: text without anything that could steer it or deceive the eye.

Model output, tool output, file names and pasted text all pass here before they are drawn. What is
drawn to be read is also free of secrets; a command that asks for approval is exact.
"""

from __future__ import annotations

TAB_CELLS = 4


def plain(text: str) -> str:
    """Remove escape sequences, control characters and hidden marks; expand tabs."""
    if text.isascii() and text.isprintable():
        return text
    from triagent.agent.sanitize import clean  # its expressions are not for the first paint

    return clean(text).text.expandtabs(TAB_CELLS)


def readable(text: str) -> str:
    """The same, with secrets blanked out."""
    from triagent.agent.redact import redact  # its expressions are not needed for the first paint

    return redact(plain(text))


def one_line(text: str, width: int = 200) -> str:
    """The readable text on one line of `width` characters, an ellipsis where it was cut."""
    flat = " ".join(readable(text[: width * 4]).split())
    return flat if len(flat) <= width else flat[: max(0, width - 1)] + "…"
