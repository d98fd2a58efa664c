"""A session as Markdown for people or as JSON lines for programs; secrets are redacted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from triagent.private import open_private
from triagent.session.record import Record
from triagent.session.session import Session

Redact = Callable[[str], str]


def write(path: Path, pieces: Iterable[str]) -> None:
    """Write an export that only its owner may read; redacting is a guess, not a promise.

    Raises: OSError.
    """
    with open(path, "w", encoding="utf-8", opener=open_private) as file:
        file.writelines(pieces)


def markdown(session: Session, redact: Redact) -> Iterator[str]:
    """The conversation, block by block; joined by nothing it is the document."""
    state = session.ledger.state
    yield f"# {redact(state.title or 'untitled')}\n\n"
    yield f"Session {session.id}, begun {state.created}, model {state.model or 'unknown'}.\n"
    for record in session.events():
        block = _block(record)
        if block:
            yield "\n" + redact(block) + "\n"


def json_lines(session: Session, redact: Redact) -> Iterator[str]:
    """One JSON object an event, without token ids."""
    for record in session.events():
        yield json.dumps(_redacted(record.data, redact), ensure_ascii=False) + "\n"


def _block(record: Record) -> str:
    data = record.data
    match data["name"]:
        case "turn_started":
            return f"## {data['turn']}. {_quote(data['text'])}"
        case "thinking":
            return f"<details><summary>Thinking</summary>\n\n{data['text'].strip()}\n\n</details>"
        case "answer":
            return data["text"].strip()
        case "tool_proposed":
            arguments = json.dumps(data["call"]["arguments"], ensure_ascii=False)
            return f"**{data['call']['name']}** `{arguments}`"
        case "tool_ended":
            return _fence(data["text"])
        case "turn_ended":
            return f"*{data['outcome']}: {data['why']}*"
    return ""


def _quote(text: str) -> str:
    first, *rest = text.strip().splitlines() or [""]
    return "\n\n".join([first, *(["\n".join(f"> {line}" for line in rest)] if rest else [])])


def _fence(text: str) -> str:
    mark = "```"
    while mark in text:
        mark += "`"
    return f"{mark}\n{text}\n{mark}"


def _redacted(value: object, redact: Redact) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, redact) for item in value]
    return value
