"""A model's chat template as an append-only protocol: only what is new is ever rendered.

The conversation is rendered once, at the opening. Later each `delta` is the text that the
template puts between the assistant's words and the next ones: what closes the assistant's
message, the new messages, and the prompt for the next answer. Template text and untrusted
content come apart as segments, so no file, tool or user can forge a turn. Knows nothing of
token ids except those of special tokens, and nothing of llama.cpp.

    Template ── Glue (what stands between messages) ── Renderer (a process that runs jinja2)
       └────── Dialect (how calls are written) ──────── MessageParser
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from triagent.chat import Message, Origin, Role, ToolSchema
from triagent.engine import formats, glue, shaping, slots
from triagent.engine.formats import chatml
from triagent.engine.formats.hermes import HERMES
from triagent.engine.formats.parsed import CallReady, Parsed, Reply, StreamParser
from triagent.engine.formats.stream import MessageParser
from triagent.engine.glue import FIRST_NEW, SYSTEM, TOOL, Glue, Shape
from triagent.engine.render import Refused, Renderer
from triagent.engine.slots import Piece, Slot
from triagent.errors import ModelError

__all__ = ["CallReady", "Parsed", "Reply", "Segment", "StreamParser", "Template"]

MAX_SOURCE_CHARS = 1 << 20


@dataclass(frozen=True)
class Segment:
    """A piece of prompt text to tokenise by itself (no BOS, no leading-space insertion)."""

    text: str
    special: bool
    """True for the template's own text: special tokens are parsed. False for content."""
    origin: Origin


