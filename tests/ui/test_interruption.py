"""Each moment in which Escape or Ctrl+C may come, on the real agent with a scripted model."""

from __future__ import annotations

import pytest

from tests.agent.setup import Desk
from tests.fakes import call, say, step, think
from tests.ui.pilot import drive, screen_text, until
from tests.ui.scenes import settled
from triagent.agent.events import Outcome
from triagent.chat import Origin, Role
from triagent.config import Config, UiConfig
from triagent.errors import EngineDied
from triagent.ui.app import TriagentApp
from triagent.ui.blocks import AnswerBlock, CardBlock, CardState, FactsBlock
from triagent.ui.ports import Services

KEYS = pytest.mark.parametrize("key", ["escape", "ctrl+c"])


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


def app_on(agent, desk):
    config = Config(ui=UiConfig(motion=False), workspace=desk.work)
    return TriagentApp(config, Services(lambda what, report: agent), grace_s=0.0)


def interrupted(agent, desk, text, ready, key):
    """Send a text, press the key when `ready(app)`, return the transcript's blocks."""

    async def steps(pilot):
        app = pilot.app
        app.chat.prompt.area.put(text)
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        await pilot.press(key)
        await settled(pilot)
        return app.chat.transcript.blocks

    return drive(app_on(agent, desk), steps)


def ledger_agrees(agent):
    """What the model holds is what the ledger says."""
    ours = [id for span in agent.spans() for id in span.ids]
    its = [id for span in agent.model.spans for id in span.ids]
    return ours == its


@KEYS
def test_in_prefill_it_stops_at_the_next_chunk(desk, key):
    agent = desk.agent(["never said"], pace_s=0.01, chunk=8)
    text = " ".join(f"word{n}" for n in range(3000))
    blocks = interrupted(agent, desk, text, lambda app: app.chat.status.phase == "reading", key)
    assert blocks[-1].outcome is Outcome.CANCELLED
    assert not any(isinstance(block, AnswerBlock) for block in blocks)
    assert ledger_agrees(agent)


@KEYS
def test_in_decode_the_partial_answer_is_kept_and_marked(desk, key):
    agent = desk.agent([say(" ".join(f"w{n}" for n in range(2000)))], pace_s=0.005)
    blocks = interrupted(
        agent, desk, "count",
        lambda app: any(isinstance(b, AnswerBlock) for b in app.chat.transcript.blocks), key,
    )  # fmt: skip
    answer = next(block for block in blocks if isinstance(block, AnswerBlock))
    assert answer.text.startswith("w0") and not answer.live
    assert blocks[-1].outcome is Outcome.CANCELLED
    assert ledger_agrees(agent)


@KEYS
def test_inside_a_call_that_is_being_written_the_call_is_dropped(desk, key):
    long = call("write", path="a.txt", content=" ".join(f"w{n}" for n in range(2000)))
    agent = desk.agent([step(long)], pace_s=0.005)
    blocks = interrupted(
        agent, desk, "write it",
        lambda app: any(isinstance(b, CardBlock) for b in app.chat.transcript.blocks), key,
    )  # fmt: skip
    card = next(block for block in blocks if isinstance(block, CardBlock))
    assert card.state is CardState.STOPPED
    assert not (desk.work / "a.txt").exists()
    assert not any(block.n_tools for block in blocks if isinstance(block, FactsBlock))
    assert ledger_agrees(agent)


@KEYS
def test_a_running_tool_is_ended_and_its_result_says_so(desk, key):
    agent = desk.agent([step(call("bash", command="sleep 30")), "never"])
    blocks = interrupted(
        agent, desk, "wait", lambda app: app.chat.status.phase == "running bash", key
    )
    card = next(block for block in blocks if isinstance(block, CardBlock))
    assert card.state is CardState.STOPPED
    assert "stopped by the user" in card.output
    assert blocks[-1].outcome is Outcome.CANCELLED
    results = [span for span in agent.spans() if span.origin is Origin.TOOL]
    assert results and ledger_agrees(agent)


