"""Going back: every file as it was before a turn, with or without git.

Before a tool changes a file its content is kept; around each command the workspace is
compared. While a command runs in the background, whatever changes counts as its doing, for
nobody can tell: the workspace is compared at its end and whenever something else begins. Putting
back keeps what it replaces, so that going back loses nothing either. Implements `ports.Undo`.
"""

from __future__ import annotations

import os
import posixpath
import stat
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from triagent.agent.undo_scan import Scan, differing, scan
from triagent.agent.undo_store import Copy, Store
from triagent.agent.workspace import LocalWorkspace
from triagent.errors import ToolError


def _one_at_a_time(method):
    # A background command's end is noticed on a thread of its own.
    @wraps(method)
    def locked(self, *arguments):
        with self._lock:
            return method(self, *arguments)

    return locked


class LocalUndo:
    """Copies of one session.

    Args:
        folder: where copies and journal are kept; outside of the workspace.
        workspace: the files.
        failpoint: called with a name at each write boundary, for tests of crashes.
    """

    def __init__(
        self,
        folder: Path,
        workspace: LocalWorkspace,
        failpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._store = Store(folder, failpoint)
        self._failpoint = failpoint
        self._workspace = workspace
        self._turn = 0
        self._before: dict[int, dict[str, Copy]] = {}
        self._seen: dict[str, Copy] = {}
        self._scan = Scan()
        self._running: list[Callable[[], bool]] = []
        self._lock = threading.RLock()
        self._load()

    @_one_at_a_time
    def begin(self, turn: int) -> None:
        """Changes from now on belong to this turn."""
        self.look()
        self._turn = turn

    @_one_at_a_time
    def record(self, path: str) -> None:
        """Keep the file as it is now, before it is changed; only the turn's first time counts.

        Raises:
            ToolError: it cannot be kept (disk full, not readable); then nothing should change it.
        """
        self.look()
        name = self._workspace.relative(path)
        if name not in self._before.get(self._turn, {}):
            self._keep({name: self._copy(name)})

    @_one_at_a_time
    def undo(self) -> tuple[str, ...]:
        """Put back the files of the last turn that changed any; returns their paths."""
        self.look()
        while turns := [turn for turn, files in self._before.items() if files]:
            # A turn may have been about to change a file and come to nothing.
            if changed := self.rewind(max(turns)):
                return changed
        return ()

    @_one_at_a_time
    def rewind(self, turn: int) -> tuple[str, ...]:
        """Put back every file as it was before `turn` began; returns their paths."""
        self.look()
        wanted: dict[str, Copy] = {}
        for later in sorted((key for key in self._before if key >= turn), reverse=True):
            wanted |= self._before[later]
        changed, failures = [], []
        for name, copy in sorted(wanted.items()):
            try:
                if self._put_back(name, copy):
                    changed.append(name)
            except (ToolError, OSError) as error:
                failures.append(f"{name} ({error})")
        if failures:  # the turn stays on record, so that it can be tried again
            raise ToolError(f"could not be put back: {'; '.join(failures)}")
        self._note({"rewound": turn})
        self._forget(turn)
        if self._running:
            self._see()
        return tuple(changed)

    @_one_at_a_time
    def before_command(self) -> None:
        """Look at the workspace, keeping the content of what is new since the last look."""
        self.look()
        if not self._running:
            self._see()

    @_one_at_a_time
    def after_command(self) -> tuple[str, ...]:
        """Record what the command changed; returns the paths."""
        changed = self._compare()
        if self._running:
            self._see()
        return changed

    @_one_at_a_time
    def in_background(self, is_running: Callable[[], bool]) -> None:
        """From now on a command runs on; call it before the command begins.

        Args:
            is_running: whether it still does.
        """
        self.before_command()
        self._running.append(is_running)

    @_one_at_a_time
    def look(self) -> tuple[str, ...]:
        """Record what changed while commands ran in the background; returns the paths."""
        if not self._running:
            return ()
        # First who still runs, then the files: what an ended one wrote last is found now.
        self._running = [is_running for is_running in self._running if is_running()]
        return self.after_command()

    def _see(self) -> None:
        now = scan(self._workspace.root)
        facts = []
        for name, stamp in now.stamps.items():
            if self._scan.stamps.get(name) != stamp or name not in self._seen:
                copy = self._try_copy(name)
                if copy is not None and self._seen.get(name) != copy:
                    self._seen[name] = copy
                    facts.append({"seen": name, "sha": copy.sha, "mode": copy.mode})
        for name in self._seen.keys() - now.stamps.keys():
            facts.append({"seen": name, "sha": None, "mode": 0})
            del self._seen[name]
        self._note(*facts, {"command": self._turn})
        self._scan = now

    def _compare(self) -> tuple[str, ...]:
        now = scan(self._workspace.root)
        changed = differing(self._scan, now, self._is_as_seen)
        known = self._before.get(self._turn, {})
        self._keep({
            name: self._seen.get(name, Copy(None))
            for name in changed
            # A file that was there and could not be copied is unknown, which is not "missing".
            if name not in known and (name in self._seen or name not in self._scan.stamps)
        })  # fmt: skip
        self._note({"command done": self._turn})
        self._scan = Scan({k: v for k, v in now.stamps.items() if k not in changed}, now.skipped)
        return tuple(changed)

    def _load(self) -> None:
        open_turn: int | None = None
        for fact in self._store.facts():
            if "rewound" in fact:
                self._forget(int(fact["rewound"]))
            elif "path" in fact:
                files = self._before.setdefault(int(fact["turn"]), {})
                files.setdefault(fact["path"], Copy(fact["sha"], fact["mode"]))
            elif "seen" in fact:
                if fact["sha"] is None:
                    self._seen.pop(fact["seen"], None)
                else:
                    self._seen[fact["seen"]] = Copy(fact["sha"], fact["mode"])
            elif "command" in fact:
                open_turn = int(fact["command"])
            elif "command done" in fact:
                open_turn = None
        last = self._before.get(max(self._before, default=0), {})
        for folder in {posixpath.dirname(name) or "." for name in last}:
            self._workspace.sweep(folder)
        if open_turn is not None:
            self._settle(open_turn)

    def _settle(self, turn: int) -> None:
        # The program died while a command ran: what differs from before counts as its doing.
        # New files do not: whether they were there before is not known.
        self._turn = turn
        known = self._before.get(turn, {})
        self._keep({
            name: copy
            for name, copy in sorted(self._seen.items())
            if name not in known and not self._is_as_seen(name)
        })  # fmt: skip
        self._note({"command done": turn})

    def _keep(self, copies: dict[str, Copy]) -> None:
        self._note(*(
            {"turn": self._turn, "path": name, "sha": copy.sha, "mode": copy.mode}
            for name, copy in copies.items()
        ))  # fmt: skip
        self._before.setdefault(self._turn, {}).update(copies)

    def _note(self, *facts: dict[str, object]) -> None:
        try:
            self._store.note(*facts)
        except OSError as error:
            raise ToolError(_cannot(error)) from error

    def _copy(self, name: str, durable: bool = True) -> Copy:
        if not self._workspace.exists(name):
            return Copy(None)
        try:
            with self._workspace.open_checked(name, None) as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                return Copy(self._store.put(file.read(), durable), mode)
        except OSError as error:
            raise ToolError(_cannot(error)) from error

    def _try_copy(self, name: str) -> Copy | None:
        # Thousands of files before the first command: waiting for the disk at each takes minutes.
        try:
            return self._copy(name, durable=False)
        except ToolError:
            if self._workspace.exists(name):
                return None  # not readable: it cannot be kept, and the command may still run
            return Copy(None)

    def _is_as_seen(self, name: str) -> bool:
        return self._try_copy(name) == self._seen.get(name, Copy(None))

    def _put_back(self, name: str, copy: Copy) -> bool:
        now = self._copy(name)
        is_link = (self._workspace.root / name).is_symlink()
        if now == copy and not is_link:
            return False
        self._note({"replaced": name, "sha": now.sha, "mode": now.mode})
        self._failpoint("putting back")
        if is_link or copy.sha is None:
            self._workspace.remove(name)
        if copy.sha is not None:
            self._workspace.write_bytes(name, self._store.get(copy.sha), copy.mode)
        return True

    def _forget(self, turn: int) -> None:
        for later in [key for key in self._before if key >= turn]:
            del self._before[later]


def _cannot(error: OSError) -> str:
    return (
        f"the file cannot be kept for undo ({error.strerror or error}); nothing was changed. "
        "Free some space, or check the data folder's permissions"
    )
