from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """scripts/dev.py as a module, working on an empty checkout, with pip replaced by a list."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "scripts" / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path / "checkout")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "checkout" / "patches").mkdir(parents=True)
    (tmp_path / "checkout" / "pyproject.toml").write_text("[project]\n")
    module.installed = []

    def make_environment(environment):
        python = module.program(environment, "python")
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text("")

    monkeypatch.setattr(module, "make_environment", make_environment)
    monkeypatch.setattr(module, "install", lambda _, extras: module.installed.append(extras))
    return module


def test_a_repeat_installs_nothing(dev):
    first = dev.set_up(())
    assert dev.set_up(()) == first == dev.ROOT / ".venv"
    assert dev.installed == [()]


@pytest.mark.parametrize("name", ["pyproject.toml", "patches/0001-x.patch", "scripts/native/a.py"])
def test_a_change_to_what_the_build_depends_on_installs_again(dev, name):
    dev.set_up(())
    (dev.ROOT / name).parent.mkdir(parents=True, exist_ok=True)
    (dev.ROOT / name).write_text("changed")
    dev.set_up(())
    assert len(dev.installed) == 2


def test_a_change_to_a_source_file_does_not(dev):
    dev.set_up(())
    (dev.ROOT / "triagent").mkdir()
    (dev.ROOT / "triagent" / "new.py").write_text("")
    dev.set_up(())
    assert len(dev.installed) == 1


def test_other_cmake_arguments_install_again(dev, monkeypatch):
    dev.set_up(())
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=ON")
    dev.set_up(())
    assert len(dev.installed) == 2


def test_tests_add_their_extras_and_running_keeps_them(dev):
    dev.set_up(())
    dev.set_up(dev.EXTRAS["test"])
    dev.set_up(())
    assert dev.installed == [(), dev.EXTRAS["test"]]
    (dev.ROOT / "pyproject.toml").write_text("changed")
    dev.set_up(())
    assert dev.installed[-1] == dev.EXTRAS["test"]


def test_a_failed_installation_is_tried_again(dev, monkeypatch):
    def fail(*_):
        raise dev.SetupFailed("no")

    with monkeypatch.context() as patched:
        patched.setattr(dev, "install", fail)
        with pytest.raises(dev.SetupFailed):
            dev.set_up(())
    dev.set_up(())
    assert dev.installed == [()]


def test_someone_elses_environment_is_left_alone(dev, tmp_path):
    (dev.ROOT / ".venv").mkdir()
    environment = dev.set_up(())
    assert environment.parent == tmp_path / "cache" / "triagent"
    assert list((dev.ROOT / ".venv").iterdir()) == []


def test_the_stamp_is_readable_and_a_damaged_one_is_no_stamp(dev):
    environment = dev.set_up(())
    stamp = environment / dev.STAMP
    assert json.loads(stamp.read_text())["extras"] == []
    stamp.write_text("{")
    dev.set_up(())
    assert len(dev.installed) == 2


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["build"], 2), (["--help"], 0)])
def test_a_wrong_command_prints_how_to_use_it(arguments, code):
    command = [sys.executable, str(ROOT / "scripts" / "dev.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "dev.py run" in done.stderr and "dev.py test" in done.stderr


def test_a_machine_without_the_venv_module_is_told_the_package(tmp_path):
    spec = importlib.util.spec_from_file_location("dev", ROOT / "scripts" / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # A file where the folder should be makes venv fail as it does without ensurepip.
    (tmp_path / "taken").write_text("")
    with pytest.raises(module.SetupFailed, match=r"sudo apt install python3\.\d+-venv"):
        module.make_environment(tmp_path / "taken")
