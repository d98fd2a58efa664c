"""What the app is given: sessions and models of this machine, in the app's own words."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from triagent import opening, settings, settings_file
from triagent.agent.trust import Question, Trust
from triagent.chat import ModelInfo
from triagent.config import Config
from triagent.engine.model_file import open_model_file
from triagent.engine.sidecars import beside, data_folder
from triagent.errors import SidecarError
from triagent.kv.sidecar import SUFFIX
from triagent.models import download, fit, shelf
from triagent.models.catalog import CATALOG, CatalogModel, source_of
from triagent.probe import Probe
from triagent.session.ledger import Ledger
from triagent.session.store import Store, Summary
from triagent.ui.ports import ModelRow, Open, Report, Services, SessionRow

CPU_BYTES = 5 * 2**30
"""Without a GPU each token reads all weights from main memory: more of them are not advised."""


def services(config: Config) -> Services:
    """Everything the app asks for."""
    probe = Probe()
    models = LocalModels(config, probe)

    def start(what: Open, report: Report):
        if what.session is None:
            probe.begin()  # its answer is needed for the advice of an empty session
        chosen = config
        if what.model is not None:
            models.named.append(what.model)
            model = dataclasses.replace(config.model, path=what.model, sidecar=None)
            chosen = dataclasses.replace(config, model=model)
        return opening.open_agent(chosen, what.session, what.fork, lambda text: report(text, None))

    return Services(
        start=start,
        sessions=StoredSessions(),
        models=models,
        projects=TrustedProjects(config),
        advice=lambda: advice(config, probe.devices()),
        save_config=settings_file.save,
        history=settings.data_folder() / "prompts.jsonl",
    )


def advice(config: Config, devices: Sequence[fit.Device] = ()) -> str:
    """One sentence: the largest listed model that runs well here, and how to get it.

    Well is: its cache is kept within a budget, and all of it lies on the GPU; where there is
    none, it is small enough for the CPU.
    """
    found = [(model, shelf.listed_fit(model, config, devices)) for model in CATALOG]
    fitting = [(model, estimate) for model, estimate in found if estimate.fits]
    if not fitting:
        return "no model of the list fits into this machine's free memory."
    well = [pair for pair in fitting if _runs_well(*pair, devices)]
    # Where nothing runs well, the smallest is the one that comes nearest.
    model, estimate = (max if well else min)(well or fitting, key=lambda pair: pair[0].n_bytes)
    size = fit.gib(model.n_bytes)
    return f"`triagent models pull {model.name}` ({size} to download; {estimate}); `F3` lists more"


def _runs_well(model: CatalogModel, estimate: fit.Fit, devices: Sequence[fit.Device]) -> bool:
    if any(device.is_gpu for device in devices):
        return model.evicts and estimate.n_layer_gpu == estimate.n_layer
    return model.evicts and model.n_bytes <= CPU_BYTES


class StoredSessions:
    """Sessions on disk. Each call opens the store anew: the agent's thread has its own."""

    def search(self, query: str) -> Sequence[SessionRow]:
        """Newest first; with a query, those that hold the words, with an excerpt."""
        store = opening.open_store()
        try:
            every = store.list()
            if not query.strip():
                return [_row(item) for item in every]
            excerpts: dict[str, str] = {}
            for found in store.search(query, 100):
                excerpts.setdefault(found.session, found.passage.text)
            words = query.lower().split()
            return [
                _row(item, excerpts.get(item.id, ""))
                for item in every
                if item.id in excerpts or all(word in item.title.lower() for word in words)
            ]
        finally:
            store.close()

    def rename(self, id: str, title: str) -> None:
        self._with(lambda store: store.rename(id, title))

    def delete(self, id: str) -> None:
        self._with(lambda store: store.delete(id))

    @staticmethod
    def _with(use: Callable[[Store], None]) -> None:
        store = opening.open_store()
        try:
            use(store)
        finally:
            store.close()


def _row(item: Summary, excerpt: str = "") -> SessionRow:
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.updated))
    title = item.damage or item.title or "untitled"
    flat = " ".join(excerpt.split())
    return SessionRow(item.id, title, changed, item.n_turns, item.n_pos, item.model, flat[:200])


class TrustedProjects:
    """What workspaces bring along, and the answers that are kept about it."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def question(self, what: Open) -> Question | None:
        """What is there to be trusted in the workspace that is about to be opened."""
        return self._trust(self._workspace(what)).question()

    def accept(self, question: Question) -> None:
        """Keep the answer."""
        self._trust(question.workspace).accept(question)

    def _workspace(self, what: Open) -> Path:
        if what.session is None:
            return self._config.workspace
        store = opening.open_store()
        try:
            with closing(Ledger(store.folder(what.session), write=False)) as ledger:
                return Path(ledger.state.workspace)
        finally:
            store.close()

    @staticmethod
    def _trust(workspace: Path) -> Trust:
        return Trust(settings.config_folder() / "trust", workspace)


class LocalModels:
    """Models on disk and in the list."""

    def __init__(self, config: Config, probe: Probe | None = None) -> None:
        """probe: what tells of GPUs; None: the main memory is all there is."""
        self._config, self._probe = config, probe
        self.named: list[Path] = []
        """Files that were opened by their path, wherever they are."""

    def rows(self) -> Sequence[ModelRow]:
        devices = self._probe.devices() if self._probe is not None else ()
        return [self._row(item) for item in shelf.rows(self._config, devices, named=self.named)]

    def _row(self, item: shelf.Row) -> ModelRow:
        return ModelRow(
            name=item.name,
            path=item.path,
            size=fit.gib(item.n_bytes),
            fit=item.problem or str(item.fit),
            fits=item.fit is not None and item.fit.fits,
            sidecar=item.sidecar,
            source=str(item.listed.source) if item.listed else "",
            about=item.listed.about if item.listed else "",
        )

    def download(self, row: ModelRow, report: Report, stop: Callable[[], bool]) -> Path:
        done = download.download(
            source_of(row.source),
            shelf.models_folder(),
            offline=self._config.offline,
            report=report,
            stop=stop,
        )
        return done.path

    def lacks_centers(self, info: ModelInfo, budget: int) -> bool:
        """Whether a score was taken for want of centers, which torch could measure here."""
        forgets = info.policy != "none" and budget < info.n_ctx
        is_wanting = self._config.cache.policy == "auto" and info.sidecar is None
        return forgets and is_wanting and importlib.util.find_spec("torch") is not None

    def make_centers(self, model: Path, report: Report, stop: Callable[[], bool]) -> Path:
        """Measure a model in a process of its own: torch is large, and it can be stopped."""
        out = _sidecar_path(model)
        command = [sys.executable, "-m", "triagent", "centers", "--json"]
        command += [str(model), "--out", str(out)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            for line in process.stdout:
                if stop():
                    process.terminate()
                    raise SidecarError("stopped; no centers were written")
                told = json.loads(line)
                if "total" in told:
                    report(told["what"], told["done"] / max(1, told["total"]))
            words = process.stderr.read().strip().splitlines()
        if process.returncode != 0:
            raise SidecarError(words[-1] if words else f"measuring ended with {process.returncode}")
        return out


def _sidecar_path(model: Path) -> Path:
    """Beside the model where that can be written, else in the data folder."""
    near = beside(model)
    if os.access(near.parent, os.W_OK):
        return near
    folder = data_folder()
    if folder is None:
        raise SidecarError(f"{near.parent} cannot be written; use triagent centers --out")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{open_model_file(model).fingerprint}{SUFFIX}"
