from __future__ import annotations

import json
import os
from itertools import pairwise

import pytest

from tests.fakes import ScriptedModel
from triagent.chat import Origin, Span
from triagent.errors import SessionError
from triagent.session import export
from triagent.session.index import Index, terms
from triagent.session.passages import cut
from triagent.session.repair import repair
from triagent.session.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "sessions")
    yield made
    made.close()


def turn(session, number, question, answer):
    session.event("turn_started", turn=number, text=question, pos=session.n_pos)
    for name, text, origin in (("user", question, Origin.USER), ("answer", answer, Origin.MODEL)):
        pos, ids = session.n_pos, tuple(range(len(text.split())))
        session.add_span(Span(origin, pos, ids, text))
        session.event(name, turn=number, text=text, pos=pos, stop=session.n_pos)
    session.event("turn_ended", turn=number, outcome="done", why="answered")


def made(store, tmp_path, *turns):
    session = store.create(tmp_path, ScriptedModel([]).info)
    for number, (question, answer) in enumerate(turns, 1):
        turn(session, number, question, answer)
    return session


def test_sessions_are_listed_with_the_first_words_as_title(store, tmp_path):
    session = made(store, tmp_path, ("What is\nthe port?", "It is 8080."))
    session.close()
    (row,) = store.list()
    assert (row.title, row.n_turns, row.n_pos, row.damage) == ("What is", 1, 7, "")
    store.rename(row.id, "Ports")
    assert store.list()[0].title == "Ports"


def test_search_finds_words_of_any_session_in_any_form(store, tmp_path):
    made(store, tmp_path, ("Which ports are open?", "Only the café's port 8080.")).close()
    made(store, tmp_path, ("Name the capital.", "Paris.")).close()
    found = store.search("open port")
    assert {item.passage.who for item in found} == {"user", "you"}
    assert len({item.session for item in found}) == 1
    assert store.search("capitol") == [] and store.search("capitals of")[0].passage.turn == 1
    assert store.search("openn")[0].passage.text == "Which ports are open?"
    assert store.search("cafe")[0].passage.text == "Only the café's port 8080."
    assert store.search('"; DROP TABLE passages') == []


def test_a_damaged_index_is_built_again(store, tmp_path):
    made(store, tmp_path, ("Which port?", "8080.")).close()
    store.list()
    store.close()
    path = tmp_path / "sessions/index.sqlite"
    path.write_bytes(b"not a database" * 1000)
    again = Store(tmp_path / "sessions")
    assert again.search("port")[0].passage.text == "Which port?"
    again.close()


def test_the_index_spoiled_while_open_costs_one_answer(tmp_path, store):
    session = made(store, tmp_path, ("Which port?", "8080."))
    assert session.search("port")
    index = Index(tmp_path / "other.sqlite")
    index.update(session.ledger)
    index._db.execute("DROP TABLE passages_data")
    assert index.search("port") == []
    index.update(session.ledger)
    assert index.search("port")
    index.close()


def test_a_session_resumes_by_a_beginning_of_its_name_or_as_the_last(store, tmp_path):
    first = made(store, tmp_path, ("one", "1"))
    first.close()
    second = made(store, tmp_path, ("two", "2"))
    second.close()
    assert store.open("last").id == second.id
    assert store.open(first.id[:-1] if first.id[:-1] != second.id[:-1] else first.id).n_pos == 2
    with pytest.raises(SessionError, match='no session "nope"'):
        store.open("nope")
    with pytest.raises(SessionError, match="2 sessions"):
        store.open("20")


def test_a_fork_holds_the_past_and_leaves_the_original_alone(store, tmp_path):
    session = made(store, tmp_path, ("one", "1"), ("two", "2"), ("three", "3"))
    path = session.snapshot_path()
    path.write_bytes(b"state")
    session.keep_snapshot(path)
    session.close()
    size = session.ledger.path.stat().st_size
    fork = store.fork(session.id, 2)
    assert next(fork.ledger.records()).data["fingerprint"] == "scripted-1"
    assert fork.ledger.state.model == "scripted"
    assert fork.turn == 2 and fork.n_pos == 4 and list(fork.snapshots()) == []
    turn(fork, 3, "other", "way")
    whole = store.fork(session.id)
    (snapshot,) = whole.snapshots()
    assert snapshot.path.read_bytes() == b"state" and snapshot.pos == 6
    assert snapshot.hash == session.ledger.state.hash
    assert session.ledger.path.stat().st_size == size


