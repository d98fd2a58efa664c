from __future__ import annotations

import errno
import threading
from dataclasses import replace

import pytest
from textual.events import AppBlur, AppFocus

from tests.ui.fakes import (
    Opener,
    PlayedAgent,
    asking,
    endless,
    events,
    failing,
    say,
    tool,
    turns,
)
from tests.ui.pilot import drive, names, screen_text, typed, until
from tests.ui.scenes import DIFF, held, loading, make, settled
from triagent.agent import events as ev
from triagent.agent.events import Decision
from triagent.errors import EngineDied, ModelError
from triagent.ui.approve import ApprovalPanel
from triagent.ui.blocks import CardState
from triagent.ui.failures import explain
from triagent.ui.ports import Open


async def send(pilot, text, busy=False):
    pilot.app.chat.prompt.area.put(text)
    await pilot.press("enter")
    await settled(pilot, busy=busy)


def test_a_turn_is_shown_block_by_block():
    agent = PlayedAgent([
        turns(
            events(ev.ThinkingText("hm "), ev.ThinkingText("well")),
            tool("read", "x = 1", path="a.py"),
            events(ev.RoundDone(8, 90, ((3, 5),), 1.0), ev.RoundDone(8, 120, (), 1.5)),
            say("It ", "is **one**."),
        )
    ])

    async def steps(pilot):
        await send(pilot, "what is x?")
        assert names(pilot.app) == [
            "UserBlock", "ThinkingBlock", "CardBlock", "RoundBlock", "AnswerBlock", "FactsBlock",
        ]  # fmt: skip
        blocks = pilot.app.chat.transcript.blocks
        assert blocks[1].text == "hm well" and not blocks[1].live
        assert (blocks[2].state, blocks[2].output) == (CardState.OK, "x = 1")
        assert (blocks[3].n_rounds, blocks[3].n_evicted, blocks[3].n_lost) == (2, 16, 2)
        assert blocks[4].text == "It is **one**."
        assert "It is one." in screen_text(pilot.app)
        assert agent.heard == ["what is x?"]

    drive(make(agent), steps)


def test_words_that_nobody_should_see_are_not_drawn():
    agent = PlayedAgent([say("fine\x1b]52;c;ZXZpbA==\x07 \x1b[2Jtext")])

    async def steps(pilot):
        await send(pilot, "go")
        strips = pilot.app.screen._compositor.render_strips()
        assert all("\x1b" not in segment.text for strip in strips for segment in strip)
        assert "fine text" in screen_text(pilot.app)

    drive(make(agent), steps)


def test_one_can_type_while_the_model_loads():
    app = loading("triagent-dark")
    opener = app.services.start

    async def steps(pilot):
        await until(pilot, lambda: "loading demo-28m" in app.chat.status.phase)
        await send(pilot, "hello", busy=True)
        assert app.chat.queue == ["hello"]
        opener.gate.set()
        await until(pilot, lambda: opener.results[0].heard == ["hello"])

    drive(app, steps, wait=False)


def test_files_that_are_named_come_with_the_turn():
    agent = PlayedAgent()

    async def steps(pilot):
        await typed(pilot, "look at @pars")
        await settled(pilot)
        await pilot.press("tab")
        assert pilot.app.chat.prompt.area.text == "look at @src/parse.py "
        await pilot.press("enter")
        await settled(pilot)
        assert agent.attached == ["src/parse.py"]

    drive(make(agent), steps)


def test_enter_queues_while_busy_and_the_queue_is_sent_in_order():
    agent = PlayedAgent([held(), say("a"), say("b")])

    async def steps(pilot):
        app = pilot.app
        await send(pilot, "first", busy=True)
        await send(pilot, "second", busy=True)
        await send(pilot, "third", busy=True)
        assert app.chat.queue == ["second", "third"]
        assert "next: second" in screen_text(app)
        agent._stop.set()
        await until(pilot, lambda: len(agent.heard) == 3)
        await settled(pilot)
        assert agent.heard == ["first", "second", "third"]
        assert app.chat.queue == []

    drive(make(agent), steps)


def test_control_s_speaks_into_the_running_turn():
    agent = PlayedAgent([held()])

    async def steps(pilot):
        await send(pilot, "go", busy=True)
        await typed(pilot, "not that file")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "steer: not that file" in agent.heard)
        assert pilot.app.chat.transcript.blocks[-1].steered
        await pilot.press("escape")
        await settled(pilot)

    drive(make(agent), steps)


