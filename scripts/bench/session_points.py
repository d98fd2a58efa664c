"""What the ways of measuring a growing session share: when it is warm, and what a point is."""

from __future__ import annotations

import argparse
import statistics


def n_warm(options: argparse.Namespace) -> int:
    """Tokens that are in the session before its first timed turn."""
    return options.warm if options.warm >= 0 else 2 * options.budget


def near(seconds: list[float], turn: int, n: int) -> float:
    """Median of a turn and those around it: one alone is at the mercy of the machine."""
    start = max(0, turn - 1 - n // 2)
    return statistics.median(seconds[start : start + n])
