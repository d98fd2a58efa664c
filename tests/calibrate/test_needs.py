"""Shares of layers from what they miss when they alone forget."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.conftest import STORIES
from triagent.calibrate.needs import _apart, to_shares
from triagent.kv.shares import FLOOR


def test_what_a_layer_misses_is_weighted_by_its_root():
    shares = to_shares({0: 0.0, 1: 0.81, 2: 0.05, 3: 0.36})
    assert sum(shares.values()) == pytest.approx(4)
    assert shares[0] == shares[2] == FLOOR
    assert shares[1] / shares[3] == pytest.approx(0.9 / 0.6)


@pytest.mark.parametrize("needs", [{0: 0.0, 1: 0.02}, {0: 0.9, 1: 0.9}, {}])
def test_layers_that_no_one_or_every_one_needs_stay_alike(needs):
    assert to_shares(needs) == {}


@pytest.fixture
def trial_of():
    from triagent.config import ModelConfig
    from triagent.engine.trial import Trial

    made = []

    def make(shares):
        config = ModelConfig(path=STORIES, threads=1, gpu_layers=0)
        made.append(Trial(config, None, 400, shares=shares))
        return made[-1]

    yield make
    for trial in made:
        trial.engine.close()


def held(trial) -> list[int]:
    """Tokens that the rows of each layer hold."""
    true, cache = trial.hook.cache.positions(), trial.hook.cache
    counts, row = [], 0
    for layer in cache.layers:
        counts.append(int((true[row] >= 0).sum()))
        assert ((true[row : row + layer.n_head_kv] >= 0).sum(1) == counts[-1]).all()
        row += layer.n_head_kv
    return counts


@pytest.mark.native
def test_a_layer_that_forgets_alone_leaves_all_others_whole(trial_of):
    from triagent.engine.trial import ranking

    layers = list(range(5))
    trial = trial_of(_apart(layers, layers[:4]))
    ids = np.random.default_rng(0).integers(3, 300, 400).tolist()
    text = trial.read(ids, 10)
    for il in layers[:4]:
        trial.compress(text, ranking("knorm"), 150, only=(il,))
        assert held(trial) == [150 if i == il else 400 for i in layers]


@pytest.mark.native
def test_layers_by_their_shares_keep_as_much_together(trial_of):
    from triagent.engine.trial import ranking

    trial = trial_of({0: 0.25, 1: 0.25, 2: 2.0, 3: 0.5, 4: 2.0})
    ids = np.random.default_rng(0).integers(3, 300, 400).tolist()
    trial.compress(trial.read(ids, 10), ranking("knorm"), 200)
    counts = held(trial)
    assert 5 * 200 - 5 <= sum(counts) <= 5 * 200
    assert counts[0] == counts[1] < counts[3] < counts[2] == counts[4]
