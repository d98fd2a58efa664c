from __future__ import annotations

import io
import json

from tests.fakes import call, step
from triagent.agent import headless
from triagent.chat import StopReason


def ran(agent, prompt="go", **kwargs):
    out, err = io.StringIO(), io.StringIO()
    status = headless.run(agent, prompt, out=out, err=err, **kwargs)
    return status, out.getvalue(), err.getvalue()


def test_the_answer_goes_out_and_the_facts_to_the_side(desk):
    (desk.work / "a.txt").write_text("x\n")
    agent = desk.agent([call("read", path="a.txt"), "It holds x."])
    status, out, err = ran(agent)
    assert (status, out) == (headless.DONE, "It holds x.\n")
    assert "> read a.txt" in err
    facts = err.splitlines()[-1]
    for part in ("1 tool ran", "0 files changed", "cells", "full attention", "0 rounds", "evicted"):
        assert part in facts


def test_a_lie_is_not_success(desk):
    status, _, err = ran(desk.agent(["I have created the file."]))
    assert status == headless.UNPROVED
    assert "0 tools ran · 0 files changed" in err and "no tool changed anything" in err


def test_refused_approvals_are_not_success(desk):
    desk.gate.set_mode("ask")
    script = [call("glob", pattern="*"), call("bash", command="rm x"), "There it is."]
    status, _, err = ran(desk.agent(script))
    assert status == headless.UNPROVED and "refused, nobody to ask: rm x" in err
    assert "--mode auto" in err and "1 tool ran, 1 denied · 0 files changed" in err


def test_what_the_mode_denies_did_not_run_and_is_not_success(desk):
    desk.gate.set_mode("read-only")
    status, _, err = ran(desk.agent([call("bash", command="rm x"), "I may not."]))
    assert status == headless.UNPROVED
    assert "0 tools ran, 1 denied · 0 files changed" in err and "failed" not in err


def test_a_stopped_and_a_failed_turn_have_their_own_status(desk):
    stopped = desk.agent([step("a", reason=StopReason.LENGTH)])
    assert ran(stopped)[0] == headless.STOPPED
    failed = desk.agent(["x"], desk.store.open(stopped.session_id))
    assert ran(failed)[0] == headless.FAILED


def test_json_lines_are_the_events(desk):
    status, out, _ = ran(desk.agent(["Hello."]), json=True)
    events = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert events[0] == {"event": "TurnStarted", "turn": 1, "text": "go"}
    assert events[-1]["event"] == "TurnEnded" and events[-1]["outcome"] == "done"


def test_a_pipe_comes_behind_the_words():
    assert headless.prompt_from("explain", io.StringIO("some text\n")) == "explain\n\nsome text"
    assert headless.prompt_from("", io.StringIO("only this")) == "only this"
