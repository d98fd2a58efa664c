"""A conversation on one engine: messages in, deltas out, every token reported as a span.

Puts the template (text) and the engine (tokens) together. Owns what a session protects by itself:
the opening for good, and the last message of the user while it is small. Knows nothing of
processes or pipes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from triagent.chat import (
    Appended,
    CacheStatus,
    Delta,
    Evicted,
    Holding,
    Limits,
    Message,
    ModelInfo,
    Origin,
    Role,
    Span,
    ToolSchema,
    Usage,
)
from triagent.config import ModelConfig
from triagent.engine import snapshot
from triagent.engine.answer import Answer
from triagent.engine.engine import Engine, Fed
from triagent.engine.model import LoadedModel
from triagent.engine.template import Segment, StreamParser, Template
from triagent.errors import EngineError
from triagent.kv.spans import Spans

STREAMS = {"open", "append", "generate", "replay", "close_message"}
VALUES = {
    "clear",
    "bind_tools",
    "rollback",
    "status",
    "holding",
    "pin",
    "unpin",
    "forget",
    "save",
    "load",
    "count",
}
TURN_SHARE = 4  # the user's message is pinned while it takes at most this part of the budget


def template_of(model: LoadedModel) -> Template:
    """The chat template of a loaded model. Raises: ModelError when it is refused."""
    vocab = model.vocab
    return Template.from_model(
        model.chat_template,
        vocab.token_text(vocab.bos),
        vocab.token_text(vocab.eos),
        model.file.architecture,
        vocab.specials(),
    )


class Conversation:
    """One session on one engine."""

    def __init__(self, engine: Engine, config: ModelConfig) -> None:
        self.engine, self.vocab = engine, engine.vocab
        self.template = template_of(engine.model)
        self._stops = self._stop_ids()
        self._tools: tuple[ToolSchema, ...] = ()
        self._is_fresh = True  # nothing but the opening was fed
        self._prompt: str | None = None  # the text that the next answer continues
        self._thinking: list[tuple[int, int]] = []  # thoughts of the turn
        self._in_thinking = False  # the unfinished message has an open thought
        self._explicit = Spans()  # pinned by the caller
        self._turn = Spans()  # the user's last message, pinned by us
        self.info = self._describe(config)

    def _stop_ids(self) -> frozenset[int]:
        found = (self.vocab.tokenize(text, special=True) for text in self.template.stops)
        return frozenset(ids[0] for ids in found if len(ids) == 1)

    def _describe(self, config: ModelConfig) -> ModelInfo:
        parts, model = self.engine.parts, self.engine.model
        return ModelInfo(
            name=model.file.name,
            path=model.file.path,
            fingerprint=model.file.fingerprint,
            architecture=model.file.architecture,
            n_params=model.n_params,
            n_ctx_train=model.n_ctx_train,
            n_ctx=parts.n_ctx,
            n_vocab=self.vocab.n_tokens,
            device=model.device,
            cache_type=config.cache_type,
            format=self.template.family,
            sidecar=parts.sidecar,
            policy=parts.policy.name,
            notes=parts.notes,
        )

    # -- feeding ---------------------------------------------------------------------------

    def open(self, system: str, tools: Sequence[ToolSchema]) -> Iterator[Delta]:
        if self.engine.n_pos:
            raise EngineError("the conversation is open already")
        self._tools = tuple(tools)
        segments = self.template.opening(system, self._tools)
        runs = self.tokenize(segments)
        bos = self.vocab.bos
        if self.vocab.adds_bos and runs and runs[0][1][:1] != [bos]:
            runs.insert(0, (Origin.SYSTEM, [bos]))
        n = sum(len(ids) for _, ids in runs)
        self.pin(0, n)
        self._is_fresh = True
        yield from self._feed(runs)

    def append(self, messages: Sequence[Message]) -> Iterator[Delta]:
        segments = self.template.delta(messages, first=self._is_fresh, ended=self._ended())
        runs = self.tokenize(segments)
        if any(m.role is Role.USER for m in messages):
            self._begin_turn(runs)
        self._is_fresh = self._in_thinking = False
        self._prompt = segments[-1].text if segments and segments[-1].special else None
        yield from self._feed(runs)

    def close_message(self, note: str = "") -> Iterator[Delta]:
        segments = self.template.closing(in_thinking=self._in_thinking, note=note)
        self._prompt, self._in_thinking = None, False
        yield from self._feed(self.tokenize(segments))

    def clear(self) -> None:
        """Empty the cache: the conversation is new."""
        self.engine.clear()
        self._explicit = self._turn = Spans()
        self._thinking, self._in_thinking = [], False
        self._prompt, self._is_fresh = None, True

    def replay(self, spans: Sequence[Span]) -> Iterator[Delta]:
        if spans and spans[0].pos == 0:
            self.clear()
            self.pin(0, spans[0].stop)
        elif spans and spans[0].pos != self.engine.n_pos:
            raise EngineError(
                f"the spans begin at {spans[0].pos}, the cache ends at {self.engine.n_pos}"
            )
        fed = [s for s in spans if not s.sampled]
        self._is_fresh = not any(s.origin is not Origin.SYSTEM for s in spans)
        self._prompt = fed[-1].text if fed else None
        self._in_thinking = bool(spans) and spans[-1].origin is Origin.THINKING
        self._thinking += [(s.pos, s.stop) for s in spans if s.origin is Origin.THINKING]
        runs = [(s.origin, list(s.ids)) for s in spans]
        yield from self._feed(runs, [s.sampled for s in spans])

    def _feed(
        self, runs: list[tuple[Origin, list[int]]], sampled: list[bool] | None = None
    ) -> Iterator[Delta]:
        """Feed runs of tokens; ends with `Appended`."""
        engine, start = self.engine, self.engine.n_pos
        ids = [token for _, run in runs for token in run]
        fed = Fed(0, 0.0)
        if ids:
            fed = yield from engine.feed(ids)
        if fed.no_room:
            self._give_back(start, len(ids))
        yield engine.status()
        spans = self.spans(start, fed.n, runs, sampled or [False] * len(runs))
        usage = Usage(n_prefill=fed.n, prefill_s=fed.seconds)
        yield Appended(spans, usage, cancelled=fed.n < len(ids))

    def _give_back(self, start: int, n: int) -> None:
        status = self.engine.status()
        self.engine.rollback(start)
        raise EngineError(
            f"no room for {n} tokens: {status.n_pinned} of {status.n_cells} cells are protected. "
            "Unpin something, or raise the budget."
        )

    def spans(
        self, start: int, n: int, runs: list[tuple[Origin, list[int]]], sampled: list[bool]
    ) -> tuple[Span, ...]:
        """What of `runs` was fed, neighbours of one origin as one span."""
        spans: list[Span] = []
        pos, stop = start, start + n
        for (origin, ids), is_sampled in zip(runs, sampled, strict=True):
            ids = ids[: max(0, stop - pos)]
            last = spans[-1] if spans else None
            if last is not None and last.origin is origin and last.sampled == is_sampled:
                ids = [*last.ids, *ids]
                pos = spans.pop().pos
            if ids:
                spans.append(Span(origin, pos, tuple(ids), self.vocab.text(ids), is_sampled))
                pos += len(ids)
        return tuple(spans)

    def tokenize(self, segments: Sequence[Segment]) -> list[tuple[Origin, list[int]]]:
        return [(s.origin, self.vocab.tokenize(s.text, s.special)) for s in segments]

    def _ended(self) -> str:
        """What of the template's end of a message is in the cache already."""
        closing = self.template.closing()
        if not closing:
            return ""
        ids = self.vocab.tokenize(closing[-1].text, special=True)
        tail = list(self.engine.tail)[-len(ids) :]
        return closing[-1].text if ids and tail == ids else ""

    def _begin_turn(self, runs: list[tuple[Origin, list[int]]]) -> None:
        """Pin the user's new message, let go of the last one, and give up old thoughts first."""
        engine = self.engine
        if engine.hook is None:
            return
        for a, b in (self._turn - self._explicit).ranges:
            engine.unpin(a, b)
        for a, b in self._thinking:
            engine.dispose(a, b)
        self._thinking, self._turn = [], Spans()
        pos, ranges = engine.n_pos, []
        for origin, ids in runs:
            if origin is Origin.USER:
                ranges.append((pos, pos + len(ids)))
            pos += len(ids)
        turn = Spans.of(ranges)
        if len(turn) * TURN_SHARE <= engine.hook.protection.bounds.least:
            for a, b in turn.ranges:
                engine.pin(a, b)
            self._turn = turn

    # -- sampling --------------------------------------------------------------------------

    def generate(self, limits: Limits) -> Iterator[Delta]:
        answer = Answer(self, limits)
        yield from answer.run()
        self._in_thinking = answer.in_thinking
        self._thinking += [(s.pos, s.stop) for s in answer.spans if s.origin is Origin.THINKING]

    def parser(self, limits: Limits) -> StreamParser:
        return self.template.parser(
            self._tools,
            grammar=limits.grammar,
            thinking=limits.think_tokens > 0,
            prompt=self._prompt,
        )

    def is_end(self, token: int) -> bool:
        """Whether a token ends the model's message."""
        return token in self._stops or self.vocab.is_end(token)

    # -- the rest --------------------------------------------------------------------------

    def bind_tools(self, tools: Sequence[ToolSchema]) -> None:
        self._tools = tuple(tools)

    def rollback(self, pos: int) -> bool:
        if not self.engine.rollback(pos):
            return False
        self._thinking = [(a, min(b, pos)) for a, b in self._thinking if a < pos]
        return True

    def status(self) -> CacheStatus:
        return self.engine.status()

    def holding(self) -> Holding:
        return self.engine.holding()

    def pin(self, start: int, stop: int) -> None:
        self.engine.pin(start, stop)
        self._explicit |= Spans.of([(start, stop)])

    def unpin(self, start: int, stop: int) -> None:
        self.engine.unpin(start, stop)
        gone = Spans.of([(start, stop)])
        self._explicit -= gone
        self._turn -= gone

    def forget(self, start: int, stop: int) -> Evicted:
        self._explicit -= Spans.of([(start, stop)])
        return self.engine.forget(start, stop)

    def save(self, path: Path, ledger_hash: str) -> None:
        extra = {
            "fresh": self._is_fresh,
            "prompt": self._prompt,
            "thinking": self._thinking,
            "in_thinking": self._in_thinking,
            "explicit": self._explicit.ranges,
            "turn": self._turn.ranges,
        }
        snapshot.save(self.engine, path, ledger_hash, extra)

    def load(self, path: Path, ledger_hash: str) -> int:
        extra = snapshot.load(self.engine, path, ledger_hash)
        self._is_fresh, self._prompt = extra["fresh"], extra["prompt"]
        self._in_thinking = extra["in_thinking"]
        self._thinking = [(a, b) for a, b in extra["thinking"]]
        self._explicit, self._turn = Spans.of(extra["explicit"]), Spans.of(extra["turn"])
        return self.engine.n_pos

    def count(self, text: str) -> int:
        return len(self.vocab.tokenize(text))

    def close(self) -> None:
        self.template.close()
        self.engine.close()
