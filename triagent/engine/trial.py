"""One context in which policies are compared on equal terms: read once, compress, ask, go back.

Everything runs through the engine's own rounds, so what is measured is what runs. Budget,
pinned prompt, sinks and window are the same for every policy.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triagent.config import CacheConfig, ModelConfig
from triagent.engine.assembly import assemble, set_score
from triagent.engine.context import Outcome
from triagent.engine.engine import Engine
from triagent.engine.native import Kind
from triagent.errors import ConfigError, EngineError
from triagent.kv.coefficients import Coefficients
from triagent.kv.policy import POLICIES, Policy, choose_mode
from triagent.kv.score import Mode
from triagent.kv.shares import FLOOR, split
from triagent.kv.sidecar import Stats

ROOM = 512
"""Cells beyond the text, for a question and its answer."""


N_TILE = 64
"""A batch of fewer tokens takes ten times as long a token: attention on the CPU works in tiles."""
N_OUTPUTS = 128
"""Longest answer that is asked for, tokens, with what fills a tile."""


@dataclass(frozen=True)
class Ranking:
    """One way to rank cells: a policy, and coefficients where they are not the sidecar's."""

    name: str
    policy: Policy
    coefficients: tuple[Coefficients, ...] = ()
    """Of each cache layer; empty: what the policy's own score needs."""
    normalize: bool = True
    """Z-normalize coefficients' scores; only with `coefficients`."""


def ranking(name: str) -> Ranking:
    """The policy of this name, as the engine would run it. Raises: ConfigError."""
    if name not in POLICIES:
        raise ConfigError(f"policy {name!r} is not known; choose {', '.join(POLICIES)}")
    return Ranking(name, POLICIES[name]())


@dataclass(frozen=True)
class Read:
    """A text in the cache, whole, and how to come back to it."""

    state: bytes
    n_pos: int
    n_prompt: int
    pinned: tuple[tuple[int, int], ...] = ()
    """Spans [start, stop) that no round may take, beside the prompt."""


