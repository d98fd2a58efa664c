from __future__ import annotations

from triagent.agent.events import Outcome, TurnEnded
from triagent.chat import Usage
from triagent.ui.draw import draw
from triagent.ui.feed import Feed
from triagent.ui.themes import DARK, palette_of


class Page(list):
    """The part of a transcript that is written here."""

    replace = list.__setitem__

    def append(self, block) -> int:
        super().append(block)
        return len(self) - 1


def test_denied_and_skipped_calls_are_told_as_such():
    page = Page()
    end = TurnEnded(1, Outcome.DONE, "", 2, 3, 1, (), Usage(), 2.0, n_denied=2, n_skipped=4)
    Feed(page).put(end)
    palette = palette_of(DARK, DARK.to_color_system().generate())
    drawn = draw(page[-1], False, 120, palette)[0].text
    assert "3 tools ran, 1 failed, 2 denied, 4 not run · 0 files changed" in drawn
