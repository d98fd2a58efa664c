"""The benches of calibration run from end to end; no figure is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORIES = ROOT / "tests" / "data" / "models" / "stories260K-f32.gguf"


def bench(*args):
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.native
@pytest.mark.torch
def test_the_cost_of_centers_is_measured(tmp_path):
    told = bench(
        "centers", "--model", STORIES, "--tokens", 256, "--turns", 1, "--threads", 1,
        "--memory-tokens", 1024, "--out", tmp_path,
    )  # fmt: skip
    cost = json.loads((tmp_path / "centers.json").read_text())
    assert cost["ratio"] > 0 and cost["peak_mib_at_end"] >= cost["peak_mib_at_quarter"] > 0
    assert "ratio" in told and "peak memory" in told


def test_the_fuzz_counts_every_input(tmp_path):
    told = bench("fuzz", "--inputs", 400, "--seed", 77, "--out", tmp_path)
    found = json.loads((tmp_path / "fuzz.json").read_text())
    counts = [found["refused"], found["same"], found["other"]]
    assert sum(sum(part.values()) for part in counts) == found["n_inputs"] == 400
    assert found["crashes"] == [] and "0 crashes" in told
