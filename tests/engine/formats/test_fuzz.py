"""Whatever a model says: no exception, nothing lost, and the cuts do not matter."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.formats.test_golden import joined, meaning
from triagent.chat import CallText, Text, Thinking

ODDS = ["```", "`", "\n", " ", '"', "\\", "{", "}", "[", "]", ",", ":", "é", "read", "</", "<", "1"]


def pieces_of(golden):
    """The family's marks and words, broken up."""
    dialect, think = golden.dialect, golden.think
    named = [m.replace("{name}", "read") for m in (*dialect.opens, *dialect.closes, *dialect.noise)]
    tags = [think.open, think.close] if think else []
    parts = re.findall(r"<[^<>]*>|\w+|\W", golden.sampled)
    whole = re.split(r"(?<=>)", golden.sampled)
    return sorted({*named, *tags, *parts, *whole, golden.sampled, *ODDS} - {""})


def said(parser, pieces):
    out = [item for piece in pieces for item in parser.feed(piece)]
    last, reply = parser.finish(cut_off=False)
    return joined(out + last), reply


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_message_is_read_alike_at_once_and_in_pieces(golden, data):
    pieces = data.draw(st.lists(st.sampled_from(pieces_of(golden)), max_size=12))
    text = "".join(pieces)
    whole, reply = said(golden.parser(), [text])
    for cut in (pieces, list(text)):
        stream, again = said(golden.parser(), cut)
        assert stream == whole
        assert meaning(again) == meaning(reply)
        assert again.notes == reply.notes


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_nothing_that_was_said_is_lost(golden, data):
    """Every word stands in the stream, in order; only marks and blank space are left out."""
    words = [f"w{i}w" for i in range(6)]
    marks = [piece for piece in pieces_of(golden) if not re.search(r"\w\W\w", piece)]
    between = data.draw(st.lists(st.sampled_from(marks), min_size=6, max_size=6))
    text = "".join(word + piece for word, piece in zip(words, between, strict=True))
    parser = golden.parser(grammar=True)
    out = [item for char in text for item in parser.feed(char)]
    out += parser.finish(cut_off=True)[0]
    kinds = (Text, Thinking, CallText)
    shown = "".join(item.text for item in out if isinstance(item, kinds))
    assert all(word in shown for word in words)
