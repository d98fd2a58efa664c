"""Thinking on the real engine: a tiny model that is told to think, and never stops by itself.

Its file is the tiny model's with the chat template of QwQ, which opens every answer by a thought.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.agent.setup import NativeDesk, end_of, names
from tests.agent.test_native_session import assert_books
from triagent.agent.events import AnswerText, StepStarted, ThinkingText
from triagent.chat import Origin
from triagent.config import SamplingConfig

pytestmark = pytest.mark.native
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    """The tiny model with a template that thinks."""
    folder = tmp_path_factory.mktemp("thinker")
    template = (DATA / "templates/Qwen-QwQ-32B.jinja").read_text()
    subprocess.run(
        [sys.executable, "-m", "gguf.scripts.gguf_new_metadata", "--chat-template", template,
         str(DATA / "models/stories260K-f32.gguf"), str(folder / "thinker.gguf")],
        check=True, capture_output=True,
    )  # fmt: skip
    yield folder / "thinker.gguf"
    shutil.rmtree(folder)


@pytest.fixture
def opened(tmp_path, thinker):
    """(think_tokens, answer's tokens, session id, **cache settings) -> agent."""
    desk = NativeDesk(tmp_path)

    def make(think_tokens, n_answer, id=None, **cache):
        sampling = SamplingConfig(max_tokens=think_tokens + n_answer, think_tokens=think_tokens)
        return desk.agent(thinker, sampling, id, **cache)

    yield make
    desk.close()


def test_endless_thinking_is_shut_at_its_budget_and_an_answer_follows(opened):
    agent = opened(16, 24, budget=3000)
    events = list(agent.turn("Why is the sky blue?"))
    assert "ThinkingText" in names(events) and "AnswerText" in names(events)
    kinds = [type(x) for x in events if isinstance(x, (ThinkingText, AnswerText))]
    assert kinds.index(AnswerText) == kinds.count(ThinkingText)  # first one, then the other
    said = [x for x in agent.spans() if x.origin in (Origin.THINKING, Origin.MODEL)]
    thought, shut, answer = said[:3]
    assert (thought.origin, thought.sampled, len(thought.ids)) == (Origin.THINKING, True, 16)
    assert (shut.origin, shut.sampled, shut.text) == (Origin.THINKING, False, "\n</think>\n\n")
    assert answer.origin is Origin.MODEL and answer.sampled and len(answer.ids) > 0
    assert "".join(x.text for x in agent.spans()).count("</think>") == 1
    end_of(events)
    assert_books(agent)


def test_cancel_in_a_thought_closes_it_also_for_the_next_turn(opened):
    agent = opened(16, 24, budget=3000)
    for event in agent.turn("Why is the sky blue?"):
        if isinstance(event, ThinkingText):
            agent.cancel()
    list(agent.turn("And the sea?"))
    whole = "".join(x.text for x in agent.spans())
    assert whole.count("<think>") == whole.count("</think>") == 2
    assert_books(agent)


def thoughts(agent):
    """Positions of the thoughts of each turn."""
    starts = [*agent.turn_starts().values(), agent.session.n_pos]
    spans = [x for x in agent.spans() if x.origin is Origin.THINKING]
    return [
        {at for x in spans if a <= x.pos < b for at in range(x.pos, x.stop)}
        for a, b in pairwise(starts)
    ]


@pytest.mark.parametrize(("policy", "again"), [("knorm", True), ("streaming", False)])
def test_thoughts_of_earlier_turns_are_the_first_that_a_round_takes(opened, policy, again):
    agent = opened(64, 8, budget=640, policy=policy)
    n_left = 9999
    for n in range(12):
        if again and n == 2:
            agent.close()  # a resumed session knows its thoughts, too
            agent = opened(64, 8, agent.session_id, budget=640, policy=policy)
        for event in agent.turn(f"Why {n}?"):
            if isinstance(event, StepStarted):
                old = set().union(*thoughts(agent))
        n_evicted, share = agent.status().n_evicted, agent.holding().share
        if n_evicted > len(old):
            break
        n_left = len(old) - n_evicted
        gone = {at for at, held in enumerate(share) if held < 1}
        assert gone <= old, sorted(gone - old)
        assert sum(1 - share) == pytest.approx(n_evicted, rel=0.01)
    assert agent.status().n_rounds > 5
    assert n_left < 64  # thoughts of every turn were needed, and nothing else had gone
    assert_books(agent)
