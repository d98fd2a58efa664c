"""Tables and pictures of what was measured: concentration, preferred distances, reconstruction.

matplotlib appears here alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triagent.calibrate.centers import LayerCenters

DISTANCES = np.unique(np.geomspace(1, 16384, 160).astype(int))


@dataclass(frozen=True)
class Reconstruction:
    """How well centers predict mean attention logits by distance, one value a query head."""

    layer: int
    r: np.ndarray
    """Pearson correlation over distances, (n_head,) float64."""


def distance_curve(layer: LayerCenters, omega: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Predicted logit of a mean key by distance: sum_f |mu||k| cos(omega d + phase).

    Args:
        omega: (F,) float64, radians per position.
        key: mean pre-RoPE key of each query head's KV head, (n_head, F) complex128.

    Returns:
        (n_head, len(DISTANCES)) float64. arXiv:2604.04921, the trigonometric series.
    """
    turn = np.exp(1j * omega[:, None] * DISTANCES)  # (F, n_distances)
    return np.real((layer.q_center * np.conj(key)) @ turn)


def summary(layers: Sequence[LayerCenters]) -> list[dict[str, float]]:
    """One row a layer: mean, energy-weighted and dominant-band concentration."""
    rows = []
    for layer in layers:
        r, energy = layer.concentration, layer.q_norm**2
        two = np.argsort(-energy, axis=1)[:, :2]
        top = np.take_along_axis(r, two, 1)
        rows.append(
            {
                "layer": layer.layer,
                "mean R": float(r.mean()),
                "energy-weighted R": float((r * energy).sum() / energy.sum()),
                "heads whose two strongest bands pass .95": float((top > 0.95).all(1).mean()),
            }
        )
    return rows


def markdown(rows: Sequence[dict[str, float]]) -> str:
    """A Markdown table."""
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    for row in rows:
        cells = (f"{row[n]:.3f}" if isinstance(row[n], float) else str(row[n]) for n in names)
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def write(
    folder: Path,
    layers: Sequence[LayerCenters],
    curves: dict[str, np.ndarray] | None = None,
    reconstruction: Sequence[Reconstruction] = (),
    extra: dict | None = None,
) -> list[Path]:
    """Write report.md, report.json and the pictures; returns their paths.

    Args:
        curves: name of a head -> (len(DISTANCES),) predicted logits.
        extra: further tables for report.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = summary(layers)
    text = "# Query centers\n\n" + markdown(rows)
    if reconstruction:
        text += "\n## Reconstruction\n\n" + markdown(_reconstruction_rows(reconstruction))
    paths = [folder / "report.md", folder / "report.json"]
    paths[0].write_text(text)
    paths[1].write_text(json.dumps({"layers": rows, **(extra or {})}, indent=1))
    paths += [_heat_map(folder, layers), _histogram(folder, layers)]
    if curves:
        paths.append(_curves(folder, curves))
    return paths


def _reconstruction_rows(items: Sequence[Reconstruction]) -> list[dict[str, float]]:
    return [
        {
            "layer": item.layer,
            "r of head 0": float(item.r[0]),
            "mean r": float(np.nanmean(item.r)),
            "lowest r": float(np.nanmin(item.r)),
        }
        for item in items
    ]


def _figure(width: float, height: float):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width, height), layout="constrained")


def _save(figure, path: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def _heat_map(folder: Path, layers: Sequence[LayerCenters]) -> Path:
    n_head = max(layer.q_norm.shape[0] for layer in layers)
    grid = np.full((len(layers), n_head), np.nan)
    for row, layer in enumerate(layers):
        energy = layer.q_norm**2
        grid[row, : len(energy)] = (layer.concentration * energy).sum(1) / energy.sum(1)
    figure, axes = _figure(2 + n_head * 0.22, 1.5 + len(layers) * 0.22)
    image = axes.imshow(grid, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set(xlabel="query head", ylabel="layer", title="Concentration R, weighted by band energy")
    axes.set_yticks(range(len(layers)), [str(layer.layer) for layer in layers])
    figure.colorbar(image)
    return _save(figure, folder / "concentration.png")


def _histogram(folder: Path, layers: Sequence[LayerCenters]) -> Path:
    figure, axes = _figure(6, 3.5)
    values = np.concatenate([layer.concentration.ravel() for layer in layers])
    axes.hist(values, bins=50, range=(0, 1), color="#4c72b0")
    axes.set(xlabel="R of a band", ylabel="bands", title="Concentration over all heads and bands")
    return _save(figure, folder / "histogram.png")


def _curves(folder: Path, curves: dict[str, np.ndarray]) -> Path:
    figure, axes = _figure(7, 4)
    for name, values in curves.items():
        axes.plot(DISTANCES, values, label=name)
    axes.set(xscale="log", xlabel="distance in tokens", ylabel="predicted logit (unscaled)")
    axes.set_title("What distance each head prefers")
    axes.legend(fontsize=8)
    return _save(figure, folder / "distances.png")
