"""Which devices there are, asked in a process of its own: a driver that crashes ends that one.

Asked once in a run. Knows nothing of models; what fits where is for `models.fit` to say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

ANSWER_S = 10.0
"""A library that has not named its devices by then counts as having none."""


@dataclass(frozen=True)
class Device:
    """What `models.fit` wants to know of a device."""

    name: str
    is_gpu: bool
    free_bytes: int


class Probe:
    """Asks in the background, so that the answer is there when it is needed."""

    def __init__(self, command: list[str] | None = None) -> None:
        """command: prints what `doctor_native` prints; None: that."""
        self._command = command or [
            sys.executable, "-m", "triagent.doctor_native", '{"model": ""}',
        ]  # fmt: skip
        self._found: tuple[Device, ...] = ()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start asking, unless that was done already."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._ask, name="probe", daemon=True)
                self._thread.start()

    def devices(self) -> tuple[Device, ...]:
        """All devices, in the library's order; none when it cannot be asked."""
        self.begin()
        assert self._thread is not None
        self._thread.join()
        return self._found

    def _ask(self) -> None:
        root = str(Path(__file__).parents[1])  # not installed, when run from a checkout
        try:
            done = subprocess.run(
                self._command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S,
                env={**os.environ, "PYTHONPATH": root}, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return
        self._found = _devices(done.stdout.decode("utf-8", "replace"))


def _devices(text: str) -> tuple[Device, ...]:
    for line in text.splitlines():
        try:
            item = json.loads(line)
            if item["step"] == "devices":
                return tuple(
                    Device(str(one["name"]), bool(one["is_gpu"]), int(one["free_bytes"]))
                    for one in item["found"]
                )
        except (ValueError, KeyError, TypeError):
            continue  # something the library printed
    return ()
