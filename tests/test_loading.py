import io
from pathlib import Path

import pytest

from triagent.config import CacheConfig, Config, ModelConfig
from triagent.errors import EngineDied, MemoryShortError, ModelError, SidecarError
from triagent.loading import is_memory_short, open_within_memory, steps

STORIES = Path(__file__).parent / "data/models/stories260K-f32.gguf"
GPU_FULL = "llama.cpp refused it: unable to allocate CUDA0 buffer"


class Opened:
    def __init__(self):
        self.notes = []

    def add_note(self, text):
        self.notes.append(text)


def opening(fits, message=GPU_FULL):
    """An opener that refuses for want of memory until `fits` says yes."""
    tried = []

    def opener(config):
        tried.append(config)
        if not fits(config):
            raise ModelError(message)
        return Opened()

    opener.tried = tried
    return opener


def config(**cache):
    return Config(model=ModelConfig(path=STORIES), cache=CacheConfig(**cache))


def test_what_fits_is_opened_as_it_is():
    opener = opening(lambda item: True)
    model, used = open_within_memory(config(), opener=opener)
    assert used == config() and not model.notes and len(opener.tried) == 1


def test_the_steps_are_tried_in_order_told_and_noted():
    told = []
    opener = opening(lambda item: item.model.gpu_layers == 0)
    model, used = open_within_memory(config(), told.append, opener)
    found = [text.removeprefix("not enough memory; trying ") for text in told]
    layers, cells = "2 of 5 layers on the GPU", "a budget of 1,024"
    assert found == [
        "3 of 5 layers on the GPU",
        layers,
        f"{layers}, a budget of 4,096",
        f"{layers}, a budget of 2,048",
        f"{layers}, {cells}",
        f"{layers}, {cells}, a cache of q8_0",
        f"the CPU alone, {cells}, a cache of q8_0",
    ]
    assert model.notes == [f"Memory was short: it runs with {found[-1]}."]
    assert (used.cache.budget, used.model.cache_type, used.model.gpu_layers) == (1024, "q8_0", 0)


def test_without_a_gpu_only_the_cache_becomes_smaller():
    assert [text for text, _ in steps(config(budget=3000), on_gpu=False)] == [
        "a budget of 2,048",
        "a budget of 1,024",
        "a budget of 1,024, a cache of q8_0",
    ]


def test_without_a_budget_the_context_becomes_smaller():
    assert [text for text, _ in steps(config(policy="none"), on_gpu=False)] == [
        "a context of 16,384",
        "a context of 8,192",
        "a context of 4,096",
        "a context of 4,096, a cache of q8_0",
    ]


def test_another_refusal_is_an_answer():
    def opener(item):
        raise SidecarError("made for another model")

    with pytest.raises(SidecarError):
        open_within_memory(config(), opener=opener)
    opener = opening(lambda item: False, "not a model")
    with pytest.raises(ModelError, match="not a model"):
        open_within_memory(config(), opener=opener)
    assert len(opener.tried) == 1


def test_when_nothing_fits_there_is_one_error_with_the_way_out():
    with pytest.raises(MemoryShortError, match="models list"):
        open_within_memory(config(), opener=opening(lambda item: False))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EngineDied("The engine's process ended (signal SIGKILL)."), True),
        (EngineDied("The engine's process ended (signal SIGSEGV)."), False),
        (ModelError("ggml_backend_cuda: failed to allocate 5 GiB: out of memory"), True),
        (MemoryShortError("x"), True),
        (ModelError("tensor 'x' has wrong shape"), False),
    ],
)
def test_a_shortage_of_memory_is_told_from_other_failures(error, expected):
    assert is_memory_short(error) is expected


@pytest.mark.native
def test_a_cache_that_cannot_fit_is_refused_before_it_is_allocated():
    from triagent.engine.client import open_model

    huge = Config(
        model=ModelConfig(path=STORIES, n_ctx=2_000_000_000, threads=1),
        cache=CacheConfig(budget=1_900_000_000, policy="knorm"),
    )
    with pytest.raises(MemoryShortError, match="GiB are free"):
        open_model(huge)


def test_a_run_without_a_screen_prints_each_step_in_order(tmp_path, monkeypatch, capsys):
    from triagent import cli
    from triagent import opening as program

    def gives_up(given, report):
        return open_within_memory(config(), report, opening(lambda item: False))

    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path))
    monkeypatch.setattr(program, "open_within_memory", gives_up)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert cli.main(["run", "-C", str(tmp_path), "--model", str(STORIES), "hello"]) == 1
    told = capsys.readouterr().err.splitlines()
    wanted = [text for text, _ in steps(config(), on_gpu=True)]
    assert told[:-2] == [f"triagent: not enough memory; trying {text}" for text in wanted]
    assert "Every smaller setting was tried" in told[-1]
    parts = ["layers on the GPU", "a budget of", "a cache of q8_0", "the CPU alone"]
    first = [next(n for n, text in enumerate(wanted) if part in text) for part in parts]
    assert first == sorted(first) and len(set(first)) == 4  # the order that is promised
