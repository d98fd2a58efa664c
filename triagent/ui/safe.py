"""What may reach the terminal: text without anything that could steer it or deceive the eye.

Model output, tool output, file names and pasted text all pass here before they are drawn.
"""

from __future__ import annotations

import re

# C0 without tab and newline, DEL, C1: escape sequences start with these.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Whole escape sequences first, so that no "[31m" is left behind.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
# Marks that reorder or hide text, and zero-width characters that are not joiners in use.
_HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")

TAB_CELLS = 4


def plain(text: str) -> str:
    """Remove escape sequences, control characters and hidden marks; expand tabs."""
    text = text.replace("\r\n", "\n")
    if not text.isprintable():
        text = _HIDDEN.sub("", _CONTROL.sub("", _ESCAPE.sub("", text)))
        if "\t" in text:
            text = text.expandtabs(TAB_CELLS)
    return text


def one_line(text: str, width: int = 200) -> str:
    """The text on one line of at most `width` characters, an ellipsis where it was cut."""
    flat = " ".join(plain(text[: width * 4]).split())
    return flat if len(flat) <= width else flat[: max(0, width - 1)] + "…"
