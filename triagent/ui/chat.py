"""The chat screen: transcript, prompt, approvals, meter; what a key does in each moment.

Shows the items that the app hands it and posts what the user wants. Owns the queue of what was
typed while a turn ran.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Static

from triagent.ui.blocks import AnswerBlock, NoticeBlock, WelcomeBlock
from triagent.ui.history import History
from triagent.ui.meter import Meter, Status
from triagent.ui.prompt import Prompt, PromptArea
from triagent.ui.safe import one_line
from triagent.ui.transcript import Transcript

if TYPE_CHECKING:  # slow to make: what these say is first needed when the picture is there
    from triagent.agent import events as ev
    from triagent.chat import Evicted
    from triagent.ui.approve import ApprovalPanel
    from triagent.ui.complete import Completer
    from triagent.ui.failure_panel import FailurePanel
    from triagent.ui.feed import Feed
    from triagent.ui.offer import OfferPanel
    from triagent.ui.ports import Agent
    from triagent.ui.worker import Item

QUIT_TWICE_S = 2.0
"""The second Ctrl+C leaves only within this time of the first."""


class ChatScreen(Screen):
    """Where one talks to the model."""

    BINDINGS: ClassVar = [
        Binding("escape", "interrupt", "Interrupt", id="chat.interrupt"),
        # as in the model list
        Binding("ctrl+k", "centers", "Make centers", show=False, priority=True),
        Binding("ctrl+up", "app.page(-1)", "Page up", show=False),
        Binding("ctrl+down", "app.page(1)", "Page down", show=False),
    ]

    def __init__(
        self,
        history: History,
        completer: Callable[[], Completer],
        grace_s: float | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self._clock, self._grace_s = clock, grace_s
        self._title = Static("triagent", id="title", markup=False)
        self.transcript = Transcript(id="transcript")
        self._feed: Feed | None = None
        self.prompt = Prompt(history, completer)
        self.meter = Meter(id="meter")
        self.queue: list[str] = []
        self.last_round: ev.RoundDone | None = None
        self.session: str | None = None
        self._quit_asked_at = -QUIT_TWICE_S

    def compose(self) -> ComposeResult:
        """Top to bottom; what asks or reports comes after the first picture."""
        yield self._title
        yield self.transcript
        yield self.prompt
        yield self.meter

    def on_mount(self) -> None:
        """Ready for typing at once, while the model loads."""
        self.set_status(Status(phase="starting", busy=True, hint="F1 help"))
        self.prompt.area.focus()
        self.note("The model is being loaded. You can type already.")

    async def add_panels(self) -> None:
        """Add what is hidden until something is asked or goes wrong: half of all nodes."""
        await self.mount(self.approval, self.failure, self.offer, before=self.prompt)

    @cached_property
    def approval(self) -> ApprovalPanel:
        """Asks before something runs."""
        from triagent.ui.approve import GRACE_S, ApprovalPanel

        return ApprovalPanel(GRACE_S if self._grace_s is None else self._grace_s)

    @cached_property
    def failure(self) -> FailurePanel:
        """Says what went wrong."""
        from triagent.ui.failure_panel import FailurePanel

        return FailurePanel()

    @cached_property
    def offer(self) -> OfferPanel:
        """Offers to measure the model."""
        from triagent.ui.offer import OfferPanel

        return OfferPanel()

    @property
    def feed(self) -> Feed:
        """What turns events into the transcript's blocks."""
        if self._feed is None:
            from triagent.ui.feed import Feed

            self._feed = Feed(self.transcript, self._clock)
        return self._feed

    @property
    def status(self) -> Status:
        """What the meter shows."""
        return self.meter.status

    @property
    def busy(self) -> bool:
        """Whether a turn runs or a session is being opened."""
        return self.meter.status.busy

    def set_status(self, status: Status) -> None:
        """Show another status; the prompt's edge follows."""
        hint = "Esc interrupts" if status.busy else "F1 help"
        if status != self.meter.status or not self.meter.status.hint:
            self.meter.status = replace(status, hint=hint)
            self.prompt.set_busy(status.busy)

    # -- items

    def show_item(self, item: Item) -> None:
        """Show one thing that happened."""
        from triagent.agent import events as ev
        from triagent.ui.state import after
        from triagent.ui.worker import Failed, Opened

        self.set_status(after(self.status, item))
        match item:
            case Opened(agent=agent, past=past):
                self._opened(agent, past)
            case Failed(during, error):
                self._failed(during, error)
            case ev.ApprovalAsked():
                self.feed.put(item)
                self.approval.show(item)
                self.prompt.display = False
            case ev.RoundDone():
                self.last_round = item
                self.feed.put(item)
            case ev.TurnEnded():
                self.feed.put(item)
                self._close_question()
            case ev.TurnStarted():
                self._drop_welcome()
                self.offer.hide()
                self.feed.put(item)
            case _ if type(item).__module__ == ev.__name__:
                self.feed.put(item)

    def _opened(self, agent: Agent, past: Sequence[ev.Event]) -> None:
        from triagent.agent.events import RoundDone

        self.failure.hide()
        self.prompt.display = True
        self.prompt.area.focus()
        rounds = (event for event in reversed(past) if isinstance(event, RoundDone))
        self.last_round = next(rounds, None)
        self.session = agent.session_id
        self.show_past(past)
        self.set_title(agent)

    def show_past(self, past: Sequence[ev.Event]) -> None:
        """Fill the transcript with the session so far, its end in view."""
        from triagent.ui.feed import blocks_of

        blocks, turns = blocks_of(past)
        self.transcript.clear()
        self.transcript.extend(blocks)
        self._feed = None
        self.feed.turns = turns

    def set_title(self, agent: Agent) -> None:
        """The top line: what is open, and where."""
        left = one_line(agent.title or "new session", 60)
        self._title.update(f"{left} · {agent.info.name}")

    def _failed(self, during: str, error: BaseException) -> None:
        from triagent.ui.failures import explain  # most starts show none

        self._close_question()
        self.offer.hide()
        if self.session is None:
            self.transcript.clear()
        self.prompt.display = False
        self.failure.show(explain(error))

    def welcome(self, markdown: str) -> None:
        """Fill an empty session's screen."""
        if not len(self.transcript):
            self.transcript.append(WelcomeBlock(markdown))

    def _drop_welcome(self) -> None:
        if len(self.transcript) and isinstance(self.transcript[0], WelcomeBlock):
            self.transcript.clear()
            self._feed = None

    def note(self, text: str, level: str = "info") -> None:
        """A plain sentence in the transcript."""
        self.transcript.append(NoticeBlock(level, text))

    def show_forgotten(self, done: Evicted) -> None:
        """The mark of a round that the user asked for; none when nothing was left to evict."""
        if done.n_evicted:
            from triagent.agent.events import RoundDone

            self.last_round = RoundDone(done.n_evicted, done.now, done.lost, done.ms)
            self.feed.put(self.last_round)

    def last_answer(self) -> str:
        """Words of the model's last answer; empty when there is none."""
        answers = (b.text for b in reversed(self.transcript.blocks) if isinstance(b, AnswerBlock))
        return next(answers, "")

    # -- queue

    def enqueue(self, text: str) -> None:
        """Keep what was typed until the turn ends."""
        self.queue.append(text)
        self.prompt.show_queue(self.queue)

    def next_queued(self) -> str | None:
        """What to send now, or None."""
        if not self.queue:
            return None
        text = self.queue.pop(0)
        self.prompt.show_queue(self.queue)
        return text

    def unqueue(self) -> None:
        """Put what waited back into the prompt: an interrupted user decides anew."""
        if self.queue:
            parts = [*self.queue, self.prompt.area.text]
            self.queue.clear()
            self.prompt.show_queue(self.queue)
            self.prompt.area.put("\n\n".join(part for part in parts if part))

    # -- keys

    def on_approval_panel_answered(self, message: ApprovalPanel.Answered) -> None:
        """Back to the prompt; the app hands the answer on."""
        self._close_question()

    def on_approval_panel_overheard(self, message: ApprovalPanel.Overheard) -> None:
        """Keep what was typed on; it is there when the question is answered."""
        self.prompt.area.insert(message.character)

    def on_transcript_typed(self, message: Transcript.Typed) -> None:
        """Typing goes to the prompt, wherever one was."""
        if self.prompt.display:
            self.prompt.area.focus()
            self.prompt.area.insert(message.character)

    def _close_question(self) -> None:
        self.approval.hide()
        if self.failure.failure is None:
            self.prompt.display = True
            self.prompt.area.focus()

    def deny(self) -> bool:
        """Answer an open question with no; False when none is open."""
        from triagent.agent.events import Decision

        asked = self.approval.asked
        if asked is None:
            return False
        self.approval.hide()
        self.approval.post_message(self.approval.Answered(asked, Decision.DENY))
        return True

    def action_interrupt(self) -> None:
        """Escape: the nearest thing that can be stopped, closed or cleared."""
        if self.prompt.hide_choices() or self.deny() or self.offer.hide():
            return
        if self.failure.failure is not None:
            return
        if self.busy:
            self.stop()
        elif self.focused is not self.prompt.area:
            self.prompt.area.focus()
        else:
            self.prompt.area.clear()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key of an offer is the prompt's own while there is none."""
        return self.offer.is_open if action == "centers" else True

    def action_centers(self) -> None:
        """Accept the offer."""
        from triagent.ui import actions

        self.offer.hide()
        actions.make_centers(self.app)

    def stop(self) -> None:
        """Interrupt the turn."""
        self.unqueue()
        self.app.interrupt()
        self.set_status(replace(self.status, phase="stopping", share=None, rate_tps=0.0))

    def control_c(self) -> bool:
        """Ctrl+C; True when the app should quit."""
        now = time.monotonic()
        again = now - self._quit_asked_at < QUIT_TWICE_S
        self._quit_asked_at = now
        if again:
            return True
        if self.deny():
            return False
        if self.busy:
            self.stop()
        elif self.prompt.area.text:
            self.prompt.area.clear()
        self.set_status(replace(self.status, hint=""))
        self.meter.status = replace(self.status, hint="Ctrl+C again leaves")
        self.set_timer(QUIT_TWICE_S, self._forget_quit)
        return False

    def _forget_quit(self) -> None:
        self.meter.status = replace(self.status, hint="")
        self.set_status(self.status)

    def on_prompt_area_entered(self, message: PromptArea.Entered) -> None:
        """Follow the end again: what was sent is shown there."""
        self.transcript.scroll_end(animate=False)
