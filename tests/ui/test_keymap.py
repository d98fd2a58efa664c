from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ui.pilot import drive, screen_text
from tests.ui.scenes import make, settled
from triagent.ui.app import TriagentApp
from triagent.ui.keymap import bindings, problems


def app_with(**keys):
    """An app whose settings hold these keys; `__` stands for the dot."""
    app = make()
    config = replace(app.config, ui=replace(app.config.ui, keys={
        name.replace("__", "."): key for name, key in keys.items()
    }))  # fmt: skip
    return TriagentApp(config, app._services, grace_s=0.0)


@pytest.mark.parametrize(
    ("name", "key", "screen"),
    [("app.memory", "f6", "MemoryScreen"), ("app.settings", "f7", "SettingsScreen"),
     ("app.help", "f8, ctrl+g", "HelpScreen"), ("app.models", "ctrl+o", "ModelsScreen")],
)  # fmt: skip
def test_a_key_of_ones_own_opens_and_leaves_and_the_old_one_is_free(name, key, screen):
    default = bindings()[name]
    app = app_with(**{name: key})

    async def steps(pilot):
        for one in key.split(", "):
            await pilot.press(default)
            await pilot.pause()
            assert app.screen is app.chat
            await pilot.press(one)
            await settled(pilot, None)
            assert type(app.screen).__name__ == screen
            await pilot.press(one)
            await pilot.pause()
            assert app.screen is app.chat and len(app.screen_stack) == 1

    drive(app, steps)


def test_keys_of_the_prompt_the_question_and_the_transcript_are_ones_own_too():
    app = app_with(prompt__newline="f6", transcript__copy="x", app__transcript="f7")

    async def steps(pilot):
        await pilot.press("a", "f6", "b")
        assert app.chat.prompt.area.text == "a\nb"
        await pilot.press("f7")
        assert app.focused is app.chat.transcript
        await pilot.press("x")
        await pilot.pause()
        assert app.clipboard or "nothing to copy" in screen_text(app)

    drive(app, steps)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"app.memroy": "f6"}, 'no binding is named "app.memroy"; did you mean "app.memory"?'),
        ({"memory": "f6"}, 'no binding is named "memory"; did you mean "app.memory"?'),
        ({"app.memory": "crtl+g"}, 'no key is named "crtl"; did you mean "ctrl"?'),
        ({"app.memory": "f6,pgup"}, 'no key is named "pgup"; did you mean "pageup"?'),
        ({"app.memory": "ctrl+"}, 'no key is named "ctrl+"'),
        ({"app.memory": "f5"}, '"f5" is app.memory and app.settings'),
        ({"memory.pin": "f"}, '"f" is memory.pin and memory.forget'),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest_right_one(keys, said):
    [text] = problems(keys, bindings())
    assert text.startswith("ui.keys: ") and said in text


def test_right_names_are_not_complained_of():
    good = {"app.memory": "f6", "app.settings": "ctrl+shift+s, f24", "transcript.copy": "C",
            "prompt.newline": "alt+enter", "memory.pin": "slash", "memory.forget": "+",
            "app.help": "question_mark", "memory.back": "escape"}  # fmt: skip
    assert list(problems(good, bindings())) == []
    assert list(problems({"app.memory": "f5", "app.settings": "f4"}, bindings())) == [], "swapped"


def test_the_app_says_what_is_wrong_with_a_key_and_starts():
    app = app_with(app__memroy="f6")

    async def steps(pilot):
        assert 'did you mean "app.memory"?' in " ".join(screen_text(app).split())
        await pilot.press("f4")
        await settled(pilot, None)
        assert type(app.screen).__name__ == "MemoryScreen"

    drive(app, steps)
