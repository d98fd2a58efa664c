import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from triagent import doctor, settings
from triagent.config import Config, ModelConfig
from triagent.doctor import Level
from triagent.engine.sidecars import beside
from triagent.kv.fingerprint import fingerprint
from triagent.kv.sidecar import LayerStats, Stats, write_sidecar

GOOD = {
    "end": "status 0",
    "library": {"found": {"folder": "/lib", "abi": 1, "system": "CPU"}},
    "devices": {
        "found": [
            {"name": "CUDA0", "description": "card", "is_gpu": True,
             "free_bytes": 2**34, "total_bytes": 2**34}
        ]
    },
    "self-test": {"found": {"bounded": True, "policy": "knorm", "notes": []}},
}  # fmt: skip


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    for name in ("config", "data", "cache"):
        folder = tmp_path / name
        monkeypatch.setattr(settings, f"{name}_folder", lambda folder=folder: folder)
    monkeypatch.setattr(doctor, "_ask_native", lambda config, model: dict(GOOD))
    monkeypatch.setattr(doctor.shelf, "bundled", lambda: None)


@pytest.fixture
def config(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    path = tmp_path / "m.gguf"
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
    return Config(model=ModelConfig(path=path), workspace=work)


def findings(config, problem=""):
    return {item.name: item for item in doctor.examine(config, problem)}


def test_every_complaint_has_a_cure_and_what_is_well_has_none(config):
    found = findings(config)
    for item in found.values():
        assert (item.level is Level.OK) or item.cure, item
    assert found["model"].level is Level.OK and "of 2 layers on CUDA0" in found["model"].text
    assert found["centers"].level is Level.WARNING
    assert "rows move" in found["self-test"].text


def test_the_exit_status_is_the_worst_finding_and_json_says_the_same(config, capsys):
    status = doctor.main(config, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert status == report["status"] == 1  # no centers
    assert {item["level"] for item in report["findings"]} <= {"ok", "warning"}
    assert doctor.main(None, problem="cache.budget is 3") == 2
    assert "cache.budget is 3" in capsys.readouterr().out


def test_no_model_at_all_says_how_to_get_one(config):
    found = findings(Config(workspace=config.workspace))
    assert found["model"].level is Level.ERROR and "models pull" in found["model"].cure
    assert "self-test" not in found


def test_centers_that_were_not_found_safe_are_a_warning(config):
    path = config.model.path
    layer = LayerStats(np.ones((4, 8), np.complex64), np.full((4, 8), 2, np.float32))
    stats = Stats(fingerprint(path), "llama", layers={0: layer, 1: layer})
    write_sidecar(beside(path), stats)
    found = findings(config)["centers"]
    assert found.level is Level.WARNING and "no self-test" in found.text and "norms" in found.cure
    write_sidecar(beside(path), replace(stats, recommended_score="knorm", full_recall=0.7))
    found = findings(config)["centers"]
    assert found.level is Level.WARNING and "no budget was safe (full attention 0.70)" in found.text
    write_sidecar(beside(path), replace(stats, recommended_score="knorm", recommended_budget=512))
    assert findings(config)["centers"].level is Level.OK


def test_a_damaged_model_is_an_error_with_its_reason(config):
    path = config.model.path
    path.write_bytes(path.read_bytes()[:-1000])
    found = findings(config)
    assert found["model"].level is Level.ERROR and "cut off" in found["model"].text


def test_a_library_that_crashes_is_a_finding(config, monkeypatch):
    monkeypatch.setattr(doctor, "_ask_native", lambda c, m: {"end": "signal 11"})
    found = findings(config)
    assert found["library"].level is Level.ERROR and "signal 11" in found["library"].text
    crashed = {**GOOD, "end": "signal 6"}
    del crashed["self-test"]
    monkeypatch.setattr(doctor, "_ask_native", lambda c, m: crashed)
    assert "signal 6" in findings(config)["self-test"].text


def test_a_cache_that_cannot_be_bounded_is_a_warning(config, monkeypatch):
    note = {"found": {"bounded": False, "policy": "none", "notes": ["it cannot be evicted from"]}}
    monkeypatch.setattr(doctor, "_ask_native", lambda c, m: {**GOOD, "self-test": note})
    found = findings(config)["self-test"]
    assert found.level is Level.WARNING and "cannot be evicted" in found.text


def test_a_folder_that_cannot_be_made_is_an_error(config, tmp_path):
    (tmp_path / "data").write_text("a file is in the way")
    found = findings(config)["data folder"]
    assert found.level is Level.ERROR and found.cure


def test_home_and_missing_folders_are_no_good_workspaces(config):
    missing = Config(model=config.model, workspace=Path("/nowhere/at/all"))
    assert findings(missing)["workspace"].level is Level.ERROR
    home = Config(model=config.model, workspace=Path.home())
    assert findings(home)["workspace"].level is Level.WARNING


def test_a_gpu_that_the_build_does_not_use_is_noticed(config, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    cpu = {**GOOD["devices"]["found"][0], "is_gpu": False, "name": "CPU"}
    monkeypatch.setattr(doctor, "_ask_native", lambda c, m: {**GOOD, "devices": {"found": [cpu]}})
    assert "GGML_CUDA" in findings(config)["devices"].cure


def test_the_child_answers_step_by_step_even_when_the_library_is_missing(tmp_path):
    wanted = {"model": "", "sidecar": "", "gpu_layers": 0, "cache_type": "f16", "policy": "auto"}
    code = (
        "import importlib.util as u; u.find_spec = lambda *a: None; "
        "from triagent import doctor_native; import sys; doctor_native.main(sys.argv[1])"
    )
    argv = [sys.executable, "-c", code, json.dumps(wanted)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    answer = json.loads(done.stdout)
    assert answer["step"] == "library" and "not installed" in answer["error"]


@pytest.mark.native
def test_the_child_finds_the_real_library_and_its_devices(monkeypatch):
    monkeypatch.undo()
    answers = doctor._ask_native(Config(), None)
    assert answers["library"].get("found", {}).get("abi"), answers
    assert answers["devices"]["found"]
    assert answers["end"].startswith("status 0")
