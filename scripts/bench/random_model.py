"""Write a GGUF of a real model's geometry with random weights: speed without a download.

Weights are Q4_0 blocks of random nibbles under one scale, so that activations stay finite; what
such a model says is noise, what it costs is what the real one costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from triagent.kv.fingerprint import fingerprint
from triagent.kv.sidecar import LayerFit, LayerStats, Stats, write_sidecar

TILE_BYTES = 18 << 20  # random blocks that are repeated: disks are slower than this is random
BLOCK, BLOCK_BYTES = 32, 18
SCALE = 0.0043  # nibbles -8 ... 7 have a deviation of 4.6: weights of 0.02


@dataclass(frozen=True)
class Shape:
    """Geometry of a dense Qwen3 model."""

    name: str
    n_layer: int
    n_embd: int
    n_head: int
    n_head_kv: int
    head_dim: int
    n_ff: int
    n_vocab: int
    n_ctx: int = 40960


SHAPES = {
    "qwen3-8b": Shape("qwen3-8b", 36, 4096, 32, 8, 128, 12288, 151936),
    "tiny": Shape("tiny", 2, 128, 4, 2, 64, 256, 512),
}


def _tensors(s: Shape) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes, rows first; one-dimensional ones are norms of ones."""
    q, kv = s.n_head * s.head_dim, s.n_head_kv * s.head_dim
    out: list[tuple[str, tuple[int, ...]]] = [("token_embd.weight", (s.n_vocab, s.n_embd))]
    for il in range(s.n_layer):
        layer = {
            "attn_norm": (s.n_embd,),
            "attn_q": (q, s.n_embd),
            "attn_k": (kv, s.n_embd),
            "attn_v": (kv, s.n_embd),
            "attn_q_norm": (s.head_dim,),
            "attn_k_norm": (s.head_dim,),
            "attn_output": (s.n_embd, q),
            "ffn_norm": (s.n_embd,),
            "ffn_gate": (s.n_ff, s.n_embd),
            "ffn_up": (s.n_ff, s.n_embd),
            "ffn_down": (s.n_embd, s.n_ff),
        }
        out += [(f"blk.{il}.{name}.weight", shape) for name, shape in layer.items()]
    return [*out, ("output_norm.weight", (s.n_embd,)), ("output.weight", (s.n_vocab, s.n_embd))]


def _tile(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (TILE_BYTES // BLOCK_BYTES, BLOCK_BYTES), np.uint8)
    blocks[:, :2] = np.frombuffer(np.float16(SCALE).tobytes(), np.uint8)
    return blocks.ravel()


def write_model(path: Path, shape: Shape, seed: int = 0) -> None:
    """Write the model, streaming: about as fast as the disk."""
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_name(f"random {shape.name}")
    writer.add_block_count(shape.n_layer)
    writer.add_context_length(shape.n_ctx)
    writer.add_embedding_length(shape.n_embd)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv(shape.n_head_kv)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(shape.n_vocab)
    writer.add_tokenizer_model("no_vocab")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    tensors = _tensors(shape)
    for name, dims in tensors:
        if len(dims) == 1:
            writer.add_tensor_info(name, dims, np.dtype(np.float32), dims[0] * 4)
            continue
        n_bytes = dims[0] * dims[1] // BLOCK * BLOCK_BYTES
        row = (dims[0], dims[1] // BLOCK * BLOCK_BYTES)
        kind = gguf.GGMLQuantizationType.Q4_0
        writer.add_tensor_info(name, row, np.dtype(np.uint8), n_bytes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    tile = _tile(seed)
    for _, dims in tensors:
        if len(dims) == 1:
            writer.write_tensor_data(np.ones(dims, np.float32))
            continue
        n_bytes = dims[0] * dims[1] // BLOCK * BLOCK_BYTES
        writer.write_tensor_data(np.resize(tile, n_bytes))
    writer.close()


def write_centers(path: Path, model: Path, shape: Shape, seed: int = 1) -> None:
    """Write random centers and a random fit for that model: scores cost what real ones cost."""
    rng = np.random.default_rng(seed)
    n_band = shape.head_dim // 2
    layers, fits = {}, {}
    for il in range(shape.n_layer):
        mu = rng.normal(size=(shape.n_head, n_band)) + 1j * rng.normal(size=(shape.n_head, n_band))
        layers[il] = LayerStats(
            mu.astype(np.complex64), (np.abs(mu) * rng.uniform(1.01, 2)).astype(np.float32)
        )
        fits[il] = LayerFit(
            mu[: shape.n_head_kv].astype(np.complex64),
            rng.normal(size=(shape.n_head_kv, n_band)).astype(np.float32),
        )
    write_sidecar(path, Stats(fingerprint(model), "qwen3", shape.name, layers, fits))
