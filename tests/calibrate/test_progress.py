from __future__ import annotations

import json
import signal

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from triagent.calibrate.progress import BAR, JsonLines, bar_line  # noqa: E402


def test_the_bar_says_what_how_far_how_fast_and_how_long_yet():
    line = bar_line("centers", 8192, 32768, 16.0)
    assert line == f"centers  {'█' * 6}{'░' * 18}  8,192 / 32,768  512/s  48 s left"


@pytest.mark.parametrize(
    ("n_done", "seconds", "words"),
    [
        (0, 0.0, "0/s"),
        (100, 10.0, "100 / 100  10/s"),
        (1, 60.0, "99 min left"),
        (1, 600.0, "16.5 h left"),
        (120, 1.0, "█" * BAR),
    ],
)
def test_the_ends_of_the_bar(n_done, seconds, words):
    line = bar_line("x", n_done, 100, seconds)
    assert words in line and ("left" in line) == ("left" in words)


def test_json_lines_are_one_object_each(capsys):
    show = JsonLines()
    show("centers", 1, 4)
    show("centers", 2, 4)  # too soon to be shown
    show("centers", 4, 4)
    show.say("R is level")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [t.get("done") for t in told] == [1, 4, None] and told[-1]["say"] == "R is level"


def test_ctrl_c_stops_at_the_next_step_and_not_within_one():
    show = JsonLines()
    before = signal.getsignal(signal.SIGINT)
    with show.stoppable():
        show("centers", 1, 4)
        signal.raise_signal(signal.SIGINT)  # nothing is raised here
        with pytest.raises(KeyboardInterrupt):
            show("centers", 2, 4)
        with pytest.raises(KeyboardInterrupt):  # the second time, at once
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
