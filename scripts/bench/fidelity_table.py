"""The fidelity bench's results as Markdown, with intervals of 95 %.

Recall has Wilson's interval; questions of one session are not independent, so it is a little too
narrow. Nats lost have a normal one over tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

TITLES = {
    "recall": "Recall, compressed once before the question; tokens of a session",
    "distance": "The same by distance, tokens between fact and question",
    "pinned": "The same by where the fact stands",
    "stream": "Recall, evicting while reading; tokens of a session",
    "fluency": "Nats per token lost while streaming,",
    "modes": "Recall by what shares a set,",
    "types": "Recall by cache type,",
    "interval": "Recall, evicting while reading, by interval,",
    "walks": "Depth-first walks written out,",
    "mass": "Attention kept, and Recall@k of the oracle's set,",
}


LAYER = ", layer "
"""Between a group and the number of a layer in it."""
AT = "1/8"
"""The budget that layers are shown at."""


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion."""
    if not n:
        return 0.0, 1.0
    z, p = 1.96, right / n
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, center - half), min(1.0, center + half)


def markdown(results: dict) -> str:
    """All sections that were measured."""
    parts = [f"Model: {results['model']} on {results['device']}", ""]
    for section in TITLES:
        parts += section_lines(results, section)
    if results.get("cut_short"):
        parts += [f"Stopped early: {', '.join(results['cut_short'])}", ""]
    return "\n".join([*parts, f"`{results['command']}`", ""])


def section_lines(results: dict, section: str, level: int = 3) -> list[str]:
    """One section's tables."""
    parts = []
    groups = results.get(section, {})
    for group, rows in _sorted(groups):
        if LAYER in group:
            continue
        parts += [f"{'#' * level} {TITLES[section]} {group}", "", *table(rows, CELLS[section]), ""]
        if any(name.startswith(group + LAYER) for name in groups):
            parts += _by_layer(groups, group)
    return parts


def _by_layer(groups: dict, group: str) -> list[str]:
    """Attention kept at one budget, layers across."""
    layers = _sorted(
        {name: rows for name, rows in groups.items() if name.startswith(group + LAYER)}
    )
    names = list(dict.fromkeys(name for _, rows in layers for name in rows))
    lines = [["ranking", *(name.removeprefix(group + ", ") for name, _ in layers)]]
    lines.append(["---"] * len(lines[0]))
    for name in names:
        cells = [rows.get(name, {}).get(AT) for _, rows in layers]
        lines.append([name, *(f"{c['mass'] / max(1, c['n']):.2f}" if c else "" for c in cells)])
    shown = ["| " + " | ".join(line) + " |" for line in lines]
    return [f"Attention kept at {AT}, by layer:", "", *shown, ""]


def _sorted(groups: dict) -> list[tuple[str, dict]]:
    """Groups in the order of the numbers in their names, so that merged runs print alike."""

    def number(item: tuple[str, dict]) -> tuple[int, str]:
        digits = "".join(c for c in item[0] if c.isdigit())
        return (int(digits), "") if digits else (0, item[0])

    return sorted(groups.items(), key=number)


def table(rows: dict, show: Callable[[dict], str]) -> list[str]:
    """Rankings down, budgets across; full attention has one figure for all budgets."""
    found = {label for cells in rows.values() for label in cells if label != "1"}
    labels = sorted(found, key=lambda x: int(x.rpartition("/")[2].split()[0]))
    lines = [["ranking", *(labels or ["all"])]]
    for name, cells in rows.items():
        whole = cells.get("1") if not any(label in cells for label in labels) else None
        given = [whole or cells.get(label) for label in labels or ["1"]]
        lines.append([name, *(show(cell) if cell else "" for cell in given)])
    lines.insert(1, ["---"] * len(lines[0]))
    return ["| " + " | ".join(line) + " |" for line in lines]


def share(cell: dict) -> str:
    """Share, interval and n."""
    low, high = wilson(cell["right"], cell["n"])
    return f"{cell['right'] / max(1, cell['n']):.3f} [{low:.2f}, {high:.2f}] n={cell['n']}"


def nats(cell: dict) -> str:
    """Nats lost with half its interval, then KL to full attention, then n."""
    n = max(1, cell["n"])
    mean = cell["lost"] / n
    half = 1.96 * math.sqrt(max(0.0, cell["lost2"] / n - mean**2) / n)
    return f"{mean:+.3f} ± {half:.3f}, KL {cell['kl'] / n:.3f}, n={cell['n']}"


def kept(cell: dict) -> str:
    """Share of attention kept, Recall@k, and the rows they are means of."""
    n = max(1, cell["n"])
    return f"{cell['mass'] / n:.2f}, {cell['found'] / n:.2f}, n={cell['n']}"


CELLS: dict[str, Callable[[dict], str]] = dict.fromkeys(TITLES, share)
CELLS |= {"fluency": nats, "mass": kept}
