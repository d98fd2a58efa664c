"""What a confined command sees of the file system: one list, whichever rung builds it.

An empty root, onto which the system's folders are put read-only, the workspace writable, its
guarded names read-only again, and credentials unreadable. Home is empty but for a cache of
ours. What is not on the list does not exist for the command: homes, sockets in /run, disks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from triagent.agent import paths
from triagent.private import make_private

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store",
    "/gnu/store", "/run/current-system", "/sys/devices/system/cpu",
)  # fmt: skip
# Readable by root alone, which is what some people run as.
_SYSTEM_SECRETS = (
    "/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/ssh", "/etc/ssl/private",
    "/etc/sudoers", "/etc/sudoers.d", "/etc/krb5.keytab",
)  # fmt: skip
# Below these a whole prefix would hold more than programs, so only the PATH entry is shown.
_ONLY_THE_ENTRY = (".local", ".cargo", ".config", ".ssh", ".gnupg")


@dataclass(frozen=True)
class Mount:
    """One step of building the view; later ones lie on top."""

    kind: str
    """ro, rw, tmpfs, proc, dev, link, hide_file or hide_folder."""
    target: str
    source: str = ""
    """What is shown there; for a link, what it points to."""


@dataclass(frozen=True)
class Private:
    """Folders of ours that stand in for the machine's own."""

    cache: Path
    """Kept between commands as ~/.cache."""
    tmp: Path
    """Kept between commands as /tmp."""
    blank: Path
    """An empty file that nobody may read."""

    @classmethod
    def make(cls, folder: Path) -> Private:
        """Create them under `folder`, for this user alone."""
        private = cls(folder / "cache", folder / "tmp", folder / "blank")
        for path in (folder, private.cache, private.tmp):
            make_private(path)
        if not private.blank.exists():
            private.blank.touch(mode=0o000)
        return private


def build(
    workspace: Path,
    private: Private,
    *,
    own: Iterable[Path] = (),
    program: Iterable[Path] = (),
    search_path: str = "",
    writable: Iterable[str] = (),
    read_only: bool = False,
) -> tuple[Mount, ...]:
    """List the mounts for one command.

    Args:
        workspace: the real path of the folder to work in.
        private: stand-ins for home and /tmp.
        own: folders of this program; hidden when they lie in the workspace.
        program: what it is loaded from; read-only when it lies in the workspace.
        search_path: PATH, whose programs must stay reachable.
        writable: guarded names that this command may write after all.
        read_only: the workspace may not be written either.
    """
    home = Path.home().resolve()
    programs = _programs(search_path, home, workspace)
    mounts = [*_system(), Mount("proc", "/proc"), Mount("dev", "/dev")]
    mounts += _scratch(home, workspace, private, [Path(path) for path in programs])
    mounts += [Mount("ro", path, path) for path in programs]
    mounts.append(Mount("ro" if read_only else "rw", str(workspace), str(workspace)))
    if not read_only:
        mounts += _guards(workspace, set(writable))
        inside = [str(path) for path in program if _within(path, workspace)]
        mounts += [Mount("ro", path, path) for path in inside if os.path.isdir(path)]
    mounts += _hidden(workspace, private, own)
    return tuple(mounts)


def _scratch(
    home: Path, workspace: Path, private: Private, programs: list[Path]
) -> Iterator[Mount]:
    # Nothing may later be mounted inside a folder that commands can write and that is kept: a
    # link planted there would lead the mount elsewhere. So such a folder is fresh each time.
    below = [workspace, *programs]
    for folder in (Path("/tmp"), Path("/var/tmp")):
        if any(_within(path, folder) for path in below):
            yield Mount("tmpfs", str(folder))
        else:
            yield Mount("rw", str(folder), str(private.tmp))
    if not _within(home, workspace):
        yield Mount("tmpfs", str(home))
        cache = home / ".cache"
        if not any(_within(path, cache) for path in below):
            yield Mount("rw", str(cache), str(private.cache))


def home_for(workspace: Path) -> str:
    """HOME of a confined command: the usual path, unless that is (in) the workspace itself."""
    home = Path.home().resolve()
    return "/tmp" if _within(home, workspace) else str(home)


def _system() -> Iterator[Mount]:
    for path in _SYSTEM:
        if os.path.islink(path):
            yield Mount("link", path, os.readlink(path))
        elif os.path.isdir(path):
            yield Mount("ro", path, path)


def _programs(search_path: str, home: Path, workspace: Path) -> list[str]:
    # Toolchains that live elsewhere (pyenv, conda, a virtual environment), with their libraries.
    found = [os.path.realpath(sys.base_prefix), os.path.realpath(sys.prefix)]
    for entry in search_path.split(os.pathsep):
        if not entry.startswith("/") or not os.path.isdir(entry):
            continue
        prefix = os.path.dirname(entry.rstrip("/"))
        whole = os.path.basename(prefix) not in _ONLY_THE_ENTRY and prefix != str(home)
        found.append(prefix if whole else entry)
        found += [os.path.realpath(found[-1])]
    keep: list[str] = []
    for path in dict.fromkeys(found):
        too_much = path == "/" or _within(home, Path(path)) or _within(workspace, Path(path))
        shown = (*_SYSTEM, str(workspace), *keep)
        is_there = any(_within(Path(path), Path(base)) for base in shown)
        if not too_much and not is_there:
            keep.append(path)
    return keep


def _guards(workspace: Path, writable: set[str]) -> Iterator[Mount]:
    for name in paths.nested_repositories(workspace):
        yield Mount("ro", str(workspace / name), str(workspace / name))
    for name in paths.guarded(workspace):
        path = workspace / name
        if path.is_symlink():  # the link itself is looked after when the command has ended
            path = path.resolve()
            if path == workspace or not _within(path, workspace) or not path.exists():
                continue
        if name not in writable:
            yield Mount("ro", str(path), str(path))
        elif name == ".git":
            # A commit writes objects and refs; what git would run later stays as it is.
            for inner in ("hooks", "config", "info"):
                if (path / inner).exists() and not (path / inner).is_symlink():
                    yield Mount("ro", str(path / inner), str(path / inner))


def _hidden(workspace: Path, private: Private, own: Iterable[Path]) -> Iterator[Mount]:
    found = [path for path in _SYSTEM_SECRETS if not os.path.islink(path)]
    found += [str(workspace / name) for name in paths.secrets(workspace)]
    found += [str(path) for path in own if _within(path, workspace)]
    for path in found:
        if os.path.isdir(path):
            yield Mount("hide_folder", path)
        elif os.path.isfile(path) and not os.path.islink(path):
            yield Mount("hide_file", path, str(private.blank))


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
