"""Feeds whole texts to a model for measuring: no sampling, no eviction, tensors captured.

Owns a model and a context of its own, apart from the engine that talks. Flash attention is on
unless attention itself is captured. Keys are cached as F32, so that nothing is quantised or
rotated away from what RoPE left.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from triagent.config import ModelConfig
from triagent.engine.capture import Capture, Captured, Kind
from triagent.engine.context import CACHE_TYPES
from triagent.engine.model import LoadedModel
from triagent.engine.native import Cache
from triagent.errors import NativeError

PAD = 256  # llama.cpp pads the number of cells to this


class Forward:
    """One model, one text at a time. Use as a context manager."""

    def __init__(
        self,
        config: ModelConfig,
        n_ctx: int,
        kinds: set[Kind],
        sink: Callable[[Captured], None],
        n_chunk: int = 512,
    ) -> None:
        """Load a model.

        Args:
            n_ctx: longest text in tokens.
            kinds: what `sink` gets; empty: nothing is captured and nothing is slowed down.
            n_chunk: tokens of one forward pass.

        Raises: ModelError when it cannot be loaded, NativeError when it gets no context.
        """
        self.n_chunk = n_chunk
        self._stack = ExitStack()
        self.model = LoadedModel(config)
        self._stack.callback(self.model.close)
        self._llama: Any = self.model.lib
        n_head = self._llama.llama_model_n_head(self.model.handle)
        self._capture = Capture(kinds, n_head, sink) if kinds else None
        try:
            self._context = self._make_context(n_ctx, Kind.ATTENTION not in kinds)
            self.cache = Cache(self._context)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free context and model. May be called twice."""
        self._stack.close()

    def feed(
        self,
        ids: Sequence[int],
        logits: Callable[[int, np.ndarray], None] | None = None,
        progress: Callable[[int], None] | None = None,
        cut: int = 0,
    ) -> None:
        """Run a text from an empty cache.

        Args:
            logits: gets (position of the first token, (n_tokens, n_vocab) float32) per chunk.
            progress: gets the number of tokens done after each chunk.
            cut: no chunk lies on both sides of this position.

        Raises: NativeError when a chunk cannot be decoded.
        """
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._context), True)
        for start, stop in self._bounds(len(ids), cut):
            self._decode(ids[start:stop], start, logits is not None)
            if logits is not None:
                logits(start, self._logits(stop - start))
            if progress is not None:
                progress(stop)

    def rotate(self, i: int, pos: int, vectors: np.ndarray) -> np.ndarray:
        """Cache layer i's RoPE without its magnitude, at one position for all vectors.

        Args:
            vectors: (n, head_dim) float32.
        """
        at = np.full(len(vectors), pos, np.int32)
        return self.cache.rope(i, at, vectors) / self.cache.rope_magnitude[i]

    def _bounds(self, n: int, cut: int) -> list[tuple[int, int]]:
        edges = sorted({*range(0, n, self.n_chunk), cut if 0 < cut < n else 0, n})
        return list(itertools.pairwise(edges))

    def _decode(self, chunk: Sequence[int], start: int, want_logits: bool) -> None:
        llama = self._llama
        batch = llama.llama_batch_init(len(chunk), 0, 1)
        try:
            batch.n_tokens = len(chunk)
            for i, token in enumerate(chunk):
                batch.token[i], batch.pos[i] = token, start + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
                batch.logits[i] = want_logits
            if self._capture is not None:
                self._capture.begin()
            status = llama.llama_decode(self._context, batch)
            llama.llama_synchronize(self._context)
        finally:
            llama.llama_batch_free(batch)
        if self._capture is not None:
            self._capture.check()
        if status != 0:
            raise NativeError(f"decoding {len(chunk)} tokens at {start} failed with {status}")

    def _logits(self, n_tokens: int) -> np.ndarray:
        pointer = self._llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, (n_tokens, self.model.vocab.n_tokens)).copy()

    def _make_context(self, n_ctx: int, flash: bool) -> Any:
        llama = self._llama
        params = llama.llama_context_default_params()
        params.n_ctx = -(-n_ctx // PAD) * PAD
        params.n_batch = params.n_ubatch = self.n_chunk
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = self.model.n_threads
        params.type_k = params.type_v = CACHE_TYPES["f32"]
        params.flash_attn_type = int(flash)  # LLAMA_FLASH_ATTN_TYPE_DISABLED = 0, ENABLED = 1
        if self._capture is not None:
            params.cb_eval = self._capture.callback
        context = llama.llama_init_from_model(self.model.handle, params)
        if not context:
            raise NativeError(
                f"no context of {n_ctx} tokens could be made for measuring: "
                f"{self.model.log.errors() or 'llama.cpp gave no reason'}"
            )
        self._stack.callback(llama.llama_free, context)
        return context
