"""The recall tool: exact words from earlier in this session.

    [turn 3, user] the port is 8080
    [turn 4, read result] host = "a"
    nothing found for "x"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triagent.agent.ports import Kind
from triagent.agent.tools.tool import Arguments, Proposal, Result, Tool, ToolContext, schema

SCHEMA = schema("recall", "Find words from earlier in this session.", {"query": "string"})


@dataclass(frozen=True)
class Hit:
    """A passage of the session, word for word."""

    turn: int
    who: str
    """"user", "you" (what the model said), or "<tool> result"."""
    text: str


def render(query: str, hits: Sequence[Hit]) -> str:
    """What the model reads: best first."""
    if not hits:
        return f'nothing found for "{query}"'
    return "\n".join(f"[turn {hit.turn}, {hit.who}] {hit.text}" for hit in hits)


def run(arguments: Arguments, context: ToolContext) -> Result:
    return Result(context.recall(arguments["query"]))


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    return Proposal(f'recall "{arguments["query"]}"')


TOOL = Tool(SCHEMA, Kind.READ, propose, run)
