"""All rankings that the fidelity bench compares, baselines and ablations among them.

Ablations of the published score are coefficients like any others: vectors zeroed (no
trigonometric term), weights zeroed (no norm term), the sign of the first reversed, scores used
without z-normalization, or one vector for each offset, so that the largest counts. Attention-based
baselines rank by attention that this very model paid to the text, captured in a separate full
pass: what their published forms would see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from triagent.engine.assembly import published_layer
from triagent.engine.native import Cache
from triagent.engine.trial import Ranking, ranking
from triagent.kv import coefficients as co
from triagent.kv.coefficients import Coefficients
from triagent.kv.policy import Fitted, Policy, Score, TriAttention
from triagent.kv.score import OFFSETS
from triagent.kv.sidecar import LayerFit, Stats

SIMPLE = ("streaming", "random", "knorm", "knorm-low", "keydiff")
ABLATIONS = ("no-trig", "no-norm", "no-znorm", "minus-trig", "max-offsets")


@dataclass(frozen=True)
class Table(Policy):
    """Scores by position that were made beforehand: one-shot compression only."""

    name = "table"
    score = Score.HOST
    values: np.ndarray = field(default_factory=lambda: np.zeros((1, 1), np.float32))
    """(n_rows, n_pos) float32, higher is kept."""

    def host_scores(self, pos: np.ndarray, n_sets: int, now: int) -> np.ndarray:
        return self.values[:, pos]


def named(name: str, cache: Cache, stats: Stats | None) -> Ranking:
    """A ranking by its name in the tables; raises as the policy's own score would."""
    if name in ABLATIONS:
        assert stats is not None
        if name == "max-offsets":
            layers = [_by_offset(cache, i, stats) for i in range(len(cache.layers))]
        else:
            layers = [published_layer(cache, i, stats) for i in range(len(cache.layers))]
        changed = tuple(_ablate(name, layer) for layer in layers)
        return Ranking(name, TriAttention(), changed, normalize=name != "no-znorm")
    return ranking(name)


def from_fits(name: str, cache: Cache, fits: dict[int, LayerFit]) -> Ranking:
    """A ranking by another set of fitted coefficients, used raw."""
    made = tuple(co.fitted(fits[x.il].vectors, fits[x.il].weights, x) for x in cache.layers)
    return Ranking(name, Fitted(), made, normalize=False)


def available(stats: Stats | None) -> list[str]:
    """Names that can be had with this sidecar."""
    calibrated = ["fitted"] * bool(stats and stats.fits)
    if stats and stats.layers:
        calibrated += ["triattention", *ABLATIONS]
    return [*calibrated, *SIMPLE]


def _ablate(name: str, layer: Coefficients) -> Coefficients:
    if name == "no-trig":
        return replace(layer, vectors=np.zeros_like(layer.vectors))
    if name == "no-norm":
        return replace(layer, weights=np.zeros_like(layer.weights))
    if name == "minus-trig":
        return replace(layer, vectors=-layer.vectors)
    return layer


def _by_offset(cache: Cache, i: int, stats: Stats) -> Coefficients:
    """One vector for each offset, so that the maximum is taken over offsets and heads at once."""
    parts = [published_layer(cache, i, stats, (d,)) for d in OFFSETS]
    vectors, weights = ([getattr(p, x) for p in parts] for x in ("vectors", "weights"))
    return Coefficients(np.concatenate(vectors, 1), np.concatenate(weights, 1))


def snapkv(attention: Sequence[np.ndarray], kernel: int = 5) -> Ranking:
    """Mean attention of the last queries, pooled over neighbors (arXiv:2404.14469).

    Args:
        attention: of each cache layer, (n_head_kv, n_pos): summed over the last queries and
            the heads of a group.
    """
    window = np.ones(kernel) / kernel
    rows = [np.convolve(row, window, "same") for layer in attention for row in layer]
    return Ranking("snapkv", Table(values=np.array(rows, np.float32)))


def h2o(attention: Sequence[np.ndarray]) -> Ranking:
    """Attention summed over all queries so far (arXiv:2306.14048); shapes as in `snapkv`."""
    return Ranking("h2o", Table(values=np.concatenate(attention).astype(np.float32)))
