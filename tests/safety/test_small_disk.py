"""A disk that is truly full: a small one of our own holds the data folder, the workspace, or both.

When there is room again the session goes on, with every word that was told to be kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import call, step
from tests.safety import namespaces
from tests.safety.desk import RealDesk, ids, model_ids
from triagent.agent.events import Outcome, StepDone, ToolEnded, TurnEnded
from triagent.errors import TriagentError

ROOM = 64 * 2**20


@pytest.fixture(autouse=True)
def mounts(absent):
    if why := namespaces.possible():
        absent("userns", why)


def fill(desk: RealDesk, agent) -> tuple[list[Outcome], int]:
    """Talk until the disk is full; how the turns ended, and the tokens that were told of."""
    outcomes, n_kept = [], 0
    for n in range(200):
        try:
            for event in agent.turn(f"{n} " + "please " * 400):
                if isinstance(event, (StepDone, TurnEnded)):
                    n_kept = agent.session.n_pos
        except TriagentError:
            outcomes.append(Outcome.FAILED)
            break
        outcomes.append(event.outcome)
        if event.outcome is Outcome.FAILED:
            assert "full" in event.why or "No space left" in event.why, event.why
            break
    return outcomes, n_kept


def go_on(root: Path, agent, n_kept: int) -> None:
    """Open the session again, as the next start does."""
    again = RealDesk(root)
    second = again.agent(["here I am"], again.store.open(agent.session_id))
    assert second.session.n_pos >= n_kept
    assert list(second.turn("still there?"))[-1].outcome is Outcome.DONE
    assert ids(second) == model_ids(second)
    said = [x.data["text"] for x in second.session.events() if x.data["name"] == "turn_started"]
    assert said[0].startswith("0 please") and said[-1] == "still there?"
    again.close()


@pytest.mark.parametrize("size", [128 * 2**10, 300 * 2**10])
def test_a_data_folder_on_a_full_disk_ends_a_turn_and_loses_no_word(
    tmp_path, size, record_property
):
    record_property("disk full: a small disk of its own", 1)
    data = tmp_path / "data"
    data.mkdir()

    def work() -> None:
        desk = RealDesk(tmp_path)
        agent = desk.agent(["word " * 300] * 300)
        outcomes, n_kept = fill(desk, agent)
        assert outcomes[-1] is Outcome.FAILED and outcomes[0] is Outcome.DONE, outcomes
        namespaces.small(data, ROOM, again=True)
        assert list(agent.turn("and now?"))[-1].outcome is Outcome.DONE  # the same program goes on
        agent.session.ledger.verify()
        assert ids(agent) == model_ids(agent)
        agent.session.close()
        agent.machine.close()
        go_on(tmp_path, agent, n_kept)

    assert namespaces.inside(lambda: namespaces.small(data, size), work) == 0


def test_a_copy_that_finds_no_room_stops_the_write_that_it_was_for(tmp_path, record_property):
    record_property("disk full: a small disk of its own", 1)
    data, work_folder = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work_folder.mkdir()
    text = "the first line\n" + "".join(f"another line, {n}\n" for n in range(30_000))
    (work_folder / "large.txt").write_text(text)
    change = call("edit", path="large.txt", old="the first line\n", new="another\n")

    def work() -> None:
        desk = RealDesk(tmp_path)
        events = list(desk.agent([step(change), "I could not"]).turn("change it"))
        [ended] = [event for event in events if isinstance(event, ToolEnded)]
        assert not ended.ok and "No space left" in ended.text and "undo" in ended.text
        assert (work_folder / "large.txt").read_text() == text
        namespaces.small(data, ROOM, again=True)
        desk.close()

    assert namespaces.inside(lambda: namespaces.small(data, 500 * 2**10), work) == 0


def test_a_workspace_on_a_full_disk_keeps_its_files_and_tells_the_model(tmp_path, record_property):
    record_property("disk full: a small disk of its own", 1)
    place = tmp_path / "work"
    place.mkdir()

    def work() -> None:
        desk = RealDesk(tmp_path)
        (place / "a.txt").write_text("mine")
        fills = "head -c 200000 /dev/zero > b.bin; echo $?"
        script = [step(call("write", path="a.txt", content="x" * 200_000)),
                  step(call("bash", command=fills)), "so be it"]
        events = list(desk.agent(script).turn("write much"))
        wrote, ran = (event for event in events if isinstance(event, ToolEnded))
        assert not wrote.ok and "the disk is full; a.txt was not changed" in wrote.text
        assert (place / "a.txt").read_text() == "mine"
        assert "No space left" in ran.text and events[-1].outcome is Outcome.DONE
        assert not [name for name in place.iterdir() if name.suffix == ".tmp"]
        desk.close()

    assert namespaces.inside(lambda: namespaces.small(place, 64 * 2**10), work) == 0
