"""Small random-weight models of real architectures, written as GGUF by the tests.

Knows only what llama.cpp demands of a file; the numbers in it mean nothing. The writer is our own,
so that `gpu_check.py` runs where nothing but numpy is installed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

F32, F16, Q4_0 = 0, 1, 2
ALIGNMENT = 32
N_VOCAB = 64


@dataclass(frozen=True)
class Shape:
    """A decoder's geometry."""

    arch: str = "llama"
    n_layer: int = 2
    n_embd: int = 64
    n_head: int = 4
    n_head_kv: int | tuple[int, ...] = 2
    """A tuple gives each layer its own; 0 is a layer without attention (lfm2)."""
    head_dim: int = 64
    n_ff: int = 64
    n_vocab: int = N_VOCAB
    rope_theta: float = 10000.0
    n_rot: int | None = None
    """Rotated dimensions; None: all."""
    n_ctx_train: int = 4096
    weights: int = F32
    seed: int = 0
    extra: dict = field(default_factory=dict)
    """More metadata, keys without the architecture's prefix."""
    tensors: dict[str, tuple[int, ...]] | None = None
    """All of them, rows first, where the architecture is unlike those below."""
    rope_freqs: tuple[float, ...] | None = None
    rope_long: tuple[float, ...] | None = None
    rope_short: tuple[float, ...] | None = None

    def kv_heads(self, il: int) -> int:
        return self.n_head_kv if isinstance(self.n_head_kv, int) else self.n_head_kv[il]


def _metadata(shape: Shape) -> dict:
    heads = shape.n_head_kv
    keys = {
        "block_count": shape.n_layer,
        "context_length": shape.n_ctx_train,
        "embedding_length": shape.n_embd,
        "feed_forward_length": shape.n_ff,
        "attention.head_count": shape.n_head,
        "attention.head_count_kv": heads if isinstance(heads, int) else list(heads),
        "attention.key_length": shape.head_dim,
        "attention.value_length": shape.head_dim,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.layer_norm_epsilon": 1e-5,
        "rope.dimension_count": shape.n_rot or shape.head_dim,
        "rope.freq_base": shape.rope_theta,
        "vocab_size": shape.n_vocab,
    } | shape.extra
    general = {"general.architecture": shape.arch, "tokenizer.ggml.model": "none"}
    return general | {f"{shape.arch}.{key}": value for key, value in keys.items()}


def _attention(shape: Shape, il: int) -> dict:
    q, kv, n = shape.n_head * shape.head_dim, shape.kv_heads(il) * shape.head_dim, shape.n_embd
    if shape.arch in ("phi3", "chatglm"):
        tensors = {"attn_qkv": (q + 2 * kv, n)}
    else:
        tensors = {"attn_q": (q, n), "attn_k": (kv, n), "attn_v": (kv, n)}
    tensors["attn_output"] = (n, q)
    if shape.arch in ("qwen3", "gemma3", "lfm2"):
        tensors |= {"attn_q_norm": (shape.head_dim,), "attn_k_norm": (shape.head_dim,)}
    return tensors


def _layer(shape: Shape, il: int) -> dict:
    n, ff = shape.n_embd, shape.n_ff
    fused = shape.arch in ("phi3", "chatglm")
    tensors = {"attn_norm": (n,), "ffn_norm": (n,), "ffn_down": (n, ff)}
    tensors |= {"ffn_up": (2 * ff if fused else ff, n)}
    if not fused:
        tensors["ffn_gate"] = (ff, n)
    if shape.arch == "gemma3":
        tensors |= {"post_attention_norm": (n,), "post_ffw_norm": (n,)}
    if shape.kv_heads(il) > 0:
        return tensors | _attention(shape, il)
    conv = {"shortconv.conv": (n, 3), "shortconv.in_proj": (3 * n, n), "shortconv.out_proj": (n, n)}
    return tensors | conv


