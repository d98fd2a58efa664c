"""A small recogniser: which characters may come next inside a tool call.

llama.cpp's own grammar sampler ends the whole process when it is given a token that its grammar
does not allow, so masks are made here. A grammar is a value built of nodes; a `State` is the set
of places in it where the text so far may have come to. Nothing here samples: the engine asks of
a candidate token's text whether it is allowed, beginning with the one that was sampled, so the
cost is one question a token unless the model errs.

    State.start(node).advance('{"name"')  ->  State, or None when that text is not in the grammar
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any


def _kept_hash(self: Any) -> int:
    """A node's hash, counted once: nodes are deep, and states are sets of stacks of them."""
    found: int | None = self.__dict__.get("_hash")
    if found is None:
        found = hash((type(self), *(getattr(self, f.name) for f in fields(self))))
        self.__dict__["_hash"] = found
    return found


@dataclass(frozen=True)
class Lit:
    """Exactly this text."""

    text: str
    at: int = 0

    def step(self, char: str) -> Step:
        if self.text[self.at] != char:
            return None
        return True if self.at + 1 == len(self.text) else replace(self, at=self.at + 1)


@dataclass(frozen=True)
class Chars:
    """One character out of these."""

    chars: str

    def step(self, char: str) -> Step:
        return True if char in self.chars else None


@dataclass(frozen=True)
class StringRest:
    """The rest of a JSON string after its opening quote, the closing quote included."""

    escape: int = 0
    """0: plain; 1: after a backslash; 2 to 5: hexadecimal digits still due, plus one."""
    no_tags: bool = False
    """Whether "</" must be written "<\\/", so that no closing tag can stand in the string."""
    after_less: bool = False

    def step(self, char: str) -> Step:
        if self.escape == 1:
            known = char == "u" or char in '"\\/bfnrt'
            return self._then(5 if char == "u" else 0) if known else None
        if self.escape:
            due = self.escape - 1
            return self._then(due if due > 1 else 0) if char in _HEX else None
        if char == '"':
            return True
        if char == "\\":
            return self._then(1)
        if char < " " or (char == "/" and self.after_less):
            return None
        return self._then(0, self.no_tags and char == "<")

    def _then(self, escape: int, after_less: bool = False) -> StringRest:
        if (escape, after_less) == (self.escape, self.after_less):
            return self
        return StringRest(escape, self.no_tags, after_less)


@dataclass(frozen=True)
class Until:
    """Any text up to and including this mark."""

    mark: str
    held: str = ""

    def step(self, char: str) -> Step:
        held = self.held + char
        while not self.mark.startswith(held):
            held = held[1:]
        return True if held == self.mark else Until(self.mark, held)


@dataclass(frozen=True)
class Seq:
    """One after the other."""

    nodes: tuple[Node, ...]

    __hash__ = _kept_hash

    def expand(self) -> Iterable[tuple[Node, ...]]:
        yield self.nodes


@dataclass(frozen=True)
class Alt:
    """Any one of these."""

    nodes: tuple[Node, ...]

    __hash__ = _kept_hash

    def expand(self) -> Iterable[tuple[Node, ...]]:
        return ((node,) for node in self.nodes)


@dataclass(frozen=True)
class Repeat:
    """None or more, at most `most`; the node must not be empty itself."""

    node: Node
    most: int = 1 << 30

    __hash__ = _kept_hash

    def expand(self) -> Iterable[tuple[Node, ...]]:
        yield ()
        if self.most:
            yield (self.node, replace(self, most=self.most - 1))


@dataclass(frozen=True)
class Fields:
    """What stands between an object's braces: each key at most once, in any order.

    Each field is a node for key and value together; `between` separates two of them."""

    fields: tuple[tuple[str, Node], ...]
    required: frozenset[str]
    between: Node
    first: bool = True

    __hash__ = _kept_hash

    def expand(self) -> Iterable[tuple[Node, ...]]:
        if not self.required:
            yield ()
        for key, node in self.fields:
            left = tuple(field for field in self.fields if field[0] != key)
            rest = Fields(left, self.required - {key}, self.between, False)
            yield (node, rest) if self.first else (self.between, node, rest)


@dataclass(frozen=True)
class AnyJson:
    """Any JSON value; depth is bounded so that the stack is."""

    depth: int = 16
    no_tags: bool = False

    __hash__ = _kept_hash

    def expand(self) -> Iterable[tuple[Node, ...]]:
        string = string_node(self.no_tags)
        yield from ((node,) for node in (string, NUMBER, BOOLEAN, Lit("null")))
        if self.depth:
            inner = AnyJson(self.depth - 1, self.no_tags)
            yield (array(inner),)
            yield (_free_object(inner, string),)


Terminal = Lit | Chars | StringRest | Until
Node = Terminal | Seq | Alt | Repeat | Fields | AnyJson
Step = Terminal | bool | None
"""The terminal that is left, True when it is done, None when the character is not allowed."""

_HEX = "0123456789abcdefABCDEF"


def seq(*nodes: Node | str) -> Node:
    """In order; text stands for itself."""
    return Seq(tuple(Lit(n) if isinstance(n, str) else n for n in nodes if n != ""))


