"""How well centers predict attention: mean logits by distance, measured and reconstructed.

Measured: the mean of q·k over every pair of a query and a key that lie so far apart, exactly, by
Fourier transforms of whole texts. Reconstructed: arXiv:2604.04921, the trigonometric series of
E[q] and E[k] alone. Their correlation over distances tells how much of a head's preference for
distances is its centers; the correlation with single queries' logits, how little of what one query
wants that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from triagent.calibrate.centers import LayerCenters
from triagent.calibrate.measure import Progress, device
from triagent.calibrate.pairs import to_bands
from triagent.config import ModelConfig
from triagent.engine.capture import Captured, Kind
from triagent.engine.forward import Forward
from triagent.kv import score
from triagent.kv.coefficients import Geometry

DISTANCES = np.unique(np.geomspace(1, 16384, 160).astype(int))
"""Tokens; evenly spaced on a logarithmic axis."""
N_TEXT = 2048
"""Longest text. It is one forward pass, so that a layer's queries and keys are there together and
can be forgotten before the next layer's come."""
N_SINGLE = 64
"""Queries of a text that are looked at one by one."""


@dataclass(frozen=True)
class LayerCurves:
    """One layer's mean attention logits by distance, q·k / sqrt(head_dim)."""

    layer: int
    measured: np.ndarray
    """(n_head, n_measured) float64, at the first `n_measured` of DISTANCES."""
    predicted: np.ndarray
    """(n_head, len(DISTANCES)) float64, from centers."""
    single: np.ndarray
    """Mean over queries of one query's logits, z-normalized: (n_head, n_measured) float64."""

    @property
    def r(self) -> np.ndarray:
        """Pearson correlation over the measured distances, (n_head,) float64; NaN: no variation."""
        return (_standard(self.measured) * self._standard_prediction).mean(1)

    @property
    def r_single(self) -> np.ndarray:
        """Mean over queries of each one's own correlation with the prediction, (n_head,)."""
        return (self.single * self._standard_prediction).mean(1)

    @property
    def _standard_prediction(self) -> np.ndarray:
        return _standard(self.predicted[:, : self.measured.shape[1]])


def _standard(rows: np.ndarray) -> np.ndarray:
    """Rows of mean 0 and deviation 1; NaN where a row does not vary."""
    deviation = rows.std(1, keepdims=True)
    centered = rows - rows.mean(1, keepdims=True)
    return np.divide(centered, deviation, out=np.full_like(rows, np.nan), where=deviation > 0)


def measure_curves(
    config: ModelConfig,
    centers: Sequence[LayerCenters],
    texts: Sequence[Sequence[int]],
    progress: Progress | None = None,
) -> list[LayerCurves]:
    """Run texts, best other ones than the centers are of, and compare logits with the series.

    Args:
        texts: of at most N_TEXT tokens each, and of one length.
    """
    n_tokens = min(map(len, texts))
    sums: _Sums | None = None
    # the layers are known only after loading, so the sink is bound late
    kinds = {Kind.QUERY, Kind.KEY}
    forward = Forward(config, n_tokens, kinds, lambda item: sums and sums.sink(item), n_tokens)
    with forward:
        sums = _Sums(forward, n_tokens)
        for i, text in enumerate(texts):
            forward.feed(text[:n_tokens])
            sums.end_text()
            if progress is not None:
                progress("reconstruction", (i + 1) * n_tokens, len(texts) * n_tokens)
        by_layer = {layer.layer: layer for layer in centers}
        return [sums.curves(by_layer[il]) for il in sorted(sums.logits) if il in by_layer]


