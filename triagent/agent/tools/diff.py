"""Unified diffs and their counts, for proposals."""

from __future__ import annotations

import difflib


def unified(before: str, after: str, path: str) -> str:
    """Unified diff of one file; empty when nothing changes."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
    )
    return "\n".join(lines)


def stat(diff: str) -> str:
    """`(+3 -1)`."""
    lines = diff.splitlines()[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"(+{added} -{removed})"
