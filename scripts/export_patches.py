"""Turn a checkout of llama.cpp with our commits into patches/, in a form that does not change
with the machine, the day or the git that made it.

    python3 scripts/export_patches.py path/to/llama.cpp            write patches/
    python3 scripts/export_patches.py path/to/llama.cpp --check    compare only

The checkout is one commit of the pinned sources and ours on top of it. Needs git only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

PATCHES = Path(__file__).resolve().parent.parent / "patches"

STABLE = (
    "--no-numbered",  # no [n/m]: adding a patch must not change the others
    "--zero-commit",  # ids of commits differ from checkout to checkout
    "--no-signature",  # git's version
    "--no-stat",  # its width depends on the terminal
    "--full-index",  # blob ids, whole: a three-way apply needs them, abbreviations vary
    "--no-renames",  # a strict applier wants plain hunks
    "--diff-algorithm=myers",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


class ExportError(Exception):
    """The checkout is not what it should be."""


def git(checkout: Path, *arguments: str) -> str:
    """Run git in the checkout, free of the user's settings that change its output."""
    command = ["git", "-c", "core.abbrev=40", "-c", "diff.noprefix=false", *arguments]
    done = subprocess.run(command, cwd=checkout, capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        raise ExportError(f"git {arguments[0]} in {checkout}: {done.stderr.strip()}")
    return done.stdout


def commits(checkout: Path) -> list[str]:
    """Return our commits, oldest first."""
    if git(checkout, "status", "--porcelain", "--untracked-files=no").strip():
        raise ExportError(f"{checkout} has changes that are not committed")
    listed = git(checkout, "rev-list", "--reverse", "HEAD").split()
    if len(listed) < 2:
        raise ExportError(f"{checkout} has no commit on top of the pinned sources")
    return listed[1:]


def check_additive(checkout: Path, commit: str) -> None:
    """Refuse a first patch that touches upstream's files: it would conflict with their changes."""
    for line in git(checkout, "show", "--format=", "--name-status", commit).splitlines():
        state, path = line.split("\t", 1)
        if state != "A":
            raise ExportError(f"the first patch may only add files, and it changes {path}")


def export(checkout: Path) -> dict[str, str]:
    """Return file name -> text of every patch.

    Raises:
        ExportError: no git checkout, uncommitted changes, or a first patch that is not additive.
    """
    ours = commits(checkout)
    check_additive(checkout, ours[0])
    patches = {}
    for number, commit in enumerate(ours, 1):
        start = f"--start-number={number}"
        text = git(checkout, "format-patch", "--stdout", start, *STABLE, "-1", commit)
        slug = git(checkout, "show", "-s", "--format=%f", commit).strip()
        patches[f"{number:04d}-{slug}.patch"] = text
    return patches


def differences(patches: dict[str, str]) -> list[str]:
    """Return the names of patches that are missing, different or left over in patches/."""
    here = {path.name: path.read_text("utf-8") for path in PATCHES.glob("*.patch")}
    return sorted(n for n in here.keys() | patches.keys() if here.get(n) != patches.get(n))


def write(patches: dict[str, str]) -> None:
    """Replace what lies in patches/."""
    for path in PATCHES.glob("*.patch"):
        path.unlink()
    for name, text in patches.items():
        (PATCHES / name).write_text(text, "utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Export our llama.cpp commits to patches/.")
    parser.add_argument("checkout", type=Path, help="llama.cpp with our commits on top of the pin")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args(arguments)
    try:
        patches = export(options.checkout)
    except (ExportError, OSError) as error:
        print(f"export_patches: {error}", file=sys.stderr)
        return 1
    changed = differences(patches)
    if options.check:
        print("\n".join(f"differs: {name}" for name in changed) or "patches/ is up to date")
        return 1 if changed else 0
    write(patches)
    for name, text in patches.items():
        print(f"{name}: {len(text.splitlines())} lines{', changed' if name in changed else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
