"""The next token: greedy, cut, masked, repeatable; and the guard against loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagent.engine.sampling import RepetitionGuard, Sampler

rng = np.random.default_rng(0)
LOGITS = rng.normal(0, 2, 1000).astype(np.float32)


def test_temperature_0_takes_the_best():
    assert Sampler().choose(LOGITS, 5) == int(np.argmax(LOGITS))


def test_logits_are_left_as_they_were():
    before = LOGITS.copy()
    Sampler(temperature=1).choose(LOGITS, 5, lambda t: t % 2 == 0)
    assert np.array_equal(before, LOGITS)


def test_a_seed_and_a_position_give_one_token():
    hot = Sampler(temperature=1.5, top_k=0, top_p=1, min_p=0, seed=7)
    assert [hot.choose(LOGITS, p) for p in range(20)] == [hot.choose(LOGITS, p) for p in range(20)]
    assert len({hot.choose(LOGITS, p) for p in range(50)}) > 5


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_top_k_samples_only_the_k_best(k, pos):
    best = set(np.argsort(-LOGITS)[:k].tolist())
    assert Sampler(2.0, top_k=k, top_p=1, min_p=0).choose(LOGITS, pos) in best


def test_min_p_and_top_p_cut_the_tail():
    p = np.exp(LOGITS - LOGITS.max())
    for pos in range(100):
        token = Sampler(1.0, top_k=0, top_p=1, min_p=0.3).choose(LOGITS, pos)
        assert p[token] >= 0.3 - 1e-6
    one = np.array([0, 10, 0, 0], np.float32)
    assert {Sampler(1.0, top_p=0.5).choose(one, i) for i in range(20)} == {1}


def test_samples_follow_the_probabilities():
    logits = np.log(np.array([0.5, 0.3, 0.2], np.float32))
    sampler = Sampler(1.0, top_k=0, top_p=1, min_p=0)
    drawn = np.bincount([sampler.choose(logits, i) for i in range(4000)], minlength=3) / 4000
    assert np.allclose(drawn, [0.5, 0.3, 0.2], atol=0.03)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_mask_is_kept_even_far_down_the_list(temperature):
    wanted = int(np.argsort(-LOGITS)[700])
    sampler = Sampler(temperature)
    assert sampler.choose(LOGITS, 3, lambda t: t == wanted) == wanted


def test_a_mask_that_allows_nothing_is_not_heeded():
    assert Sampler().choose(LOGITS, 3, lambda t: False) == int(np.argmax(LOGITS))


@pytest.mark.parametrize("period", [1, 3, 40])
def test_a_loop_is_noticed(period):
    guard, words = RepetitionGuard(), rng.permutation(500)[:period]
    seen = [guard.is_loop(int(words[i % period])) for i in range(20 * period + 400)]
    assert any(seen)
    assert seen.index(True) >= 192


def test_lists_and_code_are_no_loop():
    guard = RepetitionGuard()
    # rows of a table: the same twelve tokens but for one that counts
    rows = [t for i in range(100) for t in (*range(11), 1000 + i)]
    assert not any(guard.is_loop(t) for t in rows)
