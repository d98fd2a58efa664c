"""Nothing that a project brings runs before the user has trusted this very content.

Skills, hooks and scripts beneath a workspace are known by a hash over their files; the answer
is kept in our own folder. One changed byte, a new file or another name asks again. Reading
instructions (AGENTS.md) needs no trust: they are data, shown with their size.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from triagent.agent.approval_rules import workspace_hash, write_private
from triagent.agent.sanitize import clean
from triagent.errors import ConfigError

FOLDERS = (".triagent/skills", ".triagent/hooks")
"""Where a project keeps what would run, relative to the workspace."""
MOST_BYTES = 16 * 2**20
MOST_FILES = 2000


@dataclass(frozen=True)
class Question:
    """What the user is asked before anything of a project runs."""

    digest: str
    """Hash over names, permissions and contents."""
    files: tuple[str, ...]
    n_bytes: int
    n_hidden: int
    """Hidden characters and terminal commands in the files: a reason to look closely."""


class Trust:
    """The answers for one workspace."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        self._workspace = workspace.resolve()
        self._path = folder / f"{workspace_hash(workspace)}.json"

    def question(self) -> Question | None:
        """What must be trusted first; None when there is nothing, or it is trusted as it is."""
        found = self._look()
        return None if found is None or found.digest in self._trusted() else found

    def is_trusted(self) -> bool:
        """Whether what the project brings may run now. Asked right before each use."""
        found = self._look()
        return found is not None and found.digest in self._trusted()

    def accept(self, question: Question) -> None:
        """Keep the user's answer, for exactly what he was shown."""
        self._save({*self._trusted(), question.digest})

    def revoke(self) -> None:
        """Trust nothing of this workspace any more."""
        self._save(set())

    def _look(self) -> Question | None:
        digest = hashlib.sha256()
        names, n_bytes, n_hidden = [], 0, 0
        for name, path in self._files():
            data = _content(path)
            n_bytes += len(data)
            if len(names) >= MOST_FILES or n_bytes > MOST_BYTES:
                raise ConfigError(
                    f"{self._workspace}/.triagent holds more than {MOST_FILES} files or "
                    f"{MOST_BYTES // 2**20} MiB to run; it is not used. Remove some of it"
                )
            mode = path.lstat().st_mode & 0o111
            head = json.dumps([name, mode, path.is_symlink(), len(data)])
            digest.update(head.encode("utf-8", "surrogateescape") + b"\0" + data)
            cleaned = clean(data.decode("utf-8", "replace"))
            n_hidden += cleaned.n_hidden + cleaned.n_control
            names.append(name)
        return Question(digest.hexdigest(), tuple(names), n_bytes, n_hidden) if names else None

    def _files(self) -> list[tuple[str, Path]]:
        found = []
        for top in FOLDERS:
            for folder, folders, files in os.walk(self._workspace / top):
                links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
                for name in (*files, *links):
                    path = Path(folder, name)
                    found.append((path.relative_to(self._workspace).as_posix(), path))
        return sorted(found)

    def _trusted(self) -> set[str]:
        try:
            return set(map(str, json.loads(self._path.read_text("utf-8"))["trusted"]))
        except FileNotFoundError:
            return set()
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self._path} is damaged ({error}); remove it to be asked again"
            ) from error

    def _save(self, trusted: set[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = {"workspace": str(self._workspace), "trusted": sorted(trusted)}
        write_private(self._path, json.dumps(data, indent=1).encode())


def _content(path: Path) -> bytes:
    # A link counts by where it points: following it could lead out of what was shown.
    if path.is_symlink():
        return os.fsencode(os.readlink(path))
    if not path.is_file():
        return b""
    return path.read_bytes()
