"""A model's chat template as an append-only protocol: only what is new is ever rendered.

The conversation is rendered once, at the opening. Later each `delta` is the text that the
template puts between the assistant's words and the next ones: what closes the assistant's
message, the new messages, and the prompt for the next answer. Template text and untrusted
content come apart as segments, so no file, tool or user can forge a turn. Knows nothing of
token ids except those of special tokens, and nothing of llama.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from triagent.chat import (
    CallText,
    Message,
    Origin,
    Text,
    Thinking,
    ToolCall,
    ToolSchema,
)


@dataclass(frozen=True)
class Segment:
    """A piece of prompt text to tokenise by itself (no BOS, no leading-space insertion)."""

    text: str
    special: bool
    """True for the template's own text: special tokens are parsed. False for content."""
    origin: Origin


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
        opened it. Past the think budget, feed `Template.think_close` (sampled tokens stop)."""
        ...

    def feed(self, piece: str, token_id: int | None = None) -> list[Parsed]:
        """One token's text; may be empty (half of a UTF-8 character is the caller's to hold)."""
        ...

    def allows(self, piece: str, token_id: int | None = None) -> bool:
        """Whether the grammar permits this token next. Always True outside a call. With None
        as the grammar (`Limits.grammar` off) always True. Use: sample; if not allowed, walk the
        candidates by falling probability to the first that is; if none is, take the sample."""
        ...

    def allows_end(self) -> bool:
        """Whether an end token may come here: False only in the middle of a constrained call."""
        ...

    def finish(self) -> tuple[list[Parsed], Reply]:
        """The message ended: the last pieces held back, and the whole message parsed."""
        ...


class Template:
    """One model's template. Stateless but for its caches: the engine keeps the conversation."""

    family: str
    """Name of the tool-call format ("hermes", "llama3", ...)."""
    stops: tuple[str, ...]
    """Texts of special tokens that end a message besides the vocabulary's EOG tokens."""
    thinks: bool
    """Whether the format has a thinking block."""

    @classmethod
    def from_model(
        cls,
        source: str | None,
        bos: str,
        eos: str,
        architecture: str = "",
        specials: Mapping[int, str] | None = None,
        today: str | None = None,
    ) -> Template:
        """Read a GGUF's template (None: the plain ChatML of the bundled model).

        specials: id -> text of every CONTROL and USER_DEFINED token. `bos`, `eos`: their texts.
        Raises: ModelError when the template is damaged, hostile or too large."""
        ...

    def opening(self, system: str, tools: Sequence[ToolSchema]) -> list[Segment]:
        """System prompt with all tools, BOS text included where the template has it (so do not
        let the tokenizer add one when the first segment starts with `bos`)."""
        ...

    def delta(
        self, messages: Sequence[Message], *, first: bool = False, ended: str = ""
    ) -> list[Segment]:
        """What is new: closes the previous assistant message, adds `messages`, opens the answer.

        first: nothing but the opening was fed before. ended: text of the end token that the
        model sampled last and that is in the cache ("" when its message is still open)."""
        ...

    def closing(self, *, in_thinking: bool = False, note: str = "") -> list[Segment]:
        """Ends an interrupted assistant message; pass the last segment's text as `ended` of the
        next delta."""
        ...

    def no_thinking(self) -> list[Segment]:
        """To feed right after the prompt to keep the model from thinking; [] when it never
        thinks. The parser must be told with `thinking=False`."""
        ...

    def think_close(self) -> list[Segment]:
        """Forces an open thinking block shut (feed to the cache and to the parser)."""
        ...

    def parser(
        self, tools: Sequence[ToolSchema], *, grammar: bool = True, thinking: bool = True
    ) -> StreamParser:
        """A parser for one answer. thinking=False: `no_thinking` was fed."""
        ...
