"""The header reader and the fingerprint, on files that the gguf package writes."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from triagent.kv.fingerprint import fingerprint
from triagent.kv.gguf_file import BLOCKS, GgufError, LongArray, read_array, read_bytes, read_header

STORIES = Path(__file__).parents[1] / "data" / "models" / "stories260K-f32.gguf"


def write(path, weight, name="a", architecture="llama"):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(name)
    writer.add_array("many.words", [f"w{i}" for i in range(5000)])
    writer.add_array("many.numbers", list(range(5000)))
    writer.add_array("few", [1.5, 2.5])
    writer.add_tensor("token_embd.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "m.gguf", np.arange(12, dtype=np.float32).reshape(3, 4))


def test_metadata_and_tensors_are_read(path):
    header = read_header(path)
    assert header.values["general.name"] == "a" and header.values["few"] == [1.5, 2.5]
    info = header.tensors["token_embd.weight"]
    assert info.shape == (4, 3) and info.n_bytes == 48
    data = np.frombuffer(read_bytes(path, header, "token_embd.weight"), "<f4")
    assert data.tolist() == list(range(12))
    assert header.end <= header.size


def test_long_arrays_wait_in_the_file(path):
    header = read_header(path)
    words, numbers = header.values["many.words"], header.values["many.numbers"]
    assert isinstance(words, LongArray) and isinstance(numbers, LongArray)
    assert read_array(path, words)[4999] == "w4999"
    assert read_array(path, numbers).tolist() == list(range(5000))


def test_block_sizes_are_those_of_ggml():
    known = {int(k): v for k, v in gguf.GGML_QUANT_SIZES.items() if int(k) != 9}
    assert {k: BLOCKS[k] for k in known} == known


def test_a_fingerprint_names_weights_and_not_words(tmp_path, path):
    same = write(tmp_path / "n.gguf", np.arange(12, dtype=np.float32).reshape(3, 4), name="b")
    other = write(tmp_path / "o.gguf", np.arange(12, dtype=np.float32).reshape(4, 3))
    changed = write(tmp_path / "p.gguf", np.ones((3, 4), np.float32))
    assert fingerprint(path) == fingerprint(same)
    assert len({fingerprint(p) for p in (path, other, changed)}) == 3


def test_a_real_model_is_read():
    header = read_header(STORIES)
    assert header.values["general.architecture"] == "llama" and len(header.tensors) == 48
    assert header.end <= header.size


def test_a_tensor_past_the_end_is_refused(path):
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(GgufError, match="past the end"):
        read_bytes(path, read_header(path), "token_embd.weight")
    with pytest.raises(GgufError, match="missing"):
        read_bytes(path, header, "no.such")
