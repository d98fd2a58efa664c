"""The library's log lines: kept in a ring, never printed.

llama.cpp logs through one process-wide callback. The last lines are what explains a refused
model or a crash, so they are kept, and in the worker also written to the pipe behind stderr,
which survives the process.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from typing import Any
from weakref import WeakSet

N_LINES = 200
DEBUG, WARN, ERROR, CONT = 1, 3, 4, 5  # enum ggml_log_level


_rings: WeakSet[LogRing] = WeakSet()
_thunks: list[Any] = []
"""What the library calls. It calls it until the process ends, so it is never freed."""


def _listen(bindings: Any) -> None:
    if _thunks:
        return

    # void (*ggml_log_callback)(enum ggml_log_level level, const char * text, void * user_data);
    def called(level: int, text: bytes | None, _user: Any) -> None:
        for ring in list(_rings):
            ring.take(level, text)

    _thunks.append(bindings.llama_log_callback(called))
    bindings.llama_log_set(_thunks[0], ctypes.c_void_p(0))


class LogRing:
    """The last lines the library logged since this was made, for whichever model."""

    def __init__(self, bindings: Any, echo: bool = False) -> None:
        self.lines: deque[str] = deque(maxlen=N_LINES)
        self._echo = echo
        self._level = 0
        self._open = ""  # a line still without its newline
        self._errors: deque[str] = deque(maxlen=N_LINES)
        _rings.add(self)
        _listen(bindings)

    def take(self, level: int, text: bytes | None) -> None:
        """Keep a piece of the log. Raises nothing: the caller is C."""
        try:
            self._level = self._level if level == CONT else level
            *done, self._open = (self._open + (text or b"").decode("utf-8", "replace")).split("\n")
            for line in done:
                self._keep(line)
        except Exception:  # nothing may pass into C, and a lost log line is not worth a word
            self._open = ""

    def _keep(self, line: str) -> None:
        if self._level == DEBUG or not line.strip(". "):
            return  # the library's own affairs; the dots of a progress bar
        self.lines.append(line)
        if self._level in (WARN, ERROR):
            self._errors.append(line)
        if self._echo:
            print(line, file=sys.stderr, flush=True)

    def errors(self, n: int = 3) -> str:
        """The last warnings and errors in one line, for a message."""
        return "; ".join(list(self._errors)[-n:])

    def clear_errors(self) -> None:
        self._errors.clear()
