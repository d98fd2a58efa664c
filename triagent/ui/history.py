"""What was typed before, kept in a file across sessions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from triagent.private import open_private

MAX_ENTRIES = 1000


class History:
    """Past prompts, walked with the arrow keys. The line being written is not lost by walking."""

    def __init__(self, path: Callable[[], Path | None] = lambda: None) -> None:
        """`path` is asked when it is first needed; None: remembered only while the app runs."""
        self._find_path = path
        self._path: Path | None = None
        self._is_read = False
        self._entries: list[str] = []
        self._at = 0
        self._draft = ""

    def _read(self) -> None:
        if not self._is_read:
            self._is_read = True
            self._path = self._find_path()
            self._entries = _load(self._path) if self._path else []
            self._at = len(self._entries)

    def add(self, text: str) -> None:
        """Remember a prompt; the same one twice in a row is kept once."""
        self._read()
        if text.strip() and (not self._entries or self._entries[-1] != text):
            self._entries = [*self._entries[-MAX_ENTRIES:], text]
            self._save(text)
        self._at, self._draft = len(self._entries), ""

    def older(self, current: str) -> str | None:
        """The entry before, or None at the oldest."""
        self._read()
        if self._at == 0:
            return None
        if self._at == len(self._entries):
            self._draft = current
        self._at -= 1
        return self._entries[self._at]

    def newer(self) -> str | None:
        """The entry after, at last the draft; None when that is shown already."""
        if self._at >= len(self._entries):
            return None
        self._at += 1
        return self._draft if self._at == len(self._entries) else self._entries[self._at]

    def _save(self, text: str) -> None:
        if self._path is None:
            return
        import json  # not for the first paint

        # A full or read-only disk must not stop anyone from typing.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "a", encoding="utf-8", opener=open_private) as file:
                file.write(json.dumps(text) + "\n")


def _load(path: Path) -> list[str]:
    import json  # not for the first paint

    found = []
    with suppress(OSError):
        for line in path.read_text("utf-8", errors="replace").splitlines()[-MAX_ENTRIES:]:
            with suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, str):
                    found.append(entry)
    return found
