"""What is on the disk when: every fsync is counted, and only what it covered counts as kept."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.fakes import call, step, think
from triagent.agent.events import StepStarted, ToolEnded, ToolStarted, TurnEnded
from triagent.session.ledger import Ledger

SYNCED_A_TURN = 2  # turn_started, turn_ended
SYNCED_A_CALL = 2  # tool_proposed, tool_ended


class Disk:
    """How many bytes of the log would survive if power failed now."""

    def __init__(self, path) -> None:
        self.path, self.n_kept, self.n_syncs = path, path.stat().st_size, 0

    def sync(self, handle, really=os.fsync) -> None:
        really(handle)
        if os.fstat(handle).st_ino == self.path.stat().st_ino:
            self.n_kept, self.n_syncs = os.fstat(handle).st_size, self.n_syncs + 1

    def kept(self, folder):
        """Records of the log as it would be after power failed."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "log.jsonl").write_bytes(self.path.read_bytes()[: self.n_kept])
        ledger = Ledger(folder)
        records = list(ledger.records())
        ledger.close()
        return records


@pytest.fixture
def disk_of(monkeypatch):
    """agent -> the disk under its log, counting from now on."""

    def disk_of(agent):
        disk = Disk(agent.session.ledger.path)
        monkeypatch.setattr("triagent.session.ledger.os.fsync", disk.sync)
        return disk

    return disk_of


def names(records):
    return [x.data["name"] for x in records if x.type == "event"]


def n_tokens(records):
    return sum(len(x.data["ids"]) for x in records if x.type == "tokens")


def test_power_that_fails_takes_nothing_back_that_was_shown_or_run(desk, disk_of, tmp_path):
    script = [step(think("hm"), call("bash", command="echo 1"), call("bash", command="echo 2")),
              "Done so."]  # fmt: skip
    agent = desk.agent(script, budget=150, interval=8, n_window=24)
    disk, seen = disk_of(agent), []
    for event in agent.turn("Run it, please. " * 30):
        kept = disk.kept(tmp_path / "after")
        match event:
            case StepStarted():  # the question is kept before it is read, results before they are
                seen.append(names(kept).count("turn_started"))
                assert names(kept).count("tool_ended") == (2 if event.step == 2 else 0)
            case ToolStarted():  # the call, and the tokens that it was made of
                assert names(kept)[-1] == "tool_proposed"
                assert n_tokens(kept) == agent.session.n_pos
            case ToolEnded():
                seen.append("ended")
            case TurnEnded():
                assert names(kept)[-1] == "turn_ended"
                assert len(kept) == agent.session.ledger.state.n_records
    assert seen == [1, "ended", "ended", 1]
    assert any(record.type == "evict" for record in disk.kept(tmp_path / "after"))


@pytest.mark.parametrize("n_words", [1, 600])
@pytest.mark.parametrize("n_calls", [0, 1, 3])
def test_a_turn_costs_as_many_syncs_as_it_has_calls_however_long_it_is(
    desk, disk_of, n_words, n_calls
):
    calls = [step("word " * n_words, call("bash", command=f"echo {n}")) for n in range(n_calls)]
    agent = desk.agent([*calls, "word " * n_words], budget=300, interval=8, n_window=24)
    list(agent.start())
    disk = disk_of(agent)
    list(agent.turn("go " * n_words))
    assert disk.n_syncs == SYNCED_A_TURN + SYNCED_A_CALL * n_calls
    assert (agent.status().n_rounds > 50) == (n_words > 1)


def test_a_rewind_and_a_new_title_are_kept_at_once(desk, disk_of, tmp_path):
    agent = desk.agent(["ok"])
    list(agent.turn("hi"))
    disk = disk_of(agent)
    agent.rename("mine")
    assert disk.kept(tmp_path / "after")[-1].data["text"] == "mine"
    agent.rewind(1)
    assert "rewound" in names(disk.kept(tmp_path / "after"))
    agent.pin(0, 2)
    assert "pinned" not in names(disk.kept(tmp_path / "after"))  # comes with the next of weight
    agent.close()
    assert "pinned" in names(disk.kept(tmp_path / "after"))
