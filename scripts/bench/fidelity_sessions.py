"""Sessions of the training data's generator, from seeds never trained on, and questions on them.

For the bundled model: reading, searching, editing, telling and asking as it knows them, so that
what is measured is what it forgets and not what it never learnt. Any other model gets the
self-test's sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from scripts.train_demo.session import Seen
from scripts.train_demo.session import Session as Generated
from scripts.train_demo.tasks import memory, step
from scripts.train_demo.tasks.common import is_clean
from scripts.train_demo.tokens import encode, plain_tokens, tokenizer_of_gguf
from scripts.train_demo.values import Lexicon
from scripts.train_demo.wording import request
from triagent.calibrate.text import Planted, Session

SEED = 900_000_000
"""Far from what training draws: its workers' seeds are seed * 100,003 + worker."""
TELL_EVERY = 700
"""Tokens between things told: the generator alone tells too few in a short session."""


@dataclass(frozen=True)
class Asked:
    """A fact with the generator's words for a question about it; used like `facts.Fact`."""

    path: str
    key: str
    value: str
    question: str

    @property
    def lead(self) -> str:
        """How an answer begins, up to the value."""
        if self.path:
            return f"From earlier: `{self.key}` in `{self.path}` is `"
        return f"Your {self.key} is `"


class Generator:
    """Sessions in tokens of one model that `scripts/train_demo.py` made."""

    def __init__(self, model: Path) -> None:
        self._tokenizer = tokenizer_of_gguf(model)
        self._words = Lexicon.build((), plain_tokens(self._tokenizer))

    def session(self, seed: int, n_tokens: int) -> Session:
        """A session of at most `n_tokens`, whole turns."""
        r = Random(SEED + seed)
        s = Generated(r, self._words)
        ids = self._encode(s.head)
        n_prompt, spans, n_told = len(ids), {}, 0
        while True:
            n_turns = len(s.turns)
            if n_told * TELL_EVERY < len(ids) - n_prompt:
                n_told += memory.tell(s) is not None
            else:
                step(s, r)
            for turn in s.turns[n_turns:]:
                more = self._encode(turn.pieces)
                if len(ids) + len(more) > n_tokens:
                    return self._made(s, r, ids, n_prompt, spans)
                spans[turn.number] = (len(ids), len(ids) + len(more))
                ids += more

    def text(self, ids: Sequence[int]) -> str:
        """What the tokens say, special ones too."""
        return self._tokenizer.decode(ids, skip_special_tokens=False)

    def _made(self, s: Generated, r: Random, ids: list[int], n_prompt: int, spans) -> Session:
        text = self.text(ids)
        facts = [
            Planted(self._asked(seen, r), *spans[seen.turn])
            for seen in s.seen
            if seen.turn in spans and _is_plain(seen, s, text)
        ]
        unique = {(p.fact.path, p.fact.key): p for p in facts}
        # the line end after the last message belongs to the next one, as the engine feeds it
        return Session(tuple(ids[:-1]), n_prompt, tuple(unique.values()), "<|im_end|>")

    def _asked(self, seen: Seen, r: Random) -> Asked:
        name = seen.names[0]
        if seen.path:
            question = request(r, self._words, "recall", key=name, path=seen.path)
        else:
            question = request(r, self._words, "ask", thing=name)
        return Asked(seen.path, name, seen.value, question)

    def _encode(self, pieces) -> list[int]:
        return [int(i) for i in encode(self._tokenizer, pieces)[0]]


def _is_plain(seen: Seen, s: Generated, text: str) -> bool:
    """Whether the name means one value in the whole session."""
    if not is_clean(seen.value):
        return False
    if not seen.path:
        return text.count(f"Noted: your {seen.names[0]} is `") == 1
    names = set(seen.names)
    alike = (x for x in s.seen if x.path == seen.path and not names.isdisjoint(x.names))
    return len({x.value for x in alike}) == 1
