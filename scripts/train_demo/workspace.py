"""A workspace in memory, in which the agent's own tools run.

Reading, writing, searching and editing are done by the tools of `triagent.agent.tools`, so the
text a model is trained on is the text it will read. Commands do not run: the few that change
files are imitated, others answer what a task has set.
"""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triagent.agent.ports import Entry
from triagent.agent.tools import TOOLS, ToolContext, bash, error_text
from triagent.errors import ToolError

_TOOLS = {tool.schema.name: tool for tool in TOOLS}


class Memory:
    """The `Workspace` protocol over a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = set()
        """Folders made by hand; those of files exist anyway."""
        self._tree: dict[str, list[Entry]] | None = None

    @property
    def root(self) -> Path:
        return Path("/workspace")

    def relative(self, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise ToolError(f'"{path}" is outside the workspace')
        parts = [part for part in path.split("/") if part not in ("", ".")]
        return "/".join(parts) or "."

    def exists(self, path: str) -> bool:
        return path in self.files or self.is_dir(path)

    def is_dir(self, path: str) -> bool:
        return path == "." or path in self.tree()

    def list(self, path: str = ".") -> list[Entry]:
        return self.tree().get(path, [])

    def open_read(self, path: str) -> io.BytesIO:
        return io.BytesIO(self.files[path])

    def write_bytes(self, path: str, data: bytes) -> None:
        self.files[path] = data
        self._tree = None

    def remove(self, path: str) -> None:
        del self.files[path]
        self._tree = None

    def tree(self) -> dict[str, list[Entry]]:
        """Entries of every folder, sorted by name; made anew after a change."""
        if self._tree is None:
            below: dict[str, dict[str, bool]] = {".": {}}
            for path in self.files:
                self._place(below, path, is_dir=False)
            for path in self.folders:
                self._place(below, path, is_dir=True)
                below.setdefault(path, {})
            self._tree = {
                folder: [Entry(name, is_dir) for name, is_dir in sorted(names.items())]
                for folder, names in below.items()
            }
        return self._tree

    def _place(self, below: dict[str, dict[str, bool]], path: str, is_dir: bool) -> None:
        while True:
            folder, _, name = path.rpartition("/")
            below.setdefault(folder or ".", {})[name] = is_dir
            if not folder:
                return
            path, is_dir = folder, True


class _NoUndo:
    """The training needs no way back."""

    def record(self, path: str) -> None:
        pass


@dataclass
class Bench:
    """Runs calls and returns what the model reads."""

    place: Memory = field(default_factory=Memory)
    outputs: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Command -> output and exit code."""
    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    """(tool, argument) -> result, for recall and process."""

    def __post_init__(self) -> None:
        self.context = ToolContext(
            workspace=self.place,
            sandbox=None,
            undo=_NoUndo(),
            outputs=None,
            recall=lambda query: self.answers[("recall", query)],
            note=lambda text: "notes.md",
        )

    def run(self, name: str, arguments: dict[str, Any]) -> str:
        """The result of a call, as the loop gives it to the model."""
        if name == "bash":
            return self._command(arguments)
        if name == "process":
            return self.answers[("process", arguments["action"])]
        try:
            return _TOOLS[name].run(arguments, self.context).text
        except ToolError as error:
            return error_text(str(error))

    def _command(self, arguments: dict[str, Any]) -> str:
        command = arguments["command"]
        if arguments.get("background"):
            return self.answers[("bash", "background")]
        output, code = self.outputs.get(command) or self._imitate(command)
        return bash.render(output, code)

    def _imitate(self, command: str) -> tuple[str, int]:
        verb, *words = shlex.split(command)
        flags = [word for word in words if word.startswith("-")]
        paths = [word.rstrip("/") for word in words if not word.startswith("-")]
        files, place = self.place.files, self.place
        if verb == "mkdir":
            place.folders.update(paths)
        elif verb == "touch":
            for path in paths:
                files.setdefault(path, b"")
        elif verb == "rm":
            for path in paths:
                inside = [f for f in files if f == path or (flags and f.startswith(path + "/"))]
                if not inside and path not in place.folders:
                    return f"rm: cannot remove '{path}': No such file or directory", 1
                for f in inside:
                    del files[f]
                place.folders.discard(path)
        elif verb in ("mv", "cp"):
            source, target = paths
            if source not in files:
                why = f"cannot stat '{source}': No such file or directory"
                return f"{verb}: {why}", 1
            if place.is_dir(target):
                target += "/" + source.rsplit("/", 1)[-1]
            files[target] = files[source]
            if verb == "mv":
                del files[source]
        else:
            raise ValueError(f"no output was set for {command!r}")
        place._tree = None
        return "", 0
