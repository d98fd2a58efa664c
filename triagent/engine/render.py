"""The caller's side of `render_worker`: rendering with a deadline, as ModelError when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from triagent.errors import ModelError

DEADLINE_S = 10.0
# Real templates take milliseconds. Renderings slower than this may take so much in all.
SLOW_S, MAX_SLOW_S = 0.5, 30.0
WORKER = Path(__file__).with_name("render_worker.py")


class Refused(Exception):
    """The template itself raised: this order of messages is not one it knows."""


class Renderer:
    """One worker process, started at the first render and again after it had to be ended."""

    def __init__(self, now: datetime | None = None, deadline_s: float = DEADLINE_S) -> None:
        self.now = (now or datetime.now()).isoformat()
        self.deadline_s = deadline_s
        self._worker: subprocess.Popen[str] | None = None
        self._slow_s = 0.0

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def render(self, source: str, **variables: Any) -> str:
        """Raises: Refused; ModelError for a template that is damaged or hostile."""
        request = {"source": source, "now": self.now, "variables": variables}
        start = monotonic()
        reply = self._ask(json.dumps(request))
        self._check_pace(monotonic() - start)
        if "refused" in reply:
            raise Refused(reply["refused"])
        if "error" in reply:
            raise ModelError(_message(reply["error"]))
        return reply["text"]

    def close(self) -> None:
        """Ends the worker. May be called twice."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.communicate()

    def _check_pace(self, seconds: float) -> None:
        if seconds > SLOW_S:
            self._slow_s += seconds
        if self._slow_s > MAX_SLOW_S:
            raise ModelError(_message(f"it took {self._slow_s:.0f} s to render"))

    def _ask(self, line: str) -> dict[str, str]:
        worker = self._started()
        timer = threading.Timer(self.deadline_s, worker.kill)
        timer.start()
        try:
            worker.stdin.write(line + "\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            self.close()
            raise ModelError(_message(f"it ran out of memory or for over {self.deadline_s:g} s"))
        return json.loads(answer)

    def _started(self) -> subprocess.Popen[str]:
        if self._worker is not None and self._worker.poll() is not None:
            self.close()  # somebody else ended it
        if self._worker is None:
            # -P: the folder the user works in must not supply modules.
            self._worker = subprocess.Popen(
                [sys.executable, "-P", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
        return self._worker


def _message(reason: str) -> str:
    return f"the model's chat template cannot be used: {reason}. Use another GGUF of this model"
