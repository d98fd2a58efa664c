"""The agent: one open session, the model behind it, and the turns between.

Owns the order of things; each kind of knowledge has its own module (`turn`, `calls`,
`conversation`, `recall`). Every method but `cancel`, `answer` and `steer` is for one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from triagent.agent import past, recall, setup, skills
from triagent.agent.calls import Approvals, Calls
from triagent.agent.conversation import Conversation, Interrupt, Interrupted
from triagent.agent.events import Decision, Event, Notice, Recalled
from triagent.agent.notes import Notes
from triagent.agent.ports import Machine
from triagent.agent.recovery import finish_crashed, mend, reason
from triagent.agent.tools import TOOLS, Tool
from triagent.agent.turn import Prompt, Turn
from triagent.chat import CacheStatus, Evicted, Holding, Limits, Model, ModelInfo, Span
from triagent.config import Config
from triagent.errors import EngineDied, EngineError, SessionError, TriagentError
from triagent.session import export
from triagent.session.session import Session


class Agent:
    """One open session.

    Args:
        machine: the workspace and what may be done in it.
        tools: what the model may call.
        notes: where the note tool writes; None leaves that tool out.
        found_skills: skills the model may read.
        redact: hides secrets in exports.
    """

    def __init__(
        self,
        model: Model,
        session: Session,
        machine: Machine,
        config: Config,
        *,
        tools: Sequence[Tool] = TOOLS,
        notes: Notes | None = None,
        found_skills: Sequence[skills.Skill] = (),
        redact: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.model, self.session, self.machine, self.config = model, session, machine, config
        self._tools = {x.schema.name: x for x in tools if notes or x.schema.name != "note"}
        self._notes, self._skills, self._redact = notes, list(found_skills), redact
        self._interrupt, self._approvals = Interrupt(), Approvals()
        self._steered: deque[str] = deque()
        self._recall = recall.Recall(session, model)
        self._conversation = Conversation(model, session, self._interrupt)
        self._context = setup.tool_context(
            machine, session, config.agent, notes=notes, found=self._skills,
            recall=lambda query: self._recall.answer(query, self.session.turn),
            cancel=self._interrupt.cancel, max_chars=setup.room(model),
        )  # fmt: skip
        self._calls = Calls(
            self._tools, self._context, machine.gate, self._approvals, self._interrupt
        )
        self._offered = ""  # words the user recalled for the next message
        self._is_started = self._is_closed = self._is_dead = False
        self._starts: dict[int, int] | None = None
        self._failed: TriagentError | None = None  # what ended the last turn that ran here

    # -- what it is

    @property
    def info(self) -> ModelInfo:
        return self.model.info

    @property
    def session_id(self) -> str:
        return self.session.id

    @property
    def title(self) -> str:
        return self.session.ledger.state.title

    @property
    def mode(self) -> str:
        return self.machine.gate.mode

    @property
    def confinement(self) -> str:
        """Rung of the sandbox in force."""
        return self.machine.sandbox.level

    # -- turns

    def start(self) -> Iterator[Event]:
        """Feed the system prompt, or bring a resumed session back. `turn` does it if need be."""
        self._interrupt.begin(float("inf"))
        try:
            yield from self._start()
        except Interrupted:
            yield Notice("info", "stopped before the session was ready; the next message goes on")

    def _start(self) -> Iterator[Event]:
        if self._is_dead:
            yield from self._revive()
        if self._is_started:
            yield from self._conversation.sync()
        else:
            yield from self._bring_up()
        if self.session.ledger.state.turn_open:
            yield from finish_crashed(self._conversation, reason(self._failed))
        elif self.session.ledger.state.turn_failed:
            yield from mend(self._conversation, reason(self._failed))

    def _bring_up(self) -> Iterator[Event]:
        fingerprint = next(self.session.ledger.records()).data.get("fingerprint")
        if fingerprint and self.session.n_pos and fingerprint != self.info.fingerprint:
            raise SessionError(
                f"session {self.session.id} was made with another model "
                f"({self.session.ledger.state.model}); run it with that one, or begin a new one"
            )
        schemas = [tool.schema for tool in self._tools.values()]
        system = setup.system_text(
            self.machine, self.config.agent, self._notes, self._skills, setup.room(self.model)
        )
        yield from self._conversation.start(system, schemas)
        self._is_started = True

    def turn(self, text: str, attachments: Sequence[str] | None = None) -> Iterator[Event]:
        """One turn.

        Args:
            text: the user's message.
            attachments: files of the workspace that it comes with; None: those it names by `@`.
        """
        if attachments is None:
            attachments = setup.mentions(self.machine, text)
        self._interrupt.begin(self.config.agent.max_seconds)
        number = self.session.turn + 1
        turn = Turn(
            number, self._conversation, self._calls, self.config.agent, self._limits(),
            self._interrupt, self._steered,
        )  # fmt: skip
        yield from turn.run(lambda: self._prepare(number, text, attachments), text)
        self._failed = turn.error
        # What refused a command may have left its context half way: a new one costs a replay.
        self._is_dead = isinstance(turn.error, EngineError)
        if turn.error is None and self._is_started:
            try:
                self._conversation.autosave()
            except EngineDied:
                self._is_dead = True

    run = turn

    def cancel(self) -> None:
        """Stop the running turn. From any thread."""
        self._interrupt.cancel.set()
        self._conversation.cancel()
        self._approvals.wake()

    def answer(self, id: str, decision: Decision) -> None:
        """Answer an `ApprovalAsked`. From any thread."""
        self._approvals.answer(id, decision)

    def steer(self, text: str) -> None:
        """Add a message to the running turn, before its next step. From any thread."""
        self._steered.append(text)

    # -- the past

    def past(self) -> Sequence[Event]:
        """The latest part of the session, as the events that made it."""
        return past.replayed(self.session.recent_records(past.SHOWN_BYTES))

    def spans(self) -> Sequence[Span]:
        """Every token of the session in order, evicted or not."""
        return tuple(self.session.ledger.spans())

    def turn_starts(self) -> Mapping[int, int]:
        """Position at which each turn begins, by turn number."""
        if self._starts is None:
            self._starts = {}
            for record in self.session.events():
                if record.data["name"] == "turn_started":
                    self._starts[record.data["turn"]] = record.data["pos"]
        return {n: pos for n, pos in self._starts.items() if n <= self.session.turn}

    def recall(self, query: str) -> Iterator[Event]:
        """Put the session's own words that match in front of the model, with the next message."""
        hits = self._recall.find(query, self.session.turn + 1)
        yield from self._put_back(hits, f'nothing found for "{query}"')

    def recall_at(self, start: int, stop: int) -> Iterator[Event]:
        """The same with what was said or read at positions [start, stop)."""
        nothing = "only what was said or read is recalled, not calls or thoughts"
        yield from self._put_back(self._recall.at(start, stop), nothing)

    def _put_back(self, hits: Sequence[recall.Hit], nothing: str) -> Iterator[Event]:
        if not hits:
            yield Notice("info", nothing)
            return
        self._offered = recall.block(hits)
        yield Recalled(self.session.turn + 1, self._offered.strip())

    def audit(self) -> Iterator[recall.Round]:
        """What was evicted, when, at what score and why."""
        return recall.audit(self.session)

    def undo(self) -> tuple[str, ...]:
        """Put back the files of the last turn that changed any."""
        return self.machine.undo.undo()

    def rewind(self, turn: int) -> tuple[str, ...]:
        """Go back to before a turn: its files and its conversation."""
        starts = self.turn_starts()
        if turn not in starts:
            raise SessionError(f"there is no turn {turn}; the last is {self.session.turn}")
        self._interrupt.begin(float("inf"))
        files = self.machine.undo.rewind(turn)
        for _ in self._conversation.rewind(starts[turn], turn):
            pass
        return files

    # -- the cache

    def status(self) -> CacheStatus:
        return self.model.status()

    def holding(self) -> Holding:
        return self.model.holding()

    def pin(self, start: int, stop: int) -> None:
        """Protect positions [start, stop) from eviction, also after a resume."""
        self.model.pin(start, stop)
        self.session.event("pinned", start=start, stop=stop)

    def unpin(self, start: int, stop: int) -> None:
        self.model.unpin(start, stop)
        self.session.event("unpinned", start=start, stop=stop)

    def forget(self, start: int, stop: int) -> Evicted:
        """Evict positions [start, stop) now."""
        item = self.model.forget(start, stop)
        self.session.add_round(item, self.info.policy)
        return item

    # -- the rest

    def set_mode(self, mode: str) -> None:
        self.machine.gate.set_mode(mode)

    def rename(self, title: str) -> None:
        self.session.rename(title)

    def export(self, path: Path) -> Path:
        """Write the session as Markdown (JSON lines for `.json`, `.jsonl`), secrets redacted."""
        is_json = path.suffix in (".json", ".jsonl")
        make = export.json_lines if is_json else export.markdown
        export.write(path, make(self.session, self._redact))
        return path

    def close(self) -> None:
        """Save the cache, end what runs, and release everything; a session in which nothing was
        said leaves nothing. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self.cancel()
        try:
            is_quiet = self._is_started and not self.session.ledger.state.turn_open
            if is_quiet and not self.session.ledger.read_only and not self.session.is_empty:
                with suppress(EngineDied):
                    self._conversation.save()
        finally:
            self.session.close()
            self.machine.close()
            self.model.close()
            if self.session.is_empty:
                self.session.discard()

    # -- how

    def _revive(self) -> Iterator[Event]:
        """Start the engine again; the session is then brought back as after a resume."""
        yield Notice("warning", "the engine had ended; it is started again")
        self.model.restart()
        self._is_dead = self._is_started = False

    def _prepare(
        self, number: int, text: str, attachments: Sequence[str]
    ) -> Generator[Event, None, Prompt]:
        yield from self._start()
        self.machine.undo.begin(number)
        fed = text + "".join(setup.attached(self._context, path) for path in attachments)
        offered, self._offered = self._offered, ""
        if not offered and self.config.agent.auto_recall:
            hits = self._recall.offer(text, number)
            offered = recall.block(hits) if hits else ""
        if self._starts is not None:
            self._starts[number] = self.session.n_pos
        return Prompt(fed + offered, offered.strip())

    def _limits(self) -> Limits:
        sampling = self.config.sampling
        return Limits(**{key: getattr(sampling, key) for key in Limits.__dataclass_fields__})