def drain(steps: Generator[Any, None, Any]) -> Any:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities, float64."""
    x = logits.astype(np.float64)
    x -= x.max()
    return x - np.log(np.exp(x).sum())


class Trial:
    """Compares policies on one model. Use as a context manager."""

    def __init__(
        self,
        config: ModelConfig,
        stats: Stats | None,
        n_tokens: int,
        cache: CacheConfig | None = None,
        shares: Mapping[int, float] | None = None,
    ) -> None:
        """Allocate a cache that holds `n_tokens` whole.

        Args:
            stats: what the calibrated policies score by; None: they are refused.
            cache: sinks, window and interval; its budget and policy are not used.
            shares: model layer -> its part of a budget, in units of an even part; None: equal.

        Raises: UnsupportedError when this model's cache cannot be evicted from.
        """
        cache = cache or CacheConfig()
        whole = replace(cache, budget=n_tokens + ROOM, policy="knorm", select="per-layer-head")
        n_ctx = max(config.n_ctx, n_tokens + ROOM)
        self._shares = dict(shares or {})
        parts = assemble(replace(config, n_ctx=n_ctx), whole, n_outputs=N_OUTPUTS, shares=shares)
        self.engine = Engine(parts)
        if parts.hook is None:
            self.engine.close()
            raise EngineError(" ".join(parts.notes) or "this model's cache cannot be evicted from")
        self.hook, self._stats = parts.hook, stats
        self._bounds = self.hook.protection.bounds

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    def read(
        self, ids: Sequence[int], n_prompt: int, pinned: Sequence[tuple[int, int]] = ()
    ) -> Read:
        """Feed a text with full attention and keep its state."""
        self._reset(len(ids) + ROOM)
        drain(self.engine.feed(ids))
        state = bytes(self.engine.context.state())
        return Read(state, self.engine.n_pos, n_prompt, tuple(pinned))

    def compress(
        self,
        text: Read,
        rank: Ranking | None,
        keep: int,
        select: str = "per-layer-head",
        only: Sequence[int] | None = None,
    ) -> None:
        """Come back to a text and evict all but `keep` cells, before any question is known.

        rank: None keeps everything.
        only: model layers that forget while the others keep everything. Their shares must differ
            from those of the others, and not be the largest.
        """
        self._back(text)
        least = self.hook.protection.count(text.n_pos)
        kept = self._by_group(max(keep, least), least)
        if only is not None:
            cache = self.hook.cache
            forgets = {
                g for layer, g in zip(cache.layers, cache.layer_group, strict=True)
                if layer.il in only
            }  # fmt: skip
            assert 0 not in forgets  # what the largest layers give up is lost to all
            kept = [max(keep, least) if g in forgets else text.n_pos for g in range(cache.n_groups)]
        n_evict = [max(0, text.n_pos - n) for n in kept]
        if rank is None or not any(n_evict):
            return
        self._use(rank, select)
        if self.hook.run(n_evict, "trial") is None:
            raise EngineError(f"nothing may be evicted to keep {keep} of {text.n_pos} cells")
        self.hook.take_reports()

    def stream(
        self,
        ids: Sequence[int],
        n_prompt: int,
        rank: Ranking | None,
        budget: int,
        select: str = "per-layer-head",
    ) -> None:
        """Feed a text in chunks of an interval, never holding more than budget + interval."""
        least = n_prompt + self._bounds.n_sink + self._bounds.n_window
        self._reset(len(ids) + ROOM if rank is None else budget, least)
        if rank is not None:
            self._use(rank, select)
        chunk, self.engine.parts.chunk = self.engine.parts.chunk, self._bounds.interval
        self.engine.pin(0, n_prompt)
        drain(self.engine.feed(ids))
        self.engine.parts.chunk = chunk

    def ask(self, question: Sequence[int], answer: Sequence[int]) -> bool:
        """Whether the model answers these very tokens, greedily; leaves no trace.

        One decode: greedy answers with the wanted tokens exactly when, given those before it,
        each of them is the likeliest.
        """
        engine, ids = self.engine, [*question, *answer[:-1]]
        filling = [ids[-1]] * max(0, N_TILE - len(ids))  # behind the answer, where no one looks
        n = len(answer) + len(filling)
        bounds = self.hook.protection.bounds
        # no round between a question and its answer: the budget is what was read, not asked
        self.hook.protection.bounds = replace(bounds, budget=self.hook.n_cells, budgets=())
        self.hook.now = engine.n_pos
        self.hook.arm()
        if engine.context.decode(ids + filling, engine.n_pos, n) is not Outcome.DONE:
            raise EngineError(f"no room for a question of {len(ids)} tokens")
        said = [int(engine.context.logits(i - n).argmax()) for i in range(len(answer))]
        engine.context.remove_from(engine.n_pos)
        engine.has_logits, engine.saved_logits = False, None
        self.hook.cache.sync()
        self.hook.protection.bounds = bounds
        self.hook.arm()
        return said == list(answer)

    def answer(self, n_tokens: int, is_end: Callable[[int], bool]) -> list[int]:
        """Greedy tokens until one of them ends the message; evicting as they come."""
        out: list[int] = []
        while len(out) < n_tokens:
            token = int(self.engine.logits().argmax())
            if is_end(token):
                break
            out.append(token)
            if self.engine.step(token) is None:
                break
        return out

    def teacher_forced(self, ids: Sequence[int]) -> Generator[np.ndarray, None, None]:
        """Feed tokens one by one, evicting as they come; yields log-probabilities before each.

        The first yield is for ids[1]; (n_vocab,) float64.
        """
        for token in ids[:-1]:
            if self.engine.step(token) is None:
                raise EngineError("no room is left, even after eviction")
            yield log_softmax(self.engine.logits())

    def _by_group(self, keep: int, least: int, floor: int = 0) -> list[int]:
        """What the layers of each group keep when they keep `keep` in the mean.

        least: what is protected, which all layers keep; the rest is divided by their shares.
        floor: what each of them keeps of the rest, if it is there.
        """
        if not self._shares:
            return [keep]
        cache, rest = self.hook.cache, max(0, keep - least)
        floor = min(rest, max(floor, int(rest * FLOOR)))
        shares = [self._shares[layer.il] for layer in cache.layers]
        parts = split(shares, rest * len(shares), floor, self.engine.n_ctx)
        found = list(zip(cache.layer_group, parts, strict=True))
        # layers of one share may differ by one
        return [least + min(n for h, n in found if h == g) for g in range(cache.n_groups)]

    def _reset(self, budget: int, least: int | None = None) -> None:
        """Empty the cache; a `least` that is given divides the budget among layers."""
        self.engine.clear()
        budgets: tuple[int, ...] = ()
        if least is not None and self._shares:
            # fewer would be raised to an interval, see Protection.target
            budgets = tuple(self._by_group(budget, least, self._bounds.interval))
        bounds = replace(self._bounds, budget=budget, budgets=budgets)
        self.hook.protection.bounds = bounds
        self.hook.arm()

    def _back(self, text: Read) -> None:
        self._reset(text.n_pos + ROOM)
        engine = self.engine
        if not engine.context.set_state(text.state):
            raise EngineError("the cache did not take its own state back")
        self.hook.cache.sync(forget=True)
        engine.held.append(text.n_pos)
        engine.n_pos = self.hook.now = text.n_pos
        for start, stop in ((0, text.n_prompt), *text.pinned):
            engine.pin(start, stop)

    def _use(self, rank: Ranking, select: str) -> None:
        cache, policy = self.hook.cache, rank.policy
        if rank.coefficients:
            cache.set_score(Kind.COEF, rank.normalize, coefficients=list(rank.coefficients))
        else:
            set_score(cache, policy, self._stats, self.engine.model.file.fingerprint)
        self.hook.policy = policy
        self.hook.mode = Mode.SHARED if policy.shared else choose_mode(select, policy)
