"""What the generated data consists of: each kind's share of the requests and of the characters."""

from __future__ import annotations

from collections import Counter
from random import Random

from .documents import CHARS_PER_TOKEN, Maker
from .session import WEIGHT_ANSWER, Session
from .tasks import TASKS, step

Row = tuple[str, float, float, float]
"""Module or kind; shares of requests, of characters, of learnt characters."""


def mixture(maker: Maker, seed: int, n_sessions: int, n_tokens: int) -> dict[str, list[Row]]:
    """Shares by module and by kind over sessions of about `n_tokens`."""
    n, chars, learnt = Counter(), Counter(), Counter()
    for i in range(n_sessions):
        r = Random(seed * 1_000_003 + i)
        s = Session(r, maker.x)
        while s.n_chars < n_tokens * CHARS_PER_TOKEN:
            before = s.n_turns
            name = step(s, r)
            if name is None:
                continue
            pieces = [p for turn in s.turns if turn.number > before for p in turn.pieces]
            n[name] += 1
            chars[name] += sum(len(text) for text, _ in pieces)
            learnt[name] += sum(len(text) for text, weight in pieces if weight == WEIGHT_ANSWER)
    home = {name: task.__module__.rsplit(".", 1)[-1] for name, (_, task) in TASKS.items()}
    return {
        "module": _rows(*(_grouped(counts, home) for counts in (n, chars, learnt))),
        "kind": _rows(*(Counter({k: c[k] for k in TASKS}) for c in (n, chars, learnt))),
    }


def _grouped(counts: Counter, home: dict[str, str]) -> Counter:
    found: Counter = Counter()
    for name, count in counts.items():
        found[home[name]] += count
    return found


def _rows(n: Counter, chars: Counter, learnt: Counter) -> list[Row]:
    totals = [max(1, sum(c.values())) for c in (n, chars, learnt)]
    shares = [(k, n[k] / totals[0], chars[k] / totals[1], learnt[k] / totals[2]) for k in n]
    return sorted(shares, key=lambda row: -row[2])


def markdown(rows: list[Row], what: str) -> str:
    """The rows as a table, in percent."""
    lines = [f"| {what} | requests | characters | learnt |", "|---|---|---|---|"]
    lines += [f"| {k} | {a:.1%} | {b:.1%} | {c:.1%} |" for k, a, b, c in rows]
    return "\n".join(lines)
