"""Attention that a model pays to a text, summed by key: what attention-based baselines rank by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triagent.config import ModelConfig
from triagent.engine.capture import Captured, Kind
from triagent.engine.forward import Forward

N_LAST = 32
"""Queries at the end that SnapKV looks at."""


@dataclass(frozen=True)
class Paid:
    """Sums over queries, of each cache layer, (n_head_kv, n_pos) float64."""

    last: list[np.ndarray]
    """Over the last queries."""
    whole: list[np.ndarray]
    """Over all queries."""


class AttentionPass:
    """One model on which texts are run without flash attention. Use as a context manager."""

    def __init__(
        self, config: ModelConfig, n_tokens: int, n_chunk: int = 64, n_last: int = N_LAST
    ) -> None:
        """Load a model for texts of at most `n_tokens`; the last `n_last` are summed apart."""
        self._n_last = n_last
        self._forward = Forward(config, n_tokens, {Kind.ATTENTION}, self._sink, n_chunk)
        layers = self._forward.cache.layers
        self._index = {r: i for i, layer in enumerate(layers) for r in layer.readers}
        self._heads = [layer.n_head_kv for layer in layers]

    def __enter__(self) -> AttentionPass:
        return self

    def __exit__(self, *_: object) -> None:
        self._forward.close()

    def run(self, ids: Sequence[int]) -> Paid:
        """Sum the attention of one text."""
        n = len(ids)
        self._n, self._start = n, 0
        self._last = [np.zeros((h, n)) for h in self._heads]
        self._whole = [np.zeros((h, n)) for h in self._heads]
        self._forward.feed(ids, progress=self._advance, cut=max(0, n - self._n_last))
        return Paid(self._last, self._whole)

    def _advance(self, n_done: int) -> None:
        self._start = n_done

    def _sink(self, item: Captured) -> None:
        i = self._index.get(item.layer)
        if i is None:
            return
        by_head = item.array.sum(1)[:, : self._n]  # (n_head, n_kv)
        by_row = by_head.reshape(self._heads[i], -1, by_head.shape[1]).sum(1)
        width = by_row.shape[1]
        self._whole[i][:, :width] += by_row
        if self._start >= self._n - self._n_last:
            self._last[i][:, :width] += by_row
