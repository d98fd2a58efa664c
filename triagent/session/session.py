"""A session as the agent writes it: tokens, rounds, and what was said and done.

Owns the session's folder. Knows nothing of models or of the screen.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triagent.chat import Evicted, Origin, Span
from triagent.session.index import Found, Index
from triagent.session.ledger import CHECKPOINT_BYTES, Ledger
from triagent.session.record import Record
from triagent.session.scan import checkpoint_before

SNAPSHOTS = "kv"
OUTPUTS = "out"
BLOBS = "blobs"
KEPT_SNAPSHOTS = 2
"""Snapshots on disk a session; each is as large as the cache."""
MAX_SNAPSHOT_BYTES = 8 << 30
"""Snapshots of all sessions together; the oldest go first. Without one a session is replayed."""

_SYNCED = ("turn_started", "tool_proposed", "tool_ended", "turn_ended", "rewound")
"""Events that are on the disk, with all before them, when `event` returns: what comes next costs
the user words, or changes the world outside. A process that dies loses nothing either way; this
is for power that fails."""


@dataclass(frozen=True)
class Snapshot:
    """A saved cache state and where it belongs."""

    path: Path
    pos: int
    hash: str
    """Of the ledger up to it."""
    offset: int
    """Byte of the log behind which everything newer lies."""


class Session:
    """One session that is open."""

    def __init__(self, ledger: Ledger, index: Index | None = None) -> None:
        self.ledger, self._index = ledger, index
        self.folder = ledger.folder

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def turn(self) -> int:
        """Number of the last turn that began."""
        return self.ledger.state.turn

    @property
    def n_pos(self) -> int:
        """Position of the next token."""
        return self.ledger.state.n_pos

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever said in it, and it is ours to throw away."""
        state = self.ledger.state
        is_new = not (state.turn or state.n_rewinds or state.title)
        return is_new and not self.ledger.read_only

    @property
    def pins(self) -> list[tuple[int, int]]:
        """Position ranges [start, stop) that the user protects."""
        return [(start, stop) for start, stop in self.ledger.state.pins]

    @property
    def outputs(self) -> Path:
        """Folder of whole command outputs."""
        return self.folder / OUTPUTS

    @property
    def blobs(self) -> Path:
        """Folder of file copies for undo."""
        return self.folder / BLOBS

    # -- writing

    def add_span(self, span: Span) -> None:
        """Record tokens; on the disk with the next event that is synced."""
        self.ledger.add_span(span, sync=False)

    def add_round(self, item: Evicted, policy: str) -> None:
        self.ledger.add_round(item, policy)

    def event(self, name: str, **data: Any) -> None:
        """Record something that was said or done."""
        self.ledger.append("event", {"name": name, **data}, sync=name in _SYNCED)

    def rename(self, title: str) -> None:
        self.ledger.append("title", {"text": title.strip() or "untitled"})

    # -- snapshots

    def snapshot_path(self) -> Path:
        """Where a snapshot of the present position is written."""
        folder = self.folder / SNAPSHOTS
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{self.ledger.state.n_records}.state"

    def drop_snapshot(self, path: Path) -> None:
        """Delete a snapshot that was not finished, and whatever else was left half written."""
        for rest in (path, *path.parent.glob("*.part")):
            rest.unlink(missing_ok=True)

    def keep_snapshot(self, path: Path) -> None:
        """Record a snapshot that was written, and delete all but the newest few."""
        for rest in path.parent.glob("*.part"):  # its writer was killed: this session has one
            rest.unlink(missing_ok=True)
        self.ledger.checkpoint(path.name)
        found = sorted(path.parent.glob("*.state"), key=lambda item: int(item.stem))
        for old in found[:-KEPT_SNAPSHOTS]:
            old.unlink(missing_ok=True)
        _prune(self.folder.parent, keep=path)

    def snapshots(self) -> Iterator[Snapshot]:
        """Snapshots that still exist, newest first."""
        for mark in self.ledger.snapshots():
            path = self.folder / SNAPSHOTS / mark.name
            if path.is_file():
                yield Snapshot(path, mark.pos, mark.hash, mark.offset)

    # -- reading

    def events(self, offset: int = 0) -> Iterator[Record]:
        """What was said and done, in order."""
        return (record for record in self.ledger.records(offset) if record.type == "event")

    def recent(self, n_bytes: int = 1 << 18) -> Iterator[Record]:
        """The last events, at least those of the last `n_bytes` of the log."""
        return (x for x in self.recent_records(n_bytes) if x.type == "event")

    def recent_records(self, n_bytes: int = CHECKPOINT_BYTES * 16) -> Iterator[Record]:
        """The last records of all kinds; the first is a checkpoint, or the log's first."""
        offset = 0
        if self.ledger.size > n_bytes:
            offset = checkpoint_before(self.ledger.path, self.ledger.size - n_bytes)
        return self.ledger.records(offset)

    def open_calls(self) -> list[dict[str, Any]]:
        """Tool calls of the last turn that have no result: a crash came between."""
        calls: dict[str, dict[str, Any]] = {}
        for record in self.recent(CHECKPOINT_BYTES * 16):
            name, data = record.data["name"], record.data
            if name == "turn_started":
                calls.clear()
            elif name == "tool_proposed":
                calls[data["call"]["id"]] = data["call"]
            elif name == "tool_ended":
                calls.pop(data["call_id"], None)
        return list(calls.values())

    def unfed_results(self) -> list[dict[str, Any]]:
        """Results of an unfinished turn that came after its last tokens."""
        results: list[dict[str, Any]] = []
        for record in self.recent_records():
            if record.type == "tokens":
                results.clear()
            elif record.type == "event" and record.data["name"] == "tool_ended":
                results.append(record.data)
        return results

    def is_message_open(self) -> bool:
        """Whether the last tokens leave a message unfinished."""
        is_open = False
        for record in self.recent_records():
            if record.type == "tokens":
                is_open = record.data["origin"] != Origin.SYSTEM.value
            elif record.type == "event" and record.data["name"] in ("step_done", "closed"):
                is_open = False
        return is_open

    def search(self, query: str, n: int = 20) -> list[Found]:
        """Passages of this session, best first."""
        if self._index is None:
            return []
        self._index.update(self.ledger)
        return self._index.search(query, self.id, n)

    def close(self) -> None:
        """Bring the index up to date and let others write. May be called twice."""
        if not self.ledger.closed and not self.ledger.read_only:
            if self.ledger.is_checkpoint_due:
                self.ledger.checkpoint()
            if self._index is not None:
                self._index.update(self.ledger)
        self.ledger.close()

    def discard(self) -> None:
        """Close the session and remove its files."""
        self.close()
        if self._index is not None:
            self._index.forget(self.id)
        shutil.rmtree(self.folder, ignore_errors=True)


def _prune(root: Path, keep: Path) -> None:
    """Delete the oldest snapshots of all sessions beyond `MAX_SNAPSHOT_BYTES`."""
    found = []
    for path in root.glob(f"*/{SNAPSHOTS}/*.state"):
        with suppress(OSError):  # another process was quicker
            found.append((path.stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= MAX_SNAPSHOT_BYTES:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            total -= size
