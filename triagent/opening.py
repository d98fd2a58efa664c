"""Puts one session together: settings -> model, ledger, machine -> agent.

The only module beside `cli` that knows every layer. Opening is all or nothing: what was begun
before a failure is closed again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from triagent import settings
from triagent.agent import skills
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.agent.notes import Notes
from triagent.agent.redact import redact
from triagent.config import Config
from triagent.errors import ModelError
from triagent.loading import open_within_memory
from triagent.models import shelf
from triagent.private import make_private
from triagent.session.session import Session
from triagent.session.store import Store

NO_MODEL = (
    "no model is configured and this installation has none of its own. Download one "
    "(triagent models list, then triagent models pull NAME) or name a GGUF file with --model"
)


def places() -> Places:
    """Our own folders on this machine."""
    return Places(settings.config_folder(), settings.data_folder(), settings.cache_folder())


def open_store() -> Store:
    """All sessions of this user, in folders that are his alone."""
    with suppress(OSError):  # whoever writes there says what is wrong
        make_private(settings.data_folder())
    return Store(settings.data_folder() / "sessions")


def with_model(config: Config) -> Config:
    """The settings with a model file in them: the configured one, else the bundled one.

    Raises: ModelError when there is neither.
    """
    path = config.model.path or shelf.bundled()
    if path is None:
        raise ModelError(NO_MODEL)
    path = shelf.find(str(path))
    return dataclasses.replace(config, model=dataclasses.replace(config.model, path=path))


def open_agent(
    config: Config,
    session: str | None = None,
    fork: bool = False,
    report: Callable[[str], None] = lambda text: None,
    trust: bool = False,
) -> Agent:
    """Open a session: a new one, or an old one by its id ("last": the last used).

    Args:
        fork: continue a copy of `session`.
        report: told what is going on, for a progress line.
        trust: trust what the project brings along, as it is now.

    Raises: TriagentError with a message for the user.
    """
    config = with_model(config)
    assert config.model.path is not None
    with ExitStack() as undo:
        store = open_store()
        undo.callback(store.close)
        if session is not None:
            store.folder(session)  # an unknown id is told before a model is loaded
        report(f"loading {config.model.path.stem}")
        model, config = open_within_memory(config, report)
        undo.callback(model.close)
        report("opening the session")
        opened = _session(store, config, session, fork, model.info)
        undo.callback(opened.discard if session is None or fork else opened.close)
        where = Path(opened.ledger.state.workspace)
        config = dataclasses.replace(config, workspace=where)
        machine = open_machine(where, places(), config.agent.mode, opened.blobs)
        undo.callback(machine.close)
        if trust and (question := machine.trust.question()):
            machine.trust.accept(question)
        for text in machine.warnings():
            model.add_note(text)
        agent = Agent(
            model,
            opened,
            machine,
            config,
            notes=Notes(settings.data_folder() / "notes", where),
            found_skills=skills.find(
                machine.workspace, machine.trusts, settings.config_folder() / "skills"
            ),
            redact=redact,
        )
        undo.pop_all()
    return agent


def _session(store: Store, config: Config, id: str | None, fork: bool, info) -> Session:
    if id is None:
        return store.create(config.workspace.resolve(), info)
    return store.fork(id) if fork else store.open(id)
