"""How a budget is divided among layers that need unequally much of it.

One layer in a few does the recalling; what the others forget is hardly missed (docs/fidelity.md).
A share says how much of its even part of the budget a layer should have; the mean over layers is
1, so that the cache as a whole keeps as many tokens as with equal parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite

import numpy as np

from triagent.kv.protection import CELL_PAD

FLOOR = 1 / 4
"""Of the even part, what every layer keeps at least."""
MAX_SIZES = 4
"""Different sizes of layers: each costs a mask and a selection of its own."""
MAX_SHARE = 1e3


def are_usable(shares: Sequence[float]) -> bool:
    """Whether shares can be divided by: positive numbers, none of them absurd."""
    return all(isfinite(x) and 0 < x <= MAX_SHARE for x in shares)


def split(shares: Sequence[float], total: int, floor: int, most: int | None = None) -> list[int]:
    """Divide `total` in proportion to `shares`, none below `floor` nor above `most`.

    Returns:
        Whole numbers whose sum is `total`, as long as the bounds allow that.
    """
    parts = np.asarray(shares, np.float64)
    low, high = 0.0, float(total) / max(float(parts.min()), 1e-9)
    top = float(total if most is None else most)
    for _ in range(60):  # the sum grows with the factor
        factor = (low + high) / 2
        if np.clip(parts * factor, floor, top).sum() < total:
            low = factor
        else:
            high = factor
    exact = np.clip(parts * high, floor, top)
    whole = np.floor(exact).astype(int)
    left = max(0, min(total - int(whole.sum()), len(whole)))
    order = np.argsort(whole - exact, kind="stable")  # the largest remainders first
    room = order[whole[order] < top][:left]
    whole[room] += 1
    return [int(n) for n in whole]


def layer_cells(
    shares: Mapping[int, float], n_layer: int, n_cells: int, slack: int, n_least: int, n_most: int
) -> list[int]:
    """Cells of each model layer, together no more than with `n_cells` for each that has a share.

    Args:
        shares: model layer -> share, of all layers that can be evicted from.
        n_layer: of the model; layers without a share get 0.
        slack: cells of every layer beyond what a round keeps.
        n_least: what every layer keeps at least after a round, besides FLOOR.
        n_most: what no layer can make use of more.

    Returns:
        Multiples of CELL_PAD, at most MAX_SIZES different ones beside 0.
    """
    layers = sorted(shares)
    budget = n_cells - slack
    floor = -(-(max(int(budget * FLOOR), n_least) + slack) // CELL_PAD)
    floor = min(floor, n_cells // CELL_PAD)
    most = max(-(-(n_most + slack) // CELL_PAD), floor)
    # shares are of what is kept; the slack is the same for all
    kept = split([shares[il] for il in layers], budget * len(layers), 1)
    units = split([k + slack for k in kept], n_cells // CELL_PAD * len(layers), floor, most)
    units = _few_sizes(units)
    cells = [0] * n_layer
    for il, n in zip(layers, units, strict=True):
        cells[il] = n * CELL_PAD
    return cells


def _few_sizes(units: Sequence[int]) -> list[int]:
    """Lower some until there are at most MAX_SIZES different ones, where that costs least; what
    is over goes to the largest."""
    found = list(units)
    while len(set(found)) > MAX_SIZES:
        sizes = sorted(set(found))
        costs = [(b - a) * found.count(b) for a, b in pairwise(sizes)]
        i = int(np.argmin(costs))
        found = [sizes[i] if n == sizes[i + 1] else n for n in found]
    largest = [i for i, n in enumerate(found) if n == max(found)]
    spare = (sum(units) - sum(found)) // len(largest)
    for i in largest:
        found[i] += spare
    return found
