"""From logits to the next token: greedy, or temperature with the usual cuts, under a mask.

numpy only. A step's random numbers come from (seed, position) alone, so a restored session
samples what the uninterrupted one would have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triagent.chat import Limits
from triagent.errors import EngineError

# below exp(-25) of the best token's probability the whole vocabulary weighs under 1e-5
NEGLIGIBLE = 25.0
WALK = 256  # candidates tried one by one before the rest are put in order


@dataclass(frozen=True)
class Sampler:
    """Chooses one token per call; holds no state."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    seed: int = 0

    @classmethod
    def of(cls, limits: Limits) -> Sampler:
        return cls(limits.temperature, limits.top_k, limits.top_p, limits.min_p, limits.seed)

    def choose(
        self, logits: np.ndarray, pos: int, allows: Callable[[int], bool] | None = None
    ) -> int:
        """Choose the token for position `pos`.

        Args:
            logits: (n_vocab,) float32, unchanged.
            allows: whether a grammar permits a token; where it permits none, it is not heeded.

        Raises: EngineError, when the best logit is no finite number.
        """
        token = self._draw(logits, pos)
        if allows is None or allows(token):
            return token
        other = _best_allowed(logits, allows)
        return token if other is None else other

    def _draw(self, logits: np.ndarray, pos: int) -> int:
        best = int(np.argmax(logits))
        if not np.isfinite(logits[best]):  # NaN counts as the largest
            raise EngineError(
                "the model's output is not a number: its file is damaged, or its weights are too "
                "large for this device's arithmetic. Get it again, or choose another: triagent "
                "models list"
            )
        if self.temperature <= 0:
            return best
        floor = logits[best] - NEGLIGIBLE * self.temperature
        tokens = np.flatnonzero(logits >= floor)
        if 0 < self.top_k < len(tokens):  # sorting a whole vocabulary would take longer than a step
            tokens = tokens[np.argpartition(-logits[tokens], self.top_k - 1)[: self.top_k]]
        tokens, p = _cut(tokens, logits[tokens].astype(np.float64), self)
        rng = np.random.default_rng((self.seed & 0xFFFFFFFF, pos))
        return int(tokens[min(np.searchsorted(np.cumsum(p), rng.random()), len(p) - 1)])


def _cut(tokens: np.ndarray, logits: np.ndarray, s: Sampler) -> tuple[np.ndarray, np.ndarray]:
    """Apply top-k, top-p and min-p in this order; return tokens and probabilities, best first."""
    order = np.lexsort((tokens, -logits))
    if s.top_k > 0:
        order = order[: s.top_k]
    tokens, logits = tokens[order], logits[order] / s.temperature
    p = np.exp(logits - logits[0])
    p /= p.sum()
    if 0 < s.top_p < 1:
        n = int(np.searchsorted(np.cumsum(p), s.top_p)) + 1
        tokens, p = tokens[:n], p[:n]
    keep = p >= s.min_p * p[0]
    return tokens[keep], p[keep] / p[keep].sum()


def _best_allowed(logits: np.ndarray, allows: Callable[[int], bool]) -> int | None:
    """The likeliest token that is allowed."""
    n = min(WALK, len(logits))
    head = np.argpartition(-logits, n - 1)[:n]
    for token in head[np.argsort(-logits[head], kind="stable")]:
        if allows(int(token)):
            return int(token)
    rest = np.argsort(-logits, kind="stable")[n:]
    return next((int(token) for token in rest if allows(int(token))), None)


class RepetitionGuard:
    """Tells when the same few tokens come over and over."""

    def __init__(self, n_period: int = 64, n_tokens: int = 192, n_times: int = 8) -> None:
        """A loop is `n_times` repeats of at most `n_period` tokens, and `n_tokens` at least."""
        self._periods = np.arange(1, n_period + 1)
        self._needed = np.maximum(self._periods * (n_times - 1), n_tokens)
        self._run = np.zeros(n_period, np.int64)
        self._recent = np.full(n_period, -1, np.int64)  # newest first

    def is_loop(self, token: int) -> bool:
        """Take the next token; True when it closes a loop."""
        self._run = np.where(self._recent == token, self._run + 1, 0)
        self._recent = np.roll(self._recent, 1)
        self._recent[0] = token
        return bool((self._run >= self._needed).any())
