"""A process on a pseudo-terminal of its own: keys in, what it writes out."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Callable

_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|.)"
)
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h")
"""Leaves the other screen, shows the cursor."""


class Terminal:
    """Runs a command on a terminal of its own, plain unless `env` says more of it."""

    def __init__(
        self, command: list[str], env: dict[str, str], size: tuple[int, int] = (100, 30)
    ) -> None:
        self.ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, size[::-1])
        self.before = termios.tcgetattr(self.theirs)
        self.seen = b""
        hidden = ("TMUX", "NO_COLOR", "COLUMNS", "LINES", "SSH_CONNECTION")
        outer = {name: value for name, value in os.environ.items() if name not in hidden}
        env = {**outer, "TERM": "xterm-256color", **env}
        self.process = subprocess.Popen(
            command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, env=env,
            start_new_session=True,
        )  # fmt: skip

    @property
    def words(self) -> str:
        """What was written, without escape sequences and blanks."""
        return "".join(_ESCAPE.sub(b"", self.seen).decode("utf-8", "replace").split())

    def send(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.seen = b""

    def wait_for(self, words: str, seconds: float = 30.0) -> None:
        """Read until these words were written; blanks do not count."""
        wanted, end = "".join(words.split()), time.monotonic() + seconds
        while wanted not in self.words:
            self._read(end, f'"{words}"')

    def wait_until(self, holds: Callable[[bytes], bool], what: str, seconds: float = 30.0) -> None:
        """Read until something holds of all that was written."""
        end = time.monotonic() + seconds
        while not holds(self.seen):
            self._read(end, what)

    def wait_end(self, seconds: float = 30.0) -> int:
        """Read until the process ends; returns its exit status."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self._read(end, "the end", step=0.05)
        while select.select([self.ours], [], [], 0.1)[0]:
            self.seen += os.read(self.ours, 65536)
        return self.process.returncode

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is as it was before."""
        settings = termios.tcgetattr(self.theirs)
        return all(mark in self.seen for mark in RESTORED) and settings == self.before

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def _read(self, end: float, what: str, step: float = 1.0) -> None:
        if time.monotonic() > end:
            raise AssertionError(f"no {what}; the last words are: {self.words[-400:]}")
        if select.select([self.ours], [], [], step)[0]:
            self.seen += os.read(self.ours, 65536)
