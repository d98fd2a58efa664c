"""Saved states: the same tokens after restoring, and every mismatch refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("triagent_native")

from tests.engine.conftest import STORIES
from tests.engine.test_engine import feed, generate, run
from tests.native.models import GEMMA3, LFM2, QWEN3
from triagent.engine import snapshot
from triagent.engine.library import ABI_VERSION as ABI
from triagent.engine.sampling import Sampler
from triagent.errors import SnapshotError

pytestmark = pytest.mark.native


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("shape", [None, QWEN3, GEMMA3, LFM2], ids=lambda s: s and s.arch)
def test_a_restored_run_says_what_the_uninterrupted_one_says(
    tmp_path, model_path, engine_of, shape, temperature
):
    path = STORIES if shape is None else model_path(shape)
    sampler = Sampler(temperature, seed=3)
    first = engine_of(path)
    feed(first, 700)
    generate(first, 40, sampler)
    snapshot.save(first, tmp_path / "s", "h", {"a": 1})
    told = generate(first, 120, sampler)
    second = engine_of(path)
    assert snapshot.load(second, tmp_path / "s", "h") == {"a": 1}
    assert second.n_pos == 740
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600  # it holds what was said
    assert generate(second, 120, sampler) == told
    assert second.status().n_evicted == first.status().n_evicted
    assert np.array_equal(second.held.rows, first.held.rows)
    assert np.array_equal(second.holding().score, first.holding().score, equal_nan=True)


def test_saving_and_loading_leave_the_scores_of_the_last_round(tmp_path, engine_of):
    engine = engine_of()
    feed(engine, 700)
    before = engine.holding().score
    assert np.isfinite(before).any()
    snapshot.save(engine, tmp_path / "s", "h", {})
    assert np.array_equal(engine.holding().score, before, equal_nan=True)
    feed(engine, 100)
    snapshot.load(engine, tmp_path / "s", "h")
    assert np.array_equal(engine.holding().score, before, equal_nan=True)


def test_a_loaded_state_rolls_back_and_forgets_like_the_first(tmp_path, engine_of):
    engine = engine_of()
    engine.pin(50, 60)
    feed(engine, 700)
    snapshot.save(engine, tmp_path / "s", "h", {})
    snapshot.load(engine, tmp_path / "s", "h")
    assert engine.hook.protection.pinned.ranges == ((50, 60),)
    assert engine.rollback(690) and not engine.rollback(300)
    engine.forget(50, 60)
    assert engine.holding().share[50:60].max() == 0
    feed(engine, 300)


def test_an_unbounded_session_is_saved_too(tmp_path, engine_of):
    engine = engine_of(policy="none", n_ctx=1024)
    feed(engine, 100)
    snapshot.save(engine, tmp_path / "s", "h", {})
    told = generate(engine, 20)
    snapshot.load(engine, tmp_path / "s", "h")
    assert generate(engine, 20) == told


def test_an_empty_session_is_saved_too(tmp_path, engine_of):
    engine = engine_of()
    snapshot.save(engine, tmp_path / "s", "h", {})
    feed(engine, 10)
    snapshot.load(engine, tmp_path / "s", "h")
    assert engine.n_pos == 0 and feed(engine, 10)[1].n == 10


def test_a_fork_belongs_to_the_other_ledger(tmp_path, engine_of):
    engine = engine_of()
    feed(engine, 400)
    snapshot.save(engine, tmp_path / "s", "first", {})
    snapshot.fork(tmp_path / "s", tmp_path / "t", "second")
    assert (tmp_path / "t").stat().st_mode & 0o077 == 0
    with pytest.raises(SnapshotError, match="ledger_hash is 'second' in the snapshot"):
        snapshot.load(engine, tmp_path / "t", "first")
    snapshot.load(engine, tmp_path / "t", "second")
    assert engine.n_pos == 400


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": 200}, "budget is 256 in the snapshot and 200 here"),
        ({"policy": "random"}, "policy is 'knorm' in the snapshot and 'random' here"),
        ({"select": "shared"}, "select is 'per-layer-head'"),
        ({"cache_type": "f32"}, "cache_type is 'f16'"),
        ({"n_ctx": 5000}, "n_ctx is 100000"),
        ({"chunk": 600}, "n_cells is 512"),
    ],
)
def test_another_session_refuses_it_with_both_values(tmp_path, engine_of, change, words):
    first = engine_of()
    feed(first, 300)
    snapshot.save(first, tmp_path / "s", "h", {})
    other = engine_of(**change)
    feed(other, 50)
    with pytest.raises(SnapshotError, match=words):
        snapshot.load(other, tmp_path / "s", "h")
    assert other.n_pos == 50  # nothing was changed


def test_layers_of_other_sizes_are_refused_with_both(tmp_path, engine_of):
    shares = dict.fromkeys(range(5), 1.0)
    first, other = (engine_of(layer_shares=shares | {il: 2.0}) for il in (0, 1))
    feed(first, 300)
    snapshot.save(first, tmp_path / "s", "h", {})
    with pytest.raises(SnapshotError, match=r"layer_cells is \[768, 512.* and \[512, 768"):
        snapshot.load(other, tmp_path / "s", "h")
    snapshot.load(first, tmp_path / "s", "h")
    assert first.n_pos == 300


def test_another_model_or_library_is_refused(tmp_path, model_path, engine_of):
    first = engine_of()
    feed(first, 300)
    snapshot.save(first, tmp_path / "s", "h", {})
    with pytest.raises(SnapshotError, match="fingerprint"):
        snapshot.load(engine_of(model_path(QWEN3)), tmp_path / "s", "h")
    data = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(data.replace(b'"abi": %d' % ABI, b'"abi": 7', 1))
    with pytest.raises(SnapshotError, match=f"abi is 7 in the snapshot and {ABI} here"):
        snapshot.load(first, tmp_path / "s", "h")


def test_damage_is_noticed_wherever_it_is(tmp_path, engine_of):
    engine = engine_of()
    feed(engine, 300)
    path = tmp_path / "s"
    snapshot.save(engine, path, "h", {})
    data = path.read_bytes()
    for end in (0, 10, 30, 500, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        with pytest.raises(SnapshotError, match=str(path)):
            snapshot.load(engine, path, "h")
    flipped = bytearray(data)
    flipped[-1000] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(SnapshotError, match="damaged"):
        snapshot.load(engine, path, "h")
    with pytest.raises(SnapshotError, match="cannot be read"):
        snapshot.load(engine, tmp_path / "none", "h")


def test_a_failed_write_leaves_the_old_file(tmp_path, engine_of, monkeypatch):
    engine = engine_of()
    feed(engine, 100)
    path = tmp_path / "s"
    snapshot.save(engine, path, "h", {})
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("triagent.engine.snapshot.os.fsync", full)
    feed(engine, 10)
    with pytest.raises(SnapshotError, match="No space left"):
        snapshot.save(engine, path, "h", {})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_header_is_readable_json(tmp_path, engine_of):
    engine = engine_of()
    run(engine.feed([1, 2, 3]))
    snapshot.save(engine, tmp_path / "s", "h", {})
    data = (tmp_path / "s").read_bytes()
    start = len(snapshot.MAGIC) + snapshot.SIZES.size
    n_text, _ = snapshot.SIZES.unpack(data[len(snapshot.MAGIC) : start])
    header = json.loads(data[start : start + n_text])
    assert header["n_pos"] == 3 and header["identity"]["n_cells"] == 512
