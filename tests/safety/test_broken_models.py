"""Damaged and hostile models through the engine as it is shipped: refused by one message each.

`broken_models` makes them from the tiny model. What its header does not give away is given to
llama.cpp, in the engine's process; whatever happens there, the user reads one error of ours.
"""

from __future__ import annotations

import io

import numpy as np
import psutil
import pytest

from tests.safety import broken_models
from triagent import cli
from triagent.chat import Limits, Message, Role
from triagent.config import CacheConfig, Config, ModelConfig
from triagent.engine.model_file import open_model_file
from triagent.errors import EngineError, ModelError, TriagentError

BROKEN = broken_models.broken()
BEYOND_THE_HEADER = (
    "an unknown architecture", "an architecture that is a number", "one layer more than there is",
    "no heads", "heads that do not divide the width", "more KV heads than heads", "no KV heads",
    "heads as text", "no count of heads", "twice the width", "no width", "no feed-forward width",
    "an odd rotation", "a rotation wider than a head", "no epsilon", "an alignment of 7",
    "no embedding", "a matrix missing", "no last norm", "a layer's matrix of other dimensions",
    "a tensor without elements", "a tensor of an unknown type", "a tensor of a type that went",
    "a norm of whole numbers", "a tensor that is not aligned", "fewer tokens than rows",
    "fewer scores than tokens", "fewer types than tokens", "an unknown tokenizer", "no tokenizer",
    "a template that loops", "a template that is no template", "a template of 20 MB",
    "a template that is a number", "no context",
)  # fmt: skip
"""What is refused by llama.cpp or by rendering, and not by a look at the header."""
HARMLESS = ("a first token out of range", "a last token out of range")
"""llama.cpp says so in its log and does without."""
SOON = (
    "an unknown architecture", "a matrix missing", "a layer's matrix of other dimensions",
    "a norm of whole numbers", "a tensor of an unknown type", "fewer tokens than rows",
    "an unknown tokenizer", "a template that loops", "a template that is no template",
)  # fmt: skip
"""One of a kind, for the tests that always run."""


def write(folder, name: str):
    path = folder / "broken.gguf"
    path.write_bytes(BROKEN[name]())
    return path


def config(path, **sampling) -> Config:
    return Config(
        model=ModelConfig(path=path, gpu_layers=0, threads=1),
        cache=CacheConfig(budget=200, interval=32, chunk=64, policy="knorm"),
    )


def test_a_file_that_was_not_changed_is_written_as_it_was():
    assert broken_models.read().bytes() == broken_models.STORIES.read_bytes()


def test_there_are_many_and_each_is_refused_or_known_to_be_harmless():
    assert len(BROKEN) > 60
    assert {*BEYOND_THE_HEADER, *HARMLESS} < set(BROKEN) and set(SOON) < set(BEYOND_THE_HEADER)


@pytest.mark.parametrize("name", sorted(set(BROKEN) - {*BEYOND_THE_HEADER, *HARMLESS}))
def test_what_the_header_gives_away_is_refused_without_the_library(
    tmp_path, name, record_property
):
    record_property("hostile: broken models", 1)
    with pytest.raises(ModelError) as caught:
        open_model_file(write(tmp_path, name))
    assert str(caught.value).count("\n") == 0 and "broken.gguf" in str(caught.value)


def talk(path) -> None:
    """Open a model and let it answer once."""
    from triagent.engine.client import open_model

    model = open_model(config(path))
    try:
        list(model.open("You are careful.", ()))
        list(model.append([Message(Role.USER, "hello \u00e9 \u6f22")]))
        list(model.generate(Limits(max_tokens=4)))
    finally:
        model.close()


@pytest.mark.native
@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=() if x in SOON else pytest.mark.slow)
             for x in BEYOND_THE_HEADER]
)  # fmt: skip
def test_what_llama_cpp_refuses_is_one_error_and_leaves_no_process(
    tmp_path, name, record_property
):
    record_property("hostile: broken models", 1)
    with pytest.raises(TriagentError) as caught:
        talk(write(tmp_path, name))
    text = str(caught.value)
    assert "Traceback" not in text and 'File "' not in text, text
    assert text.count("\n") < 12, text  # a process that ended tells its last words
    children = [" ".join(x.cmdline()) for x in psutil.Process().children()]
    assert not [x for x in children if "triagent.engine" in x]


@pytest.mark.native
@pytest.mark.slow
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_works(tmp_path, name):
    talk(write(tmp_path, name))


@pytest.mark.native
def test_the_user_reads_one_message_and_has_no_session(tmp_path, monkeypatch, capsys):
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    path = write(tmp_path, "a matrix missing")
    assert cli.main(["run", "-C", str(tmp_path), "--model", str(path), "hello"]) == 1
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith(f"triagent: {path}: llama.cpp refused it: ")
    assert "'blk.0.attn_q.weight' not found" in told.err and told.err.count("\n") == 1
    assert not list(tmp_path.rglob("log.jsonl"))


@pytest.mark.native
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_weights_that_are_no_numbers_end_the_message_and_not_the_engine(
    tmp_path, value, temperature
):
    from triagent.engine.client import open_model

    model = broken_models.read()
    tensor = model.tensors["output.weight"]
    tensor.data = np.full(len(tensor.data) // 4, value, np.float32).tobytes()
    path = tmp_path / "nan.gguf"
    path.write_bytes(model.bytes())
    engine = open_model(config(path))
    try:
        list(engine.open("You are careful.", ()))
        list(engine.append([Message(Role.USER, "hello")]))
        with pytest.raises(EngineError, match="not a number"):
            list(engine.generate(Limits(max_tokens=4, temperature=temperature)))
        assert engine.status().n_pos > 0  # it still answers
    finally:
        engine.close()
