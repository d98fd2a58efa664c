"""What can be told of a session's cache: its sizes, and who still holds which position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from triagent.chat import CacheStatus, Holding
from triagent.engine.native import Cache
from triagent.errors import NativeError

if TYPE_CHECKING:
    from triagent.engine.engine import Engine
    from triagent.engine.hook import Hook


def status(engine: Engine) -> CacheStatus:
    """The cache as it is now."""
    if engine.hook is None:
        return _unbounded(engine)
    hook, info = engine.hook, engine.hook.cache.info()
    cache_bytes, n_cells = info.bytes_k + info.bytes_v, _mean(hook, hook.cells_of)
    return CacheStatus(
        n_pos=engine.n_pos,
        n_used=_mean(hook, hook.used()),
        n_pinned=min(hook.protection.count(engine.n_pos), info.n_used),
        n_cells=n_cells,
        budget=hook.protection.bounds.budget,
        n_rounds=hook.n_rounds,
        n_evicted=hook.n_evicted,
        cache_bytes=cache_bytes + info.bytes_other,
        full_bytes=cache_bytes * engine.n_pos // max(1, n_cells) + info.bytes_other,
        policy=engine.parts.policy.name,
        round_ms=engine.round_ms,
    )


def _mean(hook: Hook, of_groups: Sequence[int]) -> int:
    """Of what groups of layers have, the mean over layers."""
    return round(float(np.mean([of_groups[g] for g in hook.cache.layer_group])))


def _unbounded(engine: Engine) -> CacheStatus:
    try:
        info = Cache(engine.context.handle).info()
        n_cells, n_bytes, other = info.n_cells, info.bytes_k + info.bytes_v, info.bytes_other
    except NativeError:  # a memory that the eviction API does not know: sizes are not told
        n_cells, n_bytes, other = engine.n_ctx, 0, 0
    return CacheStatus(
        n_pos=engine.n_pos,
        n_used=engine.n_pos,
        n_pinned=0,
        n_cells=n_cells,
        budget=0,
        n_rounds=0,
        n_evicted=0,
        cache_bytes=n_bytes + other,
        full_bytes=n_bytes * engine.n_pos // max(1, n_cells) + other,
        policy=engine.parts.policy.name,
    )


def holding(engine: Engine) -> Holding:
    """Who still holds each position, and how it scored at the last round.

    From the books alone: nothing is decoded and nothing scored. Where rounds select on a device,
    their scores stay there until somebody asks; from then on the next rounds bring them along.
    """
    n_pos = engine.n_pos
    pinned = np.zeros(n_pos, bool)
    score = np.full(n_pos, np.nan, np.float32)
    if engine.hook is not None and n_pos:
        pinned = engine.hook.protection.ranges(n_pos).contains(np.arange(n_pos))
        score = engine.hook.scored.mean(n_pos)
        engine.hook.watched = True
    return Holding(n_pos, engine.held.share.copy(), score, pinned)
