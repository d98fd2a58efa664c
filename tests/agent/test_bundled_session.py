"""The whole thing as a user has it: the bundled model, its tools, a workspace, a small budget."""

from __future__ import annotations

import random

import pytest

from tests.agent.setup import end_of
from triagent.agent.events import AnswerText, Outcome, Recalled, RoundDone, ToolEnded, ToolProposed
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.agent.recall import GONE_BELOW
from triagent.config import AgentConfig, CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.session.store import Store

pytestmark = [pytest.mark.native, pytest.mark.slow]
N_ROUNDS = 10


@pytest.fixture
def opened(tmp_path):
    """(offers words by itself, policy, budget) -> agent in a folder of logs."""
    from triagent.engine.client import open_model
    from triagent.models import shelf

    path, work, agents = shelf.bundled(), tmp_path / "work", []
    assert path is not None, "the bundled model is not installed"
    work.mkdir()
    (work / "app.yaml").write_text("host: alpha\nport: 8080\n")
    chosen = random.Random(3)
    for i in range(12):
        lines = (f"{n} job {chosen.randrange(99)} took {chosen.randrange(999)} ms\n"
                 for n in range(25))  # fmt: skip
        (work / f"log{i}.txt").write_text("".join(lines))
    store = Store(tmp_path / "sessions")

    def make(offers, policy="auto", budget=1536):
        config = Config(
            model=ModelConfig(path=path, gpu_layers=0, threads=1),
            cache=CacheConfig(budget=budget, policy=policy),
            sampling=SamplingConfig(max_tokens=160, think_tokens=0),
            agent=AgentConfig(auto_recall=offers),
            workspace=work,
        )
        model = open_model(config)
        session = store.create(work, model.info)
        places = Places(*(tmp_path / name for name in ("config", "data", "cache")))
        machine = open_machine(work, places, "auto", session.blobs)
        agents.append(Agent(model, session, machine, config))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()
    store.close()


def said(events):
    return "".join(event.text for event in events if isinstance(event, AnswerText))


@pytest.mark.parametrize(("policy", "offers"), [("auto", True), ("streaming", False)])
def test_a_fact_from_before_the_first_round_is_answered_after_ten(opened, policy, offers):
    agent = opened(offers, policy)
    if policy == "auto":  # the score that the sidecar beside the model was measured with
        assert agent.info.sidecar is not None and agent.info.policy not in ("streaming", "none")
    list(agent.turn("My locker code is 7341."))
    assert agent.status().n_rounds == 0
    n_rounds, i = 0, 0
    while n_rounds < N_ROUNDS and i < 24:
        events = list(agent.turn(f"Show log{i % 12}.txt"))
        n_rounds += sum(isinstance(event, RoundDone) for event in events)
        i += 1
    assert agent.status().n_rounds >= n_rounds >= N_ROUNDS
    held = agent.holding().share[agent.turn_starts()[1] : agent.turn_starts()[2]]
    if policy == "streaming":
        assert max(held) == 0.0  # nothing of the turn is held any more
    assert held.mean() < GONE_BELOW
    events = list(agent.turn("What is my locker code?"))
    assert "7341" in said(events)
    if offers:
        assert any(isinstance(event, Recalled) and "7341" in event.text for event in events)
    else:
        results = [event.text for event in events if isinstance(event, ToolEnded)]
        assert any("[turn 1, user] My locker code is 7341." in text for text in results)


def test_a_file_is_read_and_changed_for_real(opened, tmp_path):
    agent = opened(True, budget=4096)
    events = list(agent.turn("Change the port in app.yaml to 9090"))
    end = end_of(events)
    assert end.outcome is Outcome.DONE and end.changed == ("app.yaml",)
    assert "port: 9090" in (tmp_path / "work/app.yaml").read_text()
    assert any(isinstance(event, ToolProposed) and "+port: 9090" in event.diff for event in events)
