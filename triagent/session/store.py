"""All sessions of a user: list, search, create, resume, fork, rename, delete.

    sessions/
      index.sqlite         a cache, see index.py
      <id>/log.jsonl       the session, see ledger.py
      <id>/kv, out, blobs  snapshots, whole command outputs, copies for undo
"""

from __future__ import annotations

import datetime
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from triagent.chat import ModelInfo
from triagent.errors import SessionError
from triagent.session.index import Found, Index
from triagent.session.ledger import LOG, Ledger
from triagent.session.record import Record
from triagent.session.session import SNAPSHOTS, Session


@dataclass(frozen=True)
class Summary:
    """A session in a list."""

    id: str
    title: str
    created: str
    updated: float
    """Seconds since the epoch."""
    n_turns: int
    n_pos: int
    n_bytes: int
    model: str
    workspace: str
    damage: str = ""
    """Why it cannot be opened, with the command that repairs it."""


class Store:
    """The folder of all sessions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = Index(root / "index.sqlite")

    def list(self, verify: bool = False) -> list[Summary]:
        """All sessions, the last used first.

        Args:
            verify: read what opening would read, also where the index is up to date: finds bytes
                that were overwritten without a trace.
        """
        found = [self._summary(path.parent, verify) for path in self.root.glob(f"*/{LOG}")]
        return sorted(found, key=lambda item: item.updated, reverse=True)

    def search(self, query: str, n: int = 20) -> list[Found]:
        """Passages of any session, best first."""
        for path in self.root.glob(f"*/{LOG}"):
            self._refresh(path.parent)
        return self.index.search(query, None, n)

    def create(
        self,
        workspace: Path,
        model: ModelInfo | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> Session:
        """Begin a session; `meta` adds to its first record, or replaces what is there."""
        now = datetime.datetime.now(datetime.UTC)
        id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        about = {
            "id": id,
            "created": now.isoformat(timespec="seconds"),
            "workspace": str(workspace),
            "model": model.name if model else "",
            "fingerprint": model.fingerprint if model else "",
            **(meta or {}),
        }
        try:
            return Session(Ledger.create(self.root / id, about), self.index)
        except OSError as error:
            raise SessionError(
                f"no session can be begun in {self.root}: {error.strerror or error}. It could not "
                "be kept; make that folder writable, or name another by XDG_DATA_HOME"
            ) from error

    def open(self, id: str, write: bool = True) -> Session:
        """Resume a session; `id` may be a unique beginning, or "last".

        Raises:
            SessionError: unknown, ambiguous or damaged.
        """
        return Session(Ledger(self.folder(id), write), self.index)

    def fork(self, id: str, turn: int | None = None) -> Session:
        """A new session that holds this one up to the end of a turn (None: all of it)."""
        source = Ledger(self.folder(id), write=False)
        first = next(source.records())
        keys = ("model", "fingerprint")
        meta = {key: first.data[key] for key in keys if key in first.data}
        title = f"{source.state.title or 'untitled'} (fork)"
        meta |= {"forked_from": source.folder.name, "title": title}
        target = self.create(Path(source.state.workspace), meta=meta)
        for record in _until(source, turn):
            if record.type == "checkpoint":
                _share_snapshot(source.folder, target, record)
            elif record.type not in ("meta", "end", "title"):
                target.ledger.append(record.type, record.data, sync=False)
        target.ledger.checkpoint()
        source.close()
        return target

    def rename(self, id: str, title: str) -> None:
        """Give a session another title."""
        session = self.open(id)
        session.rename(title)
        session.close()

    def delete(self, id: str) -> None:
        """Remove a session and all its files. Raises SessionError while it is open elsewhere."""
        folder = self.folder(id)
        try:
            ledger = Ledger(folder)
        except SessionError:
            ledger = None  # damaged: it can still be deleted
        if ledger is not None and ledger.read_only:
            raise SessionError(f"session {folder.name} is open in another process")
        self.index.forget(folder.name)
        shutil.rmtree(folder)
        if ledger is not None:
            ledger.close()

    def folder(self, id: str) -> Path:
        """The folder of a session. Raises SessionError."""
        if id == "last":
            paths = sorted(self.root.glob(f"*/{LOG}"), key=lambda path: path.stat().st_mtime)
        else:
            paths = [path for path in self.root.glob(f"*/{LOG}") if path.parent.name == id]
            paths = paths or [x for x in self.root.glob(f"*/{LOG}") if x.parent.name.startswith(id)]
        if not paths or not id:
            raise SessionError(f'no session "{id}" in {self.root}; `triagent sessions` lists them')
        if len(paths) > 1 and id != "last":
            raise SessionError(f'"{id}" begins the name of {len(paths)} sessions; give more of it')
        return paths[-1].parent

    def close(self) -> None:
        """May be called twice."""
        self.index.close()

    def _summary(self, folder: Path, verify: bool) -> Summary:
        stat = (folder / LOG).stat()
        row = self.index.row(folder.name, stat.st_size, stat.st_mtime_ns)
        if row is None or verify:
            try:
                self._refresh(folder)
            except SessionError as error:
                nothing = ("", "", "", "", 0, 0)
                return _summarise(folder.name, nothing, stat, str(error))
            now = (folder / LOG).stat()
            row = self.index.row(folder.name, now.st_size, now.st_mtime_ns)
        return _summarise(folder.name, row or ("", "", "", "", 0, 0), stat)

    def _refresh(self, folder: Path) -> None:
        ledger = Ledger(folder, write=False)
        try:
            self.index.update(ledger)
        finally:
            ledger.close()


def _summarise(id: str, row: tuple, stat: os.stat_result, damage: str = "") -> Summary:
    title, created, model, workspace, n_turns, n_pos = row
    return Summary(
        id=id,
        title=title or "untitled",
        created=created,
        updated=stat.st_mtime,
        n_turns=n_turns,
        n_pos=n_pos,
        n_bytes=stat.st_size,
        model=model,
        workspace=workspace,
        damage=damage,
    )


def _until(source: Ledger, turn: int | None) -> Iterator[Record]:
    for record in source.records():
        starts = record.type == "event" and record.data["name"] == "turn_started"
        if turn is not None and starts and record.data["turn"] > turn:
            return
        yield record


def _share_snapshot(source: Path, target: Session, record: Record) -> None:
    """Give a fork the snapshot of its past, so that it opens without a prefill."""
    name = record.data["snapshot"]
    if not name or not (path := source / SNAPSHOTS / Path(name).name).is_file():
        return
    copy = target.snapshot_path()
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
    target.keep_snapshot(copy)
