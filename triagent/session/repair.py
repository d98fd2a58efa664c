"""Bringing a damaged log back to its good prefix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from triagent.errors import SessionError
from triagent.private import append_private
from triagent.session.ledger import LOCK, LOG, TORN
from triagent.session.record import decode
from triagent.session.state import State


def repair(folder: Path) -> tuple[int, int]:
    """Keep the good prefix of a damaged log; the rest goes to `log.torn`.

    Returns:
        Number of records kept, and of bytes set aside.
    """
    path, state, offset = folder / LOG, State(), 0
    lock = FileLock(folder / LOCK, mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise SessionError(f"session {folder.name} is open in another process") from error
    with lock, path.open("r+b") as file:
        while line := file.readline():
            record = decode(line, offset)
            if record is None or record.seq != state.n_records:
                break
            state.fold(record)
            offset = record.stop
        if not state.n_records:
            raise SessionError(f"nothing in {path} can be kept; delete the session")
        n_bytes = file.seek(0, 2) - offset
        _move_rest(file, offset, folder / TORN)
    lock.release()
    return state.n_records, n_bytes


def _move_rest(file: Any, offset: int, target: Path) -> None:
    file.seek(offset)
    while block := file.read(1 << 20):
        append_private(target, block)
    file.truncate(offset)
    os.fsync(file.fileno())
