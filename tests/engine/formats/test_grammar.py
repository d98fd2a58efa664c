"""Masks inside a call: what may be said can be read, and what is right may be said."""

from __future__ import annotations

import json
import random
import re
from itertools import islice
from string import printable
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triagent.engine.formats import grammar as g
from triagent.engine.formats.grammar import AnyJson, State, from_schema
from triagent.engine.formats.hermes import HERMES
from triagent.engine.formats.stream import MessageParser

SCHEMA = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "limit": {"type": "integer"},
        "ratio": {"type": "number"},
        "deep": {"type": "boolean"},
        "mode": {"enum": ["a", 2, None]},
        "names": {"type": "array", "items": {"type": "string"}},
        "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "free": {},
    },
    "required": ["path"],
}
VALUES = {
    "path": st.text(),
    "limit": st.integers(-(10**17), 10**17),
    "ratio": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "deep": st.booleans(),
    "mode": st.sampled_from(["a", 2, None]),
    "names": st.lists(st.text(max_size=5), max_size=3),
    "either": st.none() | st.integers(0, 99),
    "free": st.recursive(
        st.none() | st.booleans() | st.text(max_size=3), lambda x: st.lists(x, max_size=2)
    ),
}
OBJECTS = st.fixed_dictionaries(
    {"path": VALUES["path"]}, optional={k: v for k, v in VALUES.items() if k != "path"}
)


def accepts(node, text) -> bool:
    state = State.start(node).advance(text)
    return state is not None and state.may_end


@settings(max_examples=40, deadline=None)
@given(OBJECTS, st.booleans(), st.sampled_from([None, 2]))
def test_every_object_that_fits_the_schema_may_be_written(value, plain, indent):
    text = json.dumps(value, ensure_ascii=plain, indent=indent)
    assert accepts(from_schema(SCHEMA), text)


@settings(max_examples=40, deadline=None)
@given(OBJECTS)
def test_what_was_allowed_char_by_char_is_allowed_at_once(value):
    text = json.dumps(value)
    state = State.start(from_schema(SCHEMA))
    for char in text:
        assert state.allows(char)
        state = state.advance(char)
    assert state.may_end
    assert not state.allows("}")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"limit": 5}',
        '{"path": 5}',
        '{"path": "a", "path": "b"}',
        '{"path": "a", "pth": 1}',
        '{"path": "a",}',
        '{"path": "a", "limit": 1.5}',
        '{"path": "a", "limit": 007}',
        '{"path": "a", "limit": "5"}',
        '{"path": "a", "mode": "b"}',
        '{"path": "a", "names": [1]}',
        '{"path": "raw\nbreak"}',
        '{"path": "bad \\x escape"}',
        '{"path": "bad \\u12g4"}',
        "[]",
    ],
)
def test_what_does_not_fit_may_not_be_written(text):
    assert not accepts(from_schema(SCHEMA), text)


def test_spaces_are_bounded_so_that_a_model_cannot_fill_its_answer_with_them():
    state = State.start(from_schema(SCHEMA)).advance("{")
    assert state.allows(" " * 20)
    assert not state.allows(" " * 60)


def test_nesting_is_bounded():
    assert accepts(AnyJson(), "[" * 10 + "]" * 10)
    assert not accepts(AnyJson(), "[" * 100 + "]" * 100)


@pytest.mark.parametrize("mark", ["</p>", "aab", "<<|", "abab"])
def test_until_finds_a_mark_after_false_starts(mark):
    for before in ("", "x", mark[:-1], mark[:2] * 2, mark[0] * 3):
        text = before + mark
        first = text.index(mark) + len(mark)
        state, n_read = State.start(g.Until(mark)).read(text + "tail")
        assert (n_read, state.may_end) == (first, True)


def constrained(golden):
    return golden.dialect.grammar is not None


def test_the_golden_message_may_be_sampled(golden):
    """However it is cut into tokens, and where booleans are written as JSON."""
    sampled = golden.sampled.replace("True", "true")
    for size in (1, 4, len(sampled)):
        parser = golden.parser(grammar=True)
        for start in range(0, len(sampled), size):
            piece = sampled[start : start + size]
            assert parser.allows(piece), f"{piece!r} at {start}"
            parser.feed(piece)
        assert parser.allows_end()


def test_a_tool_that_does_not_exist_cannot_be_named(golden):
    dialect = golden.dialect
    if dialect.grammar is None or dialect.bare or "{name}" in "".join(dialect.opens):
        return  # without a sentinel, an unknown name is an answer
    name = golden.calls[0][0]
    parser = golden.parser(grammar=True)
    wrong = golden.sampled.replace(name, "zap")
    refused = []
    for char in wrong:
        refused.append(not parser.allows(char))
        parser.feed(char)
    assert any(refused)


