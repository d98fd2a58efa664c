"""The note tool: keep a line in the dated notes, for later sessions.

    noted
"""

from __future__ import annotations

from triagent.agent.ports import Kind
from triagent.agent.tools.tool import (
    Arguments,
    Proposal,
    Result,
    Tool,
    ToolContext,
    one_line,
    schema,
)
from triagent.errors import ToolError

SCHEMA = schema("note", "Keep a fact for later sessions.", {"text": "string"})
MAX_CHARS = 2000


def render() -> str:
    """What the model reads."""
    return "noted"


def run(arguments: Arguments, context: ToolContext) -> Result:
    text = arguments["text"].strip()
    if not text:
        raise ToolError("the note is empty")
    if len(text) > MAX_CHARS:
        raise ToolError(f"the note is longer than {MAX_CHARS} characters; write a file")
    context.note(text)
    return Result(render())


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    return Proposal(f"note {one_line(arguments['text'])}")


TOOL = Tool(SCHEMA, Kind.NOTE, propose, run)
