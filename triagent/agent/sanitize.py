"""Untrusted text made safe to show and to feed: no escape sequence, nothing that hides.

Command output, files and project texts may carry terminal commands (set the clipboard, the
title, a link), direction overrides and characters without width, which make the eye read
something other than the model reads. All of them are removed before both, and counted, so
that the removal itself is visible. Files on disk are never changed by this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Whole sequences first, so that their printable tails ("[31m") go with them: CSI; OSC, DCS,
# SOS, PM and APC up to their terminator; any other two-character escape.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NEWLINE = re.compile(r"\r\n?|[\u2028\u2029\x85]")
_BACKSPACED = re.compile(r"[^\n\x08]\x08")  # man pages: "N\bN" is a bold N

# Direction overrides and marks, zero-width spaces, invisible operators, fillers, tags and
# selectors, which can carry a whole hidden message.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_JOINER = re.compile("[\u200c\u200d]")
_SELECTOR = re.compile("[\ufe00-\ufe0f]")

_MOST_TYPED_OVER = 3
"""Backspaces in a row that are followed; more than man pages use would cost time for nothing."""
_TAIL_CHARS = 4096
"""Most characters held back while an escape sequence is not complete."""


@dataclass(frozen=True)
class Cleaned:
    """Text without terminal commands and hidden characters."""

    text: str
    n_control: int = 0
    """Escape sequences and control characters removed."""
    n_hidden: int = 0
    """Characters removed that have no width or turn the reading direction."""

    @property
    def note(self) -> str:
        """What was removed, in words; empty when nothing was."""
        parts = []
        if self.n_control:
            parts.append(f"{self.n_control} terminal control{'s' if self.n_control > 1 else ''}")
        if self.n_hidden:
            parts.append(f"{self.n_hidden} hidden character{'s' if self.n_hidden > 1 else ''}")
        return f"[removed: {' and '.join(parts)}]" if parts else ""


def clean(text: str) -> Cleaned:
    """Remove escape sequences, control characters, bidi marks and zero-width characters.

    Newline and tab stay, carriage returns become newlines. Joiners stay between emoji and
    within scripts that need them, emoji selectors after a symbol.
    """
    text = _NEWLINE.sub("\n", text)
    for _ in range(_MOST_TYPED_OVER if "\x08" in text else 0):
        text = _BACKSPACED.sub("", text)
    text, n_escape = _ESCAPE.subn("", text)
    text, n_control = _CONTROL.subn("", text)
    if text.isascii():
        return Cleaned(text, n_escape + n_control)
    n_before = len(text)
    text = _HIDDEN.sub("", text)
    text = _SELECTOR.sub(_keep_selector, text)
    text = _JOINER.sub(_keep_joiner, text)
    return Cleaned(text, n_escape + n_control, n_before - len(text))


def shown(text: str) -> str:
    """One line of text with every character that `clean` would remove written out as an escape.

    For approvals: nothing is hidden there, not even by leaving it out.
    """
    return "".join(char if _is_plain(char) else ascii(char)[1:-1] for char in text)


def is_plain(text: str) -> bool:
    """Whether every character is visible, or an ordinary space."""
    return all(_is_plain(char) for char in text)


class Cleaner:
    """Clean a stream piece by piece; an escape sequence may be cut anywhere."""

    def __init__(self) -> None:
        self.n_control = 0
        self.n_hidden = 0
        self._tail = ""

    def feed(self, text: str) -> str:
        """Return what of `text` can be shown now."""
        text = self._tail + text
        cut = _open_end(text)
        self._tail = text[cut:]
        return self._count(clean(text[:cut]))

    def finish(self) -> str:
        """Return what was held back, at the end of the stream."""
        tail, self._tail = self._tail, ""
        return self._count(clean(tail))

    @property
    def note(self) -> str:
        """What was removed so far, in words."""
        return Cleaned("", self.n_control, self.n_hidden).note

    def _count(self, cleaned: Cleaned) -> str:
        self.n_control += cleaned.n_control
        self.n_hidden += cleaned.n_hidden
        return cleaned.text


def _open_end(text: str) -> int:
    # Where an unfinished sequence at the end begins; a sequence that never ends is not waited for.
    if text.endswith("\r"):
        return len(text) - 1
    start = max(text.rfind(mark) for mark in ("\x1b", "\x9b", "\x9d", "\x90"))
    if start < 0 or len(text) - start > _TAIL_CHARS:
        return len(text)
    if start and text[start - 1] == "\x1b" and text[start:].startswith("\x1b\\"):
        return len(text)
    match = _ESCAPE.match(text, start)
    if match is None or match.end() < len(text):
        return len(text)
    whole = match.group()
    is_string = whole[:2] in {"\x1b]", "\x1bP", "\x1bX", "\x1b^", "\x1b_"} or whole[0] in "\x9d\x90"
    done = whole.endswith(("\x07", "\x1b\\", "\x9c")) if is_string else len(whole) > 1
    return len(text) if done and whole not in {"\x1b["} else start


def _is_plain(char: str) -> bool:
    return char == " " or (char.isprintable() and not _HIDDEN.match(char)
                           and not _JOINER.match(char) and not _SELECTOR.match(char))


def _keep_joiner(match: re.Match[str]) -> str:
    text, at = match.string, match.start()
    before = text[at - 1] if at else ""
    after = text[at + 1 : at + 2]
    return match.group() if _joins(before) and _joins(after) else ""


def _joins(char: str) -> bool:
    # Scripts from Arabic to Khmer use joiners in plain words; emoji use them in sequences.
    return bool(char) and (
        "\u0620" <= char <= "\u17ff" or "\u2190" <= char <= "\u2bff"
        or char == "\ufe0f" or char >= "\U0001f000"
    )


def _keep_selector(match: re.Match[str]) -> str:
    text, at = match.string, match.start()
    before = text[at - 1] if at else ""
    is_emoji = before in "#*0123456789\u00a9\u00ae\u203c\u2049" or _joins(before)
    is_selected = not before or bool(_SELECTOR.match(before))
    return match.group() if is_emoji and not is_selected and match.group() in "\ufe0e\ufe0f" else ""
