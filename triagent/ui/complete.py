"""What can follow the text before the cursor: slash commands, their arguments, files after `@`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from triagent.ui.slash import BY_NAME, COMMANDS

MAX_CHOICES = 8
_FILE = re.compile(r"(?:^|\s)@([^\s@]*)$")
_COMMAND = re.compile(r"^/([a-z]*)$")
_ARGUMENT = re.compile(r"^/([a-z]+) (\S*)$")


@dataclass(frozen=True)
class Choice:
    """One completion."""

    text: str
    """What takes the place of the typed part."""
    label: str
    help: str = ""


@dataclass(frozen=True)
class Choices:
    """All completions of the part typed last."""

    n_typed: int
    """Characters before the cursor that a choice replaces."""
    choices: tuple[Choice, ...]


NONE = Choices(0, ())


class Completer:
    """Completes the text before the cursor."""

    def __init__(
        self,
        files: Callable[[str], Iterable[str]],
        arguments: dict[str, Callable[[], Iterable[str]]] | None = None,
    ) -> None:
        """Args:
        files: names that match a part; may be slow.
        arguments: for a command, what its argument may be besides the table's own choices.
        """
        self._files, self._arguments = files, arguments or {}

    def needs_files(self, before: str) -> bool:
        """Whether completing means looking at the disk."""
        return _FILE.search(before) is not None

    def complete(self, before: str) -> Choices:
        """Choices for the text before the cursor."""
        if found := _FILE.search(before):
            names = list(self._files(found[1]))[:MAX_CHOICES]
            choices = tuple(Choice(f"@{name} ", name) for name in names)
            return Choices(len(found[1]) + 1, choices)
        if found := _COMMAND.match(before):
            return Choices(len(before), _commands(found[1]))
        if found := _ARGUMENT.match(before):
            return Choices(len(found[2]), self._values(found[1], found[2]))
        return NONE

    def _values(self, name: str, part: str) -> tuple[Choice, ...]:
        command = BY_NAME.get(name)
        more = self._arguments.get(name)
        values = [*(command.choices if command else ()), *(more() if more else ())]
        return tuple(Choice(v, v) for v in values if v.startswith(part) and v != part)


def _commands(part: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            f"/{command.name}{' ' if command.argument else ''}",
            f"/{command.name} {command.argument}".rstrip(),
            command.help,
        )
        for command in COMMANDS
        if command.name.startswith(part)
    )
