"""Made-up settings in files and told by the user, and questions about them.

The self-test and the session text of calibration are made of these: every name is unique within a
session, every fact is equally likely to be asked, and no value can be guessed. Seeded; no model,
no files.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

_SECOND = [
    "limit",
    "timeout",
    "port",
    "host",
    "size",
    "depth",
    "level",
    "mode",
    "owner",
    "bucket",
    "prefix",
    "path",
    "delay",
    "window",
    "quota",
    "rate",
    "count",
    "seed",
    "width",
    "height",
    "format",
    "branch",
    "label",
    "color",
    "secret",
    "channel",
    "cursor",
    "shard",
    "offset",
    "margin",
    "target",
    "source",
    "scale",
    "budget",
]
_WORDS = [
    "amber",
    "falcon",
    "cedar",
    "violet",
    "copper",
    "raven",
    "maple",
    "cobalt",
    "ember",
    "willow",
    "granite",
    "heron",
    "indigo",
    "juniper",
    "kestrel",
    "linen",
    "marble",
    "nectar",
    "opal",
    "pepper",
    "quartz",
    "russet",
    "saffron",
    "thistle",
    "umber",
    "velvet",
    "walnut",
    "yarrow",
    "zephyr",
    "basil",
    "coral",
    "dune",
    "fennel",
    "garnet",
    "hazel",
    "ivory",
    "jasper",
]
_FOLDERS = ["config", "deploy", "services", "jobs", "tools", "edge", "lab", "ops"]
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aeiou"
_LINES = {"ini": "{} = {}", "toml": '{} = "{}"', "yaml": "{}: {}", "env": "{}={}"}
"""How a format writes a setting."""


N_COMMENTS = 2
"""Most comments before a setting."""


@dataclass(frozen=True)
class Fact:
    """Something that was said once and can be asked for."""

    path: str
    """The file it stands in; empty: the user told it."""
    key: str
    value: str

    @property
    def question(self) -> str:
        if self.path:
            return f"What was {self.key} in {self.path} again?"
        return f"What is my {self.key} again?"

    @property
    def lead(self) -> str:
        """How an answer begins, up to the value."""
        if self.path:
            return f"From earlier: `{self.key}` in `{self.path}` is `"
        return f"Your {self.key} is `"


@dataclass(frozen=True)
class FactFile:
    """A small configuration file."""

    path: str
    text: str
    facts: tuple[Fact, ...]


class FactSource:
    """An endless, seeded supply of facts whose names never repeat."""

    def __init__(self, seed: int, sentences: Sequence[str] = ()) -> None:
        """Begin.

        Args:
            sentences: what stands between the settings of a file, as comments. A file is mostly
                such words, as files are; without any it is settings only.
        """
        self._random = random.Random(seed)
        self._sentences = sentences
        self._keys: set[str] = set()
        self._paths: set[str] = set()

    def file(self, n_facts: int = 3) -> FactFile:
        """The next file, with `n_facts` settings among comments."""
        path = self._path()
        line = _LINES[path.rsplit(".", 1)[1]]
        facts = tuple(Fact(path, self._key(), self._value()) for _ in range(n_facts))
        lines = []
        for fact in facts:
            lines += [*self._comments(), line.format(fact.key, fact.value)]
        return FactFile(path, "\n".join([*lines, *self._comments()]), facts)

    def _comments(self) -> list[str]:
        if not self._sentences:
            return []
        n = self._random.randrange(N_COMMENTS + 1)
        return [f"# {self._random.choice(self._sentences)}" for _ in range(n)]

    def told(self) -> Fact:
        """The next thing that the user tells."""
        return Fact("", self._key().replace("_", " "), self._value())

    def pick(self, facts: Sequence[Fact]) -> Fact:
        """One of these, by chance."""
        return self._random.choice(facts)

    def _unique(self, made: set[str], make) -> str:
        for _ in range(1000):
            name = make()
            if name not in made:
                made.add(name)
                return name
        raise ValueError(f"facts: {len(made)} names are used up; ask for fewer files")

    def _path(self) -> str:
        pick = self._random.choice
        return self._unique(
            self._paths,
            lambda: f"{pick(_FOLDERS)}/{self._made_up()}.{pick(tuple(_LINES))}",
        )

    def _key(self) -> str:
        pick = self._random.choice
        return self._unique(self._keys, lambda: f"{self._made_up()}_{pick(_SECOND)}")

    def _made_up(self) -> str:
        """A word that stands nowhere else: names that share words are mixed up with each other."""
        pick = self._random.choice
        n = self._random.choice((2, 3))
        return "".join(pick(_CONSONANTS) + pick(_VOWELS) for _ in range(n))

    def _value(self) -> str:
        pick, number = self._random.choice, self._random.randrange
        kind = number(4)
        if kind == 0:
            return str(number(1000, 100000))
        if kind == 1:
            return f"{pick(_WORDS)}-{pick(_WORDS)}"
        if kind == 2:
            return f"{number(1, 20)}.{number(30)}.{number(30)}"
        return f"{pick(_WORDS)}{number(10, 100)}"
