"""One conversation: what was said, what is known, and what has fallen out of sight."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from triagent.agent.context import Part, system_prompt
from triagent.agent.guards import REPEAT_WARNING, WARN_AT
from triagent.agent.tools import TOOLS
from triagent.agent.tools import recall as recall_tool
from triagent.session.passages import cut

from .files.base import Fact, File, Maker
from .files.layout import loose_file, workspace
from .statements import Statement
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
RECALLED_HEAD = "\n\n[recalled]\n"
"""Stands between a user's words and words that the agent puts back unasked."""
MAX_HITS, MAX_HIT_CHARS = 4, 1500
MAX_SEEN = 300
"""Values of a session that are kept for questions; a random half goes when there are more."""
MAX_FILES = 20
"""Files from which on a workspace grows only when nothing in it fits."""
_ANSWER = "<|im_start|>assistant\n"


def opening(system: str, tools: list[dict[str, Any]]) -> list[Piece]:
    """The pieces of the system prompt, as the chat template renders them.

    The system text and the tools' descriptions are content and stand apart.
    """
    texts, glue = ["<|im_start|>system\n", system], ""
    if tools:
        glue = _TOOLS_HEAD
        for tool in tools:
            words = json.dumps(tool["function"]["description"], ensure_ascii=False)[1:-1]
            before, _, after = json.dumps(tool, ensure_ascii=False).partition(words)
            texts += [f"{glue}\n{before}", words]
            glue = after
        glue += _TOOLS_TAIL
    texts.append(glue + "<|im_end|>\n")
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
        self.retold: list[str] = []
        """Things that were told with more than one value."""
        self.stated: dict[str, Statement] = {}
        """What was told in sentences, by the sentence."""
        self.last: tuple[File, Fact] | None = None
        """The value that the last answer gave, for follow-ups."""
        self.last_turn = 0
        """The turn of `last`."""
        self.made: tuple[str, int] = ("", 0)
        """The file that the last answer was about as a whole, and its turn."""
        self.last_edit: tuple[str, str, str] | None = None
        """Path, old and new line of the last change, while it can be taken back."""
        self.edit_turn = 0
        """The turn of `last_edit`."""
        self.has_acted = False
        """Whether anything may have been changed yet."""
        self.n_chars = 0
        """Characters of all turns, in sight or not."""
        self.head = self._opening(short_prompt)
        self.offered: list[Seen] = []
        """What the agent puts behind the next user's message by itself."""
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

    def pick(self, test, make=(), fresh: float = 0.12) -> File | None:
        """A file that passes the test; a new one of these makers sometimes or when none does."""
        fitting = [f for f in self.files.values() if test(f)]
        fresh = fresh if len(self.files) < MAX_FILES else 0
        if make and (not fitting or self.r.random() < fresh):
            for _ in range(8):
                file = self.new_file(self.r.choice(make))
                if test(file):
                    return file
        return self.r.choice(fitting) if fitting else None

    def text_of(self, path: str) -> str:
        """The file's text as it is now."""
        return self.bench.place.text(path)

    def sync(self, path: str) -> None:
        """Take over what a call changed in a file."""
        if path in self.bench.place.files and path in self.files:
            self.files[path].text = self.text_of(path)

    def drop(self, path: str) -> None:
        """A file is gone or has other contents: nothing is known of it any more."""
        self.files.pop(path, None)
        self.forget_values(path)

    def thin(self) -> None:
        """Take old files away when there are too many, as work elsewhere does; values stay told."""
        if len(self.files) < 2 * MAX_FILES - 4:
            return
        held = {self.made[0], self.last[0].path if self.last else "",
                self.last_edit[0] if self.last_edit else ""}  # fmt: skip
        old = [path for path in self.files if path not in held][: len(self.files) // 2]
        for path in self.r.sample(old, len(old) * 2 // 3):
            del self.files[path]
            self.bench.place.files.pop(path, None)
        self.bench.place.touch()

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
        offered = self.offered
        if not offered and self.gone and self.r.random() < 0.05:
            offered = self.r.sample(self.gone, min(len(self.gone), self.r.randint(1, 2)))
        hits = _within([self._hit(s) for s in offered], 2, 700)
        block = RECALLED_HEAD + recall_tool.render("", hits) if hits else ""
        self._put(text + block, WEIGHT_INPUT)
        self._put("<|im_end|>\n" + _ANSWER, 0)
        self.offered = []
        return text

    def call(self, name: str, **arguments: Any) -> str:
        """The model calls a tool; returns what it reads."""
        if name == "grep":
            arguments["pattern"] = small(arguments["pattern"])
        return self._call(name, arguments, WEIGHT_ANSWER)

    def detour(self, phrase: str, share: float = 0.22) -> None:
        """Sometimes a first look that brings nothing: not learnt, but going on after it is."""
        if self.r.random() >= share:
            return
        x = self.r.random()
        if x < 0.15:
            self._call("glob", {"pattern": "*"}, 0)
            return
        words = phrase.replace("_", " ").split()
        pattern = self.r.choice((phrase, "_".join(words), *words, words[0] + "s")).strip("`'\"?")
        if len(pattern) < 3:
            return
        if x < 0.3:
            forms = (f"*.{pattern}", f"*{pattern}*", f"{pattern}.*")
            self._empty("glob", pattern=self.r.choice(forms))
        elif x < 0.42:
            ending = self.r.choice((".md", ".txt", ".yaml", ".json", ".py", ""))
            self._empty("read", path=pattern.replace(" ", "_") + ending)
        else:
            self._empty("grep", pattern=pattern)

    def _empty(self, name: str, **arguments: str) -> None:
        """A look that finds nothing, made again sometimes as small models do; not learnt."""
        if not self.bench.run(name, arguments).startswith(("no ", "error: no ")):
            return
        n = self.r.choice((1, 1, 1, 1, 2, 3, 4)) if self.r.random() < 0.6 else 1
        for i in range(1, n + 1):
            warning = REPEAT_WARNING.format(n=i) if i >= WARN_AT else ""
            self._call(name, arguments, 0, warning)

    def _call(self, name: str, arguments: dict[str, Any], weight: int, warning: str = "") -> str:
        body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
        self._put(f"<tool_call>\n{body}\n</tool_call><|im_end|>", weight)
        result = self.bench.run(name, arguments)
        self.calls.append((name, arguments))
        self.has_acted |= name in ("write", "edit", "bash")
        self._put("\n<|im_start|>user\n<tool_response>\n", 0)
        self._put(f"{result}\n{warning}" if warning else result, WEIGHT_INPUT)
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
                self._remember(
                    file.path,
                    fact.names,
                    fact.section,
                    fact.value,
                    "read result",
                    self._around(file, fact),
                )

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
        self.seen.append(Seen(self.n_turns, path, names, section, value, who, text))
        if len(self.seen) > MAX_SEEN:  # what is dropped is only never asked for
            kept = self.r.sample(range(MAX_SEEN), MAX_SEEN // 2)
            told = (i for i, s in enumerate(self.seen) if not s.path)
            self.seen = [self.seen[i] for i in sorted({*kept, *told})]

    def _around(self, file: File, fact: Fact) -> str:
        """The passage of the file that holds the value, as the session's index cuts it."""
        text = file.text.replace("\r\n", "\n")
        for passage in cut(0, "", text, 0, len(text)):
            if fact.line in passage.text:
                return passage.text
        return fact.line

    def lose(self, n_kept: int) -> None:
        """All turns but the last `n_kept` fall out of sight."""
        cut = self.turns[-n_kept].number if n_kept else self.n_turns + 1
        self.turns = self.turns[-n_kept:] if n_kept else []
        gone = [*self.gone, *(s for s in self.seen if s.turn < cut)]
        self.gone = gone if len(gone) < MAX_SEEN else self.r.sample(gone, MAX_SEEN // 2)
        self.seen = [s for s in self.seen if s.turn >= cut]
        self.last = None if not n_kept else self.last
        self.last_edit = None if not n_kept else self.last_edit

    def recall(self, query: str, wanted: list[Seen]) -> str:
        """The model looks for earlier words."""
        hits = [self._hit(s) for s in wanted]
        others = [s for s in self.gone if s not in wanted]
        for s in self.r.sample(others, min(len(others), self.r.choice([0, 0, 1, 2, 3]))):
            at = self.r.randint(0, len(hits)) if self.r.random() < 0.3 else len(hits)
            hits.insert(at, self._hit(s))
        hits = _within(hits, MAX_HITS, MAX_HIT_CHARS)
        if wanted and self._hit(wanted[0]) not in hits:
            hits = [self._hit(wanted[0])]
        self.bench.answers[("recall", query)] = recall_tool.render(query, hits)
        return self.call("recall", query=query)

    def _hit(self, s: Seen) -> recall_tool.Hit:
        return recall_tool.Hit(s.turn, s.who, s.text)

    def n_visible_chars(self) -> int:
        """Characters of the turns in sight."""
        return sum(len(text) for turn in self.turns for text, _ in turn.pieces)

    def pieces(self) -> list[Piece]:
        """The conversation as it stands in the cache."""
        return [*self.head, *(piece for turn in self.turns for piece in turn.pieces)]


def small(pattern: str) -> str:
    """A pattern as it finds most: in small letters, but for names with capitals inside.

    Names in capitals with a line below, in two cases, or with marks of an expression stay.
    """
    inner = pattern[1:]
    is_name = "_" in pattern or (inner != inner.lower() and inner != inner.upper())
    return pattern if is_name or not pattern.isascii() or "|" in pattern else pattern.lower()


def _within(hits: list, n_hits: int, n_chars: int) -> list:
    """The first hits, as many as fit; the first one always."""
    kept, left = [], n_chars
    for hit in hits[:n_hits]:
        left -= len(hit.text)
        if kept and left < 0:
            break
        kept.append(hit)
    return kept
