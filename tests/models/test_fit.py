import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import psutil
import pytest

from triagent.config import CacheConfig, Config, ModelConfig
from triagent.models import fit
from triagent.models.catalog import CATALOG, source_of
from triagent.models.fit import Shape, estimate

GIB = 2**30
QWEN3_8B = Shape(5 * GIB, 36, 8, 128, 128, 4096, 151936, 32768)


@dataclass(frozen=True)
class Gpu:
    free_bytes: int
    name: str = "CUDA0"
    is_gpu: bool = True


@pytest.fixture
def main_memory(monkeypatch):
    def set_free(n_bytes):
        memory = SimpleNamespace(available=n_bytes, total=n_bytes)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)

    set_free(32 * GIB)
    return set_free


def test_a_cell_of_qwen3_8b_at_f16_is_144_kib():
    assert QWEN3_8B.cell_bytes("f16") == 144 * 1024
    assert QWEN3_8B.cell_bytes("q8_0") == 144 * 1024 / 2 * 34 / 32


def test_a_budget_of_12288_fits_a_12_gib_card_with_all_layers(main_memory):
    found = estimate(QWEN3_8B, ModelConfig(), CacheConfig(budget=11648), [Gpu(12 * GIB)])
    assert found.fits and found.n_cells == 12288 and found.n_layer_gpu == 36
    assert str(found).startswith("fits: 12,288 cells, 36 of 36 layers on CUDA0")
    assert found.cache_bytes == 12288 * 144 * 1024


def test_a_small_card_takes_some_layers_and_main_memory_the_rest(main_memory):
    found = estimate(QWEN3_8B, ModelConfig(), CacheConfig(budget=4096), [Gpu(5 * GIB)])
    assert found.fits and 0 < found.n_layer_gpu < 36


def test_without_a_gpu_all_is_in_main_memory(main_memory):
    found = estimate(QWEN3_8B, ModelConfig(), CacheConfig())
    assert found.fits and found.n_layer_gpu == 0 and "CPU" in str(found)


def test_what_is_larger_than_memory_does_not_fit(main_memory):
    main_memory(4 * GIB)
    found = estimate(QWEN3_8B, ModelConfig(), CacheConfig())
    assert not found.fits and str(found).startswith("does not fit: needs")


def test_layers_that_were_asked_for_are_a_ceiling(main_memory):
    found = estimate(QWEN3_8B, ModelConfig(gpu_layers=10), CacheConfig(), [Gpu(80 * GIB)])
    assert found.n_layer_gpu == 10


def test_without_eviction_the_whole_context_is_counted(main_memory):
    found = estimate(QWEN3_8B, ModelConfig(), CacheConfig(policy="none"))
    assert found.n_cells == 32768
    bounded = estimate(QWEN3_8B, ModelConfig(n_ctx=1000), CacheConfig(budget=4096))
    assert bounded.n_cells == 1000


def test_more_memory_never_fits_fewer_layers(main_memory):
    layers = [
        estimate(QWEN3_8B, ModelConfig(), CacheConfig(budget=4096), [Gpu(n * GIB)]).n_layer_gpu
        for n in range(1, 12)
    ]
    assert layers == sorted(layers) and layers[-1] == 36


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_every_model_of_the_list_fits_the_card_it_is_said_to_be_for(model, main_memory):
    from triagent.models.shelf import listed_fit

    card = Gpu(int(re.search(r"for (\d+) GB", model.about)[1]) * GIB * 19 // 20)  # some is taken
    found = listed_fit(model, Config(cache=CacheConfig(budget=4096)), [card])
    assert found.fits and found.n_layer_gpu == found.n_layer, str(found)


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_sizes_of_the_list_agree_with_names_and_shapes(model):
    n_params = 1e9 * float(re.search(r"(\d+(?:\.\d+)?)b$", model.name)[1])
    bits = 8 * model.n_bytes / n_params
    assert 4.2 < bits < 6.2, bits  # Q4_K_M and MXFP4, embeddings and norms among them
    assert model.source.file.endswith(".gguf") and source_of(model.name) == model.source
    assert source_of(str(model.source)) == model.source
    assert [x.name for x in CATALOG].count(model.name) == 1


def test_the_list_says_that_nobody_checked_it(capsys, tmp_path, main_memory):
    from triagent.models import commands

    commands._list(False, Config(), (), tmp_path)
    out = capsys.readouterr().out
    assert "neither\ndownloaded nor run them" in out and "hub's hash" in out
    assert all(model.name in out for model in CATALOG)


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_every_model_of_the_list_fits_24_gib(model, main_memory):
    from triagent.models.shelf import listed_fit

    config = Config(cache=replace(CacheConfig(), budget=8192))
    found = listed_fit(model, config, [Gpu(24 * GIB)])
    assert found.fits and found.n_layer_gpu == found.n_layer
    assert fit.gib(model.n_bytes)
