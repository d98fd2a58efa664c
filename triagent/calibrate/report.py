"""The report of a calibration: tables as Markdown and JSON, and pictures beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triagent.calibrate import plots
from triagent.calibrate.centers import LayerCenters
from triagent.calibrate.measure import LEVEL, Centers
from triagent.calibrate.reconstruct import DISTANCES, LayerCurves

PUBLISHED = "0.72 for the first head of layer 0, and a mean above 0.5"
"""What arXiv:2604.04921 reports of its own models."""


@dataclass(frozen=True)
class Report:
    """What a report is made of."""

    name: str
    """Of the model."""
    centers: Centers
    curves: tuple[LayerCurves, ...] = ()
    """Empty: no pass was made for them."""
    self_test: str = ""
    """A Markdown table."""
    note: str = ""
    """What follows from the self-test."""
    skipped: tuple[tuple[int, str], ...] = ()
    """(layer, why it has no centers)."""


def write(folder: Path, report: Report) -> list[Path]:
    """Write report.md, report.json and the pictures; returns their paths.

    Raises: OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    layers, curves = report.centers.layers, report.curves
    weighted = [(layer.layer, _weighted(layer)) for layer in layers]
    pictures = [
        plots.heat_map(folder, "concentration.png", weighted, "Concentration R of query heads"),
        plots.histogram(folder, layers),
    ]
    if len(report.centers.trace) > 1:
        pictures.append(plots.settling(folder, report.centers.trace, LEVEL))
    if curves:
        means = [(layer.layer, layer.r) for layer in curves]
        singles = [(layer.layer, layer.r_single) for layer in curves]
        pictures += [
            plots.curves(folder, chosen_heads(layers, curves)),
            plots.correlations(folder, curves),
            plots.heat_map(folder, "reconstruction.png", means, "r of mean logits"),
            plots.heat_map(folder, "single.png", singles, "r of single queries' logits"),
        ]
    paths = [folder / "report.md", folder / "report.json"]
    paths[0].write_text(_text(report, pictures), encoding="utf-8")
    paths[1].write_text(json.dumps(_values(report), indent=1), encoding="utf-8")
    return paths + pictures


def summary(
    layers: Sequence[LayerCenters], curves: Sequence[LayerCurves] = ()
) -> list[dict[str, float]]:
    """One row a layer: its concentration and, where measured, its reconstruction."""
    by_layer = {layer.layer: layer.r for layer in curves}
    singles = {layer.layer: layer.r_single for layer in curves}
    rows = []
    for layer in layers:
        row = {
            "layer": layer.layer,
            "mean R": float(layer.concentration.mean()),
            "R by energy": float(np.average(layer.concentration, weights=layer.q_norm**2)),
            "heads with R > .95": float((plots.strongest(layer) > 0.95).all(1).mean()),
        }
        if layer.layer in by_layer:
            r = by_layer[layer.layer]
            row |= {"r of head 0": float(r[0]), "mean r": _mean(r), "lowest r": _lowest(r)}
            row |= {"r of single queries": _mean(singles[layer.layer])}
        rows.append(row)
    return rows


def reconstruction(curves: Sequence[LayerCurves]) -> str:
    """A sentence on how well centers predict mean attention logits by distance."""
    first, n = curves[0], curves[0].measured.shape[1]
    every = np.concatenate([layer.r for layer in curves])
    single = np.concatenate([layer.r_single for layer in curves])
    return (
        f"Centers predict mean attention logits by distance (1 to {DISTANCES[n - 1]:,} tokens) "
        f"with r = {first.r[0]:.2f} for the first head of layer {first.layer}, {_mean(every):.2f} "
        f"on average over {len(every)} heads; the logits of single queries with "
        f"r = {first.r_single[0]:.2f} and {_mean(single):.2f}."
    )