def test_a_large_paste_is_an_attachment_and_a_small_one_is_text():
    from textual.events import Paste

    agent = PlayedAgent()

    async def steps(pilot):
        area = pilot.app.chat.prompt.area
        await typed(pilot, "see ")
        area.post_message(Paste("a\x1b[31mb"))
        await pilot.pause()
        assert area.text == "see ab"
        area.post_message(Paste("\n".join(f"line {n}" for n in range(40))))
        await pilot.pause()
        assert area.text == "see ab[pasted #1 · 40 lines]"
        await pilot.press("enter")
        await settled(pilot)
        assert "line 0\nline 1\n" in agent.heard[0] and agent.heard[0].endswith("line 39\n```")

    drive(make(agent), steps)


def test_prompt_has_lines_and_history():
    agent = PlayedAgent()

    async def steps(pilot):
        area = pilot.app.chat.prompt.area
        await send(pilot, "one\ntwo")
        assert agent.heard == ["one\ntwo"]
        await typed(pilot, "draft")
        await pilot.press("up")
        assert area.text == "one\ntwo"
        await pilot.press("down")
        assert area.text == "draft"

    drive(make(agent), steps)


# -- approvals


@pytest.mark.parametrize(
    ("key", "decision"),
    [("y", Decision.ONCE), ("a", Decision.ALWAYS), ("n", Decision.DENY), ("escape", Decision.DENY),
     ("ctrl+c", Decision.DENY)],
)  # fmt: skip
def test_an_approval_is_answered_by_one_key(key, decision):
    agent = PlayedAgent([asking("bash", ["make", "rm -rf build"], command="make; rm -rf build")])

    async def steps(pilot):
        await send(pilot, "build", busy=True)
        await until(pilot, lambda: pilot.app.chat.approval.asked is not None)
        text = screen_text(pilot.app)
        assert "1. make" in text and "2. rm -rf build" in text and "the mode is ask" in text
        await pilot.press(key)
        await until(pilot, lambda: agent.decisions)
        await settled(pilot)
        assert agent.decisions == [decision]
        assert pilot.app.focused is pilot.app.chat.prompt.area
        wanted = CardState.DENIED if decision is Decision.DENY else CardState.OK
        assert pilot.app.chat.transcript.blocks[1].state is wanted

    drive(make(agent), steps)


def test_always_is_not_taken_where_it_is_not_on_offer():
    agent = PlayedAgent([asking("bash", ["sh -c x"], may_always=False, command="sh -c x")])

    async def steps(pilot):
        await send(pilot, "go", busy=True)
        await until(pilot, lambda: pilot.app.chat.approval.asked is not None)
        assert "always" not in screen_text(pilot.app)
        await pilot.press("a")
        await pilot.pause(0.05)
        assert pilot.app.chat.approval.asked is not None
        await pilot.press("n")
        await settled(pilot)
        assert agent.decisions == [Decision.DENY]

    drive(make(agent), steps)


def test_keys_typed_before_the_question_was_seen_do_not_answer_it():
    async def steps(pilot):
        panel = pilot.app.query_one(ApprovalPanel)
        panel._grace_s = 30.0
        await send(pilot, "go", busy=True)
        await until(pilot, lambda: panel.asked is not None)
        await pilot.press("y", "a", "y", "space", "enter")
        assert panel.asked is not None
        panel._grace_s = 0.0
        await pilot.press("n")
        await settled(pilot)
        assert pilot.app.chat.prompt.area.text == "yay "  # it goes on where it was meant to

    drive(make(PlayedAgent([asking("bash", ["x"], command="x")])), steps)


def test_who_types_on_does_not_answer_by_it():
    now = [100.0]
    agent = PlayedAgent([asking("bash", ["x"], command="x")])

    async def steps(pilot):
        panel = pilot.app.query_one(ApprovalPanel)
        panel._grace_s, panel._clock = 0.4, lambda: now[0]
        await send(pilot, "go", busy=True)
        await until(pilot, lambda: panel.asked is not None)
        for letter in "yanyan":
            now[0] += 0.3
            await pilot.press(letter)
        assert panel.asked is not None
        now[0] += 0.5
        await pilot.press("y")
        await settled(pilot)
        assert agent.decisions == [Decision.ONCE]
        assert pilot.app.chat.prompt.area.text == "yanyan"

    drive(make(agent), steps)


