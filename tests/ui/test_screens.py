from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.ui.fakes import INFO, Opener, PlayedAgent, events
from tests.ui.pilot import drive, screen_text, typed, until
from tests.ui.scenes import ADVICE, MODELS, held, make, settled, story
from triagent import settings as config_settings
from triagent.agent import events as ev
from triagent.chat import Origin
from triagent.config import Config
from triagent.errors import ConfigError
from triagent.ui import settings
from triagent.ui.ports import Open, Services
from triagent.ui.welcome import welcome


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


# -- welcome


def test_the_welcome_is_one_screen_with_three_requests_and_advice():
    async def steps(pilot):
        text = screen_text(pilot.app)
        assert "cannot program" in text and "larger model" in text and "F1 all keys" in text
        assert pilot.app.chat.transcript.max_scroll_y == 0

    drive(make(PlayedAgent(title="")), steps, size=(80, 24))
    text = welcome(INFO, "ask", 1024, ADVICE)
    assert text.count("\n- `") == 3 and "1,024 cells" in text and ADVICE in text
    real = replace(INFO, n_params=8_000_000_000)
    assert ADVICE not in welcome(real, "ask", 1024, ADVICE)


# -- memory


def test_the_memory_screen_shows_pins_and_forgets():
    agent = PlayedAgent([events(ev.RoundDone(64, 3000, ((402, 462),), 2.0))], story=story())

    async def steps(pilot):
        app = pilot.app
        app.chat.prompt.area.put("go")
        await press(pilot, "enter", "f4")
        text = screen_text(app)
        assert "64 cells evicted, 60 positions gone" in text
        assert "█" in text and "▓" in text and "▒" in text and "░" in text and "·" in text
        spans = app.screen.query_one("#spans")
        row = spans.row
        assert (row.turn, row.who, row.share) == (9, "answer", 1.0)
        await press(pilot, "p")
        assert agent.pinned == [(row.start, row.stop)] and spans.row.pinned
        await press(pilot, "f")
        assert agent.forgotten == []  # pinned: it has to be let go first
        await press(pilot, "p", "f")
        assert agent.pinned == [] and agent.forgotten == [(row.start, row.stop)]
        assert spans.row.share == 0.0
        await press(pilot, "escape")
        assert app.screen is app.chat

    drive(make(agent), steps)


def test_the_row_shows_what_the_last_round_took():
    agent = PlayedAgent([events(ev.RoundDone(64, 3000, ((402, 462),), 2.0))], story=story())

    async def steps(pilot):
        pilot.app.chat.prompt.area.put("go")
        await press(pilot, "enter", "f4", "home", "down", "down")
        assert pilot.app.screen.query_one("#spans").row.n_lost == 60
        assert "-60" in screen_text(pilot.app)

    drive(make(agent), steps, size=(120, 50))


def test_enter_goes_from_memory_to_the_words_in_the_transcript():
    from tests.ui.scenes import past
    from triagent.chat import Span

    found, pos = [], 0
    for event in past():
        if isinstance(event, ev.TurnStarted):
            part = (Origin.USER, event.text)
        elif isinstance(event, ev.AnswerText):
            part = (Origin.MODEL, event.text)
        else:
            continue
        found.append(Span(part[0], pos, (0,) * 20, part[1]))
        pos += 20
    agent = PlayedAgent(earlier=past(), story=found)

    async def steps(pilot):
        app = pilot.app
        await press(pilot, "f4", "home", *["down"] * 5, "enter")
        assert app.screen is app.chat
        transcript = app.chat.transcript
        assert "Module **3**" in transcript[transcript._cursor].text
        assert "Module 3" in screen_text(app)

    drive(make(agent), steps)


def test_a_place_in_the_grid_can_be_clicked():
    async def steps(pilot):
        await press(pilot, "f4")
        await pilot.click("#heatmap", offset=(3, 0))
        await settled(pilot)
        assert pilot.app.screen.query_one("#spans").row.who == "system"

    drive(make(PlayedAgent(story=story())), steps)


