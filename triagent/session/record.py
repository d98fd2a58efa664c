"""One line of a ledger: a JSON object whose last member is the checksum of the rest.

Knows nothing of files.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

TYPES = ("meta", "tokens", "evict", "event", "checkpoint", "title", "end")
_TAIL = len(b',"crc":"00000000"}\n')


@dataclass(frozen=True)
class Record:
    """One fact of a session, in the order it became true."""

    seq: int
    """0, 1, 2, ... without a gap."""
    type: str
    data: dict[str, Any]
    offset: int = 0
    """Byte where its line begins."""
    stop: int = 0
    """Byte after its line."""


def encode(seq: int, type: str, data: dict[str, Any]) -> bytes:
    """The line of a record, newline included."""
    fields = {"seq": seq, "type": type, **data}
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    raw = body.encode("utf-8", errors="replace")[:-1]
    return raw + b',"crc":"%08x"}\n' % zlib.crc32(raw)


def decode(line: bytes, offset: int = 0) -> Record | None:
    """The record of a line, or None when the line is torn or damaged."""
    raw, tail = line[:-_TAIL], line[-_TAIL:]
    if tail != b',"crc":"%08x"}\n' % zlib.crc32(raw):
        return None
    try:
        fields = json.loads(raw + b"}")
        seq, type = fields.pop("seq"), fields.pop("type")
    except (ValueError, KeyError):
        return None
    return Record(seq, type, fields, offset, offset + len(line))
