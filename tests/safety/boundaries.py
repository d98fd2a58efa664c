"""A process that is killed at the n-th write boundary it comes to, wherever that lies.

Boundaries are the system's own calls that change a disk (write, sync, rename, unlink, mkdir, ...),
every write to a file object, which is cut in the middle, and every statement of SQLite.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.safety.desk import in_child

CALLS = ("write", "fsync", "replace", "rename", "ftruncate", "unlink", "mkdir", "rmdir", "link",
         "remove")  # fmt: skip


class Boundaries:
    """Counts boundaries from `arm` on, and kills this process at one of them.

    Args:
        nth: at which, counted from 1; 0: at none.
        spared: descriptors that are the test's own.
    """

    def __init__(self, nth: int, spared: tuple[int, ...] = ()) -> None:
        self.n_passed = 0
        self._nth, self._spared = nth, spared

    def pass_by(self) -> None:
        self.n_passed += 1
        if self.n_passed == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self) -> None:
        """Watch everything that is written from now on; there is no way back."""
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        for owner, name in ((builtins, "open"), (io, "open"), (os, "fdopen")):
            setattr(owner, name, self._opened(getattr(owner, name)))
        connect = sqlite3.connect

        def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
            db = connect(*arguments, **options)
            db.set_trace_callback(lambda sql: self.pass_by())
            return db

        sqlite3.connect = traced

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if arguments and arguments[0] in self._spared:
                return real(*arguments, **options)
            self.pass_by()
            result = real(*arguments, **options)
            self.pass_by()
            return result

        return call

    def _opened(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opening(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if not set(mode) & set("wax+") or file in self._spared:
                return real(file, mode, *arguments, **options)
            self.pass_by()
            return _Torn(real(file, mode, *arguments, **options), self.pass_by)

        return opening


class _Torn:
    # A file in which every write has a boundary before, in the middle of and after it.
    def __init__(self, file: Any, pass_by: Callable[[], None]) -> None:
        self._file, self._pass_by = file, pass_by

    def __enter__(self) -> _Torn:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: Any) -> int:
        self._pass_by()
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._pass_by()
        self._file.write(data[len(data) // 2 :])
        self._file.flush()
        self._pass_by()
        return len(data)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def truncate(self, *size: int) -> int:
        self._pass_by()
        return self._file.truncate(*size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def count(work: Callable[[], object], counted: Path) -> int:
    """How many boundaries a piece of work comes to."""

    def run() -> None:
        passing = Boundaries(0)
        passing.arm()
        work()
        n_passed = passing.n_passed
        with open(counted, "w") as file:
            file.write(str(n_passed))

    assert in_child(run) == 0
    return int(counted.read_text())


def killed(work: Callable[[], object], nth: int) -> bool:
    """Do a piece of work in a child that is killed at its n-th boundary; whether it was."""

    def run() -> None:
        passing = Boundaries(nth)
        passing.arm()
        work()

    status = in_child(run)
    assert status in (0, signal.SIGKILL), status
    return status != 0
