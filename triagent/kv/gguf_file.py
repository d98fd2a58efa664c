"""Read the header of a GGUF file without trusting it.

Owns the byte layout of GGUF 2 and 3 (ggml `docs/gguf.md`, little endian). Every count and length
is checked against the size of the file before anything is allocated, so a damaged or hostile file
costs one `GgufError` and never a crash or gigabytes. Large arrays are read only when asked for.
Knows nothing of models or sidecars.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"GGUF"
MAX_KEYS = 1 << 16
MAX_TENSORS = 1 << 17
MAX_NAME = 256
MAX_DIMS = 4
SMALL_ARRAY = 4096  # longer arrays are skipped over and stay in the file until `array`

# GGUF value type -> numpy dtype; 8 is string, 9 array
SCALARS = {
    0: np.dtype("<u1"), 1: np.dtype("<i1"), 2: np.dtype("<u2"), 3: np.dtype("<i2"),
    4: np.dtype("<u4"), 5: np.dtype("<i4"), 6: np.dtype("<f4"), 7: np.dtype("?"),
    10: np.dtype("<u8"), 11: np.dtype("<i8"), 12: np.dtype("<f8"),
}  # fmt: skip
STRING, ARRAY = 8, 9

# ggml type -> (elements a block, bytes a block); ggml.h and ggml-common.h at the pin
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip
FLOAT_TYPES = {0, 1, 28, 30}


class GgufError(ValueError):
    """The file is not a sound GGUF file."""


@dataclass(frozen=True)
class TensorInfo:
    """One tensor's entry in the header."""

    name: str
    shape: tuple[int, ...]
    """Fastest dimension first, as in ggml."""
    type: int
    """ggml_type."""
    offset: int
    """From the start of the data section, bytes."""
    n_bytes: int | None
    """None when the type is not known here."""


@dataclass(frozen=True)
class LongArray:
    """An array too long to be worth decoding unasked: where it lies."""

    type: int
    count: int
    start: int = field(repr=False)


@dataclass(frozen=True)
class Header:
    """What a GGUF file says about itself."""

    version: int
    values: dict[str, Any]
    """Scalars, strings, short arrays as lists, and `LongArray`."""
    tensors: dict[str, TensorInfo]
    data_start: int
    size: int
    """Of the file, bytes."""

    @property
    def end(self) -> int:
        """First byte after the last tensor whose size is known."""
        ends = [self.data_start + t.offset + (t.n_bytes or 0) for t in self.tensors.values()]
        return max(ends, default=self.data_start)


class _Cursor:
    def __init__(self, data: mmap.mmap | bytes, size: int) -> None:
        self.data, self.size, self.at = data, size, 0

    def take(self, n: int) -> bytes:
        if n < 0 or n > self.size - self.at:
            raise GgufError(f"truncated: {n} bytes wanted at {self.at}, the file has {self.size}")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def text(self, limit: int | None = None) -> str:
        n = self.number("<Q")
        if limit is not None and n > limit:
            raise GgufError(f"a name of {n} bytes; at most {limit} are allowed")
        return self.take(n).decode("utf-8", "replace")

    def skip(self, n: int) -> None:
        if n < 0 or n > self.size - self.at:
            raise GgufError(f"truncated: {n} bytes wanted at {self.at}, the file has {self.size}")
        self.at += n


def _read_value(cursor: _Cursor, kind: int) -> Any:
    if kind in SCALARS:
        dtype = SCALARS[kind]
        return np.frombuffer(cursor.take(dtype.itemsize), dtype)[0].item()
    if kind == STRING:
        return cursor.text()
    if kind == ARRAY:
        return _read_array(cursor)
    raise GgufError(f"metadata of unknown type {kind}")


def _read_array(cursor: _Cursor) -> list[Any] | LongArray:
    kind, count = cursor.number("<I"), cursor.number("<Q")
    if kind not in SCALARS and kind != STRING:
        raise GgufError(f"an array of unknown type {kind}")
    smallest = SCALARS[kind].itemsize if kind in SCALARS else 8
    if count * smallest > cursor.size - cursor.at:
        raise GgufError(f"an array of {count} values does not fit in the file")
    start = cursor.at
    if count <= SMALL_ARRAY:
        return [_read_value(cursor, kind) for _ in range(count)]
    if kind in SCALARS:
        cursor.skip(count * smallest)
    else:
        for _ in range(count):
            cursor.skip(cursor.number("<Q"))
    return LongArray(kind, count, start)


