"""Commands run as confined as this machine allows, and ended with all that they started.

`LocalSandbox` holds the rung chosen at start and runs each command under it through a child
process of ours (`sandbox_child`) that builds the confinement and stays the parent of
everything within. Knows nothing of approvals; the gate asks it whether it confines.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from triagent.agent import sandbox_ladder as ladder
from triagent.agent import sandbox_view as view
from triagent.agent.ports import CommandResult
from triagent.agent.sandbox_job import GRACE_S, Job, NewNames, Spawner, spawn, spawn_plain
from triagent.agent.sandbox_output import Output
from triagent.agent.sandbox_plan import Limits, Planner
from triagent.errors import ToolError

__all__ = ["Changes", "Limits", "LocalBackground", "LocalSandbox"]

_MOST_COMMAND_BYTES = 120_000  # the kernel's own limit for one argument is 128 KiB


class Changes(Protocol):
    """Whoever keeps what a command is about to change."""

    def before_command(self) -> None: ...

    def after_command(self) -> tuple[str, ...]: ...

    def in_background(self, is_running: Callable[[], bool]) -> None: ...

    def look(self) -> tuple[str, ...]: ...


class LocalSandbox:
    """Runs commands of one workspace. Implements `ports.Sandbox`.

    Args:
        workspace: the folder to work in.
        private: a folder of ours, outside of it, for scratch files of commands.
        own: folders of this program, hidden from commands wherever they lie.
        program: folders it is loaded from, read-only for commands wherever they lie.
        mode: "read-only" makes the workspace read-only, "full" confines nothing.
        limits: bounds of each command.
        rung: use this one without trying; None: the best that works.
        changes: told before and after each command, so that it can be undone.

    Raises: OSError, when nothing can be written in `private`.
    """

    def __init__(
        self,
        workspace: Path,
        private: Path,
        *,
        own: Sequence[Path] = (),
        program: Sequence[Path] = (),
        mode: str = "ask",
        limits: Limits | None = None,
        rung: ladder.Rung | None = None,
        changes: Changes | None = None,
    ) -> None:
        self._workspace = workspace.resolve()
        self._folder = private.resolve()
        self._shell = ladder.system_program("bash") or "/bin/sh"
        self._planner = Planner(
            self._workspace,
            self._folder,
            view.Private.make(self._folder),
            tuple(path.resolve() for path in own),
            tuple(path.resolve() for path in program),
            limits or Limits(),
            self._shell,
        )
        self._mode = mode
        self._changes = changes
        self._limits = self._planner.limits
        self._granted: dict[str, frozenset[str]] = {}
        self._background: list[LocalBackground] = []
        self._spawner = Spawner()
        try:
            self._best = rung or ladder.choose(self._works)
        except BaseException:
            self._spawner.close()
            raise

    @property
    def rung(self) -> ladder.Rung:
        """What is in force: the best that works here, or nothing in mode full."""
        return ladder.OFF if self._mode == "full" else self._best

    @property
    def level(self) -> str:
        """The name of the rung in force."""
        return self.rung.name

    @property
    def confines(self) -> bool:
        """Whether files, network and processes of a command are all held."""
        return self.rung.confines

    def describe(self) -> str:
        """What holds and what does not, in one sentence for the footer and `doctor`."""
        return self.rung.summary

    def set_mode(self, mode: str) -> None:
        """Follow the mode: "read-only" closes the workspace, "full" opens everything."""
        self._mode = mode

    def grant(self, command: str, names: frozenset[str]) -> None:
        """Let this very command, once, write guarded names that the user was asked about."""
        self._granted[command] = names

    def run(
        self,
        command: str | Sequence[str],
        *,
        output_path: Path,
        timeout_s: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
        head_chars: int = 8000,
        tail_chars: int = 4000,
    ) -> CommandResult:
        """Run to the end; see `ports.Sandbox`.

        Raises:
            ToolError: the folder is not in the workspace, or the confinement failed.
        """
        output = Output(
            output_path, self._limits.output_bytes, head_chars, tail_chars, on_output
        )
        watched = self._changes if self._mode != "read-only" else None
        if watched is not None:
            watched.before_command()
        job = self._start(command, cwd, env, output, timeout_s)
        changed: tuple[str, ...] = ()
        try:
            job.pump(timeout_s, cancel)
        finally:
            if watched is not None:
                changed = tuple(watched.after_command())
        return CommandResult(
            exit_code=None if job.was_ended else job.code,
            output_path=output_path,
            head=output.head,
            tail=output.tail,
            n_bytes=output.n_bytes,
            seconds=job.seconds,
            timed_out=job.timed_out,
            killed=job.cancelled,
            changed=changed,
        )

    def start_background(
        self,
        command: str | Sequence[str],
        *,
        output_path: Path,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
    ) -> LocalBackground:
        """Start a command that runs on; it ends with `stop`, `close`, or this program."""
        output = Output(output_path, self._limits.output_bytes)
        watched = self._changes if self._mode != "read-only" else None
        ended = threading.Event()
        if watched is not None:
            watched.in_background(lambda: not ended.is_set())
        try:
            job = self._start(command, cwd, env, output, 0.0)
        except BaseException:
            ended.set()
            raise
        background = LocalBackground(job, ended, watched.look if watched else None)
        self._background = [item for item in self._background if item.poll() is None]
        self._background.append(background)
        return background

    def close(self) -> None:
        """End everything that still runs."""
        for background in self._background:
            background.stop()
        self._background.clear()
        self._spawner.close()

    def _start(
        self,
        command: str | Sequence[str],
        cwd: str,
        env: Mapping[str, str] | None,
        output: Output,
        timeout_s: float,
    ) -> Job:
        argv = [self._shell, "-c", command] if isinstance(command, str) else list(command)
        if sum(map(len, map(os.fsencode, argv))) > _MOST_COMMAND_BYTES:
            raise ToolError(
                f"the command is longer than {_MOST_COMMAND_BYTES} bytes; "
                "write it to a file and run that"
            )
        writable = self._granted.pop(command, frozenset()) if isinstance(command, str) else ()
        return self._launch(
            argv, self._folder_of(cwd), output, self.rung, env or {}, frozenset(writable), timeout_s
        )

    def _launch(
        self,
        argv: list[str],
        cwd: str,
        output: Output,
        rung: ladder.Rung,
        env: Mapping[str, str],
        writable: frozenset[str],
        timeout_s: float,
    ) -> Job:
        full_env = {**self._planner.environment(rung.name), **env}
        guard = NewNames(self._workspace, self._folder, writable, rung.confines)
        if sys.platform != "linux":
            argv = self._planner.seatbelt(argv) if rung.name == "seatbelt" else argv
            process, report = self._spawner.call(lambda: spawn_plain(argv, cwd, full_env))
        else:
            is_closed = self._mode == "read-only"
            plan = self._planner.plan(
                argv, cwd, full_env, writable, timeout_s, rung.name, is_closed
            )
            process, report = self._spawner.call(lambda: spawn(plan))
        return Job(process, report, output, guard)

    def _folder_of(self, cwd: str) -> str:
        path = (self._workspace / cwd).resolve()
        if path != self._workspace and self._workspace not in path.parents:
            raise ToolError(f"the folder {cwd} is not in the workspace {self._workspace}")
        if not path.is_dir():
            raise ToolError(f"the folder {cwd} does not exist")
        return str(path)

    def _works(self, rung: ladder.Rung) -> str:
        # Empty when a command runs under this rung; otherwise what went wrong.
        output = Output(self._folder / "probe.txt", 4096, 4096, 0)
        argv = ["/bin/sh", "-c", "echo ok"]
        job = self._launch(argv, str(self._workspace), output, rung, {}, frozenset(), 0.0)
        try:
            job.pump(10.0, None)
        except ToolError as error:
            return str(error)
        if job.code == 0 and output.head.strip() == "ok":
            return ""
        return output.head.strip() or f"ended with status {job.code}"


class LocalBackground:
    """A command that runs on while the agent works. Implements `ports.Background`."""

    def __init__(
        self, job: Job, ended: threading.Event, on_end: Callable[[], object] | None = None
    ) -> None:
        self._job, self._ended, self._on_end = job, ended, on_end
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._job.pump(0.0, None)
        finally:
            self._ended.set()
            if self._on_end is not None:
                # What cannot be kept (disk full) is said by the next call that looks.
                with suppress(ToolError, OSError):
                    self._on_end()

    @property
    def output_path(self) -> Path:
        """Grows while the command runs."""
        return self._job.output.path

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._job.code if self._ended.is_set() else None

    def stop(self) -> int | None:
        """End it and all its children."""
        self._job.end()
        self._thread.join(GRACE_S + 5)
        return self._job.code
