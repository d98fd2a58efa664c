"""The command from end to end on a tiny model: what it writes, says, refuses and leaves behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.calibrate.models import F16, Q8_0, rewrite  # noqa: E402
from tests.native.models import QWEN3, write  # noqa: E402
from triagent.calibrate import cli, make, measure, report  # noqa: E402
from triagent.config import ModelConfig  # noqa: E402
from triagent.errors import ConfigError, SidecarError  # noqa: E402
from triagent.kv.sidecar import read_sidecar  # noqa: E402

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "tests" / "data" / "models" / "stories260K-f32.gguf"
QUICK = ["--no-fit", "--no-test", "--threads", "1", "--gpu-layers", "0"]


@pytest.fixture
def model(tmp_path):
    return Path(shutil.copy(STORIES, tmp_path / "stories.gguf"))


@pytest.mark.native
def test_the_command_writes_a_sidecar_that_the_engine_finds(model, capsys):
    from triagent.engine.model_file import open_model_file
    from triagent.engine.sidecars import find_sidecar

    assert cli.run([str(model), "--tokens", "1500", *QUICK]) == 0
    path, stats = find_sidecar(open_model_file(model), None)
    assert path == model.with_name("stories.centers.gguf")
    assert sorted(stats.layers) == list(range(5)) and stats.recipe["tokens"] == "1500"
    told = capsys.readouterr().out
    assert "R is 0." in told and f"wrote {path}" in told
    assert {p.name for p in model.parent.iterdir()} == {model.name, path.name}
    # the same text again: the same centers, and the comparison says so
    again = model.with_name("again.gguf")
    args = [str(model), "--tokens", "1500", "--out", str(again), "--compare", str(path), *QUICK]
    assert cli.run(args) == 0
    assert "cosine 1.00000 on average over 5 layers" in capsys.readouterr().out


@pytest.mark.native
def test_a_report_says_how_well_centers_predict(model, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "report"
    assert cli.run([str(model), "--tokens", "600", "--report", str(folder), *QUICK]) == 0
    told = capsys.readouterr().out
    assert "for the first head of layer 0" in told and str(folder / "report.md") in told
    assert (folder / "distances.png").is_file() and (folder / "reconstruction.png").is_file()


@pytest.mark.native
def test_centers_of_two_quantizations_of_one_model_agree(tmp_path):
    plain = write(tmp_path / "f32.gguf", QWEN3)
    ids = np.random.default_rng(3).integers(0, QWEN3.n_vocab, 400).tolist()
    found = []
    for kind, name in ((F16, "f16"), (Q8_0, "q8_0")):
        path = rewrite(plain, tmp_path / f"{name}.gguf", kind=kind)
        config = ModelConfig(path=path, threads=1, gpu_layers=0)
        found.append(measure.measure_centers(config, [ids]).layers)
    rows = report.agreement(found[0], {layer.layer: layer.q_center for layer in found[1]})
    assert len(rows) == QWEN3.n_layer
    assert min(lowest for _, _, lowest in rows) > 0.999
    assert max(mean for _, mean, _ in rows) < 1  # they are two files


@pytest.mark.native
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_an_interrupted_run_leaves_no_half_file(model, number, status):
    command = [sys.executable, str(ROOT / "scripts" / "make_centers.py"), str(model), "--json"]
    command += ["--tokens", "10000000", "--threads", "1", "--gpu-layers", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert '"centers"' in process.stdout.readline()
        process.send_signal(number)
        _, words = process.communicate(timeout=200)
    assert process.returncode == status
    assert "Traceback" not in words
    if number == signal.SIGINT:
        assert words.strip() == "triagent centers: interrupted; nothing was written"
    assert [p.name for p in model.parent.iterdir()] == [model.name]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--tokens", "10"], "--tokens 10: at least 256"),
        (["--out", "/nowhere/m.centers.gguf"], "/nowhere cannot be written"),
        (["--compare", "missing.gguf"], "missing.gguf"),
        (["--from-stats", "missing.pt"], "no file missing.pt"),
        (["--text", "missing.txt"], "missing.txt"),
    ],
)
@pytest.mark.native
def test_what_cannot_work_is_refused_in_one_line_before_measuring(model, capsys, extra, words):
    assert cli.run([str(model), *QUICK, *extra]) == 1
    told = capsys.readouterr()
    assert words in told.err and told.err.count("\n") == 1 and not told.out
    assert [p.name for p in model.parent.iterdir()] == [model.name]


def test_a_comparison_with_another_model_is_named(tmp_path):
    from scripts.bench.fuzz import example

    other = example(tmp_path / "other.centers.gguf")
    made = make.Made(other, measure.Centers(), (), None)
    with pytest.raises(SidecarError, match="none of its layers has the shape"):
        cli._agreement(made, tmp_path / "other.centers.gguf", read_sidecar_of(tmp_path))


def read_sidecar_of(folder):
    return read_sidecar(folder / "other.centers.gguf")


def test_texts_are_taken_in_turn_and_only_as_far_as_needed():
    asked = []

    def kind(name, n):
        for i in range(n):
            asked.append(f"{name}{i}")
            yield [i] * 10

    taken = list(make._take([kind("a", 9), kind("b", 2), kind("c", 9)], 64))
    assert [len(t) for t in taken] == [10] * 6 + [4]
    assert asked == ["a0", "b0", "c0", "a1", "b1", "c1", "a2"]
    assert sum(map(len, make._take([kind("a", 2)], 64))) == 20
    with pytest.raises(ConfigError, match="too few tokens"):
        list(make._take([iter([])], 64))


class Tokens(list):
    """A text that knows how many of its kind there are."""

    n_alive = n_most = 0

    def __init__(self, *args) -> None:
        super().__init__(*args)
        Tokens.n_alive += 1
        Tokens.n_most = max(Tokens.n_most, Tokens.n_alive)

    def __del__(self) -> None:
        Tokens.n_alive -= 1


@pytest.mark.native
def test_texts_are_forgotten_as_they_are_done(tmp_path):
    config = ModelConfig(path=write(tmp_path / "m.gguf", QWEN3), threads=1, gpu_layers=0)
    texts = (Tokens([i % 60] * 40) for i in range(20))
    found = measure.measure_centers(config, texts, None, 800, 40)
    assert found.trace[-1][0] == 800 and Tokens.n_most <= 2


@pytest.mark.native
def test_a_model_whose_sessions_hold_nothing_to_forget_gets_a_fit_and_no_self_test(model, capsys):
    """The whole command on a window of 512 tokens, of which the system prompt takes them all."""
    args = [str(model), "--tokens", "600", "--threads", "1", "--gpu-layers", "0"]
    assert cli.run(args) == 0
    stats = read_sidecar(model.with_name("stories.centers.gguf"))
    assert sorted(stats.fits) == list(range(5)) and stats.recommended_score == ""
    assert stats.recipe["self_test"].startswith("No self-test: the system prompt takes ")
    assert "leaves nothing to forget" in capsys.readouterr().out
