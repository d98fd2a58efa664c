from __future__ import annotations

import io
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from tests.fakes import call, step, think
from triagent.agent import events as ev
from triagent.agent import headless
from triagent.chat import CacheStatus, StopReason, ToolCall, Usage

DOCS = Path(__file__).parents[2] / "docs/session.md"
CALL = ToolCall("call-1", "read", {"path": "é\u2028\n", "limit": 3}, "{}", None)
CACHE = CacheStatus(9, 8, 7, 6, 5, 4, 3, 2, 1, "none")
EXAMPLES = [
    ev.TurnStarted(1, "hi"),
    ev.Steered("and hurry"),
    ev.StepStarted(1, 1),
    ev.Prefilling(1, 2, 3.0),
    ev.AnswerText("a\nb"),
    ev.ThinkingText("hm"),
    ev.CallText("{", "read"),
    ev.RoundDone(5, 9, ((1, 3), (4, 7)), 0.5, 2),
    ev.CacheChanged(CACHE),
    ev.StepDone(StopReason.CALLS, Usage(1, 2, 0.5, 0.25)),
    ev.ToolProposed(CALL, "read é", "-a\n+b\n"),
    ev.ApprovalAsked("call-1", CALL, ("rm x", "rm y"), False, "the mode is ask"),
    ev.ToolStarted(CALL),
    ev.ToolOutput("call-1", "out\n"),
    ev.ToolEnded("call-1", False, "error: no", 0.1, ("a.txt",), ev.Ending.DENIED),
    ev.Notice("warning", "mind this"),
    ev.Recalled(2, "[recalled]\nx"),
    ev.TurnEnded(1, ev.Outcome.DONE, "answered", 1, 1, 0, ("a.txt",), Usage(), 0.5, CACHE),
]


def test_there_is_an_example_of_every_event():
    assert {type(event) for event in EXAMPLES} == set(get_args(ev.Event))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_is_one_line_with_its_fields(event):
    out = io.StringIO()
    headless.JsonLines(out)(event)
    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert list(found) == ["event", *(field.name for field in fields(event))]
    assert found["event"] == type(event).__name__
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, (str, int, float, bool)):
            assert found[field.name] == value


def test_values_inside_values_are_plain():
    found = ev.as_json(EXAMPLES[7])
    assert found["lost"] == [[1, 3], [4, 7]]
    assert ev.as_json(EXAMPLES[9])["reason"] == "calls"
    assert ev.as_json(EXAMPLES[12])["call"]["arguments"] == CALL.arguments
    assert ev.as_json(EXAMPLES[17])["cache"]["policy"] == "none"


def test_the_page_lists_every_event_with_its_fields():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", DOCS.read_text(), re.MULTILINE))
    for kind in get_args(ev.Event):
        assert re.findall(r"`(\w+)`", rows[kind.__name__]) == [x.name for x in fields(kind)]


def test_a_turn_with_tools_and_rounds_is_lines_in_the_documented_order(desk):
    desk.gate.set_mode("ask")
    (desk.work / "a.txt").write_text("word " * 150)
    script = [
        step(think("hm"), call("read", path="a.txt"), call("bash", command="rm x")),
        step("It is all words."),
    ]
    agent = desk.agent(script, budget=150, interval=8, n_window=24)
    out = io.StringIO()
    status = headless.run(agent, "look", json=True, out=out, err=io.StringIO())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert status == headless.UNPROVED  # a permission was refused
    letters = {"TurnStarted": "T", "StepStarted": "S", "StepDone": "s", "ToolProposed": "P",
               "ApprovalAsked": "A", "ToolStarted": "R", "ToolOutput": "o", "ToolEnded": "E",
               "TurnEnded": "Z", "Prefilling": "p", "RoundDone": "r", "CacheChanged": "c",
               "ThinkingText": "x", "AnswerText": "x", "CallText": "x", "Notice": ""}  # fmt: skip
    order = "".join(letters[line["event"]] for line in lines)
    step_of = "S[prc]*[xrc]*s"
    assert re.fullmatch(f"T[prc]*{step_of}PRo?EPAE{step_of}Z", order), order
    assert "r" in order and "c" in order and "p" in order
    rounds = [line for line in lines if line["event"] == "RoundDone"]
    assert [line["number"] for line in rounds] == list(range(1, len(rounds) + 1))
    cache = [line["status"] for line in lines if line["event"] == "CacheChanged"][-1]
    assert cache == lines[-1]["cache"] and cache["n_rounds"] == len(rounds)
