"""Models of every kind of query that the engine captures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Kind:
    """A small model and how to run it."""

    path: Path
    shape: object
    config: object


KINDS = {
    "adjacent": ("llama", False),
    "half-and-q_norm": ("qwen3", False),
    "adjacent-and-bias": ("llama", True),
    "half-and-bias": ("qwen2", True),
    "half-partial": ("stablelm", False),
    "adjacent-partial-fused": ("chatglm", False),
    "one-query-head-each": ("one", False),
}


@pytest.fixture(scope="session")
def kind_of(tmp_path_factory):
    """Name in KINDS -> Kind, each written once."""
    from dataclasses import replace

    from tests.calibrate.models import rewrite, with_biases
    from tests.native.models import LLAMA, QWEN3, Shape, write
    from triagent.config import ModelConfig

    shapes = {
        "llama": LLAMA,
        "qwen3": QWEN3,
        "qwen2": Shape("qwen2", n_embd=256),
        "stablelm": Shape("stablelm", n_embd=256, n_head_kv=4, n_rot=16),
        "chatglm": Shape("chatglm", n_embd=256, n_rot=32),
        "one": replace(QWEN3, n_head=2),
    }
    folder, made = tmp_path_factory.mktemp("kinds"), {}

    def make(name: str) -> Kind:
        if name not in made:
            arch, biased = KINDS[name]
            path = write(folder / f"{name}.gguf", shapes[arch])
            if biased:
                path = rewrite(path, folder / f"{name}-biased.gguf", with_biases)
            made[name] = Kind(path, shapes[arch], ModelConfig(path=path, threads=1, gpu_layers=0))
        return made[name]

    return make


@pytest.fixture(params=KINDS)
def kind(request, kind_of):
    return kind_of(request.param)
