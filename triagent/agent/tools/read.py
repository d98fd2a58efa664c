"""The read tool: a file's lines as they are, or a part of them.

    <lines as they are>
    [lines 1-200 of 950; next: offset=201]        only when a part is shown

An empty file reads `[empty file]`.
"""

from __future__ import annotations

from triagent.agent import sanitize
from triagent.agent.ports import Kind
from triagent.agent.tools import text as words
from triagent.agent.tools.files import load
from triagent.agent.tools.tool import Arguments, Proposal, Result, Tool, ToolContext, schema
from triagent.errors import ToolError

SCHEMA = schema("read", "Read a file.", {"path": "string"}, offset="integer", limit="integer")


def render(text: str, offset: int = 1, limit: int | None = None, max_chars: int = 12000) -> str:
    """What the model reads of a file's text.

    Args:
        offset: first line, from 1.
        limit: most lines; None: as many as fit into `max_chars`.

    Raises:
        ToolError: the offset lies behind the end.
    """
    lines = words.clean(text).split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        return "[empty file]"
    start = max(1, offset)
    if start > len(lines):
        raise ToolError(f"offset {start} is behind the end ({words.count(len(lines), 'line')})")
    shown = _fit(lines[start - 1 : start - 1 + limit if limit else None], max_chars)
    stop = start - 1 + len(shown)
    if start == 1 and stop == len(lines):
        return "\n".join(shown)
    more = f"; next: offset={stop + 1}" if stop < len(lines) else ""
    return "\n".join([*shown, f"[lines {start}-{stop} of {len(lines)}{more}]"])


def run(arguments: Arguments, context: ToolContext) -> Result:
    text = load(context, arguments["path"])
    offset, limit = arguments.get("offset") or 1, arguments.get("limit")
    shown = render(text, offset, limit, context.output_chars)
    hidden = sanitize.clean(text).note  # what was taken out is said, or nobody would know
    return Result(f"{shown}\n{hidden}" if hidden else shown)


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    return Proposal(f"read {arguments['path']}")


def _fit(lines: list[str], max_chars: int) -> list[str]:
    shown: list[str] = []
    for line in lines:
        cut = words.clip_line(line)
        max_chars -= len(cut) + 1
        if max_chars < 0 and shown:
            break
        shown.append(cut)
    return shown


TOOL = Tool(SCHEMA, Kind.READ, propose, run)
