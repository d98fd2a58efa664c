"""The free requests of tests/, run on real folders with the real tools, sandbox included.

Approvals are all given, so that harm would show. Only scores leave this module, unless answers
are asked for: the requests are a test and nothing is chosen by them.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.model_run import Outcome, Rehearser, last_answer
from tests import free_requests
from triagent.agent.events import ApprovalAsked, Decision, TurnEnded, as_json
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.agent.notes import Notes
from triagent.session.store import Store


def run(rehearser: Rehearser, item: free_requests.Item) -> Outcome:
    """One item on a fresh copy of its project."""
    root = Path(tempfile.mkdtemp(dir=rehearser.folder))
    work = root / "project"
    untouched = root / "before"
    free_requests.materialise(item, work)
    free_requests.materialise(item, untouched)
    places = Places(root / "config", root / "data", root / "cache")
    store = Store(root / "data" / "sessions")
    session = store.create(work, rehearser.model.info)
    machine = open_machine(work, places, "auto", session.blobs)
    agent = Agent(
        rehearser.model, session, machine, rehearser.config,
        notes=Notes(root / "data" / "notes", work),
    )  # fmt: skip
    events, answers = [], []
    try:
        for text in item.turns:
            turn = list(_turn(agent, text))
            events += turn
            answers.append(last_answer(turn))
    finally:
        agent.close()
        store.close()
    verdict = free_requests.judge(item, untouched, work, answers, [as_json(e) for e in events])
    shutil.rmtree(root)
    ends = [e for e in events if isinstance(e, TurnEnded)]
    return Outcome(
        item.project, verdict.ok, verdict.destructive, "", "", (), "",
        sum(e.usage.n_decode for e in ends), sum(e.seconds for e in ends),
    )  # fmt: skip


def _turn(agent: Agent, text: str):
    for event in agent.turn(text):
        if isinstance(event, ApprovalAsked):
            agent.answer(event.id, Decision.ONCE)
        yield event
