from __future__ import annotations

import threading
import time

import pytest

from tests.agent.setup import agrees, end_of, names, places, told
from tests.fakes import call, say, step, think
from triagent.agent import facts, guards
from triagent.agent.events import (
    ApprovalAsked,
    CallText,
    Decision,
    Ending,
    Notice,
    Outcome,
    Prefilling,
    ToolEnded,
    ToolOutput,
    ToolStarted,
)
from triagent.agent.machine import open_machine
from triagent.chat import StopReason
from triagent.errors import EngineDied


def ended(events):
    return [event for event in events if isinstance(event, ToolEnded)]


def test_a_plain_answer_is_one_step(desk):
    agent = desk.agent(["Hello there."])
    events = list(agent.turn("hi"))
    assert names(events) == ["TurnStarted", "StepStarted", "AnswerText", "StepDone", "TurnEnded"]
    assert end_of(events).outcome is Outcome.DONE
    assert agrees(agent)


def test_a_tool_runs_between_two_steps(desk):
    (desk.work / "a.txt").write_text("port = 8080\n")
    agent = desk.agent([step(think("look"), call("read", path="a.txt")), "It is 8080."])
    events = list(agent.turn("which port?"))
    assert names(events) == [
        "TurnStarted", "StepStarted", "ThinkingText", "CallText", "StepDone", "ToolProposed",
        "ToolStarted", "ToolEnded", "StepStarted", "AnswerText", "StepDone", "TurnEnded",
    ]  # fmt: skip
    assert told(agent) == ["which port?", "port = 8080"]
    end = end_of(events)
    assert (end.n_steps, end.n_tools, end.n_failed) == (2, 1, 0)
    assert agrees(agent)


def test_several_calls_of_one_message_are_answered_together(desk):
    agent = desk.agent([step(call("glob", pattern="*"), call("bash", command="echo hi")), "ok"])
    events = list(agent.turn("look"))
    assert told(agent) == ["look", "[empty folder]", "hi\n[exit 0]"]
    assert [type(e) for e in events if isinstance(e, ToolOutput)] == [ToolOutput]


def test_changed_files_are_counted_by_us(desk):
    agent = desk.agent([step(call("write", path="x/y.txt", content="1\n2\n")), "Done."])
    end = end_of(list(agent.turn("write it")))
    assert end.changed == ("x/y.txt",)
    assert (desk.work / "x/y.txt").read_text() == "1\n2\n"
    assert agent.undo() == ("x/y.txt",)
    assert not (desk.work / "x/y.txt").exists()


def test_an_approval_waits_and_a_denial_is_a_result(desk):
    desk.gate.set_mode("ask")
    agent = desk.agent([step(call("bash", command="echo hi")), "As you like."])
    events = []
    for event in agent.turn("run"):
        events.append(event)
        if isinstance(event, ApprovalAsked):
            assert event.parts == ("echo hi",)
            agent.answer(event.id, Decision.DENY)
    assert told(agent)[1] == "error: denied by the user"
    assert not any(isinstance(event, ToolStarted) for event in events)


def test_always_is_remembered_by_the_gate(desk):
    desk.gate.set_mode("ask")
    agent = desk.agent([call("bash", command="echo 1"), call("bash", command="echo 2"), "ok"])
    asked = 0
    for event in agent.turn("run"):
        if isinstance(event, ApprovalAsked):
            asked += 1
            threading.Timer(0.02, agent.answer, [event.id, Decision.ALWAYS]).start()
    assert asked == 1 and told(agent)[1:] == ["1\n[exit 0]", "2\n[exit 0]"]


def test_a_refused_tool_is_never_run(desk):
    desk.gate.set_mode("read-only")
    agent = desk.agent([call("write", path="a", content="x"), "ok"])
    end = end_of(list(agent.turn("write")))
    assert (end.n_tools, end.n_failed, end.n_denied) == (0, 0, 1)
    assert not (desk.work / "a").exists()
    assert told(agent)[1] == "error: not allowed: this session may only read"


