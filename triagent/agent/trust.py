"""Nothing that a project brings is used before the user has trusted this very content.

Skills and hooks beneath a workspace, and its instructions (AGENTS.md, MEMORY.md), are known by a
hash over their files; the answer is kept in our own folder. One changed byte, a new file or
another name asks again. What is used is compared with what was hashed, byte by byte, so that
nothing can be exchanged between the question and the use.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from triagent.agent.approval_rules import workspace_hash
from triagent.agent.context import INSTRUCTIONS
from triagent.agent.sanitize import clean
from triagent.errors import ConfigError
from triagent.private import make_private, write_private

FOLDERS = (".triagent/skills", ".triagent/hooks")
"""Where a project keeps what would be used, relative to the workspace; beside `INSTRUCTIONS`."""
MOST_BYTES = 16 * 2**20
MOST_FILES = 2000
SHOWN_CHARS = 20_000


@dataclass(frozen=True)
class File:
    """A file that a project brings along."""

    name: str
    """Relative to the workspace."""
    data: bytes
    """Its content; of a link that leads out of the workspace, where it points."""
    mode: int
    link: str = ""
    """Where it points, when it is a link."""

    @property
    def text(self) -> str:
        """Its beginning, for people: without hidden characters and terminal commands."""
        return clean(self.data[: 4 * SHOWN_CHARS].decode("utf-8", "replace")).text[:SHOWN_CHARS]

    @property
    def n_hidden(self) -> int:
        """Hidden characters and terminal commands in it: a reason to look closely."""
        cleaned = clean(self.data.decode("utf-8", "replace"))
        return cleaned.n_hidden + cleaned.n_control


@dataclass(frozen=True)
class Question:
    """What the user is asked before anything of a project is used."""

    workspace: Path
    digest: str
    """Hash over names, permissions and contents."""
    contents: tuple[File, ...]
    is_changed: bool = False
    """Whether another content of this project was trusted before."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.contents)

    @property
    def n_bytes(self) -> int:
        return sum(len(file.data) for file in self.contents)

    @property
    def n_hidden(self) -> int:
        return sum(file.n_hidden for file in self.contents)


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
        """Whether what the project brings may be used as it is now."""
        found = self._look()
        return found is not None and found.digest in self._trusted()

    def covers(self, path: str, data: bytes) -> bool:
        """Whether these bytes, just read from a file of the project, are what was trusted.

        Args:
            path: relative to the workspace.
            data: the file's content, or its beginning.
        """
        found = self._look()
        if found is None or found.digest not in self._trusted():
            return False
        return any(x.name == path and x.data.startswith(data) for x in found.contents)

    def accept(self, question: Question) -> None:
        """Keep the user's answer, for exactly what he was shown."""
        self._save({*self._trusted(), question.digest})

    def revoke(self) -> None:
        """Trust nothing of this workspace any more."""
        self._save(set())

    def _look(self) -> Question | None:
        digest, contents, n_bytes = hashlib.sha256(), [], 0
        for name, path in self._files():
            file = _file(name, path, self._workspace)
            n_bytes += len(file.data)
            if len(contents) >= MOST_FILES or n_bytes > MOST_BYTES:
                raise ConfigError(
                    f"{self._workspace} brings more than {MOST_FILES} files or "
                    f"{MOST_BYTES // 2**20} MiB for an agent (.triagent, AGENTS.md, MEMORY.md); "
                    "remove some of it"
                )
            head = json.dumps([name, file.mode, file.link, len(file.data)])
            digest.update(head.encode("utf-8", "surrogateescape") + b"\0" + file.data)
            contents.append(file)
        trusted = self._trusted()
        name = digest.hexdigest()
        is_changed = bool(trusted) and name not in trusted
        return Question(self._workspace, name, tuple(contents), is_changed) if contents else None

    def _files(self) -> list[tuple[str, Path]]:
        found = [(name, path) for name in INSTRUCTIONS
                 if (path := self._workspace / name).is_file()]  # fmt: skip
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
        make_private(self._path.parent)
        data = {"workspace": str(self._workspace), "trusted": sorted(trusted)}
        write_private(self._path, json.dumps(data, indent=1).encode())


def _file(name: str, path: Path, workspace: Path) -> File:
    mode = path.lstat().st_mode & 0o111
    if path.is_symlink():
        # It counts by where it points as well: following it may lead out of what was shown.
        link = os.readlink(path)
        is_inside = path.resolve().is_relative_to(workspace) and path.is_file()
        return File(name, _start(path) if is_inside else os.fsencode(link), mode, link)
    return File(name, _start(path) if path.is_file() else b"", mode)


def _start(path: Path) -> bytes:
    # One byte beyond what is allowed in all is enough to be refused.
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)
