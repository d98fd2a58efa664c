import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.safety.desk import in_child
from triagent.agent import undo_scan
from triagent.agent.undo import LocalUndo
from triagent.agent.workspace import LocalWorkspace
from triagent.errors import ToolError


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    workspace = LocalWorkspace(tmp_path / "work")
    yield workspace
    workspace.close()


@pytest.fixture
def undo(tmp_path, work):
    return LocalUndo(tmp_path / "copies", work)


def write(undo, work, path, text):
    undo.record(path)
    work.write_bytes(path, text.encode())


def files(work):
    return {
        str(path.relative_to(work.root)): path.read_text()
        for path in sorted(work.root.rglob("*"))
        if path.is_file()
    }


def test_undo_takes_turns_back_one_by_one(undo, work):
    (work.root / "a").write_text("0")
    for turn in (1, 2, 3):
        undo.begin(turn)
        write(undo, work, "a", f"{turn}")
        write(undo, work, "a", f"{turn}{turn}")
        write(undo, work, f"new{turn}", "x")
    assert undo.undo() == ("a", "new3") and files(work) == {"a": "22", "new1": "x", "new2": "x"}
    assert undo.undo() == ("a", "new2") and undo.undo() == ("a", "new1")
    assert files(work) == {"a": "0"} and undo.undo() == ()


def test_rewind_takes_back_a_turn_and_all_after_it(undo, work):
    for turn in (1, 2, 3):
        undo.begin(turn)
        write(undo, work, f"f{turn}", f"{turn}")
    assert undo.rewind(2) == ("f2", "f3")
    assert files(work) == {"f1": "1"}
    undo.begin(2)
    write(undo, work, "f1", "other")
    assert undo.rewind(1) == ("f1",) and files(work) == {}


def test_a_turn_that_came_to_nothing_is_passed_over(undo, work):
    undo.begin(1)
    write(undo, work, "a", "1")
    undo.begin(2)
    undo.record("a")
    assert undo.undo() == ("a",) and files(work) == {}


def test_permissions_deleted_files_and_binary_content_come_back(undo, work):
    script = work.root / "s"
    script.write_bytes(bytes(range(256)))
    script.chmod(0o755)
    undo.begin(1)
    undo.record("s")
    work.remove("s")
    undo.undo()
    assert script.read_bytes() == bytes(range(256)) and script.stat().st_mode & 0o777 == 0o755


def test_what_a_command_changed_is_taken_back(undo, work):
    for name, text in (("keep", "k"), ("change", "c"), ("gone", "g"), ("sub/x", "s")):
        work.write_bytes(name, text.encode())
    undo.begin(1)
    undo.before_command()
    (work.root / "change").write_text("other")
    (work.root / "gone").unlink()
    shutil.rmtree(work.root / "sub")
    (work.root / "made").write_text("new")
    os.utime(work.root / "keep")
    assert undo.after_command() == ("change", "gone", "made", "sub/x")
    assert undo.undo() == ("change", "gone", "made", "sub/x")
    assert files(work) == {"keep": "k", "change": "c", "gone": "g", "sub/x": "s"}


def test_what_changes_while_a_command_runs_on_belongs_to_the_turn_in_which_it_was(undo, work):
    (work.root / "a").write_text("0")
    (work.root / "edited").write_text("0")
    running = True
    undo.begin(1)
    undo.in_background(lambda: running)
    (work.root / "a").write_text("1")
    (work.root / "made").write_text("1")
    undo.before_command()  # another command of the same turn takes nothing for granted
    (work.root / "a").write_text("11")
    assert undo.after_command() == ("a",)
    undo.begin(2)
    write(undo, work, "edited", "2")
    (work.root / "a").write_text("2")
    running = False
    assert undo.look() == ("a", "edited")
    (work.root / "a").write_text("by the user, after it had ended")
    assert undo.look() == ()
    undo.begin(3)
    assert undo.undo() == ("a", "edited")
    assert files(work) == {"a": "11", "edited": "0", "made": "1"}
    assert undo.undo() == ("a", "made") and files(work) == {"a": "0", "edited": "0"}


def test_undo_while_a_command_runs_on_knows_what_it_did_until_now(undo, work):
    (work.root / "a").write_text("0")
    undo.begin(1)
    undo.in_background(lambda: True)
    (work.root / "a").write_text("1")
    assert undo.undo() == ("a",) and files(work) == {"a": "0"}
    (work.root / "a").write_text("again")
    assert undo.undo() == ("a",) and files(work) == {"a": "0"}


def test_a_background_command_that_the_program_did_not_outlive_is_taken_back(undo, work, tmp_path):
    (work.root / "a").write_text("0")
    undo.begin(1)
    undo.in_background(lambda: True)
    undo.before_command()
    undo.after_command()
    (work.root / "a").write_text("1")
    again = LocalUndo(tmp_path / "copies", work)
    assert again.undo() == ("a",) and files(work) == {"a": "0"}


def test_a_change_within_the_same_second_and_size_is_seen(undo, work):
    path = work.root / "f"
    path.write_text("aaaa")
    undo.begin(1)
    undo.before_command()
    stamp = path.stat()
    path.write_text("bbbb")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert undo.after_command() == ("f",)


def test_a_file_replaced_by_a_link_comes_back_as_a_file(undo, work, tmp_path):
    (tmp_path / "outside").write_text("outside")
    work.write_bytes("f", b"mine")
    undo.begin(1)
    undo.before_command()
    (work.root / "f").unlink()
    (work.root / "f").symlink_to(tmp_path / "outside")
    undo.after_command()
    undo.undo()
    assert not (work.root / "f").is_symlink() and (work.root / "f").read_text() == "mine"
    assert (tmp_path / "outside").read_text() == "outside"


