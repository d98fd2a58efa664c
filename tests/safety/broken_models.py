"""Copies of the tiny model with one thing wrong with each, at the level of bytes.

A GGUF file is read into a list of values and tensors and written again after a change, with every
count and offset as it should be but for what the change breaks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STORIES = Path(__file__).parents[1] / "data/models/stories260K-f32.gguf"
U32, I32, F32, STRING, ARRAY, U64 = 4, 5, 6, 8, 9, 10
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", U32: "I", I32: "i", F32: "f", 7: "?", U64: "Q",
            11: "q", 12: "d"}  # fmt: skip
ALIGNMENT = 32


@dataclass
class Tensor:
    shape: list[int]
    type: int
    data: bytes
    shift: int = 0
    """Added to its true offset when it is written."""


@dataclass
class Gguf:
    values: dict[str, tuple[int, Any]]
    """Key -> (type, value); of an array the value is (type of its items, items)."""
    tensors: dict[str, Tensor]
    more_tensors: int = 0
    """Announced beyond those that are there."""
    more_values: int = 0
    version: int = 3
    twice: list[str] = field(default_factory=list)
    """Tensors that are listed a second time."""

    def set(self, key: str, value: Any, kind: int | None = None) -> None:
        self.values[key] = (self.values[key][0] if kind is None else kind, value)

    def bytes(self) -> bytes:
        names = [*self.tensors, *self.twice]
        out = b"GGUF" + struct.pack(
            "<IQQ", self.version, len(names) + self.more_tensors,
            len(self.values) + self.more_values,
        )  # fmt: skip
        for key, (kind, value) in self.values.items():
            out += _string(key) + struct.pack("<I", kind) + _value(kind, value)
        data = b""
        for name in names:
            tensor = self.tensors[name]
            out += _string(name) + struct.pack("<I", len(tensor.shape))
            out += struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape)
            out += struct.pack("<IQ", tensor.type, len(data) + tensor.shift)
            data += tensor.data + bytes(-len(tensor.data) % ALIGNMENT)
        return out + bytes(-len(out) % ALIGNMENT) + data


def read(path: Path = STORIES) -> Gguf:
    """Take a sound file apart."""
    raw = path.read_bytes()
    at = 4

    def take(form: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from("<" + form, raw, at)
        at += struct.calcsize("<" + form)
        return value

    def text() -> bytes:
        nonlocal at
        n = take("Q")
        at += n
        return raw[at - n : at]

    def value_of(kind: int) -> Any:
        if kind == STRING:
            return text()
        if kind == ARRAY:
            inner = take("I")
            return inner, [value_of(inner) for _ in range(take("Q"))]
        return take(_FORMATS[kind])

    version, n_tensors, n_values = take("I"), take("Q"), take("Q")
    values = {}
    for _ in range(n_values):
        key = text().decode()
        kind = take("I")
        values[key] = (kind, value_of(kind))
    infos = {}
    for _ in range(n_tensors):
        name = text().decode()
        shape = [take("Q") for _ in range(take("I"))]
        infos[name] = (shape, take("I"), take("Q"))
    start = at + -at % ALIGNMENT
    ends = [*sorted(offset for _, _, offset in infos.values())[1:], len(raw) - start]
    stops = dict(zip(sorted(offset for _, _, offset in infos.values()), ends, strict=True))
    tensors = {
        name: Tensor(shape, kind, raw[start + offset : start + stops[offset]])
        for name, (shape, kind, offset) in infos.items()
    }
    return Gguf(values, tensors, version=version)


def _string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def _value(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        inner, items = value
        head = struct.pack("<IQ", inner, len(items))
        return head + b"".join(_value(inner, item) for item in items)
    return struct.pack("<" + _FORMATS.get(kind, "I"), value)


Change = Callable[[Gguf], None]


def _set(key: str, value: Any, kind: int | None = None) -> Change:
    return lambda model: model.set(key, value, kind)


def _drop_value(key: str) -> Change:
    return lambda model: model.values.pop(key)


def _drop_tensor(name: str) -> Change:
    return lambda model: model.tensors.pop(name)


def _tensor(name: str, **changes: Any) -> Change:
    return lambda model: model.tensors[name].__dict__.update(changes)


def _tokens(change: Callable[[list[Any]], list[Any]], name: str = "tokens") -> Change:
    def apply(model: Gguf) -> None:
        kind, (inner, items) = model.values[f"tokenizer.ggml.{name}"]
        model.values[f"tokenizer.ggml.{name}"] = (kind, (inner, change(items)))

    return apply


def _attribute(name: str, value: Any) -> Change:
    return lambda model: setattr(model, name, value)


TEMPLATE = "tokenizer.chat_template"
LOOPING = "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}"
Q = "blk.0.attn_q.weight"

CHANGES: dict[str, Change] = {
    # counts
    "more tensors announced than there are": _attribute("more_tensors", 5),
    "2^60 tensors announced": _attribute("more_tensors", 2**60),
    "more values announced than there are": _attribute("more_values", 5),
    "version 1": _attribute("version", 1),
    "version 99": _attribute("version", 99),
    # metadata
    "no architecture": _drop_value("general.architecture"),
    "an unknown architecture": _set("general.architecture", b"nosuch"),
    "an architecture that is a number": _set("general.architecture", 7, U32),
    "one layer more than there is": _set("llama.block_count", 6),
    "no layer": _set("llama.block_count", 0),
    "2^31 layers": _set("llama.block_count", 2**31),
    "no heads": _set("llama.attention.head_count", 0),
    "heads that do not divide the width": _set("llama.attention.head_count", 7),
    "more KV heads than heads": _set("llama.attention.head_count_kv", 64),
    "no KV heads": _set("llama.attention.head_count_kv", 0),
    "heads as text": _set("llama.attention.head_count", b"eight", STRING),
    "no count of heads": _drop_value("llama.attention.head_count"),
    "twice the width": _set("llama.embedding_length", 128),
    "no width": _set("llama.embedding_length", 0),
    "no feed-forward width": _drop_value("llama.feed_forward_length"),
    "no context": _set("llama.context_length", 0),
    "an odd rotation": _set("llama.rope.dimension_count", 7),
    "a rotation wider than a head": _set("llama.rope.dimension_count", 64),
    "no epsilon": _drop_value("llama.attention.layer_norm_rms_epsilon"),
    "an alignment of 0": _set("general.alignment", 0, U32),
    "an alignment of 7": _set("general.alignment", 7, U32),
    "a value of unknown type": _set("llama.block_count", 5, 77),
    # tensors
    "no embedding": _drop_tensor("token_embd.weight"),
    "a matrix missing": _drop_tensor(Q),
    "no last norm": _drop_tensor("output_norm.weight"),
    "a layer's matrix of other dimensions": _tensor(Q, shape=[32, 128]),
    "a tensor without elements": _tensor(Q, shape=[64, 0], data=b""),
    "a tensor of 2^62 elements": _tensor(Q, shape=[2**31, 2**31]),
    "a tensor of nine dimensions": _tensor(Q, shape=[64, 64, 1, 1, 1, 1, 1, 1, 1]),
    "a tensor of an unknown type": _tensor(Q, type=200),
    "a tensor of a type that went": _tensor(Q, type=4),
    "a norm of whole numbers": _tensor("blk.0.attn_norm.weight", type=26),
    "a tensor beyond the file's end": _tensor(Q, shift=2**40),
    "a tensor that is not aligned": _tensor(Q, shift=5),
    "a tensor listed twice": _attribute("twice", [Q]),
    # vocabulary
    "no tokens": _drop_value("tokenizer.ggml.tokens"),
    "an empty vocabulary": _tokens(lambda items: []),
    "fewer tokens than rows": _tokens(lambda items: items[:400]),
    "fewer scores than tokens": _tokens(lambda items: items[:10], "scores"),
    "fewer types than tokens": _tokens(lambda items: items[:10], "token_type"),
    "tokens that are numbers": _set("tokenizer.ggml.tokens", (U32, list(range(512))), ARRAY),
    "no byte tokens": _tokens(
        lambda items: [b"x%d" % n if x.startswith(b"<0x") else x for n, x in enumerate(items)]
    ),
    "an unknown tokenizer": _set("tokenizer.ggml.model", b"nosuch"),
    "no tokenizer": _drop_value("tokenizer.ggml.model"),
    "a first token out of range": _set("tokenizer.ggml.bos_token_id", 10**6),
    "a last token out of range": _set("tokenizer.ggml.eos_token_id", 10**6),
    # template
    "a template that loops": _set(TEMPLATE, LOOPING.encode(), STRING),
    "a template that is no template": _set(TEMPLATE, b"{% for %}", STRING),
    "a template of 20 MB": _set(TEMPLATE, b"{{ x }}" * 3_000_000, STRING),
    "a template that is a number": _set(TEMPLATE, 7, U32),
}


def cuts(whole: bytes) -> dict[str, bytes]:
    """Beginnings of a file, and what never was one."""
    tensors = read().tensors.values()
    data = len(whole) - sum(len(x.data) + -len(x.data) % ALIGNMENT for x in tensors)
    places = {"its magic": 4, "its counts": 12, "its metadata": 2_000,
              "the list of tensors": data - 500, "the first tensor": data + 8,
              "the middle": len(whole) // 2, "the last byte": len(whole) - 1}  # fmt: skip
    found = {f"cut in {name}": whole[:n] for name, n in places.items()}
    found |= {"an empty file": b"", "a page": b"<html>sign in</html>" * 500,
              "zeros": bytes(len(whole))}  # fmt: skip
    return found


def broken() -> dict[str, Callable[[], bytes]]:
    """Name -> maker of the file's bytes."""
    whole = STORIES.read_bytes()
    found: dict[str, Callable[[], bytes]] = {
        name: (lambda data=data: data) for name, data in cuts(whole).items()
    }

    def changed(change: Change) -> bytes:
        model = read()
        change(model)
        return model.bytes()

    return found | {
        name: (lambda change=change: changed(change)) for name, change in CHANGES.items()
    }
