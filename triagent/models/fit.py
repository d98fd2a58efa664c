"""How a model would run here, estimated from its header before anything is loaded.

Memory is weights + cache at the budget + compute buffers. The sizes of weights and cache are
exact for the usual architectures; compute buffers are a bound. Nothing here loads a library:
free memory is given, or read from the system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from triagent.config import CacheConfig, ModelConfig
from triagent.engine.model_file import ModelFile, open_model_file
from triagent.kv.gguf_file import BLOCKS
from triagent.kv.policy import auto_budget
from triagent.models.catalog import CatalogModel

_GGML_TYPE = {"f32": 0, "f16": 1, "bf16": 30, "q8_0": 8, "q4_0": 2}
GPU_RESERVE_BYTES = 2**30
"""Of each GPU, left to the display and to other programs."""


class Device(Protocol):
    """What is asked of a device of the library."""

    @property
    def name(self) -> str: ...

    @property
    def is_gpu(self) -> bool: ...

    @property
    def free_bytes(self) -> int: ...


@dataclass(frozen=True)
class Shape:
    """What memory use depends on."""

    weight_bytes: int
    n_layer: int
    n_head_kv: float
    """Mean over the layers; they may differ."""
    key_dim: int
    value_dim: int
    n_embd: int
    n_vocab: int
    n_ctx_train: int

    def cell_bytes(self, cache_type: str) -> float:
        """Bytes of K and V of one token in all layers."""
        per, size = BLOCKS[_GGML_TYPE[cache_type]]
        return self.n_layer * self.n_head_kv * (self.key_dim + self.value_dim) * size / per


@dataclass(frozen=True)
class Fit:
    """How a model would run."""

    fits: bool
    n_cells: int
    """Cells of the cache: budget, slack and one chunk."""
    n_layer_gpu: int
    n_layer: int
    weight_bytes: int
    cache_bytes: int
    compute_bytes: int
    free_bytes: int
    """Where the weights would lie: GPU and main memory together when they are split."""
    device: str

    @property
    def total_bytes(self) -> int:
        """All that must be free."""
        return self.weight_bytes + self.cache_bytes + self.compute_bytes

    def __str__(self) -> str:
        size = f"{gib(self.total_bytes)} of {gib(self.free_bytes)} free"
        if not self.fits:
            return f"does not fit: needs {size}"
        layers = f", {self.n_layer_gpu} of {self.n_layer} layers on {self.device}" if (
            self.n_layer_gpu
        ) else f", all {self.n_layer} layers on the CPU"
        return f"fits: {self.n_cells:,} cells{layers} ({size})"


def shape_of(path: Path) -> Shape:
    """Read a model's shape from its header.

    Raises:
        ModelError: the file would be refused; the message says why.
    """
    return _shape(open_model_file(path))


def shape_from_catalog(model: CatalogModel) -> Shape:
    """The shape that the list gives; embedding and vocabulary are guessed."""
    return Shape(
        weight_bytes=model.n_bytes,
        n_layer=model.n_layer,
        n_head_kv=model.n_head_kv,
        key_dim=model.head_dim,
        value_dim=model.head_dim,
        n_embd=4096,
        n_vocab=151936,
        n_ctx_train=model.n_ctx_train,
    )


def estimate(
    shape: Shape, model: ModelConfig, cache: CacheConfig, devices: Sequence[Device] = ()
) -> Fit:
    """Say whether and how a model of this shape would run with these settings.

    Args:
        devices: of the library; without any, the main memory is all there is.
    """
    gpus = [device for device in devices if device.is_gpu]
    free_gpu = sum(max(0, device.free_bytes - GPU_RESERVE_BYTES) for device in gpus)
    free_main = int(psutil.virtual_memory().available)
    cell = shape.cell_bytes(model.cache_type)
    n_ctx = model.n_ctx or shape.n_ctx_train or 4096
    free_for_cache = sum(device.free_bytes for device in gpus) or free_main
    budget = cache.budget or auto_budget(None, free_for_cache, cell, n_ctx)
    n_bounded = budget + cache.interval + cache.chunk
    n_cells = n_ctx if cache.policy == "none" else min(n_ctx, n_bounded)
    cache_bytes = int(n_cells * cell)
    compute = compute_bytes(shape, cache.chunk)
    per_layer = (shape.weight_bytes + cache_bytes) / (shape.n_layer + 1)
    fit_layers = int(max(0, free_gpu - compute) / max(per_layer, 1.0))
    wanted = shape.n_layer + 1 if model.gpu_layers < 0 else model.gpu_layers
    on_gpu = min(wanted, fit_layers, shape.n_layer + 1) if gpus else 0
    on_main = (shape.n_layer + 1 - on_gpu) * per_layer + (0 if on_gpu else compute)
    return Fit(
        # Weights are mapped from the file: nine tenths of what is free leaves room for the rest.
        fits=on_main <= free_main * 0.9,
        n_cells=n_cells,
        n_layer_gpu=min(on_gpu, shape.n_layer),
        n_layer=shape.n_layer,
        weight_bytes=shape.weight_bytes,
        cache_bytes=cache_bytes,
        compute_bytes=compute,
        free_bytes=free_main if not on_gpu else free_gpu + free_main * (on_gpu <= shape.n_layer),
        device=gpus[0].name if gpus else "the CPU",
    )


def compute_bytes(shape: Shape, chunk: int) -> int:
    """A bound on the compute buffers: one chunk's activations, and logits of it."""
    # About a dozen live tensors of the embedding's width, four times that in the feed-forward
    # part, and the logits; flash attention keeps no matrix of all cells.
    activations = chunk * shape.n_embd * 4 * 28
    logits = chunk * shape.n_vocab * 4
    return activations + logits + 64 * 2**20


def gib(n_bytes: float) -> str:
    """Bytes for people."""
    if n_bytes >= 2**30:
        return f"{n_bytes / 2**30:.1f} GiB"
    return f"{n_bytes / 2**20:.0f} MiB"


def _shape(file: ModelFile) -> Shape:
    n_head = _mean(file, "attention.head_count", 1.0)
    n_embd = file.number("embedding_length", 1)
    width = int(n_embd // max(1.0, n_head))
    return Shape(
        weight_bytes=file.weight_bytes,
        n_layer=max(1, file.number("block_count", 1)),
        n_head_kv=_mean(file, "attention.head_count_kv", n_head),
        key_dim=file.number("attention.key_length", width),
        value_dim=file.number("attention.value_length", width),
        n_embd=n_embd,
        n_vocab=_n_vocab(file),
        n_ctx_train=file.number("context_length", 4096),
    )


def _mean(file: ModelFile, key: str, default: float) -> float:
    # One number, or one for each layer.
    value = file.header.values.get(f"{file.architecture}.{key}", default)
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        return sum(value) / len(value)
    return float(value) if isinstance(value, (int, float)) else default


def _n_vocab(file: ModelFile) -> int:
    embedding = file.header.tensors.get("token_embd.weight")
    return embedding.shape[-1] if embedding is not None and embedding.shape else 32000
