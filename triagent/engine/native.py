"""The eviction API with numpy arrays in and out, and `NativeError` for every refusal.

Memory that C hands out lives until the next call on the same context, so results are copied
here. Knows nothing of policies.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_float, c_int32, c_uint32
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from triagent.engine.abi import (
    MODES,
    VECTOR_MODE,
    Callback,
    CoefStruct,
    GroupStruct,
    InfoStruct,
    Kind,
    LayerStruct,
    Reason,
    RequestStruct,
    ResultStruct,
    Select,
    Status,
    functions,
)
from triagent.errors import NativeError, UnsupportedError
from triagent.kv.coefficients import Coefficients, Geometry
from triagent.kv.score import Mode
from triagent.kv.spans import Spans

__all__ = [
    "Cache",
    "Callback",
    "CoefStruct",
    "Kind",
    "Reason",
    "Request",
    "Round",
    "Select",
    "Status",
    "functions",
    "make_context",
    "supported",
]


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
    n_evict_of: tuple[int, ...] = ()
    """Of each group instead of `n_evict`; empty: `n_evict` of all."""


@dataclass(frozen=True)
class Round:
    """What one round did; copies."""

    n_candidates: int
    n_evict: int
    freed: np.ndarray
    """(n_freed,) int32 cells: what the largest group gave up, nobody holds any more."""
    given_up: tuple[np.ndarray, ...]
    """Of each group (n_evict of the group,) int32 cells; the first is `freed`."""
    evicted: np.ndarray
    """(n_sets, n_evict) int32 cells before the moves; -1 where a group gave up fewer."""
    scores: np.ndarray
    """(n_sets, n_evict) float32, lowest first; 0 where `evicted` is -1."""
    positions: np.ndarray
    """(n_rows, n_evict) int32: true positions that each row lost; -1 where it lost fewer."""
    src: np.ndarray
    dst: np.ndarray
    """(n_rows, n_move) int32, -1 where a row moves less."""
    selected_on: Select
    n_moved: int
    times_us: dict[str, int]
    """Wall time by phase: score, select, plan, move, meta, total."""


def _ints(array: np.ndarray | None) -> Any:
    return None if array is None else array.ctypes.data_as(POINTER(c_int32))


def _floats(array: np.ndarray | None) -> Any:
    return None if array is None else array.ctypes.data_as(POINTER(c_float))


def _copy(pointer: Any, *shape: int) -> np.ndarray:
    dtype = np.int32 if pointer._type_ is c_int32 else np.float32
    if 0 in shape or not pointer:
        return np.zeros(shape, dtype)
    return np.ctypeslib.as_array(pointer, shape).copy()


def _round(result: ResultStruct) -> Round:
    r, n, rows = result, result.n_evict, result.n_rows
    given_up = _copy(r.freed, r.n_groups, n)
    given_up = tuple(row[:k] for row, k in zip(given_up, r.n_evict_of, strict=False))
    return Round(
        n_candidates=r.n_candidates,
        n_evict=n,
        freed=given_up[0],
        given_up=given_up,
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


def _counts(values: Sequence[int]) -> Any:
    return (c_uint32 * len(values))(*values)


def supported(model: Any, params: Any, n_cells: int | Sequence[int]) -> str | None:
    """Why a context of this kind could not be evicted from, or None. n_cells: see `make_context`"""
    lib, reason = functions(), ctypes.create_string_buffer(512)
    told = (reason, len(reason))
    if isinstance(n_cells, int):
        status = lib.llama_kv_evict_supported(model, params, n_cells, *told)
    else:
        cells = (_counts(n_cells), len(n_cells))
        status = lib.llama_kv_evict_supported_layers(model, params, *cells, *told)
    return None if status == Status.OK else reason.value.decode("utf-8", "replace")


def make_context(model: Any, params: Any, n_cells: int | Sequence[int]) -> int:
    """Make a context whose attention cache has `n_cells` cells; freed by llama_free.

    n_cells: or as many for each layer of the model; 0: it has none that can be evicted from.

    Raises:
        UnsupportedError: the model's memory, the sizes or the allocation; with the reason.
    """
    lib = functions()
    if isinstance(n_cells, int):
        context = lib.llama_kv_evict_init_from_model(model, params, n_cells)
    else:
        cells = (_counts(n_cells), len(n_cells))
        context = lib.llama_kv_evict_init_from_model_layers(model, params, *cells)
    if not context:
        why = lib.llama_kv_evict_last_error(None) or b"no context could be made"
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
        self.layer_group: list[int] = [s.group for s in structs]
        self.layer_cells: list[int] = [s.n_cells for s in structs]
        self.n_groups = int(self.info().n_groups)
        of_rows = [layer.n_head_kv for layer in self.layers]
        self.row_group = np.repeat(np.array(self.layer_group, np.int32), of_rows)

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

    def group(self, g: int) -> GroupStruct:
        """Sizes of the layers of group `g`."""
        group = GroupStruct()
        status = self.lib.llama_kv_evict_get_group(self.context, g, byref(group))
        self._check(status, f"group {g}")
        return group

    def set_triggers(self, n_trigger: Sequence[int]) -> None:
        """Ask the callback when a group would hold more than its number, by group."""
        status = self.lib.llama_kv_evict_set_triggers(
            self.context, _counts(n_trigger), len(n_trigger)
        )
        self._check(status, "triggers")

    def cells(self) -> np.ndarray:
        """Nominal position of each cell up to the highest used one, (n_high,) int32; -1 empty."""
        pos = np.full(self.info().n_cells, -1, np.int32)
        n = self.lib.llama_kv_evict_cells(self.context, _ints(pos), len(pos))
        self._check(n, "cells")
        return pos[:n]

    def positions(self) -> np.ndarray:
        """True positions, (n_rows, n_cells) int32; -1 in cells empty or not held by the row."""
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
        if request.n_evict_of:
            counts = _counts(request.n_evict_of)
            struct.n_evict_of = ctypes.cast(counts, POINTER(c_uint32))
            kept.append(counts)
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

        NaN where a set's layer does not hold the cell.

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
        return _round(result)

    def start_round(self, request: Request) -> None:
        """The same inside the callback, without waiting for rows to move: `last_round` tells of it.

        Its books are kept while the devices are at work on the batch, and when decode returns.

        Raises:
            NativeError: the request was refused, or a device failed; with the reason.
        """
        struct, kept = self._request(request)
        struct.defer = 1
        status = self.lib.llama_kv_evict_round(self.context, byref(struct), byref(ResultStruct()))
        self._check(status, "eviction round")
        del kept

    def last_round(self) -> Round:
        """What the last round did. Raises: NativeError when there was none."""
        result = ResultStruct()
        status = self.lib.llama_kv_evict_last(self.context, byref(result))
        self._check(status, "last round")
        return _round(result)

    def self_test(self) -> None:
        """Check moves and scores on every backend against the host.

        Raises:
            NativeError: a backend computes something else; with the difference.
        """
        self._check(self.lib.llama_kv_evict_self_test(self.context), "self-test of the backends")
