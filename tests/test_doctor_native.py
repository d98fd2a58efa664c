"""`triagent doctor --json` as a user runs it: the real library, the bundled model, real damage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter._binding

from tests.safety import namespaces
from triagent.engine import library
from triagent.engine.sidecars import beside
from triagent.models import shelf

pytestmark = pytest.mark.native
ROOT = Path(__file__).parents[1]
CHECKS = ["program", "settings", "config folder", "data folder", "cache folder", "workspace",
          "sandbox", "library", "devices", "model", "centers", "self-test", "network"]  # fmt: skip


@pytest.fixture
def doctor(tmp_path):
    """(arguments, read-only folders, variables) -> exit status and findings by name."""
    for name in ("config", "data", "cache", "work"):
        (tmp_path / name).mkdir()

    def run(*arguments: str, closed: tuple[str, ...] = (), **variables: str):
        homes = {f"XDG_{x.upper()}_HOME": str(tmp_path / x) for x in ("config", "data", "cache")}

        def close() -> None:
            namespaces.enter()
            namespaces.close([tmp_path / name for name in closed])

        done = subprocess.run(
            [sys.executable, "-m", "triagent", "doctor", "--json", *arguments],
            env={**os.environ, **homes, "PYTHONPATH": str(ROOT), **variables},
            cwd=tmp_path / "work", capture_output=True, text=True,
            preexec_fn=close if closed else None,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        report = json.loads(done.stdout)
        found = {item["name"]: item for item in report["findings"]}
        worst = max(["ok", "warning", "error"].index(x["level"]) for x in found.values())
        assert done.returncode == report["status"] == worst
        assert all(x["level"] == "ok" or x["cure"] for x in found.values()), found
        return done.returncode, found

    return run


def complaints(found) -> set[str]:
    # How full this machine's disk is, and whether it confines, is not what is tested.
    return {name for name, x in found.items() if x["level"] != "ok"} - {
        "config folder", "data folder", "cache folder", "sandbox", "devices"}  # fmt: skip


def test_every_check_is_made_and_the_bundled_model_passes_each(doctor):
    _, found = doctor()
    assert list(found) == CHECKS
    assert not complaints(found), found
    assert f"ABI {library.ABI_VERSION}" in found["library"]["text"]
    assert "patched" in found["library"]["text"] and "CPU" in found["devices"]["text"]
    assert "rows move and score as they should" in found["self-test"]["text"]
    assert "triagent-demo" in found["model"]["text"] and "fits: " in found["model"]["text"]
    assert "recommends " in found["centers"]["text"] and "cells" in found["centers"]["text"]
    assert found["self-test"]["text"].endswith(
        found["centers"]["text"].split("recommends ")[1].split()[0]
    )  # the policy it recommends is the one that is in force


def test_a_model_that_is_not_there_is_an_error_with_the_way_to_another(doctor):
    status, found = doctor("--model", "/nowhere/m.gguf")
    assert status == 2 and complaints(found) == {"model"}
    assert "/nowhere/m.gguf" in found["model"]["text"]
    assert "triagent models list" in found["model"]["cure"]


def test_a_library_without_the_patch_is_an_error_with_its_cure(doctor, tmp_path):
    name = library.FILE_NAMES.get(sys.platform, ("libllama.so",))[0]
    shutil.copy(tree_sitter._binding.__file__, tmp_path / name)
    status, found = doctor(LLAMA_CPP_LIB_PATH=str(tmp_path))
    assert status == 2 and "without triagent's patch" in found["library"]["text"]
    assert "pip install" in found["library"]["cure"]
    assert found["devices"]["level"] == "error"  # nobody is left to ask
    assert found["model"]["level"] == "ok" and "self-test" not in found


@pytest.mark.parametrize("name", ["config", "data", "cache"])
def test_a_folder_that_is_read_only_is_an_error_that_names_it(doctor, name, tmp_path, absent):
    if why := namespaces.possible():
        absent("userns", why)
    status, found = doctor(closed=(name,))
    assert status == 2 and found[f"{name} folder"]["level"] == "error"
    assert "Read-only file system" in found[f"{name} folder"]["text"]
    assert str(tmp_path / name) in found[f"{name} folder"]["cure"]
    if name == "cache":
        assert found["sandbox"]["level"] == "warning"


def test_damaged_centers_are_an_error_and_the_self_test_says_so_too(doctor, tmp_path):
    model = shelf.bundled()
    data = bytearray(beside(model).read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(data)
    status, found = doctor("--sidecar", str(damaged))
    assert status == 2 and complaints(found) == {"centers", "self-test"}
    assert str(damaged) in found["centers"]["text"]
    assert "make it again" in found["centers"]["cure"]


def test_a_model_without_centers_is_a_warning_with_the_command_that_makes_them(doctor, tmp_path):
    path = tmp_path / "mine.gguf"
    path.symlink_to(shelf.bundled())
    status, found = doctor("--model", str(path))
    assert status == 1 and complaints(found) == {"centers"}
    assert "triagent centers" in found["centers"]["cure"]


def test_settings_that_cannot_be_read_are_an_error_and_the_rest_is_looked_at(doctor, tmp_path):
    (tmp_path / "config/triagent").mkdir()
    (tmp_path / "config/triagent/config.toml").write_text("[cache]\nbudgte = 5\n")
    status, found = doctor()
    assert status == 2 and 'did you mean "cache.budget"?' in found["settings"]["text"]
    assert list(found) == CHECKS and complaints(found) == {"settings"}
