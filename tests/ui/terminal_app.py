"""The app on a played session, as a program: `terminal_app.py FOLDER [fault] [no-mouse]`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.ui.fakes import Opener, PlayedAgent, asking, say, turns
from triagent.config import Config, UiConfig
from triagent.ui import app, feed
from triagent.ui.ports import Services


def main() -> int:
    if "fault" in sys.argv:
        feed.Feed._answer = lambda self, text: 1 / 0
    script = [turns(say("Hello, ", "**there**."), asking("bash", ["make"], command="make"))]
    services = Services(Opener(PlayedAgent(script)))
    ui = UiConfig(mouse="no-mouse" not in sys.argv)
    return app.run(Config(workspace=Path(sys.argv[1]), ui=ui), services)


if __name__ == "__main__":
    sys.exit(main())
