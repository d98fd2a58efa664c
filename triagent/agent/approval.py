"""The gate: whether a call runs, is asked for, or never runs.

Rules in code, which no text can talk round: the mode, what the tool can do at worst, where
its path leads, what its shell line is made of, what the sandbox holds, and what the user
answered before. Implements `ports.Gate`.

    mode        read files   write files       run commands
    read-only   yes          no                in the sandbox, on a read-only workspace
    ask         yes          asks              asks
    auto        yes          yes               yes in the sandbox, else asks
    full        yes          yes               yes, unconfined

Whatever the mode: .git and .triagent are never written by a file tool; files that hold
credentials are asked for; instructions (AGENTS.md and the like) are asked for in `ask` and
refused in `auto`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from triagent.agent import approval_words, paths, shellwords
from triagent.agent.approval_rules import Rule, Rules
from triagent.agent.events import Decision
from triagent.agent.ports import Allowed, Ask, Denied, HasKind, Kind, Verdict, Workspace
from triagent.agent.sanitize import shown
from triagent.chat import ToolCall
from triagent.errors import ConfigError, ToolError

MODES = ("read-only", "ask", "auto", "full")
_BACKGROUND = "it runs on, and undo puts back whatever changes in the workspace until it ends"
_READ_ONLY = Denied("the mode is read-only; nothing is written")


class Confinement(Protocol):
    """What the gate needs to know of the sandbox, and tells it."""

    @property
    def confines(self) -> bool: ...

    def grant(self, command: str, names: frozenset[str]) -> None: ...

    def set_mode(self, mode: str) -> None: ...


@dataclass(frozen=True)
class _Asked:
    # What a question was about; an answer counts only for a call that is still the same.
    call: ToolCall
    content: str
    rules: tuple[Rule, ...]
    on_yes: Callable[[], None]


class LocalGate:
    """Decides by mode, tool, path, shell line and earlier answers.

    Args:
        mode: one of `MODES`.
        rules: the workspace's answers of "always".
        sandbox: whether commands are confined.
        unlock: called with a path when the user allowed reading a file with credentials.
    """

    def __init__(
        self,
        mode: str,
        rules: Rules,
        sandbox: Confinement,
        unlock: Callable[[str], None] = lambda path: None,
    ) -> None:
        self._mode = mode
        self.rules = rules
        self._sandbox = sandbox
        self._unlock = unlock
        self._asked: dict[str, _Asked] = {}
        self._set(mode)

    @property
    def mode(self) -> str:
        """The mode in force."""
        return self._mode

    def set_mode(self, mode: str) -> None:
        """Change the mode for this session, here and in the sandbox.

        Raises:
            ConfigError: it is unknown, or `full`, which is given by flag only.
        """
        if mode == "full" and self._mode != "full":
            raise ConfigError("mode full is given at start only: triagent --mode full")
        self._set(mode)

    def check(self, call: ToolCall, tool: HasKind, workspace: Workspace) -> Verdict:
        """Decide on a call; nothing is run or changed by this."""
        try:
            if tool.kind is Kind.RUN:
                return self._check_run(call, workspace)
            if tool.kind is Kind.WRITE:
                return self._check_write(call, workspace)
            if tool.kind is Kind.NOTE:
                return _READ_ONLY if self._mode == "read-only" else Allowed()
            return self._check_read(call, workspace)
        except ToolError as error:
            return Denied(str(error))

    def remember(self, call: ToolCall, decision: Decision) -> None:
        """Take the user's answer to the question that `check` raised for this call.

        Raises:
            ToolError: the call is not the one that was asked about.
        """
        asked = self._asked.pop(call.id, None)
        if asked is None or asked.call is not call or asked.content != _content(call):
            raise ToolError("the answer belongs to another call; it was not run")
        if decision is Decision.DENY:
            return
        asked.on_yes()
        if decision is Decision.ALWAYS:
            for rule in asked.rules:
                self.rules.add(rule)

    def _set(self, mode: str) -> None:
        if mode not in MODES:
            raise ConfigError(f'mode "{mode}" is unknown; it is one of {", ".join(MODES)}')
        self._sandbox.set_mode(mode)
        self._asked.clear()
        self._mode = mode

    def _check_read(self, call: ToolCall, workspace: Workspace) -> Verdict:
        path = str(call.arguments.get("path") or ".")
        if path.startswith("@") or self._mode == "full":  # "@": an earlier tool's output
            self._unlock_all(path, workspace)
            return Allowed()
        name = workspace.relative(path)
        if not paths.is_secret(name) or not workspace.exists(name):
            return Allowed()
        why = f"{name} may hold credentials, which the model would see"
        return self._ask(call, (shown(name),), (), why, lambda: self._unlock(name))

    def _check_write(self, call: ToolCall, workspace: Workspace) -> Verdict:
        if self._mode == "read-only":
            return _READ_ONLY
        name = workspace.relative(str(call.arguments.get("path") or ""))
        if paths.is_protected(name):
            return Denied(f"{name} is protected; the user changes it himself")
        delicate = paths.is_instruction(name) or paths.is_secret(name)
        if self._mode == "full" or (not delicate and self._mode == "auto"):
            self._unlock_all(name, workspace)
            return Allowed()
        if delicate and self._mode == "auto":
            return Denied(f"{name} is changed only in mode ask, with the user's consent")
        if not delicate and self.rules.allows_write(name):
            return Allowed()
        rules = () if delicate else (Rule("write", (name,)),)
        what = "later sessions obey it, or it holds credentials" if delicate else "mode ask"
        return self._ask(call, (shown(name),), rules, what, lambda: self._unlock(name))

    def _check_run(self, call: ToolCall, workspace: Workspace) -> Verdict:
        command = call.arguments.get("command")
        if not isinstance(command, str) or not command.strip():
            return Denied("the command is empty")
        if self._mode == "full":
            return Allowed()
        line = shellwords.split(command)
        git = frozenset({".git"}) if any(map(_writes_git, line.parts)) else frozenset[str]()
        confines = self._sandbox.confines
        if self._mode == "read-only":
            return Allowed() if confines else Denied(
                "the mode is read-only, and commands cannot be confined on this machine"
            )
        if self._mode == "auto" and confines and not git:
            return Allowed()
        if confines and self._is_covered(line, workspace):
            self._sandbox.grant(command, git)
            return Allowed()
        why_not = self._why_never(line)
        rules = () if why_not else tuple(Rule("run", part.words) for part in line.parts)
        parts = tuple(shown(part.text) for part in line.parts)
        why = self._why(bool(git), why_not)
        if call.arguments.get("background"):
            why += f"; {_BACKGROUND}"
        return self._ask(call, parts, rules, why, lambda: self._sandbox.grant(command, git))

    def _is_covered(self, line: shellwords.Line, workspace: Workspace) -> bool:
        if self._why_never(line):
            return False
        return all(
            self.rules.allows_run(part.words, lambda word: _is_file(workspace, word))
            for part in line.parts
        )

    def _why_never(self, line: shellwords.Line) -> str:
        if not self._sandbox.confines:
            return "commands cannot be confined on this machine"
        if not line.understood:
            return "the line could not be parsed"
        for part in line.parts:
            if reason := approval_words.why_never(part.words):
                return reason
        return "" if line.exact else "it holds expansions, redirections or control flow"

    def _why(self, git: bool, why_never: str) -> str:
        reasons = [f"mode {self._mode}"]
        if not self._sandbox.confines:
            reasons.append("commands are not confined")
        if git:
            reasons.append("it may write .git, which is otherwise protected")
        if why_never and self._sandbox.confines:
            reasons.append(f'never "always": {why_never}')
        return "; ".join(reasons)

    def _ask(
        self,
        call: ToolCall,
        parts: tuple[str, ...],
        rules: tuple[Rule, ...],
        why: str,
        on_yes: Callable[[], None],
    ) -> Ask:
        self._asked[call.id] = _Asked(call, _content(call), rules, on_yes)
        return Ask(parts, bool(rules), why)

    def _unlock_all(self, path: str, workspace: Workspace) -> None:
        if self._mode == "full" and not path.startswith("@"):
            self._unlock(workspace.relative(path))


def _writes_git(part: shellwords.Part) -> bool:
    return approval_words.writes_git(part.words)


def _is_file(workspace: Workspace, word: str) -> bool:
    try:
        return workspace.exists(word)
    except ToolError:
        return False


def _content(call: ToolCall) -> str:
    return json.dumps([call.id, call.name, call.arguments], sort_keys=True, default=str)
