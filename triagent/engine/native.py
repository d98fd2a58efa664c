"""The ctypes mirror of `include/llama-kv-evict.h`, the header that triagent's patch adds.

Every binding has its C declaration above it. `Cache` is the same API with numpy arrays in and
out and `NativeError` for every refusal; memory that C hands out lives until the next call on the
same context, so results are copied here. Knows nothing of policies.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np

from triagent.engine.library import load
from triagent.errors import NativeError, UnsupportedError
from triagent.kv.coefficients import Coefficients, Geometry
from triagent.kv.score import Mode, Pairing
from triagent.kv.spans import Spans

MAX_READERS = 64  # LLAMA_KV_EVICT_MAX_READERS


class Status(IntEnum):
    """enum llama_kv_evict_status"""

    OK = 0
    INVALID = -1
    UNSUPPORTED = -2
    MULTI_SEQ = -3
    BUSY = -4
    FAILED = -5
    OP_UNSUPPORTED = -6


class Kind(IntEnum):
    """enum llama_kv_evict_kind"""

    NONE = 0
    COEF = 1
    KNORM = 2
    KEYDIFF = 3


class Select(IntEnum):
    """enum llama_kv_evict_select"""

    AUTO = 0
    DEVICE = 1
    HOST = 2


class Reason(IntEnum):
    """enum llama_kv_evict_reason"""

    TRIGGER = 0
    NO_SLOT = 1


# enum llama_kv_evict_mode
MODES = {Mode.LAYER_HEAD: 0, Mode.HEAD: 1, Mode.SHARED: 2, Mode.SHARED_MEAN: 3}
VECTOR_MODE = 4


class InfoStruct(ctypes.Structure):
    """struct llama_kv_evict_info"""

    _fields_ = (
        ("abi_version", c_uint32),
        ("n_cells", c_uint32),
        ("n_used", c_uint32),
        ("n_high", c_uint32),
        ("n_layer", c_uint32),
        ("n_rows", c_uint32),
        ("n_ctx", c_uint32),
        ("pos_min", c_int32),
        ("pos_max", c_int32),
        ("type_k", c_int32),
        ("type_v", c_int32),
        ("v_trans", c_uint32),
        ("k_rotated", c_uint32),
        ("can_score", c_uint32),
        ("can_move", c_uint32),
        ("n_backends", c_uint32),
        ("bytes_k", c_uint64),
        ("bytes_v", c_uint64),
        ("bytes_other", c_uint64),
        ("bytes_extra", c_uint64),
        ("memory", c_char * 32),
    )


class LayerStruct(ctypes.Structure):
    """struct llama_kv_evict_layer"""

    _fields_ = (
        ("il", c_int32),
        ("row0", c_uint32),
        ("n_head", c_uint32),
        ("n_head_kv", c_uint32),
        ("n_embd_head_k", c_uint32),
        ("n_embd_head_v", c_uint32),
        ("n_rot", c_uint32),
        ("rope_offset", c_uint32),
        ("pairing", c_uint32),
        ("has_rope", c_uint32),
        ("rope_magnitude", c_float),
        ("freq_base", c_float),
        ("freq_scale", c_float),
        ("n_readers", c_uint32),
        ("readers", c_int32 * MAX_READERS),
        ("backend", c_char * 32),
    )

    def geometry(self) -> Geometry:
        """The same in kv's words."""
        readers = tuple(self.readers[: min(self.n_readers, MAX_READERS)])
        return Geometry(
            il=self.il,
            n_head=self.n_head,
            n_head_kv=self.n_head_kv,
            head_dim=self.n_embd_head_k,
            n_rot=self.n_rot,
            pairing=Pairing(self.pairing),
            readers=readers,
        )


class CoefStruct(ctypes.Structure):
    """struct llama_kv_evict_coef; the arrays belong to the caller and are copied by the call"""

    _fields_ = (
        ("n_vec", c_uint32),
        ("vecs", POINTER(c_float)),
        ("weights", POINTER(c_float)),
    )


class RequestStruct(ctypes.Structure):
    """struct llama_kv_evict_request; the arrays belong to the caller"""

    _fields_ = (
        ("n_evict", c_uint32),
        ("mode", c_int32),
        ("select", c_int32),
        ("now", c_int32),
        ("cells", POINTER(c_int32)),
        ("n_cells", c_uint32),
        ("protect", POINTER(c_int32)),
        ("n_protect", c_uint32),
        ("scores", POINTER(c_float)),
        ("n_scores", c_uint32),
        ("dry_run", c_uint32),
    )


