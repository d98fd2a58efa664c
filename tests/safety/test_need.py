"""What is missing is told by name, and is a failure where it was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT_BWRAP = """
from triagent.agent import sandbox_ladder as ladder

find = ladder.system_program
ladder.system_program = lambda name: None if name == "bwrap" else find(name)
"""


def run_without_bwrap(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "without_bwrap.py").write_text(WITHOUT_BWRAP)
    test = "tests/safety/test_sandbox.py::test_other_processes_are_not_seen[bwrap]"
    command = [sys.executable, "-m", "pytest", "-p", "without_bwrap", test, *options]
    path = os.pathsep.join([str(ROOT), str(folder)])
    env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def test_a_rung_that_is_missing_is_told_by_name(tmp_path):
    done = run_without_bwrap(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "bwrap is not here: bwrap: the program bwrap is not installed" in done.stdout
    assert "1 skipped" in done.stdout


def test_a_rung_that_is_missing_and_was_asked_for_is_a_failure(tmp_path):
    done = run_without_bwrap(tmp_path, "--need", "landlock,bwrap")
    assert done.returncode == 1, done.stdout
    assert "--need bwrap: bwrap: the program bwrap is not installed" in done.stdout


def test_to_ask_for_what_nothing_needs_is_an_error(tmp_path):
    done = run_without_bwrap(tmp_path, "--need", "bwarp")
    assert done.returncode == 4 and "bwarp: no test needs that" in done.stderr
