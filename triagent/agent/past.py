"""A session's records as the events that made them, for a screen that opens in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from triagent.agent.events import (
    AnswerText,
    Event,
    Notice,
    Outcome,
    Recalled,
    ThinkingText,
    ToolEnded,
    ToolProposed,
    TurnEnded,
    TurnStarted,
)
from triagent.chat import ToolCall, Usage
from triagent.session.record import Record


def replayed(records: Iterable[Record]) -> list[Event]:
    """Events of what was said and done; turns that were rewound are left out."""
    found: list[Event] = []
    for record in records:
        data = record.data
        if data["name"] == "rewound":
            found = _before(found, data["turn"])
        elif (event := _event(data)) is not None:
            found.append(event)
    return found


def _event(data: dict[str, Any]) -> Event | None:
    match data["name"]:
        case "turn_started":
            return TurnStarted(data["turn"], data["text"])
        case "recalled":
            return Recalled(data["turn"], data["text"])
        case "thinking":
            return ThinkingText(data["text"])
        case "answer":
            return AnswerText(data["text"])
        case "notice":
            return Notice(data["level"], data["text"])
        case "tool_proposed":
            call = ToolCall(**data["call"])
            return ToolProposed(call, data["summary"], data["diff"])
        case "tool_ended":
            return ToolEnded(
                data["call_id"], data["ok"], data["text"], data["seconds"], tuple(data["changed"])
            )
        case "turn_ended":
            fields = {key: value for key, value in data.items() if key != "name"}
            fields["outcome"] = Outcome(fields["outcome"])
            fields["changed"] = tuple(fields["changed"])
            fields["usage"] = Usage(**fields["usage"])
            return TurnEnded(**fields)
    return None


def _before(found: list[Event], turn: int) -> list[Event]:
    for i, event in enumerate(found):
        if isinstance(event, TurnStarted) and event.turn >= turn:
            return found[:i]
    return found
