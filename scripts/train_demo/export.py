"""A trained network as a GGUF file that llama.cpp loads, and back: qwen3 form, gpt2 tokenizer.

Matrices are F16 or Q8_0. Gains stay F32 as llama.cpp wants them; the embedding stays F16, since
it is both the first and the last matrix and costs 3 MB.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np
from tokenizers import Tokenizer

from .tokens import CONTROL, MARKS, vocabulary

if TYPE_CHECKING:
    from .model import Network

TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text("utf-8").rstrip("\n")
_GAINS = {
    "attn_norm": "attn_norm", "ffn_norm": "ffn_norm",
    "attn_q_norm": "q_norm", "attn_k_norm": "k_norm",
}  # fmt: skip
_MATRICES = {
    "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_output": "out",
    "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down",
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """What the file says about itself."""

    name: str
    description: str
    license: str = "mit"
    author: str = "triagent authors"
    version: str = "1"
    n_ctx_train: int = 16384


def write_gguf(
    path: Path,
    weights: dict[str, np.ndarray],
    shape,
    tokenizer: Tokenizer,
    card: Card,
    quantised: bool,
) -> None:
    """Write the file, at once or not at all.

    Args:
        weights: the network's state by its own names, float32.
        shape: `model.Shape` the weights belong to.
        quantised: Q8_0 matrices; False is F16.
    """
    partial = path.with_suffix(".part")
    writer = gguf.GGUFWriter(partial, "qwen3")
    _write_card(writer, card, quantised)
    _write_shape(writer, shape, card.n_ctx_train)
    _write_tokenizer(writer, tokenizer)
    _write_tensors(writer, weights, shape.n_layer, quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(path)


def read_network(path: Path) -> Network:
    """The network of a file that `write_gguf` wrote, float32, dequantised, not to be trained."""
    import torch

    from .model import Network, Shape

    reader = gguf.GGUFReader(path)
    tensors = {
        t.name: torch.from_numpy(np.array(gguf.dequantize(t.data, t.tensor_type), np.float32))
        for t in reader.tensors
    }
    parts = {name: f"{ours}.gain" for name, ours in _GAINS.items()}
    parts |= {name: f"{ours}.weight" for name, ours in _MATRICES.items()}
    network = Network(_read_shape(reader, Shape))
    state = {
        f"blocks.{i}.{ours}": tensors[f"blk.{i}.{name}.weight"]
        for i in range(network.shape.n_layer)
        for name, ours in parts.items()
    }
    state |= {
        "embed.weight": tensors["token_embd.weight"],
        "norm.gain": tensors["output_norm.weight"],
    }
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _read_shape(reader: gguf.GGUFReader, make):
    def value(key: str):
        return reader.get_field(f"qwen3.{key}").contents()

    return make(
        n_layer=value("block_count"), n_embd=value("embedding_length"),
        n_head=value("attention.head_count"), n_head_kv=value("attention.head_count_kv"),
        head_dim=value("attention.key_length"), n_ff=value("feed_forward_length"),
        n_vocab=value("vocab_size"), rope_theta=value("rope.freq_base"),
        norm_eps=value("attention.layer_norm_rms_epsilon"),
    )  # fmt: skip


def _write_card(writer: gguf.GGUFWriter, card: Card, quantised: bool) -> None:
    writer.add_name(card.name)
    writer.add_description(card.description)
    writer.add_license(card.license)
    writer.add_author(card.author)
    writer.add_version(card.version)
    writer.add_languages(["en"])
    kind = gguf.LlamaFileType.MOSTLY_Q8_0 if quantised else gguf.LlamaFileType.MOSTLY_F16
    writer.add_file_type(kind)
    if quantised:
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _write_shape(writer: gguf.GGUFWriter, shape, n_ctx_train: int) -> None:
    writer.add_context_length(n_ctx_train)
    writer.add_embedding_length(shape.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv(shape.n_head_kv)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_vocab_size(shape.n_vocab)


def _write_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    entries = vocabulary(tokenizer)
    types = [
        gguf.TokenType.CONTROL if entry in CONTROL
        else gguf.TokenType.USER_DEFINED if entry in MARKS
        else gguf.TokenType.NORMAL
        for entry in entries
    ]  # fmt: skip
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(entries)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(entries.index("<|im_end|>"))
    writer.add_pad_token_id(entries.index("<|endoftext|>"))
    writer.add_bos_token_id(entries.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _write_tensors(writer, weights: dict[str, np.ndarray], n_layer: int, quantised: bool) -> None:
    def gain(name: str, source: str) -> None:
        writer.add_tensor(name, weights[source].astype(np.float32))

    def matrix(name: str, source: str) -> None:
        data = weights[source].astype(np.float32)
        if quantised:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, data.astype(np.float16))

    writer.add_tensor("token_embd.weight", weights["embed.weight"].astype(np.float16))
    gain("output_norm.weight", "norm.gain")
    for i in range(n_layer):
        for name, source in _GAINS.items():
            gain(f"blk.{i}.{name}.weight", f"blocks.{i}.{source}.gain")
        for name, source in _MATRICES.items():
            matrix(f"blk.{i}.{name}.weight", f"blocks.{i}.{source}.weight")