def test_only_the_newest_snapshots_are_kept(store, tmp_path):
    session = made(store, tmp_path)
    for number in range(1, 5):
        turn(session, number, "a b", "c")
        path = session.snapshot_path()
        path.write_bytes(b"x")
        session.keep_snapshot(path)
    assert [snapshot.pos for snapshot in session.snapshots()] == [12, 9]


def test_snapshots_of_all_sessions_stay_within_a_bound(store, tmp_path, monkeypatch):
    monkeypatch.setattr("triagent.session.session.MAX_SNAPSHOT_BYTES", 250)
    sessions = [made(store, tmp_path, ("a b", "c")) for _ in range(3)]
    for age, session in enumerate(sessions):
        path = session.snapshot_path()
        path.write_bytes(b"x" * 100)
        os.utime(path, (age, age))
        session.keep_snapshot(path)
    assert [len(list(session.snapshots())) for session in sessions] == [0, 1, 1]


def test_deleting_removes_everything_but_not_what_is_open(store, tmp_path):
    session = made(store, tmp_path, ("one port", "1"))
    other = Store(tmp_path / "sessions")
    with pytest.raises(SessionError, match="another process"):
        other.delete(session.id)
    session.close()
    store.delete(session.id)
    assert store.list() == [] and store.search("port") == []
    assert not session.folder.exists()


def test_a_damaged_session_is_listed_with_its_repair(store, tmp_path):
    session = made(store, tmp_path, ("one", "1"))
    session.close()
    data = session.ledger.path.read_bytes()
    session.ledger.path.write_bytes(data[:40] + b"##" + data[41:])
    assert f"triagent sessions repair {session.id}" in store.list()[0].damage


@pytest.mark.parametrize("keeps_time", [False, True])
def test_bytes_overwritten_in_an_indexed_session_are_noticed(store, tmp_path, keeps_time):
    session = made(store, tmp_path, ("What is the port?", "It is 8080."), ("And?", "No."))
    session.close()
    assert [item.damage for item in store.list()] == [""]
    path = session.ledger.path
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    if keeps_time:  # as a disk does it
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    [item] = store.list(verify=keeps_time)
    assert "damaged at byte" in item.damage and f"repair {session.id}" in item.damage
    repair(session.folder)
    assert [item.damage for item in store.list(verify=True)] == [""]


def test_an_export_is_its_owners_alone(tmp_path):
    export.write(tmp_path / "out.md", ["a", "b"])
    assert (tmp_path / "out.md").read_text() == "ab"
    assert (tmp_path / "out.md").stat().st_mode & 0o777 == 0o600


def test_exports_hold_the_conversation_without_secrets(store, tmp_path):
    session = made(store, tmp_path, ("the key is sk-123", "noted sk-123"))

    def redact(text):
        return text.replace("sk-123", "[secret]")

    text = "".join(export.markdown(session, redact))
    assert "## 1. the key is [secret]" in text and "sk-123" not in text
    lines = [json.loads(line) for line in export.json_lines(session, redact)]
    assert [line["name"] for line in lines] == ["turn_started", "user", "answer", "turn_ended"]
    assert lines[1]["text"] == "the key is [secret]"


def test_passages_are_exact_and_ordered():
    text = "\n".join(f"line {i} " + "x" * 50 for i in range(100))
    parts = list(cut(1, "user", text, 100, 1100))
    assert "\n".join(part.text for part in parts) == text
    assert all(len(part.text) <= 600 for part in parts)
    assert parts[0].pos == 100 and parts[-1].stop == 1100
    assert all(a.pos < b.pos for a, b in pairwise(parts))


def test_questions_are_searched_by_their_telling_words():
    assert terms("What was the port of the dev server?") == ["port", "dev", "server"]
    assert terms("what is it?") == ["what", "is", "it"]


def test_recent_events_of_a_long_session_do_not_need_all_of_it(store, tmp_path, monkeypatch):
    monkeypatch.setattr("triagent.session.ledger.CHECKPOINT_BYTES", 2000)
    session = made(store, tmp_path, *[(f"question {i}", "yes " * 20) for i in range(60)])
    recent = list(session.recent(3000))
    assert recent[-1].data["turn"] == 60 and recent[0].data["turn"] > 30
    assert len(list(session.events())) == 240
