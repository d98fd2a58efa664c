"""One conversation: what was said, what is known, and what has fallen out of sight."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from triagent.agent.context import Part, system_prompt
from triagent.agent.tools import TOOLS
from triagent.agent.tools import recall as recall_tool

from .files.base import Fact, File, Maker
from .files.layout import loose_file, workspace
from .tokens import Piece
from .values import Lexicon
from .wording import request
from .workspace import Bench

WEIGHT_SYSTEM, WEIGHT_INPUT, WEIGHT_ANSWER = 2, 10, 100
"""Percent: the system prompt is always alike, inputs teach reading, answers are the task."""
_TOOLS_HEAD = (
    "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
_TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
    "within <tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)
_ANSWER = "<|im_start|>assistant\n"


def opening(system: str, tools: list[dict[str, Any]]) -> list[Piece]:
    """The pieces of the system prompt, as the chat template renders them."""
    head, tail = "<|im_start|>system\n", "<|im_end|>\n"
    schemas = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in tools)
    block = _TOOLS_HEAD + schemas + _TOOLS_TAIL if tools else ""
    texts = [head, system, block + tail]
    return [(text, WEIGHT_SYSTEM) for text in texts]


def schemas() -> list[dict[str, Any]]:
    """The agent's tools as templates get them."""
    return [tool.schema.as_json() for tool in TOOLS]


@dataclass
class Turn:
    """One turn's pieces, kept together so that a whole turn can fall out of sight."""

    number: int
    pieces: list[Piece] = field(default_factory=list)


@dataclass
class Seen:
    """A value that stands in the conversation."""

    turn: int
    path: str
    """Empty for what the user told."""
    names: tuple[str, ...]
    section: tuple[str, ...]
    value: str
    who: str
    """"user", "you" or "read result"."""
    text: str
    """The words it stands in."""
    n_chars: int
    """Characters of the conversation before it."""


