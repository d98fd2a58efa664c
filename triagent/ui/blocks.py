"""The blocks of a transcript, as values. How they look is in `draw`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to make, and not needed for the first paint
    from triagent.agent.events import Outcome


@dataclass(frozen=True)
class UserBlock:
    """What the user said."""

    text: str
    turn: int = 0
    steered: bool = False
    """True when it was given in the middle of a turn."""


@dataclass(frozen=True)
class AnswerBlock:
    """The model's words, Markdown."""

    text: str
    live: bool = False
    """More is to come."""


@dataclass(frozen=True)
class ThinkingBlock:
    """The model's reasoning, folded unless opened."""

    text: str
    seconds: float | None = None
    """None while it goes on, or when unknown."""
    live: bool = False


class CardState(StrEnum):
    """Where a tool call stands."""

    WRITING = "writing"
    """The model is still writing the call."""
    PROPOSED = "proposed"
    ASKING = "asking"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    DENIED = "denied"
    STOPPED = "stopped"


@dataclass(frozen=True)
class CardBlock:
    """One tool call: name, argument, state, time; its output and diff when opened."""

    name: str
    argument: str = ""
    state: CardState = CardState.PROPOSED
    seconds: float | None = None
    output: str = ""
    diff: str = ""


@dataclass(frozen=True)
class RoundBlock:
    """The quiet trace of eviction rounds that followed each other without a word between."""

    number: int
    """Number of the last round."""
    n_evicted: int
    n_lost: int
    """Positions that no head holds any more."""
    ms: float
    n_rounds: int = 1
    """Rounds joined in this mark."""


@dataclass(frozen=True)
class RecallBlock:
    """Evicted words put back at the tail."""

    turn: int
    """The turn that they came back in; the text says which turns they are from."""
    text: str


@dataclass(frozen=True)
class FactsBlock:
    """The line of facts that ends a turn."""

    outcome: Outcome
    why: str
    n_tools: int
    n_failed: int
    changed: tuple[str, ...]
    n_decode: int
    decode_tps: float
    seconds: float
    n_denied: int = 0
    n_skipped: int = 0


@dataclass(frozen=True)
class NoticeBlock:
    """A plain sentence from us."""

    level: str
    text: str


@dataclass(frozen=True)
class WelcomeBlock:
    """What an empty session shows."""

    markdown: str


Block = (
    UserBlock
    | AnswerBlock
    | ThinkingBlock
    | CardBlock
    | RoundBlock
    | RecallBlock
    | FactsBlock
    | NoticeBlock
    | WelcomeBlock
)


def can_fold(block: Block) -> bool:
    """Whether the block has more to show than its head line."""
    if isinstance(block, CardBlock):
        return bool(block.output or block.diff)
    if isinstance(block, FactsBlock):
        return "\n" in block.why
    return isinstance(block, (ThinkingBlock, RecallBlock))


def text_of(block: Block) -> str:
    """The words to copy."""
    match block:
        case CardBlock():
            parts = (f"{block.name} {block.argument}".rstrip(), block.diff, block.output)
            return "\n".join(part for part in parts if part)
        case WelcomeBlock():
            return block.markdown
        case FactsBlock() if can_fold(block):
            return block.why
        case RoundBlock() | FactsBlock():
            return ""
        case _:
            return block.text
