"""The thread that owns the agent. Commands go in by a queue, events come out in batches.

The thread never touches a widget: it appends to an inbox and wakes the app with one message
when the inbox was empty. The app empties it a limited number of times a second, however
fast tokens come. Two calls go around the queue, because a turn must hear them while it runs:
`cancel` and `answer`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from triagent.agent.events import (
    AnswerText,
    CacheChanged,
    CallText,
    Decision,
    Event,
    Notice,
    Prefilling,
    StepDone,
    ThinkingText,
    ToolOutput,
)
from triagent.chat import CacheStatus
from triagent.errors import TriagentError
from triagent.ui.ports import Agent, Models, Open, Projects, Start

if TYPE_CHECKING:  # most starts ask nothing
    from triagent.agent.trust import Question

OCCUPYING = ("open", "turn", "recall", "centers")
"""Commands that keep the model busy; what was typed meanwhile is sent after them."""


@dataclass(frozen=True)
class Loading:
    """Progress of opening a session."""

    text: str
    share: float | None


@dataclass(frozen=True)
class TrustAsked:
    """Opening waits for `answer_trust`."""

    question: Question


@dataclass(frozen=True)
class Opened:
    """A session is open and takes commands."""

    agent: Agent
    past: Sequence[Event]
    cache: CacheStatus
    """As it was then: the agent's thread alone may ask for it, and is busy from now on."""
    advice: str = ""
    """For a new session: which larger model fits this machine."""
    lacks_centers: bool = False
    """Whether measuring the model would help it."""


@dataclass(frozen=True)
class Failed:
    """A command ended with an error; `during` says which."""

    during: str
    error: BaseException


@dataclass(frozen=True)
class Done:
    """A command ended well."""

    during: str
    result: Any = None


Command = tuple[str, Callable[[], Any]]
Item = Event | Loading | TrustAsked | Opened | Failed | Done