def test_what_cannot_be_forgotten_whole_is_told():
    class Sticky(PlayedAgent):
        def forget(self, start, stop):
            done = super().forget(start, stop)
            self.forgotten[-1] = (start, stop - 1)  # the newest cell has to stay
            return done

    async def steps(pilot):
        await press(pilot, "f4", "f")
        await until(pilot, lambda: pilot.app._notifications)
        (told,) = pilot.app._notifications
        assert "still held" in told.message

    drive(make(Sticky(story=story())), steps)


def test_the_meter_follows_what_the_memory_screen_changes():
    agent = PlayedAgent(story=story())

    async def steps(pilot):
        await press(pilot, "f4")
        agent.story.append(replace(agent.story[-1], pos=agent.story[-1].stop))
        await press(pilot, "f")
        await until(pilot, lambda: agent.forgotten)
        await settled(pilot)
        assert pilot.app.chat.status.cache == agent.status()

    drive(make(agent), steps)


def test_an_empty_session_has_an_empty_memory():
    async def steps(pilot):
        await press(pilot, "f4", "p", "f", "enter")
        assert "nothing has been said yet" in screen_text(pilot.app)

    drive(make(PlayedAgent()), steps)


# -- sessions


def test_sessions_are_searched_resumed_and_forked():
    opener = Opener(PlayedAgent())

    async def steps(pilot):
        await press(pilot, "f2")
        assert "rename the settings" in screen_text(pilot.app)
        await typed(pilot, "environment")
        await settled(pilot)
        text = screen_text(pilot.app)
        assert "the budget is read" in text and "fix the parser" not in text
        await press(pilot, "enter")
        assert opener.asked[-1] == Open("20261119-0001")
        await press(pilot, "f2", "down", "ctrl+f")
        assert opener.asked[-1] == Open("20261121-0003", fork=True)

    drive(make(opener=opener), steps)


def test_sessions_are_renamed_and_deleted_only_when_asked_twice():
    agent = PlayedAgent()
    app = make(agent)
    store = app.services.sessions

    async def steps(pilot):
        await press(pilot, "f2", "ctrl+d")
        assert "this session is open" in screen_text(app)
        await press(pilot, "down", "ctrl+r", "x", "enter")
        assert store.renamed == [("20261121-0003", "what is in this folder?x")]
        await press(pilot, "home", "up", "ctrl+r", "x", "enter")
        assert agent.title == "fix the parser's testsx"
        await press(pilot, "down", "ctrl+d")
        assert len(store.rows) == 3
        await press(pilot, "ctrl+d")
        await until(pilot, lambda: [row.id for row in store.rows] == [
            "20261122-0001", "20261119-0001",
        ])  # fmt: skip
        await press(pilot, "escape")
        assert app.screen is app.chat

    drive(app, steps)


# -- models


def test_a_model_is_used_or_downloaded_and_its_centers_made():
    opener = Opener(PlayedAgent())
    app = make(opener=opener)
    models = app.services.models

    async def steps(pilot):
        await press(pilot, "f3")
        assert "does not fit" in screen_text(app)
        await press(pilot, "down", "enter")
        await until(pilot, lambda: "25%" in screen_text(app))
        models.gate.set()
        await until(pilot, lambda: models.made == ["Qwen3-8B-Q4_K_M"])
        await until(pilot, lambda: "done: /models/Qwen3-8B-Q4_K_M.gguf" in screen_text(app))
        await press(pilot, "ctrl+k")
        assert "download it first" in screen_text(app)
        models.listed = [replace(MODELS[0], name="mine", path=Path("/else/mine.gguf"))]
        await press(pilot, "escape", "f3", "ctrl+k")
        await until(pilot, lambda: "centers of mine" in models.made)
        assert len(opener.asked) == 1  # the open session is left alone
        await press(pilot, "enter")
        assert opener.asked[-1] == Open(model=Path("/else/mine.gguf"))

    drive(app, steps)


def test_the_open_model_is_measured_in_the_chat_and_the_session_goes_on():
    opener = Opener(PlayedAgent())
    app = make(opener=opener)

    async def steps(pilot):
        await press(pilot, "f3", "ctrl+k")
        await until(pilot, lambda: "measuring: chunk 3 of 12" in screen_text(app))
        assert app.screen is app.chat
        app.services.models.gate.set()
        await until(pilot, lambda: "The model is measured" in screen_text(app))
        assert len(opener.asked) == 2

    drive(app, steps)


