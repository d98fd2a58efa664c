"""When rounds are due, what survives, and which score is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagent.errors import ConfigError, SidecarError
from triagent.kv.policy import (
    POLICIES,
    Random,
    Streaming,
    auto_budget,
    budget_note,
    choose_mode,
    choose_policy,
)
from triagent.kv.protection import Bounds, Protection, Verdict
from triagent.kv.score import Mode
from triagent.kv.sidecar import LayerFit, LayerStats, SelfTest, Stats
from triagent.kv.spans import Spans

BOUNDS = Bounds(budget=256, interval=32, chunk=64, n_sink=4, n_window=32)


def stats(**changes):
    mu = np.ones((2, 4), np.complex64)
    values = {"layers": {0: LayerStats(mu, np.full((2, 4), 2, np.float32))}} | changes
    return Stats("f" * 64, "qwen3", **values)


FITS = {0: LayerFit(np.ones((1, 4), np.complex64), np.ones((1, 4), np.float32))}


def test_no_round_is_due_at_or_under_the_trigger():
    protection = Protection(BOUNDS)
    assert protection.decide(256, 32, 256, 512).verdict is Verdict.NOT_DUE
    assert protection.decide(200, 1, 200, 512).verdict is Verdict.NOT_DUE


def test_a_round_brings_the_cache_back_to_the_budget():
    decision = Protection(BOUNDS).decide(288, 1, 5000, 512)
    assert decision.verdict is Verdict.EVICT and decision.n_evict == 288 - 256


@given(st.integers(0, 512), st.integers(1, 64), st.integers(0, 400))
def test_a_round_never_asks_for_what_is_protected(n_used, n_new, n_pinned):
    protection = Protection(BOUNDS)
    protection.pin(Spans.of([(4, 4 + n_pinned)]))
    now = 100_000
    n_used = max(n_used, protection.count(now))
    decision = protection.decide(n_used, n_new, now, 512)
    assert decision.n_evict <= n_used - protection.count(now)
    if decision.verdict is Verdict.EVICT:
        assert decision.n_evict >= 1
    if decision.verdict is Verdict.NO_ROOM:
        assert protection.count(now) + n_new > 512


def test_pinned_spans_beyond_the_budget_keep_an_interval_of_others():
    protection = Protection(BOUNDS)
    protection.pin(Spans.of([(0, 300)]))
    assert protection.target(10_000) == 300 + 32 + 32
    assert protection.decide(364 + 32, 1, 10_000, 512).n_evict == 32


def test_nothing_left_to_evict_is_a_named_outcome():
    protection = Protection(BOUNDS)
    protection.pin(Spans.of([(0, 480)]))
    assert protection.decide(512, 1, 10_000, 512).verdict is Verdict.NO_ROOM
    assert not protection.can_fit(480, 512) and protection.can_fit(400, 512)


def test_sinks_window_and_pinned_are_protected():
    protection = Protection(BOUNDS)
    protection.pin(Spans.of([(100, 110)]))
    kept = protection.ranges(1000)
    positions = np.flatnonzero(kept.contains(np.arange(1000)))
    assert positions.tolist() == [*range(4), *range(100, 110), *range(968, 1000)]
    assert protection.count(1000) == len(positions)
    protection.unpin(Spans.of([(0, 105)]))
    assert protection.pinned.ranges == ((105, 110),)


def test_what_was_candidate_before_is_pinned_late():
    protection = Protection(BOUNDS, last_round=500)
    protection.pin(Spans.of([(460, 480)]))
    assert protection.late.ranges == ((460, 468),)


def test_a_pin_is_no_longer_disposable():
    protection = Protection(BOUNDS, disposable=Spans.of([(10, 30)]))
    protection.pin(Spans.of([(20, 25)]))
    assert protection.disposable.ranges == ((10, 20), (25, 30))


def test_streaming_scores_by_age_even_at_large_positions():
    pos = np.array([20_000_001, 20_000_002, 20_000_003])
    scores = Streaming().host_scores(pos, 2, 20_000_100)
    assert scores.shape == (2, 3) and (np.diff(scores) == 1).all()


def test_random_scores_repeat_for_one_seed_and_position():
    pos = np.arange(50)
    again = [Random(seed=3).host_scores(pos, 2, 700) for _ in range(2)]
    assert np.array_equal(*again)
    assert not np.array_equal(again[0], Random(seed=4).host_scores(pos, 2, 700))


@pytest.mark.parametrize(
    ("given_stats", "name"),
    [
        (None, "knorm"),
        (stats(), "knorm"),
        (stats(fits=FITS), "knorm"),
        (stats(recommended_score="keydiff"), "keydiff"),
        (stats(fits=FITS, recommended_score="fitted", recommended_budget=0), "fitted"),
    ],
)
def test_auto_takes_what_is_known_of_the_model(given_stats, name):
    policy, note = choose_policy("auto", given_stats)
    assert policy.name == name
    assert (note is None) == bool(given_stats and given_stats.recommended_score)


def test_what_is_unchecked_is_said_with_the_next_step():
    _, without = choose_policy("auto", None)
    _, untested = choose_policy("auto", stats(fits=FITS))
    assert "No centers" in without and "triagent centers" in without
    assert "no self-test" in untested and "--policy" in untested
    assert choose_policy("fitted", stats(fits=FITS))[1] is None  # the user's own choice


def test_a_budget_that_the_self_test_did_not_find_safe_is_said():
    tests = (SelfTest("fitted", 500, 0.4), SelfTest("fitted", 1000, 0.6))
    unsafe = stats(recommended_score="fitted", recommended_budget=0, self_tests=tests)
    assert "no safe budget up to 1,000 cells" in budget_note(unsafe, "fitted", 8192)
    safe = stats(recommended_score="fitted", recommended_budget=1000, self_tests=tests)
    assert "512 cells is below the 1,000" in budget_note(safe, "fitted", 512)


def test_a_safe_budget_and_a_score_of_ones_own_are_used_without_a_word():
    safe = stats(recommended_score="fitted", recommended_budget=1000)
    assert budget_note(safe, "fitted", 1000) is None
    assert budget_note(safe, "knorm", 512) is None
    assert budget_note(stats(fits=FITS), "knorm", 512) is None
    assert budget_note(None, "knorm", 512) is None


@pytest.mark.parametrize("name", ["triattention", "fitted"])
def test_a_score_without_its_centers_is_refused(name):
    with pytest.raises(SidecarError, match=f"{name} needs a sidecar"):
        choose_policy(name, None)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="streaming"):
        choose_policy("lru", None)
    with pytest.raises(ConfigError, match="per-head"):
        choose_mode("each", POLICIES["knorm"]())


def test_streaming_is_shared_whatever_is_asked():
    assert choose_mode("per-layer-head", Streaming()) is Mode.SHARED


@pytest.mark.parametrize(
    "changes", [{"budget": 0}, {"interval": 0}, {"n_sink": -1}, {"n_window": 300}]
)
def test_impossible_bounds_are_refused(changes):
    values = {"budget": 256, "interval": 32, "chunk": 64, "n_sink": 4, "n_window": 32}
    with pytest.raises(ConfigError):
        Bounds(**values | changes)


def test_cells_hold_the_budget_and_a_batch_padded():
    assert Bounds(2048, 128, 512, 4, 64).n_cells == 2560
    assert Bounds(2048, 128, 1, 4, 64).n_cells == 2304


def test_the_budget_comes_from_the_self_test_or_from_free_memory():
    assert auto_budget(stats(recommended_budget=700), 0, 1, 10_000) == 700
    assert auto_budget(stats(recommended_budget=700), 1 << 50, 1, 10_000) == 8192
    assert auto_budget(None, 4 * 1000 * 1024, 1024, 100_000) == 768
    assert auto_budget(None, 1 << 50, 1024, 100_000) == 8192
    assert auto_budget(None, 1 << 50, 1024, 512) == 512
    assert auto_budget(None, 0, 1024, 100_000) == 256
