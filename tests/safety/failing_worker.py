"""The engine's process with one fault in it: at a point, at its n-th time, in one of several ways.

Run instead of `triagent.engine.worker` with three arguments: `point`, `way`, and a file that holds
how many times the point is still passed; the file is gone once the fault has happened, so that an
engine that is started again works.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

CUDA = """\
CUDA error: an illegal memory access was encountered
  current device: 0, in function ggml_backend_cuda_synchronize at ggml-cuda.cu:2965
ggml-cuda.cu:96: CUDA error
"""
ASSERTION = "ggml.c:1720: GGML_ASSERT(ctx->mem_buffer != NULL) failed\n"


def fall(way: str) -> None:
    """End as a native fault ends a process."""
    if way in ("cuda", "assert"):
        sys.stderr.write(CUDA if way == "cuda" else ASSERTION)
        sys.stderr.flush()
        os.abort()
    if way == "status":
        raise InterruptedError
    if way == "fault":
        ctypes.string_at(0)
    os.kill(os.getpid(), signal.SIGKILL)


def passing(way: str, left: Path):
    """Counts passes; falls at the one the file names."""

    def pass_by() -> None:
        if not left.exists():
            return
        n = int(left.read_text())
        left.write_text(str(n - 1))
        if n <= 1:
            left.unlink()
            fall(way)

    return pass_by


def wrap(owner, name: str, before=lambda *a: None, after=lambda *a: None) -> None:
    real = getattr(owner, name)

    def wrapped(*args, **kwargs):
        before(*args)
        result = real(*args, **kwargs)
        after(*args)
        return result

    setattr(owner, name, wrapped)


def arm(point: str, pass_by) -> None:
    from triagent.engine import snapshot, wire
    from triagent.engine.context import Context
    from triagent.engine.native import Cache
    from triagent.errors import EngineError

    match point:
        case "start":
            wrap(Context, "__init__", after=lambda *a: pass_by())
        case "prefill":
            wrap(Context, "decode", after=lambda me, ids, *a: len(ids) > 1 and pass_by())
        case "decode":
            wrap(Context, "decode", before=lambda me, ids, *a: len(ids) == 1 and pass_by())
        case "refused":  # the library reports a failure instead of dying
            real = Context.decode

            def refuse(self, ids, *rest):
                try:
                    pass_by()
                except InterruptedError as error:
                    raise EngineError("decoding failed with status -3") from error
                return real(self, ids, *rest)

            Context.decode = refuse
        case "round":
            wrap(Cache, "start_round", before=lambda *a: pass_by())
        case "round done":
            wrap(Cache, "start_round", after=lambda *a: pass_by())
        case "answer":  # half a frame, then nothing

            def half(stream, value):
                frame = wire.encode(value)
                stream.write(frame[: len(frame) // 2])
                stream.flush()
                pass_by()
                stream.write(frame[len(frame) // 2 :])
                stream.flush()

            wire.write = half
        case "snapshot write" | "snapshot sync" | "snapshot rename":
            names = {"snapshot sync": "fsync", "snapshot rename": "replace"}
            fake = SimpleNamespace(**vars(os))
            snapshot.os = fake
            if point in names:
                wrap(fake, names[point], before=lambda *a: pass_by())
            else:
                wrap(snapshot, "_check_sum", after=lambda *a: pass_by())
                snapshot.open = lambda *a, **k: _Torn(open(*a, **k), pass_by)  # noqa: SIM115
        case "snapshot load":
            wrap(Context, "set_state", before=lambda *a: pass_by())


class _Torn:
    """A file in which every write is cut in the middle by a pass."""

    def __init__(self, file, pass_by) -> None:
        self._file, self._pass_by = file, pass_by

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data) -> None:
        data = memoryview(data).cast("B")
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._pass_by()
        self._file.write(data[len(data) // 2 :])

    def __getattr__(self, name):
        return getattr(self._file, name)


def main() -> None:
    from triagent.engine import worker

    point, way, left = sys.argv[1:]
    arm(point, passing(way, Path(left)))
    worker.main()


if __name__ == "__main__":
    main()
