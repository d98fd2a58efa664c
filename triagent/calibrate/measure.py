"""Runs calibration text through a model: centers from every query, a fit from text written twice.

Memory is flat in the number of tokens: sums only, and one text's needs at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from triagent.calibrate.centers import CenterSums, LayerCenters
from triagent.calibrate.fit import L2M, FitSums, LayerFit, Need, Target
from triagent.calibrate.pairs import to_bands, to_real
from triagent.calibrate.text import Twice
from triagent.config import ModelConfig
from triagent.engine.capture import Captured, Kind
from triagent.engine.forward import Forward
from triagent.kv.coefficients import Geometry
from triagent.kv.score import Pairing

N_WINDOW = 64
"""Keys this near the eviction are protected in use, so they are not fitted."""
ATTENTION_BYTES = 64 << 20
"""Of one layer's attention in one pass."""
LEVEL = 0.005
"""A change of R below this is none: texts of another kind move it more."""
Progress = Callable[[str, int, int], None]
"""(what, tokens done, tokens in all)."""


def device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Centers:
    """Centers so far, and how far R still moved."""

    layers: list[LayerCenters] = field(default_factory=list)
    trace: list[tuple[int, float]] = field(default_factory=list)
    """(tokens, energy-weighted mean R over all heads) after each text."""

    @property
    def drift(self) -> float:
        """Change of R over the last quarter of the tokens; small: R has levelled off."""
        if len(self.trace) < 2:
            return float("nan")
        total = self.trace[-1][0]
        early = [r for n, r in self.trace if n <= 0.75 * total] or [self.trace[0][1]]
        return abs(self.trace[-1][1] - early[-1])

    @property
    def level_since(self) -> int | None:
        """Tokens after which R stayed within LEVEL of its last value.

        None: it still moved during the last quarter of them.
        """
        n_tokens, last = self.trace[-1]
        since = n_tokens
        for n, r in reversed(self.trace):
            if abs(r - last) >= LEVEL:
                break
            since = n
        return since if since <= 0.75 * n_tokens else None

    @property
    def settling(self) -> str:
        """A sentence on whether more tokens would change R."""
        n_tokens, r = self.trace[-1]
        if len(self.trace) < 2:
            return f"R is {r:.3f}; {n_tokens:,} tokens are too few to see it level off."
        if self.level_since is None:
            return (
                f"R is {r:.3f} and has not levelled off: it changed by {self.drift:.4f} over the "
                f"last quarter of {n_tokens:,} tokens. Use more --tokens."
            )
        return (
            f"R is {r:.3f} and has levelled off: it changed by less than {LEVEL} since "
            f"{self.level_since:,} of {n_tokens:,} tokens."
        )


def measure_centers(
    config: ModelConfig,
    texts: Iterable[Sequence[int]],
    progress: Progress | None = None,
    n_tokens: int | None = None,
    n_longest: int | None = None,
) -> Centers:
    """Mean queries of every layer that rotates them; each text is run from an empty cache.

    Args:
        texts: asked for one by one; never all in memory where the caller makes them so.
        n_tokens, n_longest: of all texts, and of the longest; needed when `texts` has no length.
    """
    if not isinstance(texts, Sequence):
        assert n_tokens is not None and n_longest is not None, "an iterator does not know these"
    else:
        n_tokens, n_longest = sum(map(len, texts)), max(map(len, texts))
    sums: dict[int, CenterSums] = {}
    where = device()

    def sink(item: Captured) -> None:
        rope = item.rope
        if rope is not None:
            made = sums.setdefault(item.layer, CenterSums(item.layer, rope.n_rot, rope.half, where))
            made.add(item.array)

    out, done = Centers(), 0
    with Forward(config, n_longest, {Kind.QUERY}, sink) as forward:
        for text in texts:
            forward.feed(text, progress=_shifted(progress, "centers", done, n_tokens))
            done += len(text)
            out.trace.append((done, _mean_r([s.mean() for s in sums.values()])))
    out.layers = [sums[layer].mean() for layer in sorted(sums)]
    return out


def _mean_r(layers: Sequence[LayerCenters]) -> float:
    energy = [(layer.q_norm**2, layer.concentration) for layer in layers]
    return float(sum((e * r).sum() for e, r in energy) / sum(e.sum() for e, _ in energy))


def _shifted(progress: Progress | None, what: str, before: int, total: int):
    return None if progress is None else lambda n: progress(what, before + n, total)


