"""What a tool is, and what it is given to work with.

A tool module holds its schema, what it can do at worst, its one-line proposal, its run, and,
as pure functions, the exact text that the model reads back. Knows nothing of the loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triagent.agent.ports import Background, Kind, Sandbox, Undo, Workspace
from triagent.chat import ToolSchema
from triagent.errors import ToolError

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Proposal:
    """What a call would do, before it is allowed."""

    summary: str
    """One line for the user."""
    diff: str = ""


@dataclass(frozen=True)
class Result:
    """What a call did."""

    text: str
    """What the model reads."""
    ok: bool = True
    changed: tuple[str, ...] = ()
    """Files changed, relative to the workspace."""


@dataclass
class Outputs:
    """Files outside the workspace that the model may read by a name: `@out/3`, `@skill/x`."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)

    def new(self) -> tuple[str, Path]:
        """A fresh name and the path to write to."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = sum(name.startswith("@out/") for name in self.files) + 1
        while (path := self.folder / f"{number}.txt").exists():
            number += 1
        path.touch(mode=0o600)
        self.files[f"@out/{number}"] = path
        return f"@out/{number}", path

    def find(self, name: str) -> Path:
        """The file behind a name. Raises ToolError for an unknown one."""
        path = self.files.get(name)
        number = name.removeprefix("@out/")
        if path is None and name != number and number.isdigit():
            path = self.folder / f"{number}.txt"  # from before a resume
        if path is None or not path.is_file():
            raise ToolError(f'no file "{name}"')
        return path


@dataclass
class Job:
    """A background command and how much of its output the model has read."""

    process: Background
    offset: int = 0


@dataclass(frozen=True)
class ToolContext:
    """What every tool may use."""

    workspace: Workspace
    sandbox: Sandbox
    undo: Undo
    outputs: Outputs
    recall: Callable[[str], str]
    """Evicted or older words of this session that match a query, rendered."""
    note: Callable[[str], None]
    """Add a line to the dated notes."""
    cancel: threading.Event = field(default_factory=threading.Event)
    on_output: Callable[[str], None] | None = None
    """Gets live output, for the screen only."""
    deadline: float = float("inf")
    """When the running turn's time is over, by `time.monotonic`; nothing runs longer."""
    output_chars: int = 12000
    command_seconds: int = 120
    processes: dict[str, Job] = field(default_factory=dict)
    """Background commands by id; shared by all calls of a session."""

    @property
    def seconds_left(self) -> float:
        """Until the turn's time is over; never below 0."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True)
class Tool:
    """One tool: what the model sees, what it can do at worst, and the code."""

    schema: ToolSchema
    kind: Kind
    propose: Callable[[Arguments, ToolContext], Proposal]
    run: Callable[[Arguments, ToolContext], Result]
    """Raises ToolError; its text becomes `error: ...` for the model."""


def schema(
    name: str, description: str, required: dict[str, str], **optional: str
) -> ToolSchema:
    """A schema with typed arguments and no words on them: every word is read on every run.

    Args:
        required: argument -> JSON type.
        optional: the same, for arguments that may be left out; a name that is a Python
            keyword or builtin is fine here.
    """
    properties = {key: {"type": kind} for key, kind in {**required, **optional}.items()}
    return ToolSchema(
        name,
        description,
        {"type": "object", "properties": properties, "required": list(required)},
    )


def one_line(text: str, limit: int = 100) -> str:
    """The first line, cut to `limit` characters."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= limit and "\n" not in text.strip() else line[: limit - 1] + "…"


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def misfit(schema: ToolSchema, arguments: Arguments) -> str:
    """What is wrong with the arguments, in one sentence for the model; empty when they fit."""
    properties = schema.parameters["properties"]
    if lacking := [key for key in schema.parameters["required"] if key not in arguments]:
        return f"{schema.name} needs {', '.join(lacking)}"
    for key, value in arguments.items():
        wanted = properties.get(key)
        if wanted is None:
            return f'{schema.name} has no argument "{key}"; it takes {", ".join(properties)}'
        if value is None and key not in schema.parameters["required"]:
            continue
        is_flag = isinstance(value, bool) and wanted["type"] != "boolean"
        if is_flag or not isinstance(value, _TYPES[wanted["type"]]):
            return f"{key} must be of type {wanted['type']}"
        if value not in wanted.get("enum", [value]):
            return f"{key} must be one of {', '.join(wanted['enum'])}"
    return ""
