"""The callback in decode: when it is asked, and what its answers do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.native.models import GEMMA3, LFM2, LLAMA
from tests.native.test_moves import guard, with_score
from tests.native.test_scores import tokens
from triagent.engine.native import Callback, Reason, Request
from triagent.errors import NativeError
from triagent.kv.score import Mode

pytestmark = pytest.mark.native


class Hook:
    """A callback that evicts down to `budget`, and remembers what it was asked."""

    def __init__(self, session, budget: int, n_trigger: int, answer=None) -> None:
        self.session, self.budget, self.answer = session, budget, answer
        self.asked: list[tuple[int, int, int]] = []
        self.inner: int | None = None
        session.cache.set_callback(Callback(self), n_trigger)

    def __call__(self, _ctx, reason, n_used, _n_cells, n_new, _user) -> int:
        self.asked.append((reason, n_used, n_new))
        if self.answer == "decode":
            self.inner = self.session.decode([1], pos=self.session.n_past)
            return 1
        if self.answer is not None:
            return self.answer
        now = self.session.n_past
        n_evict = n_used - self.budget
        if n_evict <= 0:
            return 0
        self.session.cache.round(Request(n_evict, Mode.LAYER_HEAD, now, protect=guard(now)))
        return 1


def test_it_is_asked_before_the_trigger_is_passed(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    hook = Hook(session, budget=100, n_trigger=120)
    session.feed(tokens(120))
    assert hook.asked == []
    session.feed(tokens(1))
    assert hook.asked == [(Reason.TRIGGER, 120, 1)]
    assert session.cache.info().n_used == 101


@pytest.mark.parametrize("shape", [LLAMA, GEMMA3, LFM2], ids=lambda s: s.arch)
def test_thousands_of_tokens_go_through_a_few_hundred_cells(session_of, shape):
    session = with_score(session_of(shape, n_cells=256, n_ctx=8192, n_batch=64))
    hook = Hook(session, budget=128, n_trigger=192)
    rng = np.random.default_rng(0)
    while session.n_past < 3000:
        assert session.decode(tokens(int(rng.integers(1, 65)), session.n_past)) == 0
        assert np.isfinite(session.logits()).all()
    assert session.cache.info().n_used <= 192
    assert session.cache.info().pos_max == session.n_past - 1
    assert len(hook.asked) > 40


def test_the_last_chance_when_no_slot_is_found(session_of):
    """Without a trigger the hook is asked once a batch finds no place, and the batch goes on."""
    session = with_score(session_of(LLAMA, n_cells=256, n_batch=64))
    hook = Hook(session, budget=128, n_trigger=10**6)
    session.feed(tokens(2000))
    assert {reason for reason, *_ in hook.asked} == {Reason.NO_SLOT}
    assert len(hook.asked) > 10


def test_a_hopeless_batch_returns_one_and_leaves_the_cache(session_of):
    session = session_of(LLAMA, n_cells=256, n_batch=64)
    hook = Hook(session, budget=0, n_trigger=10**6, answer=0)
    session.feed(tokens(200))
    before = session.state()
    assert session.decode(tokens(64)) == 1
    assert hook.asked == [(Reason.NO_SLOT, 200, 64)]
    assert session.state() == before
    assert session.decode(tokens(40)) == 0  # what fits still goes in


def test_a_claim_to_have_freed_something_is_believed_once(session_of):
    session = session_of(LLAMA, n_cells=256, n_batch=64)
    hook = Hook(session, budget=0, n_trigger=10**6, answer=1)
    session.feed(tokens(200))
    assert session.decode(tokens(64)) == 1
    assert len(hook.asked) == 1


@pytest.mark.parametrize("n_trigger", [0, 10**6], ids=["trigger", "no slot"])
def test_abort_returns_two_and_leaves_the_cache(session_of, n_trigger):
    session = session_of(LLAMA, n_cells=256, n_batch=64)
    session.feed(tokens(220))
    before = session.state()
    Hook(session, budget=0, n_trigger=n_trigger, answer=-1)
    assert session.decode(tokens(64)) == 2
    assert session.state() == before
    session.cache.set_callback(None)
    assert session.decode(tokens(30)) == 0


def test_decoding_inside_the_callback_fails_both(session_of):
    session = session_of(LLAMA, n_cells=256)
    session.feed(tokens(20))
    before = session.state()
    hook = Hook(session, budget=0, n_trigger=10, answer="decode")
    assert session.decode(tokens(5)) == 2
    assert hook.inner == 2
    assert session.state() == before
    why = session.cache.lib.llama_kv_evict_last_error(session.handle)
    assert b"inside" in why
    session.cache.set_callback(None)
    assert session.decode(tokens(5)) == 0


def test_off_again(session_of):
    session = session_of(LLAMA, n_cells=256)
    hook = Hook(session, budget=10, n_trigger=20, answer=0)
    session.cache.set_callback(None)
    session.feed(tokens(100))
    assert hook.asked == []


def test_without_a_callback_a_full_cache_returns_one(session_of):
    session = session_of(LLAMA, n_cells=256)
    session.feed(tokens(250))
    assert session.decode(tokens(7)) == 1
    assert session.decode(tokens(6)) == 0


def streamed(session, deferred: bool) -> list:
    """Feed 600 tokens through 256 cells; what each round did, and what the cache is then."""
    done, seen = [], []

    def callback(_ctx, _reason, n_used, _n_cells, _n_new, _user) -> int:
        now = session.n_past
        request = Request(n_used - 100, Mode.LAYER_HEAD, now, protect=guard(now))
        if deferred:
            session.cache.start_round(request)
        else:
            seen.append(session.cache.round(request))
        return 1

    session.cache.set_callback(Callback(callback), 160)
    for step in range(60):
        n_used = session.cache.info().n_used
        assert session.decode(tokens(10, step)) == 0
        if deferred and session.cache.info().n_used < n_used:
            seen.append(session.cache.last_round())
    for r in seen:
        done += [r.freed, r.evicted, r.scores, r.positions, r.src, r.dst]
    return [*done, session.cache.positions(), session.cache.cells(), session.logits()]


@pytest.mark.parametrize("shape", [LLAMA, GEMMA3, LFM2], ids=lambda s: s.arch)
def test_a_deferred_round_does_what_a_whole_one_does(session_of, shape):
    """Its books are kept when decode returns: same sets, positions and, in the end, logits."""
    found = [streamed(with_score(session_of(shape, n_cells=256)), d) for d in (False, True)]
    assert len(found[0]) == len(found[1]) > 30
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_a_deferred_round_is_booked_when_decode_fails(session_of):
    """And before anything else is asked: here no batch was even begun."""
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(150))
    before = session.cache.positions()

    def callback(_ctx, _reason, _n_used, _n_cells, _n_new, _user) -> int:
        now = session.n_past
        session.cache.start_round(Request(40, Mode.LAYER_HEAD, now, protect=guard(now)))
        return -1

    session.cache.set_callback(Callback(callback), 100)
    assert session.decode(tokens(5)) == 2
    session.cache.set_callback(None)
    assert session.remove_from(149)
    after, done = session.cache.positions(), session.cache.last_round()
    for was, now, lost in zip(before, after, done.positions, strict=True):
        assert set(was[was >= 0]) - set(now[now >= 0]) == {*lost.tolist(), 149}


def test_outside_the_callback_nothing_is_deferred(session_of):
    session = with_score(session_of(LLAMA, n_cells=256))
    session.feed(tokens(150))
    now = session.n_past
    session.cache.start_round(Request(40, Mode.LAYER_HEAD, now, protect=guard(now)))
    assert session.cache.last_round().positions.shape == (4, 40)


def test_no_round_has_no_last_one(session_of):
    with pytest.raises(NativeError, match="no round"):
        session_of(LLAMA, n_cells=256).cache.last_round()
