"""What one tool-call dialect is: the marks around a call, and how to read what is between them.

A dialect is a value, so a new model family is one new module that builds one. The mechanism
(streaming, repair, coercion by schema) is shared and lives in `stream` and `calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from triagent.chat import ToolSchema
from triagent.engine.formats.grammar import Node


@dataclass(frozen=True)
class RawCall:
    """A call as written, before the schema was consulted."""

    name: str
    arguments: dict[str, Any]
    id: str = ""
    """As written by the model; "" where the dialect has none."""
    typed: bool = True
    """False when every value is the raw text between two tags."""
    problem: str = ""
    """Why the body could not be read; then `arguments` is empty."""
    exact: bool = True
    """False when something was missing or wrong and had to be guessed."""


@dataclass(frozen=True)
class Think:
    """The tags around a model's reasoning."""

    open: str
    close: str


@dataclass(frozen=True)
class Dialect:
    """One family's way to write calls.

    A call region begins at one of `opens` and ends after one of `closes`, or with the message
    where there are none. `read` gets the text between them and may find several calls.
    """

    family: str
    opens: tuple[str, ...]
    """`{name}` in a mark stands for the name of any tool."""
    closes: tuple[str, ...]
    read: Callable[[str], list[RawCall]]
    whole: Callable[[str], bool] = lambda body: True
    """Whether a body may end where a close mark stands: False inside a quoted value."""
    signs: tuple[str, ...] = ()
    """Texts that a template of this family all contains."""
    stops: tuple[str, ...] = ()
    """Special tokens that end a message besides the vocabulary's end tokens."""
    end: str = ""
    """What ends a plain answer, where rendering cannot tell."""
    keeps_open: bool = False
    """The opening mark is part of the body (`<function=`), not only a sentinel."""
    bare: bool = False
    """No sentinel at all: a call is JSON at the very start of the answer."""
    noise: tuple[str, ...] = ()
    """Marks between parts of a message that are neither text nor call."""
    prime: str = ""
    """End of the generation prompt that belongs to the message's first mark."""
    think: Think | None = None
    """Where the tags are known with the dialect; else they are looked for in the template."""
    after_think: str = "\n\n"
    """What follows a thinking block that is forced shut."""
    grammar: Callable[[Sequence[ToolSchema]], Node] | None = None
    """What may stand between the marks, the closing mark included; None leaves it free."""
