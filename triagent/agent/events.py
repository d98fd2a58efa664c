"""The events of a turn: one stream for the app, the headless text and `--json`.

Order of one turn:

    TurnStarted
    ├── Notice*                          at any point
    ├── StepStarted                      one model call
    │   ├── Prefilling*                  feeding the message or the tool results
    │   ├── ThinkingText* | AnswerText* | CallText*
    │   ├── RoundDone* | CacheChanged*   whenever the cache changes
    │   └── StepDone
    ├── ToolProposed                     for each call, in order
    │   ├── ApprovalAsked?               the loop waits for `Agent.answer`
    │   ├── ToolStarted, ToolOutput*     live output
    │   └── ToolEnded
    ├── (StepStarted ...)*
    └── TurnEnded                        exactly once, whatever happens

Every event is a frozen dataclass; `as_json` gives the line that `--json` prints.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, is_dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from triagent.chat import CacheStatus, StopReason, ToolCall, Usage


class Outcome(StrEnum):
    """How a turn ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """A guard ended it (repeated call, step limit, wall clock, ...)."""
    FAILED = "failed"


class Ending(StrEnum):
    """How a tool call ended."""

    RAN = "ran"
    """It ran, well or not, or could not be run as written."""
    DENIED = "denied"
    """The user or the mode did not allow it."""
    STOPPED = "stopped"
    """It was interrupted, before or while it ran."""


class Decision(StrEnum):
    """The user's answer to an approval."""

    ONCE = "once"
    ALWAYS = "always"
    DENY = "deny"


@dataclass(frozen=True)
class TurnStarted:
    turn: int
    text: str


@dataclass(frozen=True)
class Steered:
    """What the user added in the middle of a turn. Only the past tells it: who adds it knows."""

    text: str


@dataclass(frozen=True)
class StepStarted:
    turn: int
    step: int


@dataclass(frozen=True)
class Prefilling:
    n_done: int
    n_total: int
    tps: float


@dataclass(frozen=True)
class AnswerText:
    text: str


@dataclass(frozen=True)
class ThinkingText:
    text: str


@dataclass(frozen=True)
class CallText:
    text: str
    name: str | None = None


@dataclass(frozen=True)
class RoundDone:
    """An eviction round ran."""

    n_evicted: int
    now: int
    lost: tuple[tuple[int, int], ...]
    ms: float
    number: int = 0
    """In the session, from 1; 0 when nobody counts."""


@dataclass(frozen=True)
class CacheChanged:
    status: CacheStatus


@dataclass(frozen=True)
class StepDone:
    reason: StopReason
    usage: Usage


@dataclass(frozen=True)
class ToolProposed:
    call: ToolCall
    summary: str
    """One line: what will happen ("write src/a.py (+3 -1)")."""
    diff: str = ""
    """Unified diff of what the call would change; empty when it changes no file."""


@dataclass(frozen=True)
class ApprovalAsked:
    """The loop waits until `Agent.answer(id, decision)`."""

    id: str
    call: ToolCall
    parts: tuple[str, ...]
    """The exact commands or files that are asked for, one by one."""
    may_always: bool
    """False when "always" is not on offer for this call."""
    why: str
    """Why it is asked (mode, no sandbox, protected path, ...)."""
    diff: str = ""


@dataclass(frozen=True)
class ToolStarted:
    call: ToolCall


@dataclass(frozen=True)
class ToolOutput:
    call_id: str
    text: str


@dataclass(frozen=True)
class ToolEnded:
    call_id: str
    ok: bool
    text: str
    """What the model reads."""
    seconds: float
    changed: tuple[str, ...] = ()
    """Files changed, relative to the workspace."""
    ending: Ending = Ending.RAN


@dataclass(frozen=True)
class Notice:
    """A plain sentence for the user; never part of the conversation."""

    level: str
    """"info", "warning" or "error"."""
    text: str


@dataclass(frozen=True)
class Recalled:
    """Evicted words were put back at the tail."""

    turn: int
    text: str


@dataclass(frozen=True)
class TurnEnded:
    """The line of facts, made by us and not by the model."""

    turn: int
    outcome: Outcome
    why: str
    n_steps: int
    n_tools: int
    n_failed: int
    changed: tuple[str, ...]
    usage: Usage
    seconds: float
    cache: CacheStatus | None = None
    unproved: bool = False
    """The answer speaks of changes, and no tool changed anything."""
    n_denied: int = 0
    """Calls that were not allowed; not among `n_tools`."""
    n_skipped: int = 0
    """Calls that were not run because the turn was over; not among `n_tools`."""


Event = (
    TurnStarted
    | Steered
    | StepStarted
    | Prefilling
    | AnswerText
    | ThinkingText
    | CallText
    | RoundDone
    | CacheChanged
    | StepDone
    | ToolProposed
    | ApprovalAsked
    | ToolStarted
    | ToolOutput
    | ToolEnded
    | Notice
    | Recalled
    | TurnEnded
)


def as_json(event: Event) -> dict[str, Any]:
    """One JSON object: the type's name under "event", then its fields."""
    return {"event": type(event).__name__, **_plain(asdict(event))}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    return value