class ResultStruct(ctypes.Structure):
    """struct llama_kv_evict_result; the arrays belong to the context until its next call"""

    _fields_ = (
        ("n_candidates", c_uint32),
        ("n_evict", c_uint32),
        ("n_sets", c_uint32),
        ("n_rows", c_uint32),
        ("n_move", c_uint32),
        ("n_moved", c_uint32),
        ("candidates", POINTER(c_int32)),
        ("freed", POINTER(c_int32)),
        ("evicted", POINTER(c_int32)),
        ("scores", POINTER(c_float)),
        ("positions", POINTER(c_int32)),
        ("src", POINTER(c_int32)),
        ("dst", POINTER(c_int32)),
        ("selected_on", c_uint32),
        ("n_nodes", c_uint32),
        ("t_score_us", c_int64),
        ("t_select_us", c_int64),
        ("t_plan_us", c_int64),
        ("t_move_us", c_int64),
        ("t_meta_us", c_int64),
        ("t_total_us", c_int64),
    )


class PlanStruct(ctypes.Structure):
    """struct llama_kv_evict_plan; the arrays belong to the caller"""

    _fields_ = (
        ("n_free", c_uint32),
        ("n_move", c_uint32),
        ("free_cells", POINTER(c_int32)),
        ("src", POINTER(c_int32)),
        ("dst", POINTER(c_int32)),
    )


# typedef int32_t (*llama_kv_evict_callback)(struct llama_context * ctx, int32_t reason,
#         uint32_t n_used, uint32_t n_cells, uint32_t n_new, void * user_data);
Callback = ctypes.CFUNCTYPE(
    c_int32, ctypes.c_void_p, c_int32, c_uint32, c_uint32, c_uint32, ctypes.c_void_p
)


@dataclass(frozen=True)
class Request:
    """What one round is asked to do."""

    n_evict: int
    mode: Mode
    now: int
    protect: Spans = field(default_factory=Spans)
    cells: np.ndarray | None = None
    """(n_candidates,) int32 instead of `protect`."""
    scores: np.ndarray | None = None
    """(n_sets, n_candidates) float32 made outside."""
    select: Select = Select.AUTO


@dataclass(frozen=True)
class Round:
    """What one round did; copies."""

    n_candidates: int
    n_evict: int
    freed: np.ndarray
    """(n_evict,) int32 cells."""
    evicted: np.ndarray
    """(n_sets, n_evict) int32 cells before the moves."""
    scores: np.ndarray
    """(n_sets, n_evict) float32, lowest first."""
    positions: np.ndarray
    """(n_rows, n_evict) int32: true positions that each row lost."""
    src: np.ndarray
    dst: np.ndarray
    """(n_rows, n_move) int32, -1 where a row moves less."""
    selected_on: Select
    n_moved: int
    times_us: dict[str, int]
    """Wall time by phase: score, select, plan, move, meta, total."""


