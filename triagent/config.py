"""Every setting, with its meaning below it: defaults < file < environment < flags.

Holds values and their ranges; `settings` reads them. They are checked together once, at start,
and passed down. The text below a field is its documentation everywhere: in the settings file,
in `triagent config` and in completion.

Each class says what it is: without, dataclass makes a text from its signature, which is slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from triagent.errors import ConfigError


@dataclass(frozen=True)
class ModelConfig:
    """The model, and where it runs."""

    path: Path | None = None
    """GGUF file to run. None: the model that comes with triagent."""
    sidecar: Path | None = None
    """Centers of that model. None: looked up beside the model and in the data folder."""
    gpu_layers: int = -1
    """Layers on the GPU; -1: as many as fit, 0: CPU only."""
    threads: int = 0
    """CPU threads for decoding; 0: physical cores less one, at least one."""
    n_ctx: int = 0
    """Largest position a session may reach; 0: what the model was trained for."""
    cache_type: str = "f16"
    """Type of cached keys and values: f32, f16, bf16, q8_0 or q4_0."""


@dataclass(frozen=True)
class CacheConfig:
    """What the model may remember."""

    budget: int | None = None
    """Most cells kept after a round. None: from free memory, at least what a sidecar asks."""
    interval: int = 128
    """Tokens between two rounds once over budget; also the slack that is allocated."""
    chunk: int = 512
    """Most tokens fed at once; cancel takes effect between two chunks."""
    n_sink: int = 4
    """First positions, never evicted."""
    n_window: int = 64
    """Most recent positions, never evicted; rolling back inside them is exact."""
    policy: str = "auto"
    """auto (what the sidecar's self-test recommends), triattention, fitted, knorm, keydiff,
    streaming, random or none."""
    select: str = "per-layer-head"
    """Which heads share a keep set: per-layer-head, per-head or shared."""
    shares: str = "auto"
    """auto: layers keep unequally many where the sidecar says how much each needs; equal: never.
    The cache as a whole takes the same memory either way."""


@dataclass(frozen=True)
class SamplingConfig:
    """How the next token is chosen."""

    temperature: float = 0.0
    """0 is greedy, the steadiest choice for tool use."""
    top_p: float = 0.95
    """Smallest set of tokens whose probabilities reach this sum."""
    top_k: int = 40
    """Only this many best tokens; 0: all."""
    min_p: float = 0.05
    """Tokens less likely than this share of the best one are dropped."""
    seed: int = 0
    """Seed of the sampler, so that runs can be repeated."""
    max_tokens: int = 2048
    """Tokens of one model message."""
    think_tokens: int = 1024
    """Tokens of thinking before it is closed; 0: no thinking where the format allows it."""
    grammar: bool = True
    """Constrain the inside of tool calls to the tools' schemas."""


@dataclass(frozen=True)
class AgentConfig:
    """What the agent may do, and how much."""

    mode: str = "ask"
    """read-only, ask, auto (inside the sandbox) or full (by flag only, never stored)."""
    max_steps: int = 50
    """Model calls in one turn before the user is asked."""
    max_seconds: int = 1800
    """Wall clock of one turn."""
    command_seconds: int = 120
    """Wall clock of one command."""
    output_chars: int = 12000
    """Characters of one tool result that the model sees; the rest goes to a file."""
    auto_recall: bool = True
    """Offer evicted words by itself when a question touches them."""
    instructions: bool = True
    """Read AGENTS.md and MEMORY.md of the workspace."""


@dataclass(frozen=True)
class UiConfig:
    """The app."""

    theme: str = "triagent-dark"
    """Name of a theme, see the command palette."""
    mouse: bool = True
    """Capture the mouse; off leaves selection to the terminal."""
    motion: bool = True
    """Animate; off for reduced motion."""
    notify: bool = True
    """Tell the terminal (OSC 9) when a long turn ends or asks."""
    keys: dict[str, str] = field(default_factory=dict)
    """Binding name -> keys, for those that differ from the defaults."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    model: ModelConfig = field(default_factory=ModelConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    ui: UiConfig = field(default_factory=UiConfig)
    workspace: Path = field(default_factory=Path.cwd)
    """Folder the tools work in."""
    offline: bool = False
    """Never use the network, not even when asked to download."""


MODES = ("read-only", "ask", "auto", "full")
CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0")
POLICIES = (
    "auto", "triattention", "fitted", "knorm", "keydiff", "streaming", "random", "none",
)  # fmt: skip
SELECTS = ("per-layer-head", "per-head", "shared")
SHARES = ("auto", "equal")


def check(config: Config) -> None:
    """Check all values together.

    Raises:
        ConfigError: one line for each value that is out of range.
    """
    problems = [text for text in _problems(config) if text]
    if problems:
        raise ConfigError("\n".join(problems))


def _problems(config: Config) -> Iterator[str]:
    model, cache, sampling, agent = config.model, config.cache, config.sampling, config.agent
    yield _one_of("model.cache_type", model.cache_type, CACHE_TYPES)
    yield _at_least("model.gpu_layers", model.gpu_layers, -1)
    yield _at_least("model.threads", model.threads, 0)
    yield _at_least("model.n_ctx", model.n_ctx, 0)
    yield _one_of("cache.policy", cache.policy, POLICIES)
    yield _one_of("cache.select", cache.select, SELECTS)
    yield _one_of("cache.shares", cache.shares, SHARES)
    yield _at_least("cache.interval", cache.interval, 1)
    yield _at_least("cache.chunk", cache.chunk, 1)
    yield _at_least("cache.n_sink", cache.n_sink, 0)
    yield _at_least("cache.n_window", cache.n_window, 1)
    if cache.budget is not None:
        least = cache.n_sink + cache.n_window + 1
        yield _at_least("cache.budget", cache.budget, least, " (n_sink + n_window + 1)")
    yield _at_least("sampling.temperature", sampling.temperature, 0)
    yield _share("sampling.top_p", sampling.top_p)
    yield _share("sampling.min_p", sampling.min_p)
    yield _at_least("sampling.top_k", sampling.top_k, 0)
    yield _at_least("sampling.seed", sampling.seed, 0)
    yield _at_least("sampling.max_tokens", sampling.max_tokens, 1)
    yield _at_least("sampling.think_tokens", sampling.think_tokens, 0)
    yield _one_of("agent.mode", agent.mode, MODES)
    yield _at_least("agent.max_steps", agent.max_steps, 1)
    yield _at_least("agent.max_seconds", agent.max_seconds, 1)
    yield _at_least("agent.command_seconds", agent.command_seconds, 1)
    yield _at_least("agent.output_chars", agent.output_chars, 200)


def _one_of(key: str, value: str, known: tuple[str, ...]) -> str:
    return "" if value in known else f'{key} is "{value}"; it is one of {", ".join(known)}'


def _at_least(key: str, value: float, least: float, why: str = "") -> str:
    # Written so that NaN is refused as well.
    return "" if value >= least else f"{key} is {value}; it is at least {least}{why}"


def _share(key: str, value: float) -> str:
    return "" if 0 <= value <= 1 else f"{key} is {value}; it lies between 0 and 1"
