"""A workspace in memory, in which the agent's own tools run.

Reading, writing, searching and editing are done by the tools of `triagent.agent.tools`, so the
text a model is trained on is the text it will read. The frequent ones take a short way through
the same tools' pure functions, over cached names and texts; a test holds both ways equal.
Commands do not run: the few that change files are imitated, others answer what a task has set.
"""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triagent.agent.ports import Entry
from triagent.agent.tools import TOOLS, ToolContext, bash, error_text, glob, grep, read
from triagent.agent.tools import text as words
from triagent.agent.tools.files import walk
from triagent.errors import ToolError

_TOOLS = {tool.schema.name: tool for tool in TOOLS}


class Memory:
    """The `Workspace` protocol over a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = set()
        """Folders made by hand; those of files exist anyway."""
        self._tree: dict[str, list[Entry]] | None = None
        self._names: dict[bool, list[str]] = {}
        self._texts: dict[str, tuple[bytes, str, str]] = {}
        self._nearest: dict[str, list[str]] = {}

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
        if path not in self.files or path == ".gitignore":
            self.touch()
        self.files[path] = data

    def remove(self, path: str) -> None:
        del self.files[path]
        self.touch()

    def touch(self) -> None:
        """Names have changed."""
        self._tree = None
        self._names.clear()
        self._nearest.clear()

    def names(self, folders: bool = False) -> list[str]:
        """What the tools' walk yields."""
        if folders not in self._names:
            self._names[folders] = list(walk(self, folders=folders))
        return self._names[folders]

    def nearest(self, path: str) -> list[str]:
        """The names that the tools offer for a missing file."""
        if path not in self._nearest:
            self._nearest[path] = words.nearest(path, self.names())
        return self._nearest[path]

    def text(self, path: str) -> str:
        """A file's text."""
        return self._text(path)[1]

    def lower(self, path: str) -> str:
        """A file's text in small letters."""
        return self._text(path)[2]

    def _text(self, path: str) -> tuple[bytes, str, str]:
        data = self.files[path]
        kept = self._texts.get(path)
        if kept is None or kept[0] is not data:
            text = data.decode()
            kept = self._texts[path] = (data, text, text.lower())
        return kept

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
            return self._shortly(name, arguments) or _TOOLS[name].run(arguments, self.context).text
        except ToolError as error:
            return error_text(str(error))

    def _shortly(self, name: str, arguments: dict[str, Any]) -> str | None:
        """The short way, or None where there is none."""
        place = self.place
        if name == "read" and len(arguments) == 1:
            path = place.relative(arguments["path"])
            if path in place.files:
                return read.render(place.text(path))
            if not place.exists(path):
                said = arguments["path"]
                raise ToolError(f'no file "{said}"{words.hint(place.nearest(said))}')
        if name == "grep" and _is_plain(arguments["pattern"]) and "path" not in arguments:
            pattern = arguments["pattern"]
            low = pattern.lower()
            names = place.names()
            texts = [(path, place.text(path)) for path in names if low in place.lower(path)]
            return words.clip(_searched(texts, pattern, len(names)), 12_000)
        if name == "glob" and len(arguments) == 1 and arguments["pattern"] != "*":
            names = place.names(folders=True)
            return glob.render(arguments["pattern"], glob.match(names, arguments["pattern"]), names)
        return None

    def _command(self, arguments: dict[str, Any]) -> str:
        command = arguments["command"]
        if arguments.get("background"):
            return self.answers[("bash", "background")]
        output, code = self.outputs.get(command) or self.imitate(command)
        return bash.render(output, code)

    def imitate(self, command: str) -> tuple[str, int]:
        """Output and exit code of a command that changes files."""
        verb, *words = shlex.split(command)
        flags = [word for word in words if word.startswith("-")]
        paths = [word.rstrip("/") for word in words if not word.startswith("-")]
        files, place = self.place.files, self.place
        if verb == "mkdir":
            place.folders.update(paths)
        elif verb == "chmod":  # no permission is kept here
            missing = [path for path in paths[-1:] if not place.exists(path)]
            if missing:
                return f"chmod: cannot access '{missing[0]}': No such file or directory", 1
            return "", 0
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
        place.touch()
        return "", 0


def _searched(texts: list[tuple[str, str]], pattern: str, n_files: int) -> str:
    """What `grep.answer` gives, from the texts that hold the pattern in any case."""
    shown, n_matches, _ = grep.search(texts, pattern)
    if n_matches or grep.is_any_case(pattern):
        return grep.render(pattern, shown, n_matches, n_files)
    shown, n_matches, _ = grep.search(texts, pattern, any_case=True)
    return grep.render(pattern, shown, n_matches, n_files, any_case=True)


def _is_plain(pattern: str) -> bool:
    """Whether a pattern means itself."""
    return all(c.isalnum() or c in "_- :/@\"'," for c in pattern)
