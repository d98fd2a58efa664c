"""Progress of the build, where a person can see it.

pip and uv capture what a build prints and show it only on failure, so a compile of minutes
would look like a hang. Each line therefore also goes to the terminal itself, if there is one
and this process is in its foreground.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

NINJA_STEP = re.compile(rb"^\[(\d+)/(\d+)\] ")


@functools.cache
def _terminal() -> TextIO | None:
    """Open the terminal behind captured output; None when there is none to write to."""
    if sys.platform == "win32" or sys.stderr.isatty():
        return None
    with contextlib.suppress(OSError):
        terminal = open("/dev/tty", "w", encoding="utf-8")  # noqa: SIM115
        # A background process that writes to its terminal can be stopped for it.
        if os.tcgetpgrp(terminal.fileno()) == os.getpgrp():
            return terminal
        terminal.close()
    return None


def show(text: str) -> None:
    """Write one line to the terminal behind captured output, over an installer's spinner."""
    terminal = _terminal()
    if terminal is not None:
        terminal.write(f"\r\033[Ktriagent: {text}\n")
        terminal.flush()


def say(text: str) -> None:
    """Write one line of progress."""
    print(f"triagent: {text}", file=sys.stderr, flush=True)
    show(text)


class Percent:
    """Say how far something is, at most once per tenth of the way."""

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = max(total, 1)
        self.shown = 0

    def at(self, done: int) -> None:
        tenth = done * 10 // self.total
        if tenth > self.shown:
            self.shown = tenth
            say(f"{self.what}: {min(tenth, 10) * 10} %")


def _relay(source: int, target: int) -> None:
    """Copy ninja's output on and show its step count; runs until `source` ends."""
    shown = 0
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            os.write(target, line)
            step = NINJA_STEP.match(line)
            if step:
                done, total = map(int, step.groups())
                if done * 10 // total > shown or done == 1:
                    shown = done * 10 // total
                    show(f"compiling llama.cpp: step {done} of {total}")


@contextlib.contextmanager
def compile_progress() -> Iterator[None]:
    """Show the compiler's progress on the terminal while everything printed is captured."""
    if _terminal() is None:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(1)
    read_end, write_end = os.pipe()
    os.dup2(write_end, 1)
    os.close(write_end)
    relay = threading.Thread(target=_relay, args=(read_end, saved), daemon=True)
    relay.start()
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        # A compiler's server process may keep the pipe open; do not wait for that.
        relay.join(timeout=5)
        os.close(saved)
