"""What the gates are trained for: which keys may go, and how many of them stay."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="comes with the train extra")

from scripts.train_demo.gates import Rule

pytestmark = pytest.mark.torch


def test_layers_keep_by_their_shares_what_the_window_leaves():
    even, divided = Rule(64), Rule(64, (0.25, 1.75))
    assert even.n_keep(0, 4000, 1 / 8, 4096) == even.n_keep(1, 4000, 1 / 8, 4096) == 448
    assert [divided.n_keep(il, 4000, 1 / 8, 4096) for il in (0, 1)] == [112, 784]


def test_a_layer_keeps_at_least_one_and_at_most_all():
    rule = Rule(64, (0.001, 1.999))
    assert rule.n_keep(0, 100, 1 / 2, 164) == 1
    assert rule.n_keep(1, 100, 1.0, 264) == 100
