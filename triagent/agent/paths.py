"""Which names of a workspace are special: protected, instructions, or likely secrets.

Pure functions on relative POSIX paths. The workspace, the sandbox and the gate all ask here,
so that a file tool and a shell command meet the same rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

PROTECTED = (".git", ".triagent")
"""Never written by a tool: what git runs (hooks, filters) and what we run (skills)."""
INSTRUCTIONS = (
    "AGENTS.md", "AGENTS.override.md", "CLAUDE.md", "GEMINI.md", ".cursorrules",
    ".github/copilot-instructions.md",
)  # fmt: skip
"""Read as instructions by agents later on; a change is asked for each time."""
STARTUP = (
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv",
    ".zprofile", ".zlogin", ".kshrc", ".gitconfig", ".gitmodules", ".ssh", ".config", ".envrc",
    ".vscode", ".idea", ".direnv", ".mcp.json",
)  # fmt: skip
"""Run or obeyed by a shell, an editor or git when the user next opens the folder."""
_SECRET = (".env", ".env.*", ".netrc", ".pypirc", ".npmrc", "id_rsa", "id_dsa", "id_ecdsa",
           "id_ed25519", "*.p12", "*.pfx", ".git-credentials", ".htpasswd")  # fmt: skip
_SAMPLE = ("*.example", "*.sample", "*.template", "*.dist", "*.pub")
_SKIPPED = {".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", "target", "build"}

MAX_SCANNED = 20_000
"""Most directory entries that the search for secrets looks at."""


def is_protected(path: str) -> bool:
    """Whether no tool may write here, whatever the mode."""
    # Without case: on a file system that ignores it, ".GIT" is ".git".
    return any(part.lower() in PROTECTED for part in path.split("/"))


def is_instruction(path: str) -> bool:
    """Whether writing here can make a later session, shell or editor do something."""
    lower = path.lower()
    first = lower.split("/", 1)[0]
    name = lower.rsplit("/", 1)[-1]
    return (
        first in STARTUP
        or lower in (item.lower() for item in INSTRUCTIONS)
        or name in (item.lower() for item in INSTRUCTIONS)
    )


def is_secret(path: str) -> bool:
    """Whether the file's name says that it holds credentials."""
    name = path.rsplit("/", 1)[-1].lower()
    if any(fnmatch(name, pattern) for pattern in _SAMPLE):
        return False
    return any(fnmatch(name, pattern) for pattern in _SECRET)


def guarded(root: Path) -> list[str]:
    """Names at the top of a workspace that commands may read and never write."""
    names = (*PROTECTED, *INSTRUCTIONS, *STARTUP)
    return [name for name in names if os.path.lexists(root / name)]


def nested_repositories(root: Path) -> Iterator[str]:
    """`.git` folders and files further down, as submodules have."""
    n_scanned = 0
    for folder, folders, files in os.walk(root):
        n_scanned += len(folders) + len(files)
        if folder != str(root) and (".git" in folders or ".git" in files):
            path = os.path.join(folder, ".git")
            if not os.path.islink(path):
                yield os.path.relpath(path, root)
        folders[:] = [name for name in folders if name not in _SKIPPED]
        if n_scanned > MAX_SCANNED:
            return


def secrets(root: Path) -> Iterator[str]:
    """Files of a workspace whose names say that they hold credentials, top level first.

    Looks at `MAX_SCANNED` entries at most, and not into folders of dependencies.
    """
    n_scanned = 0
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        n_scanned += len(folders) + len(files)
        for name in files:
            if is_secret(name):
                yield os.path.relpath(os.path.join(folder, name), root)
        if n_scanned > MAX_SCANNED:
            return
