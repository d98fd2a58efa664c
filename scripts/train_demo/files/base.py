"""What a file and a fact are."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from dataclasses import dataclass, field
from random import Random

from ..values import Lexicon


@dataclass
class Fact:
    """One value in a file and how people name it."""

    names: tuple[str, ...]
    """Ways to name it; the first is how the file spells it."""
    value: str
    line: str = ""
    """The line that holds it, as it stands in the file; empty when it cannot be edited."""
    before: str = ""
    """The line's part before the value as written."""
    after: str = ""
    """The line's part after the value as written."""
    quote: str = ""
    """Quotation mark around a text value; numbers and truth values go without."""
    section: tuple[str, ...] = ()
    """Ways to name the section or parent it stands in; empty at the top."""
    phrases: tuple[str, ...] = ()
    """Whole noun phrases ("the project's version") that need no file name."""

    @property
    def name(self) -> str:
        """How answers name it."""
        return self.names[0]

    def line_with(self, value: str) -> str:
        """The line with another value: quotes stay, and text needs them where a format has any."""
        kept = bool(self.quote) and self.line.startswith(self.before + self.quote)
        mark = self.quote if kept or not bare(value) else ""
        return f"{self.before}{mark}{value}{mark}{self.after}"


@dataclass
class Table:
    """Rows of a CSV file."""

    thing: str
    columns: list[str]
    rows: list[list[str]]


@dataclass
class File:
    """A file and what can be asked about it."""

    path: str
    text: str
    kind: str
    facts: list[Fact] = field(default_factory=list)
    lists: dict[str, list[str]] = field(default_factory=dict)
    """What -> names: "functions", "targets", "dependencies", "sections", "keys", ..."""
    about: str = ""
    """One sentence that stands in the file and says what it is for."""
    aliases: tuple[str, ...] = ()
    """Ways to name the file without its path: "the readme", "the makefile"."""
    functions: list[Function] = field(default_factory=list)
    table: Table | None = None
    todo: list[tuple[str, bool]] = field(default_factory=list)
    sections: list[tuple[str, str]] = field(default_factory=list)
    """Heading and body of each section of a document."""
    entries: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Time, level, message and whole line of each line of a log."""
    statements: list = field(default_factory=list)
    """Facts in whole sentences, `statements.Statement`."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        """The path without its last part; empty at the root."""
        return self.path.rsplit("/", 1)[0] if "/" in self.path else ""


@dataclass
class Function:
    """A function in a code file."""

    name: str
    params: list[tuple[str, str]]
    """Name and default; an empty default means none."""
    doc: str
    code: str


@dataclass
class Maker:
    """Random source and lexicon, as every file maker needs them."""

    r: Random
    x: Lexicon

    def pick(self, *options):
        """One of the arguments."""
        return self.r.choice(options)

    def chance(self, share: float) -> bool:
        return self.r.random() < share


def bare(value: str) -> bool:
    """Whether formats with quotes write this value without them."""
    body = value.removeprefix("-")
    number = (
        body.replace(".", "", 1).isdigit() and not body.startswith(".") and not body.endswith(".")
    )
    return (number and (body == "0" or not body.startswith("0") or body.startswith("0."))) or value in (
        "true", "false"
    )  # fmt: skip


def spoken(name: str) -> tuple[str, ...]:
    """Ways to say a key: as it is, with spaces, in the other case."""
    words = name.replace("_", " ").replace("-", " ")
    ways = [name, words] if words != name else [name]
    if name.isupper():
        ways += [name.lower(), words.lower()]
    return tuple(dict.fromkeys(ways))
