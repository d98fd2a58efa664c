"""Reading and walking the workspace for several tools, with one voice for what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pathspec

from triagent.agent.ports import Workspace
from triagent.agent.tools import text as words
from triagent.agent.tools.tool import ToolContext
from triagent.errors import ToolError

MAX_BYTES = 10_000_000
"""Largest file that is read as a whole."""
MAX_FILES = 20_000
"""Most files that one search looks at."""
SKIPPED = (".git", ".triagent", "__pycache__", "node_modules", ".venv")


def missing(path: str, names: list[str], what: str = "file") -> str:
    """The sentence for a path that does not exist."""
    return f'no {what} "{path}"{words.hint(words.nearest(path, names))}'


def load(context: ToolContext, path: str) -> str:
    """The text behind a path or an `@` name, cleaned of nothing. Raises ToolError."""
    if path.startswith("@"):
        return context.outputs.find(path).read_text("utf-8", errors="replace")
    place = context.workspace
    name = place.relative(path)
    if not place.exists(name):
        raise ToolError(missing(path, list(walk(place))))
    if place.is_dir(name):
        raise ToolError(f'"{path}" is a folder; glob "*" with path "{path}" lists it')
    with place.open_read(name) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ToolError(f'"{path}" is larger than {MAX_BYTES // 1_000_000} MB; use grep or bash')
    decoded = words.decode(data)
    if decoded is None:
        raise ToolError(f'"{path}" is not text ({words.count(len(data), "byte")})')
    return decoded


def walk(place: Workspace, path: str = ".", *, folders: bool = False) -> Iterator[str]:
    """Files beneath a folder, sorted, as paths from the root; ignored ones left out.

    Obeys the root's .gitignore and leaves out folders that nobody searches. Folders come with
    a trailing slash when asked for. Links are not followed.
    """
    spec = _ignored(place)
    left = MAX_FILES
    stack = [place.relative(path)]
    while stack:
        folder = stack.pop()
        prefix = "" if folder == "." else folder + "/"
        below = []
        for entry in place.list(folder):
            name = prefix + entry.name + ("/" if entry.is_dir else "")
            if entry.name in SKIPPED or spec.match_file(name):
                continue
            if entry.is_dir and not entry.is_link:
                below.append(name.rstrip("/"))
            if not entry.is_dir or folders:
                yield name
                left -= 1
                if left == 0:
                    return
        stack.extend(reversed(below))


def _ignored(place: Workspace) -> pathspec.PathSpec:
    if not place.exists(".gitignore") or place.is_dir(".gitignore"):
        return pathspec.PathSpec([])
    with place.open_read(".gitignore") as file:
        lines = file.read(100_000).decode("utf-8", errors="replace").splitlines()
    return pathspec.PathSpec.from_lines("gitignore", lines)
