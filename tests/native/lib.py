"""What native tests share: a context on the patched library, and its cache read as numpy arrays.

Thinner than the engine, so that a test can do what the engine forbids. Keys and values are read
from a sequence's serialized state; positions and cells through the API under test.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triagent.engine.library import load
from triagent.engine.logs import LogRing
from triagent.engine.native import Cache

TYPES = {"f32": 0, "f16": 1, "bf16": 30, "q8_0": 8, "q4_0": 2}


class Model:
    """Weights, without a vocabulary. Freed by `close`, after its contexts."""

    def __init__(self, path: Path | str, n_gpu_layers: int = 0) -> None:
        self.path = Path(path)
        self.lib = load().bindings
        self.log = LogRing(self.lib)  # the one listener of this process, engines beside it
        self.lib.llama_backend_init()
        params = self.lib.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        params.use_extra_bufts = False
        self.handle = self.lib.llama_model_load_from_file(str(path).encode(), params)
        assert self.handle, self.log.errors()
        self.n_vocab = self.lib.llama_vocab_n_tokens(self.lib.llama_model_get_vocab(self.handle))

    def close(self) -> None:
        self.lib.llama_model_free(self.handle)


def context_params(
    lib: Any, n_ctx: int, n_batch: int, cache_type: str, flash: bool, n_threads: int = 1
) -> Any:
    params = lib.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = params.n_ubatch = n_batch
    params.n_seq_max = 1
    params.n_threads = params.n_threads_batch = n_threads
    params.flash_attn_type = int(flash)
    params.swa_full = False
    params.type_k = TYPES[cache_type]
    params.type_v = TYPES[cache_type]
    return params


class Session:
    """One context with `n_cells` cells (None: a plain one) and its eviction API in `cache`."""

    def __init__(
        self,
        model: Model,
        n_cells: int | Sequence[int] | None = 512,
        n_ctx: int = 4096,
        n_batch: int = 128,
        cache_type: str = "f32",
        flash: bool = True,
        n_threads: int = 1,
    ) -> None:
        self.model, self.lib = model, model.lib
        params = context_params(self.lib, n_ctx, n_batch, cache_type, flash, n_threads)
        if n_cells is None:
            self.handle = self.lib.llama_init_from_model(model.handle, params)
        else:
            from triagent.engine.native import make_context

            self.handle = make_context(model.handle, params, n_cells)
        assert self.handle, model.log.errors()
        self.cache = Cache(self.handle)
        self.n_batch = n_batch
        self.n_past = 0
        self.memory = self.lib.llama_get_memory(self.handle)

    def decode(self, tokens: Sequence[int], pos: int | None = None, every: bool = False) -> int:
        """Feed tokens at the next positions; returns llama_decode's status."""
        start = self.n_past if pos is None else pos
        batch = self.lib.llama_batch_init(len(tokens), 0, 1)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = int(token), start + i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            batch.logits[i] = every or i == len(tokens) - 1
        batch.n_tokens = len(tokens)
        status = self.lib.llama_decode(self.handle, batch)
        self.lib.llama_batch_free(batch)
        if status == 0:
            self.n_past = start + len(tokens)
        return status

    def feed(self, tokens: Iterable[int]) -> None:
        """Decode any number of tokens, a batch at a time."""
        tokens = list(tokens)
        for i in range(0, len(tokens), self.n_batch):
            assert self.decode(tokens[i : i + self.n_batch]) == 0

    def logits(self, i: int = -1) -> np.ndarray:
        data = self.lib.llama_get_logits_ith(self.handle, i)
        return np.ctypeslib.as_array(data, (self.model.n_vocab,)).copy()

    def remove_from(self, pos: int) -> bool:
        done = bool(self.lib.llama_memory_seq_rm(self.memory, 0, pos, -1))
        if done:
            self.n_past = pos
        return done

    def state(self) -> bytes:
        size = self.lib.llama_state_seq_get_size(self.handle, 0)
        buffer = (ctypes.c_uint8 * size)()
        assert self.lib.llama_state_seq_get_data(self.handle, buffer, size, 0) == size
        return bytes(buffer)

    def set_state(self, data: bytes) -> bool:
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        return bool(self.lib.llama_state_seq_set_data(self.handle, buffer, len(data), 0))

    def close(self) -> None:
        self.lib.llama_free(self.handle)


