"""How a running calibration is shown, and stopped.

A bar that is drawn over, or JSON lines for a program. Ctrl-C takes effect between two steps.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BAR = 24
"""Characters of the bar."""
STEP_S = 0.2
"""Between two pictures of it."""


class Bar:
    """One line that is drawn over: what, how far, rate, time left. Silent where none can be."""

    def __init__(self) -> None:
        self._what, self._start, self._shown = "", 0.0, 0.0
        self._stop = False

    def __call__(self, what: str, n_done: int, n_total: int) -> None:
        """Show a step that was done. Raises: KeyboardInterrupt when Ctrl-C was pressed in it."""
        if self._stop:
            raise KeyboardInterrupt
        self.draw(what, n_done, n_total)

    def draw(self, what: str, n_done: int, n_total: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self.done()
            self._what, self._start = what, now
        if now - self._shown < STEP_S and n_done < n_total:
            return
        self._shown = now
        if sys.stderr.isatty():
            line = bar_line(what, n_done, n_total, now - self._start)
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Within: Ctrl-C stops at the next step, a second one as soon as Python can.

        A step runs in the library, which calls back into Python; an exception that a signal
        raises at the edge of such a call is lost, so it is not raised there.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # signals go to the main thread, which has its own way to stop this one
            return
        before = signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _note(self, *_: object) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
        if sys.stderr.isatty():
            print("  stopping", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Leave the line standing; what is printed next begins a new one."""
        if self._what and sys.stderr.isatty():
            print(file=sys.stderr)
        self._what = ""

    def say(self, text: str) -> None:
        print(text)

    def result(self, out: Path, score: str, note: str) -> None:
        print(f"wrote {out}" + (f"\n{note}" if note else ""))


class JsonLines(Bar):
    """The same as JSON lines, for a program that reads along."""

    def draw(self, what: str, n_done: int, n_total: int) -> None:
        now = time.monotonic()
        if now - self._shown >= STEP_S or n_done >= n_total:
            self._shown = now
            print(json.dumps({"what": what, "done": n_done, "total": n_total}), flush=True)

    def say(self, text: str) -> None:
        print(json.dumps({"say": text}), flush=True)

    def result(self, out: Path, score: str, note: str) -> None:
        print(json.dumps({"wrote": str(out), "score": score, "note": note}), flush=True)


def bar_line(what: str, n_done: int, n_total: int, seconds: float) -> str:
    """`centers  ████████░░░░  4,096 / 32,768  512/s  56 s left`."""
    share = min(1.0, n_done / max(1, n_total))
    full = round(share * BAR)
    rate = n_done / seconds if seconds > 0 else 0.0
    left = f"  {_duration((n_total - n_done) / rate)} left" if rate and share < 1 else ""
    speed = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
    bar = "█" * full + "░" * (BAR - full)
    return f"{what}  {bar}  {n_done:,} / {n_total:,}  {speed}{left}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
