"""Brings messages and tools into the shape that chat templates take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from triagent.chat import Message, Origin, Role, ToolSchema
from triagent.engine import glue, slots
from triagent.engine.formats import chatml
from triagent.engine.glue import TOOL, Shape

_NOT_A_NAME = re.compile(r"[^\w.-]")


def with_marks(tool: ToolSchema, words: dict[int, str]) -> dict[str, Any]:
    """The tool with marks for its descriptions, whose words are added."""

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: describe(key, item) for key, item in value.items()}
        return [marked(item) for item in value] if isinstance(value, list) else value

    def describe(key: str, item: Any) -> Any:
        if key != "description" or not isinstance(item, str):
            return marked(item)
        index = TOOL + len(words)
        words[index] = item
        return slots.mark(index)

    return marked(tool.as_json())


def described(tool: dict[str, Any]) -> dict[str, Any]:
    """With a description, if an empty one, for every argument: some templates insist."""
    function = tool["function"]
    parameters = function["parameters"]
    properties = parameters.get("properties") or {}
    full = {key: {"description": "", **schema} for key, schema in properties.items()}
    return {**tool, "function": {**function, "parameters": {**parameters, "properties": full}}}


def known_roles(messages: Sequence[Message], native_tools: bool) -> list[Message]:
    """Later system messages are the user's: most templates know only one, at the start."""
    known = []
    for message in messages:
        if message.role is Role.SYSTEM:
            message = replace(message, role=Role.USER)
        if message.role is Role.TOOL and not native_tools:
            message = as_user(message)
        known.append(message)
    return known


def merged(messages: Sequence[Message]) -> list[Message]:
    """Without two users' messages in a row, which many templates refuse."""
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        if last is not None and last.role is message.role is Role.USER:
            merged[-1] = replace(last, text=f"{last.text}\n\n{message.text}")
        else:
            merged.append(message)
    return merged


def as_user(message: Message) -> Message:
    if message.role is not Role.TOOL:
        return message
    return Message(Role.USER, chatml.tool_result(message.text))


def places(results: Sequence[Message]) -> dict[str, str]:
    """Where the template has put ids of its own -> the ids that the model gave its calls.

    Kimi's templates count calls from the start of what they render, which is our dummy past."""
    places = {}
    for i, message in enumerate(results):
        places[glue.call_id(i)] = message.call_id or ""
        if (message.call_id or "").startswith("functions."):
            places[f"functions.{shape(message).name}:{i}"] = message.call_id or ""
    return places


def tool_runs(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """Cut wherever tools' results meet other messages."""
    runs: list[list[Message]] = []
    for message in messages:
        tool = message.role is Role.TOOL
        if runs and tool and runs[-1][-1].role is Role.TOOL:
            runs[-1].append(message)
        else:
            runs.append([message])
    return [tuple(run) for run in runs]


def shape(message: Message) -> Shape:
    if message.role is not Role.TOOL:
        return Shape(message.role)
    return Shape(message.role, _NOT_A_NAME.sub("_", message.name or "tool")[:64])


def origin(role: Role) -> Origin:
    origins = {Role.TOOL: Origin.TOOL, Role.ASSISTANT: Origin.MODEL, Role.SYSTEM: Origin.SYSTEM}
    return origins.get(role, Origin.USER)
