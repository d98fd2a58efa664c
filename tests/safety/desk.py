"""An agent on a scripted model and the real machine: files, sandbox, undo and gate as shipped."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fakes import ScriptedModel
from triagent.agent import sandbox_ladder as ladder
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.agent.notes import Notes
from triagent.config import AgentConfig, Config
from triagent.session.store import Store


class RealDesk:
    """A workspace and a store that outlive the agents of one test."""

    def __init__(self, root: Path, mode: str = "full", rung=ladder.NONE) -> None:
        self.root, self.work, self.mode, self.rung = root, root / "work", mode, rung
        self.work.mkdir(parents=True, exist_ok=True)
        self.places = Places(root / "config", root / "data", root / "cache")
        self.store = Store(root / "data" / "sessions")
        self.agents: list[Agent] = []

    def agent(self, script, session=None, **model: Any) -> Agent:
        fake = ScriptedModel(script, **model)
        session = session or self.store.create(self.work, fake.info)
        machine = open_machine(
            self.work, self.places, self.mode, session.folder / "undo", rung=self.rung
        )
        settings = replace(Config(), agent=replace(AgentConfig(), mode=self.mode))
        agent = Agent(
            fake, session, machine, settings, notes=Notes(self.root / "data/notes", self.work)
        )
        self.agents.append(agent)
        return agent

    def close(self) -> None:
        for agent in self.agents:
            agent.session.ledger.close()
            agent.machine.close()
        self.store.close()


def ids(agent: Agent) -> list[int]:
    """Tokens of the ledger."""
    return [id for span in agent.spans() for id in span.ids]


def model_ids(agent: Agent) -> list[int]:
    """Tokens of the model's conversation."""
    return [id for span in agent.model.spans for id in span.ids]


def in_child(work: Callable[[], object]) -> int:
    """Run a function in a forked child; returns the wait status."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            work()
            status = 0
        except BaseException as error:
            os.write(2, f"child: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]
