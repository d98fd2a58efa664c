"""A real shortage: the engine's process may have only so much memory, and llama.cpp's own
allocation fails. What is tried then is printed in order, and what fits is used."""

from __future__ import annotations

import os
import resource
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from triagent.config import CacheConfig, Config, ModelConfig
from triagent.errors import MemoryShortError
from triagent.loading import open_within_memory

pytestmark = pytest.mark.native
STORIES = Path(__file__).parents[1] / "data/models/stories260K-f32.gguf"
N_LAYER, N_EMBD, N_HEAD, HEAD_DIM, N_FF = 24, 64, 16, 128, 64
CELL = 2 * N_LAYER * N_HEAD * HEAD_DIM * 2  # bytes at f16: 192 KiB


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Random weights of a few MiB, cells as large as a real model's, and a tiny vocabulary."""
    import gguf

    path = tmp_path_factory.mktemp("wide") / "wide.gguf"
    writer, rng = gguf.GGUFWriter(path, "llama"), np.random.default_rng(0)
    for name, field in gguf.GGUFReader(STORIES).fields.items():
        if name.startswith("tokenizer."):
            inner = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)
    writer.add_block_count(N_LAYER)
    writer.add_context_length(32768)
    writer.add_embedding_length(N_EMBD)
    writer.add_feed_forward_length(N_FF)
    writer.add_head_count(N_HEAD)
    writer.add_head_count_kv(N_HEAD)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-5)

    def add(name, *shape):
        made = np.ones(shape) if len(shape) == 1 else rng.normal(0, 0.05, shape)
        writer.add_tensor(f"{name}.weight", made.astype(np.float32 if len(shape) == 1 else "f2"))

    width = N_HEAD * HEAD_DIM
    add("token_embd", 512, N_EMBD)
    add("output_norm", N_EMBD)
    for il in range(N_LAYER):
        add(f"blk.{il}.attn_norm", N_EMBD)
        for part in "qkv":
            add(f"blk.{il}.attn_{part}", width, N_EMBD)
        add(f"blk.{il}.attn_output", N_EMBD, width)
        add(f"blk.{il}.ffn_norm", N_EMBD)
        add(f"blk.{il}.ffn_gate", N_FF, N_EMBD)
        add(f"blk.{il}.ffn_up", N_FF, N_EMBD)
        add(f"blk.{il}.ffn_down", N_EMBD, N_FF)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def config(path, **cache) -> Config:
    model = ModelConfig(path=path, n_ctx=30_000, threads=1, gpu_layers=0)
    return Config(model=model, cache=CacheConfig(policy="knorm", **cache))


@pytest.fixture(scope="module")
def smallest(wide):
    """Address space of an engine with a budget of 1,024, bytes."""
    from triagent.engine.client import open_model

    os.environ["MALLOC_ARENA_MAX"] = "1"  # each would reserve 64 MiB, or do without
    model = open_model(config(wide, budget=1024))
    try:
        yield psutil.Process(model.pid).memory_info().vms
    finally:
        model.close()
        del os.environ["MALLOC_ARENA_MAX"]


@pytest.fixture
def within(monkeypatch):
    """Engines that start from now on have this much address space, bytes."""
    real = subprocess.Popen

    def limit(n_bytes):
        def start(command, **options):
            def hold():
                resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))

            if command[-1] == "triagent.engine.worker":
                options["preexec_fn"] = hold
            return real(command, **options)

        monkeypatch.setattr(subprocess, "Popen", start)

    return limit


SLOW = pytest.mark.slow
LADDER = [
    "not enough memory; trying a budget of 4,096",
    "not enough memory; trying a budget of 2,048",
    "not enough memory; trying a budget of 1,024",
    "not enough memory; trying a budget of 1,024, a cache of q8_0",
]


@pytest.mark.parametrize(
    ("n_more_cells", "n_steps"),
    [pytest.param(1536, 2, marks=SLOW), pytest.param(512, 3, marks=SLOW), (-512, 4)],
    ids=["2048", "1024", "q8_0"],
)
def test_what_does_not_fit_is_tried_smaller_in_printed_order(
    wide, smallest, within, n_more_cells, n_steps
):
    within(smallest + n_more_cells * CELL)
    told: list[str] = []
    model, used = open_within_memory(config(wide, budget=8192), told.append)
    try:
        assert told == LADDER[:n_steps]
        assert model.info.notes[-1] == (
            "Memory was short: it runs with " + told[-1].removeprefix("not enough memory; trying ")
            + "."
        )
        assert used.cache.budget == (2048, 1024, 1024)[n_steps - 2]
        assert used.model.cache_type == ("q8_0" if n_steps == 4 else "f16")
        list(model.open("You are small.", ()))
        assert model.status().n_pos > 0  # it works, not only loads
    finally:
        model.close()


@pytest.mark.slow
def test_when_nothing_is_small_enough_one_error_says_so(wide, smallest, within):
    within(smallest - 1500 * CELL)
    told: list[str] = []
    with pytest.raises(MemoryShortError, match="Every smaller setting was tried"):
        open_within_memory(config(wide, budget=8192), told.append)
    assert told == LADDER


@pytest.mark.slow
def test_a_smaller_context_is_tried_where_nothing_is_evicted(wide, smallest, within):
    within(smallest + 4000 * CELL)
    told: list[str] = []
    whole = config(wide)
    whole = replace(whole, cache=replace(whole.cache, policy="none"))
    model, used = open_within_memory(whole, told.append)
    model.close()
    contexts = ["16,384", "8,192", "4,096"]
    assert told == [f"not enough memory; trying a context of {x}" for x in contexts[: len(told)]]
    assert used.model.n_ctx in (8192, 4096)
