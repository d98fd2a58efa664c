"""Names of the workspace's files for `@` completion, without what its ignore files leave out."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

_NAMED = re.compile(r"(?:^|\s)@([^\s@]+)")
MAX_FILES = 20_000
"""Files looked at: completion must stay quick in a huge tree."""
FRESH_S = 10.0
"""How long a listing is used before the folder is read again."""


class FileNames:
    """The workspace's file names, read when first needed and again after a while."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: list[str] = []
        self._read_at = -FRESH_S

    def find(self, part: str, limit: int = 8) -> list[str]:
        """Names that match what was typed, best first."""
        if time.monotonic() - self._read_at >= FRESH_S:
            self._names = sorted(walk(self._root))
            self._read_at = time.monotonic()
        return best(part, self._names, limit)


def best(part: str, names: list[str], limit: int) -> list[str]:
    """Names that hold the letters of `part` in order: closer together and later is better."""
    if not part:
        return sorted(names, key=lambda name: (name.count("/"), name))[:limit]
    scored = [(score, name) for name in names if (score := _score(part.lower(), name)) is not None]
    return [name for _, name in sorted(scored)[:limit]]


def _score(part: str, name: str) -> tuple[int, int] | None:
    low = name.lower()
    base = low.rsplit("/", 1)[-1]
    for rank, hit in enumerate((base.startswith(part), low.startswith(part), part in base)):
        if hit:
            return rank, len(name)
    if part in low:
        return 3, len(name)
    at = -1
    for letter in part:
        at = low.find(letter, at + 1)
        if at < 0:
            return None
    return 4, len(name)


def walk(root: Path) -> Iterator[str]:
    """Files beneath `root`, POSIX and relative, links not followed, at most `MAX_FILES`."""
    left = MAX_FILES
    todo: list[tuple[str, tuple]] = [("", ())]
    while todo and left:
        folder, rules = todo.pop()
        rules = (*rules, *_rules(root / folder, folder))
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        for entry in entries:
            name = f"{folder}{entry.name}"
            is_dir = entry.is_dir(follow_symlinks=False)
            if entry.name == ".git" or _ignored(name + "/" * is_dir, rules):
                continue
            if is_dir:
                todo.append((f"{name}/", rules))
            elif left:
                left -= 1
                yield name


def _rules(path: Path, folder: str) -> list[tuple]:
    import pathspec  # slow to load, and not needed for the first paint

    try:
        lines = (path / ".gitignore").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [(folder, pathspec.GitIgnoreSpec.from_lines(lines))]


def _ignored(name: str, rules: tuple) -> bool:
    """The rule nearest to the file decides, as in git."""
    for folder, spec in reversed(rules):
        verdict = spec.check_file(name.removeprefix(folder)).include
        if verdict is not None:
            return verdict
    return False


def attachments(text: str, workspace: Path) -> list[str]:
    """Files of the workspace that the text names with `@`."""
    names = dict.fromkeys(_NAMED.findall(text))
    return [name for name in names if (workspace / name).is_file()]
