"""Bringing back what the cache no longer holds, word for word, and saying what went when.

Everything that was said is in the ledger; the index finds it, the model's own account of its
cache says what is gone. Knows nothing of the loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triagent.agent.tools import recall as tool
from triagent.agent.tools.recall import Hit
from triagent.chat import Model
from triagent.session.index import Found, match_share, passages_of, terms
from triagent.session.passages import MAX_CHARS as MAX_PASSAGE
from triagent.session.passages import Passage
from triagent.session.record import Record
from triagent.session.session import Session

MAX_HITS = 4
MAX_CHARS = 1500
MAX_OFFERED = 2
OFFERED_CHARS = 700
RECALLED_HEAD = "\n\n[recalled]\n"
GONE_BELOW = 0.5
"""A passage counts as evicted when fewer than this share of all rows still hold it."""


class Recall:
    """Looks things up in one session."""

    def __init__(self, session: Session, model: Model) -> None:
        self._session, self._model = session, model

    def find(self, query: str, turn: int) -> list[Hit]:
        """The passages that answer a query best; `turn` is the running one, whose question is
        left out."""
        return _within(self._ranked(query, turn), MAX_HITS, MAX_CHARS)

    def at(self, start: int, stop: int) -> list[Hit]:
        """What was said or read at positions [start, stop), in order, as far as it fits."""
        inside = [
            passage
            for passage in _in_ranges(_said(self._session), [(start, stop)])
            if start <= (passage.pos + passage.stop) // 2 < stop  # ends are to a few tokens
        ]
        return _within(inside, len(inside), MAX_CHARS)

    def answer(self, query: str, turn: int) -> str:
        """What the recall tool returns."""
        return tool.render(query, self.find(query, turn))

    def offer(self, question: str, turn: int) -> list[Hit]:
        """Evicted passages that a question touches; empty when nothing is gone."""
        words = terms(question)
        if not words or not self._model.status().n_evicted:
            return []
        enough = 1.0 if len(words) == 1 else 0.5
        near = [
            passage
            for passage in self._ranked(question, turn)
            if match_share(words, passage.text) >= enough
        ]
        if not near:
            return []
        share = self._model.holding().share
        gone = [passage for passage in near if _held(passage, share) < GONE_BELOW]
        return _within(gone, MAX_OFFERED, OFFERED_CHARS)

    def _ranked(self, query: str, turn: int) -> list[Passage]:
        words = terms(query)
        found = [
            item
            for item in self._session.search(query, 40)
            if not _is_asked(item.passage, turn) and _adds(item.passage, words)
        ]
        found.sort(key=lambda item: _order(item, words))
        seen: dict[str, Passage] = {}
        for item in found:
            seen.setdefault(" ".join(item.passage.text.split()).lower(), item.passage)
        return list(seen.values())


def block(hits: Sequence[Hit]) -> str:
    """What is put behind the user's message when words are offered unasked."""
    lines = "\n".join(f"[turn {hit.turn}, {hit.who}] {hit.text}" for hit in hits)
    return f"{RECALLED_HEAD}{lines}"


@dataclass(frozen=True)
class Round:
    """One line of the audit: an eviction and the words that went with it."""

    seq: int
    now: int
    n_evicted: int
    score_min: float | None
    score_max: float | None
    reason: str
    policy: str
    lost: tuple[Passage, ...]
    """Passages whose every row is gone since this round."""
    turn: int = 0
    """The turn that ran or had run last; 0: the session was being opened."""
    time: float | None = None
    """Seconds since the epoch; None in logs from before it was recorded."""


def audit(session: Session) -> Iterator[Round]:
    """What was evicted, when, at what score and why, round by round."""
    said: list[Passage] = []
    turn = 0
    for record in session.ledger.records():
        data = record.data
        said.extend(passages_of(record))
        match record.type, data.get("name"):
            case "event", "turn_started":
                turn = data["turn"]
            case "event", "rewound":
                turn = data["turn"] - 1
                said = [passage for passage in said if passage.pos < data["pos"]]
            case "evict", _:
                yield _audited(record, said, turn)


def _audited(record: Record, said: list[Passage], turn: int) -> Round:
    data = record.data
    low, high = data["score"]
    return Round(
        record.seq,
        data["now"],
        data["n"],
        low,
        high,
        data["reason"],
        data["policy"],
        tuple(_in_ranges(said, data["lost"])),
        turn,
        data.get("time"),
    )


def _said(session: Session) -> list[Passage]:
    """All passages of a session, without what was rewound."""
    said: list[Passage] = []
    for record in session.ledger.records():
        said.extend(passages_of(record))
        if record.type == "event" and record.data["name"] == "rewound":
            said = [passage for passage in said if passage.pos < record.data["pos"]]
    return said


def _is_asked(passage: Passage, turn: int) -> bool:
    return passage.turn >= turn and passage.who == "user"


def _adds(passage: Passage, words: Sequence[str]) -> bool:
    """Whether a passage says anything that the query does not say itself."""
    return not set(terms(passage.text)) <= set(words)


def _order(item: Found, words: Sequence[str]) -> tuple[float, bool]:
    """More of the words first; statements before questions; else as the index ranks them."""
    share = match_share(words, item.passage.text)
    is_question = item.passage.text.rstrip().endswith("?")
    return (-round(share, 2), is_question)


def _within(passages: Sequence[Passage], n: int, max_chars: int) -> list[Hit]:
    hits: list[Hit] = []
    for passage in passages[:n]:
        max_chars -= len(passage.text)
        if max_chars < 0 and hits:
            break
        hits.append(Hit(passage.turn, passage.who, passage.text))
    return hits


def _held(passage: Passage, share: Sequence[float]) -> float:
    part = share[passage.pos : max(passage.pos + 1, passage.stop)]
    return sum(float(x) for x in part) / len(part) if len(part) else 1.0


def _in_ranges(said: list[Passage], ranges: Sequence[Sequence[int]]) -> list[Passage]:
    """Passages that overlap position ranges; `said` is in order of position."""
    found: dict[int, Passage] = {}
    for start, stop in ranges:
        i = bisect_left(said, stop, key=lambda item: item.pos) - 1
        # A passage has at most a token a character, so further back none reaches into the range.
        while i >= 0 and said[i].pos > start - MAX_PASSAGE:
            if said[i].stop > start:
                found[i] = said[i]
            i -= 1
    return [found[i] for i in sorted(found)]
