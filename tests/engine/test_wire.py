"""Messages survive the pipe unchanged, and foreign frames are refused."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagent import chat
from triagent.config import CacheConfig, ModelConfig, SamplingConfig
from triagent.engine import wire

SPAN = chat.Span(chat.Origin.CALL, 7, (1, 2, 3), "héllo", True)
SCHEMA = chat.ToolSchema("read", "d", {"type": "object", "required": ["a"], "x": {"type": "y"}})
VALUES = [
    wire.Start(ModelConfig(Path("/m.gguf")), CacheConfig(), SamplingConfig()),
    wire.Call(3, "open", ("system", (SCHEMA,))),
    wire.Cancel(9),
    wire.Item(1, chat.Evicted(3, 9, None, 1.5, ((1, 2), (5, 9)), 0.25)),
    wire.Item(1, chat.Appended((SPAN,), chat.Usage(3, 0, 0.5))),
    wire.Done(2, chat.StepEnd(chat.StopReason.CALLS, (SPAN,), (), chat.Usage())),
    wire.Failed(0, "ModelError", "no"),
    wire.Done(1, chat.ModelInfo("n", Path("p"), "f", "a", 1, 2, 3, 4, "d", "f16", "hermes")),
]


def sent(value):
    stream = io.BytesIO()
    wire.write(stream, value)
    stream.seek(0)
    return wire.read(stream)


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_a_message_arrives_as_it_was(value):
    assert sent(value) == value


def test_arrays_arrive_with_type_and_shape():
    holding = chat.Holding(
        3, np.array([1, 0.5, 0], np.float32), np.array([np.nan, 1, 2], "f4"), np.ones(3, bool)
    )
    read = sent(wire.Done(1, holding)).value
    assert np.array_equal(read.share, holding.share) and read.share.dtype == np.float32
    assert np.array_equal(read.score, holding.score, equal_nan=True)
    assert read.pinned.dtype == bool


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_arguments_of_any_json_shape_arrive(value):
    call = chat.ToolCall("1", "f", {"a": value, "type": "Call", "fields": {}})
    assert sent(wire.Done(1, call)).value == call


def test_only_known_types_are_made():
    for body in ({"type": "Popen", "fields": {}}, {"enum": "Popen", "value": 1}, {"what": 1}):
        with pytest.raises(wire.WireError):
            wire.decode(json.dumps(body).encode(), b"")
    with pytest.raises(TypeError):
        wire.encode(object())


def test_an_array_longer_than_its_bytes_is_refused():
    text = json.dumps({"array": "<f4", "shape": [1000]}).encode()
    with pytest.raises(wire.WireError):
        wire.decode(text, b"1234")


def test_object_arrays_are_refused():
    with pytest.raises(wire.WireError):
        wire.decode(json.dumps({"array": "|O", "shape": [1]}).encode(), bytes(8))


def test_a_cut_pipe_and_a_giant_frame_are_told_apart():
    whole = wire.encode(wire.Cancel(1))
    with pytest.raises(EOFError):
        wire.read(io.BytesIO(whole[:-1]))
    with pytest.raises(wire.WireError, match="bytes"):
        wire.read(io.BytesIO(struct.pack("<II", 1 << 31, 0)))
