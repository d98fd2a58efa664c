"""The grep tool: lines that match a pattern.

    src/a.py:12: def total(items):
    [100 of 230 matches]                          only when not all are shown
    no matches for "x" in 14 files

    no match with these capitals; in any case:    a second search, see below
    src/a.py:12: def total(items):

Without upper-case letters in the pattern, case does not matter. With some it does; when that finds
nothing the same is searched in any case, and the answer says so: a small model seldom thinks of it.
A pattern that is no valid expression is taken as plain text. One that could run for ever is matched
in a process of its own, and all ways end after `MAX_SECONDS`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

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
MAX_SECONDS = 10.0
MAX_BATCH = 4_000_000
"""Characters that are matched between two looks at the clock."""
TOO_LONG = "the search took too long and was stopped; use a simpler pattern or a path"
ANY_CASE = "no match with these capitals; in any case:"
IN_ANY_CASE = ", in any case"
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_REPEATS = re.compile(r"(?<!\\)(?:\\\\)*(?:[*+]|\{\d*,\d*\})")
_GROUP = re.compile(r"\)[*+?{]|\\[1-9]|\(\?P=")


def answer(
    files: Callable[[], Iterable[tuple[str, str]]],
    pattern: str,
    cancel: threading.Event | None = None,
    seconds_left: float = float("inf"),
) -> str:
    """What the model reads: the lines as the pattern is written, else those in any case.

    Args:
        files: gives the (path, text) pairs; called once for each of the two searches.
        seconds_left: when it is stopped, if that is before `MAX_SECONDS`.

    Raises:
        ToolError: both together took too long.
    """
    max_seconds = min(MAX_SECONDS, seconds_left)
    deadline = time.monotonic() + max_seconds
    found = search(files(), pattern, cancel, max_seconds)
    if found[1] or is_any_case(pattern):
        return render(pattern, *found)
    left = max(deadline - time.monotonic(), 0.0)
    return render(pattern, *search(files(), pattern, cancel, left, any_case=True), any_case=True)


def search(
    files: Iterable[tuple[str, str]],
    pattern: str,
    cancel: threading.Event | None = None,
    max_seconds: float | None = None,
    any_case: bool = False,
) -> tuple[list[str], int, int]:
    """Matching lines of (path, text) pairs, rendered; their number; the number of files.

    Args:
        max_seconds: when it is stopped; None: after `MAX_SECONDS`.
        any_case: case does not matter, whatever the pattern.

    Raises:
        ToolError: it took too long.
    """
    expression, shown, n_matches, n_files = expression_of(pattern, any_case), [], 0, 0
    max_seconds = MAX_SECONDS if max_seconds is None else max_seconds
    deadline = time.monotonic() + max_seconds
    for batch in _batches(files):
        texts = [[line[:MAX_SEARCHED] for line in lines] for _, lines in batch]
        if is_risky(pattern):
            found = _match_apart(expression, texts, deadline, cancel)
        else:
            found = [_match(expression, lines, deadline) for lines in texts]
        for (path, lines), numbers in zip(batch, found, strict=True):
            n_files, n_matches = n_files + 1, n_matches + len(numbers)
            shown += (
                f"{path}:{n + 1}: {words.clip_line(lines[n].strip(), MAX_LINE)}"
                for n in numbers[: MAX_SHOWN - len(shown)]
            )
        if cancel is not None and cancel.is_set():
            break
        if time.monotonic() > deadline:
            raise ToolError(TOO_LONG)
    return shown, n_matches, n_files


def is_risky(pattern: str) -> bool:
    """Whether matching could take more than a moment a line: repeats that can share characters."""
    return len(_REPEATS.findall(pattern)) > 1 or bool(_GROUP.search(pattern))


def _batches(files: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, list[str]]]]:
    batch: list[tuple[str, list[str]]] = []
    n_chars = 0
    for path, text in files:
        batch.append((path, words.clean(text).splitlines()))
        n_chars += len(text)
        if n_chars >= MAX_BATCH:
            yield batch
            batch, n_chars = [], 0
    yield batch


def _match(expression: re.Pattern[str], lines: list[str], deadline: float) -> list[int]:
    found = []
    for n, line in enumerate(lines):
        if expression.search(line):
            found.append(n)
        if time.monotonic() > deadline:
            return found  # whoever asked sees the clock as well
    return found


def _match_apart(
    expression: re.Pattern[str],
    texts: list[list[str]],
    deadline: float,
    cancel: threading.Event | None,
) -> list[list[int]]:
    """The same in a process that can be killed."""
    task = {"pattern": expression.pattern, "flags": expression.flags, "texts": texts}
    given: str | None = json.dumps(task)
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("grep_child.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    ) as child:  # fmt: skip
        try:
            while True:
                is_cancelled = cancel is not None and cancel.is_set()
                if is_cancelled or time.monotonic() > deadline:
                    return [[] for _ in texts]  # the caller sees both as well
                try:
                    out, _ = child.communicate(given, timeout=0.05)
                    return json.loads(out)
                except subprocess.TimeoutExpired:
                    given = None
        finally:
            child.kill()


def render(
    pattern: str, shown: list[str], n_matches: int, n_files: int, any_case: bool = False
) -> str:
    """What the model reads of one search; `any_case`: of the second, in any case."""
    if not n_matches:
        where = words.count(n_files, "file") + (IN_ANY_CASE if any_case else "")
        return f'no matches for "{pattern}" in {where}'
    head = [ANY_CASE] if any_case else []
    tail = [f"[{len(shown)} of {n_matches} matches]"] if n_matches > len(shown) else []
    return "\n".join([*head, *shown, *tail])


def is_any_case(pattern: str) -> bool:
    """Whether case does not matter: the pattern has no upper-case letter (`\\S` has none)."""
    return not any(letter.isupper() for letter in _ESCAPED.sub("", pattern))


def expression_of(pattern: str, any_case: bool = False) -> re.Pattern[str]:
    """The pattern as an expression; as plain text when it is none."""
    flags = re.IGNORECASE if any_case or is_any_case(pattern) else 0
    try:
        return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(pattern), flags)


def run(arguments: Arguments, context: ToolContext) -> Result:
    path = arguments.get("path") or "."
    left = context.seconds_left
    text = answer(lambda: _texts(context, path), arguments["pattern"], context.cancel, left)
    return Result(words.clip(text, context.output_chars))


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
