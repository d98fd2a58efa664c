"""Matches lines in a process of its own, because an expression cannot be stopped from outside.

Reads one JSON object from stdin, prints one, and imports nothing of this project: it is run by
its path, isolated. Where it takes too long it is killed.
"""

from __future__ import annotations

import json
import re
import sys


def matching(pattern: str, flags: int, texts: list[list[str]]) -> list[list[int]]:
    """Numbers of the lines that match, from 0, for each text given as lines."""
    expression = re.compile(pattern, flags)
    return [[n for n, line in enumerate(lines) if expression.search(line)] for lines in texts]


if __name__ == "__main__":
    print(json.dumps(matching(**json.load(sys.stdin))))
