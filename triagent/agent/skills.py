"""Local skills: a folder with a `SKILL.md` that says, on demand, how something is done.

The system prompt has one line for each; the model reads the rest as `@skill/<name>` when it
needs it. Skills of a workspace are offered only when they are trusted; what was trusted is
copied, so that the model reads those very bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triagent.agent.ports import Trusted, Workspace
from triagent.agent.sanitize import clean
from triagent.errors import ToolError

FOLDER = ".triagent/skills"
MAX_BYTES = 100_000
MAX_DESCRIPTION = 160
_FIELD = re.compile(r"^(name|description):\s*(.+?)\s*$", re.MULTILINE)

@dataclass(frozen=True)
class Skill:
    """One skill."""

    name: str
    description: str
    text: str

    @property
    def key(self) -> str:
        """The name it is read by."""
        return f"@skill/{self.name}"


def find(place: Workspace, trusted: Trusted, own: Path | None = None) -> list[Skill]:
    """The user's own skills and the trusted ones of the workspace; on equal names the user's."""
    found: dict[str, Skill] = {}
    for fallback, data in [*_own(own), *_local(place, trusted)]:
        skill = parse(fallback, data)
        if skill is not None:
            found.setdefault(skill.name, skill)
    return list(found.values())


def parse(fallback: str, data: bytes) -> Skill | None:
    """A skill from the bytes of its file; None when nothing says what it is for."""
    text = clean(data.decode("utf-8", errors="replace")).text
    parts = text.split("---", 2)
    has_head = text.startswith("---") and len(parts) == 3
    fields = dict(_FIELD.findall(parts[1])) if has_head else {}
    description = fields.get("description", "").strip("\"'")
    if not description:
        return None
    name = re.sub(r"[^\w.-]", "-", fields.get("name", fallback).strip("\"'"))[:40]
    return Skill(name, description[:MAX_DESCRIPTION], text)


def install(skills: list[Skill], folder: Path, files: dict[str, Path]) -> None:
    """Write skills where the read tool finds them, under their keys."""
    for skill in skills:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{skill.name}.md"
        path.write_text(skill.text, "utf-8")
        files[skill.key] = path


def _own(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*/SKILL.md")) if folder else ():
        with path.open("rb") as file:
            yield path.parent.name, file.read(MAX_BYTES)


def _local(place: Workspace, trusted: Trusted) -> Iterator[tuple[str, bytes]]:
    if not place.exists(FOLDER) or not place.is_dir(FOLDER):
        return
    for entry in place.list(FOLDER):
        path = f"{FOLDER}/{entry.name}/SKILL.md"
        try:
            if not entry.is_dir or entry.is_link or not place.exists(path):
                continue
            with place.open_read(path) as file:
                data = file.read(MAX_BYTES)
        except ToolError:  # unreadable: not offered
            continue
        if trusted(path, data):
            yield entry.name, data
