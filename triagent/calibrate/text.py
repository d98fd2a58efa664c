"""Calibration text: prose, code and tool sessions, as token ids.

Knows templates and a tokenizer as functions; no library, no model. Every text is cut to an
exact number of tokens, so that runs can be compared.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from triagent.calibrate.facts import Fact, FactSource
from triagent.chat import Message, Origin, Role, ToolSchema
from triagent.engine.template import Segment, Template
from triagent.errors import ConfigError

Tokenize = Callable[[str, bool], list[int]]
"""(text, parse special tokens?) -> ids, without BOS."""

SYSTEM = "You are a careful assistant. You read files with the tools and answer in few words."
READ = ToolSchema(
    "read",
    "Read a text file.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)


def prose() -> str:
    """The bundled public-domain prose."""
    packed = resources.files("triagent.calibrate").joinpath("data/prose.txt.xz").read_bytes()
    return lzma.decompress(packed).decode()


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
class Session:
    """A tool session as fed: system prompt, then files read one after another."""

    ids: tuple[int, ...]
    n_prompt: int
    """Tokens of the system prompt and tools; pinned in every comparison."""
    facts: tuple[tuple[int, Fact], ...]
    """Position after each fact's file, and the fact."""
    ended: str
    """Text of the end token that stands last."""


class Writer:
    """Turns conversations into token ids through a model's own template."""

    def __init__(self, template: Template, tokenize: Tokenize) -> None:
        self._template, self._tokenize = template, tokenize

    def opening(self, system: str = SYSTEM, tools: Sequence[ToolSchema] = (READ,)) -> list[int]:
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
        body = json.dumps({"name": READ.name, "arguments": {"path": path}})
        segment = Segment(f"<tool_call>\n{body}\n</tool_call>", True, Origin.CALL)
        closing = self._template.closing()
        return self._encode([segment, *closing]), closing[-1].text if closing else ""

    def session(self, seed: int, n_tokens: int, n_facts: int = 6) -> Session:
        """Files read until `n_tokens` are full; cut there."""
        source = FactSource(seed)
        ids = self.opening()
        n_prompt, ended, facts = len(ids), "", []
        while len(ids) < n_tokens:
            file = source.file(n_facts)
            new, ended = self._exchange(file.path, file.text, ended, first=len(ids) == n_prompt)
            ids += new
            facts += [(len(ids), fact) for fact in file.facts]
        kept = tuple((pos, fact) for pos, fact in facts if pos <= n_tokens)
        return Session(tuple(ids[:n_tokens]), n_prompt, kept, ended)

    def whole_session(self, seed: int, n_tokens: int, n_facts: int = 6) -> Session:
        """As `session`, but stops before the file that would pass `n_tokens`."""
        source = FactSource(seed)
        ids = self.opening()
        n_prompt, ended, facts = len(ids), "", []
        while True:
            file = source.file(n_facts)
            new, last = self._exchange(file.path, file.text, ended, first=len(ids) == n_prompt)
            if len(ids) + len(new) > n_tokens:
                return Session(tuple(ids), n_prompt, tuple(facts), ended)
            ids, ended = ids + new, last
            facts += [(len(ids), fact) for fact in file.facts]

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

    def _exchange(self, path: str, text: str, ended: str, first: bool) -> tuple[list[int], str]:
        if self._template.family == "hermes":
            ids = self.delta(Message(Role.USER, f"Read {path}."), first=first, ended=ended)
            call, ended = self.call(path)
            ids += call
            result = Message(Role.TOOL, text, name=READ.name, call_id="call_1")
            ids += self.delta(result, ended=ended)
        else:
            words = f"Here is {path}. Keep it in mind.\n\n{text}"
            ids = self.delta(Message(Role.USER, words), first=first, ended=ended)
        done, ended = self.answer(f"I have read {path}.")
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
