"""Put model, context, policy and hook together, or say why the cache stays unbounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from triagent.kv.score import OFFSETS, Mode
from triagent.kv.shares import layer_cells
from triagent.kv.sidecar import Stats, check_model

PINNED_ROOM = 1024
"""Tokens of system prompt, tools and other pinned spans that the smallest layers have room for:
all layers hold what is pinned. Where a budget is hardly more, all layers are alike."""


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
    config: ModelConfig,
    cache: CacheConfig,
    seed: int = 0,
    echo: bool = False,
    n_outputs: int = 1,
    shares: Mapping[int, float] | None = None,
) -> Assembly:
    """Load and connect everything.

    n_outputs: most tokens of one decode whose logits are wanted; measuring alone wants many.
    shares: model layer -> share, for measuring: layers of one share become one group, and every
        layer has the cells that are asked for.

    Raises:
        ModelError, SidecarError, ConfigError, NativeError, EngineError: with what to do next.
    """
    model = LoadedModel(config, echo)
    try:
        return connect(model, config, cache, seed, n_outputs, shares)
    except BaseException:
        model.close()
        raise


def connect(
    model: LoadedModel,
    config: ModelConfig,
    cache: CacheConfig,
    seed: int = 0,
    n_outputs: int = 1,
    shares: Mapping[int, float] | None = None,
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
                model, config, cache, policy, stats, bounds, n_ctx, path, notes, n_outputs, shares
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
    shares: Mapping[int, float] | None,
) -> Assembly:
    n_cells = _cells(bounds, model.n_swa, n_ctx)
    mode = choose_mode(cache.select, policy)
    if shares:
        wanted: Sequence[int] = _apart(shares, n_cells, model.n_layer)
    else:
        wanted = _layer_cells(cache, policy, mode, stats, bounds, n_cells, n_ctx, model.n_layer)
    context = _context(model, config, bounds.chunk, n_ctx, wanted, n_cells, n_outputs, notes)
    try:
        native_cache = Cache(context.handle)
        if not shares and native_cache.n_groups > 1:
            of_groups = (native_cache.group(g).n_cells for g in range(native_cache.n_groups))
            slack = n_cells - bounds.budget
            bounds = replace(bounds, budgets=tuple(int(n) - slack for n in of_groups))
        check_backends(native_cache)
        set_score(native_cache, policy, stats, model.file.fingerprint)
    except BaseException:
        context.close()
        raise
    hook = Hook(native_cache, policy, mode, Protection(bounds), Held(native_cache.n_rows))
    hook.arm()
    return Assembly(
        model, context, policy, n_ctx, bounds.chunk, config.cache_type, hook, path, tuple(notes)
    )


def _layer_cells(
    cache: CacheConfig,
    policy: Policy,
    mode: Mode,
    stats: Stats | None,
    bounds: Bounds,
    n_cells: int,
    n_ctx: int,
    n_layer: int,
) -> Sequence[int]:
    """Cells of each model layer where the sidecar says how much each needs; empty: all alike.

    The shares were measured with the fitted score and sets of each row's own; how much other
    scores lose in which layer is not known.
    """
    has_shares = stats is not None and bool(stats.layer_shares) and policy.score is Score.FITTED
    if cache.shares == "equal" or not has_shares or mode is not Mode.LAYER_HEAD or n_cells >= n_ctx:
        return ()
    assert stats is not None
    slack = n_cells - bounds.budget
    least = bounds.n_sink + bounds.n_window + bounds.interval + PINNED_ROOM
    least = min(least, bounds.budget)
    return layer_cells(stats.layer_shares, n_layer, n_cells, slack, least, n_ctx)


def _apart(shares: Mapping[int, float], n_cells: int, n_layer: int) -> list[int]:
    """At least `n_cells` for every layer, and as many for layers of one share alone."""
    levels = sorted(set(shares.values()))
    sizes = [n_cells + CELL_PAD * levels.index(shares[il]) if il in shares else 0
             for il in range(n_layer)]  # fmt: skip
    return sizes


def _context(
    model: LoadedModel,
    config: ModelConfig,
    chunk: int,
    n_ctx: int,
    layers: Sequence[int],
    n_cells: int,
    n_outputs: int,
    notes: list[str],
) -> Context:
    """A context whose layers have these cells, or all of them `n_cells`."""
    if len(set(layers) - {0}) > 1:
        try:
            return Context(model, n_ctx, chunk, config.cache_type, layers, n_outputs)
        except UnsupportedError as error:
            notes.append(f"All layers keep equally many tokens, not by their shares: {error}")
    return Context(model, n_ctx, chunk, config.cache_type, n_cells, n_outputs)


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