def test_what_is_said_while_busy_comes_with_the_next_step(desk):
    agent = desk.agent([call("glob", pattern="*"), "ok"])
    for event in agent.turn("look"):
        if isinstance(event, ToolStarted):
            agent.steer("and be brief")
    assert told(agent) == ["look", "[empty folder]", "and be brief"]


def test_what_is_said_during_the_answer_gets_another_step(desk):
    agent = desk.agent(["first answer", "second answer"])
    said = False
    for event in agent.turn("look"):
        if names([event]) == ["AnswerText"] and not said:
            agent.steer("really?")
            said = True
    assert told(agent) == ["look", "really?"]
    assert agrees(agent)


# ---------------------------------------------------------------- interruption


def cancel_at(agent, kind, n=1):
    events = []
    for event in agent.turn("x " * 200):
        events.append(event)
        n -= isinstance(event, kind)
        if n == 0 and isinstance(event, kind):
            agent.cancel()
    return events


def test_cancel_while_feeding_takes_the_message_back(desk):
    agent = desk.agent(["first", "later"], chunk=16)
    list(agent.turn("hi"))
    before = agent.session.n_pos
    end = end_of(cancel_at(agent, Prefilling, 2))
    assert end.outcome is Outcome.CANCELLED
    assert agent.session.n_pos == before and agrees(agent)


def test_cancel_while_feeding_closes_the_message_when_it_cannot_be_taken_back(desk):
    agent = desk.agent(["first", "later"], chunk=16, budget=60, interval=4, n_window=8)
    list(agent.turn("hi"))
    before = agent.session.n_pos
    assert end_of(cancel_at(agent, Prefilling, 5)).outcome is Outcome.CANCELLED
    assert agent.session.n_pos > before and agrees(agent)
    assert agent.model.spans[-1].text.endswith("</assistant>\n")
    assert end_of(list(agent.turn("go on"))).outcome is Outcome.DONE


def test_cancel_while_the_session_comes_up_begins_it_again_later(desk):
    agent = desk.agent(["hello", "later"], chunk=8)
    assert end_of(cancel_at(agent, Prefilling, 2)).outcome is Outcome.CANCELLED
    assert agent.session.n_pos == 0
    assert end_of(list(agent.turn("hi"))).outcome is Outcome.DONE
    assert agrees(agent)
    agent.session.ledger.close()
    again = desk.agent(["later"], desk.store.open(agent.session_id), chunk=8)
    assert end_of(cancel_at(again, Prefilling, 3)).outcome is Outcome.CANCELLED
    assert end_of(list(again.turn("more"))).outcome is Outcome.DONE
    assert agrees(again)


def test_an_old_cancel_does_not_stop_the_start(desk):
    agent = desk.agent(["hello"])
    agent.cancel()
    list(agent.start())
    assert agent.session.n_pos > 0 and agrees(agent)


def test_cancel_while_answering_keeps_the_words_and_closes_the_message(desk):
    agent = desk.agent(["one two three four five six", "later"])
    events = []
    for event in agent.turn("hi"):
        events.append(event)
        if names([event]) == ["AnswerText"] and event.text == " three":
            agent.cancel()
    assert end_of(events).outcome is Outcome.CANCELLED
    text = "".join(span.text for span in agent.spans())
    assert "one two three [interrupted]</assistant>" in text
    assert agrees(agent)
    assert end_of(list(agent.turn("again"))).outcome is Outcome.DONE


def test_cancel_inside_a_call_discards_the_call(desk):
    agent = desk.agent([step(say("I look."), call("read", path="a b c d e"))])
    events = cancel_at(agent, CallText, 2)
    assert end_of(events).outcome is Outcome.CANCELLED
    text = "".join(span.text for span in agent.spans())
    assert "I look. [interrupted]</assistant>" in text and '"name"' not in text
    assert not ended(events) and agrees(agent)


