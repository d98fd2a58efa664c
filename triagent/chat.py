"""Values that all layers share, and the protocol by which the agent knows a model.

A conversation is an append-only run of tokens. The model renders and feeds only what is new
and reports every token it fed or sampled as a `Span`; whoever keeps the spans in order has
the whole session. Knows nothing of llama.cpp, of files or of the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol


class Origin(StrEnum):
    """Who a token comes from. Template glue counts as the message it wraps."""

    SYSTEM = "system"
    USER = "user"
    MODEL = "model"
    THINKING = "thinking"
    CALL = "call"
    TOOL = "tool"


class Role(StrEnum):
    """Who speaks a message, by the names that chat templates use."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class StopReason(StrEnum):
    """Why a generation step ended."""

    END = "end"
    """The model closed its message."""
    CALLS = "calls"
    """The model closed its message and it holds at least one tool call."""
    LENGTH = "length"
    """`Limits.max_tokens` was reached."""
    CANCELLED = "cancelled"
    """`Model.cancel` was called."""
    REPETITION = "repetition"
    """The same tokens came over and over."""
    NO_ROOM = "no_room"
    """Pinned and protected cells leave no room, even after eviction."""


@dataclass(frozen=True)
class ToolSchema:
    """A tool as the model sees it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments: an object with `properties` and `required`."""

    def as_json(self) -> dict[str, Any]:
        """The shape that chat templates expect in `tools`."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.parameters,
            },
        }


@dataclass(frozen=True)
class ToolCall:
    """One call that the model wrote."""

    id: str
    name: str
    arguments: dict[str, Any]
    raw: str = ""
    """The text as sampled, for the record and for repair."""
    error: str | None = None
    """Why it cannot be run as written (unknown tool, arguments against the schema), or None."""


@dataclass(frozen=True)
class Message:
    """One message to append. Only what is new is ever rendered."""

    role: Role
    text: str
    name: str | None = None
    """For `Role.TOOL`: the tool's name."""
    call_id: str | None = None
    """For `Role.TOOL`: the call that this answers."""


@dataclass(frozen=True)
class Span:
    """A run of tokens of one origin, at the positions it was fed to the model."""

    origin: Origin
    pos: int
    """Position of the first token."""
    ids: tuple[int, ...]
    text: str
    sampled: bool = False
    """True when the model produced the tokens, False when they were fed."""

    @property
    def stop(self) -> int:
        """Position after the last token."""
        return self.pos + len(self.ids)


@dataclass(frozen=True)
class Usage:
    """Counts and rates of one append or one generation step."""

    n_prefill: int = 0
    """Tokens fed."""
    n_decode: int = 0
    """Tokens sampled."""
    prefill_s: float = 0.0
    decode_s: float = 0.0

    @property
    def prefill_tps(self) -> float:
        """Tokens fed per second; 0 when none were."""
        return self.n_prefill / self.prefill_s if self.prefill_s else 0.0

    @property
    def decode_tps(self) -> float:
        """Tokens sampled per second; 0 when none were."""
        return self.n_decode / self.decode_s if self.decode_s else 0.0


@dataclass(frozen=True)
class CacheStatus:
    """The KV cache at one moment."""

    n_pos: int
    """Tokens of the session so far: the next token's position."""
    n_used: int
    """Cells that hold a live token."""
    n_pinned: int
    """Cells that no round may evict (sinks, window and pinned spans)."""
    n_cells: int
    """Cells allocated."""
    budget: int
    """Most cells kept after a round; 0 when the cache is unbounded."""
    n_rounds: int
    n_evicted: int
    """Cells evicted since the session began."""
    cache_bytes: int
    """Bytes allocated for K and V."""
    full_bytes: int
    """Bytes that full attention would hold for `n_pos` tokens."""
    policy: str
    """Name of the policy in force ("triattention", "streaming", ..., "none")."""
    round_ms: float = 0.0
    """Wall time of the last round."""


# What a model streams. The order within one call: any number of Prefill, Text, Thinking,
# CallText, Evicted and CacheStatus; then exactly one Appended (append, open, replay) or one
# StepEnd (generate), last.


@dataclass(frozen=True)
class Prefill:
    """Progress of feeding tokens, sent after each chunk."""

    n_done: int
    n_total: int
    tps: float


@dataclass(frozen=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True)
class Thinking:
    """A piece of the model's reasoning."""

    text: str


@dataclass(frozen=True)
class CallText:
    """A piece of a tool call being written, not yet runnable."""

    text: str
    name: str | None = None
    """The tool's name, as soon as it is known."""


@dataclass(frozen=True)
class Evicted:
    """One eviction round."""

    n_evicted: int
    """Cells freed."""
    now: int
    """Position of the next token when the round ran."""
    score_min: float | None
    score_max: float | None
    """Range of the evicted rows' scores; None for policies without scores."""
    lost: tuple[tuple[int, int], ...]
    """Position ranges [start, stop) that no head of any layer holds any more since this round."""
    ms: float
    reason: str = "budget"
    """"budget", "no slot", or "forget"."""


