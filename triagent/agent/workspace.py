"""Files beneath one folder, reached by handles so that nothing leads outside.

Every path is walked from a handle on the folder, one name at a time, and no step follows a
link by itself: a folder that is swapped for a link meanwhile is not followed either. Reads go
through links that stay inside; writes refuse links, so that the path which was approved is
the file that is written. Implements `ports.Workspace`.
"""

from __future__ import annotations

import os
import posixpath
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from triagent.agent import paths
from triagent.agent.ports import Entry
from triagent.agent.workspace_walk import FOLDER, Walk, lstat
from triagent.errors import ToolError

_TEMPORARY = re.compile(r"\.triagent-([0-9]+)-[0-9a-f]{16}\.tmp")


class LocalWorkspace:
    """The files of one folder.

    Args:
        root: the folder.
        own: folders of this program, which stay closed when they lie beneath it.
        program: folders it is loaded from, which are not written when they lie beneath it.
    """

    def __init__(
        self, root: Path, own: tuple[Path, ...] = (), program: tuple[Path, ...] = ()
    ) -> None:
        self._asked_root = Path(os.path.abspath(root))
        self._root = root.resolve(strict=True)
        self._fd = os.open(self._root, FOLDER)
        self._own, self._program = self._beneath(own), self._beneath(program)
        self._unlocked: set[str] = set()

    @property
    def root(self) -> Path:
        """The folder's real path."""
        return self._root

    def close(self) -> None:
        """Let the handle go. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def unlock(self, path: str) -> None:
        """Let a file with credentials be read from now on; the user allowed it."""
        self._unlocked.add(path)

    def relative(self, path: str) -> str:
        """Normal form of a path the model wrote; see `ports.Workspace`.

        Raises:
            ToolError: it leads outside, or holds a null character.
        """
        if "\0" in path:
            raise ToolError("the path holds a null character")
        plain = path
        if path.startswith("/"):
            plain = self._below(posixpath.normpath(path.replace("//", "/")))
        normal = posixpath.normpath(plain or ".")
        if normal == ".." or normal.startswith("../"):
            raise ToolError(f'"{path}" is outside of the workspace {self._root}')
        return normal

    def exists(self, path: str) -> bool:
        """Whether there is anything at this path; a link that leads nowhere is not."""
        return self._stat(path) is not None

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at this path."""
        found = self._stat(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def list(self, path: str = ".") -> list[Entry]:
        """Names in a folder, sorted by name."""
        with Walk(self._fd, self.relative, path) as walk:
            fd = walk.folder()
            with os.scandir(fd) as entries:
                return sorted(map(_entry, entries), key=lambda entry: entry.name)

    def open_read(self, path: str) -> BinaryIO:
        """Open a regular file for reading."""
        return self.open_checked(path, self._unlocked)

    def open_checked(self, path: str, unlocked: set[str] | None) -> BinaryIO:
        """Open a file; `unlocked` lists the files with credentials that may be read, None: all."""
        with Walk(self._fd, self.relative, path) as walk:
            fd = walk.file()
            try:
                name = walk.name
                if unlocked is not None and paths.is_secret(name) and name not in unlocked:
                    raise ToolError(f"{name} may hold credentials; read it by name to ask the user")
                if self._is_own(name):
                    raise ToolError(f"{name} belongs to this program and is closed to tools")
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise ToolError(f"{path} is not a regular file")
                return os.fdopen(fd, "rb")
            except BaseException:
                os.close(fd)
                raise

    def write_bytes(self, path: str, data: bytes, mode: int | None = None) -> None:
        """Replace or create a file at once, making its folders.

        The file keeps its permissions unless `mode` is given.
        """
        name = self._writable(path)
        with Walk(self._fd, self.relative, name, follow=False) as walk:
            parent, last = walk.parent(make=True)
            before = lstat(parent, last)
            if before is not None and stat.S_ISLNK(before.st_mode):
                raise ToolError(f"{name} is a link; write the file that it points to")
            if before is not None and not stat.S_ISREG(before.st_mode):
                raise ToolError(f"{name} is not a regular file")
            kept = mode if mode is not None else stat.S_IMODE(before.st_mode) if before else None
            _replace(parent, last, data, kept)

    def remove(self, path: str) -> None:
        """Remove a file or a link, not a folder."""
        name = self._writable(path)
        with Walk(self._fd, self.relative, name, follow=False) as walk:
            parent, last = walk.parent()
            os.unlink(last, dir_fd=parent)

    def sweep(self, folder: str) -> None:
        """Remove what a killed process left in a folder: files it had not yet put in place."""
        with suppress(ToolError), Walk(self._fd, self.relative, folder, follow=False) as walk:
            fd = walk.folder()
            for name in os.listdir(fd):
                match = _TEMPORARY.fullmatch(name)
                if match and not psutil.pid_exists(int(match[1])):
                    os.unlink(name, dir_fd=fd)

    def _writable(self, path: str) -> str:
        name = self.relative(path)
        if name == ".":
            raise ToolError("the path names the workspace itself; give a file")
        if _is_in(name, self._program):
            raise ToolError(f"{name} is a part of triagent as it runs now; no tool may write it")
        if paths.is_protected(name) or self._is_own(name):
            raise ToolError(f"{name} is protected; no tool may write it")
        return name

    def _is_own(self, name: str) -> bool:
        return _is_in(name, self._own)

    def _beneath(self, folders: tuple[Path, ...]) -> tuple[str, ...]:
        return tuple(
            path.resolve().relative_to(self._root).as_posix()
            for path in folders
            if self._root in path.resolve().parents
        )

    def _below(self, path: str) -> str:
        for root in (self._root, self._asked_root):
            if path == str(root) or path.startswith(f"{str(root).rstrip('/')}/"):
                return os.path.relpath(path, root)
        raise ToolError(f'"{path}" is outside of the workspace {self._root}')

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            with Walk(self._fd, self.relative, path) as walk:
                return walk.stat()
        except ToolError:
            self.relative(path)  # outside is an error, missing is an answer
            return None


def _is_in(name: str, folders: tuple[str, ...]) -> bool:
    return any(name == folder or name.startswith(f"{folder}/") for folder in folders)


def _entry(entry: os.DirEntry[str]) -> Entry:
    is_link = entry.is_symlink()
    size = 0 if is_link else entry.stat(follow_symlinks=False).st_size
    # A name that is no valid text is shown escaped; it cannot be opened by that.
    name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
    return Entry(name, entry.is_dir(follow_symlinks=False), is_link, size)


def _replace(parent: int, name: str, data: bytes, mode: int | None) -> None:
    temporary = f".triagent-{os.getpid()}-{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o666, dir_fd=parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=parent)
        raise
    os.fsync(parent)
