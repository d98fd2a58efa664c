"""The pictures of a calibration report. matplotlib appears here alone.

Each function draws one picture from measured values into a folder and returns its path.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from triagent.calibrate.centers import LayerCenters
from triagent.calibrate.reconstruct import DISTANCES, LayerCurves

INK, BLUE, ORANGE, GRAY = "#222222", "#3465a4", "#d9731a", "#9a9a9a"
DPI = 150


def heat_map(
    folder: Path,
    name: str,
    rows: Sequence[tuple[int, np.ndarray]],
    title: str,
) -> Path:
    """One cell a query head, one row a layer; colors from 0 to 1, below 0 as 0.

    Args:
        rows: (layer, (n_head,) float); layers may have different numbers of heads.
    """
    n_head = max(len(values) for _, values in rows)
    grid = np.full((len(rows), n_head), np.nan)
    for row, (_, values) in enumerate(rows):
        grid[row, : len(values)] = values
    side = 0.42 if n_head <= 16 and len(rows) <= 16 else 0.2
    figure, axes = _figure(max(5.5, 2 + n_head * side), max(2.6, 1.4 + len(rows) * side))
    image = axes.imshow(grid, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set(xlabel="query head", ylabel="layer", title=title)
    axes.set_xticks(_some(n_head))
    shown = _some(len(rows))
    axes.set_yticks(shown, [str(rows[i][0]) for i in shown])
    if side > 0.4:
        _write_values(axes, grid)
    figure.colorbar(image, pad=0.02)
    return _save(figure, folder / name)


def histogram(folder: Path, layers: Sequence[LayerCenters]) -> Path:
    """R over all heads and bands, and over each head's two strongest bands."""
    every = np.concatenate([layer.concentration.ravel() for layer in layers])
    strong = np.concatenate([strongest(layer).ravel() for layer in layers])
    figure, axes = _figure(7, 3.6)
    bins = np.linspace(0, 1, 41)
    for values, color, label in (
        (every, GRAY, f"all bands (median {np.median(every):.2f})"),
        (strong, BLUE, f"two strongest bands of each head (median {np.median(strong):.2f})"),
    ):
        share = np.full(len(values), 100 / len(values))
        axes.hist(values, bins, weights=share, color=color, alpha=0.65, label=label)
    axes.axvline(0.95, color=INK, linewidth=0.8, linestyle=":")
    axes.set(xlabel="concentration R", ylabel="% of bands", xlim=(0, 1))
    axes.set_title("How steady queries are: R near 1 means one direction, whatever the text")
    axes.legend(frameon=False, loc="upper left")
    return _save(figure, folder / "histogram.png")


def settling(folder: Path, trace: Sequence[tuple[int, float]], level: float) -> Path:
    """R against the tokens it is of."""
    n_tokens, r = np.array(trace).T
    figure, axes = _figure(7, 3.2)
    axes.axhspan(r[-1] - level, r[-1] + level, color=BLUE, alpha=0.12, linewidth=0)
    axes.plot(n_tokens, r, color=BLUE, marker="o", markersize=4)
    axes.annotate(
        f"last value ± {level}", (n_tokens[-1], r[-1] + level), ha="right", va="bottom", color=BLUE
    )
    spread = max(4 * level, 1.3 * float(np.abs(r - r[-1]).max()))
    axes.set(xlabel="tokens", ylabel="R, weighted by energy", ylim=(r[-1] - spread, r[-1] + spread))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title("Whether more tokens would change the centers")
    return _save(figure, folder / "settling.png")


def curves(folder: Path, chosen: Sequence[tuple[str, LayerCurves, int]]) -> Path:
    """Mean logit by distance of chosen heads, measured and from centers.

    Args:
        chosen: (why, its layer's curves, head).
    """
    n_column = min(3, len(chosen))
    n_row = -(-len(chosen) // n_column)
    figure, grid = _figure(4.2 * n_column, 2.9 * n_row + 0.6, n_row, n_column)
    for axes, (why, layer, head) in zip(np.ravel(grid), chosen, strict=False):
        n = layer.measured.shape[1]
        axes.plot(DISTANCES[:n], layer.measured[head], color=GRAY, linewidth=2.5, label="measured")
        axes.plot(DISTANCES, layer.predicted[head], color=ORANGE, linewidth=1.2, label="centers")
        axes.axvspan(DISTANCES[n - 1], DISTANCES[-1], color=INK, alpha=0.05, linewidth=0)
        axes.set(xscale="log", xlim=(1, DISTANCES[-1]))
        axes.set_xticks([1, 10, 100, 1000, 10000], ["1", "10", "100", "1,000", "10,000"])
        title = f"layer {layer.layer}, head {head}: r = {layer.r[head]:.2f}"
        axes.set_title(f"{title}\n{why}", fontsize=9)
    for axes in np.ravel(grid)[len(chosen) :]:
        axes.set_axis_off()
    np.ravel(grid)[0].legend(frameon=False, fontsize=8)
    figure.supxlabel("distance in tokens (shaded: predicted only)", fontsize=9)
    figure.supylabel("mean logit q·k / √d", fontsize=9)
    figure.suptitle("What distance a head prefers: its attention logits, and the series of centers")
    return _save(figure, folder / "distances.png")


def correlations(folder: Path, layers: Sequence[LayerCurves]) -> Path:
    """How the two reconstruction correlations are spread over all heads."""
    figure, axes = _figure(7, 3.4)
    kinds = (
        ("of single queries' logits", GRAY, [layer.r_single for layer in layers]),
        ("of mean logits", BLUE, [layer.r for layer in layers]),
    )
    lowest = 0.0
    for label, color, parts in kinds:
        r = np.concatenate(parts)
        r = r[np.isfinite(r)]
        lowest = min(lowest, float(r.min(initial=0.0)))
        words = f"{label}: mean {r.mean():.2f}, first head {parts[0][0]:.2f}"
        axes.hist(r, np.linspace(-1, 1, 41), color=color, alpha=0.65, label=words)
    axes.set(xlabel="reconstruction correlation r", ylabel="query heads")
    axes.set_xlim(max(-1.0, lowest - 0.1), 1)
    axes.set_title("How much of attention by distance the centers predict")
    axes.legend(frameon=False, loc="upper center")
    return _save(figure, folder / "correlations.png")


def strongest(layer: LayerCenters) -> np.ndarray:
    """R of each head's two bands of most energy, (n_head, 2)."""
    two = np.argsort(-(layer.q_norm**2), axis=1)[:, :2]
    return np.take_along_axis(layer.concentration, two, 1)


def _some(n: int) -> list[int]:
    return list(range(0, n, max(1, -(-n // 16))))


def _write_values(axes, grid: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            words = f"{value:.2f}".replace("0.", ".", 1)
            color = INK if value > 0.7 else "white"
            axes.text(column, row, words, ha="center", va="center", fontsize=7, color=color)


def _figure(width: float, height: float, n_row: int = 1, n_column: int = 1):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        n_row, n_column, figsize=(width, height), layout="constrained", squeeze=n_row * n_column < 2
    )
    for each in np.ravel(axes):
        each.spines[["top", "right"]].set_visible(False)
        each.title.set_fontsize(10)
    return figure, axes


def _save(figure, path: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(path, dpi=DPI)
    pyplot.close(figure)
    return path
