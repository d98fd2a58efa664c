"""Files beneath one folder, reached by handles so that nothing leads outside.

Every path is walked from a handle on the folder, one name at a time, and no step follows a
link by itself: a folder that is swapped for a link meanwhile is not followed either. Reads go
through links that stay inside; writes refuse links, so that the path which was approved is
the file that is written. Implements `ports.Workspace`.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import secrets
import stat
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from triagent.agent import paths
from triagent.agent.ports import Entry
from triagent.errors import ToolError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
_TEMPORARY = re.compile(r"\.triagent-([0-9]+)-[0-9a-f]{16}\.tmp")


class LocalWorkspace:
    """The files of one folder.

    Args:
        root: the folder.
        own: folders of this program, which stay closed when they lie beneath it.
    """

    def __init__(self, root: Path, own: tuple[Path, ...] = ()) -> None:
        self._asked_root = Path(os.path.abspath(root))
        self._root = root.resolve(strict=True)
        self._fd = os.open(self._root, _FOLDER)
        self._own = tuple(
            path.resolve().relative_to(self._root).as_posix()
            for path in own
            if self._root in path.resolve().parents
        )
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
        with _Walk(self, path) as walk:
            fd = walk.folder()
            with os.scandir(fd) as entries:
                return sorted(map(_entry, entries), key=lambda entry: entry.name)

    def open_read(self, path: str) -> BinaryIO:
        """Open a regular file for reading."""
        return self.open_checked(path, self._unlocked)

    def open_checked(self, path: str, unlocked: set[str] | None) -> BinaryIO:
        """Open a file; `unlocked` lists the files with credentials that may be read, None: all."""
        with _Walk(self, path) as walk:
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
        with _Walk(self, name, follow=False) as walk:
            parent, last = walk.parent(make=True)
            before = _lstat(parent, last)
            if before is not None and stat.S_ISLNK(before.st_mode):
                raise ToolError(f"{name} is a link; write the file that it points to")
            if before is not None and not stat.S_ISREG(before.st_mode):
                raise ToolError(f"{name} is not a regular file")
            kept = mode if mode is not None else stat.S_IMODE(before.st_mode) if before else None
            _replace(parent, last, data, kept)

    def remove(self, path: str) -> None:
        """Remove a file or a link, not a folder."""
        name = self._writable(path)
        with _Walk(self, name, follow=False) as walk:
            parent, last = walk.parent()
            os.unlink(last, dir_fd=parent)

    def sweep(self, folder: str) -> None:
        """Remove what a killed process left in a folder: files it had not yet put in place."""
        with suppress(ToolError), _Walk(self, folder, follow=False) as walk:
            fd = walk.folder()
            for name in os.listdir(fd):
                match = _TEMPORARY.fullmatch(name)
                if match and not psutil.pid_exists(int(match[1])):
                    os.unlink(name, dir_fd=fd)

    def handle(self) -> int:
        """A fresh handle on the folder, for the caller to close."""
        return os.dup(self._fd)

    def _writable(self, path: str) -> str:
        name = self.relative(path)
        if name == ".":
            raise ToolError("the path names the workspace itself; give a file")
        if paths.is_protected(name) or self._is_own(name):
            raise ToolError(f"{name} is protected; no tool may write it")
        return name

    def _is_own(self, name: str) -> bool:
        return any(name == own or name.startswith(f"{own}/") for own in self._own)

    def _below(self, path: str) -> str:
        for root in (self._root, self._asked_root):
            if path == str(root) or path.startswith(f"{str(root).rstrip('/')}/"):
                return os.path.relpath(path, root)
        raise ToolError(f'"{path}" is outside of the workspace {self._root}')

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            with _Walk(self, path) as walk:
                return walk.stat()
        except ToolError:
            self.relative(path)  # outside is an error, missing is an answer
            return None


class _Walk:
    """From the workspace's handle to a path, name by name. Turns OSError into ToolError."""

    def __init__(self, workspace: LocalWorkspace, path: str, follow: bool = True) -> None:
        self._path = path
        self._follow = follow
        self._todo = _names(workspace.relative(path))
        self._root = workspace
        self._done: list[tuple[str, int]] = []
        self._n_links = 0
        self._stack = ExitStack()

    def __enter__(self) -> _Walk:
        self._top = self._open_top()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._stack.close()
        if isinstance(error, OSError) and not isinstance(error, ToolError):
            raise ToolError(_sentence(error, self._path)) from error

    @property
    def name(self) -> str:
        """The path without links, as far as it was walked."""
        return "/".join(name for name, _ in self._done) or "."

    def folder(self) -> int:
        """A handle on the folder at the path; the walk closes it."""
        self._go(0)
        return self._at()

    def parent(self, make: bool = False) -> tuple[int, str]:
        """A handle on the folder above the path, and the last name."""
        self._go(1, make)
        if not self._todo:
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        return self._at(), self._todo[0]

    def file(self) -> int:
        """A handle on the file at the path, which the caller closes."""
        last = self._last()
        # Without blocking: a pipe that nobody writes to would hold us here.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(last, flags, dir_fd=self._at())
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        self._done.append((last, -1))
        return fd

    def stat(self) -> os.stat_result:
        """What is at the path, links followed."""
        if not self._todo:
            return os.fstat(self._top)
        last = self._last()
        return os.stat(last, dir_fd=self._at(), follow_symlinks=False)

    def _last(self) -> str:
        # The final name, once it is no link any more.
        while True:
            self._go(1)
            if not self._todo:
                return "."
            found = _lstat(self._at(), self._todo[0])
            if found is None or not stat.S_ISLNK(found.st_mode):
                return self._todo[0]
            self._expand(self._todo.pop(0))

    def _go(self, n_left: int, make: bool = False) -> None:
        while len(self._todo) > n_left:
            name = self._todo.pop(0)
            if name == "..":
                if not self._done:
                    raise ToolError(f'"{self._path}" leads outside of the workspace')
                self._done.pop()
                continue
            self._enter(name, make)

    def _enter(self, name: str, make: bool) -> None:
        at = self._at()
        try:
            fd = os.open(name, _FOLDER, dir_fd=at)
        except FileNotFoundError:
            if not make:
                raise
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=at)
            fd = os.open(name, _FOLDER, dir_fd=at)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            found = _lstat(at, name)
            if found is None or not stat.S_ISLNK(found.st_mode):
                raise
            self._expand(name)
            return
        self._stack.callback(os.close, fd)
        self._done.append((name, fd))

    def _expand(self, name: str) -> None:
        if not self._follow:
            raise ToolError(f'"{name}" in "{self._path}" is a link; write where it points to')
        self._n_links += 1
        if self._n_links > _MOST_LINKS:
            raise ToolError(f'"{self._path}" goes round in links')
        target = os.readlink(name, dir_fd=self._at())
        if target.startswith("/"):
            self._done.clear()
            target = self._root.relative(posixpath.normpath(target))
        self._todo[:0] = _names(target)

    def _at(self) -> int:
        return self._done[-1][1] if self._done else self._top

    def _open_top(self) -> int:
        fd = self._root.handle()
        self._stack.callback(os.close, fd)
        return fd


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _lstat(fd: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


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


_SENTENCES = {
    errno.ENOENT: "there is no {path}",
    errno.EISDIR: "{path} is a folder",
    errno.ENOTDIR: "{path} goes through a file as if it were a folder",
    errno.EACCES: "no permission for {path}",
    errno.EPERM: "no permission for {path}",
    errno.EROFS: "{path} is on a read-only file system",
    errno.ENOSPC: "the disk is full; {path} was not changed",
    errno.EDQUOT: "the disk quota is used up; {path} was not changed",
    errno.EFBIG: "{path} would be too large; it was not changed",
    errno.ENAMETOOLONG: "a name in {path} is too long",
    errno.ELOOP: "{path} is a link that cannot be followed",
    errno.EXDEV: "{path} leads outside of the workspace",
}


def _sentence(error: OSError, path: str) -> str:
    known = _SENTENCES.get(error.errno or 0)
    return known.format(path=path) if known else f"{path}: {error.strerror or error}"
