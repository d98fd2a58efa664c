"""Which keys stay when rows keep equally many, and when they share one budget."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="comes with the calibrate extra")
pytest.importorskip("tokenizers", reason="comes with the train extra")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import torch
from bench import shares


@pytest.fixture
def score():
    """(2 layers, 3 heads, 40 keys); one row scores above all others."""
    made = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(1))
    made[1, 2] += 10
    return made


def test_equal_keeps_as_many_of_every_row(score):
    kept = shares.equal(score, 8)
    assert (kept.sum(-1) == 8).all()
    assert score[kept].min() > score[0].min()
    for row, held in zip(score.view(6, 40), kept.view(6, 40), strict=True):
        assert row[held].min() > row[~held].max()


def test_together_keeps_as_many_in_all_and_some_of_every_row(score):
    kept = shares.together(score, 8)
    assert int(kept.sum()) == 6 * 8
    n = kept.sum(-1)
    assert (n >= int(8 * shares.FLOOR)).all()
    assert n[1, 2] == n.max() > 8
