"""The grep tool: lines that match a pattern.

    src/a.py:12: def total(items):
    [100 of 230 matches]                          only when not all are shown
    no matches for "x" in 14 files

Without upper-case letters in the pattern, case does not matter. A pattern that is no valid
expression is taken as plain text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from triagent.agent.ports import Kind
from triagent.agent.tools import text as words
from triagent.agent.tools.files import load, missing, walk
from triagent.agent.tools.tool import Arguments, Proposal, Result, Tool, ToolContext, schema
from triagent.errors import ToolError

SCHEMA = schema(
    "grep", "Find lines in files by regular expression.", {"pattern": "string"}, path="string"
)
MAX_SHOWN = 100
MAX_LINE = 300
MAX_SEARCHED = 2000
"""Characters of a line that are searched."""
_NESTED = re.compile(r"[+*}?]\)+[+*{]|\|[^()]*\)+[+*{]|[+*}][^()]*\)+[+*{]")
"""A repeated group that repeats or chooses inside: the shape that can take for ever to fail."""


def search(
    files: Iterable[tuple[str, str]], pattern: str, cancel: threading.Event | None = None
) -> tuple[list[str], int, int]:
    """Matching lines of (path, text) pairs, rendered; their number; the number of files."""
    expression, shown, n_matches, n_files = expression_of(pattern), [], 0, 0
    for path, text in files:
        n_files += 1
        for number, line in enumerate(words.clean(text).splitlines(), 1):
            if not expression.search(line[:MAX_SEARCHED]):
                continue
            n_matches += 1
            if len(shown) < MAX_SHOWN:
                shown.append(f"{path}:{number}: {words.clip_line(line.strip(), MAX_LINE)}")
        if cancel is not None and cancel.is_set():
            break
    return shown, n_matches, n_files


def render(pattern: str, shown: list[str], n_matches: int, n_files: int) -> str:
    """What the model reads."""
    if not n_matches:
        return f'no matches for "{pattern}" in {words.count(n_files, "file")}'
    if n_matches > len(shown):
        return "\n".join([*shown, f"[{len(shown)} of {n_matches} matches]"])
    return "\n".join(shown)


def expression_of(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression; as plain text when it is none or could run for ever."""
    flags = 0 if any(letter.isupper() for letter in pattern) else re.IGNORECASE
    if _NESTED.search(pattern):
        return re.compile(re.escape(pattern), flags)
    try:
        return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(pattern), flags)


def run(arguments: Arguments, context: ToolContext) -> Result:
    pattern = arguments["pattern"]
    files = _texts(context, arguments.get("path") or ".")
    shown, n_matches, n_files = search(files, pattern, context.cancel)
    return Result(words.clip(render(pattern, shown, n_matches, n_files), context.output_chars))


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    where = f" in {arguments['path']}" if arguments.get("path") else ""
    return Proposal(f'grep "{arguments["pattern"]}"{where}')


def _texts(context: ToolContext, path: str) -> Iterable[tuple[str, str]]:
    place = context.workspace
    if path.startswith("@"):
        return [(path, load(context, path))]
    name = place.relative(path)
    if not place.exists(name):
        raise ToolError(missing(path, list(walk(place, folders=True)), "file or folder"))
    if not place.is_dir(name):
        return [(name, load(context, name))]
    return _readable(context, walk(place, name))


def _readable(context: ToolContext, names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, load(context, name)
        except ToolError:  # binary, too large or unreadable: searched by nobody
            continue


TOOL = Tool(SCHEMA, Kind.READ, propose, run)
