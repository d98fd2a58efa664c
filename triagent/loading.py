"""Opens a model, with less of it when memory is short.

In this order, each step on top of those before it, and each one told: fewer layers on the GPU,
a smaller budget, a cache of a smaller type, the CPU alone. Only a shortage of memory leads to
the next step; any other refusal is an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from triagent.config import Config
from triagent.engine.client import EngineModel, open_model
from triagent.engine.model_file import open_model_file
from triagent.errors import EngineDied, MemoryShortError, TriagentError

_MEMORY = re.compile(
    r"out of memory|not enough memory|fail\w* to allocate|unable to allocate|cannot allocate"
    r"|bad_alloc|allocation failed|alloc_buffer|no cache of|cudaMalloc|OutOfDeviceMemory",
    re.IGNORECASE,
)
_GPU = re.compile(r"\b(CUDA|Vulkan|Metal|HIP|ROCm|SYCL|GPU)", re.IGNORECASE)
_BUDGETS = (4096, 2048, 1024)
_CONTEXTS = (16384, 8192, 4096)
TRYING = "not enough memory; trying "
"""Begins the report of each step."""
_AUTO_BUDGET = 8192  # most that is chosen when none is set


def open_within_memory(
    config: Config,
    report: Callable[[str], None] = lambda text: None,
    opener: Callable[[Config], EngineModel] = open_model,
) -> tuple[EngineModel, Config]:
    """Open the configured model; returns it with the settings it runs with.

    Args:
        report: told of each step before it is tried.

    Raises:
        MemoryShortError: not even the smallest step fits.
        TriagentError: whatever else refused it.
    """
    try:
        return opener(config), config
    except TriagentError as error:
        if not is_memory_short(error):
            raise
        first = error
    last: TriagentError = first
    for text, smaller in steps(config, bool(_GPU.search(str(first)))):
        report(TRYING + text)
        try:
            model = opener(smaller)
        except TriagentError as error:
            if not is_memory_short(error):
                raise
            last = error
            continue
        model.add_note(f"Memory was short: it runs with {text}.")
        return model, smaller
    raise MemoryShortError(
        f"{last}\nEvery smaller setting was tried. Choose a smaller model: triagent models list"
    ) from last


def is_memory_short(error: TriagentError) -> bool:
    """Whether less memory use might help; the system's own way of saying so is a kill."""
    killed = isinstance(error, EngineDied) and "SIGKILL" in str(error)
    return isinstance(error, MemoryShortError) or killed or bool(_MEMORY.search(str(error)))


def steps(config: Config, on_gpu: bool) -> Iterator[tuple[str, Config]]:
    """Smaller and smaller settings, and what is smaller about each, in words."""
    told: dict[str, str] = {}
    for kind, text, change in _changes(config, on_gpu):
        config = change(config)
        told[kind] = text  # a smaller number takes the place of the larger one
        yield ", ".join(told.values()), config


_Change = tuple[str, str, Callable[[Config], Config]]  # kind, in words, what it does


def _changes(config: Config, on_gpu: bool) -> Iterator[_Change]:
    if on_gpu and config.model.gpu_layers != 0:
        yield from _fewer_layers(config)
    yield from _smaller_cache(config)
    if config.model.cache_type in ("f32", "f16", "bf16"):
        yield "type", "a cache of q8_0", lambda item: _with_model(item, cache_type="q8_0")
    if on_gpu and config.model.gpu_layers != 0:
        yield "layers", "the CPU alone", lambda item: _with_model(item, gpu_layers=0)


def _fewer_layers(config: Config) -> Iterator[_Change]:
    assert config.model.path is not None
    n_layer = open_model_file(config.model.path).number("block_count", 0)
    most = n_layer if config.model.gpu_layers < 0 else min(n_layer, config.model.gpu_layers)
    for fewer in (most * 3 // 4, most // 2):
        if 0 < fewer < most:
            text = f"{fewer} of {n_layer} layers on the GPU"
            yield "layers", text, lambda item, n=fewer: _with_model(item, gpu_layers=n)


def _smaller_cache(config: Config) -> Iterator[_Change]:
    cache = config.cache
    if cache.policy == "none":
        for n_ctx in _CONTEXTS:
            if not 0 < config.model.n_ctx <= n_ctx:
                text = f"a context of {n_ctx:,}"
                yield "context", text, lambda item, n=n_ctx: _with_model(item, n_ctx=n)
        return
    for budget in _BUDGETS:
        if cache.n_sink + cache.n_window < budget < (cache.budget or _AUTO_BUDGET):
            text = f"a budget of {budget:,}"
            yield "budget", text, lambda item, n=budget: _with_budget(item, n)


def _with_budget(config: Config, budget: int) -> Config:
    return replace(config, cache=replace(config.cache, budget=budget))


def _with_model(config: Config, **changes: int | str) -> Config:
    return replace(config, model=replace(config.model, **changes))
