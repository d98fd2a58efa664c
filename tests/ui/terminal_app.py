"""The app on a played session, as a program: `terminal_app.py FOLDER [fault] [no-mouse] [slow]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.ui.fakes import Opener, PlayedAgent, asking, say, turns
from triagent.agent.events import Event
from triagent.config import Config, UiConfig
from triagent.ui import app, feed
from triagent.ui.ports import Services


def hello(agent: PlayedAgent, text: str) -> Iterator[Event]:
    yield from say("Hello, ", "**there**.")(agent, text)
    time.sleep(1.0 if "slow" in sys.argv else 0.0)


def main() -> int:
    if "fault" in sys.argv:
        feed.Feed._answer = lambda self, text: 1 / 0
    script = [turns(hello, asking("bash", ["make"], command="make"))]
    services = Services(Opener(PlayedAgent(script)))
    ui = UiConfig(mouse="no-mouse" not in sys.argv)
    return app.run(Config(workspace=Path(sys.argv[1]), ui=ui), services)


if __name__ == "__main__":
    sys.exit(main())
