"""Small true implementations of what the agent is given: a model that plays a script, a folder,
a plain shell, a gate and an undo.

`ScriptedModel` keeps spans, positions and a cache with a budget like a real one, and records
every request, so tests assert behaviour and not calls. The app is developed on it as well.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from triagent.agent.events import Decision
from triagent.agent.ports import (
    Allowed,
    Ask,
    CommandResult,
    Denied,
    Entry,
    HasKind,
    Kind,
    Verdict,
)
from triagent.chat import (
    Appended,
    CacheStatus,
    CallText,
    Delta,
    Evicted,
    Holding,
    Limits,
    Message,
    ModelInfo,
    Origin,
    Prefill,
    Role,
    Span,
    StepEnd,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolSchema,
    Usage,
)
from triagent.errors import EngineError, SnapshotError, ToolError

# ---------------------------------------------------------------- the script


@dataclass(frozen=True)
class Piece:
    """A run of one origin that the model will say."""

    origin: Origin
    text: str
    call: ToolCall | None = None


@dataclass(frozen=True)
class Step:
    """One model message."""

    pieces: tuple[Piece, ...]
    reason: StopReason | None = None
    """None: CALLS when there is a call, else END."""
    notes: tuple[str, ...] = ()


def say(text: str) -> Piece:
    return Piece(Origin.MODEL, text)


def think(text: str) -> Piece:
    return Piece(Origin.THINKING, text)


def call(name: str, error: str | None = None, **arguments: Any) -> Piece:
    """A tool call; `error` is what the parser found wrong with it."""
    body = json.dumps({"name": name, "arguments": arguments})
    return Piece(Origin.CALL, body, ToolCall("", name, arguments, body, error))


def step(
    *pieces: Piece | str, reason: StopReason | None = None, notes: tuple[str, ...] = ()
) -> Step:
    return Step(tuple(say(x) if isinstance(x, str) else x for x in pieces), reason, notes)


Scripted = Step | Piece | str | Exception | Callable[["ScriptedModel"], "Step | Piece | str"]
"""One model message: a step, a piece, plain words, an error to raise, or a function of the model
(which may look at `model.requests` and answer accordingly)."""

# ---------------------------------------------------------------- the model

ROLE_ORIGIN = {
    Role.SYSTEM: Origin.SYSTEM,
    Role.USER: Origin.USER,
    Role.ASSISTANT: Origin.MODEL,
    Role.TOOL: Origin.TOOL,
}


class ScriptedModel:
    """A `chat.Model` that says what it is told to.

    Args:
        script: one entry a model message, in order.
        budget: most cells kept after a round; 0: unbounded.
        pace_s: seconds a sampled token takes, so that a screen can be watched.
        loop: begin again when the script is used up; otherwise that is an error.
    """

    def __init__(
        self,
        script: Sequence[Scripted],
        *,
        budget: int = 0,
        interval: int = 16,
        n_sink: int = 4,
        n_window: int = 16,
        chunk: int = 64,
        n_ctx: int = 1_000_000,
        pace_s: float = 0.0,
        loop: bool = False,
    ) -> None:
        self.script = list(script)
        self.requests: list[tuple[Any, ...]] = []
        self.spans: list[Span] = []
        """What is in the conversation now, in order."""
        self.budget, self.interval = budget, interval
        self.n_sink, self.n_window, self.chunk = n_sink, n_window, chunk
        self.pace_s, self.loop = pace_s, loop
        self.closed = False
        self._next = 0
        self._n_calls = 0
        self._tools: tuple[ToolSchema, ...] = ()
        self._live: dict[int, bool] = {}  # position -> pinned, in order
        self._n_rounds = self._n_evicted = 0
        self._cancel = threading.Event()
        self._running = False
        self._vocabulary: dict[int, str] = {}
        self._info = ModelInfo(
            name="scripted",
            path=Path("scripted.gguf"),
            fingerprint="scripted-1",
            architecture="fake",
            n_params=1_000_000,
            n_ctx_train=n_ctx,
            n_ctx=n_ctx,
            n_vocab=1 << 32,
            device="nowhere",
            cache_type="f16",
            format="fake",
            policy="streaming" if budget else "none",
        )

    # -- what a model is

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def n_pos(self) -> int:
        return self.spans[-1].stop if self.spans else 0

    def open(self, system: str, tools: Sequence[ToolSchema]) -> Iterator[Delta]:
        self.requests.append(("open", system, tuple(tools)))
        if self.spans:
            raise EngineError("the conversation is open already")
        self._tools = tuple(tools)
        names = " ".join(tool.name for tool in tools)
        yield from self._feed([(Origin.SYSTEM, f"<system>{system}\ntools: {names}</system>\n")])
        self.pin(0, self.n_pos)

    def append(self, messages: Sequence[Message]) -> Iterator[Delta]:
        self.requests.append(("append", tuple(messages)))
        runs = [
            (ROLE_ORIGIN[x.role], f"<{x.role.value}>{x.text}</{x.role.value}>\n") for x in messages
        ]
        runs[-1] = (runs[-1][0], runs[-1][1] + "<assistant>")
        yield from self._feed(runs)

    def generate(self, limits: Limits) -> Iterator[Delta]:
        self.requests.append(("generate", limits))
        todo = self._take()
        yield from self._sample(todo, limits)

    def replay(self, spans: Sequence[Span]) -> Iterator[Delta]:
        self.requests.append(("replay", tuple(spans)))
        if spans and spans[0].pos not in (0, self.n_pos):
            raise EngineError(f"the spans do not continue at {self.n_pos}")
        if spans and spans[0].pos == 0:
            self.spans, self._live = [], {}
        yield from self._feed([], tuple(spans))
        if spans and spans[0].origin is Origin.SYSTEM:
            self.pin(spans[0].pos, spans[0].stop)

    def bind_tools(self, tools: Sequence[ToolSchema]) -> None:
        self.requests.append(("bind_tools", tuple(tools)))
        self._tools = tuple(tools)

    def close_message(self, note: str = "") -> Iterator[Delta]:
        self.requests.append(("close_message", note))
        yield from self._feed([(Origin.MODEL, f"{note}</assistant>\n")])

    def rollback(self, pos: int) -> bool:
        self.requests.append(("rollback", pos))
        if self._n_evicted and pos < self.n_pos - self.n_window:
            return False
        kept = []
        for span in self.spans:
            if span.stop <= pos:
                kept.append(span)
            elif span.pos < pos:
                ids = span.ids[: pos - span.pos]
                kept.append(Span(span.origin, span.pos, ids, self._words(ids), span.sampled))
        self.spans = kept
        self._live = {at: pin for at, pin in self._live.items() if at < pos}
        return True

    def cancel(self) -> None:
        if self._running:
            self._cancel.set()

    def status(self) -> CacheStatus:
        n_pinned = sum(self._live.values()) if len(self._live) < 10_000 else self.n_window
        n_cells = self.budget + self.interval + self.chunk if self.budget else self.info.n_ctx
        return CacheStatus(
            n_pos=self.n_pos,
            n_used=len(self._live),
            n_pinned=min(len(self._live), n_pinned + self.n_window),
            n_cells=n_cells,
            budget=self.budget,
            n_rounds=self._n_rounds,
            n_evicted=self._n_evicted,
            cache_bytes=n_cells * 1024,
            full_bytes=self.n_pos * 1024,
            policy=self.info.policy,
        )

    def holding(self) -> Holding:
        n_pos = self.n_pos
        live = list(self._live)
        share = np.zeros(n_pos, np.float32)
        share[live] = 1.0
        pinned = np.zeros(n_pos, bool)
        pinned[live] = list(self._live.values())
        return Holding(n_pos, share, share * np.linspace(0, 1, n_pos, dtype=np.float32), pinned)

    def pin(self, start: int, stop: int) -> None:
        self._live.update({at: True for at in range(start, stop) if at in self._live})

    def unpin(self, start: int, stop: int) -> None:
        self._live.update({at: False for at in range(start, stop) if at in self._live})

    def forget(self, start: int, stop: int) -> Evicted:
        self.requests.append(("forget", start, stop))
        gone = [at for at in range(start, stop) if self._live.pop(at, None) is not None]
        self._n_evicted += len(gone)
        return Evicted(len(gone), self.n_pos, None, None, ranges(gone), 0.1, "forget")

    def save(self, path: Path, ledger_hash: str) -> None:
        state = {
            "hash": ledger_hash,
            "spans": [[x.origin.value, x.pos, list(x.ids), x.text, x.sampled] for x in self.spans],
            "live": list(self._live.items()),
            "counts": [self._n_rounds, self._n_evicted],
        }
        path.write_text(json.dumps(state))

    def load(self, path: Path, ledger_hash: str) -> int:
        self.requests.append(("load", path.name))
        try:
            state = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise SnapshotError(f"no usable snapshot at {path}") from error
        if state["hash"] != ledger_hash:
            raise SnapshotError("the snapshot belongs to another ledger")
        self.spans = [Span(Origin(o), p, tuple(i), t, s) for o, p, i, t, s in state["spans"]]
        self._live = dict(state["live"])
        self._n_rounds, self._n_evicted = state["counts"]
        for span in self.spans:
            self._learn(span)
        return self.n_pos

    def count(self, text: str) -> int:
        return len(tokens(text))

    def restart(self) -> ModelInfo:
        self.requests.append(("restart",))
        self.spans, self._live = [], {}
        return self._info

    def close(self) -> None:
        self.closed = True

    # -- how it does it

    def _take(self) -> Step:
        if self._next >= len(self.script):
            if not self.loop:
                raise AssertionError(f"the script has only {len(self.script)} steps")
            self._next = 0
        entry = self.script[self._next]
        self._next += 1
        if callable(entry):
            entry = entry(self)
        if isinstance(entry, Exception):
            raise entry
        return entry if isinstance(entry, Step) else step(entry)

    def _sample(self, todo: Step, limits: Limits) -> Iterator[Delta]:
        started, spans, calls, n = time.monotonic(), [], [], 0
        reason = todo.reason
        self._begin()
        for piece in todo.pieces:
            said: list[str] = []
            name = piece.call.name if piece.call else None
            for word in tokens(piece.text):
                if n >= limits.max_tokens:
                    reason = StopReason.LENGTH
                if self._cancel.is_set():
                    reason = StopReason.CANCELLED
                if reason in (StopReason.LENGTH, StopReason.CANCELLED):
                    break
                if self.pace_s:
                    time.sleep(self.pace_s)
                self._add(Span(piece.origin, self.n_pos, (self._id(word),), word, True))
                said.append(word)
                n += 1
                yield _delta(piece.origin, word, name)
                yield from self._evict()
            if said:
                text = "".join(said)
                at = self.n_pos - len(said)
                spans.append(
                    Span(piece.origin, at, tuple(self._id(x) for x in said), text, True)
                )
            if reason in (StopReason.LENGTH, StopReason.CANCELLED):
                break
            if piece.call is not None:
                self._n_calls += 1
                one = piece.call
                id = f"call-{self._n_calls}"
                calls.append(ToolCall(id, one.name, one.arguments, one.raw, one.error))
        if reason is None:
            reason = StopReason.CALLS if calls else StopReason.END
        if reason in (StopReason.END, StopReason.CALLS):
            end = "</assistant>"
            spans.append(Span(Origin.MODEL, self.n_pos, (self._id(end),), end, True))
            self._add(spans[-1])
        self._running = False
        yield self.status()
        usage = Usage(n_decode=n, decode_s=max(1e-9, time.monotonic() - started))
        yield StepEnd(reason, tuple(spans), tuple(calls), usage, todo.notes)

    def _feed(
        self, runs: Sequence[tuple[Origin, str]], ready: tuple[Span, ...] = ()
    ) -> Iterator[Delta]:
        started = time.monotonic()
        todo = list(ready)
        pos = todo[-1].stop if todo else self.n_pos
        for origin, text in runs:
            ids = tuple(self._id(word) for word in tokens(text))
            todo.append(Span(origin, pos, ids, text))
            pos += len(ids)
        total = sum(len(span.ids) for span in todo)
        done, fed = 0, []
        self._begin()
        for span in todo:
            self._learn(span)
            for start in range(0, len(span.ids), self.chunk):
                if self._cancel.is_set():
                    break
                ids = span.ids[start : start + self.chunk]
                whole = len(ids) == len(span.ids)
                words = span.text if whole else self._words(ids)
                piece = Span(span.origin, span.pos + start, ids, words, span.sampled)
                self._add(piece)
                fed.append(piece)
                done += len(ids)
                if self.pace_s:
                    time.sleep(self.pace_s)
                yield Prefill(done, total, 1000.0)
                yield from self._evict()
        cancelled, self._running = self._cancel.is_set(), False
        yield self.status()
        usage = Usage(n_prefill=done, prefill_s=max(1e-9, time.monotonic() - started))
        yield Appended(tuple(fed), usage, cancelled)

    def _begin(self) -> None:
        self._cancel.clear()
        self._running = True

    def _add(self, span: Span) -> None:
        last = self.spans[-1] if self.spans else None
        joins = last and last.origin is span.origin and last.sampled and span.sampled
        if last and joins:
            self.spans[-1] = Span(
                last.origin, last.pos, last.ids + span.ids, last.text + span.text, True
            )
        else:
            self.spans.append(span)
        self._live.update((at, False) for at in range(span.pos, span.stop))

    def _evict(self) -> Iterator[Delta]:
        if not self.budget or len(self._live) < self.budget + self.interval:
            return
        last, gone = self.n_pos - self.n_window, []
        n_over = len(self._live) - self.budget
        for at, pinned in self._live.items():
            if len(gone) == n_over or at >= last:
                break
            if at >= self.n_sink and not pinned:
                gone.append(at)
        for at in gone:
            del self._live[at]
        if gone:
            self._n_rounds += 1
            self._n_evicted += len(gone)
            yield Evicted(len(gone), self.n_pos, 0.0, 1.0, ranges(gone), 0.1)
            yield self.status()

    def _id(self, word: str) -> int:
        id = zlib.crc32(word.encode("utf-8", "replace"))
        self._vocabulary[id] = word
        return id

    def _words(self, ids: Sequence[int]) -> str:
        return "".join(self._vocabulary[id] for id in ids)

    def _learn(self, span: Span) -> None:
        """Know the words of a span that another model of this kind made."""
        self._vocabulary.update(zip(span.ids, tokens(span.text), strict=False))


def tokens(text: str) -> list[str]:
    """Words with the space before them: joined they are the text."""
    return re.findall(r"\s*<[^<>\s]*>|\s*[^\s<]+|\s+|<", text)


def ranges(positions: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Runs of rising positions as [start, stop)."""
    found: list[tuple[int, int]] = []
    for at in positions:
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return tuple(found)


