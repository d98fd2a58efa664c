import os
import threading

import pytest

from triagent.agent.ports import Entry
from triagent.agent.workspace import LocalWorkspace
from triagent.errors import ToolError


@pytest.fixture
def work(tmp_path):
    root = tmp_path / "work"
    (root / "d").mkdir(parents=True)
    (root / "d" / "a.txt").write_text("A")
    (root / "link").symlink_to("d/a.txt")
    (root / "folder-link").symlink_to("d")
    (root / "absolute").symlink_to(root / "d")
    (root / "d" / "up").symlink_to("../d/a.txt")
    (root / "out").symlink_to("/etc")
    (root / "d" / "passwd").symlink_to("../../../../../../../../etc/passwd")
    (root / "round").symlink_to("round")
    workspace = LocalWorkspace(root)
    yield workspace
    workspace.close()
    workspace.close()


@pytest.mark.parametrize(
    "path", ["d/a.txt", "./d//a.txt", "d/../d/a.txt", "link", "folder-link/a.txt", "absolute/a.txt",
             "d/up", "folder-link/up"]
)  # fmt: skip
def test_reading_follows_links_that_stay_inside(work, path):
    with work.open_read(path) as file:
        assert file.read() == b"A"
    assert work.exists(path) and not work.is_dir(path)


@pytest.mark.parametrize(
    "path", ["out/passwd", "d/passwd", "../work/d/a.txt", "/etc/passwd", "..", "d/../../x", "round",
             "d/a.txt/x", "missing", "d", ".", "", "a\0b", "x" * 300]
)  # fmt: skip
def test_reading_anything_else_is_one_sentence(work, path):
    with pytest.raises(ToolError) as caught:
        work.open_read(path)
    assert str(caught.value) and "\n" not in str(caught.value)


def test_a_pipe_without_a_writer_does_not_hold_us(work):
    os.mkfifo(work.root / "pipe")
    with pytest.raises(ToolError, match="regular file"):
        work.open_read("pipe")
    with pytest.raises(ToolError, match="regular file"):
        work.write_bytes("pipe", b"x")


def test_paths_have_one_normal_form(work, tmp_path):
    assert work.relative("./d/../d//a.txt") == "d/a.txt"
    assert work.relative(str(work.root / "d")) == "d" and work.relative(str(work.root)) == "."
    assert work.relative("") == "."
    alias = tmp_path / "alias"
    alias.symlink_to(work.root)
    other = LocalWorkspace(alias)
    assert other.root == work.root and other.relative(f"{alias}/d") == "d"
    other.close()


def test_listing_is_sorted_and_marks_links(work):
    (work.root / "b\udcff").write_text("x")
    names = [entry.name for entry in work.list()]
    assert names == sorted(names) and "b\\xff" in names
    assert Entry("link", False, True, 0) in work.list()
    assert work.list("folder-link") == work.list("d")
    with pytest.raises(ToolError):
        work.list("out")


def test_writing_makes_folders_replaces_at_once_and_keeps_permissions(work):
    script = work.root / "s.sh"
    script.write_text("old")
    script.chmod(0o751)
    inode = script.stat().st_ino
    work.write_bytes("s.sh", b"new")
    assert script.read_text() == "new" and script.stat().st_mode & 0o777 == 0o751
    assert script.stat().st_ino != inode
    work.write_bytes("new/deep/file", b"\x00\xff")
    assert (work.root / "new/deep/file").read_bytes() == b"\x00\xff"
    assert not [name for name in os.listdir(work.root) if name.endswith(".tmp")]


@pytest.mark.parametrize(
    "path", ["link", "folder-link/new", "absolute/new", "d/up", "out/x", "round"]
)
def test_writing_refuses_links_so_that_the_path_is_the_file(work, path):
    with pytest.raises(ToolError, match="link"):
        work.write_bytes(path, b"x")
    assert (work.root / "d/a.txt").read_text() == "A"


def test_readers_never_see_half_a_file(work):
    texts = [b"a" * 200_000, b"b" * 200_000]
    work.write_bytes("big", texts[0])
    stop, torn = threading.Event(), []

    def read():
        while not stop.is_set():
            with work.open_read("big") as file:
                data = file.read()
            if data not in texts:
                torn.append(len(data))

    thread = threading.Thread(target=read)
    thread.start()
    for n in range(60):
        work.write_bytes("big", texts[n % 2])
    stop.set()
    thread.join()
    assert not torn


def test_what_a_killed_process_left_is_swept_and_nothing_else(work):
    dead = ".triagent-4194305-0123456789abcdef.tmp"  # beyond the largest process id
    alive = f".triagent-{os.getpid()}-0123456789abcdef.tmp"
    for name in (dead, alive, "mine.tmp"):
        (work.root / "d" / name).write_text("x")
    work.sweep("d")
    work.sweep("missing")
    assert sorted(os.listdir(work.root / "d"))[0] == alive
    assert not (work.root / "d" / dead).exists() and (work.root / "d" / "mine.tmp").exists()


def test_removing_takes_a_file_or_a_link_and_no_folder(work):
    work.remove("link")
    assert (work.root / "d/a.txt").exists()
    work.remove("d/a.txt")
    for path in ("d", "d/a.txt", ".git/config", "folder-link/up"):
        with pytest.raises(ToolError):
            work.remove(path)


def test_a_folder_that_is_renamed_away_is_still_the_workspace(work, tmp_path):
    moved = tmp_path / "moved"
    os.rename(work.root, moved)
    work.root.mkdir()
    work.write_bytes("x", b"1")
    assert (moved / "x").exists() and not (work.root / "x").exists()


@pytest.mark.parametrize("number", ["ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(work, monkeypatch, number):
    import errno

    def fails(fd):
        raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))

    before = sorted(os.listdir(work.root / "d"))
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(ToolError) as caught:
        work.write_bytes("d/a.txt", b"new")
    assert "d/a.txt" in str(caught.value)
    assert (work.root / "d/a.txt").read_text() == "A"
    assert sorted(os.listdir(work.root / "d")) == before
