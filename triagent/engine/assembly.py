"""Put model, context, policy and hook together, or say why the cache stays unbounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triagent.config import CacheConfig, ModelConfig
from triagent.engine import native
from triagent.engine.context import CACHE_TYPES, Context
from triagent.engine.devices import devices, free_bytes
from triagent.engine.hook import Hook
from triagent.engine.model import LoadedModel
from triagent.engine.native import Cache, Kind
from triagent.engine.sidecars import find_sidecar
from triagent.errors import MemoryShortError, NativeError, UnsupportedError
from triagent.kv import coefficients as co
from triagent.kv.gguf_file import BLOCKS
from triagent.kv.held import Held
from triagent.kv.policy import (
    NoEviction,
    Policy,
    Score,
    auto_budget,
    budget_note,
    choose_mode,
    choose_policy,
)
from triagent.kv.protection import CELL_PAD, Bounds, Protection
from triagent.kv.score import OFFSETS
from triagent.kv.sidecar import Stats, check_model


@dataclass
class Assembly:
    """The parts of a running engine."""

    model: LoadedModel
    context: Context
    policy: Policy
    n_ctx: int
    chunk: int
    cache_type: str
    hook: Hook | None
    """None: nothing is ever evicted."""
    sidecar: Path | None
    notes: tuple[str, ...]


def assemble(
    config: ModelConfig, cache: CacheConfig, seed: int = 0, echo: bool = False, n_outputs: int = 1
) -> Assembly:
    """Load and connect everything.

    n_outputs: most tokens of one decode whose logits are wanted; measuring alone wants many.

    Raises:
        ModelError, SidecarError, ConfigError, NativeError, EngineError: with what to do next.
    """
    model = LoadedModel(config, echo)
    try:
        return connect(model, config, cache, seed, n_outputs)
    except BaseException:
        model.close()
        raise


def connect(
    model: LoadedModel, config: ModelConfig, cache: CacheConfig, seed: int = 0, n_outputs: int = 1
) -> Assembly:
    """Make a context for a loaded model. Raises what `assemble` does."""
    notes: list[str] = []
    found = find_sidecar(model.file, config.sidecar)
    path, stats = found or (None, None)
    policy, note = choose_policy(cache.policy, stats, seed)
    n_ctx = config.n_ctx or model.n_ctx_train
    if n_ctx > model.n_ctx_train:
        notes.append(
            f"Positions may reach {n_ctx}, the model was trained for {model.n_ctx_train}: "
            "expect weaker answers beyond."
        )
    if policy.name != NoEviction.name:
        notes.extend([note] if note else [])
        bounds = _bounds(model, config, cache, stats, n_ctx)
        if bounds.budget < n_ctx and (note := budget_note(stats, policy.name, bounds.budget)):
            notes.append(note)
        check_room(model, config.cache_type, _cells(bounds, model.n_swa, n_ctx))
        try:
            return _bounded(
                model, config, cache, policy, stats, bounds, n_ctx, path, notes, n_outputs
            )
        except UnsupportedError as error:
            if "alloc" in str(error).lower():  # without a budget it would want more still
                raise MemoryShortError(f"no cache of {bounds.n_cells} cells: {error}") from error
            notes.append(f"The cache grows with the session; it cannot be evicted from: {error}")
    check_room(model, config.cache_type, n_ctx)
    chunk = min(cache.chunk, n_ctx)
    context = Context(model, n_ctx, chunk, config.cache_type, None)
    return Assembly(
        model, context, NoEviction(), n_ctx, chunk, config.cache_type, None, path, tuple(notes)
    )


def _bounds(
    model: LoadedModel, config: ModelConfig, cache: CacheConfig, stats: Stats | None, n_ctx: int
) -> Bounds:
    budget = cache.budget
    if budget is None:
        free = free_bytes(devices(), model.on_gpu)  # what the weights have left
        budget = auto_budget(stats, free, _cell_bytes(model, config.cache_type), n_ctx)
    return Bounds(budget, cache.interval, cache.chunk, cache.n_sink, cache.n_window)


def check_room(model: LoadedModel, cache_type: str, n_cells: int) -> None:
    """Refuse a cache that cannot fit, before the system ends the process for trying.

    Raises:
        MemoryShortError: with both sizes.
    """
    n_head_kv = model.file.header.values.get(f"{model.file.architecture}.attention.head_count_kv")
    if model.n_swa or isinstance(n_head_kv, list):
        return  # layers differ: the header does not say how much each one holds
    needed = n_cells * _cell_bytes(model, cache_type)
    free = free_bytes(devices(), False)
    if model.on_gpu:  # layers that did not fit there keep their part in main memory
        free += free_bytes(devices(), True)
    if needed > free:
        raise MemoryShortError(
            f"not enough memory: a cache of {n_cells:,} cells of {cache_type} takes "
            f"{needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free. "
            "Use a smaller budget, a smaller --n-ctx or a smaller cache type."
        )


def _cell_bytes(model: LoadedModel, cache_type: str) -> float:
    """Bytes of K and V of one token, from the header; near enough to choose a budget by."""
    file = model.file
    n_head = file.number("attention.head_count", 1)
    width = file.number("attention.key_length", file.number("embedding_length") // max(1, n_head))
    per, size = BLOCKS[CACHE_TYPES.get(cache_type, 1)]
    n_head_kv = file.number("attention.head_count_kv", n_head)
    return 2 * file.number("block_count", 1) * n_head_kv * width * size / per


def _bounded(
    model: LoadedModel,
    config: ModelConfig,
    cache: CacheConfig,
    policy: Policy,
    stats: Stats | None,
    bounds: Bounds,
    n_ctx: int,
    path: Path | None,
    notes: list[str],
    n_outputs: int,
) -> Assembly:
    n_cells = _cells(bounds, model.n_swa, n_ctx)
    context = Context(model, n_ctx, bounds.chunk, config.cache_type, n_cells, n_outputs)
    try:
        native_cache = Cache(context.handle)
        check_backends(native_cache)
        set_score(native_cache, policy, stats, model.file.fingerprint)
    except BaseException:
        context.close()
        raise
    mode = choose_mode(cache.select, policy)
    hook = Hook(native_cache, policy, mode, Protection(bounds), Held(native_cache.n_rows))
    hook.arm()
    return Assembly(
        model, context, policy, n_ctx, bounds.chunk, config.cache_type, hook, path, tuple(notes)
    )


def _cells(bounds: Bounds, n_swa: int, n_ctx: int) -> int:
    """Cells to allocate: never more than positions, never less than window layers need.

    Those must hold their window and a batch, however small the budget.
    """
    least = n_swa + bounds.chunk if n_swa else 0
    wanted = max(min(bounds.n_cells, n_ctx), least)
    return -(-wanted // CELL_PAD) * CELL_PAD


def check_backends(cache: Cache) -> None:
    """Compare moves and scores on the devices that hold the cache with the host's.

    The CPU is the reference and is not asked; a GPU's driver might change the bits of a row on
    their way, and no later error would tell.

    Raises:
        UnsupportedError: a device computes something else; with the difference.
    """
    if cache.backends <= {"CPU"}:
        return
    try:
        cache.self_test()
    except NativeError as error:
        raise UnsupportedError(str(error)) from error


def set_score(cache: Cache, policy: Policy, stats: Stats | None, fingerprint: str) -> None:
    """Hand the policy's score to the library.

    Raises:
        SidecarError: the sidecar does not fit the model.
        UnsupportedError: this memory cannot be scored.
    """
    if policy.score is Score.HOST:
        return
    if policy.score in (Score.KNORM, Score.KEYDIFF):
        kind = Kind.KNORM if policy.score is Score.KNORM else Kind.KEYDIFF
        cache.set_score(kind, scale=policy.scale)
        return
    assert stats is not None
    check_model(stats, fingerprint, cache.layers, policy.name)
    if policy.score is Score.FITTED:
        parts = [(layer, stats.fits[layer.il]) for layer in cache.layers]
        fits = [co.fitted(fit.vectors, fit.weights, layer) for layer, fit in parts]
        cache.set_score(Kind.COEF, stats.fit_normalize, coefficients=fits)
        return
    published = [published_layer(cache, i, stats) for i in range(len(cache.layers))]
    cache.set_score(Kind.COEF, True, coefficients=published)


def published_layer(
    cache: native.Cache, i: int, stats: Stats, offsets: Sequence[int] = OFFSETS
) -> co.Coefficients:
    """The published coefficients of cache layer `i`, with the gain of that layer's own RoPE."""
    layer = cache.layers[i]
    gain = co.layer_gain(lambda pos, vectors: cache.rope(i, pos, vectors), layer, offsets)
    readers = [stats.layers[il] for il in layer.readers]
    return co.published([r.q_center for r in readers], [r.q_norm for r in readers], gain, layer)
