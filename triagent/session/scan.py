"""Reading a log from its end, and setting pieces of it aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from triagent.session.record import Record, decode

_MARK = b'"type":"checkpoint"'
_BLOCK = 1 << 20


def checkpoints(path: Path, n_bytes: int, max_bytes: int = 1 << 62) -> Iterator[Record]:
    """Checkpoints from byte `n_bytes` back towards the beginning, block by block."""
    with path.open("rb") as file:
        stop, rest = n_bytes, b""
        while stop > max(0, n_bytes - max_bytes):
            start = max(0, stop - _BLOCK)
            file.seek(start)
            data = file.read(stop - start) + rest
            cut = data.find(b"\n") + 1 if start else 0  # the first line may begin before
            if start and not cut:
                rest, stop = data, start
                continue
            end = len(data)
            while (at := data.rfind(_MARK, cut, end)) >= 0:
                begin = data.rfind(b"\n", 0, at) + 1
                finish = data.find(b"\n", at) + 1
                record = decode(data[begin:finish], start + begin) if finish else None
                if record is not None and record.type == "checkpoint":
                    yield record
                end = begin
            rest, stop = data[:cut], start


def checkpoint_before(path: Path, n_bytes: int) -> int:
    """Byte of the last checkpoint before `n_bytes`; 0 when there is none."""
    last = next(checkpoints(path, n_bytes), None)
    return last.offset if last else 0
