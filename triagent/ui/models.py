"""The model list: installed and downloadable, how each fits this machine, its centers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding
from textual.widgets import Input, OptionList

from triagent.errors import TriagentError
from triagent.ui import actions
from triagent.ui.panels import ListScreen
from triagent.ui.ports import ModelRow, Models, Open

if TYPE_CHECKING:
    from triagent.ui.app import TriagentApp


class ModelsScreen(ListScreen):
    """Models on disk first, then those that can be downloaded."""

    HEAD = "Models"
    KEYS = "Enter use, or download · Ctrl+K make centers · Esc stop, or back"
    BINDINGS: ClassVar = [Binding("ctrl+k", "centers", "Make centers", priority=True)]
    app: TriagentApp

    def __init__(self, models: Models) -> None:
        super().__init__()
        self._models = models
        self._all: Sequence[ModelRow] = ()
        self._shown: list[ModelRow] = []
        self._stop = threading.Event()
        self._working = ""

    def on_mount(self) -> None:
        """List all."""
        self.search.focus()
        self.note("looking at the models folder")
        self._load()

    def on_unmount(self) -> None:
        """A download does not go on unseen."""
        self._stop.set()

    @work(thread=True, exclusive=True, group="models")
    def _load(self) -> None:
        try:
            rows = self._models.rows()
        except (TriagentError, OSError) as error:
            self.app.call_from_thread(self.note, str(error))
            return
        self.app.call_from_thread(self._show, rows)

    def _show(self, rows: Sequence[ModelRow]) -> None:
        self._all = rows
        at_first = not self._shown
        self.refill()
        if at_first:
            self.describe()

    def refill(self) -> None:
        """Rows that hold what was typed."""
        part = self.search.value.lower()
        self._shown = [row for row in self._all if part in row.name.lower()]
        self.fill(self._line(row) for row in self._shown)

    def _line(self, row: ModelRow):
        where = "installed" if row.path else "download"
        centers = f" · centers {row.sidecar}" if row.sidecar else ""
        facts = f"{where} · {row.size}{centers}"
        return self.line(row.name, facts, row.fit, row.fits)

    @property
    def _row(self) -> ModelRow | None:
        at = self.rows.highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def describe(self) -> None:
        """What the model is and where it is or comes from."""
        if self._working:
            return
        row = self._row
        self.note(f"{row.about}\n{row.path or row.source}".strip() if row else "no model is found")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.refill()
        self.describe()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: use or download."""
        self._take()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Use or download by mouse."""
        self._take()

    def _take(self) -> None:
        row = self._row
        if row is None or self._working:
            return
        if row.path is not None:
            self.dismiss()
            self.app.open(Open(model=row.path))
        elif self.app.config.offline:
            self.note("offline: nothing is downloaded; start without --offline")
        else:
            self._work(f"downloading {row.name}", row, self._models.download)

    def action_centers(self) -> None:
        """Measure the chosen model's centers."""
        row = self._row
        if row is None or self._working:
            return
        if row.path is None:
            self.note("centers are measured on an installed model; download it first")
        elif not self._is_open(row.path):
            self._work(f"making centers for {row.name}", row.path, self._models.make_centers)
        elif self.app.chat.busy:
            self.note("this model is at work; its centers can be made when it is ready")
        else:
            self.dismiss()
            actions.make_centers(self.app)

    def _is_open(self, path: Path) -> bool:
        agent = self.app.thread.agent if self.app.thread is not None else None
        return agent is not None and agent.info.path.resolve() == path.resolve()

    def _work(self, doing: str, what: ModelRow | Path, call: Callable) -> None:
        self._working = doing
        self._stop.clear()
        self.note(doing)
        self._run(doing, what, call)

    @work(thread=True, group="work")
    def _run(self, doing: str, what: ModelRow | Path, call: Callable) -> None:
        def report(text: str, share: float | None = None) -> None:
            self.app.call_from_thread(self._progress, doing, text, share)

        try:
            path = call(what, report, self._stop.is_set)
        except (TriagentError, OSError) as error:
            ended = str(error)
        else:
            ended = f"done: {path}"
        if self.is_attached:
            self.app.call_from_thread(self._ended, ended)

    def _progress(self, doing: str, text: str, share: float | None) -> None:
        if not self.is_attached:
            return
        done = "" if share is None else f" {'▰' * round(20 * share):▱<20} {share:.0%}"
        self.note(f"{doing}{done}\n{text}")

    def _ended(self, text: str) -> None:
        self._working = ""
        self.note(text)
        self._load()

    def action_back(self) -> None:
        """Stop the work, or leave."""
        if self._working and not self._stop.is_set():
            self._stop.set()
            self.note("stopping")
        else:
            self.dismiss()
