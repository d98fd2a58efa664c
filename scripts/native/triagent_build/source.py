"""The patched source tree: unpack once, patch, and touch only files whose content changes.

Knows the layout of llama-cpp-python's source distribution and nothing of where it came from.
The tree remembers the patches it holds, so a changed patch is undone and redone in place and
the next compile rebuilds only what depends on it.
"""

from __future__ import annotations

import contextlib
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from triagent_build import applier
from triagent_build.errors import BuildError
from triagent_build.pin import Pin
from triagent_build.report import say

LLAMA = "vendor/llama.cpp"
"""Where llama.cpp stands inside the distribution; the patches' paths start there."""

WANTED = (
    "LICENSE.md",
    "llama_cpp/",
    f"{LLAMA}/CMakeLists.txt",
    f"{LLAMA}/LICENSE",
    f"{LLAMA}/cmake/",
    f"{LLAMA}/common/",
    f"{LLAMA}/ggml/",
    f"{LLAMA}/include/",
    f"{LLAMA}/licenses/",
    f"{LLAMA}/src/",
    f"{LLAMA}/vendor/",
)
"""The rest (models, documentation, tools, tests) is two thirds of it and not compiled."""

APPLIED = ".applied"
"""Folder in the tree with copies of the patches it holds, and the distribution's sha256."""


def prepare(tree: Path, tarball: Path, pin: Pin, patch_files: list[Path]) -> None:
    """Make `tree` hold the pinned source with exactly these patches; cheap when it does.

    Raises:
        BuildError: the tarball is damaged or a patch does not fit.
    """
    wanted = {path.name: path.read_bytes() for path in patch_files}
    applied = _applied(tree, pin)
    if applied == wanted:
        return
    # Before anything is touched: a tree unpacked anew costs a whole compile.
    _check_that_they_fit(tarball, pin, wanted)
    changes = None
    if applied is not None:
        # A tree that someone edited cannot be undone; a fresh one can always be patched.
        with contextlib.suppress(applier.PatchError):
            changes = _changes(tree, applied, wanted)
    if changes is None:
        _unpack(tree, tarball, pin)
        changes = _changes(tree, {}, wanted)
    say(f"applying {', '.join(wanted) or 'no patches'}")
    _write(tree, changes)
    _remember(tree, pin, wanted)


def _applied(tree: Path, pin: Pin) -> dict[str, bytes] | None:
    """Return the patches the tree holds; None when there is no whole tree of this pin."""
    folder = tree / APPLIED
    try:
        if (folder / "sha256").read_text() != pin.sha256:
            return None
    except OSError:
        return None
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.patch"))}


def _remember(tree: Path, pin: Pin, patches: dict[str, bytes]) -> None:
    folder = tree / APPLIED
    for stale in folder.glob("*.patch"):
        stale.unlink()
    folder.mkdir(exist_ok=True)
    for name, text in patches.items():
        (folder / name).write_bytes(text)
    # Last: without it the tree does not count as whole and is unpacked anew.
    (folder / "sha256").write_text(pin.sha256)


def _parsed(patches: dict[str, bytes]) -> list[applier.Patch]:
    return [applier.parse(name, text) for name, text in sorted(patches.items())]


def _check_that_they_fit(tarball: Path, pin: Pin, wanted: dict[str, bytes]) -> None:
    """Apply the patches in memory to the files as distributed."""
    try:
        patches = _parsed(wanted)
        paths = {f"{LLAMA}/{file.path}" for patch in patches for file in patch.files}
        files = {}
        for path, content in _contents(tarball, lambda path: path in paths):
            files[path.removeprefix(f"{LLAMA}/")] = content
        applier.apply(files.get, patches)
    except applier.PatchError as error:
        raise BuildError(
            f"a patch does not fit {pin}:\n  {error}\n"
            "Restore the patches with `git checkout -- patches`, or, if the pin in "
            "patches/UPSTREAM was moved, follow patches/README.md."
        ) from error


def _changes(
    tree: Path, applied: dict[str, bytes], wanted: dict[str, bytes]
) -> dict[str, bytes | None]:
    """Undo what the tree holds and apply what it should hold, in memory."""

    def read(path: str) -> bytes | None:
        file = tree / LLAMA / path
        return file.read_bytes() if file.is_file() else None

    undo = [patch.reversed() for patch in reversed(_parsed(applied))]
    return applier.apply(read, undo + _parsed(wanted))


def _write(tree: Path, changes: dict[str, bytes | None]) -> None:
    # Interrupted from here on, the tree must not pass for whole.
    (tree / APPLIED / "sha256").unlink(missing_ok=True)
    for path, content in changes.items():
        file = tree / LLAMA / path
        if content is None:
            file.unlink(missing_ok=True)
        elif not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _unpack(tree: Path, tarball: Path, pin: Pin) -> None:
    """Unpack the wanted part, with present times: a tree unpacked anew is compiled anew."""
    say(f"unpacking {tarball.name}")
    shutil.rmtree(tree, ignore_errors=True)
    for path, content in _contents(tarball, lambda path: path.startswith(WANTED)):
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if not (tree / LLAMA / "CMakeLists.txt").is_file():
        raise BuildError(f"{tarball} holds no {LLAMA}: it is not the source of {pin}")


def _contents(tarball: Path, wants: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield (path below the distribution's own folder, content) of the regular files wanted."""
    try:
        with tarfile.open(tarball) as archive:
            for member in archive:
                path = member.name.partition("/")[2]
                if member.isfile() and ".." not in path.split("/") and wants(path):
                    yield path, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BuildError(f"cannot unpack {tarball}: {error}") from error