class _Sums:
    """Sums over texts of every layer's logits by distance, and of its keys."""

    def __init__(self, forward: Forward, n_tokens: int) -> None:
        self._cache, self._n, self._where = forward.cache, n_tokens, device()
        self._index = {r: i for i, g in enumerate(forward.cache.layers) for r in g.readers}
        self._writes = {g.il: i for i, g in enumerate(forward.cache.layers)}
        self._waiting: dict[int, list[Captured]] = {}
        self._keys: dict[int, torch.Tensor] = {}
        self._n_read: Counter[int] = Counter()
        self.logits: dict[int, torch.Tensor] = {}
        """Model layer -> (n_head, n_tokens / 2 + 1) float64, sum over pairs at each distance."""
        self._single: dict[int, torch.Tensor] = {}
        self._far = torch.from_numpy(DISTANCES[n_tokens // 2 >= DISTANCES]).to(self._where)
        self._key_sums: dict[int, torch.Tensor] = {}
        self._n_texts = 0

    def sink(self, item: Captured) -> None:
        """Add a layer's queries as soon as the keys that they read are there."""
        if item.kind is Kind.KEY and item.layer in self._writes:
            i = self._writes[item.layer]
            self._keys[i] = self._add_keys(i, item)
            for waiting in self._waiting.pop(i, []):
                self._add_queries(i, waiting)
        elif item.kind is Kind.QUERY and item.layer in self._index:
            i = self._index[item.layer]
            if i in self._keys:
                self._add_queries(i, item)
            else:
                self._waiting.setdefault(i, []).append(item)

    def end_text(self) -> None:
        self._n_texts += 1
        self._keys, self._waiting, self._n_read = {}, {}, Counter()

    def curves(self, center: LayerCenters) -> LayerCurves:
        """Means of what was summed, beside the series of `center`."""
        i = self._index[center.layer]
        layer = self._cache.layers[i]
        scale = layer.head_dim**-0.5
        far = self._far.cpu().numpy()
        n_pairs = (self._n - far) * self._n_texts
        measured = self.logits[center.layer].cpu().numpy()[:, far] / n_pairs
        key = self._key_sums[i].cpu().numpy() / (self._n * self._n_texts)  # (n_head_kv, F)
        key = np.repeat(key, layer.n_head // layer.n_head_kv, 0)
        series = self._cache.rope_magnitude[i] * center.q_center * np.conj(key)
        turn = self._turn(i, DISTANCES).cpu().numpy()  # (n_distances, F)
        predicted = np.real(series @ turn.T) * scale
        single = self._single[center.layer].cpu().numpy() / self._n_texts
        return LayerCurves(center.layer, measured * scale, predicted, single)

    def _add_keys(self, i: int, item: Captured) -> torch.Tensor:
        layer = self._cache.layers[i]
        keys = self._split(item.array, layer)  # (n, n_head_kv, F + rest)
        turn = self._turn(i, np.arange(self._n))
        total = (keys[..., : layer.n_band] * turn.conj()[:, None]).sum(0)
        self._key_sums[i] = self._key_sums.get(i, 0) + total
        return keys

    def _add_queries(self, i: int, item: Captured) -> None:
        layer, keys = self._cache.layers[i], self._keys[i]
        queries = self._split(item.array, layer)
        turn = self._turn(i, np.arange(self._n)) * self._cache.rope_magnitude[i]
        queries[..., : layer.n_band] *= turn[:, None]
        n_group = queries.shape[1] // keys.shape[1]
        pairs = [(queries[:, h], keys[:, h // n_group]) for h in range(queries.shape[1])]
        lags = torch.stack([_lags(*pair) for pair in pairs])
        single = torch.stack([_single(*pair, self._far) for pair in pairs])
        self.logits[item.layer] = self.logits.get(item.layer, 0) + lags
        self._single[item.layer] = self._single.get(item.layer, 0) + single
        self._n_read[i] += 1
        if self._n_read[i] == len(layer.readers):
            del self._keys[i]

    def _split(self, array: np.ndarray, layer: Geometry) -> torch.Tensor:
        """Bands, and what is not rotated as complex numbers without an imaginary part."""
        x = torch.from_numpy(array).to(self._where, torch.float64)
        bands = to_bands(x, layer.n_rot, layer.pairing == score.Pairing.HALF)
        rest = x[..., layer.n_rot :]
        return torch.cat([bands, torch.complex(rest, torch.zeros_like(rest))], -1)

    def _turn(self, i: int, pos: np.ndarray) -> torch.Tensor:
        """e^{i omega pos} of a cache layer, asked of its own RoPE: (len(pos), F) complex128."""
        layer = self._cache.layers[i]
        ones = score.from_bands(np.ones(layer.n_band, complex), layer.pairing, layer.head_dim)
        at = np.array([0, *pos], np.int32)
        turned = self._cache.rope(i, at, np.tile(ones.astype(np.float32), (len(at), 1)))
        bands = score.to_bands(turned, layer.pairing, layer.n_rot)
        return torch.from_numpy(bands[1:] / bands[:1]).to(self._where)


def _lags(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Sum over t of Re q(t + d)·conj k(t), for d up to half the text: (n / 2 + 1,) float64."""
    n = query.shape[0]
    spectrum = torch.fft.fft(query, 2 * n, dim=0) * torch.fft.fft(key, 2 * n, dim=0).conj()
    return torch.fft.ifft(spectrum.sum(-1)).real[: n // 2 + 1]


def _single(query: torch.Tensor, key: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    """Mean of some queries' logits by distance, each query's z-normalized: (n_far,) float64."""
    n = query.shape[0]
    at = torch.linspace(n // 2, n - 1, N_SINGLE, device=query.device).long()
    logits = (query[at, None] * key[at[:, None] - far].conj()).sum(-1).real  # (n_queries, n_far)
    deviation = logits.std(1, correction=0, keepdim=True).clamp_min(1e-30)
    return ((logits - logits.mean(1, keepdim=True)) / deviation).mean(0)
