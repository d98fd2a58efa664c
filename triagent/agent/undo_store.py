"""Copies of files by content, and the journal of which file was what before which turn.

    blobs/ab/cdef...     one copy per content, named by its SHA-256
    journal.jsonl        one line per fact, each on disk before the change that it is about

A fact is `{"turn", "path", "sha", "mode"}`: what the file was before that turn (`sha` null: it
was not there); or `{"seen": path, "sha", "mode"}`: what it was when a command began. Damaged
lines at the end, as a crash leaves them, are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triagent.private import open_private


@dataclass(frozen=True)
class Copy:
    """A file at one moment."""

    sha: str | None
    """Content, by hash; None: it did not exist."""
    mode: int = 0o644


class Store:
    """Blobs and journal in one folder of ours.

    Args:
        folder: made when missing, for this user alone.
        failpoint: called with a name at each write boundary; tests raise or die in it.
    """

    def __init__(self, folder: Path, failpoint: Callable[[str], None] = lambda name: None) -> None:
        self._blobs = folder / "blobs"
        self._journal = folder / "journal.jsonl"
        self._failpoint = failpoint
        for path in (folder, self._blobs):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes, durable: bool = True) -> str:
        """Keep a content; returns its hash.

        Args:
            durable: on disk when this returns. Otherwise it outlives this process, but perhaps
                not the machine: then `get` finds it damaged, and nothing is put back.
        """
        sha = hashlib.sha256(data).hexdigest()
        path = self._path(sha)
        if path.exists():
            return sha
        path.parent.mkdir(exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(temporary, "wb", opener=open_private) as file:
                file.write(data)
                self._failpoint("blob written")
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        self._failpoint("blob in place")
        return sha

    def get(self, sha: str) -> bytes:
        """A kept content. Raises OSError when it is gone or damaged."""
        data = self._path(sha).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha:
            raise OSError(f"the copy {self._path(sha)} is damaged")
        return data

    def note(self, *facts: dict[str, Any]) -> None:
        """Append facts to the journal; on disk when this returns."""
        if not facts:
            return
        lines = "".join(json.dumps(fact, ensure_ascii=True) + "\n" for fact in facts)
        fd = os.open(
            self._journal, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            size = os.fstat(fd).st_size
            # A line that a crash cut short must not swallow the next one.
            start = "\n" if size and os.pread(fd, 1, size - 1) != b"\n" else ""
            self._failpoint("journal opened")
            _write_all(fd, (start + lines).encode(), size)
            self._failpoint("journal written")
            os.fsync(fd)
        finally:
            os.close(fd)
        self._failpoint("journal on disk")

    def facts(self) -> Iterator[dict[str, Any]]:
        """All facts, oldest first."""
        try:
            text = self._journal.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            with suppress(ValueError):
                fact = json.loads(line)
                if isinstance(fact, dict):
                    yield fact

    def _path(self, sha: str) -> Path:
        return self._blobs / sha[:2] / sha[2:]


def _write_all(fd: int, data: bytes, size: int) -> None:
    # Whole or not at all: half a line is taken back when the disk is full.
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(fd, size)
        raise
