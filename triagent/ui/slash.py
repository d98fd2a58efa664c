"""The slash commands: names, arguments, one line of help. What they do is in the app.

The same table feeds completion, the command palette and the key help.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One slash command; the app runs its method `command_<name>`."""

    name: str
    help: str
    argument: str = ""
    """How the argument is shown; empty for none."""
    choices: tuple[str, ...] = ()
    """Values that completion offers for the argument."""
    needs_session: bool = True


COMMANDS = (
    Command("help", "keys and commands", needs_session=False),
    Command("model", "what is loaded, and another one in its place", "[name]"),
    Command("models", "installed and downloadable models", needs_session=False),
    Command("sessions", "search, resume, fork, rename, delete", needs_session=False),
    Command("new", "a new session"),
    Command("fork", "go on in a copy of this session"),
    Command("rename", "give this session a title", "<title>"),
    Command("undo", "put back the files that were changed last"),
    Command("rewind", "go back to before a turn, files too", "<turn>"),
    Command("recall", "put the session's own words back in memory", "<words>"),
    Command("pin", "keep a turn in memory, or open the memory screen", "[turn]"),
    Command("forget", "evict a turn from memory", "<turn>"),
    Command("memory", "what the model still holds"),
    Command("settings", "all settings", needs_session=False),
    Command("theme", "colors", "[name]", needs_session=False),
    Command("mode", "what runs without asking", "[mode]", ("read-only", "ask", "auto")),
    Command("copy", "copy the last answer"),
    Command("export", "write the session as Markdown", "[file]"),
    Command("quit", "leave triagent", needs_session=False),
)
BY_NAME = {command.name: command for command in COMMANDS}


def parse(text: str) -> tuple[str, str] | None:
    """Name and argument of a slash command; None for anything else, such as a path."""
    if not text.startswith("/") or "\n" in text:
        return None
    name, _, argument = text[1:].partition(" ")
    if not name.isalpha():
        return None
    return name.lower(), argument.strip()


def nearest(name: str) -> str:
    """The command that was probably meant; empty when none is near."""
    import difflib  # most names are right

    found = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.5)
    return found[0] if found else ""
