"""The tokenizer, and documents to token ids with a weight on each.

Byte-level BPE in GPT-2's form, which llama.cpp knows as `gpt2` / `gpt-2`. No merge holds a
digit, so numbers are spelled digit by digit and can be copied without being guessed.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

N_VOCAB = 6144
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""Tokens that no text of a user, file or tool can spell."""
MARKS = (
    "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
    "<tools>", "</tools>", "<think>", "</think>",
)  # fmt: skip
"""Tokens with a meaning of their own that are printed like text."""
_UNMERGED = re.compile(r"(\d|<\|?/?[a-z_]+\|?>)")

Piece = tuple[str, int]
"""A run of text and the weight of its tokens in the loss, in percent."""


def train_tokenizer(texts: Iterable[str], n_vocab: int = N_VOCAB) -> Tokenizer:
    """A tokenizer of `n_vocab` entries for such texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocab,
        special_tokens=[*CONTROL, *MARKS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=16,
        min_frequency=3,
    )
    tokenizer.train_from_iterator(_without_digits(texts), trainer)
    return tokenizer


def _without_digits(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for part in _UNMERGED.split(text):
            if part and not _UNMERGED.fullmatch(part):
                yield part


def load_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer from its JSON file."""
    return Tokenizer.from_file(str(path))


def tokenizer_of_gguf(path: Path) -> Tokenizer:
    """The tokenizer that `export` put into a GGUF file."""
    import gguf

    fields = gguf.GGUFReader(path).fields
    entries = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    ids = {entry: i for i, entry in enumerate(entries)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*CONTROL, *MARKS])
    return tokenizer


def vocabulary(tokenizer: Tokenizer) -> list[str]:
    """Every entry as it is stored (byte-level letters), in the order of ids."""
    entries = json.loads(tokenizer.to_str())["model"]["vocab"]
    return sorted(entries, key=entries.get)


def plain_tokens(tokenizer: Tokenizer) -> list[str]:
    """Texts of the entries that are whole characters and no special tokens, stripped."""
    texts = []
    for i in range(len(CONTROL) + len(MARKS), tokenizer.get_vocab_size()):
        text = tokenizer.decode([i]).strip()
        if text and "\ufffd" not in text and text.isprintable():
            texts.append(text)
    return sorted(set(texts))


def encode(tokenizer: Tokenizer, document: list[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """Ids (n,) uint16 and weights (n,) uint8 of a document, piece by piece.

    Pieces are the runs that the engine tokenises apart, so boundaries fall as they do there.
    """
    encodings = tokenizer.encode_batch([text for text, _ in document], add_special_tokens=False)
    ids = np.concatenate([np.array(e.ids, np.uint16) for e in encodings])
    weights = np.concatenate(
        [
            np.full(len(e.ids), weight, np.uint8)
            for e, (_, weight) in zip(encodings, document, strict=True)
        ]
    )
    return ids, weights


def corpus_for_tokenizer(
    documents: Iterable[list[Piece]], words: list[str], prose: list[str], seed: int
) -> Iterator[str]:
    """What the tokenizer learns from: generated documents, the word list, slices of prose."""
    for document in documents:
        for text, _ in document:
            yield text
    for word in words:
        for _ in range(3):
            yield word
            yield " " + word
    rng = random.Random(seed)
    for book in rng.sample(prose, min(len(prose), 60)):
        for i in range(0, min(len(book), 100_000), 5000):
            yield book[i : i + 5000]
