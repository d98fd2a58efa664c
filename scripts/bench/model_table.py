"""The model bench's results as Markdown, and into the model card."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

from bench.fidelity_table import wilson

TITLES = {
    "known": "Tasks and words of the generator, seeds never trained on",
    "plain": "The same, calls not constrained by the grammar",
    "f16": "The same, F16 weights",
    "unseen": "Words never trained on",
    "free": "Free requests, written apart",
    "recall": "Facts told in a session of this many tokens, full attention",
    "walks": "Depth-first walks written out, by depth",
}
BUDGETS = {"none": "full attention", "default": "the product's default"}
ANEW = "told anew"
_FIGURES = re.compile(r"(<!-- figures:.*?-->\n).*?(<!-- end of figures -->)", re.DOTALL)


def brief(results: dict) -> dict[str, str]:
    """Right answers by section, for a progress line."""
    counts = Counter(row["section"] for row in results["rows"])
    right = Counter(row["section"] for row in results["rows"] if row["is_right"])
    return {section: f"{right[section]}/{n}" for section, n in counts.items()}


def share(rows: list[dict]) -> str:
    """Share that is right, its 95 % interval and n."""
    right = sum(row["is_right"] for row in rows)
    low, high = wilson(right, len(rows))
    return f"{right / len(rows):.3f} [{low:.3f}, {high:.3f}] n={len(rows)}"


def markdown(results: dict) -> str:
    """All that was measured, and the kinds of task that fail."""
    lines = figures(results)
    for section in ("known", "unseen"):
        lines += _by_kind(section, _rows(results, section))
    return "\n".join([*lines, ""])


def figures(results: dict) -> list[str]:
    """The tables of the model card."""
    lines = [
        f"{results['model']}, greedy, through triagent's engine and agent; 95 % Wilson intervals.",
        "", "| | right | harmed |", "| --- | --- | --- |",
    ]  # fmt: skip
    for section, title in TITLES.items():
        rows = _rows(results, section)
        for label in sorted({row["label"] for row in rows}, key=_by_length):
            some = [row for row in rows if row["label"] == label]
            lines.append(_line(f"{title}{f': {label}' if label else ''}", some))
    if anew := [row for row in _rows(results, "recall") if ANEW in row["label"]]:
        lines.append(_line(f"{TITLES['recall']}: all lengths, {ANEW}", anew))
    lines += ["", *_paired(results), *_long(results), *_start(results)]
    if results.get("cut_short"):
        lines += [f"Stopped early: {results['cut_short']} pieces were not run.", ""]
    if "engines" in results:
        lines += [f"{results['seconds']:,} s with {results['engines']}, by", ""]
    return [*lines, f"`{results['command']}`"]


def _line(name: str, rows: list[dict]) -> str:
    harmed = str(sum(x["is_harmful"] for x in rows)) if "is_harmful" in rows[0] else "-"
    return f"| {name} | {share(rows)} | {harmed} |"


def _by_length(label: str) -> tuple[bool, int, str]:
    """Told once before told anew, short before long."""
    number = re.match(r"\d+", label)
    return ANEW in label, int(number[0]) if number else 0, label


def _long(results: dict) -> list[str]:
    """Turns of long sessions by cache, and by how long the session was."""
    rows = _rows(results, "long")
    if not rows:
        return []
    parts = sorted({row["part"] for row in rows})
    heads = [f"{4 * part}K to {4 * part + 4}K" for part in parts]
    lines = [
        "Turns of sessions that fill the context, by how long the session was; in the last column "
        "those of them that ask for what only an earlier turn said.", "",
        "| cache | " + " | ".join(heads) + " | of earlier turns |",
        "| --- " * (len(parts) + 2) + "|",
    ]  # fmt: skip
    for budget in dict.fromkeys(row["budget"] for row in rows):
        own = [row for row in rows if row["budget"] == budget]
        groups = [[row for row in own if row["part"] == part] for part in parts]
        groups.append([row for row in own if row["is_earlier"]])
        cells = [share(some) if some else "-" for some in groups]
        lines.append(f"| {_cache(budget, own)} | " + " | ".join(cells) + " |")
    harmed = sum(row["is_harmful"] for row in rows)
    n_sessions = len({(row["budget"], row["number"]) for row in rows})
    return [*lines, "", f"{n_sessions} sessions, {len(rows)} turns, {harmed} harmed.", ""]


def _cache(budget: str, rows: list[dict]) -> str:
    """What held the session: cells after a round, and rounds run at most."""
    name = BUDGETS.get(budget, "cells by option")
    n_cells, n_rounds = (max(row[key] for row in rows) for key in ("n_cells", "n_rounds"))
    return f"{name}: {n_cells:,} cells, {n_rounds} rounds" if n_cells else name


def _rows(results: dict, section: str) -> list[dict]:
    return [row for row in results.get("rows", ()) if row["section"] == section]


def _paired(results: dict) -> list[str]:
    """The same items, in Q8_0 and in F16, with and without grammar."""
    known = {row["number"]: row["is_right"] for row in _rows(results, "known")}
    lines = []
    for section, name in (("f16", "in F16"), ("plain", "without grammar")):
        pairs = [(known[row["number"]], row["is_right"]) for row in _rows(results, section)
                 if row["number"] in known]  # fmt: skip
        if pairs:
            lines += [_pair_line(pairs, name), ""]
    return lines


def _pair_line(pairs: list[tuple[bool, bool]], name: str) -> str:
    here, there = (sum(column) for column in zip(*pairs, strict=True))
    one, two = pairs.count((True, False)), pairs.count((False, True))
    low, high = paired_interval(one, two, len(pairs))
    return (
        f"On the same {len(pairs)} items: {here} right, {name} {there}; {one} right only here, "
        f"{two} only {name}; difference {100 * (here - there) / len(pairs):+.1f} points "
        f"[{low:+.1f}, {high:+.1f}]."
    )


def paired_interval(n_here: int, n_there: int, n: int) -> tuple[float, float]:
    """95 % interval of the difference of two shares over the same items, in points.

    Args:
        n_here: items right in the first only; `n_there`: in the second only; n: all items.

    With one more item of each sort, as Bonett and Price (2012) have it, so that no disagreement
    does not mean certainty.
    """
    one, two = (n_here + 1) / (n + 2), (n_there + 1) / (n + 2)
    half = 1.96 * math.sqrt((one + two - (one - two) ** 2) / (n + 2))
    return 100 * (one - two - half), 100 * (one - two + half)


def _start(results: dict) -> list[str]:
    found = results.get("start")
    if not found:
        return []
    where = "on the GPU" if found["gpu_layers"] else f"on the CPU, {found['threads']} threads"
    return [
        f"First words {where}, load average {found['load_average']}: {found['total_s']} s after "
        f"the start (loading {found['load_s']}, system prompt and tools {found['opening_s']}, "
        f"then {found['to_first_word_s']}).",
        "",
    ]


def _by_kind(section: str, rows: list[dict]) -> list[str]:
    if not rows:
        return []
    kinds: dict[str, list[dict]] = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    lines = ["", f"{TITLES[section]}, by kind:", "", "| kind | right | of |", "| --- | --- | --- |"]
    counts = [(sum(row["is_right"] for row in some), len(some), k) for k, some in kinds.items()]
    counts.sort(key=lambda count: count[0] / count[1])
    return lines + [f"| {kind} | {right} | {n} |" for right, n, kind in counts]


def into_card(card: Path, results: dict) -> None:
    """Put the figures between the marks of the card.

    Raises:
        SystemExit: the card has no marks.
    """
    text = card.read_text("utf-8")
    if not _FIGURES.search(text):
        raise SystemExit(f"{card}: no lines <!-- figures: ... --> and <!-- end of figures -->")
    body = "\n".join(figures(results)) + "\n"
    card.write_text(_FIGURES.sub(lambda m: m[1] + body + m[2], text), "utf-8")
