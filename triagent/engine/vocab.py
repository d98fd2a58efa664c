"""Text to token ids and back, for one loaded model."""

from __future__ import annotations

import ctypes
from typing import Any

SPECIAL = 1 << 3 | 1 << 4  # LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED
SPM = 1  # LLAMA_VOCAB_TYPE_SPM


class Vocab:
    """The vocabulary of a model; valid while the model is."""

    def __init__(self, bindings: Any, model: Any) -> None:
        self._lib = bindings
        self._vocab = bindings.llama_model_get_vocab(model)
        self.n_tokens: int = bindings.llama_vocab_n_tokens(self._vocab)
        self._buffer = ctypes.create_string_buffer(256)
        self._pieces: dict[int, bytes] = {}
        # "\n" never merges with what follows, so text behind it gets no leading space
        self._newline = self._tokenize("\n", False) if self._is_spm() else []

    def _is_spm(self) -> bool:
        return self._lib.llama_vocab_type(self._vocab) == SPM

    def _tokenize(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        n_max = len(data) + 8
        while True:
            ids = (ctypes.c_int32 * n_max)()
            n = self._lib.llama_tokenize(self._vocab, data, len(data), ids, n_max, False, special)
            if n >= 0:
                return list(ids[:n])
            n_max = -n

    def tokenize(self, text: str, special: bool = False) -> list[int]:
        """Tokenize text as a continuation: no BOS, no leading space.

        special: texts of special tokens become those tokens; never for text from outside.
        """
        if not text:
            return []
        if self._newline:
            ids = self._tokenize("\n" + text, special)
            if ids[: len(self._newline)] == self._newline:
                return ids[len(self._newline) :]
        return self._tokenize(text, special)

    def piece(self, token: int) -> bytes:
        """The bytes of one token, special tokens by their text."""
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token)
        return self._pieces[token]

    def _read_piece(self, token: int) -> bytes:
        n = self._lib.llama_token_to_piece(
            self._vocab, token, self._buffer, len(self._buffer), 0, True
        )
        if n < 0:
            self._buffer = ctypes.create_string_buffer(-n)
            return self._read_piece(token)
        return self._buffer.raw[:n]

    def text(self, ids: list[int] | tuple[int, ...]) -> str:
        """The text of tokens, with broken UTF-8 replaced."""
        return b"".join(self.piece(t) for t in ids).decode("utf-8", "replace")

    def is_end(self, token: int) -> bool:
        """Whether the model ends its message by this token."""
        return bool(self._lib.llama_vocab_is_eog(self._vocab, token))

    def token_text(self, token: int) -> str:
        """A token's text, "" for the id -1 that stands for none."""
        return "" if token < 0 else self.piece(token).decode("utf-8", "replace")

    @property
    def bos(self) -> int:
        """Id of the beginning-of-text token, -1 when there is none."""
        return self._lib.llama_vocab_bos(self._vocab)

    @property
    def eos(self) -> int:
        return self._lib.llama_vocab_eos(self._vocab)

    @property
    def adds_bos(self) -> bool:
        """Whether the model expects a text to start with BOS."""
        return bool(self._lib.llama_vocab_get_add_bos(self._vocab)) and self.bos >= 0

    def specials(self) -> dict[int, str]:
        """Id -> text of every control and user-defined token."""
        attr = self._lib.llama_vocab_get_attr
        return {
            t: self.token_text(t) for t in range(self.n_tokens) if attr(self._vocab, t) & SPECIAL
        }
