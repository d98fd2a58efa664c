"""The engine's process, seen from ours: frames to it, frames and log lines from it.

A native abort, a fault of the GPU or a `kill -9` ends that process and not this one: the next
frame is then an `EngineDied` that says how it ended and what it logged last.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import triagent
from triagent.engine import wire
from triagent.engine.logs import N_LINES
from triagent.errors import EngineDied

CLOSE_S = 5.0
SHOWN_LINES = 8


class EngineProcess:
    """One child running `triagent.engine.worker`. `send` and `kill` are safe from any thread."""

    def __init__(self) -> None:
        root = str(Path(triagent.__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self._child = subprocess.Popen(
            # -P: the folder we are in may be anyone's, and must not be imported from
            [sys.executable, "-P", "-m", "triagent.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # no debugger on an abort: its stack would push the reason out of the log
            env={"GGML_NO_BACKTRACE": "1", **os.environ, "PYTHONPATH": path},
        )
        self.log: deque[str] = deque(maxlen=N_LINES)
        self._send_lock = threading.Lock()
        self._reader = threading.Thread(target=self._read_log, daemon=True, name="engine log")
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def send(self, message: Any) -> None:
        """Send one message. Raises: EngineDied."""
        try:
            with self._send_lock:
                wire.write(_pipe(self._child.stdin), message)
        except (OSError, ValueError) as error:
            raise self.died() from error

    def receive(self) -> Any:
        """Wait for the next message. Raises: EngineDied."""
        try:
            return wire.read(_pipe(self._child.stdout))
        except (EOFError, OSError, ValueError, wire.WireError) as error:
            raise self.died() from error

    def died(self) -> EngineDied:
        """Make sure it has ended, and tell how."""
        try:
            code = self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        self._reader.join(CLOSE_S)
        last = "\n".join(_last_words(list(self.log)))
        words = f"\nIts last words:\n{last}" if last else ""
        return EngineDied(
            f"The engine's process ended ({_how(code)}); the session is safe.{words}"
        )

    def close(self) -> None:
        """Let it end; kill it if it does not. May be called twice."""
        with suppress(OSError):  # it ended first
            _pipe(self._child.stdin).close()
        try:
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join(CLOSE_S)
        _pipe(self._child.stdout).close()
        _pipe(self._child.stderr).close()

    def _read_log(self) -> None:
        try:
            for line in _pipe(self._child.stderr):
                self.log.append(line.decode("utf-8", "replace").rstrip())
        except (OSError, ValueError):
            return  # closed while reading


def _last_words(lines: list[str]) -> list[str]:
    """The last lines that say why; Python's own stack behind them does not."""
    stack = next((i for i, x in enumerate(lines) if x.startswith("Fatal Python error")), None)
    told = lines if stack is None else [x for x in lines[: stack + 1] if x.strip()]
    return told[-SHOWN_LINES:]


def _pipe(stream: Any) -> BinaryIO:
    return stream


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
