from __future__ import annotations

import errno
import os
from itertools import pairwise

import pytest

from tests.agent.setup import agrees, end_of, names, told
from tests.fakes import call, step
from triagent.agent.events import Notice, Outcome, ToolStarted
from triagent.errors import EngineDied, SessionError


def crashed(desk, agent, text, at):
    """Run a turn up to an event and leave as a killed process would: nothing is closed."""
    turn = agent.turn(text)
    for event in turn:
        if at(event):
            break
    # What a kill leaves: the log as it is on disk, the lock released by the system.
    data = agent.session.ledger.path.read_bytes()
    turn.close()
    agent.session.ledger.close()
    agent.session.ledger.path.write_bytes(data)
    return desk.store.open(agent.session_id)


def test_a_resumed_session_continues_token_for_token(desk):
    whole = desk.agent(["one", "two", "three"])
    for text in "abc":
        list(whole.turn(text))
    first = desk.agent(["one", "two"])
    for text in "ab":
        list(first.turn(text))
    first.close()
    second = desk.agent(["three"], desk.store.open(first.session_id))
    list(second.turn("c"))
    assert [x.ids for x in second.model.spans] == [x.ids for x in whole.model.spans]
    assert agrees(second)


def test_a_snapshot_saves_the_replay_of_what_it_holds(desk):
    first = desk.agent(["one"])
    list(first.turn("word " * 300))
    first.close()
    second = desk.agent(["two", "three"], desk.store.open(first.session_id))
    list(second.turn("next"))
    kinds = [request[0] for request in second.model.requests]
    assert "load" in kinds and "replay" not in kinds and agrees(second)
    # A crash now: the snapshot, then only what came after it.
    second.session.ledger.close()
    third = desk.agent(["three"], desk.store.open(first.session_id))
    list(third.turn("more"))
    replayed = [request[1] for request in third.model.requests if request[0] == "replay"]
    assert len(replayed) == 1 and replayed[0][0].pos > 300 and agrees(third)


def test_snapshots_are_left_between_turns_but_seldom(desk, monkeypatch):
    monkeypatch.setattr("triagent.agent.conversation.AUTOSAVE_AFTER", 150)
    agent = desk.agent(["ok"] * 9, budget=2000)
    marks = []
    for n in range(9):
        list(agent.turn(f"question {n} " + "word " * 40))
        marks += [x.pos for x in agent.session.snapshots() if x.pos not in marks]
    assert 2 <= len(marks) <= 3 and all(b - a >= 150 for a, b in pairwise(marks))
    assert len(list(agent.session.folder.glob("kv/*.state"))) <= 2
    agent.session.ledger.close()  # a crash
    again = desk.agent(["ok"], desk.store.open(agent.session_id), budget=2000)
    list(again.turn("go on"))
    kinds = [request[0] for request in again.model.requests]
    assert kinds.index("load") < kinds.index("replay") and agrees(again)


def test_a_snapshot_that_does_not_fit_costs_a_replay_and_a_notice(desk):
    first = desk.agent(["one"])
    list(first.turn("word " * 300))
    first.close()
    next(first.session.folder.glob("kv/*.state")).write_text("{}")
    second = desk.agent(["two"], desk.store.open(first.session_id))
    next(second.session.snapshots()).path.write_text("broken")
    events = list(second.turn("next"))
    assert any(isinstance(e, Notice) and "read again" in e.text for e in events)
    assert agrees(second)


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_snapshot_that_did_not_serve_is_replaced_when_the_session_is_left(desk, how):
    first = desk.agent(["one"])
    list(first.turn("word " * 300))
    first.close()
    [state] = first.session.folder.glob("kv/*.state")
    state.write_text("broken") if how == "damaged" else state.unlink()
    second = desk.agent([], desk.store.open(first.session_id))
    list(second.start())
    assert [request[0] for request in second.model.requests].count("replay") == 1
    second.close()  # nothing was said
    third = desk.agent(["two"], desk.store.open(first.session_id))
    list(third.turn("next"))
    kinds = [request[0] for request in third.model.requests]
    assert "load" in kinds and "replay" not in kinds and agrees(third)


def test_a_snapshot_that_served_is_not_written_again(desk):
    first = desk.agent(["one"])
    list(first.turn("word " * 300))
    first.close()
    second = desk.agent([], desk.store.open(first.session_id))
    list(second.start())
    second.close()
    assert "save" not in [request[0] for request in second.model.requests]


def test_another_model_is_refused_by_name(desk):
    first = desk.agent(["one"])
    list(first.turn("hi"))
    first.close()
    second = desk.agent(["two"], desk.store.open(first.session_id))
    object.__setattr__(second.model.info, "fingerprint", "other")
    end = end_of(list(second.turn("next")))
    assert end.outcome is Outcome.FAILED and "another model (scripted)" in end.why


def test_a_tool_that_a_crash_interrupted_is_not_run_again(desk):
    agent = desk.agent([step(call("bash", command="echo x >> ran; sleep 1"))])
    session = crashed(desk, agent, "go", lambda event: isinstance(event, ToolStarted))
    again = desk.agent(["fine"], session)
    events = list(again.turn("go on"))
    assert any(isinstance(e, Notice) and "not run again: bash" in e.text for e in events)
    assert told(again)[0].startswith("error: interrupted: the program ended")
    assert again.machine.sandbox.commands == []
    assert end_of(events).outcome is Outcome.DONE and agrees(again)