def test_a_message_cannot_end_in_the_middle_of_a_constrained_call(golden):
    if not constrained(golden):
        return
    parser = golden.parser(grammar=True)
    seen = set()
    for char in golden.sampled.replace("True", "true"):
        parser.feed(char)
        seen.add((parser.origin.value, parser.allows_end()))
    assert ("call", False) in seen
    assert ("model", False) not in seen
    assert ("thinking", False) not in seen


def random_call(golden, rng) -> str:
    """A call that a model with no sense at all writes under the mask alone."""
    parser = golden.parser(grammar=True)
    said = ""
    for char in golden.sampled:  # as far as the first call's mark
        parser.feed(char)
        said += char
        named = not golden.dialect.bare or f'"{golden.calls[0][0]}"' in said
        if parser.origin.value == "call" and named:
            break
    begun = len(said)
    pieces = re.findall(r"</[^<>]*>|<\|[^<>]*\|>|\w+|\W", golden.sampled)
    vocabulary = sorted({*pieces, *'"}]{[:,1'})
    for _ in range(250):
        if parser.origin.value != "call" or (len(said) > begun and parser.allows_end()):
            return said
        options = rng.sample(vocabulary, len(vocabulary))
        piece = next(filter(parser.allows, options), None)
        piece = piece or next((char for char in printable if parser.allows(char)), None)
        assert piece, f"dead end after {said[begun:]!r}"
        parser.feed(piece)
        said += piece
    return ""  # a string without end: that is the token limit's business


def test_whatever_the_mask_lets_through_is_a_call_that_can_be_run(golden):
    if not constrained(golden):
        return
    tries = (random_call(golden, random.Random(seed)) for seed in range(40))
    whole = list(islice(filter(None, tries), 2))
    assert len(whole) == 2
    for said in whole:
        parser = golden.parser()
        parser.feed(said)
        calls = parser.finish(cut_off=False)[1].calls
        assert calls
        assert [call.error for call in calls] == [None] * len(calls), said


def test_without_a_grammar_everything_is_allowed(golden):
    parser = golden.parser(grammar=False)
    for char in golden.sampled:
        assert parser.allows("~")
        assert parser.allows_end()
        parser.feed(char)


def test_thinking_is_never_constrained(golden):
    if golden.think is None:
        return
    parser = golden.parser(grammar=True)
    if not parser.in_thinking:
        parser.feed(golden.think.open.removeprefix(golden.prime))
    for piece in ("maybe ", *golden.dialect.opens, '{"nonsense'):
        assert parser.allows(piece)
        parser.feed(piece)
    assert parser.allows_end()


def test_a_model_that_broke_out_is_left_alone(tools):
    parser = MessageParser(HERMES, tools)
    parser.feed("<tool_call>")
    assert not parser.allows("nonsense")
    parser.feed("nonsense")
    assert parser.allows("anything")
    assert parser.allows_end()


def test_a_token_may_hold_the_mark_and_the_calls_beginning(tools):
    parser = MessageParser(HERMES, tools)
    parser.feed("Now <tool")
    assert parser.allows('_call>{"name": "re')
    assert not parser.allows('_call>{"name": "zap')
    assert parser.allows("_box>{zap")


def test_a_token_may_hold_the_calls_end_and_words_after_it(tools):
    parser = MessageParser(HERMES, tools)
    parser.feed('<tool_call>{"name": "read", "arguments": {"path": "a"}}')
    assert parser.allows("\n</tool_call>\nDone.")
    assert not parser.allows("} </tool_call>")


def test_special_tokens_close_a_constrained_call(tools):
    specials = {1: "<tool_call>", 2: "</tool_call>"}
    parser = MessageParser(HERMES, tools, specials=specials)
    parser.feed("<tool_call>", 1)
    parser.feed('{"name": "read", "arguments": {"path": "a"}}', 9)
    assert not parser.allows("</tool_call>", 9)
    assert parser.allows("</tool_call>", 2)


def test_asking_costs_microseconds(tools):
    """Well under a millisecond a token, far from what sampling one costs."""
    parser = MessageParser(HERMES, tools)
    parser.feed('<tool_call>{"name": "write", "arguments": {"path": "a", "content": "')
    start = perf_counter()
    for _ in range(1000):
        parser.allows("some text")
        parser.feed("some text")
    assert (perf_counter() - start) / 1000 < 0.002
