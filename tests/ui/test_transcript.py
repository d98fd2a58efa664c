from __future__ import annotations

from tests.ui.fakes import PlayedAgent
from tests.ui.pilot import drive, screen_text
from tests.ui.scenes import make, past
from triagent.ui.blocks import AnswerBlock, CardBlock, CardState, UserBlock

ANSWER = "A paragraph with **bold** words, long enough to be wrapped on a narrow screen.\n\n" * 3


def filled(n):
    blocks = []
    for number in range(n):
        blocks.append(UserBlock(f"question {number}", number))
        blocks.append(AnswerBlock(f"answer {number}\n\n{ANSWER}"))
        output = "\n".join(f"line {i}" for i in range(20))
        blocks.append(CardBlock("bash", f"make {number}", CardState.OK, 0.1, output))
    return blocks


def body(app):
    """The transcript's lines in view, without the scroll bar's column."""
    return [line[:98].rstrip() for line in screen_text(app).splitlines()[1:-4]]


def test_the_number_of_widgets_does_not_grow_with_the_session():
    async def steps(pilot):
        app = pilot.app
        before = len(app.screen.query("*"))
        app.chat.transcript.extend(filled(700))
        await pilot.pause()
        assert "make 699" in screen_text(app)
        assert len(app.screen.query("*")) == before
        kept = app.chat.transcript._drawn
        app.chat.transcript.scroll_home()
        await pilot.pause()
        assert "question 0" in screen_text(app)
        assert len(kept) <= 400

    drive(make(), steps)


def test_only_what_is_near_the_view_is_drawn_when_a_session_is_resumed():
    async def steps(pilot):
        transcript = pilot.app.chat.transcript
        transcript.extend(filled(1000))
        await pilot.pause()
        assert "make 999" in screen_text(pilot.app)
        assert len(transcript._drawn) < 60

    drive(make(), steps)


def test_lines_in_view_stay_where_they_are_while_those_above_are_measured():
    async def steps(pilot):
        app, transcript = pilot.app, pilot.app.chat.transcript
        transcript.extend(filled(60))
        await pilot.pause()
        lines = body(app)
        for _ in range(40):
            transcript.scroll_relative(y=-3, animate=False, immediate=True)
            await pilot.pause()
            now = body(app)
            assert now[3:] == lines[:-3]
            lines = now

    drive(make(), steps)


def test_the_end_is_followed_until_one_scrolls_away():
    async def steps(pilot):
        app, transcript = pilot.app, pilot.app.chat.transcript
        transcript.extend(filled(10))
        index = transcript.append(AnswerBlock("begin"))
        for n in range(30):
            transcript.replace(index, AnswerBlock("begin\n\n" + "more\n\n" * n + "the end"))
            await pilot.pause()
            assert "the end" in screen_text(app)
        await pilot.press("pageup")
        await pilot.pause()
        seen = screen_text(app).splitlines()[1:20]
        transcript.replace(index, AnswerBlock("begin\n\n" + "more\n\n" * 40 + "much later"))
        await pilot.pause()
        assert screen_text(app).splitlines()[1:20] == seen
        transcript.scroll_end()
        await pilot.pause()
        assert "much later" in screen_text(app)

    drive(make(), steps)


def test_a_click_or_enter_opens_and_folds():
    async def steps(pilot):
        app, transcript = pilot.app, pilot.app.chat.transcript
        transcript.clear()
        transcript.extend(filled(1))
        await pilot.pause()
        row = next(
            n for n, line in enumerate(screen_text(app).splitlines()) if "make 0" in line
        )
        assert "line 19" not in screen_text(app)
        await pilot.click(offset=(10, row))
        await pilot.pause()
        assert "line 19" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "line 19" not in screen_text(app)

    drive(make(), steps, size=(100, 50))


def test_who_begins_to_type_is_in_the_prompt_again():
    async def steps(pilot):
        app = pilot.app
        app.chat.transcript.extend(filled(3))
        await pilot.press("ctrl+t")
        assert app.focused is app.chat.transcript
        await pilot.press("j", "k")  # keys of the transcript stay its own
        assert app.focused is app.chat.transcript
        await pilot.press("slash", "m")
        await pilot.pause()
        assert app.focused is app.chat.prompt.area and app.chat.prompt.area.text == "/m"

    drive(make(), steps)


def test_text_is_selected_with_the_mouse_and_copied():
    async def steps(pilot):
        app, transcript = pilot.app, pilot.app.chat.transcript
        transcript.clear()
        transcript.append(AnswerBlock("alpha beta\n\ngamma delta"))
        await pilot.pause()
        lines = screen_text(app).splitlines()
        y = next(n for n, line in enumerate(lines) if "alpha" in line)
        x = lines[y].index("beta")
        await pilot.mouse_down(offset=(x, y))
        await pilot.hover(offset=(x + 2, y + 2))
        await pilot.mouse_up(offset=(x + 2, y + 2))
        await pilot.pause()
        selected = app.screen.get_selected_text()
        assert selected.split() == ["beta", "gamma"] or selected.startswith("beta\n\n")
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert app.clipboard == selected

    drive(make(), steps)


def test_wide_characters_keep_columns_and_selection():
    async def steps(pilot):
        app, transcript = pilot.app, pilot.app.chat.transcript
        transcript.clear()
        transcript.append(AnswerBlock("日本語 words"))
        await pilot.pause()
        lines = screen_text(app).splitlines()
        y = next(n for n, line in enumerate(lines) if "words" in line)
        await pilot.mouse_down(offset=(3, y))
        await pilot.hover(offset=(8, y))
        await pilot.mouse_up(offset=(8, y))
        await pilot.pause()
        assert app.screen.get_selected_text().strip().startswith("日本")

    drive(make(), steps)


def test_another_theme_or_width_draws_anew():
    async def steps(pilot):
        app, transcript = pilot.app, pilot.app.chat.transcript
        transcript.extend(filled(3))
        await pilot.pause()
        before = transcript.palette
        app.theme = "triagent-light"
        await pilot.pause(0.1)
        assert transcript.palette.name == "triagent-light" != before.name
        await pilot.resize_terminal(60, 24)
        await pilot.pause(0.1)
        assert all(len(line) <= 60 for line in screen_text(app).splitlines())
        assert "make 2" in screen_text(app)

    drive(make(), steps)


def test_a_resumed_session_shows_its_last_screen_first():
    async def steps(pilot):
        text = screen_text(pilot.app)
        assert "Module 12" in text and "module 1 do" not in text
        assert pilot.app.chat.feed.turns[12] > pilot.app.chat.feed.turns[1]

    drive(make(PlayedAgent(earlier=past())), steps)
