"""One running command: its process, its output, its end.

Reads what the command prints until it ends, or ends it: on cancel, at its time limit, or when
it prints without bound. Starting is done by one thread that lives as long as the sandbox,
because Linux ties "die with your parent" to the parent's thread.
"""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import psutil

from triagent.agent import paths
from triagent.agent.sandbox_output import Output
from triagent.errors import ToolError

GRACE_S = 3.0
"""Between asking a command to end and killing it."""

_CHILD = Path(__file__).with_name("sandbox_child.py")
_CHUNK_BYTES = 65536
_POLL_S = 0.05
_CONFINEMENT_FAILED = 125  # the child's status when it could not build the confinement

T = TypeVar("T")


class Job:
    """A command that was started; `pump` must be called once."""

    def __init__(
        self, process: subprocess.Popen[bytes], report: BinaryIO, output: Output, guard: NewNames
    ) -> None:
        self.output = output
        self.code: int | None = None
        self.timed_out = False
        self.cancelled = False
        self.seconds = 0.0
        self._process = process
        self._report = report
        self._guard = guard
        self._ended_at: float | None = None
        self._lock = threading.Lock()

    @property
    def was_ended(self) -> bool:
        """Whether we ended it, for whatever reason."""
        return self._ended_at is not None

    def pump(self, timeout_s: float, cancel: threading.Event | None) -> None:
        """Take the output until the command has ended; 0 seconds is without limit.

        Raises:
            ToolError: the confinement could not be built; the command did not run.
        """
        start = time.monotonic()
        try:
            while self._read():
                if cancel is not None and cancel.is_set() and not self.was_ended:
                    self.cancelled = True
                    self.end()
                elif timeout_s and time.monotonic() - start > timeout_s and not self.was_ended:
                    self.timed_out = True
                    self.output.say(f"ended after {timeout_s:g} s, the limit of one command")
                    self.end()
                elif self.output.is_full and not self.was_ended:
                    self.output.say("ended: too much output")
                    self.end()
                self._kill_late()
            self.code = self._wait()
        finally:
            self._finish()
            self.seconds = time.monotonic() - start
        self._check()

    def end(self) -> None:
        """Ask the command and all its children to end; `pump` kills them after a while."""
        with self._lock:
            if self._ended_at is None and self._process.poll() is None:
                self._ended_at = time.monotonic()
                with suppress(ProcessLookupError):
                    self._process.terminate()

    def _read(self) -> bool:
        # Whether more may come. A pipe can stay open after the child has ended: then no more.
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        ready, _, _ = select.select([fd], [], [], _POLL_S)
        if not ready:
            return self._process.poll() is None
        data = os.read(fd, _CHUNK_BYTES)
        self.output.feed(data)
        return bool(data)

    def _kill_late(self) -> None:
        if self._ended_at is not None and time.monotonic() - self._ended_at > GRACE_S + 1:
            kill_tree(self._process.pid)

    def _wait(self) -> int:
        while True:
            try:
                code = self._process.wait(_POLL_S)
                return 128 - code if code < 0 else code
            except subprocess.TimeoutExpired:
                self._kill_late()

    def _finish(self) -> None:
        if self._process.poll() is None:
            kill_tree(self._process.pid)
            self._process.wait()
        for line in self._report.read().decode("utf-8", "replace").splitlines():
            kind, _, text = line.partition(" ")
            if kind == "limit":
                self.output.say(f"ended: {text}")
            elif self.code == _CONFINEMENT_FAILED:
                self.output.say(f"confinement failed: {text}")
        self._report.close()
        for note in self._guard.put_away():
            self.output.say(note)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.output.close()

    def _check(self) -> None:
        if self.code == _CONFINEMENT_FAILED and "confinement failed" in self.output.head:
            raise ToolError(
                "the command was not run: its confinement could not be built; "
                + self.output.head.strip(" []\n")
            )


class NewNames:
    """Guarded names that a command creates in the workspace are put away after it.

    What exists can be protected by a read-only mount; what does not exist cannot, without
    leaving an empty file in the user's folder.
    """

    def __init__(
        self, workspace: Path, folder: Path, allowed: frozenset[str], is_on: bool
    ) -> None:
        self._workspace = workspace
        self._folder = folder / "put-away"
        self._is_on = is_on
        self._allowed = allowed
        self._before = {name: _link_of(workspace / name) for name in paths.guarded(workspace)}

    def put_away(self) -> list[str]:
        """Move what is new, put links back; returns a sentence for each."""
        notes: list[str] = []
        if not self._is_on:
            return notes
        for name in paths.guarded(self._workspace):
            path = self._workspace / name
            known = name in self._before and _link_of(path) == self._before[name]
            if name not in self._allowed and not known:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                target = self._folder / f"{time.time_ns()}-{path.name}"
                shutil.move(path, target)
                notes.append(f"{name} is protected and was taken out of the workspace: {target}")
        for name, link in self._before.items():
            if link is not None and not os.path.lexists(self._workspace / name):
                os.symlink(link, self._workspace / name)
                notes.append(f"{name} is protected and was put back")
        return notes


def _link_of(path: Path) -> str | None:
    return os.readlink(path) if path.is_symlink() else None


class Spawner:
    """A thread that starts processes for as long as the sandbox lives."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()

    def call(self, make: Callable[[], T]) -> T:
        """Run `make` on that thread and return what it returns or raise what it raises."""
        future: Future[T] = Future()
        self._calls.put(lambda: _settle(future, make))
        return future.result()

    def close(self) -> None:
        """End the thread. May be called twice."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def spawn(plan: dict[str, Any]) -> tuple[subprocess.Popen[bytes], BinaryIO]:
    """Start the child process for a plan; returns it and the pipe on which it reports."""
    plan_read, plan_write = os.pipe()
    report_read, report_write = os.pipe()
    report = os.fdopen(report_read, "rb")
    writer = os.fdopen(plan_write, "wb")
    argv = [sys.executable, "-I", "-S", str(_CHILD), str(plan_read), str(report_write)]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            pass_fds=(plan_read, report_write),
            start_new_session=True,
        )
    except BaseException:
        report.close()
        writer.close()
        raise
    finally:
        os.close(plan_read)
        os.close(report_write)
    with suppress(BrokenPipeError), writer:
        writer.write(json.dumps(plan).encode())
    return process, report


def spawn_plain(
    argv: list[str], cwd: str, env: dict[str, str]
) -> tuple[subprocess.Popen[bytes], BinaryIO]:
    """Start a command where our child process cannot run (it is for Linux)."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    return process, open(os.devnull, "rb")


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for child in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGKILL)


def _settle(future: Future[T], make: Callable[[], T]) -> None:
    try:
        future.set_result(make())
    except BaseException as error:
        future.set_exception(error)
