"""Calls whose arguments are JSON: read in every arrangement, and the grammar of the usual one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from string import ascii_letters, digits
from typing import Any

from triagent.chat import ToolSchema
from triagent.engine.formats import jsonish
from triagent.engine.formats.dialect import RawCall
from triagent.engine.formats.grammar import SPACE, Chars, Node, Repeat, alt, object_of, seq

_NAME_KEYS = ("name", "tool_name", "tool", "function_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_ID_KEYS = ("id", "call_id", "tool_call_id")
# Ids that some families write before the name, others after the arguments.
_SHORT = seq('"', Repeat(Chars(ascii_letters + digits), 32), '"')
_CALL_ID = seq('"tool_call_id"', SPACE, ":", SPACE, _SHORT, SPACE, ",", SPACE)
_ID = seq(",", SPACE, '"id"', SPACE, ":", SPACE, _SHORT, SPACE)
_FENCED = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*(?:```\s*)?$", re.DOTALL)


def read_objects(body: str) -> list[RawCall]:
    """One or several `{"name": ..., "arguments": {...}}`, with or without a list around them."""
    found, problem = jsonish.objects(body)
    if problem:
        return [RawCall(_guess_name(body), {}, problem=problem)]
    is_exact = jsonish.is_exact(body)
    return [replace(_from_object(one), exact=is_exact) for one in found]


def read_bare(body: str) -> list[RawCall]:
    """The same where nothing but its keys tells a call from an answer in JSON."""
    found, problem = jsonish.objects(body)
    if problem:
        return read_objects(body) if any(f'"{key}"' in body for key in _ARGUMENT_KEYS) else []
    return read_objects(body) if all(_has_arguments(one) for one in found) else []


def read_headed(header: str) -> Callable[[str], list[RawCall]]:
    """A reader of calls that are each a header with the name and then JSON arguments.

    header: a pattern with the group `name` and perhaps `id`."""
    pattern = re.compile(header)

    def read(body: str) -> list[RawCall]:
        heads = list(pattern.finditer(body))
        if not heads:
            return [RawCall("", {}, problem="the call does not begin with a tool's name")]
        ends = [head.start() for head in heads[1:]] + [len(body)]
        return [
            _from_head(head, body[head.end() : end]) for head, end in zip(heads, ends, strict=True)
        ]

    return read


def grammar(
    before: str = "",
    after: str = "",
    name_key: str = "name",
    arguments_key: str = "arguments",
    listed: bool = False,
    several: bool = False,
) -> Callable[[Sequence[ToolSchema]], Node]:
    """Of `{"name": one of the tools, "arguments": by its schema}`, between two texts.

    listed: one or more in a list. several: one or more, one after the other."""

    def build(tools: Sequence[ToolSchema]) -> Node:
        call = alt(*(_call(tool, name_key, arguments_key) for tool in tools))
        if listed:
            more = Repeat(seq(",", SPACE, call, SPACE))
            call = seq("[", SPACE, call, SPACE, more, "]")
        if several:
            call = seq(call, Repeat(seq(SPACE, call)))
        return seq(before, SPACE, call, SPACE, after)

    return build


def headed_grammar(
    head: Callable[[str], Node | str],
    end: Node | str = "",
    after: str = "",
    between: str | None = None,
) -> Callable[[Sequence[ToolSchema]], Node]:
    """Of a header that names the tool, then its arguments as a JSON object.

    end: what ends each call. between: what stands before each further one; None when a region
    holds only one. after: what ends the region."""

    def build(tools: Sequence[ToolSchema]) -> Node:
        call = alt(*(seq(head(t.name), SPACE, object_of(t.parameters), SPACE, end) for t in tools))
        more = seq() if between is None else Repeat(seq(between, call))
        return seq(call, more, after)

    return build


def _call(tool: ToolSchema, name_key: str, arguments_key: str) -> Node:
    name = seq(f'"{name_key}"', SPACE, ":", SPACE, f'"{tool.name}"', SPACE, ",", SPACE)
    arguments = seq(f'"{arguments_key}"', SPACE, ":", SPACE, object_of(tool.parameters), SPACE)
    return seq("{", SPACE, Repeat(_CALL_ID, 1), name, arguments, Repeat(_ID, 1), "}")


def _from_object(found: dict[str, Any]) -> RawCall:
    inner = found.get("function")
    if isinstance(inner, dict):
        found = {**found, **inner}
    name = next((found[key] for key in _NAME_KEYS if isinstance(found.get(key), str)), None)
    if name is None and isinstance(inner, str):
        name = inner
    if name is None:
        return _from_single_key(found)
    arguments = next((found[key] for key in _ARGUMENT_KEYS if key in found), {})
    call_id = next((str(found[key]) for key in _ID_KEYS if found.get(key) is not None), "")
    return _checked(_bare_name(name), arguments, call_id)


def _has_arguments(found: dict[str, Any]) -> bool:
    inner = found.get("function")
    return any(key in found or (isinstance(inner, dict) and key in inner) for key in _ARGUMENT_KEYS)


def _from_single_key(found: dict[str, Any]) -> RawCall:
    """`{"read": {...}}`."""
    if len(found) == 1 and isinstance(next(iter(found.values())), dict):
        name, arguments = next(iter(found.items()))
        return _checked(_bare_name(name), arguments, "")
    return RawCall("", {}, problem='the call has no "name"')


def _from_head(head: re.Match[str], body: str) -> RawCall:
    groups = head.groupdict()
    if fenced := _FENCED.match(body):
        body = fenced[1]
    body = _first_object(body)
    arguments, problem = jsonish.one(body)
    call = RawCall(_bare_name(groups["name"]), arguments, groups.get("id") or "", problem=problem)
    return replace(call, exact=jsonish.is_exact(body))


def _first_object(body: str) -> str:
    """The arguments without the marks that may follow them."""
    values, rest = jsonish.exact(body)
    if values and isinstance(values[0], dict):
        return body[: len(body) - len(rest)] if len(values) == 1 else body
    return body


def _checked(name: str, arguments: Any, call_id: str) -> RawCall:
    problem = ""
    if isinstance(arguments, str):
        arguments, problem = jsonish.one(arguments)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return RawCall(name, {}, call_id, problem="the arguments are not a JSON object")
    return RawCall(name, arguments, call_id, problem=problem)


def _bare_name(name: str) -> str:
    return name.strip().removeprefix("functions.")


def _guess_name(body: str) -> str:
    found = re.search(r'"(?:tool_)?name"\s*:\s*"([\w.-]+)"', body)
    return _bare_name(found[1]) if found else ""
