"""Small models whose weights were read, changed and written again: biases, other weight types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np

Q8_0, F16 = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F16
Tensors = dict[str, np.ndarray]


def rewrite(
    source: Path,
    target: Path,
    change: Callable[[Tensors], None] | None = None,
    kind: gguf.GGMLQuantizationType | None = None,
) -> Path:
    """Copy a float32 model.

    Args:
        change: adds to its tensors or replaces them.
        kind: of the matrices; None: float32.
    """
    reader = gguf.GGUFReader(source)
    tensors = {t.name: np.array(t.data, np.float32) for t in reader.tensors}
    if change is not None:
        change(tensors)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            sub = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub_type=sub)
    for name, array in tensors.items():
        if kind is None or array.ndim == 1:
            writer.add_tensor(name, array)
        else:
            raw = gguf.quants.quantize(array, kind)
            writer.add_tensor(name, raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def with_biases(tensors: Tensors) -> None:
    """Give every query, key and value projection a random bias."""
    rng = np.random.default_rng(9)
    for name in [n for n in tensors if n.split(".")[2:3] and n.split(".")[2] in QKV]:
        bias = rng.normal(0, 0.5, len(tensors[name])).astype(np.float32)
        tensors[name.replace(".weight", ".bias")] = bias


QKV = ("attn_q", "attn_k", "attn_v")
