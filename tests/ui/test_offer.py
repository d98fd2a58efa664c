"""A model without centers: the offer, measuring it, and going on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.ui.fakes import INFO, Opener, PlayedAgent
from tests.ui.pilot import drive, screen_text, typed, until
from tests.ui.scenes import make, past, settled
from triagent.errors import ModelError
from triagent.ui.ports import Open


def offering(*agents, **kwargs):
    opener = Opener(*(agents or (PlayedAgent(),)))
    return make(opener=opener, lacking=True, **kwargs), opener


def test_one_key_measures_with_progress_and_goes_on_with_the_centers():
    first, second = PlayedAgent(), PlayedAgent()
    app, opener = offering(first, second)

    async def steps(pilot):
        assert "no centers" in screen_text(app) and "Ctrl+K" in screen_text(app)
        await pilot.press("ctrl+k")
        await until(pilot, lambda: "measuring: chunk 3 of 12" in screen_text(app))
        assert "25%" in screen_text(app) and first.closed
        assert not app.chat.offer.is_open
        app.services.models.gate.set()
        await until(pilot, lambda: app.thread.agent is second)
        await settled(pilot)
        assert app.services.models.made == [f"centers of {INFO.path.stem}"]
        assert "The model is measured" in screen_text(app)
        assert not app.chat.busy and not app.chat.offer.is_open
        assert opener.asked == [Open(), Open()]

    drive(app, steps)


def test_what_was_typed_meanwhile_is_sent_when_the_session_is_open_again():
    first, second = PlayedAgent(), PlayedAgent()
    app, _ = offering(first, second)

    async def steps(pilot):
        await pilot.press("ctrl+k")
        await until(pilot, lambda: "measuring" in screen_text(app))
        await typed(pilot, "hello")
        await pilot.press("enter")
        app.services.models.gate.set()
        await until(pilot, lambda: second.heard == ["hello"])
        assert first.heard == []

    drive(app, steps)


def test_escape_goes_on_without_and_it_is_not_offered_again():
    agent = PlayedAgent()
    app, opener = offering(agent)

    async def steps(pilot):
        await pilot.press("escape")
        assert not app.chat.offer.is_open and agent is app.thread.agent
        await pilot.press("ctrl+k")  # the prompt's own key again
        await typed(pilot, "/new")
        await pilot.press("enter")
        await until(pilot, lambda: len(opener.asked) == 2)
        await settled(pilot)
        assert not app.chat.offer.is_open and app.services.models.made == []

    drive(app, steps)


def test_a_first_message_is_an_answer_too():
    agent = PlayedAgent()
    app, _ = offering(agent)

    async def steps(pilot):
        await typed(pilot, "hello")
        await pilot.press("enter")
        await settled(pilot)
        assert agent.heard == ["hello"] and not app.chat.offer.is_open

    drive(app, steps)


def test_the_key_is_the_prompts_own_while_nothing_is_offered():
    app = make(PlayedAgent())

    async def steps(pilot):
        area = app.chat.prompt.area
        area.put("keep this")
        area.move_cursor((0, 4))
        await pilot.press("ctrl+k")
        assert area.text == "keep" and app.services.models.made == []

    drive(app, steps)


def test_escape_stops_measuring_and_the_session_goes_on_without():
    app, opener = offering(PlayedAgent(), PlayedAgent())

    async def steps(pilot):
        await pilot.press("ctrl+k")
        await until(pilot, lambda: "measuring: chunk" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "stopped; no centers were written" in screen_text(app))
        await settled(pilot)
        assert len(opener.asked) == 2 and not app.chat.busy
        assert not app.chat.offer.is_open and app.chat.failure.failure is None

    drive(app, steps)


def test_a_resumed_session_goes_on_as_itself():
    agent = PlayedAgent(earlier=past())
    app, opener = offering(agent)

    async def steps(pilot):
        await pilot.press("ctrl+k")
        app.services.models.gate.set()
        await until(pilot, lambda: "The model is measured" in screen_text(app))
        assert opener.asked[-1] == Open(session=agent.session_id)

    drive(app, steps)


def test_a_session_that_does_not_open_afterwards_is_a_calm_failure():
    app, _ = offering(PlayedAgent(), ModelError("no model file at /models/demo-28m.gguf"))

    async def steps(pilot):
        await pilot.press("ctrl+k")
        app.services.models.gate.set()
        await until(pilot, lambda: app.chat.failure.failure is not None)
        assert "no model file" in screen_text(app)

    drive(app, steps)


def test_leaving_stops_measuring():
    app, _ = offering()

    async def steps(pilot):
        await pilot.press("ctrl+k")
        await until(pilot, lambda: "measuring: chunk" in screen_text(app))
        assert app.thread.close(5.0)
        assert app.services.models.made == []

    drive(app, steps)


def test_a_model_is_offered_centers_once_whatever_its_name_holds():
    info = replace(INFO, name="\x1b[2J" + "x" * 90, path=Path("/else/m.gguf"))
    app, _ = offering(PlayedAgent(info=info))

    async def steps(pilot):
        assert app.chat.offer.is_open and "\x1b" not in screen_text(app)
        app.chat.offer.hide()
        app.chat.offer.show(info)
        assert not app.chat.offer.is_open

    drive(app, steps)