def alt(*nodes: Node | str) -> Node:
    """One of them; text stands for itself."""
    return Alt(tuple(Lit(n) if isinstance(n, str) else n for n in nodes))


# Room for indented JSON, bounded: a model must not fill its answer with spaces.
SPACE = Repeat(Chars(" \n\t"), 24)
_DIGITS = Repeat(Chars("0123456789"), 18)
INTEGER = seq(Repeat(Lit("-"), 1), alt("0", seq(Chars("123456789"), _DIGITS)))
_FRACTION = seq(".", Chars("0123456789"), _DIGITS)
_EXPONENT = seq(Chars("eE"), Repeat(Chars("+-"), 1), Chars("0123456789"), _DIGITS)
NUMBER = seq(INTEGER, Repeat(_FRACTION, 1), Repeat(_EXPONENT, 1))
BOOLEAN = alt("true", "false")


def string_node(no_tags: bool = False) -> Node:
    return seq('"', StringRest(no_tags=no_tags))


def array(item: Node) -> Node:
    items = seq(item, SPACE, Repeat(seq(",", SPACE, item, SPACE)))
    return seq("[", SPACE, Repeat(items, 1), "]")


def _free_object(value: Node, string: Node) -> Node:
    pair = seq(string, SPACE, ":", SPACE, value, SPACE)
    return seq("{", SPACE, Repeat(seq(pair, Repeat(seq(",", SPACE, pair))), 1), "}")


_SIMPLE: dict[str, Node] = {
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "null": Lit("null"),
}


def from_schema(schema: Any, no_tags: bool = False) -> Node:
    """JSON text of a value under a JSON schema; what is not understood is left free."""
    if not isinstance(schema, dict):
        return AnyJson(no_tags=no_tags)
    if "const" in schema:
        return Lit(json.dumps(schema["const"], ensure_ascii=False))
    if schema.get("enum"):
        return alt(*(json.dumps(value, ensure_ascii=False) for value in schema["enum"]))
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return alt(*(from_schema(option, no_tags) for option in schema[key]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return alt(*(from_schema({**schema, "type": one}, no_tags) for one in kind))
    if kind == "array":
        return array(from_schema(schema.get("items"), no_tags))
    if kind == "object":
        return object_of(schema, no_tags)
    if kind == "string":
        return string_node(no_tags)
    return _SIMPLE.get(kind, AnyJson(no_tags=no_tags))


def object_of(schema: dict[str, Any], no_tags: bool = False) -> Node:
    """A JSON object with the schema's properties and no others."""
    properties = schema.get("properties") or {}
    if not properties and schema.get("additionalProperties", True) is not False:
        if "properties" in schema:
            return seq("{", SPACE, "}")
        return _free_object(AnyJson(no_tags=no_tags), string_node(no_tags))
    fields = tuple(
        (key, seq(json.dumps(key), SPACE, ":", SPACE, from_schema(value, no_tags), SPACE))
        for key, value in properties.items()
    )
    required = frozenset(schema.get("required") or ()) & frozenset(properties)
    return seq("{", SPACE, Fields(fields, required, seq(",", SPACE)), "}")


# A stack is (terminal, rest of the stack); the empty stack is the end of the grammar.
Stack = tuple[Terminal, "Stack"] | tuple[()]


@dataclass(frozen=True)
class State:
    """Where the text so far may have come to."""

    stacks: frozenset[Stack]

    @staticmethod
    def start(node: Node) -> State:
        return State(frozenset(_reach(((node, ()),))))

    @property
    def may_end(self) -> bool:
        return () in self.stacks

    def advance(self, text: str) -> State | None:
        """None when the text is not allowed here."""
        state, n_read = self.read(text)
        return state if n_read == len(text) else None

    def allows(self, text: str) -> bool:
        return self.advance(text) is not None

    def read(self, text: str) -> tuple[State, int]:
        """Follows the text as far as the grammar goes; returns how many characters that was."""
        stacks = self.stacks
        for n_read, char in enumerate(text):
            after = _after(stacks, char)
            if not after:
                return State(stacks), n_read
            stacks = after
        return State(stacks), len(text)


@lru_cache(maxsize=4096)
def _after(stacks: frozenset[Stack], char: str) -> frozenset[Stack]:
    reached: set[Stack] = set()
    for stack in stacks:
        if not stack:
            continue
        terminal, rest = stack
        left = terminal.step(char)
        if left is True:
            reached |= _reach((rest,))
        elif left is not None:
            reached.add((left, rest))
    return frozenset(reached)


def _reach(stacks: Sequence[Any]) -> set[Stack]:
    """All stacks with a terminal on top that these come to without reading."""
    found: set[Stack] = set()
    todo = list(stacks)
    while todo:
        stack = todo.pop()
        if not stack or isinstance(stack[0], Terminal):
            found.add(stack)
            continue
        node, rest = stack
        for nodes in node.expand():
            longer = rest
            for one in reversed(nodes):
                longer = (one, longer)
            todo.append(longer)
    return found