@cache
def functions() -> Any:
    """Declare the patch's functions on the loaded library and return it.

    Raises:
        NativeError: the library is missing, stock, or of another ABI.
    """
    bindings, lib = load().bindings, load().lib
    ctx, model = ctypes.c_void_p, ctypes.c_void_p
    int_p, float_p = POINTER(c_int32), POINTER(c_float)
    params = bindings.llama_context_params
    declared: dict[str, tuple[Any, list[Any]]] = {
        # int32_t llama_kv_evict_supported(const struct llama_model *, struct llama_context_params,
        #         uint32_t n_cells, char * reason, size_t n_reason);
        "supported": (c_int32, [model, params, c_uint32, ctypes.c_char_p, c_size_t]),
        # struct llama_context * llama_kv_evict_init_from_model(struct llama_model *,
        #         struct llama_context_params, uint32_t n_cells);   freed by llama_free
        "init_from_model": (ctypes.c_void_p, [model, params, c_uint32]),
        # const char * llama_kv_evict_last_error(const struct llama_context *);  never freed
        "last_error": (ctypes.c_char_p, [ctx]),
        # int32_t llama_kv_evict_get_info(struct llama_context *, struct llama_kv_evict_info *);
        "get_info": (c_int32, [ctx, POINTER(InfoStruct)]),
        # int32_t llama_kv_evict_get_layer(struct llama_context *, uint32_t i,
        #         struct llama_kv_evict_layer *);
        "get_layer": (c_int32, [ctx, c_uint32, POINTER(LayerStruct)]),
        # int32_t llama_kv_evict_cells(struct llama_context *, llama_pos * pos, uint32_t n_max);
        "cells": (c_int32, [ctx, int_p, c_uint32]),
        # int32_t llama_kv_evict_set_callback(struct llama_context *, llama_kv_evict_callback,
        #         void * user_data, uint32_t n_trigger);   the caller keeps the thunk alive
        "set_callback": (c_int32, [ctx, Callback, ctypes.c_void_p, c_uint32]),
        # int32_t llama_kv_evict_rope(struct llama_context *, uint32_t i, uint32_t n,
        #         const llama_pos *, float * vecs);
        "rope": (c_int32, [ctx, c_uint32, c_uint32, int_p, float_p]),
        # int32_t llama_kv_evict_set_score(struct llama_context *, int32_t kind, int32_t aggregate,
        #         float scale, const struct llama_kv_evict_coef * layers, uint32_t n_layers);
        "set_score": (c_int32, [ctx, c_int32, c_int32, c_float, POINTER(CoefStruct), c_uint32]),
        # int32_t llama_kv_evict_score(struct llama_context *,
        #         const struct llama_kv_evict_request *,
        #         float * out, size_t n_out, int32_t * cells_out);
        "score": (c_int32, [ctx, POINTER(RequestStruct), float_p, c_size_t, int_p]),
        # int32_t llama_kv_evict_shape(struct llama_context *,
        #         const struct llama_kv_evict_request *,
        #         uint32_t * n_candidates, uint32_t * n_sets);
        "shape": (
            c_int32,
            [ctx, POINTER(RequestStruct), POINTER(c_uint32), POINTER(c_uint32)],
        ),
        # int32_t llama_kv_evict_round(struct llama_context *,
        #         const struct llama_kv_evict_request *,
        #         struct llama_kv_evict_result *);
        "round": (c_int32, [ctx, POINTER(RequestStruct), POINTER(ResultStruct)]),
        # int32_t llama_kv_evict_apply(struct llama_context *, const struct llama_kv_evict_plan *);
        "apply": (c_int32, [ctx, POINTER(PlanStruct)]),
        # int32_t llama_kv_evict_check(struct llama_context *, const struct llama_kv_evict_plan *);
        "check": (c_int32, [ctx, POINTER(PlanStruct)]),
        # int32_t llama_kv_evict_positions(struct llama_context *, uint32_t i, llama_pos * pos);
        "positions": (c_int32, [ctx, c_uint32, int_p]),
        # int32_t llama_kv_evict_set_positions(struct llama_context *, uint32_t i,
        #         const llama_pos * pos);
        "set_positions": (c_int32, [ctx, c_uint32, int_p]),
        # int32_t llama_kv_evict_sync(struct llama_context *, uint32_t forget);
        "sync": (c_int32, [ctx, c_uint32]),
        # int32_t llama_kv_evict_self_test(struct llama_context *);
        "self_test": (c_int32, [ctx]),
    }
    missing = [n for n in declared if not hasattr(lib, f"llama_kv_evict_{n}")]
    if missing:
        raise NativeError(f"the patched library lacks llama_kv_evict_{', _'.join(missing)}")
    for name, (result, arguments) in declared.items():
        function = getattr(lib, f"llama_kv_evict_{name}")
        function.restype, function.argtypes = result, arguments
    return lib


def _ints(array: np.ndarray | None) -> Any:
    return None if array is None else array.ctypes.data_as(POINTER(c_int32))


def _floats(array: np.ndarray | None) -> Any:
    return None if array is None else array.ctypes.data_as(POINTER(c_float))


def _copy(pointer: Any, *shape: int) -> np.ndarray:
    dtype = np.int32 if pointer._type_ is c_int32 else np.float32
    if 0 in shape or not pointer:
        return np.zeros(shape, dtype)
    return np.ctypeslib.as_array(pointer, shape).copy()


def supported(model: Any, params: Any, n_cells: int) -> str | None:
    """Why a context of this kind could not be evicted from, or None."""
    reason = ctypes.create_string_buffer(512)
    status = functions().llama_kv_evict_supported(model, params, n_cells, reason, len(reason))
    return None if status == Status.OK else reason.value.decode("utf-8", "replace")


