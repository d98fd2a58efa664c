"""Puts files, sandbox, undo and gate of one workspace together.

The only place that knows all of them. What they share: the workspace's real path, our own
folders (closed to every tool), and the mode.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triagent.agent.approval import LocalGate
from triagent.agent.approval_rules import Rules, workspace_hash
from triagent.agent.ports import Machine
from triagent.agent.sandbox import Limits, LocalSandbox
from triagent.agent.sandbox_ladder import Rung
from triagent.agent.sanitize import shown
from triagent.agent.trust import Trust
from triagent.agent.undo import LocalUndo
from triagent.agent.workspace import LocalWorkspace
from triagent.errors import ConfigError


@dataclass(frozen=True)
class Places:
    """Our own folders; all of them are closed to tools, wherever they lie."""

    config: Path
    """Settings, approvals and answers about trust."""
    data: Path
    """Sessions, models, sidecars."""
    cache: Path
    """What can be made again; scratch folders of commands."""


@dataclass(frozen=True)
class LocalMachine(Machine):
    """A machine with the parts that only this implementation has."""

    workspace: LocalWorkspace
    sandbox: LocalSandbox
    undo: LocalUndo
    gate: LocalGate
    trust: Trust

    def warnings(self) -> tuple[str, ...]:
        """What the user should know before the first turn, in plain sentences."""
        found = []
        rung = self.sandbox.rung
        if not rung.confines:
            tried = f" ({'; '.join(rung.tried)})" if rung.tried else ""
            cure = f" To change that: {rung.cure}." if rung.cure else ""
            found.append(f"Sandbox: {rung.summary}{tried}.{cure}")
        if problem := self.gate.rules.problem():
            found.append(f"Answers hold for this session only: {problem}")
        if question := self.trust.question():
            found.append(
                f"This project brings instructions for agents ({_listed(question.files)}); they "
                "are not used before you have looked and trust them: triagent trust"
            )
        return tuple(found)

    def trusts(self, path: str, data: bytes) -> bool:
        """Whether the user trusts these very bytes of the project."""
        return self.trust.covers(path, data)

    def close(self) -> None:
        """End all commands and let all handles go. May be called twice."""
        self.sandbox.close()
        self.workspace.close()


def _listed(names: tuple[str, ...]) -> str:
    shown_names = ", ".join(map(shown, names[:3]))
    return shown_names if len(names) <= 3 else f"{shown_names} and {len(names) - 3} more"


def running_program() -> tuple[Path, ...]:
    """Folders that this program is loaded from: its own package and its virtual environment.

    A project may hold them; an agent that could change them could take its own fences down.
    """
    package = Path(__file__).resolve().parents[1]
    environment = () if sys.prefix == sys.base_prefix else (Path(sys.prefix).resolve(),)
    return (package, *environment)


def open_machine(
    workspace: Path,
    places: Places,
    mode: str,
    copies: Path,
    *,
    limits: Limits | None = None,
    rung: Rung | None = None,
    failpoint: Callable[[str], None] = lambda name: None,
) -> LocalMachine:
    """Open a workspace for the agent.

    Args:
        workspace: the folder to work in.
        places: our folders.
        mode: permission mode, see `approval`.
        copies: where undo keeps its copies: a folder of the session.
        limits: bounds of one command.
        rung: confinement to use without trying; None: the best that works.
        failpoint: see `undo`.

    Raises:
        ConfigError: the workspace is no folder, or it lies in one of our own.
    """
    root = workspace.resolve()
    if not root.is_dir():
        raise ConfigError(f"the workspace {workspace} is no folder; give one that exists")
    own = tuple(path.resolve() for path in (places.config, places.data, places.cache))
    for path in own:
        if root == path or path in root.parents:
            raise ConfigError(
                f"the workspace {root} lies in triagent's own folder {path}; choose another"
            )
    program = () if mode == "full" else running_program()
    files = LocalWorkspace(root, own, program)
    undo = LocalUndo(copies, files, failpoint)
    scratch = places.cache / "sandbox" / workspace_hash(root)
    try:
        sandbox = LocalSandbox(
            root, scratch, own=own, program=program, mode=mode, limits=limits, rung=rung,
            changes=undo,
        )  # fmt: skip
    except OSError as error:
        files.close()
        raise ConfigError(
            f"commands need a folder of their own, and {scratch} cannot be written "
            f"({error.strerror or error}): make it writable, or name another by XDG_CACHE_HOME"
        ) from error
    rules = Rules(places.config / "approvals", root)
    gate = LocalGate(mode, rules, sandbox, files.unlock)
    return LocalMachine(files, sandbox, undo, gate, Trust(places.config / "trust", root))
