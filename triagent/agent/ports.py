"""What the agent asks of the machine: files, commands, permission, undo.

Protocols and their values only. The agent is written against these; the ladder of
confinement, the rules of approval and the file handles behind them live in other modules and
know nothing of turns or models.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from triagent.agent.events import Decision
from triagent.chat import ToolCall, ToolSchema


class Kind(StrEnum):
    """What a tool can do at worst; the gate decides by it."""

    READ = "read"
    """Looks at files of the workspace, or at the session itself."""
    WRITE = "write"
    """Changes the file that its `path` argument names."""
    RUN = "run"
    """Runs its `command` argument in a shell."""
    NOTE = "note"
    """Adds a line to the agent's own dated notes, nowhere else."""


class HasKind(Protocol):
    """The part of a tool that the gate looks at."""

    @property
    def schema(self) -> ToolSchema: ...

    @property
    def kind(self) -> Kind: ...


@dataclass(frozen=True)
class Entry:
    """One name in a folder."""

    name: str
    is_dir: bool
    is_link: bool = False
    """Symbolic links are listed but never followed by searches."""
    n_bytes: int = 0


class Workspace(Protocol):
    """Files beneath one folder. Paths are POSIX, relative to it; nothing leads outside.

    Every method raises ToolError for a path outside the folder, and for a foreseeable failure
    (missing, a folder, no permission) with a sentence for the model.
    """

    @property
    def root(self) -> Path: ...

    def relative(self, path: str) -> str:
        """Normal form of a path the model wrote ("./a", "/root/a" -> "a"; the root is ".")."""
        ...

    def exists(self, path: str) -> bool: ...

    def is_dir(self, path: str) -> bool: ...

    def list(self, path: str = ".") -> list[Entry]:
        """Names in a folder, sorted by name."""
        ...

    def open_read(self, path: str) -> BinaryIO: ...

    def write_bytes(self, path: str, data: bytes) -> None:
        """Replace or create a file at once (never half-written), making its folders."""
        ...

    def remove(self, path: str) -> None: ...


class Undo(Protocol):
    """Copies of files as they were before each change, by content; needs no git."""

    def begin(self, turn: int) -> None:
        """Changes from now on belong to this turn."""
        ...

    def record(self, path: str) -> None:
        """Keep the file as it is now (or that it does not exist), before it is changed."""
        ...

    def undo(self) -> tuple[str, ...]:
        """Put back the files of the last turn that changed any; returns their paths."""
        ...

    def rewind(self, turn: int) -> tuple[str, ...]:
        """Put back every file as it was before `turn` began; returns their paths."""
        ...


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    exit_code: int | None
    """None when it was killed before it exited."""
    output_path: Path
    """The whole output, standard output and error as they came."""
    head: str
    tail: str
    """Empty when `head` is the whole output."""
    n_bytes: int
    seconds: float
    timed_out: bool = False
    killed: bool = False
    """By `cancel`."""
    changed: tuple[str, ...] = ()
    """Files of the workspace that it changed, as far as that was watched."""


class Background(Protocol):
    """A command that runs on while the agent works."""

    @property
    def output_path(self) -> Path:
        """Grows while it runs."""
        ...

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        ...

    def stop(self) -> int | None:
        """End it and all its children: ask, wait 3 s, kill."""
        ...


class Sandbox(Protocol):
    """Runs commands as confined as this machine allows."""

    @property
    def level(self) -> str:
        """The rung in force, for the footer and `doctor`: "bwrap", "landlock", "none", ..."""
        ...

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
        """Run to the end. A string goes to a shell, a sequence is executed as it is.

        `on_output` gets the text as it comes, on the caller's thread. When `cancel` is set, or
        after `timeout_s` seconds, the command and all its children end."""
        ...

    def start_background(
        self,
        command: str | Sequence[str],
        *,
        output_path: Path,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
    ) -> Background: ...

    def close(self) -> None:
        """End everything that still runs. May be called twice."""
        ...


@dataclass(frozen=True)
class Allowed:
    """Run it."""


@dataclass(frozen=True)
class Ask:
    """Ask the user first."""

    parts: tuple[str, ...]
    """The exact commands or files, one by one."""
    may_always: bool
    """Whether "always" may be offered."""
    why: str


@dataclass(frozen=True)
class Denied:
    """Never run it; the model reads why."""

    why: str


Verdict = Allowed | Ask | Denied


class Gate(Protocol):
    """Decides whether a call runs, by rules in code and by what the user said before."""

    @property
    def mode(self) -> str:
        """Permission mode in force: "read-only", "ask", "auto" or "full"."""
        ...

    def set_mode(self, mode: str) -> None:
        """Change it for this session. Raises ConfigError for an unknown one."""
        ...

    def check(self, call: ToolCall, tool: HasKind, workspace: Workspace) -> Verdict: ...

    def remember(self, call: ToolCall, decision: Decision) -> None:
        """Keep the user's answer: ALWAYS covers later calls that are alike."""
        ...


Trusted = Callable[[str, bytes], bool]
"""Whether the user trusts these very bytes; called with the path they are from."""


@dataclass(frozen=True)
class Machine:
    """All of the above, for one workspace."""

    workspace: Workspace
    sandbox: Sandbox
    undo: Undo
    gate: Gate

    def trusts(self, path: str, data: bytes) -> bool:
        """Whether the user trusts what a file of the project holds; here nobody was asked."""
        return False

    def warnings(self) -> tuple[str, ...]:
        """What the user should know before the first turn, in plain sentences."""
        return ()

    def close(self) -> None:
        """End all commands. May be called twice."""
        self.sandbox.close()
