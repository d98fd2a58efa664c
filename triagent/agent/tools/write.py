"""The write tool: create or replace a whole file.

    created src/a.py (12 lines)
    wrote src/a.py (12 lines)                     when it was there before
"""

from __future__ import annotations

from triagent.agent.ports import Kind, Workspace
from triagent.agent.tools import text as words
from triagent.agent.tools.diff import stat, unified
from triagent.agent.tools.tool import Arguments, Proposal, Result, Tool, ToolContext, schema
from triagent.errors import ToolError

SCHEMA = schema("write", "Create or replace a file.", {"path": "string", "content": "string"})


def render(path: str, content: str, existed: bool) -> str:
    """What the model reads."""
    verb = "wrote" if existed else "created"
    return f"{verb} {path} ({words.count(len(content.splitlines()), 'line')})"


def run(arguments: Arguments, context: ToolContext) -> Result:
    place, content = context.workspace, arguments["content"]
    path = place.relative(arguments["path"])
    existed = place.exists(path)
    if existed and place.is_dir(path):
        raise ToolError(f'"{path}" is a folder')
    context.undo.record(path)
    place.write_bytes(path, content.encode("utf-8"))
    return Result(render(path, content, existed), changed=(path,))


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    path = context.workspace.relative(arguments["path"])
    diff = unified(before(context.workspace, path), arguments["content"], path)
    return Proposal(f"write {path} {stat(diff)}", diff)


def before(place: Workspace, path: str) -> str:
    """The text a file holds now; empty when there is none or it is not text."""
    if not place.exists(path) or place.is_dir(path):
        return ""
    with place.open_read(path) as file:
        return words.decode(file.read()) or ""


TOOL = Tool(SCHEMA, Kind.WRITE, propose, run)
