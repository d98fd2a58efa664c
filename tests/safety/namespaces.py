"""Processes whose folders are truly read-only or truly small, or that have no network at all.

Made with user namespaces, so that it holds for root as well, to whom permissions say nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.safety.desk import in_child
from triagent.agent import sandbox_kernel as kernel

_MS_REMOUNT = 0x20


def enter(more: int = 0) -> None:
    """Let this process, which has one thread, see mounts of its own. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | more)
    kernel.map_user(user, group)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)


def close(folders: Sequence[Path]) -> None:
    """Make folders read-only for this process and all that it starts."""
    for folder in folders:
        kernel.bind(str(folder), str(folder), read_only=True)


def small(folder: Path, n_bytes: int, again: bool = False) -> None:
    """Put a disk of this size in a folder's place; `again` gives it another size."""
    flags = _MS_REMOUNT if again else 0
    kernel.mount("tmpfs", str(folder), "tmpfs", flags, f"size={n_bytes},mode=700")


def possible() -> str:
    """Why this machine lets nobody have that; empty when it does."""
    reason = os.pipe()

    def attempt() -> None:
        try:
            enter(kernel.CLONE_NEWNET)
        except OSError as error:
            os.write(reason[1], str(error).encode())
            raise

    ended = in_child(attempt)
    os.close(reason[1])
    with os.fdopen(reason[0]) as file:
        why = file.read()
    return why or (f"status {ended}" if ended else "")


def inside(setting: Callable[[], None], work: Callable[[], object]) -> int:
    """Run `work` in a forked child with mounts of its own, after `setting`; the wait status."""

    def run() -> None:
        enter()
        setting()
        work()

    return in_child(run)
