"""What one turn writes into the ledger besides tokens: what was said, asked, run and found.

The words the index searches, the events a later screen shows, and the marks a recovery goes by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from triagent.agent import guards
from triagent.agent.calls import Answered
from triagent.agent.conversation import Said
from triagent.agent.events import ToolProposed, TurnEnded
from triagent.agent.recall import RECALLED_HEAD
from triagent.chat import Message, Role
from triagent.session.session import Session


class Minutes:
    """The minutes of one turn."""

    def __init__(self, session: Session, turn: int) -> None:
        self._session, self._turn = session, turn

    def started(self, text: str, recalled: str) -> None:
        """The turn begins, at the session's present position."""
        self._write("turn_started", text=text, pos=self._session.n_pos)
        if recalled:
            self._write("recalled", text=recalled)

    def unsent(self, text: str) -> None:
        """What the user said to an engine that fell before it could be told."""
        self._write("unsent", text=text)

    def fed(self, messages: Sequence[Message], pos: int) -> None:
        """The user's words (or a nudge of ours) lie from `pos` to here."""
        for message in messages:
            if message.role is Role.USER:
                name = "nudge" if message.text.startswith(guards.MARK) else "user"
                text = message.text.split(RECALLED_HEAD)[0]  # those words are known already
                self._write(name, text=text, pos=pos, stop=self._session.n_pos)

    def said(self, said: Said, cut: bool) -> None:
        """The model's message, whose tokens are recorded already."""
        if said.thinking.strip():
            self._write("thinking", text=said.thinking)
        if said.text.strip():
            stop = self._session.n_pos
            self._write("answer", text=said.text, cut=cut, pos=said.pos, stop=stop)
        if not cut:
            self._write("step_done", reason=said.end.reason.value)

    def proposed(self, event: ToolProposed) -> None:
        """A call, before it can run, so that a crash leaves a trace of it."""
        call = event.call
        brief = {"id": call.id, "name": call.name, "arguments": call.arguments}
        self._write("tool_proposed", call=brief, summary=event.summary, diff=event.diff)

    def ran(self, answered: Answered, text: str, n_tokens: int) -> None:
        """What became of a call; its result will be fed next, in about `n_tokens`."""
        pos = self._session.n_pos
        self._write(
            "tool_ended",
            call_id=answered.call.id,
            tool=answered.call.name,
            ok=answered.ok,
            text=text,
            seconds=round(answered.seconds, 3),
            changed=list(answered.changed),
            ending=answered.ending.value,
            pos=pos,
            stop=pos + n_tokens,
        )

    def ended(self, end: TurnEnded) -> None:
        """The facts. Nothing is written for a turn that failed before it began."""
        if not self._session.ledger.state.turn_open:
            return
        facts = asdict(replace(end, cache=None))
        facts["outcome"], facts["changed"] = end.outcome.value, list(end.changed)
        del facts["cache"], facts["turn"]
        self._write("turn_ended", **facts)

    def _write(self, name: str, **data: object) -> None:
        self._session.event(name, turn=self._turn, **data)