class _TwiceRun:
    """One text written twice: keys of the first copy, and the need the second copy has of them."""

    def __init__(self, layers: Sequence[Geometry], where: torch.device) -> None:
        self._cache_layer = {r: i for i, layer in enumerate(layers) for r in layer.readers}
        self._writes = {layer.il: i for i, layer in enumerate(layers)}
        self._layers, self._where = layers, where
        self.keys: list[list[np.ndarray]] = []
        self.needs: list[Need] = []
        self._start = 0

    def begin(self, text: Twice) -> None:
        self._text, self._start = text, 0
        self.keys = [[] for _ in self._layers]
        n_keys = text.seam - N_WINDOW
        self.needs = [Need(layer.n_head_kv, n_keys, self._where) for layer in self._layers]

    def report(self, progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
        """What `Forward.feed` calls after each chunk."""

        def chunk_done(n_tokens: int) -> None:
            self._start = n_tokens
            if progress is not None:
                progress("fit", before + n_tokens, total)

        return chunk_done

    def sink(self, item: Captured) -> None:
        second = self._start >= self._text.seam
        if item.kind is Kind.KEY and not second and item.layer in self._writes:
            self.keys[self._writes[item.layer]].append(item.array)
        if item.kind is Kind.ATTENTION and second and item.layer in self._cache_layer:
            self.needs[self._cache_layer[item.layer]].add(item.array)


def measure_fit(
    config: ModelConfig,
    texts: Sequence[Twice],
    weights: Sequence[float] | None = None,
    target: Target = L2M,
    progress: Progress | None = None,
) -> list[LayerFit]:
    """Fit every cache layer's score to what the second copy needs of the first.

    Args:
        weights: how often each text's keys count (once by default).
    """
    where = device()
    run: _TwiceRun | None = None
    longest = max(len(text.ids) for text in texts)
    # the layers are known only after loading, so the sink is bound late
    forward = Forward(
        config, longest, {Kind.KEY, Kind.ATTENTION}, lambda item: run and run.sink(item), n_chunk=64
    )
    with forward:
        forward.n_chunk = _attention_chunk(forward, longest)
        layers = forward.cache.layers
        run = _TwiceRun(layers, where)
        sums = [FitSums(layer.n_head_kv, 3 * layer.n_band, where) for layer in layers]
        done, total = 0, sum(len(text.ids) for text in texts)
        for text, weight in zip(texts, weights or [1.0] * len(texts), strict=True):
            run.begin(text)
            forward.feed(text.ids, progress=run.report(progress, done, total), cut=text.seam)
            done += len(text.ids)
            for i, part in enumerate(sums):
                features = key_features(forward, i, run.keys[i], text)
                need = target.of(run.needs[i].peak, run.needs[i].mean)
                part.add(features, need[:, text.n_prompt :], weight)
    return [_layer_fit(layer, part) for layer, part in zip(layers, sums, strict=True)]


def _attention_chunk(forward: Forward, n_kv: int) -> int:
    """Tokens of a pass whose attention fits into ATTENTION_BYTES."""
    n_head = max(layer.n_head for layer in forward.cache.layers)
    return max(1, min(forward.n_chunk, ATTENTION_BYTES // (4 * n_head * n_kv)))


def _layer_fit(layer: Geometry, sums: FitSums) -> LayerFit:
    coefficients, correlation = sums.solve()
    n_vec = 2 * layer.n_band
    vec, weight = coefficients[:, :n_vec], coefficients[:, n_vec:]
    return LayerFit(layer.il, vec.astype(np.float32), weight.astype(np.float32), correlation)


def key_features(
    forward: Forward, i: int, chunks: Sequence[np.ndarray], text: Twice
) -> torch.Tensor:
    """Features of the first copy's keys: rotated back by the seam, then pair norms.

    The model's own RoPE at minus the seam does the rotation, so no scaling rule is written
    twice; its magnitude divides out.

    Returns:
        (n_head_kv, n_keys, 3F) float64; the 2F rotated numbers in band order.
    """
    layer = forward.cache.layers[i]
    keys = np.concatenate(chunks)[text.n_prompt : text.seam - N_WINDOW]  # (n, n_head_kv, hd)
    flat = np.ascontiguousarray(keys.reshape(-1, keys.shape[2]))
    turned = forward.rotate(i, -text.seam, flat).reshape(keys.shape)
    half = layer.pairing == Pairing.HALF
    bands = to_bands(torch.from_numpy(turned).double(), layer.n_rot, half)
    norms = to_bands(torch.from_numpy(keys).double(), layer.n_rot, half).abs()
    features = torch.cat([to_real(bands), norms], -1)  # (n, n_head_kv, 3F)
    return features.transpose(0, 1).to(device())
