"""Events to blocks: the one place that knows how a turn reads on the screen.

Replays a session's past in the same way as it shows the present, only all at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from triagent.agent import events as ev
from triagent.chat import ToolCall
from triagent.ui.blocks import (
    AnswerBlock,
    Block,
    CardBlock,
    CardState,
    FactsBlock,
    NoticeBlock,
    RecallBlock,
    RoundBlock,
    ThinkingBlock,
    UserBlock,
)

KEPT_OUTPUT_CHARS = 200_000
"""Most characters of one tool's live output that a card keeps: its tail."""


_NOT_OK = {
    ev.Ending.RAN: CardState.FAILED,
    ev.Ending.DENIED: CardState.DENIED,
    ev.Ending.STOPPED: CardState.STOPPED,
}


class Target(Protocol):
    """Where blocks go: the transcript, or a list while the past is read."""

    def append(self, block: Block) -> int: ...

    def replace(self, index: int, block: Block) -> None: ...

    def __getitem__(self, index: int) -> Block: ...

    def __len__(self) -> int: ...


class Feed:
    """Turns the stream of events into blocks."""

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        self.target, self._clock = target, clock
        self._prose: int | None = None
        self._thinking: int | None = None
        self._thought_since = 0.0
        self._writing: int | None = None
        self._cards: dict[str, int] = {}
        self._n_rounds = 0
        self.turns: dict[int, int] = {}
        """Index of the block that begins each turn."""

    def put(self, event: ev.Event) -> None:
        """Show one event."""
        match event:
            case ev.TurnStarted(turn, text):
                self._end_prose()
                self.turns[turn] = self.target.append(UserBlock(text, turn))
            case ev.Steered(text):
                self.steered(text)
            case ev.AnswerText(text):
                self._answer(text)
            case ev.ThinkingText(text):
                self._think(text)
            case ev.CallText(_, name):
                self._write(name)
            case ev.RoundDone():
                self._round(event)
            case ev.CacheChanged(status):
                self._n_rounds = status.n_rounds
            case ev.StepDone():
                self._end_prose()
            case ev.ToolProposed(call, _, diff):
                self._propose(call, diff)
            case ev.ApprovalAsked(_, call):
                self._card(call.id, state=CardState.ASKING)
            case ev.ToolStarted(call):
                self._card(call.id, state=CardState.RUNNING)
            case ev.ToolOutput(call_id, text):
                self._output(call_id, text)
            case ev.ToolEnded():
                self._ended(event)
            case ev.Notice(level, text):
                self.target.append(NoticeBlock(level, text))
            case ev.Recalled(turn, text):
                self.target.append(RecallBlock(turn, text))
            case ev.TurnEnded():
                self._facts(event)

    def steered(self, text: str) -> None:
        """Show what the user said in the middle of a turn."""
        self._end_prose()
        self.target.append(UserBlock(text, steered=True))

    # -- prose

    def _answer(self, text: str) -> None:
        self._end_thinking()
        if self._prose is None:
            text = text.lstrip("\n")
            if text:
                self._prose = self.target.append(AnswerBlock(text, live=True))
            return
        block = self.target[self._prose]
        self.target.replace(self._prose, replace(block, text=block.text + text))

    def _think(self, text: str) -> None:
        if self._thinking is None:
            self._thought_since = self._clock()
            self._thinking = self.target.append(ThinkingBlock(text, live=True))
            return
        block = self.target[self._thinking]
        self.target.replace(self._thinking, replace(block, text=block.text + text))

    def _end_thinking(self) -> None:
        if self._thinking is None:
            return
        block, took = self.target[self._thinking], self._clock() - self._thought_since
        self.target.replace(self._thinking, replace(block, live=False, seconds=took or None))
        self._thinking = None

    def _end_prose(self) -> None:
        self._end_thinking()
        if self._prose is not None:
            block = self.target[self._prose]
            self.target.replace(self._prose, replace(block, text=block.text.rstrip(), live=False))
            self._prose = None

    # -- tools

    def _write(self, name: str | None) -> None:
        self._end_prose()
        if self._writing is None:
            block = CardBlock(name or "…", state=CardState.WRITING)
            self._writing = self.target.append(block)
        elif name and self.target[self._writing].name != name:
            block = replace(self.target[self._writing], name=name)
            self.target.replace(self._writing, block)

    def _propose(self, call: ToolCall, diff: str) -> None:
        self._end_prose()
        block = CardBlock(call.name, argument_of(call), CardState.PROPOSED, diff=diff)
        if self._writing is None:
            self._cards[call.id] = self.target.append(block)
        else:
            self.target.replace(self._writing, block)
            self._cards[call.id], self._writing = self._writing, None

    def _card(self, call_id: str, **changes) -> None:
        index = self._cards.get(call_id)
        if index is not None:
            self.target.replace(index, replace(self.target[index], **changes))

    def _output(self, call_id: str, text: str) -> None:
        index = self._cards.get(call_id)
        if index is not None:
            kept = (self.target[index].output + text)[-KEPT_OUTPUT_CHARS:]
            self.target.replace(index, replace(self.target[index], output=kept))

    def _ended(self, event: ev.ToolEnded) -> None:
        index = self._cards.get(event.call_id)
        if index is None:
            return
        state = CardState.OK if event.ok else _NOT_OK[event.ending]
        output = self.target[index].output or event.text
        self._card(event.call_id, state=state, seconds=event.seconds, output=output)

    # -- the rest

    def _round(self, event: ev.RoundDone) -> None:
        self._n_rounds = event.number or self._n_rounds + 1
        n_lost = sum(stop - start for start, stop in event.lost)
        block = RoundBlock(self._n_rounds, event.n_evicted, n_lost, event.ms)
        last = len(self.target) - 1
        if last >= 0 and isinstance(self.target[last], RoundBlock):
            before = self.target[last]
            joined = RoundBlock(
                block.number,
                before.n_evicted + block.n_evicted,
                before.n_lost + block.n_lost,
                before.ms + block.ms,
                before.n_rounds + 1,
            )
            self.target.replace(last, joined)
            return
        # While an answer is being written it goes on above the mark, uncut.
        self.target.append(block)

    def _facts(self, event: ev.TurnEnded) -> None:
        self._end_prose()
        self._settle_cards()
        self.target.append(
            FactsBlock(
                event.outcome,
                event.why,
                event.n_tools,
                event.n_failed,
                event.changed,
                event.usage.n_decode,
                event.usage.decode_tps,
                event.seconds,
                event.n_denied,
                event.n_skipped,
            )
        )

    def _settle_cards(self) -> None:
        """No card may look busy after its turn."""
        busy = (CardState.WRITING, CardState.PROPOSED, CardState.ASKING, CardState.RUNNING)
        indexes = [*self._cards.values(), *([] if self._writing is None else [self._writing])]
        for index in indexes:
            if self.target[index].state in busy:
                block = replace(self.target[index], state=CardState.STOPPED)
                self.target.replace(index, block)
        self._cards.clear()
        self._writing = None


class Collected(list):
    """A target that is only a list."""

    def append(self, block: Block) -> int:
        """Add a block; returns its index."""
        super().append(block)
        return len(self) - 1

    def replace(self, index: int, block: Block) -> None:
        """Put another value in a block's place."""
        self[index] = block


def blocks_of(past: Iterable[ev.Event]) -> tuple[list[Block], dict[int, int]]:
    """All blocks of a session's past, and the index of each turn's first block."""
    feed = Feed(Collected(), clock=lambda: 0.0)
    for event in past:
        feed.put(event)
    feed._end_prose()
    feed._settle_cards()  # a crash may have left calls open
    return list(feed.target), feed.turns


def argument_of(call: ToolCall) -> str:
    """What tells one call from another, on one line: its path, command, pattern or query."""
    for name in ("path", "command", "pattern", "query", "text"):
        if isinstance(call.arguments.get(name), str):
            return call.arguments[name]
    return ", ".join(f"{key}={value}" for key, value in call.arguments.items())
