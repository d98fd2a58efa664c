from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.engine.scripted import ScriptedEngine, conversation, template_of
from triagent.chat import Appended, Limits, Message, Origin, Role, StepEnd, StopReason

TEMPLATES = Path(__file__).parents[1] / "data/templates"
THINKING = (TEMPLATES / "Qwen-QwQ-32B.jinja").read_text()
ASKED = [Message(Role.USER, "Why?")]


@pytest.fixture(scope="module")
def template():
    made = template_of(THINKING)
    yield made
    made.close()


@pytest.fixture
def asked(template):
    """(what the model says, chunk) -> engine and conversation that wait for an answer."""

    def make(says, chunk=64):
        engine = ScriptedEngine(says, chunk)
        talk = conversation(engine, template)
        for deltas in (talk.open("Help.", ()), talk.append(ASKED)):
            list(deltas)
        return engine, talk

    return make


def text(spans, *origins, sampled=None):
    return "".join(
        x.text for x in spans if x.origin in origins and sampled in (None, x.sampled)
    )


def test_thinking_past_its_budget_is_shut_once_and_the_answer_follows(asked):
    engine, talk = asked("hm hm hm It is so.")
    end = list(talk.generate(Limits(think_tokens=9)))[-1]
    assert (end.reason, end.usage.n_decode) == (StopReason.END, 18)
    assert text(end.spans, Origin.THINKING, sampled=True) == "hm hm hm "
    assert text(end.spans, Origin.THINKING, sampled=False) == "\n</think>\n\n"
    assert text(end.spans, Origin.MODEL) == "It is so."
    assert engine.vocab.text(engine.ids).count("</think>") == 1


def test_thinking_within_its_budget_is_left_alone(asked):
    _, talk = asked("hm</think>Yes.")
    end = list(talk.generate(Limits(think_tokens=9)))[-1]
    assert all(span.sampled for span in end.spans)
    assert text(end.spans, Origin.MODEL).endswith("Yes.")


def test_with_thinking_off_the_block_is_shut_before_the_first_token(asked):
    engine, talk = asked("Yes.")
    end = list(talk.generate(Limits(think_tokens=0)))[-1]
    assert (text(end.spans, Origin.THINKING), text(end.spans, Origin.MODEL)) == ("</think>", "Yes.")
    assert engine.vocab.text(engine.ids).endswith("<think>\n</think>Yes.")


@pytest.mark.parametrize("chunk", [1, 3, 64])
@pytest.mark.parametrize("think_tokens", [0, 6])
def test_cancel_at_any_moment_leaves_a_closed_thought_and_a_closed_message(
    asked, chunk, think_tokens
):
    engine, talk = asked("hm hm It is.", chunk)
    engine.n_asked = 0
    list(talk.generate(Limits(think_tokens=think_tokens)))
    n_moments, reasons = engine.n_asked, set()
    for moment in range(n_moments):
        engine, talk = asked("hm hm It is.", chunk)
        start, engine.n_asked, engine.cancel_at = engine.n_pos, 0, moment
        end = list(talk.generate(Limits(think_tokens=think_tokens)))[-1]
        assert isinstance(end, StepEnd)
        reasons.add(end.reason)
        engine.cancel_at = -1
        closed = list(talk.close_message(" [interrupted]"))[-1]
        assert isinstance(closed, Appended)
        spans = (*end.spans, *closed.spans)
        assert spans[0].pos == start
        assert all(a.stop == b.pos for a, b in pairwise(spans)) and spans[-1].stop == engine.n_pos
        said = engine.vocab.text(engine.ids)
        assert said.count("<think>") == said.count("</think>") == 1, (moment, said)
        assert said.endswith(" [interrupted]<|im_end|>"), (moment, said)
    assert reasons == {StopReason.CANCELLED}
