"""The tools: one module each, listed here in the order the model sees them."""

from __future__ import annotations

from triagent.agent.tools import bash, edit, glob, grep, note, process, read, recall, write
from triagent.agent.tools.tool import Outputs, Proposal, Result, Tool, ToolContext

TOOLS: tuple[Tool, ...] = (
    read.TOOL,
    write.TOOL,
    edit.TOOL,
    bash.TOOL,
    process.TOOL,
    grep.TOOL,
    glob.TOOL,
    recall.TOOL,
    note.TOOL,
)

__all__ = ["TOOLS", "Outputs", "Proposal", "Result", "Tool", "ToolContext", "error_text"]


def error_text(message: str) -> str:
    """What the model reads of a call that failed."""
    return f"error: {message}"
