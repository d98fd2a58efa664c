"""What a command changed: the workspace's files before and after it.

Looks at size, times and inode of each file, and keeps a copy of content that is new to it.
Large files and folders of dependencies are left out: what a command does there cannot be
undone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_LEFT_OUT = {
    ".git", ".triagent", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache",
    ".pytest_cache", ".ruff_cache", ".hypothesis", "target", "dist", ".next", ".gradle",
}  # fmt: skip

MOST_FILES = 20_000
MOST_FILE_BYTES = 2 * 2**20
MOST_BYTES = 100 * 2**20
"""Of all files that are copied the first time; what is beyond cannot be undone."""


@dataclass(frozen=True)
class Stamp:
    """Tells whether a file is still the same, without reading it."""

    inode: int
    n_bytes: int
    mtime_ns: int
    ctime_ns: int
    mode: int


@dataclass
class Scan:
    """The files of a workspace at one moment."""

    stamps: dict[str, Stamp] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    """Files too large, or too many, to keep."""


def scan(root: Path) -> Scan:
    """Stamp every file that can be kept."""
    found = Scan()
    n_bytes = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(files):
            path = os.path.join(folder, name)
            stamp = _stamp(path)
            if stamp is None:
                continue
            relative = os.path.relpath(path, root)
            is_full = len(found.stamps) >= MOST_FILES or n_bytes + stamp.n_bytes > MOST_BYTES
            if stamp.n_bytes > MOST_FILE_BYTES or is_full:
                found.skipped.add(relative)
            else:
                n_bytes += stamp.n_bytes
                found.stamps[relative] = stamp
    return found


def differing(before: Scan, after: Scan, same: Callable[[str], bool]) -> list[str]:
    """Paths that were added, removed or changed; `same` settles those whose stamp differs."""
    names = sorted((before.stamps.keys() | after.stamps.keys()) - before.skipped)
    return [
        name
        for name in names
        if before.stamps.get(name) != after.stamps.get(name) and not same(name)
    ]


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not os.path.isfile(path) or os.path.islink(path):
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns,
                 found.st_mode & 0o7777)  # fmt: skip
