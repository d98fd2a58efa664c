import json
import sys
from collections import namedtuple
from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.ui.fakes import INFO
from triagent import services, settings
from triagent.config import CacheConfig, Config, ModelConfig
from triagent.engine.sidecars import beside
from triagent.kv.fingerprint import fingerprint
from triagent.kv.sidecar import LayerStats, Stats, write_sidecar
from triagent.models import fit, shelf
from triagent.models.catalog import CATALOG
from triagent.probe import Probe
from triagent.ui.ports import Open

GIB = 2**30
Memory = namedtuple("Memory", "available")


@dataclass(frozen=True)
class Gpu:
    """As a card with this much free memory would be told of."""

    free_bytes: int
    name: str = "CUDA0"
    is_gpu: bool = True


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    for name in ("config", "data", "cache"):
        folder = tmp_path / name
        monkeypatch.setattr(settings, f"{name}_folder", lambda folder=folder: folder)
    monkeypatch.setattr(shelf, "bundled", lambda: None)
    monkeypatch.setattr(services, "data_folder", lambda: tmp_path / "centers")
    monkeypatch.setattr(services, "Probe", lambda: Probe([sys.executable, "-c", ""]))
    monkeypatch.setattr(fit.psutil, "virtual_memory", lambda: Memory(20 * GIB))


def write_model(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_tensor("token_embd.weight", np.ones((100, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def installed(models) -> list[tuple[Path, str]]:
    return [(row.path, row.sidecar) for row in models.rows() if row.path is not None]


def test_a_model_named_by_a_path_is_in_the_list_once_with_its_own_sidecar(tmp_path):
    here = write_model(tmp_path / "data" / "models" / "a.gguf")
    mine = write_model(tmp_path / "elsewhere" / "mine.gguf")
    models = services.LocalModels(Config(model=ModelConfig(path=mine)))
    assert installed(models) == [(here, "missing"), (mine, "missing")]
    layer = LayerStats(np.ones((4, 8), np.complex64), np.full((4, 8), 2, np.float32))
    stats = Stats(fingerprint(mine), "llama", layers={0: layer, 1: layer})
    named = tmp_path / "named.centers.gguf"
    write_sidecar(named, stats)
    config = Config(model=ModelConfig(path=mine, sidecar=named))
    assert installed(services.LocalModels(config))[1] == (mine, "ready")
    write_sidecar(beside(mine), stats)
    assert installed(models)[1] == (mine, "ready")
    models = services.LocalModels(Config(model=ModelConfig(path=here)))
    assert [path for path, _ in installed(models)] == [here]
    gone = Config(model=ModelConfig(path=tmp_path / "gone.gguf"))
    assert [path for path, _ in installed(services.LocalModels(gone))] == [here]


def test_a_model_opened_by_its_path_in_the_app_is_in_the_list(tmp_path, monkeypatch):
    mine = write_model(tmp_path / "elsewhere" / "mine.gguf")
    opened = []
    monkeypatch.setattr(
        services.opening, "open_agent", lambda config, *rest: opened.append(config.model.path)
    )
    app = services.services(Config())
    assert installed(app.models) == []
    app.start(Open(model=mine), lambda text, share: None)
    app.start(Open(model=mine), lambda text, share: None)
    assert opened == [mine, mine] and installed(app.models) == [(mine, "missing")]


@pytest.mark.parametrize(
    ("changes", "budget", "policy", "lacks"),
    [
        ({}, 1024, "auto", True),
        ({"sidecar": Path("m.centers.gguf")}, 1024, "auto", False),
        ({"policy": "none"}, 0, "auto", False),  # its cache cannot be evicted from
        ({}, 4096, "auto", False),  # it never forgets
        ({}, 1024, "knorm", False),  # the user's own choice
    ],
)
def test_centers_are_offered_where_they_change_what_is_forgotten(
    monkeypatch, changes, budget, policy, lacks
):
    monkeypatch.setattr(services.importlib.util, "find_spec", lambda name: object())
    info = replace(INFO, **{"policy": "knorm"} | changes)
    models = services.LocalModels(Config(cache=CacheConfig(policy=policy)))
    assert models.lacks_centers(info, budget) == lacks


def test_no_centers_are_offered_where_they_cannot_be_measured(monkeypatch):
    monkeypatch.setattr(services.importlib.util, "find_spec", lambda name: None)
    assert not services.LocalModels(Config()).lacks_centers(replace(INFO, policy="knorm"), 1024)


# -- advice


def advised(text):
    """The model of the list that an advice names."""
    [model] = [model for model in CATALOG if f"triagent models pull {model.name}`" in text]
    return model


def test_the_advice_names_the_largest_model_that_lies_on_the_gpu_with_its_estimate():
    small, large = Gpu(8 * GIB), Gpu(24 * GIB)
    text = services.advice(Config(), [small])
    model = advised(text)
    estimate = shelf.listed_fit(model, Config(), [small])
    assert model.evicts and estimate.n_layer_gpu == model.n_layer == estimate.n_layer
    assert str(estimate) in text and fit.gib(model.n_bytes) in text and "on CUDA0" in text
    whole = [m for m in CATALOG if m.evicts
             and shelf.listed_fit(m, Config(), [small]).n_layer_gpu == m.n_layer]  # fmt: skip
    assert model.n_bytes == max(m.n_bytes for m in whole)
    assert advised(services.advice(Config(), [large])).n_bytes > model.n_bytes


def test_without_a_gpu_a_model_is_advised_that_a_cpu_can_bear():
    text = services.advice(Config())
    model = advised(text)
    assert model.evicts and model.n_bytes <= services.CPU_BYTES and "on the CPU" in text


def test_where_nothing_lies_on_the_gpu_the_smallest_is_advised_and_where_nothing_fits_that_is_said(
    monkeypatch,
):
    least = min(CATALOG, key=lambda model: model.n_bytes)
    assert advised(services.advice(Config(), [Gpu(2 * GIB)])) == least
    monkeypatch.setattr(fit.psutil, "virtual_memory", lambda: Memory(GIB))
    assert "no model of the list fits" in services.advice(Config())


def test_the_model_list_and_the_advice_know_the_gpu(monkeypatch):
    line = {"step": "devices", "found": [
        {"name": "CUDA0", "is_gpu": True, "free_bytes": 24 * GIB, "total_bytes": 24 * GIB}
    ]}  # fmt: skip
    tell = [sys.executable, "-c", f"print('noise'); print({json.dumps(json.dumps(line))})"]
    monkeypatch.setattr(services, "Probe", lambda: Probe(tell))
    app = services.services(Config())
    [row] = [row for row in app.models.rows() if row.name == "qwen3-8b"]
    assert "36 of 36 layers on CUDA0" in row.fit
    assert "layers on CUDA0" in app.advice()


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "import os; os.abort()", "print('{')"])
def test_a_driver_that_breaks_counts_as_no_gpu(code):
    assert Probe([sys.executable, "-c", code]).devices() == ()
    assert Probe(["/no/such/program"]).devices() == ()
