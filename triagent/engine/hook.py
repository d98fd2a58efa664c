"""The eviction callback: the only bridge from C to kv/.

C asks in the middle of `llama_decode`; the policy says how many, what is protected and by which
score; the library scores, selects and moves; the hook books what was lost, once decode has
returned and the device is at work again. An exception never crosses into C: it is kept here,
decode is told to abort, and the engine raises it afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from triagent.engine.native import Cache, Callback, Reason, Request, Round, Select
from triagent.kv.held import Held
from triagent.kv.policy import Policy, Score
from triagent.kv.protection import Protection, Verdict
from triagent.kv.score import Mode
from triagent.kv.scored import Scored
from triagent.kv.spans import Spans

GO_ON, NOTHING, ABORT = 1, 0, -1


@dataclass(frozen=True)
class RoundReport:
    """One round, as the engine tells of it."""

    now: int
    n_evicted: int
    lost: Spans
    score_min: float | None
    score_max: float | None
    ms: float
    reason: str
    times_us: dict[str, int]


@dataclass
class Hook:
    """Runs rounds on one cache. The engine keeps `now` up to date before every decode."""

    cache: Cache
    policy: Policy
    mode: Mode
    protection: Protection
    held: Held
    select: Select = Select.AUTO
    now: int = 0
    """Position of the next token."""
    n_rounds: int = 0
    n_evicted: int = 0
    no_room: bool = False
    """The last decode found everything protected."""
    error: BaseException | None = None
    watched: bool = False
    """Someone looks at the scores: rounds that select on a device bring them back too."""
    scored: Scored = field(default_factory=Scored)
    reports: list[RoundReport] = field(default_factory=list)
    """Rounds since the engine last took them."""
    unbooked: tuple[int, str, float] | None = None
    """A round of the decode that is under way: `now`, why, and the ms it took."""

    def __post_init__(self) -> None:
        self.n_cells = int(self.cache.info().n_cells)
        n_groups = range(self.cache.n_groups)
        self.cells_of = tuple(int(self.cache.group(g).n_cells) for g in n_groups)
        self._thunk = Callback(self._called)
        self._score_us = 0  # of scores that the library was asked for ahead of its round
        # As the library decides by itself. Scores that are selected from on the host are there.
        self._selects_here = (
            self.select is Select.HOST
            or self.mode is not Mode.LAYER_HEAD
            or "CPU" in self.cache.backends
        )

    @property
    def least_cells(self) -> int:
        """Cells of the smallest layers: what is protected must fit there too."""
        return min(self.cells_of)

    def used(self) -> tuple[int, ...]:
        """Cells that each group of layers holds."""
        return tuple(int(self.cache.group(g).n_used) for g in range(len(self.cells_of)))

    def arm(self) -> None:
        """Install the callback with the triggers that the protection now asks for."""
        self.cache.set_callback(self._thunk)
        triggers = [self.protection.trigger(self.now, n, g) for g, n in enumerate(self.cells_of)]
        self.cache.set_triggers(triggers)

    def disarm(self) -> None:
        self.cache.set_callback(None)

    def _called(self, _ctx, reason: int, n_used: int, n_cells: int, n_new: int, _user) -> int:
        try:
            return self._decide(Reason(reason), n_used, n_cells, n_new)
        except BaseException as error:  # everything, KeyboardInterrupt too: C is below
            self.error = error
            return ABORT

    def _decide(self, reason: Reason, n_used: int, n_cells: int, n_new: int) -> int:
        used = (n_used,) if len(self.cells_of) == 1 else self.used()
        decision = self.protection.decide_all(used, n_new, self.now, self.cells_of)
        if decision.verdict is Verdict.NO_ROOM:
            self.no_room = True
        if decision.verdict is not Verdict.EVICT:
            return NOTHING
        why = "no slot" if reason is Reason.NO_SLOT else "budget"
        return GO_ON if self._start(decision.of_groups, why) else NOTHING

    def run(self, n_evict: int | Sequence[int], reason: str) -> RoundReport | None:
        """Run one round of at most so many cells of each group; None: nothing may be evicted."""
        self._settle()
        if isinstance(n_evict, int):
            n_evict = [n_evict] * len(self.cells_of)
        start = perf_counter()
        request = self._request(n_evict)
        if request is None:
            self.no_room = True
            return None
        return self._book(self.cache.round(request), self.now, reason, start)

    def _start(self, n_evict: Sequence[int], reason: str) -> bool:
        """Evict inside the callback and leave the booking for later. False: nothing may go."""
        self._settle()
        start = perf_counter()
        request = self._request(n_evict)
        if request is None:
            self.no_room = True
            return False
        self.cache.start_round(request)
        self.unbooked = (self.now, reason, (perf_counter() - start) * 1e3)
        self.protection.last_round = self.now
        return True

    def _settle(self) -> None:
        """Book the round that the callback left."""
        if self.unbooked is not None:
            (now, reason, ms), self.unbooked = self.unbooked, None
            self._book(self.cache.last_round(), now, reason, perf_counter() - ms / 1e3)

    def forget(self, spans: Spans) -> RoundReport | None:
        """Evict these positions now, pinned or not; rows of a group lose as many cells each."""
        self._settle()
        start = perf_counter()
        self.protection.unpin(spans)
        spans = self.held.still(spans.below(self.now - 1))  # the newest cell has to stay
        if not spans.ranges:
            return None
        true = self.cache.positions()
        inside = spans.contains(true)
        by_row = inside.sum(1)
        n_evict = tuple(
            int(by_row[self.cache.row_group == g].max()) for g in range(len(self.cells_of))
        )
        keep = self.protection.ranges(self.now) - spans
        cells = self._candidates(keep, true, wanted=inside.any(0))
        if not len(cells):  # they share their cells with what is pinned
            return None
        scores = self._scores(cells)
        self._keep(scores, cells)
        scores = self._first(scores, true[:, cells], spans)
        request = self._of_cells(n_evict, cells, scores, true)
        if not request.n_evict:
            return None
        return self._book(self.cache.round(request), self.now, "forget", start)

    def _book(self, done: Round, now: int, reason: str, start: float) -> RoundReport:
        lost = self.held.lose(done.positions)
        self.n_rounds += 1
        # tokens that a row lost, in the mean over rows
        n_evicted = round((done.positions >= 0).sum() / max(1, len(done.positions)))
        self.n_evicted += n_evicted
        self.protection.last_round = now
        self.protection.disposable = self.held.still(self.protection.disposable)
        taken = done.scores[done.evicted >= 0]
        scored = self.policy.score is not Score.HOST and taken.size
        report = RoundReport(
            now=now,
            n_evicted=n_evicted,
            lost=lost,
            score_min=float(taken.min()) if scored else None,
            score_max=float(taken.max()) if scored else None,
            ms=(perf_counter() - start) * 1e3,
            reason=reason,
            times_us=done.times_us | {"score": done.times_us["score"] + self._score_us},
        )
        self._score_us = 0
        self.reports.append(report)
        return report

    def _request(self, n_evict: Sequence[int]) -> Request | None:
        """Ask for the library's own path where protection and score allow it."""
        protection = self.protection
        keep = protection.ranges(self.now)
        by_row = protection.late.ranges or protection.disposable.ranges
        if self.policy.score is not Score.HOST and not by_row:
            request = Request(
                max(n_evict), self.mode, self.now, protect=keep, select=self.select,
                n_evict_of=tuple(n_evict),
            )  # fmt: skip
            return self._told(request) if self.watched or self._selects_here else request
        several = len(self.cells_of) > 1
        true = self.cache.positions() if by_row or several else None
        cells = self._candidates(keep, true)
        if not len(cells):
            return None
        scores = self._scores(cells)
        self._keep(scores, cells)
        if true is not None and protection.disposable.ranges:
            scores = self._first(scores, true[:, cells], protection.disposable)
        return self._of_cells(n_evict, cells, scores, true)

    def _of_cells(
        self,
        n_evict: Sequence[int],
        cells: np.ndarray,
        scores: np.ndarray,
        true: np.ndarray | None,
    ) -> Request:
        """Ask for at most `n_evict` of these cells of each group, by these scores."""
        counts = [min(n, len(cells)) for n in n_evict]
        if len(counts) > 1 and true is not None:
            first = [int(np.argmax(self.cache.row_group == g)) for g in range(len(counts))]
            held = [int((true[row, cells] >= 0).sum()) for row in first]
            counts = [min(pair) for pair in zip(counts, held, strict=True)]
        return Request(
            max(counts), self.mode, self.now, cells=cells, scores=scores,
            n_evict_of=tuple(counts),
        )  # fmt: skip

    def _told(self, request: Request) -> Request:
        """The same round in two calls: score, keep the scores, and select by them."""
        start = perf_counter()
        scores, cells = self.cache.score(request)
        if not scores.size:
            return request
        self._score_us = int((perf_counter() - start) * 1e6)
        self._keep(scores, cells)
        return replace(request, protect=Spans(), cells=cells, scores=scores)

    def _keep(self, scores: np.ndarray, cells: np.ndarray) -> None:
        """Remember what this round ranks by, before rows move."""
        if self.policy.score is not Score.HOST and scores.size:
            self.scored.keep(self._by_set(self.cache.positions())[:, cells], scores)

    def _candidates(
        self, keep: Spans, true: np.ndarray | None, wanted: np.ndarray | None = None
    ) -> np.ndarray:
        """Cells that may go, (n,) int32 by ascending position; never the newest one.

        true: positions by row, needed where spans were pinned late.
        wanted: cells to include though their nominal position is protected.
        """
        nominal = self.cache.cells()
        free = (nominal >= 0) & ~keep.contains(nominal)
        if wanted is not None:
            free |= wanted[: len(nominal)] & (nominal >= 0)
        if true is not None and self.protection.late.ranges:
            free &= ~self.protection.late.contains(true[:, : len(nominal)]).any(0)
        free &= nominal != nominal.max(initial=-1)
        cells = np.flatnonzero(free).astype(np.int32)
        return cells[np.argsort(nominal[cells], kind="stable")]

    def _scores(self, cells: np.ndarray) -> np.ndarray:
        """Scores of the cells, (n_sets, n) float32, from the policy or from the library."""
        pos = self.cache.cells()[cells]
        made = self.policy.host_scores(pos, self.n_sets, self.now)
        if made is not None:
            return np.ascontiguousarray(made, np.float32)
        scores, _ = self.cache.score(Request(1, self.mode, self.now, cells=cells))
        return scores

    def _first(self, scores: np.ndarray, true: np.ndarray, spans: Spans) -> np.ndarray:
        """Lower the scores of rows that hold one of `spans` below all others of their set."""
        held = self._by_set(true)
        # where a row does not hold the cell its score is no number, and not looked at
        drop = np.nanmax(scores, 1, keepdims=True) - np.nanmin(scores, 1, keepdims=True) + 1.0
        return np.where(spans.contains(held), scores - drop, scores).astype(np.float32)

    def _by_set(self, true: np.ndarray) -> np.ndarray:
        """The rows that stand for a set each, of (n_rows, n)."""
        return true[: self.n_sets]  # per head they are the same in every layer

    @property
    def n_sets(self) -> int:
        """How many selections a round makes."""
        if self.mode is Mode.LAYER_HEAD:
            return self.cache.n_rows
        return self.cache.layers[0].n_head_kv if self.mode is Mode.HEAD else 1

    def take_reports(self) -> list[RoundReport]:
        """Hand over the rounds since the last call, and raise what the callback kept."""
        self._settle()
        reports, self.reports = self.reports, []
        error, self.error = self.error, None
        if error is not None:
            raise error
        return reports
