"""Pinning and forgetting spans that are held in part, or that nothing may evict."""

from __future__ import annotations

import pytest

from tests.ui.fakes import PlayedAgent
from tests.ui.pilot import drive, names, screen_text
from tests.ui.scenes import make, settled, story
from triagent.chat import Evicted, Origin


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def rows(app):
    return app.screen.query_one("#spans")._picture.rows


async def choose(pilot, wanted):
    """Open the memory screen on the first span that `wanted` says yes to."""
    await press(pilot, "f4")
    spans = pilot.app.screen.query_one("#spans")
    spans.choose(next(n for n, row in enumerate(rows(pilot.app)) if wanted(row)))
    await pilot.pause()
    return spans


def told(pilot):
    return [notice.message for notice in pilot.app._notifications]


class Held(PlayedAgent):
    """Pins hold only what is there; the newest eight positions are always kept."""

    def _newest(self):
        n_pos = self.story[-1].stop
        return n_pos - 8, n_pos

    def holding(self):
        found = super().holding()
        for at in range(*self._newest()):
            found.share[at], found.pinned[at] = 1.0, True
        for at in range(found.n_pos):
            found.pinned[at] = found.pinned[at] and found.share[at] > 0.0
        return found

    def unpin(self, start, stop):
        self.pinned = [span for span in self.pinned if span != (start, stop)]

    def forget(self, start, stop):
        held = [at for at in range(start, stop) if self.holding().share[at] > 0.0]
        super().forget(start, stop)
        return Evicted(len(held), stop, None, None, ((start, stop),) if held else (), 0.2, "forget")


def test_a_span_that_is_held_in_part_is_pinned_so_far_and_let_go_again():
    agent = Held(story=story())

    async def steps(pilot):
        spans = await choose(pilot, lambda row: 0.2 < row.share < 0.8 and row.who == "tool")
        share = spans.row.share
        await press(pilot, "p")
        assert f"pinned where it is still held, {share:.0%} of it" in told(pilot)[0]
        assert spans.row.pinned and spans.row.share == share
        await press(pilot, "p")
        assert not spans.row.pinned and agent.pinned == []

    drive(make(agent), steps)


def test_a_part_that_is_gone_does_not_keep_a_pin_from_being_seen_and_undone():
    agent = Held(story=story())
    agent.forgotten.append((400, 410))

    async def steps(pilot):
        spans = await choose(pilot, lambda row: row.start <= 400 < row.stop)
        spans.choose(spans.chosen + (spans.row.share <= 0.0))
        start, stop = spans.row.start, spans.row.stop
        agent.forgotten.append((start, start + 3))
        await press(pilot, "p")
        assert spans.row.pinned
        await press(pilot, "p")
        assert not spans.row.pinned and (start, stop) not in agent.pinned

    drive(make(agent), steps)


def test_what_is_gone_is_neither_pinned_nor_forgotten_and_the_last_round_stays_in_view():
    agent = Held(story=story())
    span = next(span for span in agent.story if span.origin is Origin.TOOL)
    agent.forgotten.append((span.pos, span.stop))

    async def steps(pilot):
        await choose(pilot, lambda row: row.start == span.pos)
        before = pilot.app.chat.last_round
        await press(pilot, "p", "f")
        assert "left to pin; r recalls it" in told(pilot)[0]
        assert "left to forget; r recalls it" in told(pilot)[1]
        assert agent.pinned == [] and agent.forgotten == [(span.pos, span.stop)]
        assert pilot.app.chat.last_round is before

    drive(make(agent), steps)


@pytest.mark.parametrize("key", ["p", "f"])
def test_the_opening_stays_whatever_is_pressed(key):
    agent = Held(story=story())

    async def steps(pilot):
        spans = await choose(pilot, lambda row: row.who == "system")
        await press(pilot, key)
        assert "the opening stays" in told(pilot)[0]
        assert spans.row.pinned and agent.pinned == agent.forgotten == []

    drive(make(agent), steps)


def test_the_newest_positions_stay_and_the_user_is_told():
    agent = Held(story=story())
    last = agent.story[-1]
    agent.story[-1] = type(last)(last.origin, last.pos, last.ids[:6], last.text, True)

    async def steps(pilot):
        spans = await choose(pilot, lambda row: row.start == last.pos)
        assert spans.row.pinned
        await press(pilot, "p")
        assert "the newest positions are never evicted" in told(pilot)[0]

    drive(make(agent), steps)


def test_a_round_that_was_asked_for_leaves_its_mark_in_the_transcript():
    agent = Held(story=story())

    async def steps(pilot):
        app = pilot.app
        spans = await choose(pilot, lambda row: row.share > 0.2 and row.who == "answer")
        n_pos = spans.row.n_pos
        await press(pilot, "f", "escape")
        assert names(app)[-1] == "RoundBlock" and app.chat.last_round.n_evicted == n_pos
        app.chat.prompt.area.put("/forget 1")
        await press(pilot, "enter")
        assert names(app)[-2:] == ["RoundBlock", "NoticeBlock"]
        app.chat.prompt.area.put("/forget 1")
        await press(pilot, "enter")
        assert "turn 1: nothing of it was left to forget" in screen_text(app)
        app.chat.prompt.area.put("/pin 1")
        await press(pilot, "enter")
        assert "nothing of turn 1 is left to pin" in screen_text(app)

    drive(make(agent), steps)
