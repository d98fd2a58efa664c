"""The ctypes mirror of `include/llama-kv-evict.h`, the header that triagent's patch adds.

Structs, enums and functions as C has them, every function with its C declaration above it.
`native.py` is what the rest of the engine calls.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64
from enum import IntEnum
from functools import cache
from typing import Any

from triagent.engine.library import load
from triagent.errors import NativeError
from triagent.kv.coefficients import Geometry
from triagent.kv.score import Mode, Pairing

MAX_READERS = 64  # LLAMA_KV_EVICT_MAX_READERS
MAX_GROUPS = 8  # LLAMA_KV_EVICT_MAX_GROUPS


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
        ("n_groups", c_uint32),
        ("reserved", c_uint32),
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
        ("group", c_uint32),
        ("n_cells", c_uint32),
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


class GroupStruct(ctypes.Structure):
    """struct llama_kv_evict_group"""

    _fields_ = (
        ("n_cells", c_uint32),
        ("n_used", c_uint32),
        ("n_high", c_uint32),
        ("n_layer", c_uint32),
        ("n_rows", c_uint32),
        ("n_trigger", c_uint32),
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
        ("n_evict_of", POINTER(c_uint32)),
        ("defer", c_uint32),
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
        ("n_groups", c_uint32),
        ("n_freed", c_uint32),
        ("n_evict_of", c_uint32 * MAX_GROUPS),
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
        # struct llama_context * llama_kv_evict_init_from_model_layers(struct llama_model *,
        #         struct llama_context_params, const uint32_t * layer_cells, uint32_t n_layers);
        "init_from_model_layers": (ctypes.c_void_p, [model, params, POINTER(c_uint32), c_uint32]),
        # int32_t llama_kv_evict_supported_layers(const struct llama_model *,
        #         struct llama_context_params, const uint32_t * layer_cells, uint32_t n_layers,
        #         char * reason, size_t n_reason);
        "supported_layers": (
            c_int32,
            [model, params, POINTER(c_uint32), c_uint32, ctypes.c_char_p, c_size_t],
        ),
        # const char * llama_kv_evict_last_error(const struct llama_context *);  never freed
        "last_error": (ctypes.c_char_p, [ctx]),
        # int32_t llama_kv_evict_get_info(struct llama_context *, struct llama_kv_evict_info *);
        "get_info": (c_int32, [ctx, POINTER(InfoStruct)]),
        # int32_t llama_kv_evict_get_layer(struct llama_context *, uint32_t i,
        #         struct llama_kv_evict_layer *);
        "get_layer": (c_int32, [ctx, c_uint32, POINTER(LayerStruct)]),
        # int32_t llama_kv_evict_get_group(struct llama_context *, uint32_t g,
        #         struct llama_kv_evict_group *);
        "get_group": (c_int32, [ctx, c_uint32, POINTER(GroupStruct)]),
        # int32_t llama_kv_evict_cells(struct llama_context *, llama_pos * pos, uint32_t n_max);
        "cells": (c_int32, [ctx, int_p, c_uint32]),
        # int32_t llama_kv_evict_set_callback(struct llama_context *, llama_kv_evict_callback,
        #         void * user_data, uint32_t n_trigger);   the caller keeps the thunk alive
        "set_callback": (c_int32, [ctx, Callback, ctypes.c_void_p, c_uint32]),
        # int32_t llama_kv_evict_set_triggers(struct llama_context *, const uint32_t * n_trigger,
        #         uint32_t n_groups);
        "set_triggers": (c_int32, [ctx, POINTER(c_uint32), c_uint32]),
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
        # int32_t llama_kv_evict_last(struct llama_context *, struct llama_kv_evict_result *);
        "last": (c_int32, [ctx, POINTER(ResultStruct)]),
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