def test_the_keys_of_a_long_question_stay_in_view():
    diff = DIFF.replace("@@ -10,5 +10,6 @@", "@@ -10,65 +10,66 @@") + " more\n" * 60
    agent = PlayedAgent([asking("edit", ["src/parse.py"], diff, path="src/parse.py")])

    async def steps(pilot):
        await send(pilot, "go", busy=True)
        await until(pilot, lambda: pilot.app.chat.approval.asked is not None)
        await pilot.pause(0.05)
        assert "y once" in screen_text(pilot.app)
        await pilot.press("pagedown", "pagedown", "down")
        assert "y once" in screen_text(pilot.app)
        await pilot.press("n")
        await settled(pilot)

    drive(make(agent), steps, size=(80, 24))


# -- interrupting and leaving


def test_escape_stops_and_brings_back_what_was_queued():
    agent = PlayedAgent([endless(lambda n: ev.AnswerText(f"{n} "))])

    async def steps(pilot):
        app = pilot.app
        await send(pilot, "count", busy=True)
        await send(pilot, "then stop", busy=True)
        await until(pilot, lambda: "AnswerBlock" in names(app))
        await pilot.press("escape")
        await settled(pilot)
        assert app.chat.transcript.blocks[-1].outcome is ev.Outcome.CANCELLED
        assert app.chat.prompt.area.text == "then stop"
        assert agent.heard == ["count"]

    drive(make(agent), steps)


def test_control_j_makes_a_line_and_enter_sends_all_of_them():
    agent = PlayedAgent()

    async def steps(pilot):
        area = pilot.app.chat.prompt.area
        await pilot.press("o", "n", "e", "ctrl+j", "t", "w", "o")
        assert area.text == "one\ntwo" and agent.heard == []
        before = area.size.height
        await pilot.press("ctrl+j", "ctrl+j")
        await pilot.pause()
        assert area.size.height > before  # the field grows with what is typed
        await pilot.press("x", "enter")
        await settled(pilot)
        assert agent.heard == ["one\ntwo\n\nx"] and area.text == ""

    drive(make(agent), steps)


def test_escape_closes_the_choices_before_it_interrupts():
    agent = PlayedAgent([held(ev.AnswerText("I am looking. "))])

    async def steps(pilot):
        app, stopped = pilot.app, agent._stop
        await send(pilot, "go", busy=True)
        await typed(pilot, "/m")
        assert "/model" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "/model" not in screen_text(app) and app.chat.prompt.area.text == "/m"
        assert app.chat.busy and not stopped.is_set()
        await pilot.press("escape")
        await settled(pilot)
        assert stopped.is_set() and not app.chat.busy
        assert app.chat.transcript.blocks[-1].outcome is ev.Outcome.CANCELLED

    drive(make(agent), steps)


def test_escape_when_idle_clears_the_prompt():
    async def steps(pilot):
        await typed(pilot, "/mem")
        await pilot.press("escape")
        assert pilot.app.chat.prompt.area.text == "/mem"  # first the choices go
        await pilot.press("escape")
        assert pilot.app.chat.prompt.area.text == ""

    drive(make(), steps)


def test_control_c_twice_leaves_and_closes_the_session():
    agent = PlayedAgent()

    async def steps(pilot):
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert "Ctrl+C again" in screen_text(pilot.app)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: agent.closed)

    drive(make(agent), steps)


def test_control_c_interrupts_before_it_leaves():
    agent = PlayedAgent([held()])

    async def steps(pilot):
        await send(pilot, "go", busy=True)
        await pilot.press("ctrl+c")
        await settled(pilot)
        assert pilot.app.chat.transcript.blocks[-1].outcome is ev.Outcome.CANCELLED
        assert not agent.closed

    drive(make(agent), steps)


# -- slash commands


