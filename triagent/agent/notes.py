"""The agent's own dated notes about a workspace, kept in the user's data folder.

Outside the workspace on purpose: a cloned project must not bring notes that somebody else
wrote, and a note must not show up in its diffs.
"""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

from triagent.agent.context import Part
from triagent.private import open_private

MAX_DAY_BYTES = 100_000


class Notes:
    """Notes of one workspace.

    Args:
        folder: folder of all notes; each workspace has its own below it.
        workspace: the workspace's root.
    """

    def __init__(self, folder: Path, workspace: Path) -> None:
        key = hashlib.blake2b(str(workspace.resolve()).encode(), digest_size=4).hexdigest()
        self.folder = folder / f"{workspace.resolve().name or 'root'}-{key}"

    def add(self, text: str, now: datetime.datetime | None = None) -> None:
        """Add a line to today's notes."""
        now = now or datetime.datetime.now()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{now:%Y-%m-%d}.md"
        if path.exists() and path.stat().st_size > MAX_DAY_BYTES:
            raise OSError(f"the notes of {now:%Y-%m-%d} are full")
        with open(path, "a", encoding="utf-8", opener=open_private) as file:
            file.write(f"- {' '.join(text.split())}\n")

    def recent(self, n_days: int = 2) -> list[Part]:
        """The newest days that have notes, oldest of them first."""
        paths = sorted(self.folder.glob("????-??-??.md"))[-n_days:]
        return [
            Part(f"notes {path.stem}", path.read_text("utf-8", errors="replace").strip())
            for path in paths
        ]
