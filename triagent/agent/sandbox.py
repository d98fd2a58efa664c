"""Commands run as confined as this machine allows, and ended with all that they started.

`LocalSandbox` holds the rung chosen at start and runs each command under it through a child
process of ours (`sandbox_child`) that builds the confinement and stays the parent of
everything within. Knows nothing of approvals; the gate asks it whether it confines.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import psutil

from triagent.agent import sandbox_ladder as ladder
from triagent.agent import sandbox_view as view
from triagent.agent.paths import INSTRUCTIONS, PROTECTED, STARTUP
from triagent.agent.ports import CommandResult
from triagent.agent.sandbox_job import GRACE_S, Job, NewNames, Spawner, spawn, spawn_plain
from triagent.agent.sandbox_output import Output
from triagent.errors import ToolError

_PASSED = ("LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "VIRTUAL_ENV", "CONDA_PREFIX")
_STAGES = ("/mnt", "/srv", "/media", "/run", "/boot", "/tmp")
_MOST_COMMAND_BYTES = 120_000  # the kernel's own limit for one argument is 128 KiB


@dataclass(frozen=True)
class Limits:
    """What one command and all its children may use."""

    memory_bytes: int = 0
    """Resident memory of all together, and data of each; 0: three quarters of the machine's."""
    n_processes: int = 512
    """Enough for a parallel build, too few to stall a machine."""
    file_bytes: int = 4 * 2**30
    """Largest file that may be written."""
    output_bytes: int = 64 * 2**20
    """Most output that is kept; a command that prints more is ended."""

    @property
    def most_bytes(self) -> int:
        """The memory limit in force."""
        return self.memory_bytes or psutil.virtual_memory().total * 3 // 4


class Changes(Protocol):
    """Whoever keeps what a command is about to change."""

    def before_command(self) -> None: ...

    def after_command(self) -> tuple[str, ...]: ...


