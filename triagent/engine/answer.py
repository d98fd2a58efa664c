"""One message of the model: sampled, parsed and fed, token by token.

Ends for one of the reasons in `StopReason`. A sampled end token stays out of the cache: the next
message begins with it, in the template's own way.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from triagent.chat import Delta, Limits, Origin, Span, StepEnd, StopReason, Usage
from triagent.engine.sampling import RepetitionGuard, Sampler
from triagent.engine.template import CallReady, Segment

if TYPE_CHECKING:
    from triagent.engine.conversation import Conversation

STATUS_EVERY = 32  # tokens between two states of the cache in a stream


class Answer:
    """One message of the model, token by token."""

    def __init__(self, conversation: Conversation, limits: Limits) -> None:
        self._c, self._engine, self._limits = conversation, conversation.engine, limits
        self._parser = conversation.parser(limits)
        self._sampler = Sampler.of(limits)
        self._guard = RepetitionGuard()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._runs: list[tuple[Origin, list[int]]] = []
        self._sampled: list[bool] = []
        self._pos = self._engine.n_pos
        self._n = self._n_thinking = 0
        self.spans: tuple[Span, ...] = ()
        self.in_thinking = False

    def run(self) -> Iterator[Delta]:
        """Yield deltas until the message ends; `StepEnd` last."""
        prefill = Usage()
        if self._limits.think_tokens == 0:
            prefill = yield from self._force(self._c.template.no_thinking(), parse=False)
        start = perf_counter()
        reason: StopReason | None = None
        while reason is None:
            reason = yield from self._token()
        self.in_thinking = self._parser.in_thinking
        last, reply = self._parser.finish(cut_off=reason is not StopReason.END)
        yield from (p for p in last if not isinstance(p, CallReady))
        if reason is StopReason.END and reply.calls:
            reason = StopReason.CALLS
        yield self._engine.status()
        n_fed = self._engine.n_pos - self._pos
        self.spans = self._c.spans(self._pos, n_fed, self._runs, self._sampled)
        usage = Usage(
            n_prefill=prefill.n_prefill,
            n_decode=self._n,
            prefill_s=prefill.prefill_s,
            decode_s=perf_counter() - start,
        )
        yield StepEnd(reason, self.spans, reply.calls, usage, reply.notes)

    def _token(self) -> Iterator[Delta]:
        """Sample and feed one token; returns why the message ends, or None."""
        engine, limits = self._engine, self._limits
        if engine.is_cancelled():
            return StopReason.CANCELLED
        if self._n >= limits.max_tokens:
            return StopReason.LENGTH
        if engine.n_pos >= engine.n_ctx:
            return StopReason.NO_ROOM
        if self._parser.in_thinking and self._n_thinking >= limits.think_tokens > 0:
            yield from self._force(self._c.template.think_close(), parse=True)
            self._n_thinking = -limits.max_tokens  # once a message
            return None
        token = engine.sample(self._sampler, self._allows if limits.grammar else None)
        if self._c.is_end(token):
            return StopReason.END
        rounds = engine.step(token)
        if rounds is None:
            return StopReason.NO_ROOM
        yield from rounds
        self._n += 1
        self._n_thinking += self._parser.in_thinking
        piece = self._decoder.decode(self._c.vocab.piece(token))
        yield from (p for p in self._parser.feed(piece, token) if not isinstance(p, CallReady))
        self._note(self._parser.origin, [token], True)
        if rounds or self._n % STATUS_EVERY == 0:
            yield engine.status()
        return StopReason.REPETITION if self._guard.is_loop(token) else None

    def _allows(self, token: int) -> bool:
        if self._c.is_end(token):
            return self._parser.allows_end()
        text = self._c.vocab.piece(token).decode("utf-8", "ignore")
        return self._parser.allows(text, token)

    def _note(self, origin: Origin, ids: list[int], sampled: bool) -> None:
        if self._runs and self._runs[-1][0] is origin and self._sampled[-1] == sampled:
            self._runs[-1][1].extend(ids)
        else:
            self._runs.append((origin, ids))
            self._sampled.append(sampled)

    def _force(self, segments: Sequence[Segment], parse: bool) -> Iterator[Delta]:
        """Feed tokens that the model did not choose; returns their usage."""
        ids = [token for _, run in self._c.tokenize(segments) for token in run]
        if not ids:
            return Usage()
        fed = yield from self._engine.feed(ids)
        self._note(Origin.THINKING, ids[: fed.n], False)
        text = "".join(segment.text for segment in segments)
        if fed.n < len(ids):  # cut: the parser must know what the cache holds, and no more
            text = self._c.vocab.text(ids[: fed.n])
            if not parse:  # it was told that thinking is off, and now it is not
                self._parser = self._c.parser(replace(self._limits, think_tokens=1))
            parse = True
        if parse:
            yield from (p for p in self._parser.feed(text) if not isinstance(p, CallReady))
        return Usage(n_prefill=fed.n, prefill_s=fed.seconds)