def _read_tensor(cursor: _Cursor) -> TensorInfo:
    name = cursor.text(MAX_NAME)
    n_dims = cursor.number("<I")
    if n_dims > MAX_DIMS:
        raise GgufError(f"tensor {name!r} has {n_dims} dimensions; at most {MAX_DIMS} are allowed")
    shape = tuple(cursor.number("<Q") for _ in range(n_dims))
    kind, offset = cursor.number("<I"), cursor.number("<Q")
    n_bytes = None
    if kind in BLOCKS:
        per, size = BLOCKS[kind]
        if shape and shape[0] % per:
            raise GgufError(f"tensor {name!r}: {shape[0]} values do not fill blocks of {per}")
        n_bytes = prod(shape) // per * size
    return TensorInfo(name, shape, kind, offset, n_bytes)


def _parse(cursor: _Cursor) -> Header:
    if cursor.take(4) != MAGIC:
        raise GgufError("the first bytes are not those of a GGUF file")
    version = cursor.number("<I")
    if version not in (2, 3):
        raise GgufError(f"GGUF version {version}; versions 2 and 3 are known")
    n_tensors, n_keys = cursor.number("<Q"), cursor.number("<Q")
    if n_tensors > MAX_TENSORS or n_keys > MAX_KEYS:
        raise GgufError(f"{n_tensors} tensors and {n_keys} values are more than a model has")
    values: dict[str, Any] = {}
    for _ in range(n_keys):
        key = cursor.text(1 << 16)
        if key in values:
            raise GgufError(f"metadata {key!r} is there twice")
        values[key] = _read_value(cursor, cursor.number("<I"))
    tensors: dict[str, TensorInfo] = {}
    for _ in range(n_tensors):
        info = _read_tensor(cursor)
        if info.name in tensors:
            raise GgufError(f"tensor {info.name!r} is there twice")
        tensors[info.name] = info
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment > 1 << 20:
        raise GgufError(f"general.alignment is {alignment!r}")
    start = -(-cursor.at // alignment) * alignment
    return Header(version, values, tensors, start, cursor.size)


@contextmanager
def _mapped(path: Path) -> Iterator[tuple[mmap.mmap | bytes, int]]:
    size = path.stat().st_size
    if not size:
        yield b"", 0
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data, size


def read_header(path: Path) -> Header:
    """Read everything before the tensor data.

    Raises:
        GgufError: the file is not GGUF, is truncated within its header, or contradicts itself.
        OSError: it cannot be read.
    """
    with _mapped(path) as (data, size):
        return _parse(_Cursor(data, size))


def read_array(path: Path, where: LongArray) -> np.ndarray | list[str]:
    """Read an array that `read_header` left in the file: numpy, or a list of strings."""
    with _mapped(path) as (data, size):
        cursor = _Cursor(data, size)
        cursor.at = where.start
        if where.type == STRING:
            return [cursor.text() for _ in range(where.count)]
        dtype = SCALARS[where.type]
        return np.frombuffer(cursor.take(where.count * dtype.itemsize), dtype).copy()


def read_bytes(path: Path, header: Header, name: str, n_max: int | None = None) -> bytes:
    """Read the first `n_max` bytes of a tensor (all without it).

    Raises:
        GgufError: there is no such tensor, or it reaches past the end of the file.
    """
    info = header.tensors.get(name)
    if info is None or info.n_bytes is None:
        raise GgufError(f"tensor {name!r} is missing or of an unknown type")
    n = info.n_bytes if n_max is None else min(n_max, info.n_bytes)
    if header.data_start + info.offset + info.n_bytes > header.size:
        raise GgufError(f"truncated: tensor {name!r} reaches past the end of the file")
    with open(path, "rb") as file:
        file.seek(header.data_start + info.offset)
        return file.read(n)
