"""Leaving in order when something outside or inside of the app goes wrong."""

from __future__ import annotations

import asyncio
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress


def heed_signals(leave: Callable[[int], None]) -> None:
    """Call `leave(exit status)` when the system ends the process, so that the terminal is
    restored and the session saved. To be called on the event loop."""
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):
        # Not on every system, and not off the main thread.
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            number = getattr(signal, name)
            loop.add_signal_handler(number, leave, 128 + number)


def write_crash() -> str:
    """Write the traceback of the exception at hand to a file; returns a line that says where."""
    from triagent import settings

    path = settings.cache_folder() / "crash.txt"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(traceback.format_exc(), "utf-8")
        path.chmod(0o600)
    except OSError:
        return traceback.format_exc(limit=-1)
    return f"Details for a report are in {path}"
