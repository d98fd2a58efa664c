"""The process tool: look at or stop a background command.

    <output since the last look>
    [p1 running]                                  or [p1 exit 0], [p1 stopped]
"""

from __future__ import annotations

from triagent.agent.ports import Kind
from triagent.agent.tools import text as words
from triagent.agent.tools.tool import Arguments, Job, Proposal, Result, Tool, ToolContext, schema
from triagent.errors import ToolError

SCHEMA = schema(
    "process", "See or stop a background command.", {"id": "string", "action": "string"}
)
SCHEMA.parameters["properties"]["action"]["enum"] = ["poll", "stop"]


def render(id: str, output: str, exit_code: int | None, stopped: bool = False) -> str:
    """What the model reads; `output` is already clipped."""
    state = "stopped" if stopped else "running" if exit_code is None else f"exit {exit_code}"
    body = words.clean(output).strip("\n")
    return f"{body}\n[{id} {state}]" if body else f"[{id} {state}]"


def run(arguments: Arguments, context: ToolContext) -> Result:
    id = arguments["id"]
    job = context.processes.get(id)
    if job is None:
        known = ", ".join(context.processes) or "none was started"
        raise ToolError(f'no process "{id}" ({known})')
    stopped = arguments["action"] == "stop" and job.process.poll() is None
    if stopped:
        job.process.stop()
    text = render(id, _fresh(job, context.output_chars), job.process.poll(), stopped)
    return Result(text)


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    return Proposal(f"{arguments['action']} {arguments['id']}")


def _fresh(job: Job, limit: int) -> str:
    """Output since the last look; of a long one the end, for that is where news is."""
    with job.process.output_path.open("rb") as file:
        size = file.seek(0, 2)
        skipped = max(0, size - job.offset - limit)
        file.seek(job.offset + skipped)
        text = file.read().decode("utf-8", errors="replace")
    job.offset = size
    return f"[{skipped} bytes left out]\n{text}" if skipped else text


TOOL = Tool(SCHEMA, Kind.READ, propose, run)
