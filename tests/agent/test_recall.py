from __future__ import annotations

import time
from itertools import pairwise

from tests.agent.setup import agrees, end_of, names, told
from tests.fakes import call, step
from triagent.agent.events import Notice, Outcome, Recalled, ToolEnded

SMALL = {"budget": 150, "interval": 8, "n_window": 24}
FILLER = "word " * 60


def long_session(desk, script, **config):
    """A fact in turn 1, then talk until the fact is evicted."""
    agent = desk.agent(["Noted.", *["ok"] * 4, *script], config=config, **SMALL)
    list(agent.turn("The staging server listens on port 7341."))
    for _ in range(4):
        list(agent.turn(FILLER))
    assert agent.status().n_rounds >= 3
    return agent


def test_recall_gives_back_the_exact_words_with_their_turn(desk):
    agent = long_session(desk, [call("recall", query="staging port"), "It is 7341."])
    events = list(agent.turn("Tell me."))
    result = next(event for event in events if isinstance(event, ToolEnded))
    assert result.text == "[turn 1, user] The staging server listens on port 7341."
    assert told(agent)[-1] == result.text and agrees(agent)


def test_a_question_that_touches_evicted_words_gets_them_unasked(desk):
    agent = long_session(desk, ["It is 7341."])
    events = list(agent.turn("Which port does the staging server listen on?"))
    assert names(events)[:3] == ["TurnStarted", "Recalled", "StepStarted"]
    assert told(agent)[-1] == (
        "Which port does the staging server listen on?\n\n[recalled]\n"
        "[turn 1, user] The staging server listens on port 7341."
    )


def test_nothing_is_offered_while_everything_is_held(desk):
    agent = desk.agent(["Noted.", "It is 7341."])
    list(agent.turn("The staging server listens on port 7341."))
    assert not any(isinstance(event, Recalled) for event in agent.turn("Which staging port?"))


def test_offering_can_be_turned_off(desk):
    agent = long_session(desk, ["It is 7341."], auto_recall=False)
    assert "Recalled" not in names(list(agent.turn("Which port does the staging server have?")))


def test_an_unrelated_question_gets_no_words(desk):
    agent = long_session(desk, ["Paris."])
    list(agent.turn("What is the capital of France?"))
    assert told(agent)[-1] == "What is the capital of France?"


def test_the_same_request_from_before_is_no_answer(desk):
    agent = long_session(desk, ["It is 7341.", *["ok"] * 4, "It is 7341."])
    list(agent.turn("Which port does the staging server listen on?"))
    for _ in range(4):
        list(agent.turn(FILLER))
    list(agent.turn("Which port does the staging server listen on?"))
    offered = told(agent)[-1].split("[recalled]")[1]
    assert "Which port" not in offered and "listens on port 7341." in offered


def test_offered_words_are_not_found_again_as_if_the_user_had_said_them(desk):
    agent = long_session(desk, ["It is 7341.", call("recall", query="port 7341"), "ok"])
    list(agent.turn("Which port does the staging server listen on?"))
    events = list(agent.turn("Tell me again."))
    text = next(event.text for event in events if isinstance(event, ToolEnded))
    assert text.count("The staging server listens on port 7341.") == 1


def test_the_user_can_put_words_in_front_of_the_model(desk):
    agent = desk.agent(["Noted.", "ok"])
    list(agent.turn("The staging server listens on port 7341."))
    (event,) = agent.recall("staging")
    assert isinstance(event, Recalled) and "7341" in event.text
    list(agent.turn("Use it."))
    assert told(agent)[-1].startswith("Use it.\n\n[recalled]\n[turn 1, user] The staging")


def test_recall_works_after_a_resume(desk):
    agent = long_session(desk, [])
    id = agent.session_id
    agent.close()
    again = desk.agent([call("recall", query="staging"), "ok"], desk.store.open(id), **SMALL)
    events = list(again.turn("Tell me."))
    text = next(event.text for event in events if isinstance(event, ToolEnded))
    assert "port 7341" in text and agrees(again)


