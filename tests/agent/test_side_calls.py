"""Nothing but the conversation itself ever reaches the session's sequence.

Titles, searches, offers, audits, exports and counts are made beside it: not one token is fed or
sampled for them.
"""

from __future__ import annotations

from tests.agent.setup import agrees, told
from tests.fakes import call, step, think
from triagent.agent.events import Recalled, RoundDone, StepStarted, ToolEnded
from triagent.agent.recall import RECALLED_HEAD

SMALL = {"budget": 300, "interval": 8, "n_window": 24}
FILLER = "word " * 90
FACT = "The staging server listens on port 7341."


def use_everything_beside(agent, folder):
    """Every feature that is no turn."""
    agent.rename("another title")
    agent.past(), agent.spans(), agent.turn_starts(), agent.status(), agent.holding()
    list(agent.audit())
    agent.export(folder / "x.md"), agent.export(folder / "x.jsonl")
    agent.session.search("staging port")
    agent.model.count("some words")
    agent.set_mode("auto"), agent.undo()
    assert agent.title == "another title"


def feeds(agent):
    """Requests that put tokens into the cache or take them out."""
    quiet = ("bind_tools", "load")
    return [request[0] for request in agent.model.requests if request[0] not in quiet]


def test_all_features_together_feed_only_what_was_said_and_found(desk, monkeypatch):
    monkeypatch.setattr("triagent.agent.conversation.AUTOSAVE_AFTER", 50)
    (desk.work / "a.txt").write_text("alpha\n")
    script = [
        "Noted.",
        step(think("look"), call("read", path="a.txt"), call("note", text="a is alpha")),
        "It is alpha.",
        *["ok"] * 5,
        call("recall", query="staging port"),
        "It is 7341.",
        "I will read the file.",  # an announcement: one nudge
        "ok",
    ]
    agent = desk.agent(script, **SMALL)
    asked = [FACT, "Look at a.txt", *[FILLER] * 5, "Which port does the staging server use?", "Go"]
    events, expected = [], ["open"]
    for text in asked:
        events += agent.turn(text)
        before = [id for span in agent.spans() for id in span.ids]
        use_everything_beside(agent, desk.root)
        assert [id for span in agent.spans() for id in span.ids] == before and agrees(agent)
    assert any(isinstance(event, RoundDone) for event in events)
    assert any(isinstance(event, Recalled) for event in events)
    assert list(agent.session.snapshots())
    for _ in (event for event in events if isinstance(event, StepStarted)):
        expected += ["append", "generate"]
    assert feeds(agent) == expected
    results = [event.text for event in events if isinstance(event, ToolEnded)]
    said = [text.split(RECALLED_HEAD)[0] for text in told(agent)]
    rest = [text for text in said if text not in asked and text not in results]
    assert len(rest) == 1 and rest[0].startswith("[triagent]")  # the nudge, which the user saw
    assert len(said) == len(asked) + len(results) + 1


def test_resuming_and_opening_feed_the_past_once(desk):
    agent = desk.agent(["Noted.", "ok"], **SMALL)
    list(agent.turn(FACT))
    id = agent.session_id
    agent.close()
    for path in agent.session.folder.glob("kv/*"):
        path.unlink()
    again = desk.agent(["ok"], desk.store.open(id), **SMALL)
    use_everything_beside(again, desk.root)
    assert feeds(again) == []
    list(again.start())
    use_everything_beside(again, desk.root)
    assert feeds(again) == ["replay"] and agrees(again)