@KEYS
def test_at_a_question_it_means_no_and_the_model_reads_the_denial(desk, key):
    desk.gate.rule = "ask"
    agent = desk.agent([step(call("bash", command="touch x")), "as you wish"])
    blocks = interrupted(
        agent, desk, "touch it", lambda app: app.chat.approval.asked is not None, key
    )
    card = next(block for block in blocks if isinstance(block, CardBlock))
    assert card.state is CardState.DENIED
    assert blocks[-1].outcome is Outcome.DONE
    assert not (desk.work / "x").exists()
    appended = [request[1] for request in agent.model.requests if request[0] == "append"]
    told = [x for messages in appended for x in messages if x.role is Role.TOOL]
    assert len(told) == 1
    assert ledger_agrees(agent)


def test_after_an_interruption_the_session_goes_on(desk):
    agent = desk.agent([step(think("hm " * 2000)), "all is well"], pace_s=0.005)

    async def steps(pilot):
        app = pilot.app
        app.chat.prompt.area.put("one")
        await pilot.press("enter")
        await until(pilot, lambda: app.chat.status.phase == "thinking")
        await pilot.press("escape")
        await settled(pilot)
        agent.model.pace_s = 0.0
        app.chat.prompt.area.put("two")
        await pilot.press("enter")
        await settled(pilot)
        assert app.chat.last_answer() == "all is well"
        assert ledger_agrees(agent)

    drive(app_on(agent, desk), steps)


def test_a_dead_engine_is_one_calm_sentence_with_the_next_step(desk):
    words = "The engine's process ended (signal SIGKILL); the session is safe.\n"
    agent = desk.agent([EngineDied(words + "Its last words:\n" + "graph_reserve\n" * 9)])

    async def steps(pilot):
        app = pilot.app
        app.chat.prompt.area.put("go")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.chat.transcript.blocks[-1], FactsBlock))
        await settled(pilot)
        text = " ".join(screen_text(app).split())
        assert "is safe. The next message starts it again." in text
        assert "graph_reserve" not in text and "10 more lines" in text
        await pilot.press("ctrl+t", "enter")
        await settled(pilot)
        assert "graph_reserve" in screen_text(app)

    drive(app_on(agent, desk), steps)


def test_idle_escape_and_control_c_leave_the_session_alone(desk):
    agent = desk.agent(["hi"])

    async def steps(pilot):
        await pilot.press("escape", "escape", "ctrl+c")
        await settled(pilot)
        assert not agent._is_closed and len(pilot.app.chat.transcript) == 1  # the welcome

    drive(app_on(agent, desk), steps)


def test_a_session_with_rounds_is_resumed_with_its_last_screen(desk):
    script = [f"answer {n} " + "word " * 40 for n in range(30)]
    agent = desk.agent(script, budget=256, n_window=32)
    for number in range(30):
        for _ in agent.run(f"question {number}"):
            pass
    assert agent.status().n_rounds > 3
    id = agent.session_id
    agent.close()
    again = desk.agent(["and on"], desk.store.open(id), budget=256, n_window=32)

    async def steps(pilot):
        app = pilot.app
        assert "answer 29" in app.chat.last_answer()
        assert app.chat.status.cache.n_used == agent.status().n_used > 200
        assert app.chat.transcript.vertical_scrollbar.position == app.chat.transcript.scroll_y > 0
        await pilot.press("f4")
        await settled(pilot)
        await until(pilot, lambda: app.screen.query_one("#spans").row is not None)
        rows = app.screen._picture.rows
        assert rows[0].pinned and rows[0].share == 1.0
        assert any(row.share == 0.0 for row in rows)
        await pilot.press("home", "down", "down", "r")
        await until(pilot, lambda: type(app.chat.transcript.blocks[-1]).__name__ == "RecallBlock")

    drive(app_on(again, desk), steps)
