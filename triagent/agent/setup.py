"""What an agent begins with: its system prompt, what its tools may use, its attachments.

Sizes follow the cache: no single text may take more than a quarter of it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence

from triagent.agent import context as prompts
from triagent.agent import skills
from triagent.agent.notes import Notes
from triagent.agent.ports import Machine
from triagent.agent.tools import Outputs, ToolContext, error_text, read
from triagent.agent.tools.files import load
from triagent.chat import Model
from triagent.config import AgentConfig
from triagent.errors import ToolError
from triagent.session.session import Session

CHARS_PER_TOKEN = 3
_MENTION = re.compile(r"(?<!\S)@([\w./-]\S*)")
MIN_OUTPUT = 1500
"""Characters of a tool's result that the model sees however small the cache is."""


def room(model: Model) -> int:
    """Characters that one text may have."""
    return (model.status().budget or model.info.n_ctx) // 4 * CHARS_PER_TOKEN


def system_text(
    machine: Machine,
    config: AgentConfig,
    notes: Notes | None,
    found: Sequence[skills.Skill],
    max_chars: int,
) -> str:
    """The system prompt of a new session."""
    files = []
    if config.instructions:
        files = prompts.instructions(machine.workspace, machine.trusts)
        files += notes.recent() if notes else []
    return prompts.system_prompt(
        machine.workspace.root.name or "/",
        files=files,
        skills=[(skill.key, skill.description) for skill in found],
        max_chars=min(prompts.MAX_CHARS, max_chars),
    )


def tool_context(
    machine: Machine,
    session: Session,
    config: AgentConfig,
    *,
    recall: Callable[[str], str],
    notes: Notes | None,
    found: Sequence[skills.Skill],
    cancel: threading.Event,
    max_chars: int,
) -> ToolContext:
    """What the tools of a session may use; writes the skills to where the read tool finds them."""
    outputs = Outputs(session.outputs)
    if not session.ledger.read_only:
        skills.install(list(found), session.folder / "skills", outputs.files)
    return ToolContext(
        workspace=machine.workspace,
        sandbox=machine.sandbox,
        undo=machine.undo,
        outputs=outputs,
        recall=recall,
        note=notes.add if notes else lambda text: None,
        cancel=cancel,
        output_chars=min(config.output_chars, max(MIN_OUTPUT, max_chars)),
        command_seconds=config.command_seconds,
    )


def mentions(machine: Machine, text: str) -> list[str]:
    """Files of the workspace that a message names as `@path`."""
    found = []
    for name in dict.fromkeys(_MENTION.findall(text)):
        path = name.rstrip(".,;:!?)'\"")
        try:
            if machine.workspace.exists(path) and not machine.workspace.is_dir(path):
                found.append(path)
        except ToolError:  # outside: just words
            continue
    return found


def attached(context: ToolContext, path: str) -> str:
    """A file of the workspace as it stands behind a message."""
    try:
        body = read.render(load(context, path), 1, None, context.output_chars)
    except ToolError as error:
        body = error_text(str(error))
    return f'\n\n<file name="{path}">\n{body}\n</file>'
