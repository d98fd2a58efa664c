"""The fidelity bench's results as Markdown, with Wilson intervals."""

from __future__ import annotations

import math


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
    for section, title in TITLES.items():
        for group, rows in results.get(section, {}).items():
            parts += [f"### {title} {group}", ""]
            parts += _nats(rows) if section == "fluency" else _recall(rows)
            parts.append("")
    if results.get("cut_short"):
        parts += [f"Stopped early: {', '.join(results['cut_short'])}", ""]
    return "\n".join([*parts, f"`{results['command']}`", ""])


TITLES = {
    "recall": "Recall, compressed once before the question; session tokens",
    "stream": "Recall, evicting while reading; session tokens",
    "fluency": "Fluency while streaming,",
    "modes": "Recall by what shares a set:",
    "types": "Recall by cache type:",
    "interval": "Recall while streaming, by interval:",
    "dfs": "Depth-first walks written out,",
}


def _labels(rows: dict) -> list[str]:
    return list(dict.fromkeys(label for cells in rows.values() for label in cells if label != "1"))


def _table(heads: list[str], lines: list[list[str]]) -> list[str]:
    out = [heads, ["---"] * len(heads), *lines]
    return ["| " + " | ".join(line) + " |" for line in out]


def _recall(rows: dict) -> list[str]:
    labels = _labels(rows)
    lines = []
    for name, cells in rows.items():
        if "1" in cells and len(cells) == 1:
            lines.append([name, *[_share(cells["1"])] * max(1, len(labels))])
        else:
            lines.append([name, *(_share(cells[label]) for label in labels if label in cells)])
    return _table(["ranking", *(labels or ["all"])], lines)


def _share(cell: dict) -> str:
    low, high = wilson(cell["right"], cell["n"])
    share = cell["right"] / max(1, cell["n"])
    return f"{share:.3f} [{low:.2f}, {high:.2f}] n={cell['n']}"


def _nats(rows: dict) -> list[str]:
    labels = _labels(rows)
    lines = []
    for name, cells in rows.items():
        only = cells.get("1")
        chosen = [only] * max(1, len(labels)) if only else [cells[x] for x in labels if x in cells]
        lines.append([name, *(_mean(cell) for cell in chosen)])
    return _table(["ranking: nats per token (KL to full)", *(labels or ["all"])], lines)


def _mean(cell: dict) -> str:
    n = max(1, cell["n"])
    return f"{cell['nats'] / n:.3f} ({cell['kl'] / n:.3f})"
