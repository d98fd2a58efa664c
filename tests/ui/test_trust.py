"""The question about what a project brings along: the real answers on disk, a played session."""

from __future__ import annotations

import pytest

from tests.ui.fakes import Opener, PlayedAgent
from tests.ui.pilot import drive, screen_text, typed, until
from triagent import settings
from triagent.agent.trust import Trust
from triagent.config import Config, UiConfig
from triagent.services import TrustedProjects
from triagent.session.store import Store
from triagent.ui.app import TriagentApp
from triagent.ui.ports import Open, Services
from triagent.ui.trust import TrustScreen


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A workspace that tells agents what to do, and our own folders beside it."""
    for name in ("config", "data", "cache"):
        folder = tmp_path / name
        monkeypatch.setattr(settings, f"{name}_folder", lambda folder=folder: folder)
    skill = tmp_path / "work/.triagent/skills/release/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: release\ndescription: how\n---\nTag\u200b it.\n")
    (tmp_path / "work/AGENTS.md").write_text("Use tabs.\x1b]52;c;eA==\x07\n")
    return tmp_path / "work"


def trusted(project) -> bool:
    return Trust(settings.config_folder() / "trust", project).is_trusted()


def make(project, agent=None, first=None, grace_s=0.0):
    config = Config(ui=UiConfig(motion=False), workspace=project)
    agent = agent or PlayedAgent()
    opener = Opener(agent)
    services = Services(start=opener, projects=TrustedProjects(config))
    app = TriagentApp(config, services, first, grace_s, clock=lambda: 0.0)
    app.opener = opener
    return app


async def asked(pilot):
    await until(pilot, lambda: isinstance(pilot.app.screen, TrustScreen))
    await pilot.pause()


async def opened(pilot):
    await until(pilot, lambda: pilot.app.thread and pilot.app.thread.agent)
    await until(pilot, lambda: not pilot.app.chat.busy)


def test_files_are_shown_without_what_they_hide_and_yes_opens_with_them(project):
    async def steps(pilot):
        await asked(pilot)
        text = screen_text(pilot.app)
        for words in ("AGENTS.md", "Use tabs.", "SKILL.md", "hidden", "No: work without them"):
            assert words in text, text
        assert "\x1b" not in text and "\u200b" not in text
        assert pilot.app.opener.asked == []  # nothing is opened before the answer
        await pilot.press("down", "enter")
        await opened(pilot)
        assert pilot.app.screen is pilot.app.chat

    drive(make(project), steps, wait=False)
    assert trusted(project)


@pytest.mark.parametrize("keys", [("enter",), ("escape",), ("ctrl+c",), ("y", "a", "enter")])
def test_no_is_the_first_choice_and_opens_without_them(project, keys):
    async def steps(pilot):
        await asked(pilot)
        await pilot.press(*keys)
        await opened(pilot)
        assert len(pilot.app.opener.asked) == 1

    drive(make(project), steps, wait=False)
    assert not trusted(project)


def test_a_key_on_its_way_to_the_prompt_is_no_answer(project):
    async def steps(pilot):
        await asked(pilot)
        await pilot.press("down", "enter")
        await pilot.pause(0.05)
        assert isinstance(pilot.app.screen, TrustScreen)
        await pilot.press("escape")
        await opened(pilot)

    drive(make(project, grace_s=60.0), steps, wait=False)
    assert not trusted(project)


def test_what_is_trusted_is_not_asked_again_until_it_changes(project):
    answers = TrustedProjects(Config(workspace=project))
    answers.accept(answers.question(Open()))

    async def steps(pilot):
        await opened(pilot)
        assert pilot.app.screen is pilot.app.chat
        (project / "AGENTS.md").write_text("Use taps.\n")
        await typed(pilot, "/new")
        await pilot.press("enter")
        await asked(pilot)
        assert "has changed" in screen_text(pilot.app)
        assert "Use taps." in screen_text(pilot.app)
        await pilot.press("enter")
        await opened(pilot)

    drive(make(project), steps, wait=False)
    assert not trusted(project)


def test_a_session_asks_for_the_workspace_it_was_made_in(project, tmp_path):
    (tmp_path / "empty").mkdir()
    store = Store(settings.data_folder() / "sessions")
    session = store.create(project)
    session.close()
    store.close()
    projects = TrustedProjects(Config(workspace=tmp_path / "empty"))
    assert projects.question(Open()) is None
    question = projects.question(Open(session=session.id))
    assert question.workspace == project.resolve() and "AGENTS.md" in question.files
    projects.accept(question)
    assert projects.question(Open(session="last")) is None and trusted(project)


def test_one_can_leave_while_the_question_stands(project):
    async def steps(pilot):
        await asked(pilot)
        app = pilot.app
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.return_value is not None)

    app = make(project)
    drive(app, steps, wait=False)
    assert app.opener.asked == [] and not trusted(project)


def test_a_long_file_is_read_page_by_page(project):
    (project / "AGENTS.md").write_text("\n".join(f"rule {n}" for n in range(200)))

    async def steps(pilot):
        await asked(pilot)
        assert "rule 199" not in screen_text(pilot.app)
        for _ in range(30):
            await pilot.press("pagedown")
        assert "rule 199" in screen_text(pilot.app)
        await pilot.press("escape")
        await opened(pilot)

    drive(make(project), steps, wait=False)