def test_slash_commands_do_what_they_say(tmp_path):
    agent = PlayedAgent(title="old")

    async def steps(pilot):
        app = pilot.app
        await send(pilot, "/rename a better title")
        assert agent.title == "a better title" and "a better title" in screen_text(app)
        await send(pilot, "/mode auto")
        assert agent.mode == "auto" and "mode auto" in screen_text(app)
        await send(pilot, "/mode full")
        assert agent.mode == "auto" and "only at start" in screen_text(app)
        await send(pilot, "/undo")
        assert "put back: src/parse.py" in screen_text(app)
        await send(pilot, f"/export {tmp_path / 'out.md'}")
        await until(pilot, lambda: (tmp_path / "out.md").exists())
        await send(pilot, "/recall the port")
        assert names(app)[-1] == "RecallBlock"
        await send(pilot, "/model")
        assert "28 M parameters" in screen_text(app)
        await send(pilot, "/theme triagent-light")
        assert app.theme == "triagent-light"
        await send(pilot, "hello")
        await send(pilot, "/copy")
        assert app.clipboard == "ok"

    drive(make(agent), steps, size=(100, 50))


def test_a_wrong_command_is_explained_and_not_sent_to_the_model():
    agent = PlayedAgent()

    async def steps(pilot):
        await send(pilot, "/memroy")
        assert "did you mean /memory" in screen_text(pilot.app)
        await send(pilot, "/rename")
        assert "/rename needs <title>" in screen_text(pilot.app)
        await send(pilot, "/rewind soon")
        assert "not the number of a turn" in screen_text(pilot.app)
        assert agent.heard == []

    drive(make(agent), steps)


def test_new_fork_and_another_model_open_the_right_thing(tmp_path):
    opener = Opener(PlayedAgent(title="a title"))
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF")

    async def steps(pilot):
        await send(pilot, "/new")
        await send(pilot, "/fork")
        assert "nothing to copy yet" in screen_text(pilot.app)
        await send(pilot, "hello")
        await send(pilot, "/fork")
        await send(pilot, f"/model {path}")
        await send(pilot, "/model /nowhere.gguf")
        assert "no GGUF file at /nowhere.gguf" in screen_text(pilot.app)
        assert opener.asked == [
            Open(), Open(), Open("20261122-0001", fork=True), Open(model=path),
        ]  # fmt: skip

    drive(make(opener=opener), steps)


def test_rewinding_shows_the_shorter_past():
    from tests.ui.scenes import past

    agent = PlayedAgent(earlier=past())

    async def steps(pilot):
        n_before = len(pilot.app.chat.transcript)
        await send(pilot, "/rewind 2")
        assert len(pilot.app.chat.transcript) < n_before
        assert "back to before turn 2" in screen_text(pilot.app)

    drive(make(agent), steps)


# -- failures


def test_a_model_that_cannot_be_loaded_is_said_calmly_and_can_be_tried_again():
    opener = Opener(ModelError("no model file at /x.gguf"), PlayedAgent())

    async def steps(pilot):
        app = pilot.app
        assert "The model cannot be loaded" in screen_text(app)
        assert "no model file at /x.gguf" in screen_text(app)
        assert "Traceback" not in screen_text(app)
        await pilot.press("2")
        await settled(pilot)
        assert len(opener.asked) == 2 and app.thread.agent is not None
        assert app.focused is app.chat.prompt.area

    drive(make(opener=opener), steps)


def test_a_dead_engine_is_started_again_on_the_same_session():
    agent = PlayedAgent([failing(EngineDied("signal 11"))])
    opener = Opener(agent)

    async def steps(pilot):
        await send(pilot, "go")
        assert "The engine stopped" in screen_text(pilot.app)
        await pilot.press("enter")
        await settled(pilot)
        assert opener.asked[-1].session == agent.session_id

    drive(make(opener=opener), steps)


def test_an_error_of_a_command_leaves_the_session_open():
    class Refusing(PlayedAgent):
        def undo(self):
            raise OSError(errno.ENOSPC, "No space left on device", "/x")

    async def steps(pilot):
        await send(pilot, "/undo")
        await pilot.pause(0.1)
        assert "No space left" in screen_text(pilot.app)
        assert pilot.app.chat.failure.failure is None

    drive(make(Refusing()), steps)


def test_every_kind_of_failure_has_a_next_step():
    from triagent import errors

    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, Exception):
            failure = explain(kind("what, which value, what next"))
            assert "what, which value" in failure.text
            assert failure.steps[-1][0] == "quit" and len(failure.steps) >= 2
    full = OSError(errno.ENOSPC, "No space")
    wrapped = errors.SessionError("the log cannot be written")
    wrapped.__cause__ = full
    for error in (full, wrapped):  # as the system says it, and in a layer's own words
        failure = explain(error)
        assert failure.title == "The disk is full" and "Free some space" in failure.text
        assert failure.steps[0][0] == "retry"
    assert "memory" in explain(MemoryError()).title
    assert "fault of triagent" in explain(KeyError("x")).text


