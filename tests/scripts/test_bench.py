"""The engine bench runs from end to end on a tiny model; no figure is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.native
def test_the_engine_bench_measures_every_section(tmp_path):
    command = [
        sys.executable, str(ROOT / "scripts" / "bench.py"), "engine",
        "--model", str(tmp_path / "tiny.gguf"), "--random", "tiny", "--out", str(tmp_path / "out"),
        "--sections", "stock,alternate,decode,prefill,rounds,million", "--cache-types", "f16",
        "--decode-budget", "256", "--prefill-budget", "320", "--depths", "512,768",
        "--n-decode", "40", "--n-million", "1500", "--chunk", "128", "--interval", "32",
        "--threads", "1", "--turns", "1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "out" / "engine.json").read_text())
    sections = {"stock", "alternate", "decode", "prefill", "rounds", "million"}
    assert set(found["seconds"]) == sections
    assert found["decode"]["f16"]["decode_tps"]["768"] > 0
    assert found["decode"]["f16"]["cache"]["n_cells"] == 512
    assert found["stock"]["f16"]["whole_prefill_s"]["768"] > 0
    assert found["alternate"]["f16 256 768"]["ratio"] > 0
    assert {k.split()[2] for k in found["rounds"]} >= {"triattention", "fitted", "knorm"}
    assert [r["cache_bytes"] for r in found["million"].values()] == [
        found["decode"]["f16"]["cache"]["cache_bytes"]
    ] * 10
    table = (tmp_path / "out" / "engine.md").read_text()
    assert table.count("\n| ---") == 5 and "bench.py engine" in table


def test_an_unknown_section_is_refused(tmp_path):
    command = [
        sys.executable, str(ROOT / "scripts" / "bench.py"), "engine", "--model", "m.gguf",
        "--out", str(tmp_path), "--sections", "speed",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode and "unknown section speed" in done.stderr
