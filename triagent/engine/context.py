"""A context: the cache, and the decoding of tokens into it.

`decode` is the one place that calls `llama_decode`. It never passes more than a batch holds, as
the library would abort the process. Knows nothing of policies or of who a token comes from.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from triagent.engine import native
from triagent.engine.model import LoadedModel
from triagent.errors import ConfigError, EngineError, UnsupportedError

# ggml_type of what a cache may be made of
CACHE_TYPES = {"f32": 0, "f16": 1, "bf16": 30, "q8_0": 8, "q4_0": 2}
FLASH_ATTENTION_ENABLED = 1  # enum llama_flash_attn_type


class Outcome(Enum):
    """What one decode came to."""

    DONE = "done"
    NO_SLOT = "no slot"
    ABORTED = "aborted"


class Context:
    """One llama context of one sequence. `close` frees it; the model must outlive it."""

    def __init__(
        self,
        model: LoadedModel,
        n_ctx: int,
        n_batch: int,
        cache_type: str,
        n_cells: int | Sequence[int] | None,
        n_outputs: int = 1,
    ) -> None:
        """Allocate it.

        Args:
            n_ctx: largest position, and the window that selects RoPE factors.
            n_cells: cells of the attention cache, or those of each layer of the model; None: as
                many as `n_ctx`, for good.
            n_outputs: most tokens of one decode whose logits are wanted; 300 MiB on 8B if all are.

        Raises:
            UnsupportedError: this model's memory cannot be evicted from (only with `n_cells`).
            EngineError: it cannot be allocated.
        """
        if cache_type not in CACHE_TYPES:
            raise ConfigError(f"cache_type {cache_type!r}; choose {', '.join(CACHE_TYPES)}")
        self.lib: Any = model.lib
        self.n_batch = n_batch
        self.n_vocab = model.vocab.n_tokens
        self.n_outputs = n_outputs
        self.handle: Any = self._make(model, n_ctx, cache_type, n_cells)
        self.memory = self.lib.llama_get_memory(self.handle)
        self.batch = self.lib.llama_batch_init(n_batch, 0, 1)
        as_array = np.ctypeslib.as_array
        self._token = as_array(self.batch.token, (n_batch,))
        self._pos = as_array(self.batch.pos, (n_batch,))
        self._wanted = as_array(self.batch.logits, (n_batch,))
        as_array(self.batch.n_seq_id, (n_batch,))[:] = 1
        for i in range(n_batch):
            self.batch.seq_id[i][0] = 0

    def _make(
        self,
        model: LoadedModel,
        n_ctx: int,
        cache_type: str,
        n_cells: int | Sequence[int] | None,
    ) -> Any:
        params = self.lib.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = params.n_ubatch = self.n_batch
        params.n_seq_max = 1
        params.n_outputs_max = self.n_outputs
        params.n_threads = params.n_threads_batch = model.n_threads
        params.flash_attn_type = FLASH_ATTENTION_ENABLED  # else V is transposed: rows cannot move
        params.swa_full = False  # window layers need their window only
        params.type_k = params.type_v = CACHE_TYPES[cache_type]
        model.log.clear_errors()
        if n_cells is not None:
            why = native.supported(model.handle, params, n_cells)
            if why is not None:
                raise UnsupportedError(why)
            return native.make_context(model.handle, params, n_cells)
        handle = self.lib.llama_init_from_model(model.handle, params)
        if not handle:
            raise EngineError(
                f"no context of {n_ctx} tokens with a {cache_type} cache could be made: "
                f"{model.log.errors() or 'llama.cpp gave no reason'}. "
                "Use a budget, a smaller --n-ctx or a smaller cache type."
            )
        return handle

    def decode(self, ids: Sequence[int], pos: int, n_wanted: int) -> Outcome:
        """Feed at most `n_batch` tokens at `pos` and after.

        n_wanted: of how many of the last ones the logits are kept.

        Raises:
            EngineError: the library failed; the context should be thrown away.
        """
        n = len(ids)
        assert 0 < n <= self.n_batch and n_wanted <= self.n_outputs
        self._token[:n] = ids
        self._pos[:n] = np.arange(pos, pos + n)
        self._wanted[:n] = 0
        self._wanted[n - n_wanted : n] = 1
        self.batch.n_tokens = n
        status = self.lib.llama_decode(self.handle, self.batch)
        if status < 0:
            raise EngineError(f"decoding {n} tokens at {pos} failed with status {status}")
        return (Outcome.DONE, Outcome.NO_SLOT, Outcome.ABORTED)[min(status, 2)]

    def logits(self, i: int = -1) -> np.ndarray:
        """Logits of a token of the last decode, counted from its end: -1 is the last one wanted.

        (n_vocab,) float32: a view until the next decode.
        """
        data = self.lib.llama_get_logits_ith(self.handle, i)
        return np.ctypeslib.as_array(data, (self.n_vocab,))

    def synchronize(self) -> None:
        self.lib.llama_synchronize(self.handle)

    def remove_from(self, pos: int) -> bool:
        """Drop every position from `pos` on; False when the memory cannot (recurrent layers)."""
        return bool(self.lib.llama_memory_seq_rm(self.memory, 0, pos, -1))

    def clear(self) -> None:
        self.lib.llama_memory_clear(self.memory, True)

    def state(self) -> memoryview:
        """The sequence's state, a copy: positions, K and V of the used cells, recurrent state."""
        size = self.lib.llama_state_seq_get_size(self.handle, 0)
        buffer = (ctypes.c_uint8 * size)()
        written = self.lib.llama_state_seq_get_data(self.handle, buffer, size, 0)
        if written != size:
            raise EngineError(f"the cache's state has {size} bytes, {written} were written")
        return memoryview(buffer).cast("B")

    def set_state(self, data: bytes | memoryview) -> bool:
        """Take a state into the emptied cache; False when the library refuses it."""
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        return bool(self.lib.llama_state_seq_set_data(self.handle, buffer, len(data), 0))

    def close(self) -> None:
        if self.handle:
            self.lib.llama_batch_free(self.batch)
            self.lib.llama_free(self.handle)
            self.handle = None
