"""Engines on tiny models, each closed after its test."""

from __future__ import annotations

from pathlib import Path

import pytest

STORIES = Path(__file__).parents[1] / "data" / "models" / "stories260K-f32.gguf"


@pytest.fixture(scope="session")
def model_path(tmp_path_factory):
    """Shape -> GGUF with random weights, each written once."""
    from tests.native.models import write

    folder, made = tmp_path_factory.mktemp("shapes"), {}

    def path_of(shape):
        if repr(shape) not in made:
            made[repr(shape)] = write(folder / f"{len(made)}.gguf", shape)
        return made[repr(shape)]

    return path_of


@pytest.fixture
def engine_of():
    """(path, **cache settings) -> Engine on that model, with a window of 100,000."""
    from triagent.config import CacheConfig, ModelConfig
    from triagent.engine.assembly import assemble
    from triagent.engine.engine import Engine

    made = []

    def make(
        path=STORIES, *, cache_type="f16", n_ctx=100_000, seed=0, cancelled=None,
        layer_shares=None, **cache,
    ):  # fmt: skip
        settings = {"budget": 256, "interval": 32, "chunk": 64, "n_window": 32, "policy": "knorm"}
        model = ModelConfig(path=path, n_ctx=n_ctx, threads=1, cache_type=cache_type)
        parts = assemble(model, CacheConfig(**settings | cache), seed, shares=layer_shares)
        made.append(Engine(parts, cancelled or (lambda: False)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()
        engine.close()  # twice is allowed
