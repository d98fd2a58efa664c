"""The edit tool: replace text in a file, exactly, else with other whitespace.

    edited src/a.py (1 place)
    edited src/a.py (1 place, whitespace adapted)
    error: old text not found in src/a.py; closest:
    12: def total(items):
    13:     return 0
    error: old text is in src/a.py 3 times (lines 3, 9, 20); give more of it or all=true
"""

from __future__ import annotations

import difflib
import re

from triagent.agent.ports import Kind
from triagent.agent.tools import text as words
from triagent.agent.tools.diff import stat, unified
from triagent.agent.tools.files import load
from triagent.agent.tools.tool import Arguments, Proposal, Result, Tool, ToolContext, schema
from triagent.errors import ToolError

SCHEMA = schema(
    "edit",
    "Replace old text in a file by new.",
    {"path": "string", "old": "string", "new": "string"},
    all="boolean",
)
N_CLOSE = 6
"""Most lines shown after a miss."""


def apply(
    text: str, old: str, new: str, all: bool = False, path: str = "the file"
) -> tuple[str, int, bool]:
    """The new text, the number of places, and whether whitespace was adapted.

    Raises:
        ToolError: not found, ambiguous, or nothing to do.
    """
    if not old:
        raise ToolError("old text is empty; use write for a new file")
    if "\r\n" in text and "\r\n" not in old:
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    if old == new:
        raise ToolError("old and new text are the same")
    if n := text.count(old):
        if n > 1 and not all:
            raise ToolError(_ambiguous(path, _lines_of(text, old)))
        return text.replace(old, new), n, False
    return _apply_loosely(text, old, new, all, path)


def render(path: str, n: int, adapted: bool) -> str:
    """What the model reads after a success."""
    return f"edited {path} ({words.count(n, 'place')}{', whitespace adapted' if adapted else ''})"


def run(arguments: Arguments, context: ToolContext) -> Result:
    path = context.workspace.relative(arguments["path"])
    text, n, adapted = _applied(arguments, context, path)
    context.undo.record(path)
    context.workspace.write_bytes(path, text.encode("utf-8"))
    return Result(render(path, n, adapted), changed=(path,))


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    path = context.workspace.relative(arguments["path"])
    after, _, _ = _applied(arguments, context, path)
    diff = unified(load(context, path), after, path)
    return Proposal(f"edit {path} {stat(diff)}", diff)


def _applied(arguments: Arguments, context: ToolContext, path: str) -> tuple[str, int, bool]:
    text = load(context, path)
    if "\ufffd" in text:
        raise ToolError(f'"{path}" is not UTF-8; use bash')
    return apply(text, arguments["old"], arguments["new"], bool(arguments.get("all")), path)


def _apply_loosely(text: str, old: str, new: str, all: bool, path: str) -> tuple[str, int, bool]:
    """Match whole lines, blind to the amount of whitespace, and keep the file's indentation."""
    lines, wanted = text.splitlines(keepends=True), [_squeeze(x) for x in old.strip().splitlines()]
    squeezed = [_squeeze(line) for line in lines]
    n = len(wanted)
    starts = [i for i in range(len(lines) - n + 1) if squeezed[i : i + n] == wanted]
    if not wanted or not starts:
        raise ToolError(f"old text not found in {path}{closest(text, old)}")
    if len(starts) > 1 and not all:
        raise ToolError(_ambiguous(path, [i + 1 for i in starts]))
    for start in reversed(starts):
        end = re.search(r"\r?\n?$", lines[start + n - 1])
        body = _indent_like(lines[start], old, new.strip("\r\n"))
        lines[start : start + n] = [body + (end.group() if end else "")] if body else []
    return "".join(lines), len(starts), True


def closest(text: str, old: str) -> str:
    """The lines of `text` that look most like the first of `old`, numbered; empty if none."""
    lines, wanted = words.clean(text).splitlines(), old.strip().splitlines()
    first = wanted[0].strip() if wanted else ""
    likeness = difflib.SequenceMatcher(b=first, autojunk=False)
    best, score = 0, 0.4  # below this the lines have nothing in common
    for i, line in enumerate(lines[:20_000]):
        likeness.set_seq1(line.strip()[:300])
        if likeness.real_quick_ratio() > score and likeness.quick_ratio() > score:
            ratio = likeness.ratio()
            if ratio > score:
                best, score = i, ratio
    if score == 0.4:
        return ""
    shown = lines[best : best + min(len(wanted) + 1, N_CLOSE)]
    body = "\n".join(f"{best + 1 + i}: {words.clip_line(x, 200)}" for i, x in enumerate(shown))
    return f"; closest:\n{body}"


def _indent_like(line: str, old: str, new: str) -> str:
    """`new`, moved by as much as the file's first line is indented other than `old`'s."""
    have, given = _indent(line), _indent(old.lstrip("\r\n"))
    moved = []
    for item in new.split("\n"):
        rest = item.removeprefix(given)
        moved.append(have + rest if item.strip() and item.startswith(given) else item)
    return "\n".join(moved)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _squeeze(line: str) -> str:
    return " ".join(line.split())


def _lines_of(text: str, old: str) -> list[int]:
    return [text.count("\n", 0, match.start()) + 1 for match in re.finditer(re.escape(old), text)]


def _ambiguous(path: str, lines: list[int]) -> str:
    where = ", ".join(map(str, lines[:10])) + (", ..." if len(lines) > 10 else "")
    return (
        f"old text is in {path} {len(lines)} times (lines {where}); give more of it or all=true"
    )


TOOL = Tool(SCHEMA, Kind.WRITE, propose, run)
