"""Telling the terminal that something waits for the user: OSC 9, or OSC 777 where that is known."""

from __future__ import annotations

import os
from collections.abc import Mapping

from triagent.ui.safe import one_line

_OSC_777 = ("rxvt", "foot")


def sequence(title: str, body: str, environ: Mapping[str, str] = os.environ) -> str:
    """The escape sequence that shows a desktop notification; harmless where it is unknown."""
    title, body = (one_line(text, 120).replace(";", ",") for text in (title, body))
    if environ.get("TERM", "").startswith(_OSC_777):
        inner = f"\x1b]777;notify;{title};{body}\x07"
    else:
        inner = f"\x1b]9;{title}: {body}\x07"
    if "TMUX" in environ:
        # tmux hands on what is wrapped in this way, with each escape doubled.
        return "\x1bPtmux;" + inner.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return inner