def test_cancel_while_a_tool_runs_completes_the_pair(desk):
    agent = desk.agent([step(call("bash", command="sleep 20"), call("glob", pattern="*")), "x"])
    events = []
    for event in agent.turn("run"):
        events.append(event)
        if isinstance(event, ToolStarted):
            agent.cancel()
    assert end_of(events).outcome is Outcome.CANCELLED
    assert [event.text for event in ended(events)] == [
        "[stopped by the user]", "interrupted by user",
    ]  # fmt: skip
    assert told(agent)[1:] == ["[stopped by the user]", "interrupted by user"]
    assert agent.model.spans[-1].text.endswith("</assistant>\n") and agrees(agent)


def test_a_second_cancel_does_not_stop_what_closes_the_turn(desk):
    agent = desk.agent([call("bash", command="sleep 20")], chunk=2)
    events = []
    for event in agent.turn("run"):
        events.append(event)
        if isinstance(event, ToolStarted) or ended(events):
            agent.cancel()
    assert end_of(events).outcome is Outcome.CANCELLED
    assert agent.model.spans[-1].text.endswith("</assistant>\n") and agrees(agent)


def test_what_was_said_between_is_not_told_as_a_result(desk):
    (desk.work / "a.txt").write_text("word " * 99)
    agent = desk.agent([call("read", path="a.txt"), "later"], chunk=8)
    events, fed = [], 0
    for event in agent.turn("read"):
        events.append(event)
        if isinstance(event, ToolStarted):
            agent.steer("and hurry")
        fed += isinstance(event, Prefilling) and bool(ended(events))
        if fed == 2:
            agent.cancel()
    assert end_of(events).outcome is Outcome.CANCELLED and agrees(agent)
    assert "".join(x.text for x in agent.spans()).count("interrupted by user") == 1


def test_cancel_while_asked_is_a_denial(desk):
    desk.gate.set_mode("ask")
    agent = desk.agent([call("bash", command="echo hi"), "x"])
    events = []
    for event in agent.turn("run"):
        events.append(event)
        if isinstance(event, ApprovalAsked):
            threading.Timer(0.02, agent.cancel).start()
    assert end_of(events).outcome is Outcome.CANCELLED
    assert ended(events)[0].text == "error: denied by the user"


def test_cancel_at_any_event_leaves_ledger_and_cache_equal(desk):
    script = [step(think("a b"), say("c d"), call("glob", pattern="*")), "e f g"]
    n_events = len(list(desk.agent(script).turn("hi")))
    for n in range(n_events):
        agent = desk.agent([*script, "after", "after"], budget=80, interval=8, n_window=20)
        events = []
        for i, event in enumerate(agent.turn("hi")):
            events.append(event)
            if i == n:
                agent.cancel()
        end_of(events)
        assert agrees(agent) or not agent.session.n_pos, n
        agent.model.script = ["after"]
        agent.model._next = 0
        assert end_of(list(agent.turn("go on"))).outcome is Outcome.DONE, n
        assert agrees(agent), n


def test_a_reader_that_leaves_is_a_closed_turn(desk):
    agent = desk.agent(["one two three", "later"])
    turn = agent.turn("hi")
    for event in turn:
        if names([event]) == ["AnswerText"]:
            break
    turn.close()
    assert not agent.session.ledger.state.turn_open
    assert end_of(list(agent.turn("again"))).outcome is Outcome.DONE
    assert agrees(agent)


def test_a_dead_engine_is_a_failed_turn(desk):
    agent = desk.agent([EngineDied("the engine's process ended")])
    end = end_of(list(agent.turn("hi")))
    assert end.outcome is Outcome.FAILED and "ended" in end.why


# ---------------------------------------------------------------- guards


def test_a_repeated_call_is_warned_of_at_three_and_stopped_at_five(desk):
    agent = desk.agent([call("glob", pattern="*")] * 9)
    end = end_of(list(agent.turn("look")))
    assert end.outcome is Outcome.STOPPED and "5 times" in end.why
    results = told(agent)[1:]
    assert ["warning" in text for text in results] == [False, False, True, True, True]
    assert agrees(agent)


