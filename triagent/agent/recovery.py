"""Closing what a crash or an error left open. Tools are shown as interrupted, never run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from triagent.agent.conversation import Conversation
from triagent.agent.events import Ending, Event, Notice, Outcome
from triagent.agent.tools import error_text
from triagent.agent.tools import text as words
from triagent.chat import Message, Role, Usage
from triagent.errors import is_disk_full

NOTE = " [interrupted]"
MAX_CHARS = 500
"""Most of a result that is fed late: it may be what did not fit."""
ENDED = "the program ended"
FULL = "the disk was full"


def reason(error: BaseException | None) -> str:
    """Why the end of a turn is not on record: what this program saw, else that it ended."""
    if is_disk_full(error):
        return FULL
    return ENDED if error is None else "an error ended it"


def finish_crashed(conversation: Conversation, why: str = ENDED) -> Iterator[Event]:
    """Close what a crash left open, and end its turn.

    Args:
        why: what ended it, from `reason`.
    """
    session, turn = conversation.session, conversation.session.turn
    names = ", ".join(call["name"] for call in session.open_calls())
    yield from mend(conversation, why)
    session.event(
        "turn_ended", turn=turn, outcome=Outcome.FAILED.value, why=why, n_steps=0, n_tools=0,
        n_failed=0, changed=[], usage=asdict(Usage()), seconds=0.0, unproved=False,
    )  # fmt: skip
    what = f"; not run again: {names}" if names else ""
    yield Notice("warning", f"turn {turn} was interrupted: {why}{what}")


def mend(conversation: Conversation, why: str = ENDED) -> Iterator[Event]:
    """Give every unanswered call a result and close the message that is open, if any."""
    result = error_text(f"interrupted: {why}; it was not run again")
    session = conversation.session
    calls, unfed = session.open_calls(), session.unfed_results()
    for call in calls:
        session.event(
            "tool_ended", turn=session.turn, call_id=call["id"], tool=call["name"], ok=False,
            text=result, seconds=0.0, changed=[], ending=Ending.STOPPED.value,
        )  # fmt: skip
    results = [
        Message(Role.TOOL, words.clip(x["text"], MAX_CHARS), x["tool"], x["call_id"])
        for x in unfed
    ]
    results += [Message(Role.TOOL, result, call["name"], call["id"]) for call in calls]
    if results:
        yield from conversation.feed(results, stoppable=False)
    if results or session.is_message_open():
        yield from conversation.close_message(NOTE)
