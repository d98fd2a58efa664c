"""A cache's state on disk, and the header that guards it.

File: magic, length of the header, header (JSON), arrays, the sequence's state as llama.cpp
writes it. A snapshot is a cache of the ledger: any mismatch is refused, with both values, and the
session is read again instead. Written beside its place and renamed, so that a file is whole or
not there.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from triagent.engine.engine import Engine
from triagent.engine.library import load as load_library
from triagent.errors import SnapshotError
from triagent.kv.spans import Spans
from triagent.private import open_private

MAGIC = b"triasnap"
FORMAT = 1
MAX_HEADER = 1 << 26
SIZES = struct.Struct("<QQ")


@dataclass(frozen=True)
class _Part:
    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def identity(engine: Engine) -> dict[str, Any]:
    """What must be the same in the session that loads: model, library, cache, policy."""
    hook = engine.hook
    return {
        "format": FORMAT,
        "fingerprint": engine.model.file.fingerprint,
        "abi": load_library().abi_version,
        "n_ctx": engine.n_ctx,
        "cache_type": engine.parts.cache_type,
        "policy": engine.parts.policy.name,
        "select": hook.mode.value if hook else "none",
        "n_cells": hook.n_cells if hook else 0,
        "budget": hook.protection.bounds.budget if hook else 0,
        "budgets": list(hook.protection.bounds.budgets) if hook else [],
        "layer_cells": hook.cache.layer_cells if hook else [],
        "layout": [[g.il, g.n_head_kv, g.head_dim] for g in hook.cache.layers] if hook else [],
    }


def save(engine: Engine, path: Path, ledger_hash: str, extra: dict[str, Any]) -> None:
    """Write the session's cache.

    Loading packs the cells together, and attention then adds up in another order; a token that
    nearly ties may fall out otherwise. So once cells have holes, the session that goes on takes
    the packed state too: from here on both do the same, bit for bit.

    Args:
        extra: what the conversation wants back, JSON.

    Raises:
        SnapshotError: it cannot be written.
    """
    logits = np.array(engine.logits() if engine.n_pos else [], np.float32)
    arrays = {
        "held": engine.held.rows.copy(),
        "tail": np.array(engine.tail, np.int32),
        "logits": logits,
        "true": _packed_positions(engine),
        "score": engine.hook.scored.mean(engine.n_pos) if engine.hook else np.zeros(0, np.float32),
    }
    state = engine.context.state() if engine.n_pos else memoryview(b"")
    header = {
        "identity": identity(engine),
        "ledger_hash": ledger_hash,
        "n_pos": engine.n_pos,
        "rounds": _rounds(engine),
        "extra": extra,
        "arrays": [[name, a.dtype.str, list(a.shape)] for name, a in arrays.items()],
        "crc": _crc(arrays, state),
    }
    header["check"] = _check_sum(header)
    text = json.dumps(header).encode()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb", opener=open_private) as file:
            file.write(MAGIC + SIZES.pack(len(text), len(state)) + text)
            for array in arrays.values():
                file.write(np.ascontiguousarray(array).data)
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SnapshotError(f"{path}: the snapshot could not be written: {error}") from error
    if engine.hook is not None and engine.hook.n_rounds:
        _restore(engine, header, arrays, state, path)


def load(engine: Engine, path: Path, ledger_hash: str) -> dict[str, Any]:
    """Restore a session's cache; returns what `save` was given as `extra`.

    Nothing is changed when the header does not fit. When the state itself is refused the cache is
    left empty.

    Raises:
        SnapshotError: naming what differs, with both values.
    """
    try:
        with open(path, "rb") as file:
            header, n_state = _read_header(file, path)
            _compare(header, engine, ledger_hash, path)
            if header["check"] != _check_sum(header):
                raise SnapshotError(f"{path}: damaged header")
            arrays = _read_arrays(file, header, path)
            state = file.read()
    except OSError as error:
        raise SnapshotError(f"{path}: the snapshot cannot be read: {error}") from error
    if len(state) != n_state or _crc(arrays, state) != header["crc"]:
        raise SnapshotError(
            f"{path}: damaged: {len(state)} bytes of state, {n_state} written, or other bytes"
        )
    _restore(engine, header, arrays, state, path)
    return header["extra"]


def fork(path: Path, new_path: Path, new_ledger_hash: str) -> None:
    """Copy a snapshot for another ledger that begins with the same tokens.

    Raises:
        SnapshotError: the snapshot is damaged or the copy cannot be written.
    """
    temporary = new_path.with_name(new_path.name + ".part")
    try:
        with open(path, "rb") as old, open(temporary, "wb", opener=open_private) as new:
            header, n_state = _read_header(old, path)
            text = json.dumps(header | {"ledger_hash": new_ledger_hash}).encode()
            new.write(MAGIC + SIZES.pack(len(text), n_state) + text)
            while block := old.read(1 << 22):
                new.write(block)
            new.flush()
            os.fsync(new.fileno())
        os.replace(temporary, new_path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SnapshotError(f"{new_path}: the copy could not be written: {error}") from error


def _crc(arrays: dict[str, np.ndarray], state: bytes | memoryview) -> int:
    crc = 0
    for array in arrays.values():
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    return zlib.crc32(state, crc)


def _check_sum(header: dict[str, Any]) -> int:
    """Over what is restored and not compared: a flipped bit there would go unnoticed."""
    part = {name: header[name] for name in ("n_pos", "rounds", "extra", "arrays", "crc")}
    return zlib.crc32(json.dumps(part, sort_keys=True).encode())


def _rounds(engine: Engine) -> dict[str, Any]:
    hook = engine.hook
    if hook is None:
        return {}
    protection = hook.protection
    return {
        "n_rounds": hook.n_rounds,
        "n_evicted": hook.n_evicted,
        "last_round": protection.last_round,
        "pinned": protection.pinned.ranges,
        "late": protection.late.ranges,
        "disposable": protection.disposable.ranges,
    }


def _packed_positions(engine: Engine) -> np.ndarray:
    """True positions of the used cells in cell order, (n_rows, n_used) int32.

    llama.cpp saves cells in this order and may place them elsewhere when it loads them.
    """
    if engine.hook is None:
        return np.zeros((0, 0), np.int32)
    used = np.flatnonzero(engine.hook.cache.cells() >= 0)
    return engine.hook.cache.positions()[:, used]


def _read_header(file: BinaryIO, path: Path) -> tuple[dict[str, Any], int]:
    head = file.read(len(MAGIC) + SIZES.size)
    if len(head) < len(MAGIC) + SIZES.size or head[: len(MAGIC)] != MAGIC:
        raise SnapshotError(f"{path}: not a snapshot")
    n_text, n_state = SIZES.unpack(head[len(MAGIC) :])
    if n_text > MAX_HEADER:
        raise SnapshotError(f"{path}: damaged: a header of {n_text} bytes")
    try:
        header = json.loads(file.read(n_text))
        _ = header["identity"], header["ledger_hash"], header["n_pos"], header["crc"]
        _ = header["arrays"], header["rounds"], header["extra"], header["check"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{path}: damaged header") from error
    return header, n_state


def _compare(header: dict[str, Any], engine: Engine, ledger_hash: str, path: Path) -> None:
    here = identity(engine) | {"ledger_hash": ledger_hash}
    there = header["identity"] | {"ledger_hash": header["ledger_hash"]}
    for name, value in here.items():
        if there.get(name) != value:
            raise SnapshotError(
                f"{path}: {name} is {there.get(name)!r} in the snapshot and {value!r} here"
            )


def _read_arrays(file: BinaryIO, header: dict[str, Any], path: Path) -> dict[str, np.ndarray]:
    out = {}
    for name, dtype, shape in header["arrays"]:
        part = _Part(name, dtype, tuple(shape))
        data = file.read(part.n_bytes)
        if len(data) != part.n_bytes:
            raise SnapshotError(f"{path}: truncated in {name!r}")
        out[name] = np.frombuffer(data, dtype).reshape(shape)
    return out


def _restore(
    engine: Engine,
    header: dict[str, Any],
    arrays: dict[str, np.ndarray],
    state: bytes | memoryview,
    path: Path,
) -> None:
    engine.clear()
    if not header["n_pos"]:
        return
    if not engine.context.set_state(state):
        engine.clear()
        raise SnapshotError(f"{path}: llama.cpp refused the state; the session is read again")
    if engine.hook is not None:
        _restore_rounds(engine, header["rounds"], arrays["true"], path)
        engine.hook.scored.restore(arrays["score"])
    engine.held.restore(arrays["held"])
    engine.tail.extend(arrays["tail"].tolist())
    engine.n_pos = header["n_pos"]
    engine.saved_logits, engine.has_logits = arrays["logits"], True


def _restore_rounds(engine: Engine, rounds: dict[str, Any], packed: np.ndarray, path: Path) -> None:
    hook = engine.hook
    assert hook is not None
    hook.cache.sync(forget=True)
    nominal = hook.cache.cells()
    used = np.flatnonzero(nominal >= 0)
    if packed.shape != (hook.cache.n_rows, len(used)):
        engine.clear()
        raise SnapshotError(
            f"{path}: positions of {packed.shape[1:]} cells for {len(used)} that were restored"
        )
    true = np.full((hook.cache.n_rows, hook.n_cells), -1, np.int32)
    true[:, used] = packed
    hook.cache.set_positions(true)
    protection = hook.protection
    hook.n_rounds, hook.n_evicted = rounds["n_rounds"], rounds["n_evicted"]
    protection.last_round = rounds["last_round"]
    protection.pinned = Spans.of(rounds["pinned"])
    protection.late = Spans.of(rounds["late"])
    protection.disposable = Spans.of(rounds["disposable"])