@dataclass(frozen=True)
class Appended:
    """What was fed. Shorter than asked when `cancelled`; the tokens listed are in the cache."""

    spans: tuple[Span, ...]
    usage: Usage
    cancelled: bool = False


@dataclass(frozen=True)
class StepEnd:
    """The end of one generation step."""

    reason: StopReason
    spans: tuple[Span, ...]
    calls: tuple[ToolCall, ...]
    usage: Usage
    notes: tuple[str, ...] = ()
    """What the parser passed over, as sentences: a call inside thinking or a code block."""


Delta = Prefill | Text | Thinking | CallText | Evicted | CacheStatus | Appended | StepEnd


@dataclass(frozen=True)
class Limits:
    """Bounds and sampling of one generation step."""

    max_tokens: int = 2048
    think_tokens: int = 1024
    """Tokens of thinking after which the closing tag is forced; 0 turns thinking off where the
    format allows it."""
    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    seed: int = 0
    grammar: bool = True
    """Constrain the inside of a tool call to the tool's schema where the format allows it."""


@dataclass(frozen=True)
class ModelInfo:
    """What is loaded, for the screen and for the ledger's header."""

    name: str
    path: Path
    fingerprint: str
    architecture: str
    n_params: int
    n_ctx_train: int
    n_ctx: int
    """Logical window: the largest position that this session may reach."""
    n_vocab: int
    device: str
    cache_type: str
    format: str
    """Family of the tool-call format ("hermes", "llama3", ...)."""
    sidecar: Path | None = None
    policy: str = "none"
    notes: tuple[str, ...] = ()
    """Plain sentences the user should read (eviction unsupported, unchecked model, ...)."""


@dataclass(frozen=True)
class Holding:
    """Who still holds each position: the share of (layer, KV head) rows, 0 to 1."""

    n_pos: int
    share: Sequence[float] = field(repr=False)
    """One value a position, (n_pos,) float32."""
    score: Sequence[float] = field(repr=False)
    """Mean score at the last round, (n_pos,) float32; NaN where it was not a candidate."""
    pinned: Sequence[bool] = field(repr=False)
    """(n_pos,) bool."""


class Model(Protocol):
    """A model with one conversation that only grows.

    One caller at a time; `cancel` from any thread.
    Every iterator must be run to its end (its last item is `Appended` or `StepEnd`).
    Raises: EngineDied when the process behind it ends, EngineError when a command is refused.
    """

    @property
    def info(self) -> ModelInfo: ...

    def open(self, system: str, tools: Sequence[ToolSchema]) -> Iterator[Delta]:
        """Render the system prompt with all tool schemas, feed it, and pin it."""
        ...

    def append(self, messages: Sequence[Message]) -> Iterator[Delta]:
        """Render only these messages as the continuation and feed them."""
        ...

    def generate(self, limits: Limits) -> Iterator[Delta]:
        """Sample the assistant's next message and parse it."""
        ...

    def replay(self, spans: Sequence[Span]) -> Iterator[Delta]:
        """Feed a ledger's tokens as they are; nothing is rendered.

        Spans that begin at position 0 start over with an empty cache, whatever it holds; others
        must begin at the next position, so that they continue a snapshot that was loaded. The
        first span is pinned as `open` pins it. The tools given to `open` are needed again for
        parsing: call `bind_tools` before."""
        ...

    def bind_tools(self, tools: Sequence[ToolSchema]) -> None:
        """Tell the parser and grammar which tools exist, feeding nothing."""
        ...

    def close_message(self, note: str = "") -> Iterator[Delta]:
        """Close an interrupted assistant message with the family's end tokens."""
        ...

    def rollback(self, pos: int) -> bool:
        """Drop all positions >= pos. False when that lies before the protected window: then the
        only way is a snapshot or a replay, and nothing was changed."""
        ...

    def cancel(self) -> None:
        """Stop the running call within one chunk or token. Safe from any thread."""
        ...

    def status(self) -> CacheStatus: ...

    def holding(self) -> Holding: ...

    def pin(self, start: int, stop: int) -> None:
        """Protect positions [start, stop) from eviction."""
        ...

    def unpin(self, start: int, stop: int) -> None: ...

    def forget(self, start: int, stop: int) -> Evicted:
        """Evict positions [start, stop) now, for all heads."""
        ...

    def save(self, path: Path, ledger_hash: str) -> None:
        """Write the cache state and its guarding header."""
        ...

    def load(self, path: Path, ledger_hash: str) -> int:
        """Restore a state; returns its next position. Raises SnapshotError on any mismatch."""
        ...

    def count(self, text: str) -> int:
        """Tokens of plain text."""
        ...

    def restart(self) -> ModelInfo:
        """Begin anew with an empty cache, after `EngineDied` or before; then `replay` or `load`."""
        ...

    def close(self) -> None:
        """End the engine. May be called twice."""
        ...
