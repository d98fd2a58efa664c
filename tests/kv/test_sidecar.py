"""The sidecar: an exact round trip, and every damaged or hostile file as one SidecarError."""

from __future__ import annotations

import json
import resource
import struct
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triagent.errors import SidecarError
from triagent.kv.coefficients import Geometry
from triagent.kv.score import Pairing
from triagent.kv.sidecar import (
    LayerFit,
    LayerStats,
    SelfTest,
    Stats,
    check_model,
    read_sidecar,
    write_sidecar,
)

rng = np.random.default_rng(1)


def layer_stats(n_head=4, n_band=8):
    mu = rng.normal(size=(n_head, n_band)) + 1j * rng.normal(size=(n_head, n_band))
    return LayerStats(mu.astype(np.complex64), (np.abs(mu) * 1.5).astype(np.float32))


def layer_fit(n_head_kv=2, n_band=8):
    vec = rng.normal(size=(n_head_kv, n_band)) + 1j * rng.normal(size=(n_head_kv, n_band))
    return LayerFit(vec.astype(np.complex64), rng.normal(size=(n_head_kv, n_band)).astype("f4"))


def make(**changes):
    values = {
        "fingerprint": "ab" * 32,
        "architecture": "qwen3",
        "model_name": "test",
        "layers": {0: layer_stats(), 2: layer_stats()},
        "fits": {0: layer_fit()},
        "recommended_score": "fitted",
        "recommended_budget": 512,
        "full_recall": 0.5,
        "self_tests": (SelfTest("fitted", 512, 0.25, 1.5), SelfTest("knorm", 512, 0.125)),
        "layer_shares": {0: 0.125, 2: 1.875},
        "skipped": {1: "recurrent"},
        "recipe": {"corpus": "words", "n_tokens": "4096"},
    }
    return Stats(**values | changes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.centers.gguf"


def test_a_round_trip_is_exact(path):
    stats = make()
    write_sidecar(path, stats)
    read = read_sidecar(path)
    for il, layer in stats.layers.items():
        assert np.array_equal(read.layers[il].q_center, layer.q_center)
        assert np.array_equal(read.layers[il].q_norm, layer.q_norm)
    assert np.array_equal(read.fits[0].vectors, stats.fits[0].vectors)
    assert np.array_equal(read.fits[0].weights, stats.fits[0].weights)
    plain = {"layers": {}, "fits": {}}
    assert replace(read, **plain) == replace(stats, **plain)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_without_shares_is_read_as_equal_ones(path):
    write_sidecar(path, make(layer_shares={}))
    assert b"layer_shares" not in path.read_bytes()
    assert read_sidecar(path).layer_shares == {}


TABLES = ['{"0": "much"}', '{"x": 1}', "[1, 2]", '{"0": -1}', '{"0": NaN}']


@pytest.mark.parametrize("table", TABLES)
def test_shares_that_are_none_are_refused(path, monkeypatch, table):
    monkeypatch.setattr("triagent.kv.sidecar._check_values", lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr("triagent.kv.sidecar.json.dumps", lambda x, dumps=json.dumps: (
            table if x == {0: 0.125, 2: 1.875} else dumps(x)))  # fmt: skip
        write_sidecar(path, make())
    monkeypatch.undo()
    with pytest.raises(SidecarError, match=r"shares|JSON of another shape"):
        read_sidecar(path)


def test_one_head_keeps_its_axis(path):
    write_sidecar(path, make(layers={0: layer_stats(1)}, fits={0: layer_fit(1)}))
    read = read_sidecar(path)
    assert read.layers[0].q_center.shape == (1, 8) and read.fits[0].vectors.shape == (1, 8)


def test_concentration_lies_between_0_and_1():
    found = layer_stats().concentration
    assert (found >= 0).all() and (found <= 1).all()


def test_a_truncated_file_is_refused_wherever_it_ends(path):
    write_sidecar(path, make())
    data = path.read_bytes()
    for end in [*range(0, 200, 7), *range(200, len(data) - 1, 211), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(SidecarError):
            read_sidecar(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "m.centers.gguf"
    write_sidecar(path, make())
    return path.read_bytes()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=9))
def test_overwritten_bytes_never_crash(path, sound, at, junk):
    data = bytearray(sound)
    data[at : at + len(junk)] = junk
    path.write_bytes(data)
    with suppress(SidecarError):
        assert read_sidecar(path).fingerprint


def header(n_tensors=0, n_keys=0):
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_keys)


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


HOSTILE = {
    "not gguf": b"GGML" + bytes(40),
    "empty": b"",
    "huge tensor count": header(1 << 60, 0),
    "huge key count": header(0, 1 << 60),
    "huge string": header(0, 1) + struct.pack("<Q", 1 << 62),
    "huge array": header(0, 1) + text("a") + struct.pack("<IIQ", 9, 4, 1 << 61),
    "huge array of strings": header(0, 1) + text("a") + struct.pack("<IIQ", 9, 8, 1 << 40),
    "array in array": header(0, 1) + text("a") + struct.pack("<IIQ", 9, 9, 4) + bytes(64),
    "unknown type": header(0, 1) + text("a") + struct.pack("<I", 77) + bytes(64),
    "key twice": header(0, 2) + 2 * (text("a") + struct.pack("<II", 4, 1)),
    "tensor twice": header(2, 0) + 2 * (text("t") + struct.pack("<IQIQ", 1, 4, 0, 0)),
    "huge tensor": header(1, 0) + text("t") + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0),
    "many dimensions": header(1, 0) + text("t") + struct.pack("<I", 1 << 31),
    "alignment 0": header(0, 1) + text("general.alignment") + struct.pack("<II", 4, 0),
    "version 9": b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_cost_an_error_and_no_memory(path, kind):
    path.write_bytes(HOSTILE[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SidecarError, match=str(path)):
        read_sidecar(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_missing_file_is_named(path):
    with pytest.raises(SidecarError, match="No such file"):
        read_sidecar(path)


def spoiled(**changes):
    layer = layer_stats()
    values = {"q_center": layer.q_center.copy(), "q_norm": layer.q_norm.copy()}
    return make(layers={0: LayerStats(**values | changes)}, fits={})


@pytest.mark.parametrize(
    "stats",
    [
        spoiled(q_norm=np.full((4, 8), np.nan, np.float32)),
        spoiled(q_center=np.full((4, 8), np.inf, np.complex64)),
        spoiled(q_norm=np.zeros((4, 8), np.float32)),
        make(fits={0: LayerFit(np.full((2, 8), np.nan, np.complex64), np.zeros((2, 8), "f4"))}),
        make(layers={}, fits={}),
        make(layer_shares={0: 0.0, 2: 2.0}),
        make(layer_shares={0: float("nan")}),
    ],
)
def test_impossible_values_are_not_written(path, stats):
    with pytest.raises(SidecarError):
        write_sidecar(path, stats)
    assert not path.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_write_leaves_no_half_file_and_the_old_one_whole(path, monkeypatch, error):
    write_sidecar(path, make(model_name="old"))
    monkeypatch.setattr("gguf.GGUFWriter.write_tensors_to_file", lambda *_: raise_(error))
    with pytest.raises((KeyboardInterrupt, SidecarError)):
        write_sidecar(path, make(model_name="new"))
    assert list(path.parent.iterdir()) == [path]
    assert read_sidecar(path).model_name == "old"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SidecarError, match="cannot be written"):
        write_sidecar(tmp_path / "no" / "m.centers.gguf", make())


def raise_(error):
    raise error


@pytest.mark.parametrize("value", [2e9, -2e9])
def test_values_that_no_float32_score_can_hold_are_refused(path, value):
    fit = LayerFit(np.full((2, 8), value, np.complex64), np.ones((2, 8), "f4"))
    with pytest.raises(SidecarError, match="not finite"):
        write_sidecar(path, make(fits={0: fit}))


def test_values_that_turned_impossible_are_not_read(path):
    write_sidecar(path, make(fits={}))
    data = path.read_bytes()
    nan = struct.pack("<f", float("nan"))
    path.write_bytes(data[:-32] + nan * 8)
    with pytest.raises(SidecarError, match="no queries can have"):
        read_sidecar(path)


GEOMETRY = [Geometry(il, 4, 2, 16, 16, Pairing.HALF, (il,)) for il in (0, 2)]


def test_a_fitting_model_is_accepted():
    check_model(make(), "ab" * 32, GEOMETRY, "triattention")


@pytest.mark.parametrize(
    ("changes", "geometry", "score", "words"),
    [
        ({"fingerprint": "cd" * 32}, GEOMETRY, "knorm", "cdcd"),
        ({}, GEOMETRY, "fitted", "no fit for layer 2"),
        ({"layers": {0: layer_stats()}}, GEOMETRY, "triattention", "no centers for layer 2"),
        ({}, [replace(GEOMETRY[0], n_head=8)], "triattention", r"\(4, 8\).*\(8, 8\)"),
        ({}, [replace(GEOMETRY[0], n_rot=8)], "triattention", r"\(4, 8\).*\(4, 4\)"),
        ({}, [replace(GEOMETRY[0], readers=(0, 1))], "triattention", "layer 1"),
    ],
)
def test_another_model_is_refused_with_both_values(changes, geometry, score, words):
    with pytest.raises(SidecarError, match=words):
        check_model(make(**changes), "ab" * 32, geometry, score)
