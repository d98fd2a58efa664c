"""Reads JSON as models write it: exactly where it is exact, repaired where it nearly is."""

from __future__ import annotations

import json
import re
from typing import Any

import json_repair

# Repair is guesswork of quadratic cost: beyond this a damaged body is an error.
MAX_REPAIR_CHARS = 200_000
_DECODER = json.JSONDecoder(strict=False)  # a raw newline inside a string is meant as one
_SPACE = re.compile(r"[\s,;]*")


def ends_whole(body: str) -> bool:
    """False when the text stops inside a JSON string, as `{"text": "a </tool_call>` does."""
    try:
        json.loads(body)
        return True
    except (ValueError, RecursionError):
        return not _inside_string(body)


def _inside_string(body: str) -> bool:
    inside = escaped = False
    for char in body:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = inside
        elif char == '"':
            inside = not inside
    return inside


def is_exact(body: str) -> bool:
    """Whether it is nothing but whole JSON values."""
    values, rest = exact(body)
    return bool(values) and not rest.strip()


def objects(body: str) -> tuple[list[dict[str, Any]], str]:
    """All objects of one or several JSON values, lists flattened; and what was wrong, or ""."""
    values, rest = exact(body)
    if rest.strip():
        values = _repaired(body)
    found = [item for value in values for item in (value if isinstance(value, list) else [value])]
    good = [item for item in found if isinstance(item, dict)]
    if good and len(good) == len(found):
        return good, ""
    return [], f"the call is not valid JSON: {explain(body)}"


def loose(text: str) -> Any:
    """A list or object that is nearly JSON; None when it is neither."""
    values, rest = exact(text)
    if rest.strip() or len(values) != 1:
        values = _repaired(text)
    return values[0] if values and isinstance(values[0], (list, dict)) else None


def one(body: str) -> tuple[dict[str, Any], str]:
    """One object: a call's arguments. An empty body is no arguments."""
    if not body.strip():
        return {}, ""
    found, problem = objects(body)
    if problem or len(found) != 1:
        return {}, problem or "the arguments are more than one JSON object"
    return found[0], ""


def explain(body: str) -> str:
    """The first mistake, with its place, for the model to read."""
    body = body.strip()
    try:
        json.loads(body, strict=False)
    except json.JSONDecodeError as error:
        near = body[max(0, error.pos - 20) : error.pos + 20]
        return f"{error.msg} at character {error.pos}, near {near!r}"
    except RecursionError:
        return "it is nested too deeply"
    return "an object was expected"


def _repaired(body: str) -> list[Any]:
    if len(body) > MAX_REPAIR_CHARS:
        return []
    try:
        return [json_repair.loads(body)]
    except (ValueError, RecursionError):
        return []


def exact(body: str) -> tuple[list[Any], str]:
    """Values that stand there exactly, and the text after them that does not parse."""
    values: list[Any] = []
    at = _SPACE.match(body).end()
    while at < len(body):
        try:
            value, at = _DECODER.raw_decode(body, at)
        except (ValueError, RecursionError):
            return values, body[at:]
        values.append(value)
        at = _SPACE.match(body, at).end()
    return values, ""