@dataclass
class CacheState:
    """A sequence's state of a plain or base attention cache, as arrays of bytes."""

    pos: np.ndarray
    """(n_used,) int32, cells ascending."""
    k: list[np.ndarray]
    """Per cache layer (n_used, bytes of a row) uint8."""
    v: list[np.ndarray]
    type_k: int
    type_v: int
    held: tuple[np.ndarray, ...] = ()
    """(n_used,) bool by group of layers, where layers differ in their number of cells: a layer of
    that group has rows of these cells only."""


def parse_state(
    data: bytes, has_ext: bool = False, layer_group: Sequence[int] = ()
) -> CacheState:
    """Read the first attention cache of a state; what follows it (window, recurrent) is ignored.

    layer_group: the group of each cache layer, where there are several.
    """
    at = 0

    def take(fmt: str):
        nonlocal at
        values = struct.unpack_from("<" + fmt, data, at)
        at += struct.calcsize("<" + fmt)
        return values[0] if len(values) == 1 else values

    def rows(n: int) -> np.ndarray:
        nonlocal at
        size = take("Q")
        array = np.frombuffer(data, np.uint8, n * size, at).reshape(n, size)
        at += n * size
        return array

    take("I"), take("i")  # magic, sequence
    assert take("I") == 1  # streams
    n = take("I")
    pos = np.zeros(n, np.int32)
    for i in range(n):
        pos[i], n_seq = take("iI")
        at += 12 * has_ext + 4 * n_seq
    held = []
    if layer_group:
        assert take("I") == GROUPS_MAGIC
        n_groups = take("I")
        take(f"{len(layer_group)}I")  # cells of each layer
        for _ in range(n_groups):
            held.append(np.frombuffer(data, np.uint8, n, at).astype(bool))
            at += n
    v_trans, n_layer = take("II")
    assert v_trans == 0
    types: list[int] = []
    parts: list[np.ndarray] = []
    for i in range(2 * n_layer):
        types.append(take("i"))
        parts.append(rows(int(held[layer_group[i % n_layer]].sum()) if held else n))
    return CacheState(pos, parts[:n_layer], parts[n_layer:], types[0], types[-1], tuple(held))


GROUPS_MAGIC = 0x67726F75


def pack_state(magic: bytes, state: CacheState) -> bytes:
    """The reverse of `parse_state`, for a plain attention cache.

    magic: the first 8 bytes of a real state.
    """
    out = [magic, struct.pack("<II", 1, len(state.pos))]
    out += [struct.pack("<iIi", int(p), 1, 0) for p in state.pos]
    out.append(struct.pack("<II", 0, len(state.k)))
    for kind, parts in ((state.type_k, state.k), (state.type_v, state.v)):
        for part in parts:
            out.append(struct.pack("<iQ", kind, part.shape[1]) + part.tobytes())
    return b"".join(out)


def dequantize(raw: np.ndarray, kind: int) -> np.ndarray:
    """Rows of bytes -> rows of float32, for the cache types above."""
    raw = np.ascontiguousarray(raw)
    if kind == TYPES["f32"]:
        return raw.view(np.float32)
    if kind == TYPES["f16"]:
        return raw.view(np.float16).astype(np.float32)
    if kind == TYPES["bf16"]:
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    size = 34 if kind == TYPES["q8_0"] else 18
    blocks = raw.reshape(len(raw), -1, size)
    scale = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)
    if kind == TYPES["q8_0"]:
        values = np.ascontiguousarray(blocks[..., 2:]).view(np.int8).astype(np.float32)
    else:
        nibbles = blocks[..., 2:]
        values = np.concatenate([nibbles & 15, nibbles >> 4], -1).astype(np.float32) - 8
    return (scale * values).reshape(len(raw), -1)


def hadamard(n: int) -> np.ndarray:
    """The orthonormal matrix that quantised keys are multiplied by, its own inverse."""
    h = np.ones((1, 1))
    while len(h) < n:
        h = np.block([[h, h], [h, -h]])
    return h / np.sqrt(n)


def keys_of(session: Session, has_ext: bool = False) -> list[np.ndarray]:
    """Cached keys after RoPE, float64: per layer (n_used, n_head_kv, head_dim), cells ascending."""
    state = parse_state(session.state(), has_ext)
    rotated = bool(session.cache.info().k_rotated)
    keys = []
    for raw, layer in zip(state.k, session.cache.layers, strict=True):
        k = dequantize(raw, state.type_k).astype(np.float64)
        if rotated:
            n = 64
            while layer.head_dim % (2 * n) == 0:
                n *= 2
            k = (k.reshape(-1, n) @ hadamard(n)).reshape(len(raw), -1)
        keys.append(k.reshape(len(raw), layer.n_head_kv, layer.head_dim))
    return keys
