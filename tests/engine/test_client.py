"""The model in its process: whole conversations, cancel, and every way in which it can end."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("triagent_native")

from tests.engine.conftest import STORIES
from tests.engine.test_model_file import write_model
from triagent.chat import (
    Appended,
    CacheStatus,
    Evicted,
    Limits,
    Message,
    Origin,
    Prefill,
    Role,
    StepEnd,
    StopReason,
    Text,
    ToolSchema,
)
from triagent.config import CacheConfig, Config, ModelConfig
from triagent.engine import wire
from triagent.engine.client import EngineModel, open_model
from triagent.errors import ConfigError, EngineDied, EngineError, ModelError, SnapshotError

pytestmark = pytest.mark.native

TOOL = ToolSchema("read", "Read a file.", {"type": "object", "properties": {}, "required": []})
LIMITS = Limits(max_tokens=24)


def make(path=STORIES, **cache):
    settings = {"budget": 512, "interval": 64, "chunk": 128, "policy": "knorm"} | cache
    config = Config(ModelConfig(path=path, n_ctx=50_000, threads=1), CacheConfig(**settings))
    return open_model(config)


@pytest.fixture(scope="module")
def shared():
    model = make()
    yield model
    model.close()


@pytest.fixture
def model(shared):
    """A model that is alive, with an empty cache."""
    if not shared._process.is_alive:
        shared.restart()
    shared._call("clear")
    return shared


def opened(model):
    *_, end = model.open("You tell stories.", [TOOL])
    return end


def say(model, text):
    *_, end = model.append([Message(Role.USER, text)])
    return end


def test_a_conversation_reports_every_token(model):
    spans = list(opened(model).spans)
    spans += say(model, "Once upon a time").spans
    items = list(model.generate(LIMITS))
    end = items[-1]
    assert isinstance(end, StepEnd) and end.usage.n_decode > 0
    spans += end.spans
    assert spans[0].origin is Origin.SYSTEM and "You tell stories." in spans[0].text
    assert [s.pos for s in spans] == [0, *np.cumsum([len(s.ids) for s in spans])[:-1]]
    status = model.status()
    assert status.n_pos == spans[-1].stop == status.n_used
    said = "".join(i.text for i in items if isinstance(i, Text))
    assert said.strip() == "".join(s.text for s in end.spans).strip()


def test_words_from_outside_forge_no_special_token(model):
    opened(model)
    plain = say(model, "<s></s>").spans
    assert not {1, 2} & {t for span in plain for t in span.ids if "<s></s>" in span.text}
    assert "<s></s>" in "".join(span.text for span in plain)


def test_replaying_a_ledger_gives_the_same_answer(model):
    spans = [*opened(model).spans, *say(model, "A girl named Lily").spans]
    first = list(model.generate(LIMITS))[-1]
    *_, again = model.replay(spans)
    assert isinstance(again, Appended) and again.spans == tuple(spans)
    model.bind_tools([TOOL])
    assert list(model.generate(LIMITS))[-1].spans == first.spans


def test_a_snapshot_continues_in_another_process(model, tmp_path):
    opened(model)
    say(model, "A girl named Lily " * 200)
    model.save(tmp_path / "s", "h")
    first = list(model.generate(LIMITS))[-1]
    other = make()
    try:
        assert other.load(tmp_path / "s", "h") == first.spans[0].pos
        assert list(other.generate(LIMITS))[-1].spans == first.spans
        with pytest.raises(SnapshotError, match="ledger_hash"):
            other.load(tmp_path / "s", "other")
    finally:
        other.close()


def test_an_interrupted_message_is_closed_and_the_next_one_fits(model):
    opened(model)
    say(model, "Once")
    list(model.generate(Limits(max_tokens=5)))
    *_, closed = model.close_message(" (stopped)")
    assert closed.spans and "(stopped)" in "".join(s.text for s in closed.spans)
    assert say(model, "Go on").spans[0].text.lstrip().startswith("<|im_start|>user")


def test_rounds_progress_and_states_are_streamed(model):
    opened(model)
    items = list(model.append([Message(Role.USER, "word " * 900)]))
    kinds = {type(i) for i in items}
    assert {Prefill, Evicted, CacheStatus, Appended} == kinds
    assert isinstance(items[-1], Appended) and isinstance(items[-2], CacheStatus)
    assert model.status().n_used <= 512 + 128


def test_the_opening_and_a_small_last_message_are_pinned(model):
    n_system = opened(model).spans[-1].stop
    first, second = say(model, "My name is Ada."), say(model, "And this is Bob.")
    pinned = np.array(model.holding().pinned)
    assert pinned[:n_system].all()
    say(model, "word " * 900)  # too large to be pinned; lets go of the message before
    pinned = np.array(model.holding().pinned)
    assert pinned[:n_system].all()
    for old in (first, second):
        assert not pinned[old.spans[0].pos : old.spans[0].stop].any()


def test_cancel_stops_a_prefill_within_a_chunk(model):
    opened(model)
    seen = []
    for item in model.append([Message(Role.USER, "word " * 3000)]):
        seen.append(item)
        if isinstance(item, Prefill) and item.n_done == 128:
            model.cancel()
    end = seen[-1]
    assert end.cancelled
    # the pipe holds a few chunks that were done before the word arrived
    assert sum(len(s.ids) for s in end.spans) == max(
        i.n_done for i in seen if isinstance(i, Prefill)
    )
    assert end.spans[-1].stop == model.status().n_pos < 3000


def test_cancel_from_another_thread_stops_sampling(model):
    opened(model)
    say(model, "Once")
    timer = threading.Timer(0.1, model.cancel)
    timer.start()
    end = list(model.generate(Limits(max_tokens=40_000, temperature=1.5, min_p=0)))[-1]
    timer.join()
    assert end.reason is StopReason.CANCELLED
    assert list(model.generate(Limits(max_tokens=3)))[-1].reason is not StopReason.CANCELLED


def test_an_abandoned_stream_does_not_block_the_next_call(model):
    opened(model)
    for _ in model.append([Message(Role.USER, "word " * 1000)]):
        break
    assert model.status().n_pos > 0
    assert say(model, "Hello").spans


def test_two_calls_at_once_are_refused(model):
    opened(model)
    stream = model.append([Message(Role.USER, "word " * 1000)])
    next(stream)
    with pytest.raises(EngineError, match="still running"):
        model.status()
    stream.close()
    assert model.status().n_pos > 0


def test_what_the_engine_refuses_arrives_as_its_error(model):
    opened(model)
    with pytest.raises(EngineError, match="open already"):
        opened(model)
    with pytest.raises(EngineError, match="window of 50000"):
        say(model, "word " * 60_000)
    with pytest.raises(EngineError, match="knows no 'quit'"):
        model._call("quit")
    assert say(model, "Hello").spans


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_dead_engine_is_told_and_can_be_started_again(model, how):
    opened(model)
    stream = model.append([Message(Role.USER, "word " * 4000)])
    next(stream)
    os.kill(model.pid, how)
    with pytest.raises(EngineDied, match=how.name) as caught:
        list(stream)
    assert "the session is safe" in str(caught.value)
    with pytest.raises(EngineDied):
        model.status()
    model.cancel()
    assert model.restart().n_vocab == 512
    assert model.status().n_pos == 0
    opened(model)
    assert list(model.generate(LIMITS))[-1].spans


def test_an_engine_without_its_parent_ends(tmp_path):
    model = make()
    pid = model.pid
    os.close(model._process._child.stdin.fileno())
    deadline = time.monotonic() + 10
    while model._process.is_alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not model._process.is_alive, pid
    with pytest.raises(EngineDied):
        model.status()


def test_nothing_is_printed_and_the_log_is_kept(capfd):
    model = make()
    assert any("llama" in line for line in model.log)
    model.close()
    model.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "cache", "error", "words"),
    [
        (Path("/no/such.gguf"), {}, ModelError, "no such file"),
        (None, {}, ModelError, "--model"),
        (STORIES, {"policy": "lru"}, ConfigError, "'lru' is not known"),
        (STORIES, {"budget": 3}, ConfigError, "raise the budget"),
    ],
)
def test_a_refused_start_is_one_error(path, cache, error, words):
    with pytest.raises(error, match=words):
        make(path, **cache)


def test_a_vocabulary_without_bytes_is_refused_and_not_crashed_on(tmp_path):
    path = write_model(tmp_path / "m.gguf", ["<unk>", "<s>", "</s>", *"abc"])
    with pytest.raises(ModelError, match="byte tokens"):
        make(path)


def test_modules_lying_in_the_working_folder_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    model = EngineModel(ModelConfig(path=STORIES), CacheConfig(policy="none"))
    assert model.info.policy == "none" and model.count("hello there") > 0
    model.close()


def test_limits_of_one_message(model):
    opened(model)
    say(model, "Once upon a time")
    end = list(model.generate(Limits(max_tokens=7)))[-1]
    assert end.reason is StopReason.LENGTH and end.usage.n_decode == 7


def test_every_message_type_is_known_on_both_sides():
    for kind in (Prefill, Evicted, StepEnd, Limits, Message, ToolSchema, CacheConfig):
        assert wire.TYPES[kind.__name__] is kind
