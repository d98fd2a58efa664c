"""Apply git patches strictly, in memory, with nothing but Python.

Strict: every context and removed line must stand exactly where the hunk says. The source is
pinned by its hash, so an offset or fuzz would only hide a patch made for something else.
Works on a function that reads a file and on a dictionary of results; writes nothing itself.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
UNSUPPORTED = (b"rename from", b"copy from", b"GIT binary patch", b"Binary files")

Reader = Callable[[str], bytes | None]
"""Path, with forward slashes from the tree's root -> content, or None when there is no file."""


class PatchError(Exception):
    """A patch is malformed or does not fit; says which file and hunk."""


@dataclass
class Hunk:
    old_start: int
    """First line it covers before the change, counted from 1; 0 for a new file."""
    old: list[bytes] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)
    new_start: int = 0


@dataclass
class FilePatch:
    path: str
    created: bool = False
    deleted: bool = False
    hunks: list[Hunk] = field(default_factory=list)


@dataclass(frozen=True)
class Patch:
    name: str
    files: tuple[FilePatch, ...]

    def reversed(self) -> Patch:
        """Return the patch that undoes this one."""
        return replace(self, files=tuple(_reversed(file) for file in reversed(self.files)))


def _reversed(file: FilePatch) -> FilePatch:
    hunks = [Hunk(hunk.new_start, hunk.new, hunk.old, hunk.old_start) for hunk in file.hunks]
    return FilePatch(file.path, file.deleted, file.created, hunks)


def parse(name: str, text: bytes) -> Patch:
    """Read a patch as `git format-patch` or `git diff` writes it.

    Raises:
        PatchError: a hunk is cut off, or the patch renames, copies or holds binary data.
    """
    lines = io.BytesIO(text).readlines()
    files: list[FilePatch] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith(b"diff --git "):
            files.append(FilePatch(line.split(b" b/", 1)[-1].strip().decode()))
        elif not files:
            continue  # the mail header and the reasons above the first file
        elif line.startswith(UNSUPPORTED):
            kind = line.split()[0].decode()
            raise PatchError(f"{name}: {files[-1].path}: '{kind}' changes are not supported")
        elif line.startswith(b"new file mode"):
            files[-1].created = True
        elif line.startswith(b"deleted file mode"):
            files[-1].deleted = True
        elif line.startswith(b"@@"):
            hunk, at = _parse_hunk(name, files[-1], lines, at - 1)
            files[-1].hunks.append(hunk)
    if not files:
        raise PatchError(f"{name}: holds no 'diff --git' line")
    return Patch(name, tuple(files))


def _parse_hunk(name: str, file: FilePatch, lines: list[bytes], at: int) -> tuple[Hunk, int]:
    """Read one hunk whose header stands at `at`; return it and the line after it."""
    where = f"{name}: {file.path}, hunk {len(file.hunks) + 1}"
    header = HUNK.match(lines[at])
    if header is None:
        raise PatchError(f"{where}: malformed header {_shown(lines[at])}")
    old_start, n_old, new_start, n_new = (1 if n is None else int(n) for n in header.groups())
    hunk = Hunk(old_start, new_start=new_start)
    at += 1
    while len(hunk.old) < n_old or len(hunk.new) < n_new:
        line = lines[at] if at < len(lines) else b""
        mark, body = line[:1], line[1:]
        if line == b"\n":  # an editor took the blank of an empty context line
            mark, body = b" ", b"\n"
        if mark not in (b" ", b"+", b"-"):
            raise PatchError(f"{where}: cut off after {_shown(lines[at - 1])}")
        if at + 1 < len(lines) and lines[at + 1].startswith(b"\\"):
            body = body.removesuffix(b"\n")
        if mark != b"+":
            hunk.old.append(body)
        if mark != b"-":
            hunk.new.append(body)
        at += 1
        if at < len(lines) and lines[at].startswith(b"\\"):
            at += 1
    return hunk, at


def _shown(line: bytes) -> str:
    return repr(line.decode(errors="replace").rstrip("\n"))


def _apply_hunks(where: str, content: bytes, hunks: list[Hunk]) -> bytes:
    lines = io.BytesIO(content).readlines()
    shift = 0
    for number, hunk in enumerate(hunks, 1):
        # A hunk without old lines names the line before it.
        start = max(hunk.old_start - (1 if hunk.old else 0), 0) + shift
        found = lines[start : start + len(hunk.old)]
        for index, expected in enumerate(hunk.old):
            got = found[index] if index < len(found) else b"<end of file>"
            if got != expected:
                raise PatchError(
                    f"{where}, hunk {number}, line {start + index + 1}: "
                    f"expected {_shown(expected)}, found {_shown(got)}"
                )
        lines[start : start + len(hunk.old)] = hunk.new
        shift += len(hunk.new) - len(hunk.old)
    return b"".join(lines)


def _apply_file(name: str, file: FilePatch, content: bytes | None) -> bytes | None:
    """Return the file's content after the patch; None for no file."""
    where = f"{name}: {file.path}"
    if file.created and content is not None:
        raise PatchError(f"{where}: is to be created and exists already")
    if not file.created and content is None:
        raise PatchError(f"{where}: no such file")
    result = _apply_hunks(where, content or b"", file.hunks)
    if file.deleted and result:
        raise PatchError(f"{where}: is to be deleted and has lines that the patch does not know")
    return None if file.deleted else result


def apply(read: Reader, patches: Iterable[Patch]) -> dict[str, bytes | None]:
    """Apply patches one after the other and return what every touched file becomes.

    Raises:
        PatchError: one does not fit; nothing has been written.
    """
    results: dict[str, bytes | None] = {}
    for patch in patches:
        for file in patch.files:
            before = results[file.path] if file.path in results else read(file.path)
            results[file.path] = _apply_file(patch.name, file, before)
    return results
