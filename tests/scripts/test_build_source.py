from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from triagent_build import source
from triagent_build.errors import BuildError
from triagent_build.pin import Pin

FILES = {
    "LICENSE.md": b"MIT",
    "llama_cpp/__init__.py": b"",
    "vendor/llama.cpp/CMakeLists.txt": b"project(x)\n",
    "vendor/llama.cpp/src/a.cpp": b"one\ntwo\n",
    "vendor/llama.cpp/src/b.cpp": b"left alone\n",
    "vendor/llama.cpp/.git": b"gitdir: nowhere\n",
    "vendor/llama.cpp/models/big.gguf": b"not wanted",
}


def patch_text(word):
    return (
        "diff --git a/src/a.cpp b/src/a.cpp\n--- a/src/a.cpp\n+++ b/src/a.cpp\n"
        f"@@ -1,2 +1,3 @@\n one\n+{word}\n two\n"
    ).encode()


@pytest.fixture
def tarball(tmp_path):
    path = tmp_path / "llama_cpp_python-9.9.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(f"llama_cpp_python-9.9/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def pin(tarball):
    return Pin("9.9", hashlib.sha256(tarball.read_bytes()).hexdigest(), "abc")


@pytest.fixture
def patches(tmp_path):
    path = tmp_path / "0001-word.patch"
    path.write_bytes(patch_text("inserted"))
    return [path]


def test_only_what_is_compiled_is_unpacked_and_it_is_patched(tmp_path, tarball, pin, patches):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    llama = tree / "vendor/llama.cpp"
    assert (llama / "src/a.cpp").read_bytes() == b"one\ninserted\ntwo\n"
    assert not (llama / ".git").exists()
    assert not (llama / "models").exists()


def test_a_second_time_touches_nothing(tmp_path, tarball, pin, patches):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    source.prepare(tree, tarball, pin, patches)
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_a_changed_patch_rewrites_only_its_files(tmp_path, tarball, pin, patches):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    untouched = tree / "vendor/llama.cpp/src/b.cpp"
    before = untouched.stat().st_mtime_ns
    patches[0].write_bytes(patch_text("changed"))
    source.prepare(tree, tarball, pin, patches)
    assert (tree / "vendor/llama.cpp/src/a.cpp").read_bytes() == b"one\nchanged\ntwo\n"
    assert untouched.stat().st_mtime_ns == before


def test_without_its_patches_the_tree_is_pristine_again(tmp_path, tarball, pin, patches):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    source.prepare(tree, tarball, pin, [])
    assert (tree / "vendor/llama.cpp/src/a.cpp").read_bytes() == b"one\ntwo\n"


def test_a_tree_edited_by_hand_is_unpacked_anew_when_patches_change(
    tmp_path, tarball, pin, patches
):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    (tree / "vendor/llama.cpp/src/a.cpp").write_bytes(b"edited\n")
    patches[0].write_bytes(patch_text("changed"))
    source.prepare(tree, tarball, pin, patches)
    assert (tree / "vendor/llama.cpp/src/a.cpp").read_bytes() == b"one\nchanged\ntwo\n"


def test_a_patch_that_does_not_fit_names_pin_file_hunk_and_next_command(
    tmp_path, tarball, pin, patches
):
    patches[0].write_bytes(patch_text("x").replace(b" two", b" three"))
    with pytest.raises(BuildError) as caught:
        source.prepare(tmp_path / "tree", tarball, pin, patches)
    message = str(caught.value)
    for part in (
        "llama-cpp-python 9.9",
        "abc",
        "0001-word.patch: src/a.cpp, hunk 1",
        "git checkout",
    ):
        assert part in message


def test_a_patch_that_does_not_fit_leaves_the_tree_untouched(tmp_path, tarball, pin, patches):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    patches[0].write_bytes(patch_text("x").replace(b" two", b" three"))
    with pytest.raises(BuildError):
        source.prepare(tree, tarball, pin, patches)
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_an_interrupted_write_is_not_taken_for_a_whole_tree(tmp_path, tarball, pin, patches):
    tree = tmp_path / "tree"
    source.prepare(tree, tarball, pin, patches)
    source._write(tree, {"src/a.cpp": b"half"})
    source.prepare(tree, tarball, pin, patches)
    assert (tree / "vendor/llama.cpp/src/a.cpp").read_bytes() == b"one\ninserted\ntwo\n"


def test_a_damaged_tarball_is_one_message(tmp_path, pin):
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"not a tarball")
    with pytest.raises(BuildError, match=r"cannot unpack .*broken.tar.gz"):
        source.prepare(tmp_path / "tree", broken, pin, [])
