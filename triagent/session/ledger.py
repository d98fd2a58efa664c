"""The append-only log of a session: the only truth about it.

One JSON line a record, checksummed, written before what it says counts and synced where it
matters. One process writes, by lock; others read. A torn last line (a crash while writing) is
set aside; damage further up is refused. Opening reads from the last checkpoint on, and a
checkpoint is written often enough that this is quick for a log of any length.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from triagent.chat import Evicted, Origin, Span
from triagent.errors import SessionError, is_disk_full
from triagent.private import append_private, open_private
from triagent.session.record import Record, decode, encode
from triagent.session.scan import checkpoints
from triagent.session.state import State

LOG, TORN, LOCK = "log.jsonl", "log.torn", "lock"
CHECKPOINT_BYTES = 1 << 20
"""A checkpoint after this much log, which bounds what opening has to read."""
SNAPSHOT_BYTES = 256 << 20
"""How far back a snapshot is looked for; an older one saves little over a replay."""
WHOLE_BYTES = 8 << 20
"""Logs up to this size are verified whole when they are opened."""


@dataclass(frozen=True)
class Mark:
    """A checkpoint with a snapshot."""

    name: str
    """The snapshot's file name."""
    pos: int
    hash: str
    offset: int
    """Byte of the checkpoint: what the snapshot holds lies before it."""


