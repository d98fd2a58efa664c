"""A session's records as the events that made them, for a screen that opens in the middle.

Rounds are recorded as they happen, a message when it is whole: what was evicted while the model
wrote is put behind its words, as it was seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from triagent.agent.events import (
    AnswerText,
    Ending,
    Event,
    Notice,
    Outcome,
    Recalled,
    RoundDone,
    Steered,
    ThinkingText,
    ToolEnded,
    ToolProposed,
    TurnEnded,
    TurnStarted,
)
from triagent.chat import ToolCall, Usage
from triagent.session.record import Record

SHOWN_BYTES = 1 << 22
"""At least so much of a log is shown again: days of work, read in a tenth of a second."""


def replayed(records: Iterable[Record]) -> list[Event]:
    """Events of what was said, done and evicted; turns that were rewound are left out."""
    found: list[Event] = []
    n_rounds, has_asked = 0, False
    for record in records:
        data = record.data
        match record.type:
            case "checkpoint":
                n_rounds = data["state"]["n_rounds"]
            case "evict":
                n_rounds += 1
                if found:  # the system prompt's own rounds are no part of what was said
                    found.append(_round(data, n_rounds))
            case "event" if data["name"] == "user":
                if has_asked:  # the first words of a turn came with its start
                    found.append(Steered(data["text"]))
                has_asked = True
            case "event" if data["name"] == "rewound":
                found = _before(found, data["turn"])
            case "event" if (event := _event(data)) is not None:
                found.insert(_place(found, event, data), event)
                has_asked = has_asked and not isinstance(event, TurnStarted)
    return found


def _round(data: dict[str, Any], number: int) -> RoundDone:
    lost = tuple((start, stop) for start, stop in data["lost"])
    return RoundDone(data["n"], data["now"], lost, data.get("ms", 0.0), number)


def _place(found: list[Event], event: Event, data: dict[str, Any]) -> int:
    """Where an event belongs: an answer before the rounds that ran while it was written."""
    place = len(found)
    while (
        isinstance(event, AnswerText)
        and place
        and isinstance(before := found[place - 1], RoundDone)
        and before.now > data["pos"]
    ):
        place -= 1
    return place


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
                data["call_id"],
                data["ok"],
                data["text"],
                data["seconds"],
                tuple(data["changed"]),
                Ending(data.get("ending", Ending.RAN)),
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
