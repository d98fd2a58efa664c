"""The patched source tree: unpack once, patch, and touch only files whose content changes.

Knows the layout of llama-cpp-python's source distribution and nothing of where it came from.
The tree remembers the patches it holds, so a changed patch is undone and redone in place and
the next compile rebuilds only what depends on it.
"""

from __future__ import annotations

import contextlib
import shutil
import tarfile
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
    changes = None
    if applied is not None:
        # A tree that someone edited cannot be undone; a fresh one can always be patched.
        with contextlib.suppress(applier.PatchError):
            changes = _changes(tree, applied, wanted)
    if changes is None:
        _unpack(tree, tarball, pin)
        changes = _changes_or_explain(tree, wanted, pin)
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


def _changes(
    tree: Path, applied: dict[str, bytes], wanted: dict[str, bytes]
) -> dict[str, bytes | None]:
    """Undo what the tree holds and apply what it should hold, in memory."""

    def read(path: str) -> bytes | None:
        file = tree / LLAMA / path
        return file.read_bytes() if file.is_file() else None

    old = [applier.parse(name, text) for name, text in sorted(applied.items())]
    new = [applier.parse(name, text) for name, text in sorted(wanted.items())]
    return applier.apply(read, [patch.reversed() for patch in reversed(old)] + new)


def _changes_or_explain(tree: Path, wanted: dict[str, bytes], pin: Pin) -> dict[str, bytes | None]:
    try:
        return _changes(tree, {}, wanted)
    except applier.PatchError as error:
        raise BuildError(
            f"a patch does not fit {pin}:\n  {error}\n"
            "Restore the patches with `git checkout -- patches`, or, if the pin in "
            "patches/UPSTREAM was moved, follow patches/README.md."
        ) from error


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
    try:
        with tarfile.open(tarball) as archive:
            for member in archive:
                _, _, path = member.name.partition("/")
                if member.isfile() and path.startswith(WANTED) and ".." not in path.split("/"):
                    _extract(archive, member, tree / path)
    except (tarfile.TarError, EOFError, OSError) as error:
        with contextlib.suppress(OSError):
            shutil.rmtree(tree)
        raise BuildError(f"cannot unpack {tarball}: {error}") from error
    if not (tree / LLAMA / "CMakeLists.txt").is_file():
        raise BuildError(f"{tarball} holds no {LLAMA}: it is not the source of {pin}")


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.extractfile(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
