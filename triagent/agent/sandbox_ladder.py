"""How commands can be confined on this machine, found out by trying.

The ladder on Linux: bubblewrap; else namespaces of our own with Landlock; else nothing that
holds, and every command is asked for. Decided once at start, shown, and never changed
silently: when the chosen rung fails later, the command fails.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from triagent.agent import landlock
from triagent.agent.sandbox_view import Mount


@dataclass(frozen=True)
class Rung:
    """One way of confining commands."""

    name: str
    """bwrap, landlock, landlock-files, seatbelt, none or off."""
    confines: bool
    """Whether files, network and processes are all held; otherwise each command is asked for."""
    summary: str
    """What holds and what does not, in one sentence."""
    tried: tuple[str, ...] = ()
    """The better rungs and why they are not used."""
    cure: str = ""
    """What the user can do to get a better rung."""


BWRAP = Rung(
    "bwrap", True, "bubblewrap: writes only in the workspace, no network, no other processes"
)
LANDLOCK = Rung(
    "landlock",
    True,
    "namespaces and Landlock: writes only in the workspace, no network, no other processes",
)
LANDLOCK_FILES = Rung(
    "landlock-files",
    False,
    "Landlock for files alone: the network stays open (UDP), so every command is asked for",
)
SEATBELT = Rung("seatbelt", True, "sandbox-exec: writes only in the workspace, no network")
NONE = Rung("none", False, "no confinement on this machine: every command is asked for")
OFF = Rung("off", False, "mode full: commands run with all your rights, unasked")

_CURE = (
    "install bubblewrap (apt install bubblewrap) and allow user namespaces "
    "(sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile for bwrap)"
)


_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin"


def system_program(name: str) -> str | None:
    """A program from the system's own folders.

    Never from PATH as it is: that may lead into a workspace (a virtual environment), where a
    command could have left a program of that name for the next start.
    """
    return shutil.which(name, path=_SYSTEM_PATH)


def choose(works: Callable[[Rung], str]) -> Rung:
    """Pick the best rung for which `works` returns no complaint."""
    if sys.platform == "darwin":
        candidates: Sequence[Rung] = (SEATBELT,)
    elif sys.platform == "linux":
        candidates = (BWRAP, LANDLOCK, LANDLOCK_FILES)
    else:
        candidates = ()
    tried: list[str] = []
    for rung in candidates:
        complaint = _missing(rung) or works(rung)
        if not complaint:
            cure = "" if rung.confines else _CURE
            return _with(rung, tried, cure)
        tried.append(f"{rung.name}: {complaint}")
    return _with(NONE, tried, _CURE if sys.platform == "linux" else "")


def bwrap_argv(program: str, mounts: Sequence[Mount], cwd: str) -> list[str]:
    """The bubblewrap command line for a view, up to the command itself."""
    argv = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--cap-drop", "ALL"]
    for item in mounts:
        argv += _bwrap_mount(item)
    return [*argv, "--chdir", cwd, "--"]


def seatbelt_profile(workspace: str, writable: Sequence[str], protected: Sequence[str]) -> str:
    """A sandbox-exec profile: reads but for home, writes in the workspace, no network."""
    home = str(Path.home())
    lines = [
        "(version 1)",
        "(allow default)",
        "(deny network*)",
        f"(deny file-read* (subpath {_quoted(home)}))",
        "(deny file-write*)",
        '(allow file-write* (literal "/dev/null") (subpath "/dev/fd"))',
    ]
    for path in (workspace, *writable):
        lines.append(f"(allow file-read* file-write* (subpath {_quoted(path)}))")
    for path in protected:
        lines.append(f"(deny file-write* (subpath {_quoted(path)}))")
    lines.append("(deny mach-lookup (global-name \"com.apple.pasteboard.1\"))")
    return "\n".join(lines) + "\n"


def _missing(rung: Rung) -> str:
    if rung is BWRAP and system_program("bwrap") is None:
        return "the program bwrap is not installed"
    if rung in (LANDLOCK, LANDLOCK_FILES) and landlock.version() == 0:
        return "this kernel has no Landlock, or it is switched off"
    if rung is SEATBELT and system_program("sandbox-exec") is None:
        return "the program sandbox-exec is missing"
    return ""


def _with(rung: Rung, tried: Sequence[str], cure: str) -> Rung:
    return Rung(rung.name, rung.confines, rung.summary, tuple(tried), cure)


def _bwrap_mount(item: Mount) -> list[str]:
    match item.kind:
        case "ro" | "hide_file":
            return ["--ro-bind", item.source, item.target]
        case "rw":
            return ["--bind", item.source, item.target]
        case "tmpfs":
            return ["--perms", "0700", "--size", str(2**30), "--tmpfs", item.target]
        case "link":
            return ["--symlink", item.source, item.target]
        case "hide_folder":
            return ["--perms", "0000", "--tmpfs", item.target, "--remount-ro", item.target]
        case kind:  # proc, dev
            return [f"--{kind}", item.target]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