def test_the_audit_says_what_went_when_and_why(desk):
    before = time.time()
    agent = long_session(desk, [])
    rounds = list(agent.audit())
    assert all(before - 1 <= item.time <= time.time() + 1 for item in rounds)
    assert all(a.time <= b.time and a.turn <= b.turn for a, b in pairwise(rounds))
    starts = agent.turn_starts()
    for item in rounds:  # a round runs in the turn whose tokens were fed last
        assert starts[item.turn] < item.now <= starts.get(item.turn + 1, agent.session.n_pos)
    assert len(rounds) == agent.status().n_rounds
    gone = [item for item in rounds if any("7341" in passage.text for passage in item.lost)]
    assert gone and gone[0].reason == "budget" and gone[0].score_max == 1.0
    assert gone[0].policy == "streaming"


def test_the_audit_counts_turns_from_a_rewind_on(desk):
    agent = long_session(desk, ["ok"] * 9)
    n_before = len(list(agent.audit()))
    agent.rewind(5)
    n_read_again = len(list(agent.audit())) - n_before
    assert n_read_again > 0
    list(agent.turn(FILLER))
    rounds = [item.turn for item in agent.audit()][n_before:]
    assert {*rounds[:n_read_again]} == {4} and {*rounds[n_read_again:]} == {5}


def test_a_place_is_recalled_by_its_own_words(desk):
    agent = long_session(desk, ["ok"])
    starts = agent.turn_starts()
    (event,) = agent.recall_at(starts[1], starts[2])
    assert isinstance(event, Recalled)
    assert event.text.splitlines()[1:] == [
        "[turn 1, user] The staging server listens on port 7341.",
        "[turn 1, you] Noted.",
    ]
    (event,) = agent.recall_at(0, starts[1])
    assert isinstance(event, Notice) and "only what was said" in event.text


def test_a_forgotten_turn_is_evicted_and_can_be_recalled(desk):
    agent = desk.agent(["Noted.", call("recall", query="secret"), "ok"])
    list(agent.turn("The secret word is plum."))
    item = agent.forget(agent.turn_starts()[1], agent.session.n_pos)
    assert item.n_evicted > 5
    assert max(agent.holding().share[slice(*item.lost[0])]) == 0
    events = list(agent.turn("Tell me."))
    assert any("plum" in e.text for e in events if isinstance(e, ToolEnded))
    assert next(agent.audit()).reason == "forget"


def test_pinned_words_survive_and_stay_pinned_after_a_resume(desk):
    agent = desk.agent(["Noted.", *["ok"] * 5], **SMALL)
    list(agent.turn("The staging server listens on port 7341."))
    start = agent.turn_starts()[1]
    agent.pin(start, start + 9)
    for _ in range(5):
        list(agent.turn(FILLER))
    assert min(agent.holding().share[start : start + 9]) == 1.0
    id = agent.session_id
    agent.close()
    again = desk.agent(["ok"], desk.store.open(id), **SMALL)
    list(again.start())
    assert again.holding().pinned[start]


def test_rewinding_a_turn_takes_back_its_files_and_its_words(desk):
    (desk.work / "a.txt").write_text("old\n")
    agent = desk.agent(
        ["Noted.", step(call("write", path="a.txt", content="new\n")), "Written.", "again"],
        chunk=8,
    )
    list(agent.turn("Remember plums."))
    list(agent.turn("Write cherries."))
    assert agent.rewind(2) == ("a.txt",)
    assert (desk.work / "a.txt").read_text() == "old\n"
    assert agrees(agent) and "cherries" not in "".join(span.text for span in agent.spans())
    assert [type(event).__name__ for event in agent.past()][-1] == "TurnEnded"
    assert agent.session.search("cherries") == []
    assert end_of(list(agent.turn("Now pears."))).turn == 2
    assert list(agent.turn_starts()) == [1, 2]


def test_rewinding_past_evictions_reads_the_session_again(desk):
    agent = long_session(desk, ["later"])
    list(agent.turn("Write cherries."))
    agent.rewind(3)
    assert agrees(agent) and agent.session.turn == 2
    assert any(request[0] == "replay" for request in agent.model.requests)
    agent.model.script.append("fine")
    assert end_of(list(agent.turn("Go on."))).outcome is Outcome.DONE
