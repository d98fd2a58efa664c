"""Typed messages over a pipe: dataclasses as JSON, arrays as raw bytes behind it. No pickle.

A frame is two little-endian lengths, a JSON text and the bytes of its arrays. Only types named in
`TYPES` can be made on the other side, so a damaged or hostile peer can at worst send wrong
values. Knows nothing of what the messages mean.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from triagent import chat, config

MAX_FRAME = 1 << 30
HEAD = struct.Struct("<II")


class WireError(Exception):
    """A frame that this side cannot have sent."""


@dataclass(frozen=True)
class Start:
    """First message to the worker."""

    model: config.ModelConfig
    cache: config.CacheConfig
    sampling: config.SamplingConfig


@dataclass(frozen=True)
class Call:
    """Run a method of the conversation."""

    id: int
    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Cancel:
    """Stop the call of that id, if it still runs."""

    id: int


@dataclass(frozen=True)
class Item:
    """One delta of a streaming call."""

    id: int
    delta: Any


@dataclass(frozen=True)
class Done:
    """The end of a call."""

    id: int
    value: Any = None


@dataclass(frozen=True)
class Failed:
    """A call, or the start (id 0), was refused."""

    id: int
    error: str
    """Name of a class of `triagent.errors`."""
    message: str


def _known() -> dict[str, type]:
    mine = (Start, Call, Cancel, Item, Done, Failed)
    found = {cls.__name__: cls for cls in mine}
    for module in (chat, config):
        for name, value in vars(module).items():
            is_ours = isinstance(value, type) and value.__module__ == module.__name__
            if is_ours and (dataclasses.is_dataclass(value) or issubclass(value, Enum)):
                found[name] = value
    return found


TYPES = _known()


def encode(value: Any) -> bytes:
    """One frame. Raises: TypeError for what cannot be sent."""
    arrays: list[bytes] = []
    text = json.dumps(_pack(value, arrays), separators=(",", ":")).encode()
    body = b"".join(arrays)
    return HEAD.pack(len(text), len(body)) + text + body


def _pack(value: Any, arrays: list[bytes]) -> Any:
    if value is None or isinstance(value, (bool, float)) or type(value) in (int, str):
        return value
    if isinstance(value, Enum):
        return {"enum": type(value).__name__, "value": value.value}
    if isinstance(value, tuple):
        return [_pack(x, arrays) for x in value]
    if isinstance(value, list):
        return {"list": [_pack(x, arrays) for x in value]}
    if isinstance(value, dict):
        return {"dict": [[_pack(k, arrays), _pack(v, arrays)] for k, v in value.items()]}
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value)
        arrays.append(data.tobytes())
        return {"array": data.dtype.str, "shape": list(data.shape)}
    if isinstance(value, np.generic):
        return value.item()
    name = type(value).__name__
    if TYPES.get(name) is not type(value):
        raise TypeError(f"a {name} cannot be sent")
    names = [f.name for f in dataclasses.fields(value)]
    return {"type": name, "fields": {n: _pack(getattr(value, n), arrays) for n in names}}


def decode(text: bytes, body: bytes) -> Any:
    """The value of a frame's two parts. Raises: WireError."""
    try:
        return _unpack(json.loads(text), memoryview(body), [0])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError(f"a frame that is not ours: {error}") from error


def _unpack(value: Any, body: memoryview, at: list[int]) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(x, body, at) for x in value)
    if not isinstance(value, dict):
        return value
    if "list" in value:
        return [_unpack(x, body, at) for x in value["list"]]
    if "dict" in value:
        return {_unpack(k, body, at): _unpack(v, body, at) for k, v in value["dict"]}
    if "path" in value:
        return Path(value["path"])
    if "enum" in value:
        return TYPES[value["enum"]](value["value"])
    if "array" in value:
        dtype, shape = np.dtype(value["array"]), tuple(value["shape"])
        n = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        at[0] += n
        return np.frombuffer(body[at[0] - n : at[0]], dtype).reshape(shape)
    fields = {k: _unpack(v, body, at) for k, v in value["fields"].items()}
    return TYPES[value["type"]](**fields)


def write(stream: BinaryIO, value: Any) -> None:
    """Send one frame."""
    stream.write(encode(value))
    stream.flush()


def read(stream: BinaryIO) -> Any:
    """Receive one frame.

    Raises:
        EOFError: the other side is gone.
        WireError: the frame is not ours.
    """
    n_text, n_body = HEAD.unpack(_exactly(stream, HEAD.size))
    if n_text + n_body > MAX_FRAME:
        raise WireError(f"a frame of {n_text + n_body} bytes")
    return decode(_exactly(stream, n_text), _exactly(stream, n_body))


def _exactly(stream: BinaryIO, n: int) -> bytes:
    parts, missing = [], n
    while missing:
        part = stream.read(missing)
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
