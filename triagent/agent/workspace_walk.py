"""One walk from a folder's handle to a path beneath it.

No step follows a link by itself: a name is opened with O_NOFOLLOW relative to the handle before
it, and a link is read and walked like any other path, as far as it stays inside. So neither a
link nor a folder that is swapped for one meanwhile leads outside.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from contextlib import ExitStack, suppress

from triagent.errors import ToolError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened."""
_MOST_LINKS = 40


class Walk:
    """From a handle on the top folder to a path, name by name. A context manager.

    Turns OSError into ToolError when it ends.

    Args:
        top: the handle; it stays the caller's.
        relative: gives a path relative to the top folder, or raises ToolError.
        path: where to.
        follow: go through links that stay inside; otherwise they are refused.
    """

    def __init__(
        self, top: int, relative: Callable[[str], str], path: str, follow: bool = True
    ) -> None:
        self._path = path
        self._follow = follow
        self._relative = relative
        self._todo = _names(relative(path))
        self._given_top = top
        self._done: list[tuple[str, int]] = []
        self._n_links = 0
        self._stack = ExitStack()

    def __enter__(self) -> Walk:
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
            found = lstat(self._at(), self._todo[0])
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
            fd = os.open(name, FOLDER, dir_fd=at)
        except FileNotFoundError:
            if not make:
                raise
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=at)
            fd = os.open(name, FOLDER, dir_fd=at)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            found = lstat(at, name)
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
            target = self._relative(posixpath.normpath(target))
        self._todo[:0] = _names(target)

    def _at(self) -> int:
        return self._done[-1][1] if self._done else self._top

    def _open_top(self) -> int:
        fd = os.dup(self._given_top)
        self._stack.callback(os.close, fd)
        return fd


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def lstat(fd: int, name: str) -> os.stat_result | None:
    """What is at a name in a folder, links not followed; None when there is nothing."""
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


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
