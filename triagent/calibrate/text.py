"""Calibration text: prose, code and tool sessions, as token ids.

Knows templates and a tokenizer as functions; no library, no model. Every text is cut to an
exact number of tokens, so that runs can be compared.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from triagent.agent.context import system_prompt
from triagent.agent.tools import TOOLS, read
from triagent.calibrate.facts import Fact, FactFile, FactSource
from triagent.chat import Message, Origin, Role, ToolSchema
from triagent.engine.template import Segment, Template
from triagent.errors import ConfigError

Tokenize = Callable[[str, bool], list[int]]
"""(text, parse special tokens?) -> ids, without BOS."""

SYSTEM = system_prompt("project", "Linux")
SCHEMAS = tuple(tool.schema for tool in TOOLS)
"""What a session of the product opens with."""


def prose() -> str:
    """The bundled public-domain prose."""
    packed = resources.files("triagent.calibrate").joinpath("data/prose.txt.xz").read_bytes()
    return lzma.decompress(packed).decode()


@cache
def sentences() -> tuple[str, ...]:
    """Short sentences of the prose: the words between a file's settings."""
    found = re.split(r"(?<=[.!?])\s+", prose())
    return tuple(x for x in found if 20 <= len(x) <= 60 and "\n" not in x and x.isascii())


def code() -> str:
    """Python source: this package's own."""
    root = resources.files("triagent")
    names = sorted(item.name for item in root.joinpath("calibrate").iterdir())
    parts = [root.joinpath(name).read_text() for name in ("chat.py", "config.py", "errors.py")]
    parts += [
        root.joinpath("calibrate", name).read_text() for name in names if name.endswith(".py")
    ]
    return "\n\n".join(parts)


@dataclass(frozen=True)
class Planted:
    """A fact and the turn it stands in, positions [start, stop)."""

    fact: Fact
    start: int
    stop: int


@dataclass(frozen=True)
class Session:
    """A tool session as the agent feeds it: files asked about, things told in between."""

    ids: tuple[int, ...]
    n_prompt: int
    """Tokens of the system prompt and tools; pinned in every comparison."""
    facts: tuple[Planted, ...]
    ended: str
    """Text of the end token that stands last."""


TELL_EVERY = 4
"""Of so many turns the user tells something in one; the others are about a file."""