def tensor_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Name -> dimensions as numpy has them (rows first)."""
    if shape.tensors is not None:
        return shape.tensors
    tensors = {"token_embd.weight": (shape.n_vocab, shape.n_embd)}
    norm = "token_embd_norm" if shape.arch == "lfm2" else "output_norm"
    tensors[f"{norm}.weight"] = (shape.n_embd,)
    tensors["output.weight"] = (shape.n_vocab, shape.n_embd)
    if shape.arch == "stablelm":
        tensors["output_norm.bias"] = (shape.n_embd,)
    for il in range(shape.n_layer):
        for name, dims in _layer(shape, il).items():
            tensors[f"blk.{il}.{name}.weight"] = dims
            if shape.arch == "stablelm" and name in ("attn_norm", "ffn_norm"):
                tensors[f"blk.{il}.{name}.bias"] = dims
    return tensors


def _values(shape: Shape, name: str, dims: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name.endswith(".bias"):
        return np.zeros(dims, np.float32)
    if name.endswith("ssm_a"):  # a state that decays
        return -rng.uniform(0.5, 1.5, dims).astype(np.float32)
    if len(dims) == 1:  # norms: gains that differ, so that keys are not all alike
        return rng.uniform(0.5, 1.5, dims).astype(np.float32)
    return (rng.standard_normal(dims) / np.sqrt(dims[-1])).astype(np.float32)


def _random_q4_0(dims: tuple[int, ...], rng: np.random.Generator) -> bytes:
    """Blocks of random nibbles under one scale: no quantising, so billions of weights are quick."""
    blocks = rng.integers(0, 256, (int(np.prod(dims)) // 32, 18), np.uint8)
    scale = np.float16(0.25 / np.sqrt(dims[-1]))
    blocks[:, :2] = np.frombuffer(scale.tobytes(), np.uint8)
    return blocks.tobytes()


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    inner, code = (5, "i") if isinstance(value[0], int) else (6, "f")
    head = struct.pack("<IIQ", 9, inner, len(value))
    return head + struct.pack(f"<{len(value)}{code}", *value)


def _small(shape: Shape) -> dict[str, np.ndarray]:
    """Tables of RoPE factors, which are not random."""
    tables = {}
    if shape.rope_freqs is not None:
        tables["rope_freqs.weight"] = np.array(shape.rope_freqs, np.float32)
    if shape.rope_long is not None:
        tables["rope_factors_long.weight"] = np.array(shape.rope_long, np.float32)
        tables["rope_factors_short.weight"] = np.array(shape.rope_short, np.float32)
    return tables


def write(path: Path, shape: Shape) -> Path:
    """Write a model with random weights and return its path."""
    rng = np.random.default_rng(shape.seed)
    plan: list[tuple[str, tuple[int, ...], int, int]] = []  # name, dims, type, bytes
    sizes = {F32: 4, F16: 2}
    tables = _small(shape)
    for name, dims in (tensor_shapes(shape) | {n: t.shape for n, t in tables.items()}).items():
        kind = F32 if len(dims) == 1 or "conv.conv" in name else shape.weights
        count = int(np.prod(dims))
        plan.append((name, dims, kind, count // 32 * 18 if kind == Q4_0 else count * sizes[kind]))
    keys = _metadata(shape)
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(plan), len(keys)))
        for key, value in keys.items():
            file.write(_string(key) + _value(value))
        offset = 0
        for name, dims, kind, size in plan:
            file.write(_string(name) + struct.pack("<I", len(dims)))
            file.write(struct.pack(f"<{len(dims)}Q", *reversed(dims)))
            file.write(struct.pack("<IQ", kind, offset))
            offset += -(-size // ALIGNMENT) * ALIGNMENT
        for name, dims, kind, size in plan:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            if kind == Q4_0:
                file.write(_random_q4_0(dims, rng))
                continue
            values = tables[name] if name in tables else _values(shape, name, dims, rng)
            encoded = values if kind == F32 else values.astype(np.float16)
            assert encoded.nbytes == size
            file.write(encoded.tobytes())
        file.write(b"\0" * (-file.tell() % ALIGNMENT))
    return path


LLAMA = Shape("llama")
QWEN3 = Shape("qwen3", rope_theta=1e6)
GEMMA3 = replace(
    QWEN3, arch="gemma3", n_layer=6, extra={"attention.sliding_window": 64}, rope_theta=1e6
)
LFM2 = Shape(
    "lfm2", n_layer=3, n_embd=128, n_head=2, n_head_kv=(0, 2, 2), extra={"shortconv.l_cache": 3}
)
