"""Copies chosen tensors out of a running graph: queries before RoPE, keys after it, attention.

Owns the scheduler callback and its reading of `ggml_tensor`; knows nothing of what is done
with the arrays. Names alone do not tell a query before RoPE from one after it, and RoPE may
run in place, so a node's input is read while the scheduler *asks* about the node, after its
predecessor was computed and before it runs (`ggml_backend_sched_compute_splits`). The first
graph is single-stepped to learn which nodes matter; later graphs of the same shape stop only
there.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from triagent.engine import library
from triagent.errors import NativeError

# GGML_MAX_DIMS, GGML_MAX_SRC, GGML_MAX_OP_PARAMS / 4, GGML_MAX_NAME of ggml.h at the pin
N_DIMS, N_SRC, N_OP_PARAMS, N_NAME = 4, 10, 16, 64


class GgmlTensor(ctypes.Structure):
    """`struct ggml_tensor` of ggml.h at the pin; owned by the graph, read only during a call."""


GgmlTensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * N_DIMS),
    ("nb", ctypes.c_size_t * N_DIMS),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * N_OP_PARAMS),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(GgmlTensor) * N_SRC),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * N_NAME),
    ("extra", ctypes.c_void_p),
    ("padding", ctypes.c_char * 8),
]


class Kind(Enum):
    """What a captured array is."""

    QUERY = "query"
    """Queries as they enter RoPE, (n_tokens, n_head, head_dim)."""
    KEY = "key"
    """Keys as they leave RoPE, (n_tokens, n_head_kv, head_dim)."""
    ATTENTION = "attention"
    """Attention probabilities, (n_head, n_tokens, n_kv); needs flash attention off."""


@dataclass(frozen=True)
class RopeParams:
    """The fields of a RoPE node that describe its geometry."""

    n_rot: int
    """Rotated dimensions of a head."""
    half: bool
    """Pairs are (f, f + n_rot/2); otherwise adjacent (2f, 2f + 1)."""
    freq_base: float


@dataclass(frozen=True)
class Captured:
    kind: Kind
    layer: int
    array: np.ndarray
    """float32, shape by kind."""
    rope: RopeParams | None


@dataclass(frozen=True)
class _Stop:
    kind: Kind
    layer: int
    name: str


class Capture:
    """The callback of one context.

    Keep the object for as long as the context lives: C holds its thunk. Call `begin` before
    each decode and `check` after it.
    """

    def __init__(
        self,
        kinds: set[Kind],
        n_head: dict[int, int] | int,
        sink: Callable[[Captured], None],
    ) -> None:
        """Capture `kinds` into `sink`.

        Args:
            kinds: what to copy.
            n_head: query heads (of a layer), to tell queries from keys when a name does not.
            sink: called in graph order with arrays of its own.
        """
        self._kinds = kinds
        self._n_head = n_head
        self._sink = sink
        self._api = _Api()
        self._learnt: dict[int, _Stop] | None = None
        self._learning: dict[int, _Stop] = {}
        self._index = -1
        self._error: BaseException | None = None
        callback_type = library.load().bindings.ggml_backend_sched_eval_callback
        self.callback = callback_type(self._on_node)

    def begin(self) -> None:
        """Forget the position in the graph; the next decode starts a new one."""
        self._index = -1
        self._learning = {}

    def check(self) -> None:
        """Raise what the callback met, and keep what it learnt.

        Raises: NativeError when the graph has no node to capture.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._learnt is None:
            if not self._learning:
                raise NativeError("capture: the graph has no RoPE node; this model has no centers")
            self._learnt = self._learning

    # -- callback side: runs inside llama_decode, must not raise

    def _on_node(self, pointer: int, ask: bool, _user: int) -> bool:
        try:
            tensor = ctypes.cast(pointer, ctypes.POINTER(GgmlTensor)).contents
            return self._asked(tensor) if ask else self._computed(tensor)
        except BaseException as error:
            self._error = self._error or error
            return False

    def _asked(self, tensor: GgmlTensor) -> bool:
        self._index += 1
        if self._learnt is None:
            stop = self._classify(tensor)
            if stop is not None:
                self._learning[self._index] = stop
                if stop.kind is Kind.QUERY:
                    self._emit_query(stop, tensor)
            return True
        stop = self._learnt.get(self._index)
        if stop is not None and tensor.name.decode() != stop.name:
            raise NativeError(
                f"capture: the graph changed ({stop.name} expected, {tensor.name.decode()} met)"
            )
        if stop is not None and stop.kind is Kind.QUERY:
            self._emit_query(stop, tensor)
        after = self._learnt.get(self._index + 1)
        return (stop is not None and stop.kind is not Kind.QUERY) or (
            after is not None and after.kind is Kind.QUERY
        )

    def _computed(self, tensor: GgmlTensor) -> bool:
        stops = self._learning if self._learnt is None else self._learnt
        stop = stops.get(self._index)
        if stop is None or stop.kind is Kind.QUERY:
            return True
        array = self._api.read(tensor)  # (ne3, ne2, ne1, ne0)
        if stop.kind is Kind.KEY:
            self._sink(Captured(stop.kind, stop.layer, array[0], _rope_params(tensor)))
        else:
            self._sink(Captured(stop.kind, stop.layer, array[0], None))
        return True

    def _emit_query(self, stop: _Stop, tensor: GgmlTensor) -> None:
        array = self._api.read(tensor.src[0].contents)[0]  # (n_tokens, n_head, head_dim)
        self._sink(Captured(stop.kind, stop.layer, array, _rope_params(tensor)))

    def _classify(self, tensor: GgmlTensor) -> _Stop | None:
        op = self._api.op_name(tensor.op)
        name = tensor.name.decode(errors="replace")
        if op == "ROPE" and not _is_side_path(name):
            layer = _layer_of(name)
            if layer is None:
                return None
            kind = Kind.QUERY if self._is_query(name, layer, tensor) else Kind.KEY
        elif op == "SOFT_MAX" and name.startswith("kq"):
            layer, kind = _layer_of(name), Kind.ATTENTION
        else:
            return None
        return _Stop(kind, layer, name) if kind in self._kinds and layer is not None else None

    def _is_query(self, name: str, layer: int, tensor: GgmlTensor) -> bool:
        if name[:1] in "Qq":
            return True
        if name[:1] in "Kk":
            return False
        n_head = self._n_head if isinstance(self._n_head, int) else self._n_head.get(layer, 0)
        return tensor.ne[1] == n_head


