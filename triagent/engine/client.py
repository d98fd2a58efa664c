"""The model as the rest of triagent knows it: `chat.Model`, with the engine a pipe away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from triagent import errors
from triagent.chat import (
    Appended,
    CacheStatus,
    Delta,
    Evicted,
    Holding,
    Limits,
    Message,
    ModelInfo,
    Span,
    StepEnd,
    ToolSchema,
)
from triagent.config import CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.engine import wire
from triagent.engine.process import EngineProcess
from triagent.errors import EngineDied, EngineError, ModelError, TriagentError


class EngineModel:
    """A `chat.Model` in a process of its own.

    One caller at a time; `cancel` and `close` from any thread. After `EngineDied`, `restart`
    makes a fresh engine with an empty cache, to be filled by `load` and `replay`.
    """

    def __init__(
        self, model: ModelConfig, cache: CacheConfig, sampling: SamplingConfig | None = None
    ) -> None:
        """Start the process and load the model.

        Raises:
            ModelError, SidecarError, ConfigError, NativeError: as the engine refuses it.
            EngineDied: it ended while loading.
        """
        if model.path is None:
            raise ModelError("no model is named; give a GGUF file with --model")
        self._start = wire.Start(model, cache, sampling or SamplingConfig())
        self._lock = threading.Lock()
        self._running = 0
        self._last_id = 0
        self._process = EngineProcess()
        self._info = self._load()

    def _load(self) -> ModelInfo:
        try:
            self._process.send(self._start)
            answer = self._process.receive()
            if isinstance(answer, wire.Failed):
                raise _error(answer)
        except BaseException:
            self._process.close()
            raise
        return answer.value

    def restart(self) -> ModelInfo:
        """End the process, if it still runs, and start one anew. Raises what `__init__` does."""
        self._process.close()
        self._running = 0
        self._process = EngineProcess()
        self._info = self._load()
        return self._info

    @property
    def info(self) -> ModelInfo:
        return self._info

    def add_note(self, text: str) -> None:
        """Add a sentence to `info.notes`, for the user to read."""
        self._info = replace(self._info, notes=(*self._info.notes, text))

    @property
    def log(self) -> tuple[str, ...]:
        """The engine's last log lines."""
        return tuple(self._process.log)

    @property
    def pid(self) -> int:
        """Process id of the engine, for people who watch or stop it."""
        return self._process.pid

    # -- calls that stream

    def open(self, system: str, tools: Sequence[ToolSchema]) -> Iterator[Delta]:
        return self._stream("open", system, tuple(tools))

    def append(self, messages: Sequence[Message]) -> Iterator[Delta]:
        return self._stream("append", tuple(messages))

    def generate(self, limits: Limits) -> Iterator[Delta]:
        return self._stream("generate", limits)

    def replay(self, spans: Sequence[Span]) -> Iterator[Delta]:
        return self._stream("replay", tuple(spans))

    def close_message(self, note: str = "") -> Iterator[Delta]:
        return self._stream("close_message", note)

    # -- calls that return

    def bind_tools(self, tools: Sequence[ToolSchema]) -> None:
        self._call("bind_tools", tuple(tools))

    def rollback(self, pos: int) -> bool:
        return self._call("rollback", pos)

    def status(self) -> CacheStatus:
        return self._call("status")

    def holding(self) -> Holding:
        return self._call("holding")

    def pin(self, start: int, stop: int) -> None:
        self._call("pin", start, stop)

    def unpin(self, start: int, stop: int) -> None:
        self._call("unpin", start, stop)

    def forget(self, start: int, stop: int) -> Evicted:
        return self._call("forget", start, stop)

    def save(self, path: Path, ledger_hash: str) -> None:
        self._call("save", Path(path).absolute(), ledger_hash)

    def load(self, path: Path, ledger_hash: str) -> int:
        return self._call("load", Path(path).absolute(), ledger_hash)

    def count(self, text: str) -> int:
        return self._call("count", text)

    def cancel(self) -> None:
        """Stop the running call within one chunk or token; nothing when none runs."""
        running = self._running
        if running:
            with suppress(EngineDied):  # whoever waits for the call is told
                self._process.send(wire.Cancel(running))

    def close(self) -> None:
        """End the engine. May be called twice."""
        self._process.close()

    # -- the pipe

    def _begin(self, method: str, arguments: tuple[Any, ...]) -> int:
        if not self._lock.acquire(blocking=False):
            raise EngineError(f"{method}: another call is still running; run it to its end first")
        try:
            self._last_id += 1
            self._process.send(wire.Call(self._last_id, method, arguments))
        except BaseException:
            self._lock.release()
            raise
        return self._last_id

    def _call(self, method: str, *arguments: Any) -> Any:
        self._begin(method, arguments)
        try:
            answer = self._process.receive()
        finally:
            self._lock.release()
        if isinstance(answer, wire.Failed):
            raise _error(answer)
        return answer.value

    def _stream(self, method: str, *arguments: Any) -> Iterator[Delta]:
        self._running = self._begin(method, arguments)
        last: Delta | None = None
        try:
            while True:
                delta = self._next()
                if delta is None:
                    break
                if isinstance(delta, (Appended, StepEnd)):
                    last = delta  # held until the call has ended, so that the next may follow it
                else:
                    yield delta
        except GeneratorExit:
            self._drain()
            raise
        finally:
            self._running = 0
            self._lock.release()
        if last is not None:
            yield last

    def _next(self) -> Delta | None:
        """The next delta; None at the call's end."""
        answer = self._process.receive()
        if isinstance(answer, wire.Failed):
            raise _error(answer)
        return answer.delta if isinstance(answer, wire.Item) else None

    def _drain(self) -> None:
        """The caller lost interest: empty the pipe before the next call."""
        self.cancel()
        with suppress(TriagentError):  # whoever calls next is told
            while self._next() is not None:
                pass


def _error(failed: wire.Failed) -> TriagentError:
    kind = getattr(errors, failed.error, EngineError)
    return kind(failed.message)


def open_model(config: Config) -> EngineModel:
    """Start an engine with a configuration's model, cache and sampling.

    Raises:
        TriagentError: whatever refused it, with what to do next.
    """
    return EngineModel(config.model, config.cache, config.sampling)