class Template:
    """One model's template. Stateless but for its caches: the engine keeps the conversation."""

    family: str
    """Name of the tool-call format ("hermes", "llama3", ...)."""
    stops: tuple[str, ...]
    """Texts of special tokens that end a message besides the vocabulary's EOG tokens."""
    thinks: bool
    """Whether the format has a thinking block."""

    def __init__(self, source: str, bos: str, eos: str, renderer: Renderer) -> None:
        self._source = source
        self._renderer = renderer
        self._specials: Mapping[int, str] = {}
        self._dialect = formats.detect(source)
        self._think = formats.think_tags(source, self._dialect)
        self._glue = self._probe(bos, eos)
        self._native_tools = self._shows_tools()
        if not self._native_tools:
            stops = self._dialect.stops
            self._dialect = replace(HERMES, stops=stops if stops else HERMES.stops)
            self._glue = self._probe(bos, eos)
        self._prompt = self._glue.prompt()
        self._end = self._glue.answer_end().rstrip()
        self._opened: tuple[str, tuple[dict[str, Any], ...]] = ("", ())
        self.family = self._dialect.family
        self.stops = self._dialect.stops
        self.thinks = self._think is not None
        self._guard = self._guard_pattern({})

    @classmethod
    def from_model(
        cls,
        source: str | None,
        bos: str,
        eos: str,
        architecture: str = "",
        specials: Mapping[int, str] | None = None,
        now: datetime | None = None,
        renderer: Renderer | None = None,
    ) -> Template:
        """Reads a GGUF's template; None means that the file has none: plain ChatML.

        specials: id -> text of every CONTROL and USER_DEFINED token. bos, eos: their texts.
        now: the only clock a template sees, the moment of the session's start.
        Raises: ModelError when the template is damaged, hostile or too large."""
        source = source or chatml.CHATML
        if len(source) > MAX_SOURCE_CHARS:
            raise ModelError(f"the model's chat template is {len(source)} characters long")
        own = renderer or Renderer(now)
        try:
            template = cls(source, bos, eos, own)
        except BaseException:
            if renderer is None:
                own.close()
            raise
        template._specials = dict(specials or {})
        template._guard = template._guard_pattern(template._specials)
        return template

    def close(self) -> None:
        """Ends the process that renders. May be called twice."""
        self._renderer.close()

    def opening(self, system: str, tools: Sequence[ToolSchema]) -> list[Segment]:
        """System prompt with all tools, BOS text included where the template has it (so do not
        let the tokenizer add one when the first segment starts with `bos`).

        Raises: ModelError when the template takes no system prompt and no user message."""
        words = {SYSTEM: system}
        listed = tuple(shaping.with_marks(tool, words) for tool in tools)
        if not self._native_tools:
            words[SYSTEM] += chatml.tools_prompt([t.as_json() for t in tools]) if tools else ""
            listed = ()
        rendered, listed = self._render_opening(listed)
        self._opened = (rendered, listed)
        segments = self._segments(slots.split(rendered), words, {}, Origin.SYSTEM)
        if SYSTEM not in slots.indexes(rendered) and words[SYSTEM]:
            segments += self._content(words[SYSTEM] + "\n\n", Origin.SYSTEM)
        return segments

    def delta(
        self, messages: Sequence[Message], *, first: bool = False, ended: str = ""
    ) -> list[Segment]:
        """What is new: closes the previous assistant message, adds `messages`, opens the answer.

        first: nothing but the opening was fed before. ended: what of the previous message's end
        is in the cache already. Best leave a sampled end token out of the cache and pass
        nothing: then the message is closed in the template's own way.
        Raises: ModelError when the template takes no such message at all."""
        fresh = shaping.merged(shaping.known_roles(messages, self._native_tools))
        segments: list[Segment] = []
        for group in self._groups(fresh, first):
            segments += self._group(group, first and not segments)
        return _without(segments, ended)

    def closing(self, *, in_thinking: bool = False, note: str = "") -> list[Segment]:
        """Ends an interrupted assistant message; pass the last segment's text as `ended` of the
        next delta when there is one."""
        segments = self.think_close() if in_thinking else []
        if note:
            segments += self._content(note, Origin.MODEL)
        if self._end:
            segments.append(Segment(self._end, True, Origin.MODEL))
        return segments

    def no_thinking(self) -> list[Segment]:
        """To feed right after the prompt to keep the model from thinking; [] when it never
        thinks. The parser must be told with `thinking=False`."""
        if self._think is None:
            return []
        off = self._glue.prompt(**glue.NO_THINKING)
        # Some templates also say so in the user's message: what counts is the prompt's end.
        _, same, text = off.rpartition(self._prompt)
        if same and text:
            return [Segment(text, True, Origin.THINKING)]
        return self.think_close() if self._opens_thinking(self._prompt) else []

    def think_close(self) -> list[Segment]:
        """Forces an open thinking block shut (feed to the cache and to the parser)."""
        if self._think is None:
            return []
        text = f"\n{self._think.close}{self._dialect.after_think}"
        return [Segment(text, True, Origin.THINKING)]

    def parser(
        self,
        tools: Sequence[ToolSchema],
        *,
        grammar: bool = True,
        thinking: bool = True,
        prompt: str | None = None,
    ) -> StreamParser:
        """A parser for one answer. thinking=False: `no_thinking` was fed.

        prompt: text of the last segment fed, which may have opened a thinking block; None for
        the prompt that follows a user's message."""
        prompt = self._prompt if prompt is None else prompt
        if not thinking:
            prompt += "".join(segment.text for segment in self.no_thinking())
        prime = self._dialect.prime
        return MessageParser(
            self._dialect,
            tools,
            self._think,
            self._specials,
            in_thinking=self._opens_thinking(prompt),
            grammar=grammar,
            prime=prime if prime and prompt.endswith(prime) else "",
        )

    def _probe(self, bos: str, eos: str) -> Glue:
        dialect = self._dialect
        for supports_system in (True, False):
            found = Glue(
                self._renderer,
                self._source,
                bos,
                eos,
                dialect.closes,
                dialect.stops,
                dialect.end,
                supports_system,
            )
            try:
                opening, _ = found.opening(())
            except Refused as refused:
                reason = refused
                continue
            if SYSTEM in slots.indexes(opening) or not supports_system:
                return found
        raise ModelError(
            f"the model's chat template cannot be used: it takes no user message ({reason}). "
            "Use another GGUF of this model"
        )

    def _render_opening(self, listed: tuple[dict, ...]) -> tuple[str, tuple[dict, ...]]:
        try:
            return self._glue.opening(listed)[0], listed
        except Refused:
            listed = tuple(shaping.described(tool) for tool in listed)
        try:
            return self._glue.opening(listed)[0], listed
        except Refused as refused:
            raise ModelError(f"the model's chat template refuses the tools: {refused}") from None

    def _shows_tools(self) -> bool:
        """Whether the template shows tools to the model and takes their results."""
        try:
            shown, _ = self._glue.opening([glue.PROBE_TOOL])
            self._glue.between((Shape(Role.TOOL, "probe_tool"),))
        except Refused:
            return False
        return "probe_tool" in shown

    def _opens_thinking(self, prompt: str) -> bool:
        if self._think is None:
            return False
        return prompt.rstrip().endswith(self._think.open.rstrip())

    def _groups(self, messages: Sequence[Message], first: bool) -> list[tuple[Message, ...]]:
        """All at once where the template takes that, else one by one."""
        whole = tuple(messages)
        if not whole:
            return []
        try:
            self._pieces(tuple(map(shaping.shape, whole)), first)
            return [whole]
        except Refused:
            runs = shaping.tool_runs(whole)
            return runs if len(runs) > 1 else [(message,) for message in whole]

    def _group(self, messages: tuple[Message, ...], first: bool) -> list[Segment]:
        try:
            pieces = self._pieces(tuple(map(shaping.shape, messages)), first)
        except Refused:
            messages = tuple(shaping.as_user(message) for message in messages)
            try:
                pieces = self._pieces(tuple(map(shaping.shape, messages)), first)
            except Refused as refused:
                reason = f"the model's chat template refuses a message: {refused}"
                raise ModelError(reason) from None
        words = {FIRST_NEW + i: message.text for i, message in enumerate(messages)}
        places = shaping.places([message for message in messages if message.role is Role.TOOL])
        origins = [shaping.origin(message.role) for message in messages]
        return self._segments(pieces, words, places, *origins)

    def _pieces(self, shapes: tuple[Shape, ...], first: bool) -> list[Piece]:
        if not first:
            return self._glue.between(shapes)
        if not self._opened[0]:
            listed = (glue.PROBE_TOOL,) if self._native_tools else ()
            self._opened = (self._glue.opening(listed)[0], listed)
        return self._glue.first(shapes, *self._opened)

    def _segments(
        self,
        pieces: Sequence[Piece],
        words: Mapping[int, str],
        places: Mapping[str, str],
        *origins: Origin,
    ) -> list[Segment]:
        """Pieces with their words. Template text counts as the message that follows it."""
        segments: list[Segment] = []
        n_done = 0
        for piece in pieces:
            origin = origins[min(n_done, len(origins) - 1)]
            if isinstance(piece, Slot):
                segments += self._content(piece.fill(words.get(piece.index, "")), origin)
                n_done += FIRST_NEW <= piece.index < TOOL
            else:
                segments += self._placed(piece, places, origin)
        return segments

    def _placed(self, text: str, places: Mapping[str, str], origin: Origin) -> list[Segment]:
        """Template text in which call ids, the model's own words, take their places."""
        if not places:
            return [Segment(text, True, origin)]
        parts = re.split("(" + "|".join(map(re.escape, places)) + ")", text)
        segments: list[Segment] = []
        for part in filter(None, parts):
            if part in places:
                segments += self._content(places[part], origin)
            else:
                segments.append(Segment(part, True, origin))
        return segments

    def _content(self, text: str, origin: Origin) -> list[Segment]:
        """Untrusted text, cut inside anything that a tokenizer might take for a special token.

        llama.cpp finds user-defined tokens such as <tool_response> even in text that it is told
        to take literally; in two halves it cannot."""
        cuts = [match.start() + 1 for match in self._guard.finditer(text)]
        edges = [0, *cuts, len(text)]
        parts = (text[start:stop] for start, stop in pairwise(edges))
        return [Segment(part, False, origin) for part in parts if part]

    def _guard_pattern(self, specials: Mapping[int, str]) -> re.Pattern[str]:
        """Where special texts begin that this template or its dialect gives a meaning to."""
        known = [self._source, self._prompt, *self._dialect.opens, *self._dialect.closes]
        known += [self._think.open, self._think.close] if self._think else []
        texts = {t for t in specials.values() if len(t.strip()) > 1 and any(t in k for k in known)}
        return re.compile("|".join(f"(?={re.escape(text)})" for text in sorted(texts)) or r"(?!)")


def _without(segments: list[Segment], ended: str) -> list[Segment]:
    """Without the beginning that is in the cache already."""
    if not ended or not segments or not segments[0].special:
        return segments
    head = segments[0]
    if not head.text.startswith(ended):
        return segments
    rest = replace(head, text=head.text[len(ended) :])
    return ([rest] if rest.text else []) + segments[1:]