class LocalSandbox:
    """Runs commands of one workspace. Implements `ports.Sandbox`.

    Args:
        workspace: the folder to work in.
        private: a folder of ours, outside of it, for scratch files of commands.
        own: folders of this program, hidden from commands wherever they lie.
        mode: "read-only" makes the workspace read-only, "full" confines nothing.
        limits: bounds of each command.
        rung: use this one without trying; None: the best that works.
        changes: told before and after each command, so that it can be undone.
    """

    def __init__(
        self,
        workspace: Path,
        private: Path,
        *,
        own: Sequence[Path] = (),
        mode: str = "ask",
        limits: Limits | None = None,
        rung: ladder.Rung | None = None,
        changes: Changes | None = None,
    ) -> None:
        self._workspace = workspace.resolve()
        self._folder = private.resolve()
        self._private = view.Private.make(self._folder)
        self._own = tuple(path.resolve() for path in own)
        self._mode = mode
        self._changes = changes
        self._limits = limits or Limits()
        self._granted: dict[str, frozenset[str]] = {}
        self._background: list[LocalBackground] = []
        self._spawner = Spawner()
        self._shell = shutil.which("bash") or "/bin/sh"
        self._best = rung or ladder.choose(self._works)

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
        background = LocalBackground(self._start(command, cwd, env, output, 0.0))
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
        full_env = {**self._environment(rung.name), **env}
        guard = NewNames(self._workspace, self._folder, writable, rung.confines)
        if sys.platform != "linux":
            argv = self._seatbelt(argv) if rung.name == "seatbelt" else argv
            process, report = self._spawner.call(lambda: spawn_plain(argv, cwd, full_env))
        else:
            plan = self._plan(argv, cwd, full_env, writable, timeout_s, rung.name)
            process, report = self._spawner.call(lambda: spawn(plan))
        return Job(process, report, output, guard)

    def _folder_of(self, cwd: str) -> str:
        path = (self._workspace / cwd).resolve()
        if path != self._workspace and self._workspace not in path.parents:
            raise ToolError(f"the folder {cwd} is not in the workspace {self._workspace}")
        if not path.is_dir():
            raise ToolError(f"the folder {cwd} does not exist")
        return str(path)

    def _plan(
        self,
        argv: list[str],
        cwd: str,
        env: Mapping[str, str],
        writable: frozenset[str],
        timeout_s: float,
        name: str,
    ) -> dict[str, object]:
        mounts = view.build(
            self._workspace,
            self._private,
            own=self._own,
            search_path=env["PATH"],
            writable=writable,
            read_only=self._mode == "read-only",
        )
        if name == "bwrap":
            argv = [*ladder.bwrap_argv(shutil.which("bwrap") or "bwrap", mounts, cwd), *argv]
        return {
            "parent": os.getpid(),
            "argv": argv,
            "env": dict(env),
            "cwd": "/" if name == "bwrap" else cwd,
            "namespaces": name == "landlock",
            "wrapped": name in ("bwrap", "landlock"),
            "mounts": [asdict(item) for item in mounts],
            "stage": self._stage(mounts),
            "landlock": self._landlock(name, mounts),
            "limits": self._resource_limits(timeout_s, name),
            "most_processes": self._limits.n_processes,
            "most_bytes": self._limits.most_bytes,
            "grace_s": GRACE_S,
        }

    def _environment(self, rung: str) -> dict[str, str]:
        # An allow-list: a key, a token or a socket's address in our environment stays here.
        env = {name: os.environ[name] for name in _PASSED if name in os.environ}
        env |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
        path = [item for item in os.environ.get("PATH", "").split(":") if item.startswith("/")]
        env["PATH"] = ":".join(path) or "/usr/local/bin:/usr/bin:/bin"
        env |= {"TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat",
                "GIT_TERMINAL_PROMPT": "0", "SHELL": self._shell}  # fmt: skip
        in_view = rung in ("bwrap", "landlock")
        if rung == "off":
            env["HOME"] = str(Path.home())
        else:
            env["HOME"] = view.home_for(self._workspace) if in_view else str(self._private.cache)
            env["TMPDIR"] = "/tmp" if in_view else str(self._private.tmp)
        return env

    def _landlock(self, rung: str, mounts: Sequence[view.Mount]) -> dict[str, object] | None:
        if rung == "landlock":
            write = [item.target for item in mounts if item.kind in ("rw", "tmpfs", "dev")]
            return {"read": ["/"], "write": write}
        if rung == "landlock-files":
            read = [item.source for item in mounts if item.kind == "ro"]
            read += [item.target for item in mounts if item.kind == "link"]
            write = [str(self._private.cache), str(self._private.tmp), "/dev"]
            write += [] if self._mode == "read-only" else [str(self._workspace)]
            return {"read": read, "write": write, "deny_tcp": True}
        return None

    def _resource_limits(self, timeout_s: float, rung: str) -> dict[str, int]:
        if rung == "off":
            return {"RLIMIT_CORE": 0}
        limits = {
            # Data and not address space: runtimes reserve far more than they ever touch.
            "RLIMIT_DATA": self._limits.most_bytes,
            "RLIMIT_NPROC": self._limits.n_processes,
            "RLIMIT_FSIZE": self._limits.file_bytes,
            "RLIMIT_CORE": 0,
        }
        if rung in ("none", "landlock-files"):
            del limits["RLIMIT_NPROC"]  # counts all of the user's processes there
        if timeout_s:
            limits["RLIMIT_CPU"] = int(timeout_s * (os.cpu_count() or 1)) + 5
        return limits

    def _stage(self, mounts: Sequence[view.Mount]) -> str:
        # The new root is put together on a folder that nothing in the view comes from.
        used = [item.source for item in mounts if item.source] + [str(self._folder)]
        for stage in _STAGES:
            is_used = any(f"{path}/".startswith(f"{stage}/") for path in used)
            if os.path.isdir(stage) and not is_used:
                return stage
        return "/proc"

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

    def _seatbelt(self, argv: list[str]) -> list[str]:
        guarded = [str(self._workspace / name) for name in (*PROTECTED, *INSTRUCTIONS, *STARTUP)]
        write = [str(self._private.tmp), str(self._private.cache)]
        profile = ladder.seatbelt_profile(str(self._workspace), write, guarded)
        return ["sandbox-exec", "-p", profile, *argv]


class LocalBackground:
    """A command that runs on while the agent works. Implements `ports.Background`."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._thread = threading.Thread(target=job.pump, args=(0.0, None), daemon=True)
        self._thread.start()

    @property
    def output_path(self) -> Path:
        """Grows while the command runs."""
        return self._job.output.path

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        return None if self._thread.is_alive() else self._job.code

    def stop(self) -> int | None:
        """End it and all its children."""
        self._job.end()
        self._thread.join(GRACE_S + 5)
        return self._job.code
