"""The bash tool: one command in the sandbox, to its end or in the background.

    <output, clipped to head and tail>
    [exit 0]

The last line is `[timed out after 120 s]`, `[stopped after 7 s: the time of this turn is over]`
or `[stopped by the user]` when it did not exit by itself; `[started p1]` when it runs in the
background.
"""

from __future__ import annotations

import math

from triagent.agent.ports import CommandResult, Kind
from triagent.agent.tools import text as words
from triagent.agent.tools.tool import (
    Arguments,
    Job,
    Proposal,
    Result,
    Tool,
    ToolContext,
    one_line,
    schema,
)

SCHEMA = schema(
    "bash",
    "Run a shell command. background=true: it runs on, see process.",
    {"command": "string"},
    timeout_s="integer",
    background="boolean",
)
MAX_SECONDS = 3600


def render(
    output: str,
    exit_code: int | None,
    timed_out_s: float = 0,
    killed: bool = False,
    turn_over: bool = False,
) -> str:
    """What the model reads of a command that ended; `output` is already clipped.

    Args:
        timed_out_s: seconds after which it was stopped; 0: it was not.
        turn_over: it was stopped because the time of the turn was over.
    """
    if killed:
        last = "[stopped by the user]"
    elif timed_out_s and turn_over:
        last = f"[stopped after {timed_out_s:g} s: the time of this turn is over]"
    elif timed_out_s:
        last = f"[timed out after {timed_out_s:g} s]"
    else:
        last = f"[exit {exit_code}]"
    body = words.clean(output).strip("\n")
    return f"{body}\n{last}" if body else last


def run(arguments: Arguments, context: ToolContext) -> Result:
    name, path = context.outputs.new()
    if arguments.get("background"):
        process = context.sandbox.start_background(arguments["command"], output_path=path)
        id = f"p{len(context.processes) + 1}"
        context.processes[id] = Job(process)
        return Result(f"[started {id}]")
    timeout = min(int(arguments.get("timeout_s") or context.command_seconds), MAX_SECONDS)
    left = max(1, math.ceil(min(context.seconds_left, MAX_SECONDS)))  # 0 would be without limit
    result = context.sandbox.run(
        arguments["command"],
        output_path=path,
        timeout_s=min(timeout, left),
        on_output=_cleaned(context),
        cancel=context.cancel,
        head_chars=context.output_chars * 2 // 3,
        tail_chars=context.output_chars // 3,
    )
    text = render(
        _shown(result, name),
        result.exit_code,
        min(timeout, left) if result.timed_out else 0,
        result.killed,
        turn_over=left < timeout,
    )
    return Result(text, ok=result.exit_code == 0, changed=result.changed)


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    return Proposal(f"run {one_line(arguments['command'])}")


def _shown(result: CommandResult, name: str) -> str:
    if not result.tail:
        return result.head
    left_out = result.n_bytes - len(result.head.encode()) - len(result.tail.encode())
    if left_out <= 0:
        return result.head + result.tail
    return words.join_cut(result.head, result.tail, left_out, name)


def _cleaned(context: ToolContext):
    if context.on_output is None:
        return None
    show = context.on_output
    return lambda text: show(words.clean(text))


TOOL = Tool(SCHEMA, Kind.RUN, propose, run)
