"""The sessions on disk, as the session screen lists them."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Sequence

from triagent.session.store import Store, Summary
from triagent.ui.ports import SessionRow


class StoredSessions:
    """`ports.Sessions` over a store. One caller at a time, on any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()

    def search(self, query: str) -> Sequence[SessionRow]:
        """Titles that hold the words first, then sessions in which they were said."""
        with self._lock:
            summaries = self._store.list()
            if not query.strip():
                return [_row(item) for item in summaries]
            low = query.lower()
            titled = [item for item in summaries if low in item.title.lower()]
            by_id = {item.id: item for item in summaries}
            said: dict[str, SessionRow] = {item.id: _row(item) for item in titled}
            for found in self._store.search(query):
                if found.session in by_id and found.session not in said:
                    excerpt = f"turn {found.passage.turn}: {found.passage.text}"
                    said[found.session] = _row(by_id[found.session], excerpt)
            return list(said.values())

    def rename(self, id: str, title: str) -> None:
        """Give a session another title. Raises SessionError while it is open elsewhere."""
        with self._lock:
            self._store.rename(id, title)

    def delete(self, id: str) -> None:
        """Remove a session for good. Raises SessionError while it is open elsewhere."""
        with self._lock:
            self._store.delete(id)


def _row(item: Summary, excerpt: str = "") -> SessionRow:
    return SessionRow(
        id=item.id,
        title=item.title,
        changed=when(item.updated, datetime.datetime.now()),
        n_turns=item.n_turns,
        n_tokens=item.n_pos,
        model=item.model,
        excerpt=item.damage or excerpt,
    )


def when(updated_s: float, now: datetime.datetime) -> str:
    """A time for people: "today 14:02", "yesterday", "19 Nov", "19 Nov 2025"."""
    then = datetime.datetime.fromtimestamp(updated_s)
    days = (now.date() - then.date()).days
    if days <= 0:
        return f"today {then:%H:%M}"
    if days == 1:
        return "yesterday"
    year = "" if then.year == now.year else f" {then.year}"
    return f"{then.day} {then:%b}{year}"
