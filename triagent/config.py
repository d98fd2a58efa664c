"""Every setting, with its meaning below it: defaults < file < environment < flags.

Holds values only; they are checked together once, at start, and passed down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ModelConfig:
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
    budget: int | None = None
    """Most cells kept after a round. None: from the sidecar's self-test, else from free memory."""
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


@dataclass(frozen=True)
class SamplingConfig:
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
    model: ModelConfig = field(default_factory=ModelConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    ui: UiConfig = field(default_factory=UiConfig)
    workspace: Path = field(default_factory=Path.cwd)
    """Folder the tools work in."""
    offline: bool = False
    """Never use the network, not even when asked to download."""