@pytest.mark.parametrize(
    ("calls", "n_warned", "stops"),
    [
        ("AAAAA", 3, True),
        ("A.A.A.A.A", 3, True),
        ("AAAA.....A", 3, True),  # five in ten
        ("AAAA......A", 3, False),  # five in eleven: the first is forgotten
        ("A..A..A..A..A..A..A", 5, False),
        ("A....A....A....A....A", 0, False),
    ],
)
def test_equal_calls_are_counted_among_the_last_ten(desk, calls, n_warned, stops):
    script = [
        call("glob", pattern="*") if letter == "A" else call("bash", command=f"echo {i}")
        for i, letter in enumerate(calls)
    ]
    agent = desk.agent(script if stops else [*script, "That is all."])
    events = list(agent.turn("look"))
    end = end_of(events)
    assert end.outcome is (Outcome.STOPPED if stops else Outcome.DONE)
    assert end.n_tools == len(calls) and agrees(agent)
    assert sum("the same call gave" in text for text in told(agent)) == n_warned


def test_calls_behind_the_one_that_stopped_the_turn_are_not_run(desk):
    twice = step(*[call("glob", pattern="*")] * 5, call("write", path="a", content="x"))
    agent = desk.agent([twice])
    end = end_of(list(agent.turn("look")))
    assert end.outcome is Outcome.STOPPED
    assert told(agent)[-1].startswith("not run: the same call") and agrees(agent)
    assert facts.line(end).startswith("5 tools ran, 1 not run · 0 files changed")
    assert not (desk.work / "a").exists()


def test_equal_calls_with_other_results_are_no_repetition(desk):
    count = "echo x >> n; wc -l < n"
    agent = desk.agent([*[call("bash", command=count)] * 6, "six"])
    assert end_of(list(agent.turn("count"))).outcome is Outcome.DONE


def test_a_malformed_call_is_explained_and_may_be_repaired_twice(desk):
    agent = desk.agent([call("reed", path="a"), call("read", pth="a"), "sorry"])
    end = end_of(list(agent.turn("read")))
    assert end.outcome is Outcome.DONE
    assert told(agent)[1:] == [
        'error: no tool "reed"; nearest: read', "error: read needs path",
    ]  # fmt: skip


def test_three_malformed_calls_in_a_row_stop_the_turn(desk):
    broken = [call("read", error=f"bad JSON {n}") for n in range(5)]
    agent = desk.agent(broken)
    end = end_of(list(agent.turn("read")))
    assert end.outcome is Outcome.STOPPED and end.n_tools == 3
    assert agrees(agent)


def test_a_good_call_between_resets_the_count_of_repairs(desk):
    bad, good = call("read", error="bad"), call("glob", pattern="*")
    agent = desk.agent([bad, bad, good, bad, bad, "ok"])
    assert end_of(list(agent.turn("read"))).outcome is Outcome.DONE


def test_an_announcement_gets_one_nudge(desk):
    agent = desk.agent(["I will read the file now.", "Let me check it."])
    end = end_of(list(agent.turn("look")))
    assert told(agent) == ["look", guards.NUDGE_ACT]
    assert end.outcome is Outcome.DONE and end.n_steps == 2


def test_an_empty_reply_gets_one_retry(desk):
    agent = desk.agent(["", ""])
    end = end_of(list(agent.turn("look")))
    assert told(agent) == ["look", guards.NUDGE_EMPTY]
    assert end.outcome is Outcome.STOPPED and "empty" in end.why


def test_token_loops_get_one_retry_with_another_sampler(desk):
    loop = step("na na na na", reason=StopReason.REPETITION)
    agent = desk.agent([loop, "fine"])
    end = end_of(list(agent.turn("sing")))
    limits = [request[1] for request in agent.model.requests if request[0] == "generate"]
    assert end.outcome is Outcome.DONE and limits[1].temperature > limits[0].temperature
    assert "na na" not in "".join(span.text for span in agent.spans())
    again = desk.agent([loop, loop])
    assert end_of(list(again.turn("sing"))).outcome is Outcome.STOPPED
    assert agrees(agent) and agrees(again)


