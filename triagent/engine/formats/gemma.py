"""Gemma 4: a notation of its own, in which strings stand between tokens of their own.

<|tool_call>call:read{limit:5,path:<|"|>a.py<|"|>}<tool_call|>
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from triagent.chat import ToolSchema
from triagent.engine.formats.dialect import Dialect, RawCall, Think
from triagent.engine.formats.grammar import (
    Fields,
    Lit,
    Node,
    Repeat,
    Until,
    alt,
    from_schema,
    seq,
)

_QUOTE = '<|"|>'
_HEAD = re.compile(r"\s*(?:call:)?\s*(?P<name>[\w.-]+)\s*(?=\{)")
_BARE = re.compile(r"[^,}\]]*")
_KEY = re.compile(r"\s*([^:{}\[\],]+?)\s*:\s*")


class _Unreadable(ValueError):
    pass


def read(body: str) -> list[RawCall]:
    """One call."""
    head = _HEAD.match(body)
    if head is None:
        return [RawCall("", {}, problem="a call is written call:tool{key:value}")]
    try:
        arguments, end = _object(body, head.end())
    except _Unreadable as error:
        return [RawCall(head["name"], {}, problem=str(error), exact=False)]
    return [RawCall(head["name"], arguments, exact=end <= len(body))]


def ends_whole(body: str) -> bool:
    return body.count(_QUOTE) % 2 == 0


def _value(text: str, at: int) -> tuple[Any, int]:
    if text.startswith(_QUOTE, at):
        start = at + len(_QUOTE)
        end = text.find(_QUOTE, start)
        if end < 0:
            raise _Unreadable(f"a string has no closing {_QUOTE}")
        return text[start:end], end + len(_QUOTE)
    if text.startswith("{", at):
        return _object(text, at)
    if text.startswith("[", at):
        return _list(text, at)
    if text.startswith('"', at):  # plain JSON quotes, as other dialects have them
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(text, at)
        except ValueError as error:
            raise _Unreadable(f"a string is not closed: {error}") from None
        return value, end
    match = _BARE.match(text, at)
    return _plain(match[0].strip()), match.end()


def _object(text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at += 1
    while at < len(text) and not text.startswith("}", at):
        key = _KEY.match(text, at)
        if key is None:
            raise _Unreadable(f"a key is missing near {text[at : at + 20]!r}")
        value, at = _value(text, key.end())
        found[key[1].strip('"').replace(_QUOTE, "")] = value
        at = _past_comma(text, at)
    return found, at + 1


def _list(text: str, at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    at += 1
    while at < len(text) and not text.startswith("]", at):
        value, end = _value(text, at)
        if end == at:
            raise _Unreadable(f"a value is missing near {text[at : at + 20]!r}")
        found.append(value)
        at = _past_comma(text, end)
    return found, at + 1


def _past_comma(text: str, at: int) -> int:
    while at < len(text) and text[at] in ", \n":
        at += 1
    return at


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _grammar(tools: Sequence[ToolSchema]) -> Node:
    calls = (seq(f"call:{tool.name}", _object_node(tool.parameters)) for tool in tools)
    return seq(alt(*calls), "<tool_call|>")


def _object_node(schema: dict[str, Any]) -> Node:
    properties = schema.get("properties") or {}
    fields = tuple((key, seq(f"{key}:", _value_node(one))) for key, one in properties.items())
    required = frozenset(schema.get("required") or ()) & frozenset(properties)
    return seq("{", Fields(fields, required, Lit(",")), "}")


def _value_node(schema: Any) -> Node:
    kind = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(schema, dict) and schema.get("enum"):
        return alt(*(_constant(value) for value in schema["enum"]))
    if kind in ("integer", "number", "boolean", "null"):
        return from_schema(schema)
    if kind == "array":
        item = _value_node(schema.get("items"))
        return seq("[", Repeat(seq(item, Repeat(seq(",", item))), 1), "]")
    if kind == "object":
        return _object_node(schema)
    return seq(_QUOTE, Until(_QUOTE))


def _constant(value: Any) -> str:
    return f"{_QUOTE}{value}{_QUOTE}" if isinstance(value, str) else json.dumps(value)


GEMMA = Dialect(
    family="gemma",
    opens=("<|tool_call>",),
    closes=("<tool_call|>",),
    read=read,
    whole=ends_whole,
    signs=("<|tool_call>call:",),
    stops=("<turn|>", "<|tool_response>"),
    think=Think("<|channel>thought\n", "<channel|>"),
    after_think="",
    grammar=_grammar,
)
