"""What the child process is told for one command: view, environment, rules and limits.

Pure preparation; nothing runs here. One `Planner` for each workspace.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from triagent.agent import sandbox_ladder as ladder
from triagent.agent import sandbox_view as view
from triagent.agent.paths import INSTRUCTIONS, PROTECTED, STARTUP
from triagent.agent.sandbox_job import GRACE_S

_PASSED = ("LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "VIRTUAL_ENV", "CONDA_PREFIX")
_STAGES = ("/mnt", "/srv", "/media", "/run", "/boot", "/tmp")


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


@dataclass(frozen=True)
class Planner:
    """Prepares commands of one workspace."""

    workspace: Path
    folder: Path
    """Ours, for scratch files."""
    private: view.Private
    own: tuple[Path, ...]
    """Folders of this program, hidden wherever they lie."""
    program: tuple[Path, ...]
    """Folders that the running program is loaded from, read-only wherever they lie."""
    limits: Limits
    shell: str

    def plan(
        self,
        argv: list[str],
        cwd: str,
        env: Mapping[str, str],
        writable: frozenset[str],
        timeout_s: float,
        name: str,
        read_only: bool,
    ) -> dict[str, object]:
        """Everything that `sandbox_child` needs, as JSON values, for the rung of this name."""
        mounts = view.build(
            self.workspace,
            self.private,
            own=self.own,
            program=self.program,
            search_path=env["PATH"],
            writable=writable,
            read_only=read_only,
        )
        if name == "bwrap":
            bwrap = ladder.system_program("bwrap") or "/usr/bin/bwrap"
            argv = [*ladder.bwrap_argv(bwrap, mounts, cwd), *argv]
        return {
            "parent": os.getpid(),
            "argv": argv,
            "env": dict(env),
            "cwd": "/" if name == "bwrap" else cwd,
            "namespaces": name == "landlock",
            "wrapped": name in ("bwrap", "landlock"),
            "mounts": [asdict(item) for item in mounts],
            "stage": self._stage(mounts),
            "landlock": self._landlock(name, mounts, read_only),
            "limits": self._resource_limits(timeout_s, name),
            "most_processes": sys.maxsize if name == "off" else self.limits.n_processes,
            "most_bytes": sys.maxsize if name == "off" else self.limits.most_bytes,
            "grace_s": GRACE_S,
        }

    def environment(self, rung: str) -> dict[str, str]:
        """The command's environment: an allow-list, but for mode full.

        A key, a token or a socket's address in our own environment stays here.
        """
        if rung == "off":
            return {**os.environ, "TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat"}
        env = {name: os.environ[name] for name in _PASSED if name in os.environ}
        env |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
        path = [item for item in os.environ.get("PATH", "").split(":") if item.startswith("/")]
        env["PATH"] = ":".join(path) or "/usr/local/bin:/usr/bin:/bin"
        env |= {"TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat",
                "GIT_TERMINAL_PROMPT": "0", "SHELL": self.shell}  # fmt: skip
        in_view = rung in ("bwrap", "landlock")
        env["HOME"] = view.home_for(self.workspace) if in_view else str(self.private.cache)
        env["TMPDIR"] = "/tmp" if in_view else str(self.private.tmp)
        return env

    def _landlock(
        self, rung: str, mounts: Sequence[view.Mount], read_only: bool
    ) -> dict[str, object] | None:
        if rung == "landlock":
            write = [item.target for item in mounts if item.kind in ("rw", "tmpfs", "dev")]
            return {"read": ["/"], "write": write}
        if rung == "landlock-files":
            read = [item.source for item in mounts if item.kind == "ro"]
            read += [item.target for item in mounts if item.kind == "link"]
            write = [str(self.private.cache), str(self.private.tmp), "/dev"]
            write += [] if read_only else [str(self.workspace)]
            return {"read": read, "write": write, "deny_tcp": True}
        return None

    def _resource_limits(self, timeout_s: float, rung: str) -> dict[str, int]:
        if rung == "off":
            return {"RLIMIT_CORE": 0}
        limits = {
            # Data and not address space: runtimes reserve far more than they ever touch.
            "RLIMIT_DATA": self.limits.most_bytes,
            "RLIMIT_NPROC": self.limits.n_processes,
            "RLIMIT_FSIZE": self.limits.file_bytes,
            "RLIMIT_CORE": 0,
        }
        if rung in ("none", "landlock-files"):
            del limits["RLIMIT_NPROC"]  # counts all of the user's processes there
        if timeout_s:
            limits["RLIMIT_CPU"] = int(timeout_s * (os.cpu_count() or 1)) + 5
        return limits

    def _stage(self, mounts: Sequence[view.Mount]) -> str:
        # The new root is put together on a folder that nothing in the view comes from.
        used = [item.source for item in mounts if item.source] + [str(self.folder)]
        for stage in _STAGES:
            is_used = any(f"{path}/".startswith(f"{stage}/") for path in used)
            if os.path.isdir(stage) and not is_used:
                return stage
        return "/proc"

    def seatbelt(self, argv: list[str]) -> list[str]:
        """The command line on macOS."""
        guarded = [str(self.workspace / name) for name in (*PROTECTED, *INSTRUCTIONS, *STARTUP)]
        write = [str(self.private.tmp), str(self.private.cache)]
        profile = ladder.seatbelt_profile(str(self.workspace), write, guarded)
        return ["sandbox-exec", "-p", profile, *argv]
