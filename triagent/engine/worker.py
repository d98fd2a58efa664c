"""The engine's process, from inside: one thread decodes, one listens for cancel.

Frames come on stdin and go out on what was stdout; whatever the library or Python prints goes to
stderr, which is the log. Ends when the other side does.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from triagent import errors
from triagent.engine import wire
from triagent.engine.assembly import assemble
from triagent.engine.conversation import STREAMS, VALUES, Conversation
from triagent.engine.engine import Engine
from triagent.errors import EngineError, TriagentError


class Inbox:
    """Calls in order, and which of them were cancelled meanwhile."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._cancelled = 0
        self._current = 0
        threading.Thread(target=self._listen, daemon=True, name="inbox").start()

    def _listen(self) -> None:
        try:
            while True:
                message = wire.read(self._stream)
                if isinstance(message, wire.Cancel):
                    self._cancelled = max(self._cancelled, message.id)
                else:
                    self._calls.put(message)
        except (EOFError, OSError, wire.WireError):
            os._exit(0)  # nobody is left to decode for, and nothing here needs to be saved

    def next(self) -> Any:
        message = self._calls.get()
        self._current = message.id if isinstance(message, wire.Call) else 0
        return message

    def is_cancelled(self) -> bool:
        """Whether the running call was cancelled."""
        return self._cancelled >= self._current > 0


class Worker:
    """Answers calls one after the other."""

    def __init__(self, inbox: Inbox, out: BinaryIO) -> None:
        self._inbox, self._out = inbox, out

    def run(self) -> None:
        start = self._inbox.next()
        try:
            parts = assemble(start.model, start.cache, start.sampling.seed, echo=True)
            engine = Engine(parts, self._inbox.is_cancelled)
            conversation = Conversation(engine, start.model)
        except TriagentError as error:
            self._send(_failed(0, error))
            return
        self._send(wire.Done(0, conversation.info))
        while True:
            self._answer(conversation, self._inbox.next())

    def _answer(self, conversation: Conversation, call: wire.Call) -> None:
        try:
            if call.method in STREAMS:
                deltas: Iterator[Any] = getattr(conversation, call.method)(*call.arguments)
                for delta in deltas:
                    self._send(wire.Item(call.id, delta))
                value = None
            elif call.method in VALUES:
                value = getattr(conversation, call.method)(*call.arguments)
            else:
                raise EngineError(f"the engine knows no {call.method!r}")
        except TriagentError as error:
            self._send(_failed(call.id, error))
        else:
            self._send(wire.Done(call.id, value))

    def _send(self, message: Any) -> None:
        wire.write(self._out, message)


def _failed(id: int, error: TriagentError) -> wire.Failed:
    known = [c for c in type(error).__mro__ if c.__module__ == errors.__name__]
    return wire.Failed(id, known[0].__name__, str(error))


def main() -> None:
    faulthandler.enable()
    # Ctrl-C in the terminal reaches the whole group: it is the other side that decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    frames_in, frames_out = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    inbox = Inbox(os.fdopen(frames_in, "rb"))
    Worker(inbox, os.fdopen(frames_out, "wb")).run()


if __name__ == "__main__":
    main()