# -- settings that shape the app


def test_keys_are_remapped_by_the_config():
    app = make()
    app.config = replace(app.config, ui=replace(app.config.ui, keys={"app.memory": "ctrl+g"}))
    app.set_keymap(app.config.ui.keys)

    async def steps(pilot):
        await pilot.press("ctrl+g")
        await pilot.pause(0.1)
        assert type(app.screen).__name__ == "MemoryScreen"

    drive(app, steps)


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(pilot):
        await send(pilot, "go")
        app = pilot.app
        for strip in app.screen._compositor.render_strips():
            for filter in app._filters:
                strip = strip.apply_filter(filter, app.current_theme and app.background_colors[1])
            for segment in strip:
                style = segment.style
                assert style is None or (not style.color or style.color.is_default)
                assert style is None or (not style.bgcolor or style.bgcolor.is_default)

    drive(make(PlayedAgent([say("**bold** `code`")])), steps)


def test_reduced_motion_stills_cursor_and_animation():
    moving, still = make(), make()
    moving.config = replace(moving.config, ui=replace(moving.config.ui, motion=True))

    async def steps(pilot):
        return pilot.app.chat.prompt.area.cursor_blink

    assert (drive(moving, steps), drive(still, steps)) == (True, False)
    assert still.animation_level == "none"


def test_a_wrong_theme_is_said_and_the_default_used():
    app = make(theme="no-such-theme")

    async def steps(pilot):
        assert app.theme == "triagent-dark"
        assert 'no theme is named "no-such-theme"' in screen_text(app)

    drive(app, steps)


def waiting(gate):
    """A part of a turn in which nothing is said until the gate opens."""

    def turn(agent, text):
        yield ev.StepStarted(agent.turn, 1)
        gate.wait(20)

    return turn


async def look(pilot, looking):
    """The terminal reports that its window is looked at, or no longer."""
    pilot.app.post_message(AppFocus() if looking else AppBlur())
    await until(pilot, lambda: pilot.app.app_focus is looking)


@pytest.fixture
def told(monkeypatch):
    """What is written to the terminal beside pictures: notifications among it."""
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return []


@pytest.mark.parametrize(
    ("seconds", "looking", "heard"), [(99.0, True, True), (4.0, True, False), (4.0, False, True)]
)
def test_the_end_of_a_turn_is_told_when_it_was_long_or_nobody_looks(told, seconds, looking, heard):
    gate = threading.Event()
    agent = PlayedAgent([turns(waiting(gate), say("done"))], seconds=seconds)

    async def steps(pilot):
        pilot.app._driver.write = told.append
        await send(pilot, "go", busy=True)
        await look(pilot, looking)
        gate.set()
        await settled(pilot)
        assert (f"\x1b]9;triagent: turn done after {seconds:.0f} s\x07" in told) is heard

    drive(make(agent), steps)


@pytest.mark.parametrize(("looking", "heard"), [(True, False), (False, True)])
def test_a_question_is_told_when_nobody_looks(told, looking, heard):
    gate = threading.Event()
    question = asking("bash", ["make", "rm -rf build"], command="make && rm -rf build")
    agent = PlayedAgent([turns(waiting(gate), question)])

    async def steps(pilot):
        app = pilot.app
        app._driver.write = told.append
        await send(pilot, "go", busy=True)
        await look(pilot, looking)
        gate.set()
        await until(pilot, lambda: app.chat.approval.asked is not None)
        assert ("\x1b]9;triagent asks: bash: make , rm -rf build\x07" in told) is heard
        await pilot.press("n")
        await settled(pilot)

    drive(make(agent), steps)


def test_no_notification_is_sent_where_none_is_wanted(told):
    agent = PlayedAgent([say("done")], seconds=99.0)
    app = make(agent)
    app.config = replace(app.config, ui=replace(app.config.ui, notify=False))

    async def steps(pilot):
        app._driver.write = told.append
        await send(pilot, "go")
        assert not any("\x1b]9" in text for text in told)

    drive(app, steps)
