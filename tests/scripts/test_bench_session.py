from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from bench import session  # noqa: E402


def bench(out, *arguments):
    """The bench as its user runs it."""
    command = [sys.executable, str(ROOT / "scripts/bench.py"), "session", "--out", str(out)]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.native
def test_a_session_grows_through_the_whole_engine(tmp_path):
    model = str(ROOT / "tests/data/models/stories260K-f32.gguf")
    out = bench(tmp_path, "--sections", "ours", "--model", model, "--policy", "knorm",
                "--turns", "2,4", "--turn-tokens", "64", "--budget", "4096", "--warm", "2400",
                "--threads", "1", "--gpu-layers", "0")  # fmt: skip
    found = json.loads((tmp_path / "session.json").read_text())["ours"]
    assert set(found["ttft_s"]) == set(found["cpu_s"]) == {"2", "4"}
    assert found["state"]["4"]["n_pos"] - found["state"]["2"]["n_pos"] >= 2 * 64
    assert "| turn | tokens so far | ours ms | of turn 2 |" in out


def test_fake_turns_become_a_table_with_its_command(tmp_path):
    out = bench(tmp_path, "--sections", "fake", "--fake-turns", "60")
    page = (tmp_path / "session.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert rows[0] == "| turn | CPU ms a turn | RSS MiB | open files | log MiB |"
    assert [row.split(" | ")[0] for row in rows[1:]] == [f"| {n}" for n in range(6, 61, 6)]
    assert page.rstrip().endswith("`") and page in out
    marks = json.loads((tmp_path / "session.json").read_text())["fake"]["marks"]
    assert all(mark["ms"] > 0 and mark["files"] > 0 for mark in marks)
    assert marks[0]["log_mib"] < marks[-1]["log_mib"]
    assert marks[-1]["files"] == marks[1]["files"]


def test_each_turn_stands_beside_both_others_and_turn_2():
    results = {
        "command": "bench.py session",
        "ours": {
            "model": "m", "device": "CPU", "policy": "fitted", "turn_tokens": 256,
            "warm_tokens": 4096, "ttft_s": {2: 0.1, 50: 0.105}, "cpu_s": {2: 0.2, 50: 0.2},
            "state": {2: {"n_pos": 10}, 50: {"n_pos": 99}},
        },
        "stock": {"reuse_s": {"2": 0.1, "50": 0.3}, "naive_s": {"2": 1.0, "50": 9.0}},
    }  # fmt: skip
    lines = session.markdown(results).splitlines()
    assert "| 2 | 10 | 100 | 1.00 | 200 | 1.00 | 100 | 1,000 |" in lines
    assert "| 50 | 99 | 105 | 1.05 | 200 | 1.00 | 300 | 9,000 |" in lines
