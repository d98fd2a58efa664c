"""Plots of the fidelity bench: accuracy against budget and distance, nats over position.

SVG with its text as text and few points, so that the files stay small and readable as diffs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.fidelity_table import wilson

FULL = "full"
AT = "1/8"
"""The budget that distances and positions are shown at."""
LEFT_OUT = ("no-trig", "no-norm", "no-znorm", "minus-trig", "max-offsets", "knorm-low")
"""Ablations stand in the tables; a plot of twenty lines shows none."""


def plots(results: dict, folder: Path) -> list[Path]:
    """Write what the results allow; returns the files."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "triagent"})
    made = []
    for section in ("recall", "stream"):
        for group, rows in results.get(section, {}).items():
            made.append(_by_budget(rows, folder / f"{section}-{group}.svg", group))
    if "distance" in results:
        made.append(_by_distance(results["distance"], folder / "distance.svg"))
    for kind, rows in results.get("position", {}).items():
        made.append(_by_position(rows, folder / f"position-{kind}.svg", kind))
    return made


def _by_budget(rows: dict, path: Path, group: str) -> Path:
    figure, axes = _figure(f"Recall, sessions of {group} tokens", "budget", "recall")
    labels = _budgets(rows)
    for name, cells in _shown(rows):
        cells = [cells.get("1") or cells.get(label) for label in labels]
        points = [(i, cell) for i, cell in enumerate(cells) if cell and cell["n"]]
        shares = [cell["right"] / cell["n"] for _, cell in points]
        ends = [wilson(cell["right"], cell["n"]) for _, cell in points]
        axes.plot([i for i, _ in points], shares, marker=".", label=name, **_style(name))
        axes.fill_between([i for i, _ in points], *zip(*ends, strict=True), alpha=0.08)
    axes.set_xticks(range(len(labels)), labels)
    return _save(figure, axes, path)


def _by_distance(groups: dict, path: Path) -> Path:
    figure, axes = _figure(f"Recall at {AT} by distance", "tokens up to", "recall")
    reaches = sorted(groups, key=lambda x: int(x.split()[-1]))
    for name, _ in _shown({n: 0 for group in groups.values() for n in group}):
        cells = [(groups[r].get(name) or {}) for r in reaches]
        cells = [cell.get("1") or cell.get(AT) for cell in cells]
        points = [(i, c["right"] / c["n"]) for i, c in enumerate(cells) if c and c["n"]]
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", label=name, **_style(name))
    axes.set_xticks(range(len(reaches)), [r.split()[-1] for r in reaches])
    return _save(figure, axes, path)


def _by_position(rows: dict, path: Path, kind: str) -> Path:
    figure, axes = _figure(f"Nats lost at {AT}, {kind}", "tokens after the first scored", "nats")
    for name, cells in _shown(rows):
        curve = cells.get(AT)
        if not curve:
            continue
        points = sorted((int(at), c["lost"] / max(1, c["n"])) for at, c in curve.items())
        axes.plot(*zip(*points, strict=True), marker=".", label=name, **_style(name))
    return _save(figure, axes, path)


def _shown(rows: dict) -> Sequence[tuple[str, dict]]:
    return [(name, cells) for name, cells in rows.items() if name not in LEFT_OUT]


def _budgets(rows: dict) -> list[str]:
    found = {label for cells in rows.values() for label in cells if "/" in label}
    return sorted(found, key=lambda x: int(x.split("/")[1]))


def _style(name: str) -> dict:
    return {"color": "black", "linestyle": "--"} if name == FULL else {}


def _figure(title: str, x: str, y: str):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure, axes, path: Path) -> Path:
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return path