class Writer:
    """Turns conversations into token ids through a model's own template."""

    def __init__(self, template: Template, tokenize: Tokenize) -> None:
        self._template, self._tokenize = template, tokenize

    def opening(self, system: str = SYSTEM, tools: Sequence[ToolSchema] = SCHEMAS) -> list[int]:
        return self._encode(self._template.opening(system, tools))

    def delta(self, *messages: Message, first: bool = False, ended: str = "") -> list[int]:
        """New messages and the prompt of the answer, without thinking."""
        segments = self._template.delta(messages, first=first, ended=ended)
        return self._encode([*segments, *self._template.no_thinking()])

    def answer(self, text: str) -> tuple[list[int], str]:
        """An assistant's words with the family's end; also the text of the end token."""
        closing = self._template.closing()
        own = Segment(text, False, Origin.MODEL)
        return self._encode([own, *closing]), closing[-1].text if closing else ""

    def call(self, path: str) -> tuple[list[int], str]:
        """A call of `read`, in the family's own words where they are JSON in tags."""
        body = json.dumps({"name": read.SCHEMA.name, "arguments": {"path": path}})
        segment = Segment(f"<tool_call>\n{body}\n</tool_call>", True, Origin.CALL)
        closing = self._template.closing()
        return self._encode([segment, *closing]), closing[-1].text if closing else ""

    def session(self, seed: int, n_tokens: int, n_facts: int = 3) -> Session:
        """Turns until `n_tokens` are full; cut there."""
        ids, facts, ended = [*self.opening()], [], ""
        n_prompt = len(ids)
        for new, planted, ended in self._turns(seed, n_prompt, n_facts):  # noqa: B007
            ids += new
            facts += planted
            if len(ids) >= n_tokens:
                break
        kept = tuple(p for p in facts if p.stop <= n_tokens)
        return Session(tuple(ids[:n_tokens]), n_prompt, kept, ended)

    def whole_session(self, seed: int, n_tokens: int, n_facts: int = 3) -> Session:
        """As `session`, but stops before the turn that would pass `n_tokens`."""
        ids, facts, ended = [*self.opening()], [], ""
        n_prompt = len(ids)
        for new, planted, last in self._turns(seed, n_prompt, n_facts):
            if len(ids) + len(new) > n_tokens:
                break
            ids += new
            facts += planted
            ended = last
        return Session(tuple(ids), n_prompt, tuple(facts), ended)

    def question(self, fact: Fact, ended: str) -> tuple[list[int], list[int]]:
        """A question about a fact: ids up to the value, and the ids of the value."""
        prompt = self.delta(Message(Role.USER, fact.question), ended=ended)
        lead = self._tokenize(fact.lead, False)
        whole = self._tokenize(f"{fact.lead}{fact.value}`", False)
        n_same = next(
            (i for i, (a, b) in enumerate(zip(lead, whole, strict=False)) if a != b),
            min(len(lead), len(whole)),
        )
        close = len(self._tokenize("`", False))
        return prompt + whole[:n_same], whole[n_same : len(whole) - close] or whole[n_same:]

    def _turns(
        self, seed: int, start: int, n_facts: int
    ) -> Iterator[tuple[list[int], list[Planted], str]]:
        """Turns without end: their tokens, what stands in them, the text of their end token."""
        source, ended = FactSource(seed, sentences()), ""
        for i in itertools.count():
            if i % TELL_EVERY == TELL_EVERY - 1:
                told = (source.told(),)
                ids, ended = self._telling(told[0], ended, first=i == 0)
            else:
                file = source.file(n_facts)
                told = file.facts
                ids, ended = self._reading(file, source.pick(told), ended, first=i == 0)
            stop = start + len(ids)
            yield ids, [Planted(fact, start, stop) for fact in told], ended
            start = stop

    def _telling(self, fact: Fact, ended: str, first: bool) -> tuple[list[int], str]:
        message = Message(Role.USER, f"My {fact.key} is {fact.value}.")
        ids = self.delta(message, first=first, ended=ended)
        done, ended = self.answer(f"Noted: your {fact.key} is `{fact.value}`.")
        return ids + done, ended

    def _reading(
        self, file: FactFile, fact: Fact, ended: str, first: bool
    ) -> tuple[list[int], str]:
        """The user asks for a value, the model reads the file and says it."""
        words = f"What is {fact.key} in {file.path}?"
        if self._template.family == "hermes":
            ids = self.delta(Message(Role.USER, words), first=first, ended=ended)
            call, ended = self.call(file.path)
            ids += call
            result = Message(Role.TOOL, read.render(file.text), name="read", call_id="call_1")
            ids += self.delta(result, ended=ended)
        else:
            words = f"Here is {file.path}.\n\n{file.text}\n\n{words}"
            ids = self.delta(Message(Role.USER, words), first=first, ended=ended)
        done, ended = self.answer(f"`{fact.key}` in `{fact.path}` is `{fact.value}`.")
        return ids + done, ended

    def _encode(self, segments: Sequence[Segment]) -> list[int]:
        return [i for part in segments for i in self._tokenize(part.text, part.special)]


@dataclass(frozen=True)
class Twice:
    """A text and the same text again: every token of the first copy is needed once."""

    ids: tuple[int, ...]
    n_prompt: int
    """Protected tokens before the first copy (a system prompt, or 4 sinks)."""
    seam: int
    """Position where the second copy begins: the eviction that is prepared for."""


def twice(ids: Sequence[int], n_prompt: int) -> Twice:
    """Repeat everything after the prompt."""
    return Twice((*ids, *ids[n_prompt:]), n_prompt, len(ids))


def stretches(text: str, tokenize: Tokenize, n_tokens: int) -> Iterator[list[int]]:
    """Consecutive stretches of exactly `n_tokens`, until the text runs out."""
    step, start, rest = n_tokens * 8, 0, []
    while start < len(text):
        rest += tokenize(text[start : start + step], False)
        start += step
        while len(rest) >= n_tokens:
            yield rest[:n_tokens]
            rest = rest[n_tokens:]


def digest(texts: Sequence[str]) -> str:
    """sha256 of the texts, for the sidecar."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def user_text(paths: Sequence[str]) -> str:
    """The user's own files, joined. Raises ConfigError for one that is no text."""
    parts = []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                parts.append(file.read())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--text {path}: {error}; give a UTF-8 text file") from error
    return "\n\n".join(parts)