def agreement(layers: Sequence[LayerCenters], others: dict[int, np.ndarray]) -> list[tuple]:
    """How alike two measurements are: (layer, mean cosine, lowest cosine) over query heads.

    Args:
        others: layer -> (n_head, F) complex, of the other measurement.
    """
    rows = []
    for layer in layers:
        a, b = layer.q_center, others.get(layer.layer)
        if b is None or a.shape != b.shape:
            continue
        size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosine = np.real((a * b.conj()).sum(1)) / np.maximum(size, 1e-30)
        rows.append((layer.layer, float(cosine.mean()), float(cosine.min())))
    return rows


def chosen_heads(
    layers: Sequence[LayerCenters], curves: Sequence[LayerCurves]
) -> list[tuple[str, LayerCurves, int]]:
    """Six heads worth a look, each once: (why, its layer's curves, head)."""
    centers = {layer.layer: layer for layer in layers}
    heads = [(layer, h) for layer in curves for h in range(len(layer.r))]
    heads = [(layer, h) for layer, h in heads if np.isfinite(layer.r[h])]
    by_r = sorted(heads, key=lambda item: item[0].r[item[1]])
    steady = sorted(heads, key=lambda item: _weighted(centers[item[0].layer])[item[1]])
    far = sorted(heads, key=lambda item: int(item[0].predicted[item[1]].argmax()))
    wanted = [
        ("the first head, as in the paper", heads[:1]),
        ("best predicted", by_r[::-1]),
        ("the median head", by_r[len(by_r) // 2 :]),
        ("worst predicted", by_r),
        ("the steadiest queries", steady[::-1]),
        ("prefers the farthest keys", far[::-1]),
    ]
    out: list[tuple[str, LayerCurves, int]] = []
    for why, best_first in wanted:
        taken = {(layer.layer, h) for _, layer, h in out}
        free = ((layer, h) for layer, h in best_first if (layer.layer, h) not in taken)
        out += [(why, *found) for found in [next(free, None)] if found is not None]
    return out


def markdown(rows: Sequence[dict[str, float]]) -> str:
    """A Markdown table."""
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    for row in rows:
        cells = (f"{row[n]:.3f}" if isinstance(row[n], float) else str(row[n]) for n in names)
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _text(report: Report, pictures: Sequence[Path]) -> str:
    centers = report.centers
    parts = [f"# Query centers of {report.name}"]
    if centers.trace:
        parts.append(centers.settling)
    if report.curves:
        parts.append(f"{reconstruction(report.curves)} The paper reports {PUBLISHED}.")
    parts.append(markdown(summary(centers.layers, report.curves)).rstrip())
    parts.append(
        "R is the length of a band's mean query over its mean length: 1 when queries never turn. "
        'The column "heads with R > .95" counts heads whose two strongest bands both pass it.'
    )
    parts += [f"Layer {il} has no centers: {why}." for il, why in report.skipped]
    parts += [f"![{path.stem}]({path.name})" for path in pictures]
    if report.self_test:
        parts += ["## Self-test", report.self_test.rstrip(), report.note]
    return "\n\n".join(parts) + "\n"


def _values(report: Report) -> dict:
    return {
        "model": report.name,
        "layers": summary(report.centers.layers, report.curves),
        "trace": report.centers.trace,
        "level_since": report.centers.level_since if report.centers.trace else None,
        "distances": DISTANCES.tolist(),
        "curves": [
            {
                "layer": layer.layer,
                "r": _numbers(layer.r),
                "r_single": _numbers(layer.r_single),
                "measured": np.round(layer.measured, 4).tolist(),
                "predicted": np.round(layer.predicted, 4).tolist(),
            }
            for layer in report.curves
        ],
        "self_test": report.self_test,
    }


def _numbers(r: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in r]


def _weighted(layer: LayerCenters) -> np.ndarray:
    """R of each head, bands weighted by energy: (n_head,)."""
    energy = layer.q_norm**2
    return (layer.concentration * energy).sum(1) / energy.sum(1)


def _mean(r: np.ndarray) -> float:
    return float(r[np.isfinite(r)].mean()) if np.isfinite(r).any() else float("nan")


def _lowest(r: np.ndarray) -> float:
    return float(r[np.isfinite(r)].min()) if np.isfinite(r).any() else float("nan")
