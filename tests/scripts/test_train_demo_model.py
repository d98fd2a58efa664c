"""A tiny configuration, from generator to GGUF to an answer of the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

from scripts.train_demo.documents import Maker
from scripts.train_demo.session import Session
from scripts.train_demo.tasks import step
from scripts.train_demo.tokens import encode, load_tokenizer, tokenizer_of_gguf
from triagent.agent.tools import TOOLS
from triagent.chat import Appended, Limits, Message, Origin, Role, Span, StepEnd
from triagent.config import CacheConfig, ModelConfig

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.torch, pytest.mark.native, pytest.mark.slow]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The work folder of a run of a few seconds, and what it printed."""
    work = tmp_path_factory.mktemp("demo")
    command = [
        sys.executable, str(ROOT / "scripts" / "train_demo.py"), "all", "--size", "tiny",
        "--work", str(work), "--device", "cpu", "--workers", "1", "--time-limit", "45",
        "--train-seconds", "6", "--gate-seconds", "0", "--checks", "1", "--stages", "512:1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return work, done.stdout


@pytest.fixture(scope="module")
def engine(trained):
    from triagent.engine.client import EngineModel

    path = trained[0] / "triagent-demo-28M-q8_0.gguf"
    config = ModelConfig(path=path, gpu_layers=0, threads=1, n_ctx=8192)
    model = EngineModel(config, CacheConfig(policy="none"))
    yield model
    model.close()


def test_training_logs_a_falling_loss_and_exports_both_files(trained):
    work, printed = trained
    assert (work / "triagent-demo-28M-f16.gguf").stat().st_size > 100_000
    assert "to be resumed" in printed or "finished" in printed
    assert (work / "checkpoint.pt").exists() and (work / "held-out.json").exists()


def test_the_exported_vocabulary_is_the_tokenizer(trained):
    work, _ = trained
    from_file = tokenizer_of_gguf(work / "triagent-demo-28M-q8_0.gguf")
    trained_one = load_tokenizer(work / "tokenizer.json")
    text = "Größe 東京 = 10.25\n\t<tool_call>\n{'name': 'read'}</tool_call> don't 🙂"
    assert from_file.encode(text).ids == trained_one.encode(text).ids


def test_documents_are_tokens_exactly_as_the_engine_feeds_them(trained, engine):
    """Two ways to a session's tokens: the training's, and the engine's message by message."""
    tokenizer = load_tokenizer(trained[0] / "tokenizer.json")
    r = Random(11)
    session = Session(r, Maker.load(None).x)
    for _ in range(12):
        step(session, r)
    expected = [int(i) for i in encode(tokenizer, session.pieces())[0]]
    found = _fed(engine.open(session.head[1][0], [tool.schema for tool in TOOLS]))
    for turn in session.turns:
        texts = [text for text, _ in turn.pieces]
        while len(texts) > 1:
            role = Role.TOOL if "<tool_response>" in texts[0] else Role.USER
            found += _fed(engine.append([Message(role, texts[1])]))
            said = tuple(tokenizer.encode(texts[3], add_special_tokens=False).ids)
            found += _fed(engine.replay([Span(Origin.MODEL, len(found), said, "", True)]))
            texts = texts[4:]
    newline = tokenizer.encode("\n").ids  # behind the last answer: fed with the next message
    assert found + newline == expected


def test_the_engine_answers_with_the_tiny_model(engine):
    engine.restart()
    _fed(engine.open("You are a test.", [tool.schema for tool in TOOLS]))
    _fed(engine.append([Message(Role.USER, "what files are here?")]))
    end = list(engine.generate(Limits(max_tokens=12, think_tokens=0)))[-1]
    assert isinstance(end, StepEnd) and end.usage.n_decode > 0


def _fed(deltas) -> list[int]:
    last = list(deltas)[-1]
    assert isinstance(last, Appended)
    return [id for span in last.spans for id in span.ids]


def test_packed_weights_are_nearly_the_weights(trained, tmp_path):
    import torch

    from scripts.train_demo.packing import pack, unpack

    state = torch.load(trained[0] / "checkpoint.pt", map_location="cpu", weights_only=False)
    torch.save({"network": pack(state["network"])}, tmp_path / "packed.pt")
    packed = torch.load(tmp_path / "packed.pt", weights_only=True)["network"]
    found = unpack(packed)
    assert found.keys() == state["network"].keys()
    for name, value in state["network"].items():
        assert (found[name] - value).norm() <= 0.01 * value.norm(), name
    assert sum(isinstance(value, dict) for value in packed.values()) >= 6


def test_the_exported_file_is_read_back_as_the_network(trained):
    import torch

    from scripts.train_demo.export import read_network

    state = torch.load(trained[0] / "checkpoint.pt", map_location="cpu", weights_only=False)
    network = read_network(trained[0] / "triagent-demo-28M-f16.gguf")
    found = network.state_dict()
    assert network.shape.n_layer == state["shape"]["n_layer"]
    for name, value in state["network"].items():
        assert torch.allclose(found[name], value.float(), rtol=1e-3, atol=1e-4), name


def test_gates_are_trained_for_a_finished_file(trained, tmp_path):
    import numpy as np

    def run(*options: str) -> subprocess.CompletedProcess:
        command = [
            sys.executable, str(ROOT / "scripts" / "train_demo.py"), "gates",
            "--init", str(trained[0] / "triagent-demo-28M-q8_0.gguf"),
            "--tokenizer", str(trained[0] / "tokenizer.json"), "--work", str(tmp_path),
            "--device", "cpu", "--workers", "1", "--stages", "512", "--gate-seconds", "1",
        ]  # fmt: skip
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=200, check=False
        )

    done = run("--layer-shares", "1:1.5", "--window", "16", "--tail", "32")
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / "gates.npz") as found:
        assert found["fit_vec"].shape[0] == 2 and np.isfinite(found["fit_vec"]).all()
    refused = run("--layer-shares", "1:2.5")
    assert refused.returncode == 1 and "'1:2.5'" in refused.stderr
