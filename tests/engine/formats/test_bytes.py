"""Golden messages as an engine samples them: in tokens that are bytes, cut inside characters."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from tests.engine.formats.test_golden import meaning, run
from tests.engine.scripted import CharVocab, ScriptedEngine, conversation, template_of
from triagent.chat import CallText, Limits, Origin, StepEnd, Text, Thinking
from triagent.engine.formats.chatml import CHATML

WIDE = {"a b.py": "é 漢🦙.py", "def ": "é漢🦙 "}
"""What stands in every golden message, and the same in characters of two, three and four bytes."""


def widened(value: Any) -> Any:
    if isinstance(value, list):
        return [widened(item) for item in value]
    if isinstance(value, dict):
        return {key: widened(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    for plain, wide in WIDE.items():
        value = value.replace(plain, wide)
    return value


class PieceVocab(CharVocab):
    """Each token is the next piece of the message; the one behind the last ends it."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self.pieces = pieces

    def piece(self, token: int) -> bytes:
        return self.pieces[token]

    def text(self, ids) -> str:
        return b"".join(self.pieces[id] for id in ids).decode("utf-8", "replace")

    def is_end(self, token: int) -> bool:
        return token >= len(self.pieces)


@pytest.fixture(scope="module")
def template():
    made = template_of(CHATML)
    yield made
    made.close()


@pytest.fixture
def sampled(template, golden):
    """Pieces of the message -> what a reader of the stream sees, and the end of the step."""

    def sampled(pieces: list[bytes]):
        engine = ScriptedEngine()
        engine.vocab = engine.model.vocab = PieceVocab(pieces)
        engine.says = deque(range(len(pieces)))
        talk = conversation(engine, template)
        talk.parser = lambda limits: golden.parser()
        *deltas, end = talk.generate(Limits(grammar=False))
        assert isinstance(end, StepEnd)
        shown = {
            kind: "".join(x.text for x in deltas if isinstance(x, kind))
            for kind in (Text, Thinking, CallText)
        }
        return shown, end

    return sampled


def test_a_message_cut_at_any_byte_means_the_same(golden, sampled):
    text = widened(golden.sampled)
    data = text.encode()
    assert len(data) > len(text) > 0  # there are characters to be cut
    expected = [(name, widened(arguments), None) for name, arguments in golden.calls]
    _, reply = run(golden.parser(), [text])
    assert meaning(reply) == (golden.text, golden.thinking, expected)
    cuts = [[data[:n], data[n:]] for n in range(1, len(data))]
    whole, _ = sampled([data])
    for pieces in [*cuts, [bytes([byte]) for byte in data]]:  # the last: a token a byte
        shown, end = sampled(pieces)
        calls = [(call.name, call.arguments, call.error) for call in end.calls]
        assert calls == expected, pieces
        assert shown == whole, pieces
        assert sum(len(span.ids) for span in end.spans) == len(pieces)
    assert any(span.origin is Origin.CALL for span in end.spans)
