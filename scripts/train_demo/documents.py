"""Documents to train on: sessions, recall drills, recursive state, prose."""

from __future__ import annotations

from pathlib import Path
from random import Random

from .phrases import THINGS
from .planted import planted
from .session import Session
from .tasks import perform, step
from .tasks.memory import ask_for
from .tokens import Piece, plain_tokens
from .values import Lexicon

WEIGHT_PROSE = 30
CHARS_PER_TOKEN = 3.0
END: Piece = ("<|endoftext|>", WEIGHT_PROSE)


_MEMORY = (
    "tell", "tell", "tell", "retell", "tell_sentence", "ask_told", "ask_told", "ask_retold",
    "ask_retold", "ask_sentence", "recall_seen",
)  # fmt: skip
"""Kinds of which some sessions are full."""
_TELL = ("tell", "tell", "tell", "tell_whole", "tell_whole", "retell", "tell_free", "tell_sentence")
_ASK = ("ask_told", "ask_told", "ask_told", "ask_retold", "ask_free", "ask_sentence", "recall_seen")
LONG = 8192
"""Rows from this length on have more of what is remembered over a distance."""


class Maker:
    """Makes documents, given a random source."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.x = lexicon

    @classmethod
    def load(cls, prose: Path | None, tokenizer=None) -> Maker:
        """With a corpus of books divided by `<|endoftext|>` lines (.xz or plain), or without."""
        books = read_books(prose) if prose else []
        return cls(Lexicon.build(books, plain_tokens(tokenizer) if tokenizer else ()))

    def document(self, r: Random, length: int, room: int) -> list[Piece]:
        """The next document for a row of `length` tokens that has room for `room`."""
        if room < length * 0.2 or room < 500:
            return self._filler(r, room)
        kind = r.random()
        share_planted, share_told = (0.06, 0.34) if length >= LONG else (0.03, 0.08)
        if kind < 0.84 and room > 1200 and (x := r.random()) < share_planted + share_told:
            if x < share_planted:
                return [*planted(r, self.x, int(CHARS_PER_TOKEN * (room - 800) * 0.95)), END]
            return self.remembering(r, room)
        if kind < 0.84:
            whole = r.random()
            share = 1.05 if whole < 0.5 else r.uniform(0.3, 1) if whole < 0.85 else 0.3
            return self.session(r, int(room * share), short=length <= 2048 or r.random() < 0.08)
        if kind < 0.91:
            return drill(r, self.x, int(CHARS_PER_TOKEN * r.choice([300, 700, room, room])))
        return self.prose(r, int(CHARS_PER_TOKEN * r.choice([500, 1500, room])))

    def _filler(self, r: Random, room: int) -> list[Piece]:
        if r.random() < 0.4:
            return drill(r, self.x, int(room * CHARS_PER_TOKEN * 1.2))
        return self.prose(r, int(room * CHARS_PER_TOKEN * 1.5))

    def session(self, r: Random, n_tokens: int, short: bool = False) -> list[Piece]:
        """A conversation of about `n_tokens`, some of it out of sight in some."""
        s = Session(r, self.x, short_prompt=short)
        n_losses = r.choice([1, 1, 2, 3]) if r.random() < 0.4 else 0
        lost = 0
        target = n_tokens * CHARS_PER_TOKEN - sum(len(t) for t, _ in s.head)
        memory = r.choice([0, 0, 0, 0.2, 0.35])
        while True:
            if r.random() < memory:
                perform(s, r.choice(_MEMORY))
            else:
                step(s, r)
            if s.n_chars - lost >= target:
                break
            if n_losses and len(s.turns) > 4 and r.random() < 0.1:
                n_losses -= 1
                s.lose(r.choice([0, 1, 1, 2, 3, 5]))
                lost = s.n_chars - s.n_visible_chars()
        return [*s.pieces(), END]

    def remembering(self, r: Random, n_tokens: int) -> list[Piece]:
        """Facts told all along between other work; then question after question for them."""
        s = Session(r, self.x, short_prompt=r.random() < 0.2)
        whole = n_tokens * CHARS_PER_TOKEN - sum(len(t) for t, _ in s.head)
        n_told, share = r.uniform(0.003, 0.008) * n_tokens, r.uniform(0.65, 0.85)
        n = 0
        while s.n_chars < share * whole:
            if n < n_told * (1.6 * s.n_chars / (share * whole) + 0.02) and n < n_told:
                perform(s, r.choice(_TELL))
                n += 1
            else:
                step(s, r)
        told = [fact for fact in s.seen if not fact.path and fact.names[0] in THINGS]
        r.shuffle(told)
        while s.n_chars < whole:
            if told and r.random() < 0.75:
                ask_for(s, told.pop())
            elif perform(s, r.choice(_ASK)) is None:
                perform(s, "recall_seen") or step(s, r)
        return [*s.pieces(), END]

    def prose(self, r: Random, n_chars: int) -> list[Piece]:
        """A run of a book."""
        if not self.x.prose:
            return [(self.x.passage(r, n_chars, n_chars) + "\n", WEIGHT_PROSE), END]
        book = r.choice(self.x.prose)
        start = r.randint(0, max(0, len(book) - n_chars))
        return [(book[start : start + n_chars], WEIGHT_PROSE), END]


def read_books(path: Path) -> list[str]:
    """The books of a corpus file, short pieces left out."""
    if path.suffix == ".xz":
        import lzma

        text = lzma.decompress(path.read_bytes()).decode("utf-8")
    else:
        text = path.read_text("utf-8")
    return [book for part in text.split("<|endoftext|>") if len(book := part.strip()) > 2000]


def drill(r: Random, x: Lexicon, n_chars: int) -> list[Piece]:
    """Pure recall at any distance: records, variables, call stacks, repeated segments."""
    make = r.choice([_records, _records, _variables, _stack, _repeats])
    out: list[Piece] = []
    make(r, x, out, n_chars)
    return [*out, END]


def _records(r: Random, x: Lexicon, out: list[Piece], n_chars: int) -> None:
    store: dict[str, str] = {}
    mark, n = r.choice([": ", " = ", " -> ", ","]), 0
    while n < n_chars:
        kind = r.random()
        if kind < 0.5 or not store:
            name = r.choice([x.ident, x.code, x.word, x.odd])(r)
            store[name] = x.value(r)
            new = [(f"{name}{mark}{store[name]}\n", 10)]
        elif kind < 0.9:
            name = r.choice(list(store))
            new = [(f"? {name}{mark}", 10), (store[name], 100), ("\n", 10)]
        else:
            new = [(x.passage(r, 60, 300) + "\n", 20)]
        out += new
        n += sum(len(t) for t, _ in new)


def _variables(r: Random, x: Lexicon, out: list[Piece], n_chars: int) -> None:
    held: dict[str, str] = {}
    n = 0
    while n < n_chars:
        kind = r.random()
        name = r.choice("abcdefghijklmnopqrstuvwxyz") + str(r.randint(0, 99))
        if kind < 0.4 or len(held) < 3:
            held[name] = r.choice([str(r.randint(0, 999)), x.word(r)])
            new = [(f"{name} = {held[name]}\n", 10)]
        elif kind < 0.65:
            other = r.choice(list(held))
            held[name] = held[other]
            new = [(f"{name} = {other}\n", 10)]
        else:
            other = r.choice(list(held))
            new = [(f"print {other} > ", 10), (held[other], 100), ("\n", 10)]
        out += new
        n += sum(len(t) for t, _ in new)


def _stack(r: Random, x: Lexicon, out: list[Piece], n_chars: int) -> None:
    calls: list[str] = []
    n = 0
    while n < n_chars:
        grow = 0.62 if len(calls) < 3 else 0.35 if len(calls) > 25 else 0.52
        if r.random() < grow or not calls:
            calls.append(f"{x.word(r)}({r.choice([str(r.randint(0, 99)), x.word(r)])})")
            new = [(f"enter {calls[-1]}\n", 10)]
        else:
            new = [("leave ", 30), (calls.pop(), 100), ("\n", 10)]
        out += new
        n += sum(len(t) for t, _ in new)


def _repeats(r: Random, x: Lexicon, out: list[Piece], n_chars: int) -> None:
    segments: list[str] = []
    n = 0
    while n < n_chars:
        if not segments or r.random() < 0.45:
            text = " ".join(r.choice([x.word, x.value, x.odd])(r) for _ in range(r.randint(6, 30)))
            segments.append(text)
            new = [(f"[{len(segments)}] ", 10), (text, 5), ("\n", 10)]
        else:
            i = r.randint(0, len(segments) - 1)
            new = [(f"repeat [{i + 1}]: ", 10), (segments[i], 100), ("\n", 10)]
        out += new
        n += sum(len(t) for t, _ in new)
