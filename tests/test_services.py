from dataclasses import replace
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
from triagent.models import shelf
from triagent.ui.ports import Open


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    for name in ("config", "data", "cache"):
        folder = tmp_path / name
        monkeypatch.setattr(settings, f"{name}_folder", lambda folder=folder: folder)
    monkeypatch.setattr(shelf, "bundled", lambda: None)
    monkeypatch.setattr(services, "data_folder", lambda: tmp_path / "centers")


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