class Session:
    """A conversation that grows turn by turn, with its workspace."""

    def __init__(self, r: Random, x: Lexicon, short_prompt: bool = False) -> None:
        self.r, self.x = r, x
        self.maker = Maker(r, x)
        self.bench = Bench()
        self.files: dict[str, File] = {}
        for file in workspace(self.maker).values():
            self.add(file)
        self.turns: list[Turn] = []
        self.n_turns = 0
        self.seen: list[Seen] = []
        self.gone: list[Seen] = []
        """What stood in turns that are out of sight."""
        self.last: tuple[File, Fact] | None = None
        """The value that the last answer gave, for follow-ups."""
        self.last_turn = 0
        """The turn of `last`."""
        self.last_edit: tuple[str, str, str] | None = None
        """Path, old and new line of the last change, while it can be taken back."""
        self.n_chars = 0
        self.head = self._opening(short_prompt)
        self.calls: list[tuple[str, dict]] = []
        """Calls of the current turn."""
        self.answer = ""

    def _opening(self, short: bool) -> list[Piece]:
        r = self.r
        name = r.choice([self.x.word(r), self.x.ident(r), "project", "workspace", "work", "app"])
        parts = []
        if r.random() < 0.12:
            lines = [f"- {self.x.sentence(r)}" for _ in range(r.randint(1, 4))]
            parts.append(Part(r.choice(["AGENTS.md", "MEMORY.md"]), "\n".join(lines)))
        text = system_prompt(name, r.choice(["Linux"] * 6 + ["Darwin", "Windows"]), parts)
        tools = [] if short else schemas()
        return opening(text, tools)

    # ------------------------------------------------------------------ files

    def add(self, file: File) -> File:
        """Put a file into the workspace."""
        self.files[file.path] = file
        self.bench.place.write_bytes(file.path, file.text.encode())
        return file

    def new_file(self, make=None) -> File:
        """A fresh file in the workspace."""
        return self.add(loose_file(self.maker, self.files, make=make))

    def pick(self, test, make=(), fresh: float = 0.25) -> File | None:
        """A file that passes the test; a new one of these makers sometimes or when none does."""
        fitting = [f for f in self.files.values() if test(f)]
        if make and (not fitting or self.r.random() < fresh):
            for _ in range(8):
                file = self.new_file(self.r.choice(make))
                if test(file):
                    return file
        return self.r.choice(fitting) if fitting else None

    def text_of(self, path: str) -> str:
        """The file's text as it is now."""
        return self.bench.place.files[path].decode()

    def sync(self, path: str) -> None:
        """Take over what a call changed in a file."""
        if path in self.bench.place.files and path in self.files:
            self.files[path].text = self.text_of(path)

    def drop(self, path: str) -> None:
        """A file is gone or has other contents: nothing is known of it any more."""
        self.files.pop(path, None)
        self.forget_values(path)

    def forget_values(self, path: str, name: str | None = None) -> None:
        """Values seen before a change are no longer true."""
        stale = lambda s: s.path == path and (name is None or name in s.names)  # noqa: E731
        self.seen = [s for s in self.seen if not stale(s)]
        self.gone = [s for s in self.gone if not stale(s)]

    # ------------------------------------------------------------------ speaking

    def ask(self, kind: str, **slots: str) -> str:
        """A user's message of this kind."""
        return self.user(request(self.r, self.x, kind, **slots))

    def user(self, text: str) -> str:
        """A user's message as it is; begins a turn."""
        self.n_turns += 1
        self.turns.append(Turn(self.n_turns))
        self.calls = []
        self._put("<|im_start|>user\n", WEIGHT_INPUT)
        self._put(text, WEIGHT_INPUT)
        self._put("<|im_end|>\n" + _ANSWER, 0)
        return text

    def call(self, name: str, **arguments: Any) -> str:
        """The model calls a tool; returns what it reads."""
        body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
        self._put(f"<tool_call>\n{body}\n</tool_call><|im_end|>", WEIGHT_ANSWER)
        result = self.bench.run(name, arguments)
        self.calls.append((name, arguments))
        self._put("\n<|im_start|>user\n<tool_response>\n", 0)
        self._put(result, WEIGHT_INPUT)
        self._put("\n</tool_response><|im_end|>\n" + _ANSWER, 0)
        return result

    def say(self, text: str) -> None:
        """The model's answer; ends the turn."""
        self._put(text + "<|im_end|>", WEIGHT_ANSWER)
        self._put("\n", 0)
        self.answer = text

    def _put(self, text: str, weight: int) -> None:
        self.turns[-1].pieces.append((text, weight))
        self.n_chars += len(text)

    # ------------------------------------------------------------------ memory

    def know(self, file: File) -> None:
        """The file's text was read: its values stand in the conversation."""
        for fact in file.facts:
            if fact.line:
                self._remember(file.path, fact.names, fact.section, fact.value, "read result",
                               self._around(file, fact))

    def said(self, file: File, fact: Fact, value: str | None = None) -> None:
        """The model has just named this value."""
        self.last, self.last_turn = (file, fact), self.n_turns
        self._remember(file.path, fact.names, fact.section, value or fact.value, "you", self.answer)

    @property
    def last_is_fresh(self) -> bool:
        """Whether the turn before this moment named a value."""
        return bool(self.turns and self.last and self.last_turn == self.n_turns)

    def told(self, thing: str, value: str, text: str) -> None:
        """The user has told something."""
        self.seen = [s for s in self.seen if s.path or thing not in s.names]
        self.gone = [s for s in self.gone if s.path or thing not in s.names]
        self._remember("", (thing,), (), value, "user", text)

    def _remember(self, path, names, section, value, who, text) -> None:
        self.seen.append(
            Seen(self.n_turns, path, names, section, value, who, text, self.n_chars)
        )

    def _around(self, file: File, fact: Fact) -> str:
        lines = file.text.replace("\r\n", "\n").split("\n")
        at = lines.index(fact.line) if fact.line in lines else 0
        return "\n".join(lines[max(0, at - self.r.randint(0, 4)) : at + 1 + self.r.randint(0, 4)])

    def lose(self, n_kept: int) -> None:
        """All turns but the last `n_kept` fall out of sight."""
        cut = self.turns[-n_kept].number if n_kept else self.n_turns + 1
        self.turns = self.turns[-n_kept:] if n_kept else []
        self.gone += [s for s in self.seen if s.turn < cut]
        self.seen = [s for s in self.seen if s.turn >= cut]
        self.last = None if not n_kept else self.last
        self.last_edit = None if not n_kept else self.last_edit

    def recall(self, query: str, wanted: list[Seen]) -> str:
        """The model looks for earlier words."""
        hits = [recall_tool.Hit(s.turn, s.who, s.text) for s in wanted]
        others = [s for s in self.gone if s not in wanted]
        for s in self.r.sample(others, min(len(others), self.r.choice([0, 0, 1, 2, 3]))):
            at = self.r.randint(0, len(hits)) if self.r.random() < 0.3 else len(hits)
            hits.insert(at, recall_tool.Hit(s.turn, s.who, s.text))
        self.bench.answers[("recall", query)] = recall_tool.render(query, hits)
        return self.call("recall", query=query)

    def pieces(self) -> list[Piece]:
        """The conversation as it stands in the cache."""
        return [*self.head, *(piece for turn in self.turns for piece in turn.pieces)]
