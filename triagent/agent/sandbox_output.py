"""A command's output as it comes: all of it to a file, its two ends kept for the model.

What goes to the screen and to the model is cleaned of terminal commands and hidden
characters; the file has the bytes as they were. Memory stays bounded whatever is printed.
"""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from triagent.agent.sanitize import Cleaner


class Output:
    """Collects the output of one command."""

    def __init__(
        self,
        path: Path,
        most_bytes: int,
        head_chars: int = 0,
        tail_chars: int = 0,
        on_text: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        self.n_bytes = 0
        self._most_bytes = most_bytes
        self._head_chars, self._tail_chars = head_chars, tail_chars
        self._head: list[str] = []
        self._n_head = 0
        self._tail: deque[str] = deque()
        self._n_tail = 0
        self._n_dropped = 0
        self._on_text = on_text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._cleaner = Cleaner()
        self._remarks: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)

    @property
    def is_full(self) -> bool:
        """Whether more was printed than is kept."""
        return self.n_bytes > self._most_bytes

    @property
    def head(self) -> str:
        """The beginning; the whole when nothing was left out."""
        return "".join(self._head) + ("" if self._is_cut else "".join(self._tail))

    @property
    def tail(self) -> str:
        """The end, when something before it was left out."""
        return "".join(self._tail)[-self._tail_chars :] if self._is_cut else ""

    @property
    def _is_cut(self) -> bool:
        return self._n_dropped > 0 or self._n_tail > self._tail_chars

    def feed(self, data: bytes) -> None:
        """Take what the command printed; beyond the limit it is counted and dropped."""
        room = self._most_bytes - self.n_bytes
        self.n_bytes += len(data)
        if room > 0:
            self._file.write(data[:room])
        self._keep(self._cleaner.feed(self._decoder.decode(data)))

    def say(self, sentence: str) -> None:
        """Add a remark of ours at the very end, on a line of its own."""
        self._remarks.append(f"[{sentence}]")

    def close(self) -> None:
        """Finish the text and the file."""
        rest = self._decoder.decode(b"", final=True)
        self._keep(self._cleaner.feed(rest) + self._cleaner.finish())
        if self._cleaner.note:  # not in the file, which has what was removed
            self._keep(f"\n{self._cleaner.note}")
        for remark in self._remarks:
            self._file.write(f"\n{remark}".encode())
            self._keep(f"\n{remark}")
        self._remarks.clear()
        self._file.close()

    def _keep(self, text: str) -> None:
        if not text:
            return
        if self._on_text is not None:
            self._on_text(text)
        room = max(0, self._head_chars - self._n_head)
        if room:
            self._head.append(text[:room])
            self._n_head += len(text[:room])
        if text[room:]:
            self._tail.append(text[room:])
            self._n_tail += len(text[room:])
        while self._tail and self._n_tail - len(self._tail[0]) >= self._tail_chars:
            gone = self._tail.popleft()
            self._n_tail -= len(gone)
            self._n_dropped += len(gone)
        if self._n_tail > 2 * self._tail_chars + 65536:
            self._cut_tail()

    def _cut_tail(self) -> None:
        whole = "".join(self._tail)
        kept = whole[-self._tail_chars :] if self._tail_chars else ""
        self._n_dropped += len(whole) - len(kept)
        self._tail, self._n_tail = deque([kept]), len(kept)