class AgentThread:
    """Runs one command after another on a thread of its own."""

    def __init__(
        self,
        start: Start,
        wake: Callable[[], None],
        advice: Callable[[], str] = lambda: "",
        projects: Callable[[], Projects | None] = lambda: None,
        models: Callable[[], Models | None] = lambda: None,
    ) -> None:
        """Args:
        start: opens a session; called on the thread.
        wake: called on the thread when the inbox is no longer empty.
        advice: a sentence for an empty session; called on the thread.
        projects: what must be asked before a session is opened; called on the thread.
        models: what measures models; called on the thread.
        """
        self._start, self._wake, self._advice = start, wake, advice
        self._projects, self._models = projects, models
        self._is_stopped = threading.Event()
        self._trust_answers: SimpleQueue[bool] = SimpleQueue()
        self._is_asking = self._is_closing = False
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._between: SimpleQueue[Command] = SimpleQueue()
        self._inbox: deque[Item] = deque()
        self._lock = threading.Lock()
        self._agent: Agent | None = None
        self._thread = threading.Thread(target=self._main, name="agent", daemon=True)
        self._thread.start()

    @property
    def agent(self) -> Agent | None:
        """The open session, or None while there is none."""
        return self._agent

    # -- from the app

    def open(self, what: Open) -> None:
        """Close the open session, if any, and open another."""
        self._commands.put(("open", lambda: self._open(what)))

    def make_centers(self, model: Path, then: Open) -> None:
        """Close the session, measure its model until it is done or cancelled, and open `then`."""
        self._is_stopped.clear()
        self._commands.put(("centers", lambda: self._make_centers(model, then)))

    def turn(self, text: str, attachments: Sequence[str] = ()) -> None:
        """Run one turn."""
        self.stream("turn", lambda agent: agent.run(text, attachments))

    def stream(self, during: str, make: Callable[[Agent], Any]) -> None:
        """Run something that yields events."""

        def run() -> None:
            for event in make(self._opened()):
                self._put(event)
                if isinstance(event, StepDone):
                    self._run_between()

        self._commands.put((during, run))

    def ask(self, during: str, call: Callable[[Agent], Any]) -> None:
        """Run something that returns a value; it comes back as `Done`."""
        self._commands.put((during, lambda: call(self._opened())))

    def ask_between(self, during: str, call: Callable[[Agent], Any]) -> None:
        """Like `ask`, but in a running turn it has its turn after the next model call."""
        self._between.put((during, lambda: call(self._opened())))
        self._commands.put(("", self._run_between))

    def cancel(self) -> None:
        """Stop the running turn, or measuring; a question about trust is answered with no."""
        self.answer_trust(False)
        self._is_stopped.set()
        if self._agent is not None:
            self._agent.cancel()

    def answer(self, id: str, decision: Decision) -> None:
        """Answer an approval that the running turn waits for."""
        if self._agent is not None:
            self._agent.answer(id, decision)

    def answer_trust(self, is_trusted: bool) -> None:
        """Answer a `TrustAsked`; nothing when none is open."""
        with self._lock:
            was_asking, self._is_asking = self._is_asking, False
        if was_asking:
            self._trust_answers.put(is_trusted)

    def close(self, wait_s: float = 2.0) -> bool:
        """Cancel, close the session and end the thread; False when it did not end in time."""
        self._is_closing = True
        self.cancel()
        self._commands.put(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def take(self) -> list[Item]:
        """Empty the inbox: neighbors of one kind joined, progress only the last."""
        with self._lock:
            items = list(self._inbox)
            self._inbox.clear()
        return join(items)

    # -- on the thread

    def _main(self) -> None:
        while (command := self._commands.get()) is not None:
            self._run(command)
        self._close()

    def _run(self, command: Command) -> None:
        during, run = command
        try:
            result = run()
        except Exception as error:  # the top of the worker: everything is shown, nothing is lost
            self._put(Failed(during, error))
        else:
            if during:
                self._put(Done(during, result))

    def _run_between(self) -> None:
        while not self._between.empty():
            self._run(self._between.get())

    def _open(self, what: Open) -> None:
        self._close()
        self._ask_trust(what)
        if self._is_closing:
            return
        agent = self._start(what, lambda text, share=None: self._put(Loading(text, share)))
        self._agent = agent
        # The past is shown before the model has read it: one can read along meanwhile.
        past = agent.past()
        advice = "" if past else self._advice()
        cache, models = agent.status(), self._models()
        lacks = models is not None and models.lacks_centers(agent.info, cache.budget)
        self._put(Opened(agent, past, cache, advice, lacks))
        for event in agent.start():
            self._put(event)
        self._put(CacheChanged(agent.status()))

    def _make_centers(self, model: Path, then: Open) -> None:
        models = self._models()
        assert models is not None  # it said that centers are lacking
        self._close()  # two copies of a model may not fit
        try:
            path = models.make_centers(
                model,
                lambda text, share=None: self._put(Loading(f"measuring: {text}", share)),
                self._is_stopped.is_set,
            )
            ended = Notice("info", f"The model is measured: {path}")
        except (TriagentError, OSError) as error:
            ended = Notice("warning", f"The model is not measured: {error}")
        self._open(then)
        self._put(ended)

    def _ask_trust(self, what: Open) -> None:
        projects = self._projects()
        question = projects.question(what) if projects is not None else None
        if projects is None or question is None or self._is_closing:
            return
        with self._lock:
            self._is_asking = True
        self._put(TrustAsked(question))
        if self._trust_answers.get():
            projects.accept(question)

    def _close(self) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            try:
                agent.close()
            except (TriagentError, OSError) as error:
                self._put(Notice("warning", f"the session did not close cleanly: {error}"))

    def _opened(self) -> Agent:
        if self._agent is None:
            raise TriagentError("no session is open yet; wait until the model is loaded")
        return self._agent

    def _put(self, item: Item) -> None:
        with self._lock:
            was_empty = not self._inbox
            self._inbox.append(item)
        if was_empty:
            self._wake()


def join(items: list[Item]) -> list[Item]:
    """Join neighbors: text after text of one kind, progress after progress."""
    found: list[Item] = []
    for item in items:
        last = found[-1] if found else None
        match last, item:
            case (AnswerText(), AnswerText()) | (ThinkingText(), ThinkingText()):
                found[-1] = replace(last, text=last.text + item.text)
            case (CallText(), CallText()) if item.name in (None, last.name):
                found[-1] = replace(last, text=last.text + item.text)
            case (ToolOutput(), ToolOutput()) if item.call_id == last.call_id:
                found[-1] = replace(last, text=last.text + item.text)
            case (Prefilling(), Prefilling()) | (Loading(), Loading()):
                found[-1] = item
            case _:
                found.append(item)
    return found
