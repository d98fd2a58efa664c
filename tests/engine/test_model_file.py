"""Models that would crash llama.cpp are refused by their header, and sidecars are found."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from triagent.engine.model import extra_buffers
from triagent.engine.model_file import open_model_file
from triagent.engine.sidecars import beside, find_sidecar, is_sidecar
from triagent.errors import ModelError, SidecarError
from triagent.kv.sidecar import LayerStats, Stats, write_sidecar

STORIES = Path(__file__).parents[1] / "data" / "models" / "stories260K-f32.gguf"


def write_model(path, tokens, kind="llama"):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_tokenizer_model(kind)
    writer.add_token_list(tokens)
    writer.add_tensor("token_embd.weight", np.ones((len(tokens), 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_sound_model_is_described():
    file = open_model_file(STORIES)
    assert file.architecture == "llama" and not file.is_quantized
    assert file.number("block_count") == 5 and len(file.fingerprint) == 64


def test_a_missing_file_says_how_to_name_one(tmp_path):
    with pytest.raises(ModelError, match="--model"):
        open_model_file(tmp_path / "no.gguf")


def test_text_is_no_model(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_text("hello, I am a text and not a model at all")
    with pytest.raises(ModelError, match="not a usable GGUF"):
        open_model_file(path)


def test_a_cut_download_says_so(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(STORIES.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="cut off"):
        open_model_file(path)


def test_a_vocabulary_without_byte_tokens_is_refused(tmp_path):
    letters = ["<unk>", "<s>", "</s>", *"abcdefghijklmnopqrstuvwxyz"]
    with pytest.raises(ModelError, match="29 tokens lacks 230 of the 256 byte tokens"):
        open_model_file(write_model(tmp_path / "m.gguf", letters))


def test_byte_tokens_or_another_kind_of_vocabulary_will_do(tmp_path):
    spelled = [f"<0x{b:02X}>" for b in range(256)]
    open_model_file(write_model(tmp_path / "a.gguf", spelled))
    open_model_file(write_model(tmp_path / "b.gguf", ["a", "b"], "gpt2"))


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(STORIES.read_bytes())
    return open_model_file(path)


def centers(fingerprint):
    mu = np.ones((8, 4), np.complex64)
    stats = LayerStats(mu, np.full((8, 4), 2, np.float32))
    return Stats(fingerprint, "llama", "m", dict.fromkeys(range(5), stats))


def test_a_sidecar_is_no_model_and_is_known_as_one(tmp_path, model):
    path = tmp_path / "x.gguf"
    write_sidecar(path, centers(model.fingerprint))
    assert is_sidecar(path) and not is_sidecar(STORIES)
    with pytest.raises(ModelError, match="triattention"):
        open_model_file(path)


def test_a_sidecar_is_found_by_name_beside_and_in_the_data_folder(tmp_path, model, monkeypatch):
    monkeypatch.setattr("triagent.engine.sidecars.data_folder", lambda: tmp_path / "data")
    assert find_sidecar(model, None) is None
    stored = tmp_path / "data" / f"{model.fingerprint}.centers.gguf"
    stored.parent.mkdir()
    for path in (stored, beside(model.path), tmp_path / "named.gguf"):
        write_sidecar(path, centers(model.fingerprint))
        named = path if path.name == "named.gguf" else None
        assert find_sidecar(model, named)[0] == path


def test_another_models_sidecar_is_an_error_and_not_skipped(model):
    write_sidecar(beside(model.path), centers("0" * 64))
    with pytest.raises(SidecarError, match="was made for model 0000"):
        find_sidecar(model, None)
    with pytest.raises(SidecarError, match="no such sidecar"):
        find_sidecar(model, Path("nowhere.gguf"))


def test_repacking_is_off_only_where_it_would_crash():
    assert extra_buffers(True, "CPU : AVX2 = 1 | REPACK = 1")
    assert extra_buffers(False, "CPU : AMX_INT8 = 1 | REPACK = 1")
    assert not extra_buffers(True, "CPU : AMX_INT8 = 1 | REPACK = 1")
    assert extra_buffers(True, "CPU : AMX_INT8 = 1 | AMX_CONFIG_STORED = 1 | REPACK = 1")
