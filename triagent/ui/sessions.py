"""The session list: search, resume, fork, rename, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding
from textual.widgets import Input, OptionList

from triagent.errors import TriagentError
from triagent.ui import actions
from triagent.ui.panels import ListScreen
from triagent.ui.ports import Open, SessionRow, Sessions

if TYPE_CHECKING:
    from triagent.ui.app import TriagentApp


class SessionsScreen(ListScreen):
    """All sessions, the last used first."""

    HEAD = "Sessions"
    KEYS = "Enter resume · Ctrl+F fork · Ctrl+R rename · Ctrl+D delete · Esc back"
    SEARCH = "search titles and what was said"
    BINDINGS: ClassVar = [
        Binding("ctrl+f", "fork", "Fork", priority=True),
        Binding("ctrl+r", "rename", "Rename", priority=True),
        Binding("ctrl+d", "delete", "Delete", priority=True),
    ]
    app: TriagentApp

    def __init__(self, store: Sessions, query: str = "") -> None:
        super().__init__()
        self._store, self._query = store, query
        self._shown: Sequence[SessionRow] = ()
        self._renaming: SessionRow | None = None
        self._deleting: SessionRow | None = None

    def on_mount(self) -> None:
        """List all."""
        self.search.value = self._query
        self.search.focus()
        self._load(self._query)

    @work(thread=True, exclusive=True, group="sessions")
    def _load(self, query: str) -> None:
        try:
            found = self._store.search(query)
        except (TriagentError, OSError) as error:
            self.app.call_from_thread(self.note, str(error))
            return
        self.app.call_from_thread(self._show, found)

    def _show(self, found: Sequence[SessionRow]) -> None:
        self._shown = found
        self.refill()
        self.note("" if found else "no session is found")

    def refill(self) -> None:
        """Rows as they were found."""
        self.fill(self._line(row) for row in self._shown)

    def _line(self, row: SessionRow):
        here = "open · " if row.id == self.app.chat.session else ""
        turns = f"{row.n_turns:,} turn{'' if row.n_turns == 1 else 's'}"
        facts = f"{here}{turns} · {row.n_tokens:,} tokens · {row.changed}"
        return self.line(row.title or "untitled", facts, row.excerpt or row.model)

    @property
    def _row(self) -> SessionRow | None:
        at = self.rows.highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        self._deleting = None
        if self._renaming is None:
            self._load(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: take the new title, or resume."""
        if self._renaming is not None:
            self._rename(self._renaming, event.value)
        else:
            self._open(fork=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Resume by mouse, or by Enter in the list."""
        self._open(fork=False)

    def _open(self, fork: bool) -> None:
        row = self._row
        if row is None:
            return
        is_open = row.id == self.app.chat.session
        self.dismiss()
        if is_open and fork:
            actions.run(self.app, "fork", "")
        elif not is_open:
            self.app.open(Open(row.id, fork, self.app.first.model))

    def action_fork(self) -> None:
        """Go on in a copy."""
        self._open(fork=True)

    def action_rename(self) -> None:
        """Type a new title in the search line."""
        row = self._row
        if row is not None:
            self._renaming = row
            self.type_in(row.title)
            self.note("new title, then Enter; Esc leaves it as it is")

    def _rename(self, row: SessionRow, title: str) -> None:
        self._renaming = None
        title = title.strip()
        self.search.value = ""
        if not title:
            return
        if row.id == self.app.chat.session:
            # Its one writer is the open agent.
            self.app.ask("rename", lambda agent: agent.rename(title), self._renamed)
        else:
            self._do(lambda: self._store.rename(row.id, title))

    def _renamed(self, _: None) -> None:
        self.app.chat.set_title(self.app.thread.agent)
        if self.is_attached:
            self._load("")

    def action_delete(self) -> None:
        """Delete, when asked twice."""
        row = self._row
        if row is None:
            return
        if row.id == self.app.chat.session:
            self.note("this session is open; /new first, then delete it")
        elif self._deleting is not row:
            self._deleting = row
            self.note(f'Ctrl+D again deletes "{row.title}" for good')
        else:
            self._deleting = None
            self._do(lambda: self._store.delete(row.id))

    @work(thread=True, group="change")
    def _do(self, change) -> None:
        try:
            change()
        except (TriagentError, OSError) as error:
            self.app.call_from_thread(self.note, str(error))
            return
        self.app.call_from_thread(self._load, "")

    def action_back(self) -> None:
        """Leave the renaming, or the screen."""
        if self._renaming is not None:
            self._renaming = None
            self.search.value = ""
            self.note("")
        else:
            self.dismiss()
