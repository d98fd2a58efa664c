"""The requests that the welcome proposes, typed into the app on the bundled model."""

from __future__ import annotations

import re

import pytest

from tests.ui.pilot import drive, until
from triagent.agent.events import Outcome
from triagent.chat import ModelInfo
from triagent.ui.blocks import AnswerBlock, CardBlock, CardState, FactsBlock, WelcomeBlock

pytest.importorskip("triagent_native")
pytestmark = [pytest.mark.native, pytest.mark.slow]

FOLDERS = {
    "service": {
        "README.md": "# Parcel service\n\nStart it with make run.\n",
        "config.yaml": "host: alpha\nport: 8432\nworkers: 4\n",
        "src/server.py": "import socket\n\nport = 8432\n\n\ndef serve():\n    ...\n",
        "notes.txt": "call the printer on Monday\n",
    },
    "notes": {
        "todo.txt": "buy milk\npay the rent\n",
        "network.md": "The router listens on port 8080.\n",
        "ideas.txt": "a garden behind the house\n",
    },
    "settings": {
        "app.ini": "[server]\nport = 5000\nname = demo\n",
        "deploy.sh": "#!/bin/sh\necho ready\n",
        "data/people.csv": "name,age\nAda,36\n",
    },
}


def examples(app):
    """The proposed requests, as they stand on the first screen."""
    block = app.chat.transcript[0]
    assert isinstance(block, WelcomeBlock)
    found = re.findall(r"^- `(.+)`$", block.markdown, re.MULTILINE)
    assert len(found) == 3
    return found


async def answered(pilot, text):
    """Send a request, say yes to what is asked; the blocks of the turn."""
    app, chat = pilot.app, pilot.app.chat
    chat.prompt.area.put(text)
    n_turns = len(chat.feed.turns)
    await pilot.press("enter")
    await until(pilot, lambda: len(chat.feed.turns) > n_turns)
    for _ in range(6):
        await until(pilot, lambda: chat.approval.asked is not None or not chat.busy, 120)
        if not chat.busy:
            break
        await pilot.pause(0.5)  # keys that come at once are not meant for the question
        await pilot.press("y")
        await until(pilot, lambda: chat.approval.asked is None)
    first = chat.feed.turns[n_turns + 1]
    blocks = chat.transcript.blocks[first:]
    assert isinstance(blocks[-1], FactsBlock), [type(block).__name__ for block in blocks]
    assert app.chat.failure.failure is None
    return blocks


def told(blocks):
    """What the user reads: answers, and the output of what ran well."""
    answers = [block.text for block in blocks if isinstance(block, AnswerBlock)]
    cards = [b for b in blocks if isinstance(b, CardBlock) and b.state is CardState.OK]
    return "\n".join([*answers, *(card.output for card in cards)]), cards


def files(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_three_requests_of_the_welcome_do_what_they_say(tmp_path, name):
    from triagent.config import Config, ModelConfig
    from triagent.services import services
    from triagent.ui.app import TriagentApp

    work = tmp_path / "work"
    for path, text in FOLDERS[name].items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    config = Config(model=ModelConfig(threads=1, gpu_layers=0), workspace=work)
    app = TriagentApp(config, services(config), grace_s=0.0)

    async def steps(pilot):
        await until(pilot, lambda: app.thread and app.thread.agent and not app.chat.busy, 120)
        info = app.thread.agent.info
        assert isinstance(info, ModelInfo) and info.name in app.chat.transcript[0].markdown
        listing, creating, finding = examples(app)

        before = files(work)
        blocks = await answered(pilot, listing)
        words, cards = told(blocks)
        assert cards and blocks[-1].outcome is Outcome.DONE and files(work) == before
        top = {path.split("/")[0] for path in before}
        assert all(one in words for one in top), words

        path, text = re.fullmatch(r"create (\S+) with the text (.+)", creating).groups()
        blocks = await answered(pilot, creating)
        assert blocks[-1].outcome is Outcome.DONE and blocks[-1].changed == (path,)
        assert files(work) == before | {path: (work / path).read_text()}
        assert (work / path).read_text().strip() == text

        wanted = re.fullmatch(r"which files mention (\w+)\?", finding)[1]
        holding = {path for path, text in files(work).items() if wanted in text}
        blocks = await answered(pilot, finding)
        words, cards = told(blocks)
        assert cards and blocks[-1].outcome is Outcome.DONE
        answer = "\n".join(block.text for block in blocks if isinstance(block, AnswerBlock))
        assert all(path in answer for path in holding), answer
        assert not any(path in answer for path in files(work).keys() - holding), answer

    drive(app, steps, size=(100, 30), wait=False, limit_s=300)
