"""RoPE and scores in float64, from a model's numbers alone: independent of the library's RoPE."""

from __future__ import annotations

import numpy as np

from tests.native.models import Shape
from triagent.kv.score import Mode, Pairing, linear, to_bands, znorm

ADJACENT = ("llama", "chatglm")


def pairing_of(shape: Shape) -> Pairing:
    return Pairing.ADJACENT if shape.arch in ADJACENT else Pairing.HALF


def yarn(omega: np.ndarray, theta: float, n_rot: int, factor: float, n_orig: int):
    """Frequencies and magnitude after YaRN as ggml has it: ramp between rounded limits."""

    def dim_of(beta: float) -> float:
        return n_rot * np.log(n_orig / (beta * 2 * np.pi)) / (2 * np.log(theta))

    low, high = max(0, np.floor(dim_of(32.0))), min(n_rot - 1, np.ceil(dim_of(1.0)))
    ramp = 1 - np.clip((np.arange(n_rot // 2) - low) / max(0.001, high - low), 0, 1)
    return omega / factor * (1 - ramp) + omega * ramp, 1 + 0.1 * np.log(factor)


def rope_of(shape: Shape, longer: bool = False) -> tuple[np.ndarray, float]:
    """Angular frequencies (n_band,) and magnitude of a model's full-attention layers."""
    n_rot = shape.n_rot or shape.head_dim
    omega = shape.rope_theta ** (-2.0 * np.arange(n_rot // 2) / n_rot)
    if shape.rope_freqs is not None:
        omega = omega / np.array(shape.rope_freqs)
    if shape.rope_long is not None:
        omega = omega / np.array(shape.rope_long if longer else shape.rope_short)
    kind = shape.extra.get("rope.scaling.type")
    factor = shape.extra.get("rope.scaling.factor", 1.0)
    if kind == "yarn":
        n_orig = shape.extra["rope.scaling.original_context_length"]
        return yarn(omega, shape.rope_theta, n_rot, factor, n_orig)
    return (omega / factor if kind == "linear" else omega), 1.0


def vector_scores(shape: Shape, keys, coefficients, now: int, longer: bool = False):
    """Score every vector: per layer (n_head_kv, n_vec, n_candidates) float64.

    Args:
        keys: per layer (n_candidates, n_head_kv, head_dim).
    """
    pairing = pairing_of(shape)
    n_rot = shape.n_rot or shape.head_dim
    omega, magnitude = rope_of(shape, longer)
    result = []
    for k, layer in zip(keys, coefficients, strict=True):
        heads = []
        for h in range(k.shape[1]):
            vectors = to_bands(layer.vectors[h], pairing, n_rot)
            bands = to_bands(k[:, h], pairing, n_rot)
            score = linear(bands, now, vectors, layer.weights[h], omega, magnitude)
            # dimensions that are not rotated; the library's RoPE leaves their length alone
            rest = np.asarray(layer.vectors[h], np.float64)[:, n_rot:] @ k[:, h, n_rot:].T
            heads.append(score + rest)
        result.append(np.stack(heads))
    return result


def row_scores(vectors, normalize: bool) -> np.ndarray:
    """Aggregate vectors of all layers to rows: (n_rows, n_candidates)."""
    rows = [(znorm(v) if normalize else v).max(1) for v in vectors]
    return np.concatenate(rows)


def set_scores(rows: np.ndarray, n_head_kv: int, mode: Mode) -> np.ndarray:
    """What is ranked in each mode: (n_sets, n_candidates)."""
    heads = rows.reshape(-1, n_head_kv, rows.shape[1]).mean(0)
    return {
        Mode.LAYER_HEAD: rows,
        Mode.HEAD: heads,
        Mode.SHARED: rows.max(0, keepdims=True),
        Mode.SHARED_MEAN: heads.max(0, keepdims=True),
    }[mode]