def test_what_was_too_large_to_keep_is_left_alone_and_never_deleted(undo, work, monkeypatch):
    monkeypatch.setattr(undo_scan, "MOST_FILE_BYTES", 100)
    (work.root / "large").write_bytes(b"x" * 200)
    undo.begin(1)
    undo.before_command()
    (work.root / "large").write_bytes(b"y")
    undo.after_command()
    undo.undo()
    assert (work.root / "large").read_bytes() == b"y"


def test_what_the_user_changed_afterwards_is_kept_as_a_copy(undo, work, tmp_path):
    undo.begin(1)
    write(undo, work, "a", "model")
    (work.root / "a").write_text("the user's own words")
    undo.undo()
    copies = (tmp_path / "copies" / "blobs").rglob("*")
    assert "the user's own words" in [path.read_text() for path in copies if path.is_file()]


def test_copies_survive_the_program_and_belong_to_the_user_alone(undo, work, tmp_path):
    work.write_bytes("a", b"before")
    undo.begin(4)
    write(undo, work, "a", "after")
    again = LocalUndo(tmp_path / "copies", work)
    assert again.undo() == ("a",) and files(work) == {"a": "before"}
    for path in (tmp_path / "copies").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_the_same_content_is_kept_once(undo, work, tmp_path):
    undo.begin(1)
    for n in range(5):
        work.write_bytes(f"f{n}", b"same")
        undo.record(f"f{n}")
    blobs = [path for path in (tmp_path / "copies" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == 1


def test_one_file_that_cannot_be_put_back_does_not_stop_the_others(undo, work):
    undo.begin(1)
    for name in ("a", "b"):
        work.write_bytes(name, b"before")
        write(undo, work, name, "after")
    (work.root / "a").unlink()
    (work.root / "a").mkdir()
    with pytest.raises(ToolError, match="could not be put back: a "):
        undo.undo()
    assert (work.root / "b").read_text() == "before"
    (work.root / "a").rmdir()
    assert undo.undo() == ("a",)


def test_a_full_disk_is_found_out_before_the_change(undo, work, monkeypatch):
    import errno

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    work.write_bytes("a", b"before")
    undo.begin(1)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="nothing was changed"):
        undo.record("a")
    with pytest.raises(ToolError):
        undo.before_command()
    assert files(work) == {"a": "before"}


def test_a_journal_cut_anywhere_is_still_read(undo, work, tmp_path):
    work.write_bytes("a", b"0")
    for turn in (1, 2):
        undo.begin(turn)
        write(undo, work, "a", str(turn))
    journal = tmp_path / "copies" / "journal.jsonl"
    whole = journal.read_bytes()
    start = len(whole.splitlines(keepends=True)[0])
    for cut in range(start, len(whole)):
        journal.write_bytes(whole[:cut])
        work.write_bytes("a", b"2")
        again = LocalUndo(tmp_path / "copies", work)
        again.begin(3)
        write(again, work, "b", "x")
        assert LocalUndo(tmp_path / "copies", work).undo() == ("b",)


def test_a_damaged_copy_is_not_put_back(undo, work, tmp_path):
    work.write_bytes("a", b"before")
    undo.begin(1)
    write(undo, work, "a", "after")
    for path in (tmp_path / "copies" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes() == b"before":
            path.write_bytes(b"forged")
    with pytest.raises(ToolError, match="damaged"):
        undo.undo()
    assert files(work) == {"a": "after"}


# Killed at a write boundary: whatever was said to be recorded can be taken back, and the file
# holds either its old or its new content.

def play(root: Path, name: str, nth: int, how: str) -> None:
    seen = 0

    def failpoint(at: str) -> None:
        nonlocal seen
        seen += at == name
        if at == name and seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    work = LocalWorkspace(root / "work")
    undo = LocalUndo(root / "copies", work, failpoint)
    undo.begin(1)
    if how == "command":
        undo.before_command()
        (root / "work" / "a").write_text("after")
        (root / "work" / "b").unlink()
        (root / "work" / "c").write_text("made")
        undo.after_command()
        return
    for path in ("a", "b"):
        undo.record(path)
        work.write_bytes(path, b"after")
    if how == "undo":
        undo.undo()
    else:
        work.write_bytes("a", b"again")


POINTS = ["blob written", "blob in place", "journal opened", "journal written", "journal on disk",
          "putting back"]  # fmt: skip


def kills():
    for how in ("tool", "command", "undo"):
        for point in POINTS:
            for nth in (1, 2, 3):
                yield how, point, nth


@pytest.mark.parametrize("how", ["tool", "command", "undo"])
def test_killed_at_every_write_boundary_nothing_is_lost(tmp_path, how, record_property):
    n_killed = 0
    for index, (kind, point, nth) in enumerate(kills()):
        if kind != how:
            continue
        root = tmp_path / str(index)
        (root / "work").mkdir(parents=True)
        for name in ("a", "b"):
            (root / "work" / name).write_text("before")
        status = in_child(lambda root=root, point=point, nth=nth: play(root, point, nth, how))
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
        n_killed += status != 0
        _check_recovered(root, how, status == 0)
    record_property("killed: the program, while files were kept or put back", n_killed)
    assert n_killed >= 5


def _check_recovered(root: Path, how: str, finished: bool) -> None:
    work = LocalWorkspace(root / "work")
    try:
        undo = LocalUndo(root / "copies", work)
        while undo.undo():
            pass
        found = files(work)
        # A file that a command made just before the crash may stay; nothing else may differ.
        found.pop("c", None)
        assert found == {"a": "before", "b": "before"}, (how, finished, found)
        assert not [name for name in os.listdir(work.root) if name.endswith(".tmp")]
    finally:
        work.close()
