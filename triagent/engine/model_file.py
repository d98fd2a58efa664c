"""Look at a GGUF model before llama.cpp does: what would crash it is refused here.

Nothing is loaded. The reasons are known failures of the library: a truncated file ends in a bus
error when it is mapped, and a SentencePiece vocabulary without byte tokens throws through the C
API at the first character that it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triagent.errors import ModelError
from triagent.kv.fingerprint import fingerprint
from triagent.kv.gguf_file import FLOAT_TYPES, GgufError, Header, LongArray, read_array, read_header

MAX_LAYERS = 512
"""LLAMA_MAX_LAYERS of llama.cpp's llama-hparams.h."""


@dataclass(frozen=True)
class ModelFile:
    """What is known of a model from its header."""

    path: Path
    header: Header
    fingerprint: str
    is_quantized: bool
    """Whether any weight is of a block-quantised type."""

    @property
    def architecture(self) -> str:
        return str(self.header.values.get("general.architecture", ""))

    @property
    def name(self) -> str:
        return str(self.header.values.get("general.name", "") or self.path.stem)

    @property
    def weight_bytes(self) -> int:
        return sum(t.n_bytes or 0 for t in self.header.tensors.values())

    def number(self, key: str, default: int = 0) -> int:
        """An integer of the architecture's metadata (`{architecture}.{key}`)."""
        value = self.header.values.get(f"{self.architecture}.{key}", default)
        return value if isinstance(value, int) else default


def open_model_file(path: Path) -> ModelFile:
    """Read and check the header.

    Raises:
        ModelError: missing, not GGUF, truncated, not a model, or with a vocabulary that
            llama.cpp cannot tokenize with.
    """
    try:
        header = read_header(path)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file. Name a GGUF model with --model.") from None
    except (GgufError, OSError) as error:
        raise ModelError(f"{path}: not a usable GGUF model: {error}") from error
    if header.end > header.size:
        raise ModelError(
            f"{path}: the file has {header.size} bytes, its header needs {header.end}. "
            "The download was cut off; get it again."
        )
    if "general.architecture" not in header.values or not header.tensors:
        raise ModelError(f"{path}: a GGUF file, but not a model")
    if header.values.get("general.type") in ("triattention", "imatrix", "adapter"):
        kind = header.values["general.type"]
        raise ModelError(f"{path}: a GGUF file of type {kind!r}, not a model")
    _check_layers(path, header)
    _check_vocabulary(path, header)
    quantized = any(t.type not in FLOAT_TYPES for t in header.tensors.values())
    try:
        return ModelFile(path, header, fingerprint(path, header), quantized)
    except GgufError as error:
        raise ModelError(f"{path}: not a usable GGUF model: {error}") from error


def _check_layers(path: Path, header: Header) -> None:
    """llama.cpp ends its process at a number of layers that it cannot have."""
    n_layer = header.values.get(f"{header.values['general.architecture']}.block_count")
    if isinstance(n_layer, int) and not 0 < n_layer <= MAX_LAYERS:
        raise ModelError(
            f"{path}: a model of {n_layer} layers; 1 to {MAX_LAYERS} can be loaded. "
            "The file is damaged; get it again."
        )


def _strings(path: Path, value: Any) -> list[Any]:
    if isinstance(value, LongArray):
        return list(read_array(path, value))
    return value if isinstance(value, list) else []


def _check_vocabulary(path: Path, header: Header) -> None:
    """A SentencePiece vocabulary must be able to spell every byte."""
    if header.values.get("tokenizer.ggml.model") != "llama":
        return
    tokens = set(_strings(path, header.values.get("tokenizer.ggml.tokens")))
    missing = [b for b in range(256) if f"<0x{b:02X}>" not in tokens and chr(b) not in tokens]
    if missing:
        raise ModelError(
            f"{path}: its vocabulary of {len(tokens)} tokens lacks {len(missing)} of the 256 byte "
            "tokens, so text with other characters cannot be tokenized. Use another model."
        )
