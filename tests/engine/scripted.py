"""A real conversation on an engine that plays a script: no library, one token a character."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from triagent.chat import CacheStatus, Prefill
from triagent.config import ModelConfig
from triagent.engine.conversation import Conversation
from triagent.engine.engine import Fed
from triagent.engine.template import Template

SPECIALS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")
BASE = 0x110000
ENDS = ("<|im_end|>", "<eos>")
END = BASE + SPECIALS.index("<|im_end|>")


class CharVocab:
    """A token is a character, or one of a few special texts."""

    bos = eos = -1
    adds_bos = False
    n_tokens = BASE + len(SPECIALS)

    def __init__(self, specials=SPECIALS) -> None:
        self._specials = specials
        self._split = re.compile("(" + "|".join(map(re.escape, specials)) + ")")

    def tokenize(self, text: str, special: bool = False) -> list[int]:
        parts = self._split.split(text) if special else [text]
        return [
            id
            for part in parts
            for id in (
                [BASE + self._specials.index(part)] if part in self._specials else map(ord, part)
            )
        ]

    def piece(self, token: int) -> bytes:
        return self.text([token]).encode()

    def text(self, ids) -> str:
        return "".join(self._specials[id - BASE] if id >= BASE else chr(id) for id in ids)

    def token_text(self, token: int) -> str:
        return "" if token < 0 else self.text([token])

    def specials(self) -> dict[int, str]:
        return {BASE + i: text for i, text in enumerate(self._specials)}

    def is_end(self, token: int) -> bool:
        return self.token_text(token) in ENDS


class ScriptedEngine:
    """The part of `engine.Engine` that a conversation uses, without a cache that evicts.

    Args:
        says: what is sampled, then the end of the message for ever.
        chunk: tokens a feed takes at once; between two it asks whether it is cancelled.
    """

    hook = None
    n_ctx = 100_000

    def __init__(self, says: str = "", chunk: int = 64, specials=SPECIALS) -> None:
        self.vocab = CharVocab(specials)
        self.ids: list[int] = []
        self.tail: deque[int] = deque(maxlen=4096)
        self.says = deque(self.vocab.tokenize(says, special=True))
        self.chunk, self.cancel_at, self.n_asked = chunk, -1, 0
        file = SimpleNamespace(name="x", path=Path("x"), fingerprint="x", architecture="x")
        self.model = SimpleNamespace(
            vocab=self.vocab, file=file, n_params=1, n_ctx_train=1, device=""
        )
        policy = SimpleNamespace(name="none")
        self.parts = SimpleNamespace(n_ctx=self.n_ctx, sidecar=None, policy=policy, notes=())

    @property
    def n_pos(self) -> int:
        return len(self.ids)

    def is_cancelled(self) -> bool:
        """True from the `cancel_at`-th question on."""
        self.n_asked += 1
        return 0 <= self.cancel_at < self.n_asked

    def pin(self, start: int, stop: int) -> None:
        """Nothing goes anyway."""

    def feed(self, ids):
        done = 0
        while done < len(ids) and not self.is_cancelled():
            self._add(ids[done : done + self.chunk])
            done = min(done + self.chunk, len(ids))
            yield Prefill(done, len(ids), 1.0)
        return Fed(done, 0.0, cancelled=done < len(ids))

    def sample(self, sampler, allows=None) -> int:
        return self.says.popleft() if self.says else END

    def step(self, token):
        self._add([token])
        return []

    def status(self) -> CacheStatus:
        n = len(self.ids)
        return CacheStatus(n, n, 0, self.n_ctx, 0, 0, 0, 0, 0, "none")

    def _add(self, ids) -> None:
        self.ids += ids
        self.tail += ids


def conversation(engine: ScriptedEngine, template: Template) -> Conversation:
    """A conversation on it. The template is shared: to read one takes a process."""
    with patch("triagent.engine.conversation.template_of", lambda model: template):
        return Conversation(engine, ModelConfig())


def template_of(source: str) -> Template:
    """A template for conversations; close it."""
    return Template.from_model(source, "", "", specials=CharVocab().specials())
