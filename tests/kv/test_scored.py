from __future__ import annotations

import numpy as np

from triagent.kv.scored import Scored


def test_a_position_scores_the_mean_of_the_sets_that_hold_it():
    scored = Scored()
    pos = np.array([[2, 3, 5], [2, 4, 5]], np.int32)
    scored.keep(pos, np.array([[1.0, 2.0, 3.0], [2.0, 7.0, 3.0]], np.float32))
    mean = scored.mean(8)
    assert mean[2:6].tolist() == [1.5, 2.0, 7.0, 3.0]
    assert np.isnan(mean[[0, 1, 6, 7]]).all()
    assert np.array_equal(scored.mean(4), mean[:4], equal_nan=True)


def test_the_last_round_replaces_what_was_known_and_a_new_start_forgets_it():
    scored = Scored()
    scored.keep(np.array([[0, 1]], np.int32), np.ones((1, 2), np.float32))
    scored.keep(np.array([[1, 2]], np.int32), np.zeros((1, 2), np.float32))
    assert np.isnan(scored.mean(3)[0]) and scored.mean(3)[1:].tolist() == [0.0, 0.0]
    again = Scored()
    again.restore(scored.mean(3))
    assert np.array_equal(again.mean(3), scored.mean(3), equal_nan=True)
    scored.clear()
    assert np.isnan(scored.mean(3)).all()
