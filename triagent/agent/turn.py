"""One turn: from the user's message to the final answer, as a generator of events.

    feed message -> sample -> calls? run them, feed the results, sample again -> ... -> answer

Whatever happens, the ledger ends with a closed message and the turn with `TurnEnded`. What a
step leads to is decided here; how tools run, what is recorded and what counts as going wrong is
known by `calls`, `conversation` and `guards`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from triagent.agent import guards
from triagent.agent.calls import INTERRUPTED, Answered, Calls
from triagent.agent.conversation import Conversation, Interrupt, Interrupted, Said, calls_start
from triagent.agent.events import (
    Event,
    Notice,
    Outcome,
    Recalled,
    StepDone,
    StepStarted,
    ToolProposed,
    TurnEnded,
    TurnStarted,
)
from triagent.agent.facts import Facts
from triagent.agent.minutes import Minutes
from triagent.agent.tools import text as words
from triagent.chat import Appended, Limits, Message, Role, StopReason
from triagent.config import AgentConfig
from triagent.errors import EngineDied, EngineError, TriagentError

NOTE_CUT = " [interrupted]"
CUT_CHARS = 500
"""Most of a result that is fed after the user stopped the turn: nobody waits for more."""


@dataclass(frozen=True)
class Prompt:
    """What the user asks."""

    fed: str
    """As the model reads it: with attachments and recalled words."""
    recalled: str = ""


Prepare = Callable[[], Generator[Event, None, Prompt]]


class Turn:
    """The state of one turn."""

    def __init__(
        self,
        number: int,
        conversation: Conversation,
        calls: Calls,
        config: AgentConfig,
        limits: Limits,
        interrupt: Interrupt,
        steered: deque[str],
    ) -> None:
        self.number, self.limits, self.config = number, limits, config
        self.conversation, self.calls = conversation, calls
        self.session = conversation.session
        self.interrupt, self._steered = interrupt, steered
        self._minutes = Minutes(conversation.session, number)
        self.facts = Facts(number)
        self.error: TriagentError | None = None
        """What made the turn fail, or None."""
        self._repeats = guards.Repeats()
        self._n_repairs = 0
        self._used: set[str] = set()  # nudges and retries that a turn gets once
        self._outcome, self._why = Outcome.FAILED, "ended early"
        self._is_over = self._is_unproved = False

    def run(self, prepare: Prepare, text: str) -> Iterator[Event]:
        """The turn's events; the last is `TurnEnded`, exactly once.

        Args:
            prepare: makes the session ready and says what is fed for `text`.
        """
        try:
            yield TurnStarted(self.number, text)
            prompt = yield from self._prepared(prepare, text)
            self._minutes.started(text, prompt.recalled)
            if prompt.recalled:
                yield Recalled(self.number, prompt.recalled)
            yield from self._steps(prompt.fed)
        except Interrupted:
            self._end_interrupted()
        except TriagentError as error:
            self.error = error
            self._end(Outcome.FAILED, _told(error))
        except BaseException:  # a fault of ours, or the reader left: still one honest record
            self._record_end(self._ended())
            raise
        end = self._ended()
        self._record_end(end)
        yield end

    def _prepared(self, prepare: Prepare, text: str) -> Generator[Event, None, Prompt]:
        try:
            return (yield from prepare())
        except EngineError:
            self._minutes.unsent(text)
            raise

    # -- steps

    def _steps(self, text: str) -> Iterator[Event]:
        pending = [Message(Role.USER, text)]
        while not self._is_over:
            if why := self._limit():
                yield from self._settle(pending)
                self._end(Outcome.STOPPED, why)
                return
            pending = yield from self._step(pending)

    def _step(self, pending: list[Message]) -> Generator[Event, None, list[Message]]:
        """Feed, sample, act; returns what the next step feeds."""
        self.facts.n_steps += 1
        yield StepStarted(self.number, self.facts.n_steps)
        while self._steered:
            pending.append(Message(Role.USER, self._steered.popleft()))
        if pending and not (yield from self._feed(pending)):
            return []
        said = yield from self.conversation.sample(self.limits)
        self.facts.add_usage(said.end.usage)
        yield StepDone(said.end.reason, said.end.usage)
        return (yield from self._after(said))

    def _feed(self, pending: Sequence[Message]) -> Generator[Event, None, bool]:
        """Feed messages; False when that was cut, and the turn with it."""
        pos = self.session.n_pos
        appended = yield from self.conversation.feed(pending)
        self.facts.add_usage(appended.usage)
        if appended.cancelled:
            yield from self._cut_feed(pending, appended, pos)
            return False
        self._minutes.fed(pending, pos)
        return True

    def _after(self, said: Said) -> Generator[Event, None, list[Message]]:
        """What a step leads to."""
        for note in said.end.notes:
            yield Notice("info", note)
        match said.end.reason:
            case StopReason.CALLS | StopReason.END if said.end.calls:
                self._keep(said)
                return (yield from self._run_calls(said))
            case StopReason.END | StopReason.CALLS:
                self._keep(said)
                return (yield from self._answered(said))
            case StopReason.REPETITION:
                return (yield from self._went_in_circles(said))
            case StopReason.LENGTH:
                yield from self._cut(said, "")
                self._end(
                    Outcome.STOPPED, f"the message was cut at {self.limits.max_tokens} tokens"
                )
            case StopReason.NO_ROOM:
                yield from self._cut(said, "")
                self._end(
                    Outcome.STOPPED,
                    "no room: protected and pinned tokens fill the cache; unpin some or raise "
                    "the budget",
                )
            case StopReason.CANCELLED:
                yield from self._cut(said)
                self._end_interrupted()
        return []

    def _answered(self, said: Said) -> Generator[Event, None, list[Message]]:
        """A message without a call: the answer, unless it is none."""
        text = said.text.strip()
        if guards.looks_like_call(text):
            yield Notice("warning", "the answer holds what looks like a tool call; it was not run")
        if (said.end.notes or guards.begins_like_call(text)) and self._first("passed over"):
            return (yield from self._nudge(guards.NUDGE_CALL))
        if not text and self._first("empty"):
            return (yield from self._nudge(guards.NUDGE_EMPTY))
        if self._steered:
            return []  # the next step feeds what the user added
        if guards.announces(text) and self._first("announce"):
            return (yield from self._nudge(guards.NUDGE_ACT))
        if not text:
            self._end(Outcome.STOPPED, "the model gave an empty reply twice")
            return []
        if guards.claims_change(text) and not self.facts.n_acted:
            self._is_unproved = True
            yield Notice("warning", "the answer speaks of changes, but no tool changed anything")
        self._end(Outcome.DONE, "answered")
        return []

    def _went_in_circles(self, said: Said) -> Generator[Event, None, list[Message]]:
        """Take the loop back, or close it, and let the model try once more, less greedily."""
        first = self._first("repetition")
        spans = self.conversation.cut(said.end.spans, said.pos)
        is_back = not spans
        self.conversation.keep(spans)
        if not is_back or not first:
            yield from self.conversation.close_message()
        if not first:
            self._end(Outcome.STOPPED, "the model repeats itself")
            return []
        warmer = max(0.7, self.limits.temperature)
        self.limits = replace(self.limits, temperature=warmer, seed=self.limits.seed + 1)
        yield Notice("info", "the model went in circles; it tries once more")
        return [] if is_back else (yield from self._nudge(guards.NUDGE_LOOP))

    # -- calls

    def _run_calls(self, said: Said) -> Generator[Event, None, list[Message]]:
        results: list[Message] = []
        for call in said.end.calls:
            skip = f"not run: {self._why}" if self._is_over else ""
            answered = yield from self._recorded(self.calls.run(call, skip))
            self.facts.add_call(answered, self.calls.acts(call.name))
            text = answered.text if self._is_over else self._judge(answered)
            self._minutes.ran(answered, text, self.conversation.model.count(text))
            results.append(Message(Role.TOOL, text, call.name, call.id))
        if self.interrupt.is_due:
            self._end_interrupted()
        if self._is_over:
            yield from self._settle([replace(x, text=_short(x.text)) for x in results])
            return []
        return results

    def _judge(self, answered: Answered) -> str:
        """The result with a warning when the call goes nowhere; ends the turn at the limit."""
        self._n_repairs = self._n_repairs + 1 if answered.malformed else 0
        if self._n_repairs > guards.MAX_REPAIRS:
            self._end(Outcome.STOPPED, f"{self._n_repairs} malformed calls in a row")
        n = self._repeats.add(answered.call, answered.text)
        if n >= guards.STOP_AT:
            self._end(Outcome.STOPPED, f"the same call came {n} times with the same result")
        if n >= guards.WARN_AT:
            return f"{answered.text}\n{guards.REPEAT_WARNING.format(n=n)}"
        return answered.text

    def _recorded(
        self, events: Generator[Event, None, Answered]
    ) -> Generator[Event, None, Answered]:
        while True:
            try:
                event = next(events)
            except StopIteration as stop:
                return stop.value
            if isinstance(event, ToolProposed):
                self._minutes.proposed(event)
            yield event

    # -- endings

    def _settle(self, pending: Sequence[Message]) -> Iterator[Event]:
        """Complete the pairs of call and result, and close the turn in the cache."""
        if any(message.role is Role.TOOL for message in pending):
            appended = yield from self.conversation.feed(pending, stoppable=False)
            self.facts.add_usage(appended.usage)
            yield from self.conversation.close_message()

    def _cut(self, said: Said, note: str = NOTE_CUT) -> Iterator[Event]:
        """Keep what was said, without a half-written call, and close the message."""
        at = calls_start(said.end.spans)
        spans = said.end.spans if at is None else self.conversation.cut(said.end.spans, at)
        self._keep(replace(said, end=replace(said.end, spans=tuple(spans))), cut=True)
        yield from self.conversation.close_message(note)

    def _cut_feed(
        self, pending: Sequence[Message], appended: Appended, pos: int
    ) -> Iterator[Event]:
        """Take half-fed messages back; where that is not exact, keep and close them."""
        spans = self.conversation.cut(appended.spans, pos)
        self.conversation.keep(spans)
        if spans:
            yield from self.conversation.close_message(NOTE_CUT)
        else:
            tools = [message for message in pending if message.role is Role.TOOL]
            yield from self._settle([replace(x, text=INTERRUPTED) for x in tools])
        self._end_interrupted()

    def _keep(self, said: Said, cut: bool = False) -> None:
        """Record a message of the model: its tokens first, then its words."""
        self.conversation.keep(said.end.spans)
        self._minutes.said(said, cut)

    def _end(self, outcome: Outcome, why: str) -> None:
        if not self._is_over:
            self._outcome, self._why, self._is_over = outcome, why, True

    def _end_interrupted(self) -> None:
        if self.interrupt.cancel.is_set():
            self._end(Outcome.CANCELLED, "cancelled by the user")
        else:
            self._end(Outcome.STOPPED, f"{self.config.max_seconds} s are over")

    def _ended(self) -> TurnEnded:
        try:
            cache = self.conversation.model.status()
        except TriagentError:  # the engine is gone; the facts are not
            cache = None
        return self.facts.ended(self._outcome, self._why, cache, self._is_unproved)

    def _record_end(self, end: TurnEnded) -> None:
        try:
            self._minutes.ended(end)
        except TriagentError as error:
            self.error = self.error or error

    # -- small questions

    def _limit(self) -> str:
        """Why no further step may begin, or nothing."""
        if self.facts.n_steps >= self.config.max_steps:
            return f"{self.config.max_steps} steps were taken; say so to go on"
        if self.interrupt.is_late:
            return f"{self.config.max_seconds} s are over"
        return ""

    def _first(self, what: str) -> bool:
        """True once a turn for each kind of second chance."""
        if what in self._used:
            return False
        self._used.add(what)
        return True

    def _nudge(self, text: str) -> Generator[Event, None, list[Message]]:
        """A message of ours to the model, which the user sees too."""
        yield Notice("info", text.removeprefix(guards.MARK).strip())
        return [Message(Role.USER, text)]


def _short(text: str) -> str:
    return words.clip(text, CUT_CHARS)


def _told(error: TriagentError) -> str:
    """Why a turn failed, and what to do where the message cannot know it."""
    if not isinstance(error, EngineDied):
        return str(error)
    what, line, log = str(error).partition("\n")
    return f"{what} The next message starts it again.{line}{log}"