def test_the_open_model_is_not_taken_from_a_turn_to_be_measured():
    app = make(PlayedAgent([held()]))

    async def steps(pilot):
        app.chat.prompt.area.put("go")
        await pilot.press("enter")
        await until(pilot, lambda: app.chat.busy)
        await press(pilot, "f3", "ctrl+k")
        assert "can be made when it is ready" in screen_text(app)
        assert app.services.models.made == [] and len(app.chat.feed.turns) == 1

    drive(app, steps)


def test_a_download_is_stopped_by_escape():
    app = make()

    async def steps(pilot):
        await press(pilot, "f3", "down", "enter")
        await until(pilot, lambda: "25%" in screen_text(app))
        await press(pilot, "escape")
        await until(pilot, lambda: "what came so far is kept" in screen_text(app))
        await press(pilot, "escape")
        assert app.screen is app.chat
        assert app.services.models.made == []

    drive(app, steps)


def test_nothing_is_downloaded_offline():
    from dataclasses import replace

    app = make()
    app.config = replace(app.config, offline=True)

    async def steps(pilot):
        await press(pilot, "f3", "down", "enter")
        assert "offline" in screen_text(app)
        assert app.services.models.listed == MODELS

    drive(app, steps)


# -- settings


@pytest.fixture
def own_config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_every_setting_is_on_the_screen_with_its_line():
    keys = {item.key for item in settings.shown_settings()}
    everything = {item.key for item in config_settings.settings()}
    assert everything - keys == set(settings.HIDDEN) & everything
    assert all(item.about for item in settings.shown_settings())


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("cache.budget", "2048", 2048),
        ("cache.budget", "", None),
        ("sampling.temperature", "0.5", 0.5),
        ("ui.mouse", "off", False),
        ("model.path", "/x.gguf", Path("/x.gguf")),
    ],
)
def test_what_is_typed_becomes_a_value(own_config, key, text, value):
    setting = next(item for item in settings.shown_settings() if item.key == key)
    assert settings.parsed(setting, text) == value
    assert config_settings.get(settings.changed(Config(), key, value), key) == value


@pytest.mark.parametrize(
    ("key", "text"), [("cache.budget", "many"), ("cache.budget", "3"), ("agent.mode", "full")]
)
def test_a_wrong_value_is_refused_with_the_settings_name(own_config, key, text):
    setting = next(item for item in settings.shown_settings() if item.key == key)
    with pytest.raises(ConfigError, match=key):
        settings.parsed(setting, text)


def test_a_setting_is_changed_saved_and_takes_effect(own_config):
    from triagent.settings_file import save

    app = make()
    app._services = Services(app.services.start, save_config=save)

    async def steps(pilot):
        await press(pilot, "f5")
        await typed(pilot, "ui.theme")
        await settled(pilot)
        await press(pilot, "enter")
        app.screen.search.value = "triagent-light"
        await press(pilot, "enter")
        assert app.theme == "triagent-light"
        assert "written to" in screen_text(app)
        assert config_settings.load({}, {}).config.ui.theme == "triagent-light"
        app.screen.search.value = "cache.budget"
        await settled(pilot)
        await press(pilot, "enter")
        app.screen.search.value = "no number"
        await press(pilot, "enter")
        assert "cache.budget" in screen_text(app) and "no number" in screen_text(app)
        await press(pilot, "escape", "escape")
        assert app.screen is app.chat

    drive(app, steps)


# -- help and palette


def test_help_names_every_command_and_key():
    async def steps(pilot):
        await press(pilot, "f1")
        text = screen_text(pilot.app)
        for part in ("/memory", "/recall <words>", "Ctrl+J", "prompt.steer", "approve.once"):
            assert part in text, part
        await press(pilot, "escape")
        assert pilot.app.screen is pilot.app.chat

    drive(make(), steps, size=(110, 90))


def test_the_palette_runs_our_commands():
    async def steps(pilot):
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        await typed(pilot, "memory")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.5)
        assert type(pilot.app.screen).__name__ == "MemoryScreen"

    drive(make(PlayedAgent(story=story())), steps)