def _delta(origin: Origin, word: str, name: str | None) -> Delta:
    if origin is Origin.CALL:
        return CallText(word, name)
    return Thinking(word) if origin is Origin.THINKING else Text(word)


# ---------------------------------------------------------------- the machine


class FolderWorkspace:
    """A `ports.Workspace` over plain paths; safe enough for a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def relative(self, path: str) -> str:
        full = os.path.normpath(os.path.join(self.root, path))
        if full != str(self.root) and not full.startswith(f"{self.root}{os.sep}"):
            raise ToolError(f'"{path}" is outside the workspace')
        return PurePosixPath(os.path.relpath(full, self.root)).as_posix()

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()

    def is_dir(self, path: str) -> bool:
        return (self.root / path).is_dir()

    def list(self, path: str = ".") -> list[Entry]:
        found = sorted((self.root / path).iterdir(), key=lambda item: item.name)
        return [
            Entry(x.name, x.is_dir(), x.is_symlink(), x.stat().st_size if x.is_file() else 0)
            for x in found
        ]

    def open_read(self, path: str) -> BinaryIO:
        return (self.root / self.relative(path)).open("rb")

    def write_bytes(self, path: str, data: bytes) -> None:
        target = self.root / self.relative(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def remove(self, path: str) -> None:
        (self.root / self.relative(path)).unlink()


@dataclass
class KeptUndo:
    """A `ports.Undo` that keeps copies in memory."""

    place: FolderWorkspace
    copies: list[tuple[int, str, bytes | None]] = field(default_factory=list)
    turn: int = 0

    def begin(self, turn: int) -> None:
        self.turn = turn

    def record(self, path: str) -> None:
        target = self.place.root / path
        self.copies.append((self.turn, path, target.read_bytes() if target.exists() else None))

    def undo(self) -> tuple[str, ...]:
        return self.rewind(self.copies[-1][0]) if self.copies else ()

    def rewind(self, turn: int) -> tuple[str, ...]:
        back = [copy for copy in self.copies if copy[0] >= turn]
        self.copies = self.copies[: len(self.copies) - len(back)]
        for _, path, data in reversed(back):
            target = self.place.root / path
            target.unlink(missing_ok=True) if data is None else target.write_bytes(data)
        return tuple(dict.fromkeys(path for _, path, _ in back))


class PlainBackground:
    def __init__(self, process: subprocess.Popen[bytes], output_path: Path) -> None:
        self.process, self.output_path = process, output_path

    def poll(self) -> int | None:
        return self.process.poll()

    def stop(self) -> int | None:
        self.process.terminate()
        return self.process.wait(3)


class PlainSandbox:
    """A `ports.Sandbox` that confines nothing: `sh -c` in the workspace."""

    level = "none"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[str] = []
        self.running: list[PlainBackground] = []

    def run(
        self, command, *, output_path, timeout_s, cwd=".", env=None, on_output=None, cancel=None,
        head_chars=8000, tail_chars=4000,
    ) -> CommandResult:
        self.commands.append(command)
        started = time.monotonic()
        process = self._start(command, output_path, cwd, env)
        timed_out = killed = False
        while process.poll() is None:
            timed_out = time.monotonic() - started > timeout_s
            killed = cancel is not None and cancel.is_set()
            if timed_out or killed:
                process.kill()
                process.wait()
                break
            time.sleep(0.005)
        text = Path(output_path).read_text("utf-8", errors="replace")
        if on_output is not None and text:
            on_output(text)
        whole = len(text) <= head_chars + tail_chars
        code = None if timed_out or killed else process.returncode
        return CommandResult(
            code, output_path, text if whole else text[:head_chars],
            "" if whole else text[-tail_chars:], len(text.encode()),
            time.monotonic() - started, timed_out, killed,
        )

    def start_background(self, command, *, output_path, cwd=".", env=None) -> PlainBackground:
        self.commands.append(command)
        job = PlainBackground(self._start(command, output_path, cwd, env), output_path)
        self.running.append(job)
        return job

    def close(self) -> None:
        for job in self.running:
            if job.poll() is None:
                job.stop()

    def _start(self, command, output_path, cwd, env) -> subprocess.Popen[bytes]:
        with Path(output_path).open("wb") as file:
            return subprocess.Popen(
                command, shell=isinstance(command, str), cwd=self.root / cwd, stdout=file,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env,
            )


@dataclass
class RuleGate:
    """A `ports.Gate`: looking and noting is allowed, the rest is `rule` ("allow", "ask", "deny").

    "Always" is kept by tool name."""

    rule: str = "allow"
    always: set[str] = field(default_factory=set)
    answers: list[tuple[str, Decision]] = field(default_factory=list)
    mode: str = "ask"

    def set_mode(self, mode: str) -> None:
        self.mode = mode
        self.rule = {"read-only": "deny", "ask": "ask"}.get(mode, "allow")

    def check(self, call: ToolCall, tool: HasKind, workspace: Any) -> Verdict:
        free = tool.kind in (Kind.READ, Kind.NOTE)
        if free or self.rule == "allow" or call.name in self.always:
            return Allowed()
        if self.rule == "deny":
            return Denied("this session may only read")
        part = str(call.arguments.get("command") or call.arguments.get("path") or call.name)
        return Ask((part,), True, "the mode is ask")

    def remember(self, call: ToolCall, decision: Decision) -> None:
        self.answers.append((call.name, decision))
        if decision is Decision.ALWAYS:
            self.always.add(call.name)
