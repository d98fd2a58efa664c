"""Closing what a crash or an error left open. Tools are shown as interrupted, never run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from triagent.agent.conversation import Conversation
from triagent.agent.events import Ending, Event, Notice, Outcome
from triagent.agent.tools import error_text
from triagent.agent.tools import text as words
from triagent.chat import Message, Role, Usage

NOTE = " [interrupted]"
MAX_CHARS = 500
"""Most of a result that is fed late: it may be what did not fit."""
WHY = "the program ended"
RESULT = error_text("interrupted: the program ended; it was not run again")


def finish_crashed(conversation: Conversation) -> Iterator[Event]:
    """Close what a crash left open, and end its turn."""
    session, turn = conversation.session, conversation.session.turn
    names = ", ".join(call["name"] for call in session.open_calls())
    yield from mend(conversation)
    session.event(
        "turn_ended", turn=turn, outcome=Outcome.FAILED.value, why=WHY, n_steps=0, n_tools=0,
        n_failed=0, changed=[], usage=asdict(Usage()), seconds=0.0, unproved=False,
    )  # fmt: skip
    what = f"; not run again: {names}" if names else ""
    yield Notice("warning", f"turn {turn} was interrupted when the program ended{what}")


def mend(conversation: Conversation) -> Iterator[Event]:
    """Give every unanswered call a result and close the message that is open, if any."""
    session = conversation.session
    calls, unfed = session.open_calls(), session.unfed_results()
    for call in calls:
        session.event(
            "tool_ended", turn=session.turn, call_id=call["id"], tool=call["name"], ok=False,
            text=RESULT, seconds=0.0, changed=[], ending=Ending.STOPPED.value,
        )  # fmt: skip
    results = [
        Message(Role.TOOL, words.clip(x["text"], MAX_CHARS), x["tool"], x["call_id"])
        for x in unfed
    ]
    results += [Message(Role.TOOL, RESULT, call["name"], call["id"]) for call in calls]
    if results:
        yield from conversation.feed(results, stoppable=False)
    if results or session.is_message_open():
        yield from conversation.close_message(NOTE)
