"""What a message comes apart into, and the parser as the engine knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from triagent.chat import CallText, Origin, Text, Thinking, ToolCall


@dataclass(frozen=True)
class CallReady:
    """A call is complete (it may carry an `error`)."""

    call: ToolCall


Parsed = Text | Thinking | CallText | CallReady


@dataclass(frozen=True)
class Reply:
    """One assistant message after its last token."""

    text: str
    thinking: str
    calls: tuple[ToolCall, ...]
    notes: tuple[str, ...] = ()
    """Plain sentences: a call inside thinking or a code fence was not run, ..."""


class StreamParser(Protocol):
    """Splits one assistant message into text, thinking and calls as its tokens come.

    Feed every sampled token except the end token, with its text *including* special tokens'.
    """

    @property
    def origin(self) -> Origin:
        """Whose the token fed last is: MODEL, THINKING or CALL."""
        ...

    @property
    def in_thinking(self) -> bool:
        """True while a thinking block is open, also before the first token when the prompt
        opened it. Past the think budget, feed `Template.think_close`."""
        ...

    def feed(self, piece: str, token_id: int | None = None) -> list[Parsed]:
        """One token's text; may be empty (half of a UTF-8 character is the caller's to hold)."""
        ...

    def allows(self, piece: str, token_id: int | None = None) -> bool:
        """Whether the grammar permits this token next. Always True outside a call and without
        a grammar. Use: sample; if not allowed, walk the candidates by falling probability to the
        first that is; if none is, keep the sample."""
        ...

    def allows_end(self) -> bool:
        """Whether an end token may come here: False only in the middle of a constrained call."""
        ...

    def finish(self, cut_off: bool = True) -> tuple[list[Parsed], Reply]:
        """The message ended: the last pieces held back, and the whole message parsed.

        cut_off: it was ended from outside (limit, cancel, repetition) and not by the model. A
        call that is unfinished then cannot be run: half a command may be a worse one. When the
        model itself ended it, missing closing brackets and tags are put in."""
        ...
