"""Sequences for the gates: ordinary sessions, and texts that come twice.

Repetition makes every token needed once; ordinary sessions keep the gates fluent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from .gates import Sample
from .tokens import load_tokenizer

N_SINK = 4


def samples_from(
    rows: list[np.ndarray], tokenizer: Path, device: str, seed: int, tail: int = 0
) -> list[Sample]:
    """Three or four samples a row: its beginning as it is, and two parts of it twice.

    Args:
        rows: token ids (length + 1,), each beginning with a document.
        tail: tokens after the eviction in what comes once, and two cuts of it; 0: as many as
            before it, and one. The fewer, the more the most recent keys count, which a cache that
            goes on evicting loses one after another.
    """
    made = load_tokenizer(tokenizer)
    start, end = made.token_to_id("<|im_start|>"), made.token_to_id("<|im_end|>")
    out = []
    for row in rows:
        ids = row.astype(np.int64)
        half = min(4096, len(ids) // 4)
        pinned = _prompt_length(ids[: half // 2], start, end)
        for cut in (half, 2 * half) if tail else (half,):
            out.append(_sample(ids[: cut + (tail or half)], cut, pinned, device))
        twice = np.concatenate([ids[:half], ids[pinned:half]])
        out.append(_sample(twice, half, pinned, device))
        later = ids[2 * half : 3 * half]
        out.append(_sample(np.concatenate([later, later]), half, N_SINK, device))
    return out


def _prompt_length(ids: np.ndarray, start: int, end: int) -> int:
    """Tokens of the system prompt at the row's beginning, or the sinks alone."""
    ends = np.flatnonzero(ids == end)
    return int(ends[0]) + 2 if len(ends) and ids[0] == start else N_SINK


def _sample(ids: np.ndarray, cut: int, n_pinned: int, device: str) -> Sample:
    return Sample(torch.from_numpy(ids.copy()).to(device), cut, n_pinned)