def test_a_call_that_the_parser_passed_over_is_told_and_gets_a_nudge(desk):
    agent = desk.agent([step("Hm.", notes=("a call inside thinking was not run",)), "It is 3."])
    events = list(agent.turn("go"))
    assert any(isinstance(e, Notice) and "inside thinking" in e.text for e in events)
    assert told(agent) == ["go", guards.NUDGE_CALL] and end_of(events).n_steps == 2


def test_a_message_cut_by_its_limit_is_closed(desk):
    agent = desk.agent([step("a b c", reason=StopReason.LENGTH), "more"])
    end = end_of(list(agent.turn("go")))
    assert end.outcome is Outcome.STOPPED and "tokens" in end.why
    assert agent.model.spans[-1].text.endswith("</assistant>\n") and agrees(agent)


def test_no_room_says_what_to_do(desk):
    agent = desk.agent([step("a", reason=StopReason.NO_ROOM)])
    assert "budget" in end_of(list(agent.turn("go"))).why


def test_the_step_limit_stops_with_complete_pairs(desk):
    agent = desk.agent(
        [call("bash", command=f"echo {n}") for n in range(9)], config={"max_steps": 3}
    )
    end = end_of(list(agent.turn("go")))
    assert end.outcome is Outcome.STOPPED and end.n_steps == 3
    assert len(told(agent)) == 4 and agrees(agent)
    assert agent.model.spans[-1].text.endswith("</assistant>\n")


def test_the_clock_stops_a_turn(desk):
    agent = desk.agent(["word " * 50], config={"max_seconds": 0})
    end = end_of(list(agent.turn("go")))
    assert end.outcome is Outcome.STOPPED and "0 s" in end.why


@pytest.mark.parametrize("real", [True, False])
def test_the_clock_stops_a_command_that_runs(desk, tmp_path, real):
    script = [step(call("bash", command="echo begun; sleep 60"), call("glob", pattern="*")), "x"]
    machine = open_machine(desk.work, places(tmp_path), "auto", tmp_path / "copies")
    agent = desk.agent(script, machine=machine if real else None, config={"max_seconds": 1})
    began = time.monotonic()
    events = list(agent.turn("run"))
    assert time.monotonic() - began < 8
    end = end_of(events)
    assert end.outcome is Outcome.STOPPED and end.why == "1 s are over"
    cut, skipped = ended(events)
    assert cut.text.splitlines()[0] == "begun"
    assert cut.text.endswith("\n[stopped after 1 s: the time of this turn is over]")
    assert (cut.ending, skipped.ending) == (Ending.STOPPED, Ending.STOPPED)
    assert skipped.text == "not run: the time of this turn is over"
    assert told(agent)[1:] == [cut.text, skipped.text]
    assert agent.model.spans[-1].text.endswith("</assistant>\n") and agrees(agent)


def test_a_claim_without_a_deed_is_told(desk):
    agent = desk.agent(["I have created the file."])
    events = list(agent.turn("create it"))
    assert end_of(events).unproved
    assert any(isinstance(event, Notice) and "no tool" in event.text for event in events)


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("I'll read the config first.", True),
        ("Let me look at the tests:", True),
        ("The port is 8080.", False),
        ("Shall I read the config?", False),
        ("I will read it.\n\nThe port is 8080.", False),
    ],
)
def test_announcements_are_told_from_answers(text, does):
    assert guards.announces(text) is does


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("I've updated `a.py`.", True),
        ("The file has been created.", True),
        ("Created notes.txt with 3 lines.", True),
        ("The file was last saved by Ann.", False),
        ("You could create one.", False),
    ],
)
def test_claims_are_told_from_reports(text, does):
    assert guards.claims_change(text) is does


def test_text_that_looks_like_a_call_is_not_run(desk):
    agent = desk.agent(['{"name": "bash", "arguments": {"command": "rm -rf ."}}', "Never mind."])
    events = list(agent.turn("go"))
    assert told(agent) == ["go", guards.NUDGE_CALL]
    assert any(isinstance(event, Notice) and "tool call" in event.text for event in events)
    assert end_of(events).n_tools == 0