class Ledger:
    """One session's log.

    Args:
        folder: the session's folder; it must hold a log unless `create` made it.
        write: take the writer's lock. When another process has it, the ledger is read only.

    Raises:
        SessionError: no log, or a damaged one.
    """

    def __init__(self, folder: Path, write: bool = True) -> None:
        self.folder, self.path = folder, folder / LOG
        if not self.path.is_file():
            raise SessionError(f"no session log at {self.path}; `triagent sessions` lists them")
        self._lock = FileLock(folder / LOCK, mode=0o600, thread_local=False)
        self._file: int | None = None
        self.read_only = not (write and self._take_lock())
        self.state, self.size = self._scan_tail()
        self._checkpointed = self.size
        if not self.read_only:
            self._open_file()

    @classmethod
    def create(cls, folder: Path, meta: dict[str, Any]) -> Ledger:
        """Begin a log in a new folder; `meta` says where, when and with which model."""
        folder.mkdir(mode=0o700, parents=True)
        # A session is there with its first record or not at all.
        path = folder / f"{LOG}.part"
        with open(path, "xb", opener=open_private) as file:
            file.write(encode(0, "meta", meta))
            file.flush()
            os.fsync(file.fileno())
        os.replace(path, folder / LOG)
        _sync_folder(folder)
        return cls(folder)

    @property
    def closed(self) -> bool:
        return self._file is None and not self.read_only

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether anything was recorded since the last checkpoint."""
        return self.size > self._checkpointed

    # -- writing

    def append(self, type: str, data: dict[str, Any], sync: bool = True) -> Record:
        """Add a record; with `sync` it is on the disk when this returns.

        Raises:
            SessionError: read only, or the disk refuses; then the log is as it was before.
        """
        if self._file is None:
            raise SessionError(f"session {self.folder.name} is open in another process; read only")
        line = encode(self.state.n_records, type, data)
        try:
            _write_all(self._file, line)
            if sync:
                os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self.size)
            raise _not_written(self.path, error) from error
        record = Record(self.state.n_records, type, data, self.size, self.size + len(line))
        self.state.fold(record)
        self.size = record.stop
        if type != "checkpoint" and self.size - self._checkpointed >= CHECKPOINT_BYTES:
            self.checkpoint()
        return record

    def add_span(self, span: Span, sync: bool = True) -> Record:
        """Record tokens that were fed or sampled. They must continue the session."""
        if span.pos != self.state.n_pos:
            raise SessionError(
                f"tokens at position {span.pos} do not continue the session at {self.state.n_pos}"
            )
        data = {
            "origin": span.origin.value,
            "pos": span.pos,
            "ids": list(span.ids),
            "text": span.text,
            "sampled": span.sampled,
        }
        return self.append("tokens", data, sync)

    def add_round(self, item: Evicted, policy: str) -> Record:
        """Record an eviction round: what went, when, at what score, why."""
        data = {
            "n": item.n_evicted,
            "now": item.now,
            "score": [_finite(item.score_min), _finite(item.score_max)],
            "lost": [list(pair) for pair in item.lost],
            "reason": item.reason,
            "ms": round(item.ms, 2),
            "policy": policy,
            "time": round(time.time(), 3),
        }
        return self.append("evict", data, sync=False)  # the next tokens' sync carries it

    def checkpoint(self, snapshot: str | None = None) -> Record:
        """Record the sum so far, and the name of a snapshot that matches it."""
        data = {"state": self.state.as_dict(), "snapshot": snapshot}
        record = self.append("checkpoint", data)
        self._checkpointed = self.size
        return record

    # -- reading

    def records(self, offset: int = 0) -> Iterator[Record]:
        """All records from a byte on, verified one by one, up to the end as of now.

        Raises:
            SessionError: a damaged record, naming the repair command.
        """
        stop, before = self.size, None
        with self.path.open("rb") as file:
            file.seek(offset)
            while offset < stop:
                record = decode(file.readline(), offset)
                if record is None or (before is not None and record.seq != before + 1):
                    raise _damaged(self.path, offset)
                yield record
                before, offset = record.seq, record.stop

    def spans(self, pos: int = 0, offset: int = 0) -> Iterator[Span]:
        """The session's tokens from a position on, as they stand after every rewind.

        Args:
            pos: where a span begins.
            offset: byte from which to read, with `pos` reached before it.
        """
        cuts = self._cuts(offset) if self.state.n_rewinds else []
        for record in self.records(offset):
            if record.type == "tokens" and record.data["pos"] >= pos:
                later = (at for seq, at in cuts if seq > record.seq)
                if record.data["pos"] < min(later, default=self.state.n_pos):
                    yield span_of(record)

    def snapshots(self) -> Iterator[Mark]:
        """Checkpoints with a snapshot of what is still part of the session, newest first."""
        lowest = self.state.n_pos
        for record in checkpoints(self.path, self.size, SNAPSHOT_BYTES):
            state = record.data["state"]
            if state["n_rewinds"] != self.state.n_rewinds:
                return  # what was rewound since may be in it
            if record.data["snapshot"] and state["n_pos"] <= lowest:
                name = Path(record.data["snapshot"]).name
                yield Mark(name, state["n_pos"], state["hash"], record.offset)

    def _cuts(self, offset: int) -> list[tuple[int, int]]:
        """(seq, position) of each rewind."""
        return [
            (record.seq, record.data["pos"])
            for record in self.records(offset)
            if record.type == "event" and record.data["name"] == "rewound"
        ]

    def verify(self) -> int:
        """Read every record; returns their number. Raises SessionError on damage."""
        return sum(1 for _ in self.records())

    def close(self) -> None:
        """Release the file and the lock. May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._lock.release()

    # -- opening

    def _take_lock(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise _closed_to_us(self.folder, error) from error
        return True

    def _open_file(self) -> None:
        try:
            self._set_aside_torn()
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            self._lock.release()
            raise _closed_to_us(self.folder, error) from error

    def _scan_tail(self) -> tuple[State, int]:
        """The state at the end of the last good record, and where that ends."""
        n_bytes = self.path.stat().st_size
        state, offset = State(), 0
        if n_bytes > WHOLE_BYTES:
            last = next(checkpoints(self.path, n_bytes), None)
            if last is not None:
                state, offset = State(**last.data["state"]), last.offset
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return state, self._fold(file, state, offset, n_bytes)
        except SessionError:
            self._lock.release()
            raise

    def _fold(self, file: Any, state: State, offset: int, n_bytes: int) -> int:
        while offset < n_bytes:
            line = file.readline()
            record = decode(line, offset)
            if record is None or record.seq != state.n_records:
                if offset + len(line) < n_bytes or not offset:
                    raise _damaged(self.path, offset)
                break  # the last line: torn by a crash
            state.fold(record)
            offset = record.stop
        if not state.n_records:
            raise _damaged(self.path, 0)
        return offset

    def _set_aside_torn(self) -> None:
        with self.path.open("r+b") as file:
            file.seek(self.size)
            if torn := file.read():
                append_private(self.folder / TORN, torn)
                file.truncate(self.size)
                os.fsync(file.fileno())


def span_of(record: Record) -> Span:
    """The span of a `tokens` record."""
    data = record.data
    return Span(
        Origin(data["origin"]), data["pos"], tuple(data["ids"]), data["text"], data["sampled"]
    )


def _write_all(file: int, line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def _not_written(path: Path, error: OSError) -> SessionError:
    if is_disk_full(error):
        return SessionError(
            f"the disk is full ({error.strerror}): {path} cannot be written. What was recorded "
            "is safe; free some space, then say it again"
        )
    return SessionError(f"{path} cannot be written: {error.strerror}. Say it again once it can be")


def _closed_to_us(folder: Path, error: OSError) -> SessionError:
    return SessionError(
        f"session {folder.name} cannot be continued: {folder} cannot be written "
        f"({error.strerror or error}). `triagent sessions export` still reads it"
    )


def _damaged(path: Path, offset: int) -> SessionError:
    return SessionError(
        f"{path} is damaged at byte {offset}; "
        f"`triagent sessions repair {path.parent.name}` keeps what is before it"
    )
