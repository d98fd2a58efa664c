"""What the library can compute on, how much of it is free, and how many layers fit there."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

from triagent.engine.library import load

CPU, GPU, INTEGRATED = 0, 1, 2  # enum ggml_backend_dev_type
RESERVE = 1 << 30  # bytes of a GPU left to compute buffers and to other programs


@dataclass(frozen=True)
class Device:
    name: str
    description: str
    is_gpu: bool
    free_bytes: int
    total_bytes: int


@cache
def _ggml() -> tuple[Any, Any]:
    folder = load().folder
    suffix = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
    prefix = "" if sys.platform == "win32" else "lib"
    registry = ctypes.CDLL(str(folder / f"{prefix}ggml{suffix}"))
    base = ctypes.CDLL(str(folder / f"{prefix}ggml-base{suffix}"))
    # size_t ggml_backend_dev_count(void);
    registry.ggml_backend_dev_count.restype = c_size_t
    # ggml_backend_dev_t ggml_backend_dev_get(size_t index);   owned by the registry
    registry.ggml_backend_dev_get.restype = c_void_p
    registry.ggml_backend_dev_get.argtypes = [c_size_t]
    # const char * ggml_backend_dev_name(ggml_backend_dev_t device);
    base.ggml_backend_dev_name.restype = c_char_p
    base.ggml_backend_dev_name.argtypes = [c_void_p]
    # const char * ggml_backend_dev_description(ggml_backend_dev_t device);
    base.ggml_backend_dev_description.restype = c_char_p
    base.ggml_backend_dev_description.argtypes = [c_void_p]
    # enum ggml_backend_dev_type ggml_backend_dev_type(ggml_backend_dev_t device);
    base.ggml_backend_dev_type.restype = c_int
    base.ggml_backend_dev_type.argtypes = [c_void_p]
    # void ggml_backend_dev_memory(ggml_backend_dev_t device, size_t * free, size_t * total);
    base.ggml_backend_dev_memory.restype = None
    base.ggml_backend_dev_memory.argtypes = [c_void_p, c_void_p, c_void_p]
    return registry, base


def devices() -> list[Device]:
    """All devices of the library, in its order. `llama_backend_init` must have run."""
    registry, base = _ggml()
    found = []
    for i in range(registry.ggml_backend_dev_count()):
        handle = registry.ggml_backend_dev_get(i)
        free, total = c_size_t(), c_size_t()
        base.ggml_backend_dev_memory(handle, byref(free), byref(total))
        kind = base.ggml_backend_dev_type(handle)
        found.append(
            Device(
                name=base.ggml_backend_dev_name(handle).decode(),
                description=(base.ggml_backend_dev_description(handle) or b"").decode().strip(),
                is_gpu=kind in (GPU, INTEGRATED),
                free_bytes=free.value,
                total_bytes=total.value,
            )
        )
    return found


def gpu_layers(wanted: int, n_layer: int, weight_bytes: int, found: list[Device]) -> int:
    """How many layers to put on GPUs: `wanted`, or with -1 as many as fit beside a reserve.

    Layers are taken to be of one size; the output layer counts as one more.
    """
    gpus = [d for d in found if d.is_gpu]
    if wanted >= 0 or not gpus:
        return max(wanted, 0)
    room = sum(max(0, d.free_bytes - RESERVE) for d in gpus)
    return min(n_layer + 1, int(room / max(1, weight_bytes) * (n_layer + 1)))


def free_bytes(found: list[Device], on_gpu: bool) -> int:
    """Free memory where the cache will lie."""
    gpus = [d for d in found if d.is_gpu]
    if on_gpu and gpus:
        return sum(d.free_bytes for d in gpus)
    try:
        import psutil  # not needed where the budget is given
    except ImportError:
        return max((d.free_bytes for d in found if not d.is_gpu), default=0)
    return int(psutil.virtual_memory().available)


def cpu_threads(wanted: int) -> int:
    """Threads for the CPU: `wanted`, or with 0 physical cores less one.

    llama.cpp's threads spin while they wait for each other; one core left to the terminal and the
    system is worth more than the last thread.
    """
    if wanted > 0:
        return wanted
    try:
        import psutil

        cores = psutil.cpu_count(logical=False)
    except ImportError:
        cores = None
    return max(1, (cores or os.cpu_count() or 2) - 1)
