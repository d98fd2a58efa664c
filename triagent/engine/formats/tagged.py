"""Calls whose arguments are each raw text between two tags. Types come from the schema alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from triagent.chat import ToolSchema
from triagent.engine.formats.dialect import RawCall
from triagent.engine.formats.grammar import (
    SPACE,
    Fields,
    Node,
    Repeat,
    Until,
    alt,
    from_schema,
    seq,
)

_CDATA = ("<![CDATA[", "]]>")


@dataclass(frozen=True)
class Tags:
    """How such a dialect reads (patterns) and writes (texts with `{name}` and `{key}`)."""

    call: str
    """Pattern of what begins a call, with the group `name`."""
    key: str
    """Pattern of what begins an argument, with the group `key`."""
    value_end: str
    """Text that ends an argument."""
    call_end: str
    """Text that ends a call, "" where nothing does."""
    write_call: str
    write_key: str
    write_value: str = ""
    """What stands between key and value, after blank space or none; "" for nothing."""
    write_text_key: str = ""
    """Where text arguments are marked as such; "" for the same as `write_key`."""


def reader(tags: Tags) -> Callable[[str], list[RawCall]]:
    """Reads every call of a body, also when closing tags are missing."""
    call, key = re.compile(tags.call), re.compile(tags.key)

    def read(body: str) -> list[RawCall]:
        found, at = [], 0
        while (head := call.search(body, at)) is not None:
            arguments, at = _arguments(body, head.end(), tags, call, key)
            exact = bool(tags.call_end) and body.startswith(tags.call_end, at)
            found.append(RawCall(head["name"].strip(), arguments, typed=False, exact=exact))
        if not found:
            return [RawCall("", {}, problem="the call does not name a tool")]
        return found

    return read


def ends_whole(tags: Tags) -> Callable[[str], bool]:
    """Whether a body ends where a call or an argument may end, not in the midst of a value."""
    key = re.compile(tags.key)
    ends = tuple(end for end in (tags.call_end, tags.value_end) if end)

    def whole(body: str) -> bool:
        return body.rstrip().endswith(ends) or not key.search(body)

    return whole


def grammar(tags: Tags, close: Node | str = "") -> Callable[[Sequence[ToolSchema]], Node]:
    """Of one or more calls up to the region's closing mark."""

    def build(tools: Sequence[ToolSchema]) -> Node:
        call = alt(*(_call(tool, tags) for tool in tools))
        several = seq(call, SPACE, Repeat(seq(call, SPACE))) if tags.call_end else call
        return seq(SPACE, several, SPACE, close)

    return build


def _arguments(
    body: str, at: int, tags: Tags, call: re.Pattern[str], key: re.Pattern[str]
) -> tuple[dict[str, Any], int]:
    """The arguments from there on, and where the call ends."""
    arguments: dict[str, Any] = {}
    while True:
        head = key.search(body, at)
        end = body.find(tags.call_end, at) if tags.call_end else -1
        following = call.search(body, at)
        stop = min((i for i in (end, following.start() if following else -1) if i >= 0), default=-1)
        if head is None or 0 <= stop < head.start():
            return arguments, len(body) if stop < 0 else max(stop, at)
        value, at = _value(body, head, tags, key)
        arguments[head["key"].strip()] = value


def _value(body: str, head: re.Match[str], tags: Tags, key: re.Pattern[str]) -> tuple[str, int]:
    """An argument's raw text, and where the next thing begins.

    It ends at a closing tag that something known follows: file contents may hold such tags."""
    value_end = tags.value_end
    start = at = head.end()
    if body.startswith(_CDATA[0], at):
        at = max(at, body.find(_CDATA[1], at))
    while (at := body.find(value_end, at)) >= 0:
        after = at + len(value_end)
        rest = body[after:].lstrip()
        if not rest or key.match(rest) or (tags.call_end and rest.startswith(tags.call_end)):
            return _trim(body[start:at]), after
        at = after
    at = body.find(value_end, start)
    if at < 0:  # the closing tag is missing: up to the next tag
        following = key.search(body, start)
        ends = [following.start() if following else -1]
        ends.append(body.find(tags.call_end, start) if tags.call_end else -1)
        at = min((end for end in ends if end >= 0), default=len(body))
        return _trim(body[start:at]), at
    return _trim(body[start:at]), at + len(value_end)


def _trim(value: str) -> str:
    """Without the line breaks that stand inside both tags, and without XML's own quotes."""
    if value.startswith("\n"):
        value = value[1:].removesuffix("\n")
    if value.startswith(_CDATA[0]) and value.endswith(_CDATA[1]):
        return value[len(_CDATA[0]) : -len(_CDATA[1])]
    return value


def _call(tool: ToolSchema, tags: Tags) -> Node:
    properties = tool.parameters.get("properties") or {}
    fields = tuple((key, _field(key, schema, tags)) for key, schema in properties.items())
    required = frozenset(tool.parameters.get("required") or ()) & frozenset(properties)
    arguments = Fields(fields, required, SPACE)
    return seq(tags.write_call.format(name=tool.name), SPACE, arguments, SPACE, tags.call_end)


def _field(key: str, schema: Any, tags: Tags) -> Node:
    end = tags.value_end
    between = seq(SPACE, tags.write_value) if tags.write_value else seq()
    if isinstance(schema, dict) and schema.get("type") not in ("string", None):
        head = seq(tags.write_key.format(key=key), between)
        return seq(head, SPACE, from_schema(schema, no_tags=True), SPACE, end)
    head = seq((tags.write_text_key or tags.write_key).format(key=key), between)
    options = schema.get("enum") if isinstance(schema, dict) else None
    if options:
        return seq(head, SPACE, alt(*map(str, options)), SPACE, end)
    return seq(head, Until(end))
