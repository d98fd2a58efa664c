"""What the app asks of the layers below it, as protocols and values.

The app is given these by the command line and knows nothing of files, engines or downloads.
Every method may be slow and is called from the worker thread, unless its docstring says
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from triagent.agent.events import Decision, Event
from triagent.chat import CacheStatus, Evicted, Holding, ModelInfo, Span
from triagent.config import Config

if TYPE_CHECKING:  # most starts ask nothing
    from triagent.agent.trust import Question


class Agent(Protocol):
    """One open session and the model behind it."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def session_id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def mode(self) -> str:
        """Permission mode in force ("read-only", "ask", "auto" or "full")."""
        ...

    @property
    def confinement(self) -> str:
        """Rung of the sandbox in force ("bwrap", "landlock", "none", ...)."""
        ...

    def start(self) -> Iterator[Event]:
        """Feed the system prompt, or bring a resumed session back."""
        ...

    def run(self, text: str, attachments: Sequence[str] = ()) -> Iterator[Event]:
        """One turn, with files of the workspace. Ends with `TurnEnded`, whatever happens."""
        ...

    def cancel(self) -> None:
        """Stop the running turn. From any thread."""
        ...

    def answer(self, id: str, decision: Decision) -> None:
        """Answer an `ApprovalAsked`. From any thread."""
        ...

    def steer(self, text: str) -> None:
        """Give the model a message within the running turn, before its next step. From any
        thread."""
        ...

    def past(self) -> Sequence[Event]:
        """The session so far, as the events that made it."""
        ...

    def spans(self) -> Sequence[Span]:
        """Every token of the session in order, evicted or not."""
        ...

    def turn_starts(self) -> Mapping[int, int]:
        """Position at which each turn begins, by turn number."""
        ...

    def status(self) -> CacheStatus: ...

    def holding(self) -> Holding: ...

    def pin(self, start: int, stop: int) -> None: ...

    def unpin(self, start: int, stop: int) -> None: ...

    def forget(self, start: int, stop: int) -> Evicted: ...

    def recall(self, query: str) -> Iterator[Event]:
        """Put the session's own words that match in front of the model, with the next message."""
        ...

    def recall_at(self, start: int, stop: int) -> Iterator[Event]:
        """The same with what was said or read at positions [start, stop)."""
        ...

    def set_mode(self, mode: str) -> None: ...

    def undo(self) -> tuple[str, ...]:
        """Put back the files of the last turn that changed any; returns their paths."""
        ...

    def rewind(self, turn: int) -> tuple[str, ...]:
        """Go back to before `turn`: its files and its conversation."""
        ...

    def rename(self, title: str) -> None: ...

    def export(self, path: Path) -> Path:
        """Write the session as Markdown, secrets redacted; returns the file."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Open:
    """Which session and model to open. The default: a new session on the configured model."""

    session: str | None = None
    """Id of a session to resume."""
    fork: bool = False
    """Continue a copy of `session` and leave the original as it is."""
    model: Path | None = None
    """Another model file than the configured one."""


Report = Callable[[str, float | None], None]
"""Called with what is going on and the share done, 0 to 1, or None when unknown."""

Start = Callable[[Open, Report], Agent]
"""Opens a session. Slow; raises TriagentError with a message for the user."""


@dataclass(frozen=True)
class SessionRow:
    """One line of the session list."""

    id: str
    title: str
    changed: str
    """When it was last written, as a short local time."""
    n_turns: int
    n_tokens: int
    model: str
    excerpt: str = ""
    """The words that matched a search."""


class Sessions(Protocol):
    """The sessions on disk."""

    def search(self, query: str) -> Sequence[SessionRow]:
        """Newest first; all for an empty query."""
        ...

    def rename(self, id: str, title: str) -> None: ...

    def delete(self, id: str) -> None: ...


@dataclass(frozen=True)
class ModelRow:
    """One line of the model list."""

    name: str
    path: Path | None
    """None until it is downloaded."""
    size: str
    """Size on disk or to download, for people."""
    fit: str
    """One line: how it would run on this machine."""
    fits: bool
    sidecar: str
    """State of its centers: "ready", "missing", "for another model", ..."""
    source: str = ""
    """What to download; empty for files that came another way."""
    about: str = ""


class Models(Protocol):
    """The models on disk and in the catalog."""

    def rows(self) -> Sequence[ModelRow]: ...

    def download(self, row: ModelRow, report: Report, stop: Callable[[], bool]) -> Path: ...

    def make_centers(self, model: Path, report: Report, stop: Callable[[], bool]) -> Path:
        """Measure a model file; returns its sidecar."""
        ...

    def lacks_centers(self, info: ModelInfo, budget: int) -> bool:
        """Whether the open model forgets unchecked, and can be measured here."""
        ...


class Projects(Protocol):
    """What workspaces bring along for an agent, and whether the user trusts it."""

    def question(self, what: Open) -> Question | None:
        """What the user has to be asked before `what` is opened; None: nothing."""
        ...

    def accept(self, question: Question) -> None:
        """The user trusts exactly what this question showed."""
        ...


@dataclass(frozen=True)
class Services:
    """All that the app is given besides its settings. None: the screen says it is not there."""

    start: Start
    sessions: Sessions | None = None
    models: Models | None = None
    advice: Callable[[], str] | None = None
    """One sentence on which model fits this machine and how to get it."""
    save_config: Callable[[Config, Config], Path] | None = None
    """Writes the settings in which the first differs from the second; returns the file."""
    projects: Projects | None = None
    history: Path | None = None
    """File of past prompts. None: they are forgotten when the app ends."""