@pytest.mark.parametrize(
    "kind", ["StepStarted", "AnswerText", "StepDone", "ToolProposed", "ToolEnded"]
)
def test_a_crash_at_any_point_leaves_a_session_that_goes_on(desk, kind):
    agent = desk.agent([step("I look.", call("glob", pattern="*")), "done"])
    session = crashed(desk, agent, "go", lambda event: names([event]) == [kind])
    again = desk.agent(["fine"], session)
    events = list(again.turn("go on"))
    assert end_of(events).outcome is Outcome.DONE and agrees(again)
    text = "".join(span.text for span in again.spans())
    assert text.count("<assistant>") == text.count("</assistant>"), text


def test_a_crash_before_the_first_token_begins_anew(desk):
    agent = desk.agent(["x"])
    session = crashed(desk, agent, "go", lambda event: names([event]) == ["TurnStarted"])
    again = desk.agent(["fine"], session)
    assert end_of(list(again.turn("go on"))).turn == 1


def test_an_engine_that_died_is_started_again_and_the_session_goes_on(desk):
    agent = desk.agent(["one", EngineDied("the engine's process ended"), "three"])
    list(agent.turn("a"))
    assert end_of(list(agent.turn("b"))).outcome is Outcome.FAILED
    events = list(agent.turn("c"))
    assert any(isinstance(e, Notice) and "started again" in e.text for e in events)
    assert end_of(events).outcome is Outcome.DONE and agrees(agent)
    text = "".join(span.text for span in agent.spans())
    assert text.count("<assistant>") == text.count("</assistant>"), text


def test_a_session_open_elsewhere_cannot_be_continued(desk):
    agent = desk.agent(["one"])
    list(agent.turn("hi"))
    other = desk.agent(["two"], desk.store.open(agent.session_id))
    assert other.session.ledger.read_only
    end = end_of(list(other.turn("next")))
    assert end.outcome is Outcome.FAILED and "another process" in end.why


def test_a_full_disk_stops_the_turn_before_the_tool_runs(desk, monkeypatch):
    agent = desk.agent([call("bash", command="touch ran"), "ok"])
    list(agent.start())
    real = agent.session.ledger.append

    def full(kind, data, sync=True):
        if data.get("name") == "tool_proposed":
            raise SessionError("cannot write: No space left on device; free space")
        return real(kind, data, sync)

    monkeypatch.setattr(agent.session.ledger, "append", full)
    assert "space" in end_of(list(agent.turn("go"))).why
    assert agent.machine.sandbox.commands == []


def test_a_write_that_fails_is_a_failed_turn_and_the_next_one_is_whole(desk, monkeypatch):
    agent = desk.agent(["one two three", "again"])
    list(agent.start())
    real = agent.session.ledger.append

    def full(kind, data, sync=True):
        if kind == "tokens" and data["sampled"]:
            raise SessionError("cannot write: No space left on device; free space")
        return real(kind, data, sync)

    monkeypatch.setattr(agent.session.ledger, "append", full)
    assert "space" in end_of(list(agent.turn("hi"))).why
    monkeypatch.undo()
    assert not agrees(agent)
    assert end_of(list(agent.turn("again"))).outcome is Outcome.DONE
    assert agrees(agent)


def test_after_a_full_disk_the_next_turn_says_that_it_was_full(desk, monkeypatch):
    agent = desk.agent([call("bash", command="touch ran"), "ok", "fine"])
    list(agent.start())
    started = agent.turn("go")
    for event in started:
        if isinstance(event, ToolStarted):
            break

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    end = end_of(list(started))
    assert end.outcome is Outcome.FAILED and "disk is full" in end.why and "free" in end.why
    monkeypatch.undo()
    events = list(agent.turn("again"))
    [notice] = [e.text for e in events if isinstance(e, Notice)]
    assert notice == "turn 1 was interrupted: the disk was full; not run again: bash"
    assert any(x.startswith("error: interrupted: the disk was full") for x in told(agent))
    assert end_of(events).outcome is Outcome.DONE and agrees(agent)


def test_a_long_run_of_turns_keeps_memory_descriptors_and_time_flat(desk):
    import os
    import time

    import psutil

    agent = desk.agent(["ok"] * 150, budget=400, interval=32, n_window=32)
    me, marks = psutil.Process(), []
    for n in range(150):
        began = time.perf_counter()
        list(agent.turn(f"question {n} " + "word " * 20))
        marks.append(time.perf_counter() - began)
        if n == 50:
            n_files, n_bytes = len(os.listdir("/proc/self/fd")), me.memory_info().rss
    assert len(os.listdir("/proc/self/fd")) <= n_files
    assert me.memory_info().rss - n_bytes < 20 << 20
    assert sorted(marks[-100:])[50] < 3 * sorted(marks[:100])[50]


def test_a_session_in_which_nothing_was_said_leaves_nothing(desk):
    agent = desk.agent(["hi"])
    list(agent.start())
    folder = agent.session.folder
    assert folder.is_dir()
    agent.close()
    agent.close()
    assert not folder.exists() and desk.store.list() == []


def test_a_renamed_session_is_kept_though_nothing_was_said(desk):
    agent = desk.agent(["hi"])
    agent.rename("for tomorrow")
    agent.close()
    assert [item.title for item in desk.store.list()] == ["for tomorrow"]
