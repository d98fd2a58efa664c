from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from triagent_build import applier

CHANGE = b"""From 0 Mon Sep 17 00:00:00 2001
Subject: [PATCH] area : what

why - and a line
--- that looks like a header

diff --git a/src/a.txt b/src/a.txt
index 1..2 100644
--- a/src/a.txt
+++ b/src/a.txt
@@ -1,3 +1,4 @@
 one
-two
+zwei
+drei
 three
@@ -5,2 +6,3 @@ three
 five
 six
+seven
diff --git a/src/new.txt b/src/new.txt
new file mode 100644
--- /dev/null
+++ b/src/new.txt
@@ -0,0 +1,2 @@
+first
+last
\\ No newline at end of file
--
2.39.0
"""
SECOND = b"""diff --git a/src/new.txt b/src/new.txt
--- a/src/new.txt
+++ b/src/new.txt
@@ -1,2 +1,2 @@
 first
-last
\\ No newline at end of file
+very last
diff --git a/src/gone.txt b/src/gone.txt
deleted file mode 100644
--- a/src/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-bye
"""
TREE = {"src/a.txt": b"one\ntwo\nthree\nfour\nfive\nsix\n", "src/gone.txt": b"bye\n"}
PATCHED = {
    "src/a.txt": b"one\nzwei\ndrei\nthree\nfour\nfive\nsix\nseven\n",
    "src/new.txt": b"first\nvery last\n",
}


@pytest.fixture
def series():
    return [applier.parse("0001-change.patch", CHANGE), applier.parse("0002-second.patch", SECOND)]


def write(tree, changes):
    result = {**tree, **changes}
    return {path: content for path, content in result.items() if content is not None}


def test_a_series_changes_creates_and_deletes_files(series):
    assert write(TREE, applier.apply(TREE.get, series)) == PATCHED


def test_undoing_in_reverse_order_restores_every_byte(series):
    undo = [patch.reversed() for patch in reversed(series)]
    assert write(PATCHED, applier.apply(PATCHED.get, undo)) == TREE


def test_a_patch_does_not_slide_to_where_its_context_would_fit(series):
    shifted = {**TREE, "src/a.txt": b"zero\n" + TREE["src/a.txt"]}
    with pytest.raises(applier.PatchError, match=r"src/a.txt, hunk 1, line 1: expected 'one'"):
        applier.apply(shifted.get, series)


def test_wrong_context_names_file_hunk_line_and_both_texts(series):
    changed = {**TREE, "src/a.txt": TREE["src/a.txt"].replace(b"six", b"SIX")}
    expected = r"0001-change.patch: src/a.txt, hunk 2, line 7: expected 'six', found 'SIX'"
    with pytest.raises(applier.PatchError, match=expected):
        applier.apply(changed.get, series)


def test_a_file_that_ends_too_early_is_a_conflict(series):
    short = {**TREE, "src/a.txt": b"one\ntwo\n"}
    with pytest.raises(applier.PatchError, match="found '<end of file>'"):
        applier.apply(short.get, series)


def test_a_missing_file_and_one_already_there_are_conflicts(series):
    with pytest.raises(applier.PatchError, match=r"src/a.txt: no such file"):
        applier.apply({}.get, series)
    with pytest.raises(applier.PatchError, match=r"src/new.txt: is to be created"):
        applier.apply({**TREE, "src/new.txt": b""}.get, series)


def test_inputs_stay_unchanged_by_a_failure(series):
    tree = {**TREE, "src/gone.txt": b"not as expected\n"}
    before = dict(tree)
    with pytest.raises(applier.PatchError):
        applier.apply(tree.get, series)
    assert tree == before


@pytest.mark.parametrize("lines_kept", [8, 12, 15])
def test_a_cut_off_patch_is_refused(lines_kept):
    cut = b"".join(CHANGE.splitlines(keepends=True)[: lines_kept + 3])
    whole = applier.parse("whole", CHANGE)
    try:
        parsed = applier.parse("cut", cut)
    except applier.PatchError as error:
        assert "cut off" in str(error) or "holds no" in str(error)
    else:  # cut between hunks: what is left must be a true part of the whole
        assert parsed.files[0].hunks == whole.files[0].hunks[: len(parsed.files[0].hunks)]


def test_renames_and_binary_changes_are_refused():
    for line in (b"rename from a", b"GIT binary patch"):
        with pytest.raises(applier.PatchError, match="not supported"):
            applier.parse("x.patch", b"diff --git a/a b/b\n" + line + b"\n")


def test_text_without_any_file_is_refused():
    with pytest.raises(applier.PatchError, match="no 'diff --git' line"):
        applier.parse("x.patch", b"just words\n")


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not here")
@pytest.mark.parametrize("seed", range(8))
def test_random_edits_diffed_by_git_apply_as_git_would(tmp_path, seed):
    rng = random.Random(seed)
    old = [f"line {rng.randrange(9)}\n" for _ in range(120)]
    new = [line for line in old if rng.random() > 0.1]
    for _ in range(10):
        new.insert(rng.randrange(len(new)), f"added {rng.random()}\n")
    for folder, lines in (("a", old), ("b", new)):
        (tmp_path / folder).mkdir()
        ending = rng.choice(["", "no newline"])
        (tmp_path / folder / "f.txt").write_text("".join(lines) + ending)
    command = ["git", "diff", "--no-index", f"-U{rng.randrange(4)}", "a/f.txt", "b/f.txt"]
    diff = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout
    patch = applier.parse("random.patch", diff)
    content = {"b/f.txt": (tmp_path / "a/f.txt").read_bytes()}
    patched = applier.apply(content.get, [patch])
    assert patched["b/f.txt"] == (tmp_path / "b/f.txt").read_bytes()
    assert applier.apply(patched.get, [patch.reversed()]) == content
