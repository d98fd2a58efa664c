"""The app: composes the screens, owns the agent's thread, and hands things between them.

Keys become commands to the thread; what comes back is shown at most `UPDATES_PER_S` times a
second. What slash commands do is in `actions`, what a screen looks like is in its module.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.events import DescendantFocus
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, TextArea

from triagent.config import Config
from triagent.ui.chat import ChatScreen
from triagent.ui.complaints import complaints
from triagent.ui.history import History
from triagent.ui.leaving import heed_signals, write_crash
from triagent.ui.prompt import PromptArea
from triagent.ui.themes import OURS
from triagent.ui.transcript import Transcript

if TYPE_CHECKING:  # slow to make: what these say is first needed when the picture is there
    from triagent.ui.approve import ApprovalPanel
    from triagent.ui.complete import Completer
    from triagent.ui.failure_panel import FailurePanel
    from triagent.ui.ports import Open, Services
    from triagent.ui.worker import AgentThread, Item, TrustAsked

UPDATES_PER_S = 25
"""Most drawings of what the agent says."""
LONG_TURN_S = 15.0
"""A turn of at least this length tells the terminal when it ends."""
CLOSE_WAIT_S = 15.0
"""How long leaving waits for the session to be saved; a second Ctrl+C does not wait."""


class TriagentApp(App[int]):
    """The terminal app.

    Args:
        config: all settings.
        services: what opens sessions, lists models and so on; or what makes that, called when
            it is first needed, for the layers below are slow to import.
        first: the session to open at start. None: a new one on the configured model.
        grace_s: see `approve.GRACE_S`, which None is.
        clock: seconds, for how long the model thought.
    """

    CSS_PATH = "app.tcss"
    TITLE = "triagent"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = [
        Binding("ctrl+c", "control_c", "Interrupt, twice: quit", priority=True, id="app.interrupt"),
        Binding("ctrl+q", "quit", "Quit", id="app.quit"),
        Binding("f1", "help", "Help", id="app.help"),
        Binding("f2", "sessions", "Sessions", id="app.sessions"),
        Binding("f3", "models", "Models", id="app.models"),
        Binding("f4", "memory", "Memory", id="app.memory"),
        Binding("f5", "settings", "Settings", id="app.settings"),
        Binding("ctrl+t", "transcript", "Transcript", id="app.transcript"),
    ]

    class Woken(Message):
        """The inbox is no longer empty."""

    def __init__(
        self,
        config: Config,
        services: Services | Callable[[], Services],
        first: Open | None = None,
        grace_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Without color the terminal's own palette is kept, and then stripped of its colors.
        no_color = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if no_color else None)
        self.config, self.first = config, first
        self._services = services
        self._services_lock = threading.Lock()
        for theme in OURS:
            self.register_theme(theme)
        self._set_looks(no_color)
        self.thread: AgentThread | None = None
        history = History(lambda: self.services.history)
        self._grace_s = grace_s
        self.chat = ChatScreen(history, self._completer, grace_s, clock)
        self._drawn_at = 0.0
        self._drain_due = False
        self._leaving = False
        self._turn_began = 0.0
        self.complaints: list[str] = []
        """About settings; told once a session is open."""
        self._waiting: dict[str, Callable[[Any], None]] = {}

    @property
    def services(self) -> Services:
        """What the app is given."""
        with self._services_lock:
            if callable(self._services):
                self._services = self._services()
            return self._services

    def _completer(self) -> Completer:
        from triagent.ui.complete import Completer
        from triagent.ui.files import FileNames

        themes = {"theme": lambda: sorted(self.available_themes)}
        return Completer(FileNames(self.config.workspace).find, themes)

    def _fatal_error(self) -> None:
        """A fault of ours: leave with one sentence, the traceback in a file. Locals are not
        written, for they may hold what was said in the session."""
        from rich.text import Text

        text = "Something unexpected happened in the app; the session is on disk up to its last "
        text += f"step: triagent --resume last\n{write_crash()}"
        self.panic(Text(f"triagent: {text}"))

    def _advice(self) -> str:
        return self.services.advice() if self.services.advice else ""

    def _set_looks(self, no_color: bool) -> None:
        ui = self.config.ui
        theme = "ansi-dark" if no_color else ui.theme
        self.theme = theme if theme in self.available_themes else OURS[0].name
        self.stylesheet.set_variables(self.get_css_variables())
        self._styled_for = self.theme
        if not ui.motion:
            self.animation_level = "none"
        self.set_keymap(ui.keys)

    def refresh_css(self, animate: bool = True) -> None:
        """Style anew; not at the start, when all there is has been read with these colors."""
        if self._styled_for != self.theme:
            super().refresh_css(animate)

    def get_default_screen(self) -> Screen:
        """The chat."""
        return self.chat

    def on_mount(self) -> None:
        """Paint first; loading begins when the first picture is on its way."""
        self._styled_for = ""  # from now on each change counts
        heed_signals(self.exit)
        self.call_after_refresh(self._begin)
        self.complaints += complaints(self.config.ui, self.available_themes)

    async def _begin(self) -> None:
        from triagent.ui.ports import Open
        from triagent.ui.worker import AgentThread

        self.thread = AgentThread(
            lambda what, report: self.services.start(what, report),
            lambda: self.post_message(self.Woken()),
            self._advice,
            lambda: self.services.projects,
            lambda: self.services.models,
        )
        await self.chat.add_panels()
        self.first = self.first or Open()
        self.thread.open(self.first)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """With reduced motion no cursor blinks, on no screen; own keys come before a widget's."""
        if self.config.ui.keys:
            from triagent.ui.keymap import give_way

            give_way(event.widget, self.config.ui.keys)
        if not self.config.ui.motion and isinstance(event.widget, (Input, TextArea)):
            event.widget.cursor_blink = False

    def get_system_commands(self, screen: Screen):
        """The command palette: our slash commands first."""
        from triagent.ui import actions, slash

        for command in slash.COMMANDS:
            run = getattr(actions, f"command_{command.name}")
            yield SystemCommand(f"/{command.name}", command.help, lambda run=run: run(self, ""))
        yield SystemCommand("Screenshot", "save an SVG picture", self.deliver_screenshot)

    # -- items from the thread

    def on_triagent_app_woken(self) -> None:
        """Draw now, or as soon as the last drawing is old enough."""
        if self._drain_due:
            return
        wait = self._drawn_at + 1 / UPDATES_PER_S - time.monotonic()
        if wait <= 0:
            self._drain()
        else:
            self._drain_due = True
            self.set_timer(wait, self._drain)

    def _drain(self) -> None:
        self._drain_due = False
        self._drawn_at = time.monotonic()
        if self.thread is None or not self.chat.transcript.is_attached:
            return  # the app is closing: there is nothing left to draw on
        with self.batch_update():
            for item in self.thread.take():
                self._handle(item)

    def _handle(self, item: Item) -> None:
        from triagent.agent import events as ev
        from triagent.ui import actions
        from triagent.ui.worker import Done, Failed, Opened, TrustAsked

        match item:
            case Done(during, result):
                self._done(during, result)
            case Failed(during, error) if during in self._waiting:
                self._waiting.pop(during)
                self._say(f"{during}: {error}")
                return
        self.chat.show_item(item)
        match item:
            case Opened():
                actions.opened(self, item)
            case TrustAsked():
                self._ask_trust(item)
            case ev.TurnStarted():
                self._turn_began = time.monotonic()
            case ev.ApprovalAsked(call=call):
                waited = time.monotonic() - self._turn_began
                self.tell("triagent asks", f"{call.name}: {' ; '.join(item.parts)}", waited)
            case ev.TurnEnded(outcome=outcome, seconds=seconds):
                if self.thread is not None and self.thread.agent is not None:
                    self.chat.set_title(self.thread.agent)  # the first words have become it
                self.tell("triagent", f"turn {outcome.value} after {seconds:.0f} s", seconds)

    def _ask_trust(self, asked: TrustAsked) -> None:
        from triagent.ui.trust import TrustScreen  # most starts ask nothing

        def answer(is_trusted: bool | None) -> None:
            if self.thread is not None:
                self.thread.answer_trust(bool(is_trusted))

        self.push_screen(TrustScreen(asked.question, self._grace_s), answer)
        self.tell("triagent asks", "may this project instruct the agent?", 0.0)

    def _say(self, error: str) -> None:
        """An error of a command: it stays in the chat; over another screen it pops up."""
        self.chat.note(error, "error")
        if self.screen is not self.chat:
            self.notify(error, severity="error", timeout=10)

    def _done(self, during: str, result: Any) -> None:
        from triagent.ui.worker import OCCUPYING

        then = self._waiting.pop(during, None)
        if then is not None:
            then(result)
        if during in OCCUPYING and (text := self.chat.next_queued()) is not None:
            self.send(text)

    # -- to the thread

    def send(self, text: str) -> None:
        """Run a turn."""
        if self.thread is not None:
            self.chat.set_status(replace(self.chat.status, phase="starting", busy=True))
            from triagent.ui.files import attachments

            self.thread.turn(text, attachments(text, self.config.workspace))

    def ask(
        self, during: str, call: Callable, then: Callable[[Any], None], between: bool = False
    ) -> None:
        """Call something on the thread and go on with its result; errors are shown."""
        if self.thread is None:
            return
        self._waiting[during] = then
        (self.thread.ask_between if between else self.thread.ask)(during, call)

    def waits_for(self, during: str) -> bool:
        """Whether something that was asked has not come back yet."""
        return during in self._waiting

    def interrupt(self) -> None:
        """Stop the running turn."""
        if self.thread is not None:
            self.thread.cancel()

    def open(self, what: Open) -> None:
        """Open another session."""
        self.chat.failure.hide()
        self.first = what
        if self.thread is not None:
            self.thread.cancel()
            self.thread.open(what)

    def on_approval_panel_answered(self, message: ApprovalPanel.Answered) -> None:
        """Hand the answer to the waiting turn."""
        if self.thread is not None:
            self.thread.answer(message.asked.id, message.decision)

    def on_prompt_area_entered(self, message: PromptArea.Entered) -> None:
        """A slash command, a turn, something for the queue, or a word into the running turn."""
        from triagent.ui import slash

        command = slash.parse(message.text)
        if command is not None:
            self._command(*command)
        elif not self.chat.busy:
            self.send(message.text)
        elif message.steer and self.thread is not None and self.thread.agent is not None:
            self.chat.feed.steered(message.text)
            self.thread.agent.steer(message.text)
        else:
            self.chat.enqueue(message.text)

    def on_failure_panel_chosen(self, message: FailurePanel.Chosen) -> None:
        """Go on after a failure."""
        from triagent.ui import actions

        actions.after_failure(self, message.step)

    def on_transcript_copy_asked(self, message: Transcript.CopyAsked) -> None:
        """Copy a block."""
        self.copy_words(message.text)

    def _command(self, name: str, argument: str = "") -> None:
        from triagent.ui import actions

        actions.run(self, name, argument)

    # -- small things

    def copy_words(self, text: str) -> None:
        """To the clipboard, and say so."""
        if text:
            self.copy_to_clipboard(text)
            self.notify(f"copied {len(text):,} characters", timeout=2)
        else:
            self.notify("there is nothing to copy", severity="warning", timeout=2)

    def take_config(self, config: Config) -> None:
        """Use changed settings, as far as they can change while the app runs."""
        self.config = config
        if config.ui.theme in self.available_themes:
            self.theme = config.ui.theme
        self.animation_level = "full" if config.ui.motion else "none"

    def tell(self, title: str, body: str, waited_s: float) -> None:
        """Tell the terminal, when the user is not looking at it or waited long."""
        away = not self.app_focus or waited_s >= LONG_TURN_S
        if self.config.ui.notify and away and self._driver is not None:
            from triagent.ui.notify import sequence

            self._driver.write(sequence(title, body))

    def action_control_c(self) -> None:
        """Copy a selection, else stop what runs; twice: leave."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_words(selected)
            self.screen.clear_selection()
        elif self._leaving:
            self.exit(0)
        elif self.screen is not self.chat:
            self.screen.dismiss()
        elif self.chat.control_c():
            self.run_worker(self.action_quit())

    async def action_quit(self) -> None:
        """Save and leave."""
        if self._leaving or self.thread is None:
            self.exit(0)
            return
        self._leaving = True
        self.notify("saving the session; Ctrl+C again leaves at once", timeout=CLOSE_WAIT_S)
        self._close()

    @work(thread=True)
    def _close(self) -> None:
        if self.thread is not None:
            self.thread.close(CLOSE_WAIT_S)
        self.call_from_thread(self.exit, 0)

    def action_page(self, step: int) -> None:
        """Scroll the transcript from the prompt."""
        move = self.chat.transcript.action_page_up if step < 0 else None
        (move or self.chat.transcript.action_page_down)()

    def action_transcript(self) -> None:
        """Go between prompt and transcript."""
        transcript = self.chat.transcript
        (self.chat.prompt.area if transcript.has_focus else transcript).focus()

    def action_help(self) -> None:
        """Keys and commands."""
        self._command("help")

    def action_sessions(self) -> None:
        """The session list."""
        self._command("sessions")

    def action_models(self) -> None:
        """The model list."""
        self._command("models")

    def action_memory(self) -> None:
        """What the model still holds."""
        self._command("memory")

    def action_settings(self) -> None:
        """All settings."""
        self._command("settings")


def run(
    config: Config, services: Services | Callable[[], Services], first: Open | None = None
) -> int:
    """Run the app until the user leaves; returns the exit status. The terminal is restored."""
    app = TriagentApp(config, services, first)
    result = app.run(mouse=config.ui.mouse)
    if app.thread is not None:
        app.thread.close(CLOSE_WAIT_S if result else 0.1)
    return result or app.return_code or 0
