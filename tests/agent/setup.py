"""An agent on a scripted model, in a temporary folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.fakes import FolderWorkspace, KeptUndo, PlainSandbox, RuleGate, Scripted, ScriptedModel
from triagent.agent.events import CacheChanged, Event, Prefilling, TurnEnded
from triagent.agent.loop import Agent
from triagent.agent.machine import Places
from triagent.agent.notes import Notes
from triagent.agent.ports import Machine, Trusted
from triagent.config import AgentConfig, CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.session.session import Session
from triagent.session.store import Store


@dataclass(frozen=True)
class TrustingMachine(Machine):
    """A machine whose user trusts what a test says."""

    trusts: Trusted = lambda path, data: False


class Desk:
    """A workspace and a store that outlive the agents of one test."""

    trusts: Trusted = staticmethod(lambda path, data: False)

    def __init__(self, root: Path) -> None:
        self.root, self.work = root, root / "work"
        self.work.mkdir(exist_ok=True)
        self.store = Store(root / "sessions")
        self.gate = RuleGate()
        self.agents: list[Agent] = []

    def agent(
        self, script: Sequence[Scripted], session: Session | None = None, *,
        config: dict[str, Any] | None = None, machine: Machine | None = None, **model: Any,
    ) -> Agent:  # fmt: skip
        place = FolderWorkspace(self.work)
        fake = ScriptedModel(script, **model)
        machine = machine or TrustingMachine(
            place, PlainSandbox(self.work), KeptUndo(place), self.gate, self.trusts
        )
        settings = replace(Config(), agent=replace(AgentConfig(), **(config or {})))
        agent = Agent(
            fake, session or self.store.create(self.work, fake.info), machine, settings,
            notes=Notes(self.root / "notes", self.work),
        )  # fmt: skip
        self.agents.append(agent)
        return agent

    def close(self) -> None:
        for agent in self.agents:
            agent.session.ledger.close()
            agent.machine.sandbox.close()
        self.store.close()


class NativeDesk:
    """A folder and a store for agents without tools on the real engine."""

    def __init__(self, root: Path) -> None:
        self.work = root / "work"
        self.work.mkdir()
        self.store = Store(root / "sessions")
        self.agents: list[Agent] = []

    def agent(
        self, model: Path, sampling: SamplingConfig, session_id: str | None = None, **cache: Any
    ) -> Agent:
        """An agent in a session of that id, or in a new one, with these settings of the cache."""
        from triagent.engine.client import open_model

        config = Config(
            model=ModelConfig(path=model, gpu_layers=0, threads=1, n_ctx=100_000),
            cache=CacheConfig(**{"interval": 32, "chunk": 64, "n_window": 64, "policy": "knorm",
                                 **cache}),
            sampling=sampling,
            agent=replace(AgentConfig(), instructions=False),
        )  # fmt: skip
        engine = open_model(config)
        if session_id:
            session = self.store.open(session_id)
        else:
            session = self.store.create(self.work, engine.info)
        place = FolderWorkspace(self.work)
        machine = Machine(place, PlainSandbox(place.root), KeptUndo(place), RuleGate())
        self.agents.append(Agent(engine, session, machine, config, tools=()))
        return self.agents[-1]

    def close(self) -> None:
        for agent in self.agents:
            agent.close()
        self.store.close()


def places(root: Path) -> Places:
    """Folders for a real machine."""
    return Places(*(root / name for name in ("own/config", "own/data", "own/cache")))


def names(events: Sequence[Event]) -> list[str]:
    """Types in order, without progress, runs of one type once."""
    found: list[str] = []
    for event in events:
        name = type(event).__name__
        quiet = isinstance(event, (Prefilling, CacheChanged))
        if not quiet and not (found and found[-1] == name and name.endswith("Text")):
            found.append(name)
    return found


def end_of(events: Sequence[Event]) -> TurnEnded:
    """The turn's end, of which there is exactly one, last."""
    ends = [event for event in events if isinstance(event, TurnEnded)]
    assert len(ends) == 1 and events[-1] is ends[0]
    return ends[0]


def told(agent: Agent) -> list[str]:
    """Texts of all messages that were fed to the model, in order."""
    requests = agent.model.requests
    return [x.text for request in requests if request[0] == "append" for x in request[1]]


def agrees(agent: Agent) -> bool:
    """Whether the ledger holds exactly what the model's conversation holds."""
    mine = [id for span in agent.spans() for id in span.ids]
    model = [id for span in agent.model.spans for id in span.ids]
    return mine == model
