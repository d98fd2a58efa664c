"""A session reads the same when it is opened again as it did while it ran."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.agent.setup import Desk
from tests.fakes import call, step, think
from triagent.agent import events as ev
from triagent.agent.events import Decision
from triagent.ui.blocks import Block, CardBlock, CardState, RoundBlock, ThinkingBlock, UserBlock
from triagent.ui.feed import Collected, Feed, blocks_of

SMALL = {"budget": 150, "interval": 8, "n_window": 24}
FILLER = "word " * 60


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


class Watched:
    """An agent whose events are shown as they come."""

    def __init__(self, agent, decision: Decision = Decision.ONCE) -> None:
        self.agent, self._decision = agent, decision
        self.feed = Feed(Collected(), clock=lambda: 0.0)

    def turn(self, text: str, cancel_at: type | None = None) -> None:
        for event in self.agent.turn(text):
            self.feed.put(event)
            if isinstance(event, ev.ApprovalAsked) and cancel_at is not ev.ApprovalAsked:
                self.agent.answer(event.id, self._decision)
            if cancel_at is not None and isinstance(event, cancel_at):
                self.agent.cancel()

    @property
    def live(self) -> list[Block]:
        return [_settled(block) for block in self.feed.target]

    @property
    def resumed(self) -> list[Block]:
        return [_settled(block) for block in blocks_of(self.agent.past())[0]]


def _settled(block: Block) -> Block:
    """Without what is measured to the microsecond in one place and rounded in the other."""
    match block:
        case CardBlock():
            return replace(block, seconds=block.seconds and round(block.seconds, 3))
        case RoundBlock():
            return replace(block, ms=round(block.ms, 2))
        case ThinkingBlock():
            return replace(block, text=block.text.strip())
    return block


def state(watched: Watched) -> CardState:
    return next(block.state for block in watched.live if isinstance(block, CardBlock))


def test_words_thoughts_and_tools_read_the_same(desk):
    (desk.work / "a.txt").write_text("one\n")
    script = [step(think("Look first."), call("read", path="a.txt")), "It says one."]
    watched = Watched(desk.agent(script))
    watched.turn("What does a.txt say?")
    assert state(watched) is CardState.OK
    assert watched.resumed == watched.live


def test_marks_of_rounds_read_the_same(desk):
    watched = Watched(desk.agent(["Noted.", *["ok " * 40] * 4], **SMALL))
    for text in ("The port is 7341.", *[FILLER] * 4):
        watched.turn(text)
    marks = [block for block in watched.live if isinstance(block, RoundBlock)]
    assert len(marks) >= 4 and marks[-1].number == watched.agent.status().n_rounds
    assert watched.resumed == watched.live


def test_marks_keep_their_numbers_when_only_the_end_is_read(desk, monkeypatch):
    monkeypatch.setattr("triagent.session.ledger.CHECKPOINT_BYTES", 2000)
    monkeypatch.setattr("triagent.agent.past.SHOWN_BYTES", 12_000)
    watched = Watched(desk.agent([*["ok " * 40] * 12], **SMALL))
    for _ in range(12):
        watched.turn(FILLER)
    resumed = watched.resumed
    assert 5 < len(resumed) < len(watched.live)
    assert [b.number for b in resumed if isinstance(b, RoundBlock)][-1] == (
        watched.agent.status().n_rounds
    )


def test_what_was_said_in_the_middle_of_a_turn_is_there_again(desk):
    (desk.work / "a.txt").write_text("one\n")
    agent = desk.agent([call("read", path="a.txt"), "Briefly: one.", "Hi."])
    for event in agent.turn("What does a.txt say?"):
        if isinstance(event, ev.ToolEnded):
            agent.steer("Be brief.")
    list(agent.turn("Hello."))
    said = [b for b in blocks_of(agent.past())[0] if isinstance(b, UserBlock)]
    assert said == [
        UserBlock("What does a.txt say?", 1),
        UserBlock("Be brief.", steered=True),
        UserBlock("Hello.", 2),
    ]


@pytest.mark.parametrize("rule", ["ask", "deny"])
def test_a_tool_that_was_not_allowed_is_denied_in_both(desk, rule):
    desk.gate.rule = rule
    script = [call("write", path="a.txt", content="x\n"), "Then not."]
    watched = Watched(desk.agent(script), Decision.DENY)
    watched.turn("Write a.txt.")
    assert state(watched) is CardState.DENIED
    assert watched.resumed == watched.live


def test_a_tool_that_failed_is_failed_in_both(desk):
    watched = Watched(desk.agent([call("read", path="gone.txt"), "There is none."]))
    watched.turn("Read gone.txt.")
    assert state(watched) is CardState.FAILED
    assert watched.resumed == watched.live


def test_a_tool_that_was_interrupted_is_stopped_in_both(desk):
    watched = Watched(desk.agent([call("bash", command="sleep 20"), "never"]))
    watched.turn("Wait.", cancel_at=ev.ToolStarted)
    assert state(watched) is CardState.STOPPED
    assert watched.resumed == watched.live


def test_an_interrupted_question_is_denied_in_both(desk):
    desk.gate.rule = "ask"
    watched = Watched(desk.agent([call("bash", command="true"), "never"]))
    watched.turn("Run it.", cancel_at=ev.ApprovalAsked)
    assert state(watched) is CardState.DENIED
    assert watched.resumed == watched.live


def test_a_call_that_a_crash_left_open_does_not_look_busy(desk):
    agent = desk.agent([call("bash", command="true"), "never"])
    for event in agent.turn("Run it."):
        if isinstance(event, ev.ToolProposed):
            break  # the program ends here
    card = next(block for block in blocks_of(agent.past())[0] if isinstance(block, CardBlock))
    assert card.state is CardState.STOPPED
