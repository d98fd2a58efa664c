"""The model and the session as one: what is fed or sampled is recorded before it counts.

Turns the model's deltas into events. Knows nothing of tools or guards.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from triagent.agent import events
from triagent.agent.events import Event, Notice
from triagent.chat import (
    Appended,
    CacheStatus,
    CallText,
    Delta,
    Evicted,
    Limits,
    Message,
    Model,
    Origin,
    Prefill,
    Span,
    StepEnd,
    Text,
    Thinking,
    ToolSchema,
)
from triagent.errors import EngineDied, SessionError, SnapshotError, TriagentError
from triagent.session.session import Session

SNAPSHOT_AFTER = 256
"""Tokens since the last snapshot that make another one worth its disk space at the end."""
AUTOSAVE_AFTER = 4096
"""The same between two turns, for caches of up to 256 MiB; larger ones are saved less often."""


class Interrupt:
    """Whether the running turn shall end early: by the user or by the clock."""

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.deadline = float("inf")

    def begin(self, seconds: float) -> None:
        """A turn begins that may take this long."""
        self.cancel.clear()
        self.deadline = time.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self.deadline

    @property
    def is_due(self) -> bool:
        return self.cancel.is_set() or self.is_late


class Interrupted(Exception):
    """The user stopped what brings a session up; it can be begun again."""


@dataclass(frozen=True)
class Said:
    """One message of the model, not yet recorded."""

    end: StepEnd
    text: str
    thinking: str
    pos: int
    """Position of its first token."""


class Conversation:
    """A model's cache and a session's ledger, kept equal."""

    def __init__(self, model: Model, session: Session, interrupt: Interrupt) -> None:
        self.model, self.session = model, session
        self._interrupt = interrupt
        self._is_stoppable = False
        self._good_pos: int | None = None
        """Position of the snapshot that was loaded, 0 when none would do; None: not known yet."""

    def cancel(self) -> None:
        """Stop what the model does now, unless it is what ends a message. From any thread."""
        if self._is_stoppable:
            self.model.cancel()

    # -- opening

    def start(self, system: str, tools: Sequence[ToolSchema]) -> Iterator[Event]:
        """Open a new session, or bring the cache to where the ledger ends.

        Raises:
            Interrupted: the turn was stopped meanwhile.
        """
        if self.session.n_pos == 0:
            if self.model.status().n_pos:
                self.model.restart()  # an opening that was interrupted cannot be continued
            appended = yield from self._pass(self.model.open(system, tools))
            if appended.cancelled:
                raise Interrupted
            self.keep(appended.spans)
            return
        self.model.bind_tools(tools)
        yield from self.restore()

    def restore(self) -> Iterator[Event]:
        """Load the newest snapshot that fits and replay what came after; else replay all."""
        pos = offset = 0
        for snapshot in self.session.snapshots():
            try:
                self.model.load(snapshot.path, snapshot.hash)
            except SnapshotError as error:
                yield Notice("info", f"snapshot not used ({error}); the session is read again")
                continue
            except EngineDied:  # once is enough: the next start reads the session instead
                snapshot.path.unlink(missing_ok=True)
                raise
            pos, offset = snapshot.pos, snapshot.offset
            break
        self._good_pos = pos
        spans = tuple(self.session.ledger.spans(pos, offset))
        if spans:
            yield from self._replay(spans)
        for start, stop in self.session.pins:
            self.model.pin(start, stop)

    def _replay(self, spans: tuple[Span, ...]) -> Iterator[Event]:
        self.session.event("replayed", pos=spans[0].pos)
        appended = yield from self._pass(self.model.replay(spans))
        if appended.cancelled:
            raise Interrupted
        if appended.spans and appended.spans[-1].stop != self.session.n_pos:
            raise SessionError(
                f"the cache ends at {appended.spans[-1].stop}, the session at "
                f"{self.session.n_pos}; resume the session again"
            )

    def sync(self) -> Iterator[Event]:
        """Undo what the cache holds beyond the ledger, after a failure between the two."""
        if self.model.status().n_pos == self.session.n_pos:
            return
        if not self.model.rollback(self.session.n_pos):
            yield from self.restore()

    def autosave(self) -> None:
        """Leave a snapshot between turns, seldom enough that disks do not mind."""
        self.save(max(AUTOSAVE_AFTER, self.model.status().cache_bytes >> 16))

    def save(self, n_least: int = SNAPSHOT_AFTER) -> None:
        """Leave a snapshot for the next time, when at least `n_least` tokens came since.

        Raises:
            EngineDied: it ended while writing; what it left is not used.
        """
        ledger = self.session.ledger
        # One that was refused counts for nothing: the next start would read everything again.
        last = ledger.state.snapshot_pos
        last = last if self._good_pos is None else min(last, self._good_pos)
        if self.session.n_pos - last < n_least:
            return
        path = self.session.snapshot_path()
        try:
            if self.model.status().n_pos != self.session.n_pos:
                return  # a turn failed between the two: this is no state of the session
            self.model.save(path, ledger.state.hash)
            self.session.keep_snapshot(path)
            self._good_pos = self.session.n_pos
        except EngineDied:
            self.session.drop_snapshot(path)
            raise
        except (TriagentError, OSError):  # a cache: the ledger has everything
            self.session.drop_snapshot(path)

    def rewind(self, pos: int, turn: int) -> Iterator[Event]:
        """Go back to `pos`, where `turn` began: in place if that is exact, else by a replay."""
        is_exact = self.model.rollback(pos)
        self.session.event("rewound", pos=pos, turn=turn)
        if not is_exact:
            yield from self.restore()

    # -- one step

    def feed(
        self, messages: Sequence[Message], stoppable: bool = True
    ) -> Generator[Event, None, Appended]:
        """Feed messages and record them. When it is cut, nothing is recorded: see `Appended`."""
        appended = yield from self._pass(self.model.append(messages), stoppable)
        if not appended.cancelled:
            self.keep(appended.spans)
        return appended

    def sample(self, limits: Limits) -> Generator[Event, None, Said]:
        """Let the model speak; nothing is recorded until `keep`."""
        pos, text, thinking = self.session.n_pos, [], []
        for delta in self._watch(self.model.generate(limits)):
            if isinstance(delta, StepEnd):
                return Said(delta, "".join(text), "".join(thinking), pos)
            if isinstance(delta, Text):
                text.append(delta.text)
            elif isinstance(delta, Thinking):
                thinking.append(delta.text)
            yield from self._event(delta)
        raise RuntimeError("the model ended without a StepEnd")

    def keep(self, spans: Sequence[Span]) -> None:
        """Record tokens that are in the cache."""
        for span in spans:
            if span.ids:
                self.session.add_span(span)

    def cut(self, spans: Sequence[Span], pos: int) -> Sequence[Span]:
        """Take the cache back to `pos` if that is exact; returns the spans that stay."""
        if self.model.rollback(pos):
            return [span for span in spans if span.stop <= pos]
        return spans

    def close_message(self, note: str = "") -> Generator[Event, None, None]:
        """End an unfinished assistant message as the model's family ends it."""
        appended = yield from self._pass(self.model.close_message(note), stoppable=False)
        self.keep(appended.spans)
        self.session.event("closed")

    # -- deltas

    def _pass(
        self, deltas: Iterator[Delta], stoppable: bool = True
    ) -> Generator[Event, None, Appended]:
        for delta in self._watch(deltas, stoppable):
            if isinstance(delta, Appended):
                return delta
            yield from self._event(delta)
        raise RuntimeError("the model ended without an Appended")

    def _watch(self, deltas: Iterator[Delta], stoppable: bool = True) -> Iterator[Delta]:
        """Cancel the model when the turn shall end, also when that was asked too early for it."""
        told, self._is_stoppable = False, stoppable
        try:
            for delta in deltas:
                if not told and stoppable and self._interrupt.is_due:
                    self.model.cancel()
                    told = True
                yield delta
        except GeneratorExit:  # the reader left; the model's iterators must run to their end
            self.model.cancel()
            for _ in deltas:
                pass
            raise
        finally:
            self._is_stoppable = False

    def _event(self, delta: Delta) -> Iterator[Event]:
        match delta:
            case Prefill():
                yield events.Prefilling(delta.n_done, delta.n_total, delta.tps)
            case Text():
                yield events.AnswerText(delta.text)
            case Thinking():
                yield events.ThinkingText(delta.text)
            case CallText():
                yield events.CallText(delta.text, delta.name)
            case CacheStatus():
                yield events.CacheChanged(delta)
            case Evicted():
                self.session.add_round(delta, self.model.info.policy)
                yield events.RoundDone(
                    delta.n_evicted,
                    delta.now,
                    delta.lost,
                    delta.ms,
                    self.session.ledger.state.n_rounds,
                )


def calls_start(spans: Sequence[Span]) -> int | None:
    """Position where the first call begins, or None."""
    return next((span.pos for span in spans if span.origin is Origin.CALL), None)