def make_context(model: Any, params: Any, n_cells: int) -> int:
    """Make a context whose attention cache has `n_cells` cells; freed by llama_free.

    Raises:
        UnsupportedError: the model's memory, or the allocation, was refused; with the reason.
    """
    context = functions().llama_kv_evict_init_from_model(model, params, n_cells)
    if not context:
        why = functions().llama_kv_evict_last_error(None) or b"no context could be made"
        raise UnsupportedError(why.decode("utf-8", "replace"))
    return context


class Cache:
    """The eviction API of one context, which the caller owns and frees."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.lib = functions()
        self._thunk: Any = None  # C holds it until the callback is set to NULL
        n_layer = self.info().n_layer
        structs = [self._layer(i) for i in range(n_layer)]
        self.layers: list[Geometry] = [s.geometry() for s in structs]
        self.backends = {s.backend.decode("utf-8", "replace") for s in structs}
        self.has_rope: list[bool] = [bool(s.has_rope) for s in structs]
        self.rope_magnitude: list[float] = [s.rope_magnitude for s in structs]
        self.n_rows = sum(layer.n_head_kv for layer in self.layers)

    def _check(self, status: int, what: str) -> None:
        if status >= 0:
            return
        why = self.lib.llama_kv_evict_last_error(self.context) or b""
        text = f"{what}: {why.decode('utf-8', 'replace') or Status(status).name.lower()}"
        kind = UnsupportedError if status == Status.UNSUPPORTED else NativeError
        raise kind(text)

    def info(self) -> InfoStruct:
        info = InfoStruct()
        self._check(self.lib.llama_kv_evict_get_info(self.context, byref(info)), "cache info")
        return info

    def _layer(self, i: int) -> LayerStruct:
        layer = LayerStruct()
        status = self.lib.llama_kv_evict_get_layer(self.context, i, byref(layer))
        self._check(status, f"cache layer {i}")
        return layer

    def cells(self) -> np.ndarray:
        """Nominal position of each cell up to the highest used one, (n_high,) int32; -1 empty."""
        pos = np.full(self.info().n_cells, -1, np.int32)
        n = self.lib.llama_kv_evict_cells(self.context, _ints(pos), len(pos))
        self._check(n, "cells")
        return pos[:n]

    def positions(self) -> np.ndarray:
        """True positions, (n_rows, n_cells) int32; -1 in empty cells."""
        n_cells = self.info().n_cells
        parts = [np.empty((layer.n_head_kv, n_cells), np.int32) for layer in self.layers]
        for i, part in enumerate(parts):
            status = self.lib.llama_kv_evict_positions(self.context, i, _ints(part))
            self._check(status, "true positions")
        return np.concatenate(parts) if parts else np.zeros((0, n_cells), np.int32)

    def set_positions(self, positions: np.ndarray) -> None:
        """Restore true positions after a state was loaded, (n_rows, n_cells) int32."""
        row = 0
        for i, layer in enumerate(self.layers):
            part = np.ascontiguousarray(positions[row : row + layer.n_head_kv], np.int32)
            status = self.lib.llama_kv_evict_set_positions(self.context, i, _ints(part))
            self._check(status, "restoring true positions")
            row += layer.n_head_kv

    def sync(self, forget: bool = False) -> None:
        """Tell the library that cells were freed or filled behind its back."""
        self._check(self.lib.llama_kv_evict_sync(self.context, int(forget)), "cache sync")

    def set_callback(self, thunk: Any | None, n_trigger: int = 0) -> None:
        """Install a `Callback`, asked when a batch would fill more than `n_trigger`; None: none."""
        callback = thunk if thunk is not None else Callback()
        status = self.lib.llama_kv_evict_set_callback(self.context, callback, None, n_trigger)
        self._check(status, "eviction callback")
        self._thunk = thunk

    def rope(self, i: int, pos: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Rotate vectors (n, head_dim) to positions (n,) by the RoPE of cache layer `i`."""
        out = np.array(vectors, np.float32, order="C")
        pos = np.ascontiguousarray(pos, np.int32)
        status = self.lib.llama_kv_evict_rope(self.context, i, len(pos), _ints(pos), _floats(out))
        self._check(status, f"RoPE of cache layer {i}")
        return out

    def set_score(
        self,
        kind: Kind,
        normalize: bool = False,
        scale: float = 1.0,
        coefficients: Sequence[Coefficients] | None = None,
    ) -> None:
        """Set what later rounds score by. The arrays are copied to the backends.

        Raises:
            UnsupportedError: this memory cannot be scored; with the reason.
        """
        structs = None
        if coefficients is not None:
            structs = (CoefStruct * len(coefficients))()
            kept = []  # the arrays must outlive the call
            for struct, layer in zip(structs, coefficients, strict=True):
                vectors = np.ascontiguousarray(layer.vectors, np.float32)
                weights = np.ascontiguousarray(layer.weights, np.float32)
                kept.append((vectors, weights))
                struct.n_vec = vectors.shape[1]
                struct.vecs, struct.weights = _floats(vectors), _floats(weights)
        n_layers = len(coefficients) if coefficients is not None else 0
        status = self.lib.llama_kv_evict_set_score(
            self.context, int(kind), int(normalize), scale, structs, n_layers
        )
        self._check(status, "setting the score")

    def _request(self, request: Request, dry_run: bool = False) -> tuple[RequestStruct, list[Any]]:
        protect = np.array(request.protect.ranges, np.int32).reshape(-1, 2)
        struct = RequestStruct(n_evict=request.n_evict, mode=MODES[request.mode], now=request.now)
        struct.select, struct.dry_run = int(request.select), int(dry_run)
        struct.protect, struct.n_protect = _ints(protect), len(protect)
        kept: list[Any] = [protect]
        if request.cells is not None:
            cells = np.ascontiguousarray(request.cells, np.int32)
            struct.cells, struct.n_cells = _ints(cells), len(cells)
            kept.append(cells)
        if request.scores is not None:
            scores = np.ascontiguousarray(request.scores, np.float32)
            struct.scores, struct.n_scores = _floats(scores), scores.shape[-1]
            kept.append(scores)
        return struct, kept

    def shape(self, request: Request) -> tuple[int, int]:
        """How many candidates and sets the request has."""
        struct, _kept = self._request(request)
        n_candidates, n_sets = c_uint32(), c_uint32()
        status = self.lib.llama_kv_evict_shape(
            self.context, byref(struct), byref(n_candidates), byref(n_sets)
        )
        self._check(status, "candidates")
        return n_candidates.value, n_sets.value

    def score(self, request: Request, vector_mode: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Scores (n_sets, n_candidates) float32 and the candidates' cells (n_candidates,) int32.

        vector_mode: every vector before aggregation instead of sets.
        """
        struct, kept = self._request(request)
        if vector_mode:
            struct.mode = VECTOR_MODE
        n_candidates, n_sets = c_uint32(), c_uint32()
        status = self.lib.llama_kv_evict_shape(
            self.context, byref(struct), byref(n_candidates), byref(n_sets)
        )
        self._check(status, "candidates")
        scores = np.zeros((n_sets.value, n_candidates.value), np.float32)
        cells = np.zeros(n_candidates.value, np.int32)
        if scores.size:
            status = self.lib.llama_kv_evict_score(
                self.context, byref(struct), _floats(scores), scores.size, _ints(cells)
            )
            self._check(status, "scoring")
        del kept
        return scores, cells

    def round(self, request: Request, dry_run: bool = False) -> Round:
        """Score, select, move and free.

        Raises:
            NativeError: the request was refused, or a device failed; with the reason.
        """
        struct, kept = self._request(request, dry_run)
        result = ResultStruct()
        status = self.lib.llama_kv_evict_round(self.context, byref(struct), byref(result))
        self._check(status, "eviction round")
        del kept
        r, n, rows = result, result.n_evict, result.n_rows
        return Round(
            n_candidates=r.n_candidates,
            n_evict=n,
            freed=_copy(r.freed, n),
            evicted=_copy(r.evicted, r.n_sets, n),
            scores=_copy(r.scores, r.n_sets, n),
            positions=_copy(r.positions, rows, n),
            src=_copy(r.src, rows, r.n_move),
            dst=_copy(r.dst, rows, r.n_move),
            selected_on=Select(r.selected_on),
            n_moved=r.n_moved,
            times_us={
                name: getattr(r, f"t_{name}_us")
                for name in ("score", "select", "plan", "move", "meta", "total")
            },
        )

    def self_test(self) -> None:
        """Check moves and scores on every backend against the host.

        Raises:
            NativeError: a backend computes something else; with the difference.
        """
        self._check(self.lib.llama_kv_evict_self_test(self.context), "self-test of the backends")
