"""Adapting a network to forgetting, on one small enough for a CPU."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="comes with the train extra")
pytest.importorskip("tokenizers", reason="comes with the train extra")

import torch

from scripts.train_demo import adapt, cli, gates, joint, tokens
from scripts.train_demo.documents import Maker
from scripts.train_demo.exams import KINDS, ExamPacker, Rows
from scripts.train_demo.model import Network, Shape
from scripts.train_demo.stream import Source

pytestmark = pytest.mark.torch
SHAPE = Shape(n_layer=2, n_embd=64, n_head=4, n_head_kv=2, head_dim=32, n_ff=128, n_vocab=500)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _rows(seed: int, n: int = 3, length: int = 400) -> Rows:
    r = np.random.default_rng(seed)
    ids = r.integers(0, SHAPE.n_vocab, (n, length)).astype(np.uint16)
    asked = np.zeros((n, length), bool)
    asked[:, 350:355] = True
    cut = r.integers(280, 320, n).astype(np.int32)
    return Rows(ids, asked, cut, np.array([20, 4, 30], np.int32)[:n])


def _samples(rows: Rows) -> list[gates.Sample]:
    return [
        gates.Sample(torch.from_numpy(ids.astype(np.int64)), int(cut), int(pinned))
        for ids, cut, pinned in zip(rows.ids, rows.cut, rows.n_pinned, strict=True)
    ]


@pytest.fixture
def adapter() -> adapt.Adapter:
    torch.manual_seed(0)
    made = adapt.Adapter(Network(SHAPE), "cpu")
    made.start_gates(_samples(_rows(0)))
    return made


def _gate(adapter, batch, share, hard=False, temperature=0.3):
    shares = torch.full((len(batch.ids),), share)
    return adapter.gate(batch, shares, temperature, torch.full(shares.shape, hard))


def test_gated_rows_are_what_the_gates_alone_see(adapter):
    rows = _rows(1)
    batch = adapt.Batch.of(rows, "cpu")
    w, means, scales = gates.ridge_start(adapter.network, _samples(_rows(0)))
    with torch.no_grad():
        hidden = adapter.hidden(batch, _gate(adapter, batch, 0.5))
        for i, sample in enumerate(_samples(rows)):
            gate = gates.Gate(w, means, scales, 0.5, 0.3)
            reference = gates.late_logits(adapter.network, sample, gate)
            found = adapter.network.logits(hidden[i, sample.cut :])
            torch.testing.assert_close(found, reference, atol=1e-4, rtol=1e-4)


def test_a_key_that_is_gone_changes_nothing_and_a_kept_one_does(adapter):
    rows = _rows(2, n=1)
    batch = adapt.Batch.of(rows, "cpu")
    # Every key of the same score but one: a vector of zeros scores by norms, and by nothing else.
    for vec, weights in zip(adapter.vec, adapter.weights, strict=True):
        vec.data.zero_(), weights.data.fill_(1.0)
    gate = _gate(adapter, batch, 0.3, hard=True)
    with torch.no_grad():
        assert int(gate.n_keep) < int(batch.old.sum())
        full = adapter.network.hidden(batch.ids)
        kept = adapter.hidden(batch, gate)
    cut = int(rows.cut[0])
    torch.testing.assert_close(kept[:, :cut], full[:, :cut], atol=1e-4, rtol=1e-4)
    assert (kept[:, cut:] - full[:, cut:]).abs().max() > 1e-3


def test_everything_kept_is_full_attention(adapter):
    batch = adapt.Batch.of(_rows(3), "cpu")
    gate = _gate(adapter, batch, 1.0, hard=True)
    every = batch.old.sum(-1, keepdim=True)
    with torch.no_grad():
        kept = adapter.hidden(batch, dataclasses.replace(gate, n_keep=every))
        full = adapter.network.hidden(batch.ids)
    torch.testing.assert_close(kept, full, atol=1e-4, rtol=1e-4)


def test_the_score_teaches_the_keys(adapter):
    batch = adapt.Batch.of(_rows(4), "cpu")
    loss, *_ = adapter.loss(batch, _gate(adapter, batch, 0.4))
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in adapter.network.parameters())
    assert all(vec.grad.abs().sum() > 0 for vec in adapter.vec)


def test_training_lowers_the_loss_and_changes_weights_and_scores(adapter, tmp_path, monkeypatch):
    ticks = itertools.count()  # two a step: the machine's speed decides nothing
    monkeypatch.setattr(adapt, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    rows = _rows(5, n=1)
    batch = adapt.Batch.of(rows, "cpu")
    before = adapter.loss(batch, _gate(adapter, batch, 0.25, hard=True))[0].item()
    weight, vec = adapter.network.blocks[0].k.weight.clone(), adapter.vec[0].detach().clone()
    plan = adapt.Plan(until=36, rate=1.0, log=tmp_path / "adapt.jsonl")
    lines = adapt.train(adapter, lambda seconds: rows, plan)
    after = adapter.loss(batch, _gate(adapter, batch, 0.25, hard=True))[0].item()
    assert after < before - 0.1
    assert not torch.equal(weight, adapter.network.blocks[0].k.weight)
    assert not torch.equal(vec, adapter.vec[0])
    assert len((tmp_path / "adapt.jsonl").read_text().splitlines()) == len(lines) > 0


def test_measures_count_answers_and_tokens(adapter):
    report = adapt.measure(adapter, {"made": [_rows(6), _rows(7)]})
    row = report["made"]
    assert row["answers"] == 6
    assert {f"recall {x}" for x in ("full", "1/4", "1/8", "1/16")} <= set(row)
    assert all(0 < row[f"nats {x}"] < 20 for x in ("full", "1/8"))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Path:
    maker, path = Maker.load(None), tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    documents = [maker.document(Random(i), 3000, 3000) for i in range(8)]
    texts = tokens.corpus_for_tokenizer(documents, [], [], 1)
    tokens.train_tokenizer(texts, 2048).save(str(path))
    return path


def test_rows_hold_questions_about_what_stands_before_the_cut(tokenizer):
    packer = ExamPacker(Source(tokenizer, None, 3), 0)
    made = tokens.load_tokenizer(tokenizer)
    for kind in ("session", "planted"):
        rows = packer.row(kind, 6144, 0.6)
        ids, cut = rows.ids[0].tolist(), int(rows.cut[0])
        places = np.flatnonzero(rows.asked[0])
        assert len(places) > 4
        assert places[0] > cut > rows.n_pinned[0] > 200
        before = made.decode(ids[:cut], skip_special_tokens=False)
        for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)[:-1]:
            value = made.decode([ids[i] for i in run], skip_special_tokens=False).strip(" `")
            assert value in before


def test_a_block_holds_rows_of_one_length(tokenizer):
    packer = ExamPacker(Source(tokenizer, None, 4), 0)
    for kind in KINDS:
        rows = packer.row(kind, 2500, 0.7)
        assert rows.ids.shape == rows.asked.shape == (1, 2500)
        assert 0 < rows.cut[0] < 2500
    assert len(packer.block(3, 2500)) == 3


def test_a_row_that_runs_out_of_questions_is_filled(tokenizer):
    packer = ExamPacker(Source(tokenizer, None, 5), 0)
    rows = packer.row("planted", 12_000, 0.1)
    assert rows.ids.shape == rows.asked.shape == (1, 12_000)
    assert rows.asked[0].any() and not rows.asked[0, -1000:].any()


def test_the_command_carries_what_export_reads(tokenizer, tmp_path, monkeypatch, capsys):
    n_vocab = tokens.load_tokenizer(tokenizer).get_vocab_size()
    shape = dataclasses.replace(SHAPE, n_layer=1, n_vocab=n_vocab)
    kept = {"step": 1, "n_seen": 1, "elapsed_s": 1.0, "seconds": 1.0}
    state = {"network": Network(shape).state_dict(), "shape": dataclasses.asdict(shape), **kept}
    torch.save(state, tmp_path / "start.pt")
    monkeypatch.setattr(joint, "N_TESTS", {"planted": 1, "plain": 1})
    work, carried = tmp_path / "work", tmp_path / "carried"
    common = ["--work", str(work), "--tokenizer", str(tokenizer)]
    few = "--workers 1 --stages 2500:1 --step-tokens 2500 --checks 0 --time-limit 5"
    start = ["--init", str(tmp_path / "start.pt"), "--carry", str(carried)]
    cli.main(["adapt", *common, *start, *few.split(), "--device", "cpu", "--rates", "0.1,0.2"])
    report = json.loads((carried / "adapt.json").read_text())
    assert set(report) == {"before", "rate 0.1", "rate 0.2", "kept", "closed form"}
    assert "closed form" in capsys.readouterr().out
    with np.load(carried / "gates.npz") as found:
        assert found["fit_vec"].shape == (1, 2, 16, 2)
        assert found["ridge_weights"].shape == (1, 2, 16)
    cli.main(["export", *common, "--init", str(carried), "--name", "made"])
    assert (work / "made-q8_0.gguf").stat().st_size > 10_000