def _is_side_path(name: str) -> bool:
    return any(word in name for word in ("indexer", "mtp", "nextn"))


def _layer_of(name: str) -> int | None:
    found = re.search(r"-(\d+)", name)
    return int(found.group(1)) if found else None


def _rope_params(tensor: GgmlTensor) -> RopeParams:
    # ggml_rope_impl: int32 params {n_past, n_dims, mode, n_ctx, n_ctx_orig}, then freq_base
    params = tensor.op_params
    freq_base = np.frombuffer(bytes(params), np.float32)[5]
    # GGML_ROPE_TYPE_NEOX = 2, MROPE = 8, IMROPE = 40: all pair a dimension with its half
    return RopeParams(n_rot=params[1], half=params[2] != 0, freq_base=float(freq_base))


def _ggml_base() -> ctypes.CDLL:
    """libggml-base, already in the process: libllama depends on it."""
    folder = library.load().folder
    names = {"win32": "ggml-base.dll", "darwin": "libggml-base.dylib"}
    return ctypes.CDLL(str(folder / names.get(sys.platform, "libggml-base.so")))


class _Api:
    """The few functions of libggml-base that reading a tensor takes."""

    def __init__(self) -> None:
        lib = _ggml_base()
        # const char * ggml_op_name(enum ggml_op op);
        self._op_name = lib.ggml_op_name
        self._op_name.argtypes, self._op_name.restype = [ctypes.c_int], ctypes.c_char_p
        # const char * ggml_type_name(enum ggml_type type);
        self._type_name = lib.ggml_type_name
        self._type_name.argtypes, self._type_name.restype = [ctypes.c_int], ctypes.c_char_p
        # size_t ggml_nbytes(const struct ggml_tensor * tensor);
        self._nbytes = lib.ggml_nbytes
        self._nbytes.argtypes = [ctypes.POINTER(GgmlTensor)]
        self._nbytes.restype = ctypes.c_size_t
        # void ggml_backend_tensor_get(const struct ggml_tensor *, void *, size_t, size_t);
        self._get = lib.ggml_backend_tensor_get
        self._get.argtypes = [
            ctypes.POINTER(GgmlTensor),
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_size_t,
        ]
        self._get.restype = None
        self._ops: dict[int, str] = {}

    def op_name(self, op: int) -> str:
        if op not in self._ops:
            self._ops[op] = self._op_name(op).decode()
        return self._ops[op]

    def read(self, tensor: GgmlTensor) -> np.ndarray:
        """Copy a tensor, views included, as float32 (ne3, ne2, ne1, ne0)."""
        kind = self._type_name(tensor.type).decode()
        dtypes = {"f32": np.float32, "f16": np.float16}
        if kind not in dtypes:
            raise NativeError(f"capture: tensor {tensor.name.decode()} is {kind}, not f32 or f16")
        size = self._nbytes(ctypes.byref(tensor))
        raw = np.empty(size, np.uint8)
        self._get(ctypes.byref(tensor), raw.ctypes.data, 0, size)
        view = np.lib.stride_tricks.as_strided(
            raw[: raw.size // 4 * 4].view(dtypes[kind]) if kind == "f32" else raw.view(np.float16),
            shape=tuple(tensor.ne[i] for i in reversed(range(N_DIMS))),
            strides=tuple(tensor.nb[i] for i in reversed(range(N_DIMS))),
        )
        return np.ascontiguousarray(view, dtype=np.float32)
