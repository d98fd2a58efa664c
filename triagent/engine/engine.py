"""The engine: feeds tokens, samples tokens, and keeps the books of one session's cache.

Owns model and context through an `Assembly`. Speaks tokens and positions; knows nothing of
messages, templates or processes. Prefill is cut into chunks, with eviction between them, and
cancel is asked before each; every token that is in the cache has been reported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from triagent.chat import CacheStatus, Evicted, Holding, Prefill
from triagent.engine import telling
from triagent.engine.assembly import Assembly
from triagent.engine.context import Outcome
from triagent.engine.hook import RoundReport
from triagent.engine.sampling import Sampler
from triagent.errors import EngineError
from triagent.kv.held import Held
from triagent.kv.spans import Spans

N_TAIL = 4096  # tokens remembered for going back; a longer way back needs a message to go on


SMALLEST = " of the smallest layers (--shares equal makes them alike)"

@dataclass(frozen=True)
class Fed:
    """What a feed came to."""

    n: int
    seconds: float
    cancelled: bool = False
    no_room: bool = False


class Engine:
    """One session's cache. Not thread-safe; `is_cancelled` may read what another thread sets."""

    def __init__(self, parts: Assembly, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self.parts = parts
        self.model, self.context, self.hook = parts.model, parts.context, parts.hook
        self.vocab = parts.model.vocab
        self.n_ctx = parts.n_ctx
        self.is_cancelled = is_cancelled
        self.n_pos = 0
        self.held = self.hook.held if self.hook else Held(1)
        self.tail: deque[int] = deque(maxlen=N_TAIL)
        """The last tokens fed, the newest last."""
        self.saved_logits: np.ndarray | None = None
        """Logits for the next token that came with a snapshot; None: the context's are newer."""
        self.has_logits = False
        self.round_ms = 0.0

    # -- feeding and sampling --------------------------------------------------------------

    def feed(self, ids: Sequence[int]) -> Generator[Prefill | Evicted | CacheStatus, None, Fed]:
        """Feed tokens at the end of the session.

        Yields progress after each chunk and every round; returns how much was fed: less than
        asked when cancelled or when nothing may be evicted.

        Raises:
            EngineError: past the logical window, or the library failed.
        """
        self.check_fits(len(ids))
        start, done = perf_counter(), 0
        self._arm()
        while done < len(ids):
            if self.is_cancelled():
                break
            n = min(self._chunk(), len(ids) - done)
            outcome = self._decode(ids[done : done + n], done + n == len(ids))
            yield from self._rounds()
            if outcome is not Outcome.DONE:
                return Fed(done, perf_counter() - start, no_room=True)
            done += n
            seconds = perf_counter() - start
            yield Prefill(done, len(ids), done / seconds if seconds else 0.0)
        self.context.synchronize()
        return Fed(done, perf_counter() - start, cancelled=done < len(ids))

    def step(self, token: int) -> list[Evicted] | None:
        """Feed one sampled token; the rounds it caused, or None when there is no room for it."""
        self.check_fits(1)
        outcome = self._decode([token], True)
        rounds = self._rounds()
        return rounds if outcome is Outcome.DONE else None

    def sample(self, sampler: Sampler, allows: Callable[[int], bool] | None = None) -> int:
        """Choose the next token; it is not fed.

        Raises:
            EngineError: nothing was fed since the cache was emptied, cut back or restored.
        """
        return sampler.choose(self.logits(), self.n_pos, allows)

    def logits(self) -> np.ndarray:
        """Logits for the next token, (n_vocab,) float32; a view until the next feed."""
        if not self.has_logits:
            self._refresh()
        return self.saved_logits if self.saved_logits is not None else self.context.logits()

    def _refresh(self) -> None:
        """Feed the last token again, as its logits were not kept. Raises: EngineError."""
        if not self.tail or not self.n_pos or not self.context.remove_from(self.n_pos - 1):
            raise EngineError("there is nothing to sample from: append a message first")
        if self.hook is not None:
            self.hook.cache.sync()
        self._forget_after(self.n_pos - 1)
        token = self.tail.pop()
        self._decode([token], True)

    def _forget_after(self, pos: int) -> None:
        self.held.rollback(pos)
        self.n_pos, self.has_logits, self.saved_logits = pos, False, None

    def _chunk(self) -> int:
        """Most tokens of the next batch: fewer when protected cells leave less room."""
        if self.hook is None:
            return self.parts.chunk
        room = self.hook.least_cells - self.hook.protection.count(self.n_pos)
        return max(1, min(self.parts.chunk, room))

    def _decode(self, ids: Sequence[int], want_logits: bool) -> Outcome:
        if self.hook is not None:
            self.hook.now, self.hook.no_room = self.n_pos, False
        outcome = self.context.decode(ids, self.n_pos, want_logits)
        if outcome is Outcome.DONE:
            self.held.append(len(ids))
            self.tail.extend(ids)
            self.n_pos += len(ids)
            self.has_logits, self.saved_logits = want_logits, None
        return outcome

    def _rounds(self) -> list[Evicted]:
        """Rounds of the last decode. Raises what the callback kept."""
        reports = self.hook.take_reports() if self.hook else []
        return [self._told(report) for report in reports]

    def _told(self, report: RoundReport) -> Evicted:
        self.round_ms = report.ms
        return Evicted(
            n_evicted=report.n_evicted,
            now=report.now,
            score_min=report.score_min,
            score_max=report.score_max,
            lost=report.lost.ranges,
            ms=report.ms,
            reason=report.reason,
        )

    def _arm(self) -> None:
        if self.hook is not None:
            self.hook.now = self.n_pos
            self.hook.arm()

    def check_fits(self, n: int) -> None:
        """Refuse to pass the logical window. Raises: EngineError."""
        if self.n_pos + n > self.n_ctx:
            raise EngineError(
                f"{n} tokens at position {self.n_pos} pass the window of {self.n_ctx}; "
                "start a new session, or allow more with --n-ctx"
            )

    # -- what is kept ----------------------------------------------------------------------

    def pin(self, start: int, stop: int) -> None:
        """Protect positions, also ones not fed yet.

        Raises:
            EngineError: protected cells would leave no room to go on.
        """
        if self.hook is None or start >= stop:
            return
        protection, n_cells = self.hook.protection, self.hook.least_cells
        spans = Spans.of([(max(0, start), stop)])
        old = self.held.still(spans.below(self.n_pos))  # what is gone cannot be protected
        spans = old | Spans.of([(max(start, self.n_pos), stop)])
        ends = Spans.of([(0, protection.bounds.n_sink)])
        n_pinned = len(protection.pinned | spans | ends)
        if not protection.can_fit(n_pinned, n_cells):
            raise EngineError(
                f"pinning {start}..{stop} would protect {n_pinned} of {n_cells} cells"
                f"{SMALLEST if n_cells < self.hook.n_cells else ''} and leave no "
                "room to go on; unpin something or raise the budget"
            )
        protection.pin(spans)
        self._arm()

    def unpin(self, start: int, stop: int) -> None:
        """Let positions be evicted again."""
        if self.hook is not None:
            self.hook.protection.unpin(Spans.of([(start, stop)]))
            self._arm()

    def dispose(self, start: int, stop: int) -> None:
        """Let these positions be evicted before any others."""
        if self.hook is not None:
            protection = self.hook.protection
            spans = self.held.still(Spans.of([(start, stop)])) - protection.pinned
            protection.disposable |= spans

    def forget(self, start: int, stop: int) -> Evicted:
        """Evict positions [start, stop) now, pinned or not; all but the newest one.

        Raises:
            EngineError: this cache cannot be evicted from.
        """
        if self.hook is None:
            raise EngineError("nothing can be evicted: this session's cache is unbounded")
        self.hook.now = self.n_pos
        report = self.hook.forget(Spans.of([(max(0, start), min(stop, self.n_pos))]))
        self.hook.take_reports()
        self._arm()
        if report is None:
            return Evicted(0, self.n_pos, None, None, (), 0.0, "forget")
        return self._told(report)

    def rollback(self, pos: int) -> bool:
        """Drop all positions from `pos` on, exactly. False when that is not possible.

        Possible inside the window that no round has touched, and as far as window layers still
        hold what they need; never with recurrent layers.
        """
        if pos >= self.n_pos:
            return True
        if pos < self.first_exact() or not self.context.remove_from(pos):
            return False
        if self.hook is not None:
            self.hook.cache.sync()
            self.hook.protection.unpin(Spans.of([(pos, self.n_pos)]))
        for _ in range(min(self.n_pos - pos, len(self.tail))):
            self.tail.pop()
        self._forget_after(pos)
        self._arm()
        return True

    def first_exact(self) -> int:
        """The lowest position that `rollback` can go back to exactly."""
        first = 0
        if self.hook is not None and self.hook.protection.last_round >= 0:
            protection = self.hook.protection
            # one more than the window's first: to go on, the token before is fed once again
            first = max(0, protection.last_round - protection.bounds.n_window) + 1
        if self.model.n_swa:
            held_from = self.model.lib.llama_memory_seq_pos_min(self.context.memory, 0)
            first = max(first, held_from + self.model.n_swa if held_from > 0 else 0)
        return max(first, 1)

    def clear(self) -> None:
        """Empty the cache and begin anew."""
        self.context.clear()
        self.tail.clear()
        self._forget_after(0)
        if self.hook is not None:
            self.hook.cache.sync(forget=True)
            protection = self.hook.protection
            protection.pinned = protection.late = protection.disposable = Spans()
            protection.last_round = -1
            self.hook.n_rounds = self.hook.n_evicted = 0
            self.hook.unbooked = None
            self.hook.scored.clear()
            self._arm()

    # -- telling ---------------------------------------------------------------------------

    def status(self) -> CacheStatus:
        """The cache as it is now."""
        return telling.status(self)

    def holding(self) -> Holding:
        """Who still holds each position, and how it scored at the last round."""
        return telling.holding(self)

    def close_context(self) -> None:
        """Free the context and leave the model loaded."""
        if self.hook is not None and self.context.handle:
            self.hook.disarm()
        self.context.close()

    def close(self) -> None:
        """Free context, then model. May be called twice."""
        self.close_context()
        self.model.close()
