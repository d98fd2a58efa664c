"""From a call as written to a call that can be run: names resolved, values typed by schema.

Whatever cannot be run comes out as a ToolCall with an `error` that the model can act on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

from triagent.chat import ToolCall, ToolSchema
from triagent.engine.formats import jsonish
from triagent.engine.formats.dialect import RawCall

_PYTHON_WORDS = {"True": True, "False": False, "None": None}


class Mismatch(ValueError):
    """A value that does not fit its schema; the message names both."""


def resolve(raw: RawCall, tools: Sequence[ToolSchema], text: str) -> ToolCall:
    """text: the call as sampled."""
    # Nine characters, as Mistral's templates insist.
    call_id = raw.id or uuid4().hex[:9]
    tool = next((tool for tool in tools if tool.name == raw.name), None)
    if raw.problem and (tool or not raw.name):
        return ToolCall(call_id, raw.name, {}, text, raw.problem)
    if tool is None:
        return ToolCall(call_id, raw.name, raw.arguments, text, _unknown(raw.name, tools))
    try:
        arguments = _fit_object(raw.arguments, tool.parameters, raw.typed)
    except Mismatch as mismatch:
        return ToolCall(call_id, raw.name, raw.arguments, text, str(mismatch))
    return ToolCall(call_id, raw.name, arguments, text)


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The known name that this one was probably meant to be."""
    folded = {known.lower(): known for known in names}
    found = get_close_matches(name.lower(), folded, 1, 0.6)
    return folded[found[0]] if found else None


def _unknown(name: str, tools: Sequence[ToolSchema]) -> str:
    names = [tool.name for tool in tools]
    near = nearest(name, names)
    hint = f"did you mean {near!r}?" if near else f"the tools are {', '.join(names) or 'none'}"
    return f"unknown tool {name!r}; {hint}"


def _fit_object(values: dict[str, Any], schema: dict[str, Any], typed: bool) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    required = schema.get("required") or ()
    fitted = {}
    for key, value in values.items():
        if key in properties:
            if value is None and key not in required and "null" not in _kinds(properties[key]):
                continue  # "no value" for what may be left out
            fitted[key] = _fit(key, value, properties[key], typed)
        elif schema.get("additionalProperties") or not properties:
            fitted[key] = value
        elif value not in (None, "", [], {}):
            raise Mismatch(_unknown_argument(key, properties))
    for key in required:
        if key not in fitted:
            raise Mismatch(f"argument {key!r} ({_kind_of(properties.get(key))}) is missing")
    return fitted


def _unknown_argument(key: str, properties: dict[str, Any]) -> str:
    near = nearest(key, list(properties))
    hint = f"did you mean {near!r}?" if near else f"it takes {', '.join(properties) or 'none'}"
    return f"unknown argument {key!r}; {hint}"


def _fit(key: str, value: Any, schema: Any, typed: bool) -> Any:
    """The value in the type that the schema names, where that loses nothing."""
    if not isinstance(schema, dict):
        return value
    kinds = _kinds(schema)
    if isinstance(value, str) and "string" not in kinds and (kinds or not typed):
        value = _from_text(value, kinds)
    for kind in kinds or ("",):
        fits, fitted = _as(kind, value)
        if fits:
            return _checked(key, fitted, schema)
    raise Mismatch(f"argument {key!r} must be {_kind_of(schema)}, not {_show(value)}")


def _checked(key: str, value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, str) and value.strip() in (schema.get("enum") or ()):
        return value.strip()
    if schema.get("enum") and value not in schema["enum"]:
        allowed = ", ".join(map(_show, schema["enum"]))
        raise Mismatch(f"argument {key!r} must be one of {allowed}, not {_show(value)}")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_fit(f"{key}[{i}]", v, schema["items"], True) for i, v in enumerate(value)]
    if isinstance(value, dict) and schema.get("properties"):
        return _fit_object(value, schema, True)
    return value


def _from_text(text: str, kinds: Sequence[str]) -> Any:
    """What a value means that was written as plain text where another type is wanted."""
    plain = text.strip()
    if plain in _PYTHON_WORDS:
        return _PYTHON_WORDS[plain]
    try:
        return json.loads(plain, strict=False)
    except ValueError:
        pass
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    if plain[:1] in ("[", "{") and (found := jsonish.loose(plain)) is not None:
        return found
    return [text] if "array" in kinds else text


def _as(kind: str, value: Any) -> tuple[bool, Any]:
    """Whether the value is of this JSON type, or can be without loss; and what it then is."""
    match kind:
        case "string":
            if isinstance(value, str):
                return True, value
            # A model that fills a JSON file often writes the value itself.
            return value is not None, json.dumps(value, ensure_ascii=False)
        case "integer" | "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return False, None
            whole = isinstance(value, float) and value.is_integer()
            if kind == "integer" and isinstance(value, float):
                return whole, int(value) if whole else None
            return True, value
        case "boolean":
            return isinstance(value, bool), value
        case "array":
            return isinstance(value, list), value
        case "object":
            return isinstance(value, dict), value
        case "null":
            return value is None, value
    return True, value


def _kinds(schema: Any) -> list[str]:
    """JSON types that a schema allows; [] for any."""
    if not isinstance(schema, dict):
        return []
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        kinds = [_kinds(option) for option in options if isinstance(option, dict)]
        return [] if [] in kinds else [kind for some in kinds for kind in some]
    kind = schema.get("type") or []
    return [kind] if isinstance(kind, str) else list(kind)


def _kind_of(schema: Any) -> str:
    kinds = _kinds(schema)
    return " or ".join(kinds) or "a value"


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
