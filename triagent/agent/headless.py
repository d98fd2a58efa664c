"""A turn without a screen: text or JSON lines out, an exit status that follows the facts.

      0  answered              4  nothing to show for it: every tool call failed, a permission was
      1  failed                   refused, or the answer speaks of changes that no tool made
      3  stopped by a guard    130  cancelled

Beside these the command line ends with 2 for a setting or an argument that is wrong, and with 141
when the reader of its output left.
"""

from __future__ import annotations

import json as json_module
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TextIO

from triagent.agent import facts
from triagent.agent.events import (
    AnswerText,
    ApprovalAsked,
    Decision,
    Event,
    Notice,
    Outcome,
    Recalled,
    StepDone,
    ToolEnded,
    ToolProposed,
    TurnEnded,
    as_json,
)

DONE, FAILED, STOPPED, UNPROVED, CANCELLED = 0, 1, 3, 4, 130
PIPE_CHARS = 1_000_000
"""Most characters read from a pipe as a prompt."""


class Turns(Protocol):
    """The part of the agent that is used here."""

    def turn(self, text: str) -> Iterator[Event]: ...

    def answer(self, id: str, decision: Decision) -> None: ...

    def cancel(self) -> None: ...


def run(
    agent: Turns, prompt: str, json: bool = False, out: TextIO | None = None,
    err: TextIO | None = None, warnings: Sequence[str] = (),
) -> int:  # fmt: skip
    """Run one turn and show it; returns the exit status. Approvals are refused: nobody is asked.

    Args:
        json: one JSON object an event on `out`; otherwise the answer's text on `out` and what
            was done on `err`.
        warnings: what is to be known of the machine, told first.
    """
    out, err = out or sys.stdout, err or sys.stderr
    show: Callable[[Event], None] = JsonLines(out) if json else Plain(out, err)
    end: TurnEnded | None = None
    n_refused = 0
    for text in warnings:
        show(Notice("warning", text))
    with _interruptible(agent):
        for event in agent.turn(prompt):
            if isinstance(event, ApprovalAsked):
                agent.answer(event.id, Decision.DENY)
                n_refused += 1
            if isinstance(event, TurnEnded):
                end = event
            show(event)
    if n_refused and not json:
        print("to allow changes inside the sandbox without being asked: --mode auto", file=err)
    return exit_status(end, n_refused)


def exit_status(end: TurnEnded | None, n_refused: int = 0) -> int:
    """The status that a turn's facts call for, with the number of refused permissions."""
    if end is None or end.outcome is Outcome.FAILED:
        return FAILED
    if end.outcome is Outcome.CANCELLED:
        return CANCELLED
    if end.outcome is Outcome.STOPPED:
        return STOPPED
    n_good = end.n_tools - end.n_failed
    has_nothing = end.n_tools + end.n_denied > 0 and not n_good
    return UNPROVED if end.unproved or has_nothing or n_refused else DONE


def prompt_from(words: str, pipe: TextIO | None = None) -> str:
    """The prompt of a command line: its words, then what comes through a pipe."""
    pipe = pipe or sys.stdin
    piped = "" if pipe is None or pipe.isatty() else pipe.read(PIPE_CHARS)
    return "\n\n".join(part for part in (words.strip(), piped.strip()) if part)


class JsonLines:
    """Every event as a line of ASCII: no locale and no line separator in a text can break it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: Event) -> None:
        print(json_module.dumps(as_json(event)), file=self._out, flush=True)


class Plain:
    """The answer on one stream; tools and the line of facts on the other."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._err = out, err
        self._has_text = False
        self._is_shared = out.isatty() and err.isatty()

    def __call__(self, event: Event) -> None:
        match event:
            case AnswerText():
                self._write(event.text)
            case StepDone():
                self._line()
            case ToolProposed():
                self._note(f"> {event.summary}")
            case ToolEnded() if not event.ok:
                self._note(f"  {event.text.strip().splitlines()[-1][:200]}")
            case ApprovalAsked():
                self._note(f"  refused, nobody to ask: {'; '.join(event.parts)} ({event.why})")
            case Recalled():
                self._note(f"  {event.text.strip()}")
            case Notice():
                self._note(f"{event.level}: {event.text}")
            case TurnEnded():
                self._ended(event)

    def _ended(self, end: TurnEnded) -> None:
        self._line()
        if end.outcome is not Outcome.DONE:
            self._note(f"{end.outcome.value}: {end.why}")
        self._note(facts.line(end))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
        self._has_text = not text.endswith("\n")

    def _line(self) -> None:
        if self._has_text:
            self._write("\n")

    def _note(self, text: str) -> None:
        if self._is_shared:  # elsewhere a line break of ours would get into the answer
            self._line()
        print(text, file=self._err, flush=True)


@contextmanager
def _interruptible(agent: Turns) -> Iterator[None]:
    """Let Ctrl-C cancel the turn, so that it ends as a turn; a second one ends the program."""

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        agent.cancel()

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
