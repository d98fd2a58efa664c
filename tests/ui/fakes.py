"""A small agent that plays a script of events, with a memory that lets go of old tokens.

True to the contract in `triagent.ui.ports`: a turn ends with one `TurnEnded`, `cancel` stops it
at the next event, an approval waits for `answer`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triagent.agent import events as ev
from triagent.agent.events import Decision, Event, Outcome
from triagent.chat import CacheStatus, Evicted, Holding, ModelInfo, Origin, Span, ToolCall, Usage
from triagent.errors import ModelError, SidecarError
from triagent.ui.ports import ModelRow, Open, Report, SessionRow

INFO = ModelInfo(
    name="demo-28m",
    path=Path("/models/demo-28m.gguf"),
    fingerprint="0123",
    architecture="llama",
    n_params=28_000_000,
    n_ctx_train=4096,
    n_ctx=4096,
    n_vocab=16384,
    device="CPU",
    cache_type="f16",
    format="hermes",
    policy="triattention",
)
USAGE = Usage(n_prefill=120, n_decode=84, prefill_s=0.5, decode_s=3.5)

Turn = Callable[["PlayedAgent", str], Iterator[Event]]


def status(n_pos: int = 2310, n_used: int = 1024, n_rounds: int = 12) -> CacheStatus:
    return CacheStatus(
        n_pos=n_pos,
        n_used=n_used,
        n_pinned=min(n_used, 388),
        n_cells=1664,
        budget=1024,
        n_rounds=n_rounds,
        n_evicted=max(0, n_pos - n_used),
        cache_bytes=17_039_360,
        full_bytes=n_pos * 16_384,
        policy="triattention",
    )


def say(*words: str) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        yield ev.StepStarted(agent.turn, 1)
        yield ev.Prefilling(64, 128, 900.0)
        yield ev.Prefilling(128, 128, 900.0)
        for word in words:
            yield ev.AnswerText(word)
        yield ev.StepDone(ev.StopReason.END, USAGE)

    return turn


def events(*items: Event) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        yield from items

    return turn


def tool(name: str, output: str, ok: bool = True, diff: str = "", **arguments) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        call = ToolCall(f"call-{agent.turn}-{name}", name, arguments)
        yield ev.CallText("<tool_call>", name)
        yield ev.StepDone(ev.StopReason.CALLS, USAGE)
        yield ev.ToolProposed(call, f"{name} {arguments}", diff)
        yield ev.ToolStarted(call)
        yield ev.ToolOutput(call.id, output)
        yield ev.ToolEnded(call.id, ok, output, 0.04)

    return turn


def asking(
    name: str, parts: Sequence[str], diff: str = "", may_always: bool = True, **arguments
) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        call = ToolCall(f"call-{agent.turn}-{name}", name, arguments)
        yield ev.ToolProposed(call, f"{name} {arguments}", diff)
        yield ev.ApprovalAsked("ask-1", call, tuple(parts), may_always, "the mode is ask", diff)
        agent.wait_for_answer()
        agent.decisions.append(agent.decision)
        if agent.decision is Decision.DENY:
            said = "the user said no"
            yield ev.ToolEnded(call.id, False, said, 0.0, ending=ev.Ending.DENIED)
            return
        yield ev.ToolStarted(call)
        yield ev.ToolEnded(call.id, True, "done", 0.12)

    return turn


def turns(*parts: Turn) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        for part in parts:
            yield from part(agent, text)

    return turn


def endless(make: Callable[[int], Event], pace_s: float = 0.05) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        for number in range(100_000):
            time.sleep(pace_s)
            yield make(number)

    return turn


def failing(error: BaseException) -> Turn:
    def turn(agent: PlayedAgent, text: str) -> Iterator[Event]:
        yield ev.StepStarted(agent.turn, 1)
        raise error

    return turn


@dataclass
class PlayedAgent:
    """Plays one script entry a turn; says "ok" when the script is used up."""

    script: list[Turn] = field(default_factory=list)
    earlier: list[Event] = field(default_factory=list)
    story: list[Span] = field(default_factory=list)
    info: ModelInfo = INFO
    session_id: str = "20261122-0001"
    title: str = "a scripted session"
    mode: str = "ask"
    confinement: str = "bwrap"
    turn: int = 0
    decisions: list[Decision] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    starting: list[Event] = field(default_factory=list)
    pinned: list[tuple[int, int]] = field(default_factory=list)
    forgotten: list[tuple[int, int]] = field(default_factory=list)
    closed: bool = False
    decision: Decision | None = None
    seconds: float = 4.2
    outcome: Outcome = Outcome.DONE
    why: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _answered: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Iterator[Event]:
        yield from self.starting

    def run(self, text: str, attachments: Sequence[str] = ()) -> Iterator[Event]:
        self.attached.extend(attachments)
        self._stop.clear()
        self._answered.clear()
        self.turn += 1
        self.heard.append(text)
        yield ev.TurnStarted(self.turn, text)
        todo = self.script.pop(0) if self.script else say("ok")
        self.outcome, self.why = Outcome.DONE, ""
        n_tools, n_failed, n_denied, changed = 0, 0, 0, ()
        for event in todo(self, text):
            if isinstance(event, ev.ToolEnded):
                n_denied += event.ending is ev.Ending.DENIED
                n_tools += event.ending is ev.Ending.RAN
                n_failed += event.ending is ev.Ending.RAN and not event.ok
                changed += event.changed
            yield event
            if self._stop.is_set():
                break
        if self._stop.is_set():
            self.outcome = Outcome.CANCELLED
        yield ev.CacheChanged(status())
        yield ev.TurnEnded(
            self.turn, self.outcome, self.why, 1, n_tools, n_failed, changed, USAGE, self.seconds,
            status(), n_denied=n_denied,
        )  # fmt: skip

    def cancel(self) -> None:
        self._stop.set()
        self._answered.set()

    def answer(self, id: str, decision: Decision) -> None:
        self.decision = decision
        self._answered.set()

    def wait_for_answer(self) -> None:
        self.decision = Decision.DENY
        self._answered.clear()
        self._answered.wait(20)

    def steer(self, text: str) -> None:
        self.heard.append(f"steer: {text}")

    def past(self) -> Sequence[Event]:
        return self.earlier

    def spans(self) -> Sequence[Span]:
        return self.story

    def turn_starts(self) -> dict[int, int]:
        users = [span for span in self.story if span.origin is Origin.USER]
        return {number: span.pos for number, span in enumerate(users, 1)}

    def status(self) -> CacheStatus:
        if self.story:
            return status(self.story[-1].stop, 1024, 12)
        return status(388, 388, 0)

    def holding(self) -> Holding:
        n_pos = self.story[-1].stop if self.story else 0
        share, score, pinned = [0.0] * n_pos, [float("nan")] * n_pos, [False] * n_pos
        for span in self.story:
            part, value, pin = self._share(span)
            for at in range(span.pos, span.stop):
                share[at], score[at], pinned[at] = part, value, pin
        for start, stop in self.forgotten:
            share[start:stop] = [0.0] * (stop - start)
        for start, stop in self.pinned:
            pinned[start:stop] = [True] * (stop - start)
        return Holding(n_pos, share, score, pinned)

    def _share(self, span: Span) -> tuple[float, float, bool]:
        if span.origin is Origin.SYSTEM:
            return 1.0, float("nan"), True
        age = 1 - span.pos / max(1, self.story[-1].stop)
        weight = {Origin.THINKING: 2.2, Origin.TOOL: 1.6, Origin.CALL: 1.2}.get(span.origin, 0.8)
        part = max(0.0, min(1.0, 1.1 - age * weight))
        return part, round(part * 0.9 - 0.2, 3), False

    def pin(self, start: int, stop: int) -> None:
        self.pinned.append((start, stop))

    def unpin(self, start: int, stop: int) -> None:
        self.pinned.remove((start, stop))

    def forget(self, start: int, stop: int) -> Evicted:
        self.forgotten.append((start, stop))
        return Evicted(stop - start, stop, None, None, ((start, stop),), 0.2, "forget")

    def recall(self, query: str) -> Iterator[Event]:
        yield ev.Recalled(1, f"words about {query}")
        yield ev.CacheChanged(status())

    def recall_at(self, start: int, stop: int) -> Iterator[Event]:
        words = "".join(span.text for span in self.story if start <= span.pos < stop)
        return self.recall(words)

    def set_mode(self, mode: str) -> None:
        self.mode = mode

    def undo(self) -> tuple[str, ...]:
        return ("src/parse.py",)

    def rewind(self, turn: int) -> tuple[str, ...]:
        self.earlier = self.earlier[:1]
        return ()

    def rename(self, title: str) -> None:
        self.title = title

    def export(self, path: Path) -> Path:
        path.write_text("# session\n")
        return path

    def close(self) -> None:
        self.closed = True


class Opener:
    """`Services.start` that hands out agents or raises, and records what was asked for."""

    def __init__(self, *results: PlayedAgent | BaseException, slow_s: float = 0.0) -> None:
        self.results, self.slow_s = list(results), slow_s
        self.asked: list[Open] = []
        self.gate: threading.Event | None = None

    def __call__(self, what: Open, report: Report) -> PlayedAgent:
        self.asked.append(what)
        report("loading demo-28m", 0.4)
        if self.gate is not None:
            self.gate.wait(20)
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, BaseException):
            raise result
        return result


@dataclass
class KeptSessions:
    """A session list in memory."""

    rows: list[SessionRow]
    renamed: list[tuple[str, str]] = field(default_factory=list)

    def search(self, query: str) -> list[SessionRow]:
        return [row for row in self.rows if query.lower() in (row.title + row.excerpt).lower()]

    def rename(self, id: str, title: str) -> None:
        self.renamed.append((id, title))

    def delete(self, id: str) -> None:
        self.rows = [row for row in self.rows if row.id != id]


@dataclass
class ListedModels:
    """A model list in memory; downloads take as long as `gate` is closed."""

    listed: list[ModelRow]
    made: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    lacking: bool = False

    def rows(self) -> list[ModelRow]:
        return self.listed

    def download(self, row: ModelRow, report: Report, stop: Callable[[], bool]) -> Path:
        report("downloading", 0.25)
        while not self.gate.wait(0.01):
            if stop():
                raise ModelError("stopped; what came so far is kept")
        self.made.append(row.name)
        return Path(f"/models/{row.name}.gguf")

    def make_centers(self, model: Path, report: Report, stop: Callable[[], bool]) -> Path:
        report("chunk 3 of 12", 0.25)
        while not self.gate.wait(0.01):
            if stop():
                raise SidecarError("stopped; no centers were written")
        self.made.append(f"centers of {model.stem}")
        self.lacking = False
        return model.with_suffix(".centers.gguf")

    def lacks_centers(self, info: ModelInfo, budget: int) -> bool:
        return self.lacking
