"""The agent on the real engine: a tiny model that only babbles, so what is checked is the books.

Ledger and cache must agree whatever happens, and a session that was closed must go on as if it
never had been.
"""

from __future__ import annotations

import os
import random
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.agent.setup import NativeDesk, end_of
from tests.agent.test_side_calls import use_everything_beside
from triagent.agent.events import Notice, Outcome
from triagent.config import SamplingConfig

pytestmark = pytest.mark.native
STORIES = Path(__file__).parents[1] / "data/models/stories260K-f32.gguf"


@pytest.fixture
def opened(tmp_path):
    """(session id or None, **cache settings) -> agent; one store and one folder a test."""
    desk = NativeDesk(tmp_path)

    def make(id=None, n_answer=24, **cache):
        sampling = SamplingConfig(max_tokens=n_answer, think_tokens=0)
        return desk.agent(STORIES, sampling, id, **{"budget": 640, **cache})

    yield make
    desk.close()


def ids(agent):
    return [id for span in agent.spans() for id in span.ids]


def assert_books(agent):
    """Ledger and cache hold the same tokens; what the cache lost, it says it lost."""
    status, spans = agent.status(), agent.spans()
    assert status.n_pos == agent.session.n_pos == sum(len(span.ids) for span in spans)
    assert all(a.stop == b.pos for a, b in pairwise(spans))
    if status.budget:
        assert status.n_used <= status.n_cells


def test_a_session_goes_through_rounds_and_stays_whole(opened):
    agent = opened()
    for n in range(6):
        list(agent.turn(f"Once upon a time {n} there was a dog. " * 12))
    status = agent.status()
    assert status.n_rounds >= 10 and status.n_pos > 2 * status.n_used
    assert_books(agent)
    rounds = list(agent.audit())
    assert len(rounds) == status.n_rounds and rounds[0].policy == "knorm"
    assert sum(item.n_evicted for item in rounds) == status.n_evicted
    share = agent.holding().share
    assert len(share) == status.n_pos and float(min(share)) < 1.0


def test_a_snapshot_goes_on_exactly_as_if_nothing_had_happened(opened):
    questions = [f"Tom {n} saw a big red ball. " * 10 for n in range(6)]
    whole = opened()
    for text in questions:
        list(whole.turn(text))
    first = opened()
    for text in questions[:4]:
        list(first.turn(text))
    first.close()
    second = opened(first.session_id)
    events = [event for text in questions[4:] for event in second.turn(text)]
    assert not any(isinstance(event, Notice) for event in events)
    assert ids(second) == ids(whole)
    assert_books(second)


def test_what_is_done_beside_a_session_changes_no_token_of_it(opened, tmp_path):
    plain, busy = opened(), opened()
    for n in range(5):
        text = f"Lily {n} found a green box. " * 12
        list(plain.turn(text))
        list(busy.turn(text))
        held = busy.holding()
        use_everything_beside(busy, tmp_path)
        assert np.array_equal(busy.holding().share, held.share)
    assert busy.status().n_rounds > 5
    assert ids(busy) == ids(plain)
    assert_books(busy)


def test_a_replay_brings_the_same_tokens_back(opened):
    agent = opened(budget=3000)
    for n in range(3):
        list(agent.turn(f"Lily {n} went home. " * 4))
    before = ids(agent)
    agent.close()
    for path in agent.session.folder.glob("kv/*"):
        path.unlink()
    again = opened(agent.session_id, budget=3000)
    list(again.start())
    assert ids(again) == before
    assert_books(again)
    again.model.restart()
    again._is_dead = True
    assert end_of(list(again.turn("And then?"))).turn == 4
    assert_books(again)


def test_cancelling_at_fifty_random_moments_keeps_the_books(opened, record_property):
    agent = opened(n_answer=12)
    choose = random.Random(7)
    outcomes = set()
    for n in range(50):
        left = choose.randrange(1, 40)
        events = []
        for event in agent.turn(f"The cat {n} sat on a mat and slept. " * choose.randrange(1, 8)):
            events.append(event)
            left -= 1
            if left == 0:
                agent.cancel()
        outcomes.add(end_of(events).outcome)
        assert_books(agent)
    record_property("cancelled: at any event, real engine", 50)
    assert Outcome.CANCELLED in outcomes and agent.status().n_rounds > 10


def test_rewinding_and_forgetting_keep_the_books(opened):
    agent = opened()
    for n in range(5):
        list(agent.turn(f"Ben {n} had a kite. " * 10))
    starts = agent.turn_starts()
    agent.forget(starts[2], starts[3])
    agent.rewind(5)
    assert_books(agent)
    agent.rewind(2)
    assert agent.session.turn == 1
    assert_books(agent)
    list(agent.turn("What did Ben have?"))
    assert_books(agent)


@pytest.mark.parametrize("kind", ["Prefilling", "AnswerText", "StepDone"])
def test_an_engine_killed_in_mid_turn_is_started_again(opened, kind):
    agent = opened()
    list(agent.turn("Sue has a hat. " * 20))
    killed, events = False, []
    for event in agent.turn("Sue lost the hat. " * 20):
        events.append(event)
        if not killed and type(event).__name__ == kind:
            os.kill(agent.model.pid, signal.SIGKILL)
            killed = True
    assert end_of(events).outcome is Outcome.FAILED and killed
    events = list(agent.turn("Where is the hat?"))
    assert any(isinstance(e, Notice) and "started again" in e.text for e in events)
    assert end_of(events).turn == 3
    assert_books(agent)
