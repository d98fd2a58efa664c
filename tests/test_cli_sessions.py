"""`triagent sessions` and `--resume` on real session folders, as the command line runs them."""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import ScriptedModel, call
from triagent import cli, opening, settings
from triagent.config import Config
from triagent.opening import open_store

MODEL = Path(__file__).parent / "data/models/stories260K-f32.gguf"
SMALL = {"budget": 150, "interval": 8, "n_window": 24}
FILLER = "word " * 60


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Nothing of the person who runs the tests is read or written."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def play(monkeypatch):
    """Sets what the next model that is opened will say."""

    def play(*script, **model):
        fake = ScriptedModel(script, **model)
        monkeypatch.setattr(opening, "open_within_memory", lambda config, report: (fake, config))
        return fake

    return play


@pytest.fixture
def run(capsys, monkeypatch):
    """(arguments, what comes through the pipe) -> status, output, errors."""

    def run(*argv, pipe=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(pipe))
        status = cli.main(argv)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def asked(run, play):
    """Runs one turn from the command line; returns the session's id."""

    def asked(prompt, *script, **model):
        play(*script, **model)
        assert run("run", "--model", str(MODEL), "--mode", "auto", prompt)[0] == 0
        return folders()[-1].name

    return asked


def folders():
    root = settings.data_folder() / "sessions"
    return sorted((path for path in root.iterdir() if path.is_dir()),
                  key=lambda path: (path / "log.jsonl").stat().st_mtime)  # fmt: skip


def turns(id):
    with closing(open_store()) as store:
        session = store.open(id, write=False)
        try:
            return [x.data["text"] for x in session.events() if x.data["name"] == "turn_started"]
        finally:
            session.close()


def test_the_audit_tells_turn_time_scores_and_words(run, play):
    play("Noted.", *["ok"] * 4, **SMALL)
    config = replace(Config(), model=replace(Config().model, path=MODEL), workspace=Path.cwd())
    agent = opening.open_agent(config)
    for text in ["The staging server listens on port 7341.", *[FILLER] * 4]:
        list(agent.turn(text))
    n_rounds = agent.status().n_rounds
    agent.close()
    status, out, _ = run("sessions", "audit", "last")
    assert status == 0
    when = r"turn \d, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, position \d+"
    what = r"\d+ cells by streaming \(budget\), scores 0\.\.1"
    rounds = [re.fullmatch(f"{when}: {what}", x) for x in out.splitlines() if not x.startswith(" ")]
    assert all(rounds) and len(rounds) == n_rounds >= 3
    assert "    gone from every head: turn 1, user: The staging server listens on port 7341." in out


def test_resuming_the_last_session_goes_on_with_it_and_takes_a_pipe(run, play, asked):
    first = asked("The port is 7341.", "Noted.")
    second = asked("Something else.", "Yes.")
    model = play("It is 7341.")
    status, out, _ = run("run", "--resume", first[:20], "which", "port?", pipe="server.log\n")
    assert (status, out) == (0, "It is 7341.\n")
    assert [x[0] for x in model.requests][:2] == ["bind_tools", "replay"]
    assert turns(first) == ["The port is 7341.", "which port?\n\nserver.log"]
    play("Once more.")
    assert run("--resume", "last", "run", "Again?")[0] == 0
    assert turns(first)[-1] == "Again?" and turns(second) == ["Something else."]
    play("Only this.")
    assert run("run", "--resume", "last", pipe="only a pipe")[:2] == (0, "Only this.\n")
    assert turns(first)[-1] == "only a pipe"


def test_a_session_that_is_not_there_is_named_before_a_model_is_loaded(run, play):
    play()
    status, out, err = run("run", "--resume", "nobody", "--model", str(MODEL), "hi")
    assert (status, out) == (1, "") and 'no session "nobody"' in err and err.count("\n") == 1


def test_search_lists_the_passages_of_all_sessions(run, asked):
    first, second = asked("Plums are ripe.", "Good."), asked("The plum tree fell.", "Sad.")
    status, out, _ = run("sessions", "search", "plum")
    assert status == 0
    assert f"{first}  turn 1: Plums are ripe." in out
    assert f"{second}  turn 1: The plum tree fell." in out
    assert run("sessions", "search", "walnut") == (1, "", "")


def test_a_fork_goes_its_own_way(run, play, asked):
    first = asked("One.", "ok")
    status, out, _ = run("sessions", "fork", first)
    fork = out.strip()
    assert status == 0 and turns(fork) == ["One."]
    play("ok")
    assert run("run", "--resume", fork, "Two.")[0] == 0
    assert (turns(fork), turns(first)) == (["One.", "Two."], ["One."])
    assert "One. (fork)" in run("sessions", "list")[1]


def test_a_rename_is_what_the_list_shows(run, asked):
    id = asked("A very long story.", "ok")
    assert run("sessions", "rename", id[:18], "short") == (0, "", "")
    status, out, _ = run("sessions")
    assert status == 0 and re.search(rf"^{id} .* 1 turns .* tokens  short$", out, re.MULTILINE)


def test_exports_are_markdown_and_json_lines(run, asked, tmp_path):
    Path("a.txt").write_text("7341\n")
    id = asked("Read it.", call("read", path="a.txt"), "It holds 7341.")
    paper, lines = tmp_path / "x.md", tmp_path / "x.jsonl"
    assert run("sessions", "export", id, str(paper))[:2] == (0, f"{paper}\n")
    assert run("sessions", "export", id, str(lines))[0] == 0
    text = paper.read_text()
    assert text.startswith("# Read it.\n") and "## 1. Read it." in text
    assert '**read** `{"path": "a.txt"}`' in text and "\nIt holds 7341.\n" in text
    names = [json.loads(line)["name"] for line in lines.read_text().splitlines()]
    assert names[0] == "turn_started" and {"tool_ended", "answer", "turn_ended"} <= {*names}
    status, _, err = run("sessions", "export", id, "/nowhere/x.md")
    assert status == 1 and "/nowhere/x.md cannot be written" in err


def test_a_deleted_session_is_gone_also_from_the_search(run, asked):
    id, other = asked("Plums are ripe.", "ok"), asked("Nuts.", "ok")
    assert run("sessions", "delete", id) == (0, "", "")
    assert [folder.name for folder in folders()] == [other]
    assert run("sessions", "search", "plums")[0] == 1
    status, _, err = run("sessions", "delete", id)
    assert status == 1 and f'no session "{id}"' in err


def test_a_damaged_session_is_refused_repaired_and_goes_on(run, play, asked):
    id = asked("One.", "ok")
    play("ok")
    run("run", "--resume", id, "Two.")
    log = folders()[-1] / "log.jsonl"
    data = log.read_bytes()
    at = data.index(b'"text":"Two."')
    log.write_bytes(data[:at] + b"?" + data[at + 1 :])
    play("ok")
    status, _, err = run("run", "--resume", id, "Three.")
    assert status == 1 and f"`triagent sessions repair {id}`" in err
    status, out, _ = run("sessions", "repair", id)
    assert status == 0 and re.match(r"\d+ records kept, \d+ bytes set aside in log.torn$", out)
    assert turns(id) == ["One."] and (log.parent / "log.torn").stat().st_size > 0
    play("ok")
    assert run("run", "--resume", id, "Three.")[0] == 0
    assert turns(id) == ["One.", "Three."]
    assert run("sessions", "check", id)[0] == 0
