"""Every dialect reads its golden message, however the stream was cut."""

from __future__ import annotations

from itertools import groupby

from triagent.chat import CallText, Text, Thinking
from triagent.engine.formats import DIALECTS
from triagent.engine.formats.parsed import CallReady


def run(parser, pieces):
    out = [item for piece in pieces for item in parser.feed(piece)]
    last, reply = parser.finish(cut_off=False)
    return joined(out + last), reply


def joined(items):
    """Neighbours of one kind as one: what a reader of the stream sees. Ids are random."""
    seen = []
    for kind, group in groupby(items, type):
        if kind is CallReady:
            seen += [(kind, item.call.name, item.call.arguments) for item in group]
        else:
            seen.append((kind, "".join(item.text for item in group)))
    return seen


def meaning(reply):
    calls = [(call.name, call.arguments, call.error) for call in reply.calls]
    return reply.text, reply.thinking, calls


def test_each_dialect_has_a_golden_file(goldens):
    assert {golden.family for golden in goldens} == {dialect.family for dialect in DIALECTS}


def test_the_message_means_what_its_golden_file_says(golden):
    _, reply = run(golden.parser(), [golden.sampled])
    expected = [(name, arguments, None) for name, arguments in golden.calls]
    assert meaning(reply) == (golden.text, golden.thinking, expected)
    assert reply.notes == ()


def test_one_cut_anywhere_changes_nothing(golden):
    whole = run(golden.parser(), [golden.sampled])
    for cut in range(1, len(golden.sampled)):
        stream, reply = run(golden.parser(), [golden.sampled[:cut], golden.sampled[cut:]])
        assert stream == whole[0], f"cut at {cut}"
        assert meaning(reply) == meaning(whole[1]), f"cut at {cut}"


def test_pieces_of_any_one_size_change_nothing(golden):
    whole = run(golden.parser(), [golden.sampled])
    for size in (1, 2, 3, 5, 7, 11, 23):
        pieces = [golden.sampled[i : i + size] for i in range(0, len(golden.sampled), size)]
        stream, reply = run(golden.parser(), pieces)
        assert stream == whole[0], f"pieces of {size}"
        assert meaning(reply) == meaning(whole[1])


def test_the_stream_shows_all_text_and_thinking(golden):
    stream, reply = run(golden.parser(), golden.sampled)
    text = "".join(text for kind, text, *_ in stream if kind is Text)
    thinking = "".join(text for kind, text, *_ in stream if kind is Thinking)
    assert (text.strip(), thinking.strip()) == (reply.text, reply.thinking)


def test_a_call_is_shown_while_it_is_written(golden):
    stream, _ = run(golden.parser(), golden.sampled)
    kinds = [kind for kind, *_ in stream]
    assert CallText in kinds
    assert kinds.index(CallText) < kinds.index(CallReady)


def test_the_name_is_known_before_the_call_is_complete(golden):
    parser = golden.parser()
    shown = [item for char in golden.sampled for item in parser.feed(char)]
    names = [item.name for item in shown if isinstance(item, CallText)]
    assert golden.calls[0][0] in names


def test_special_tokens_mean_the_same_as_their_text(golden):
    """With every mark a token of its own, as in the family's real vocabulary."""
    marks = {*golden.dialect.opens, *golden.dialect.closes, *golden.dialect.noise}
    marks = sorted(mark for mark in marks if mark.startswith("<|") and mark.endswith("|>"))
    marks = [mark for mark in marks if mark.count("<") == 1]
    parser = golden.parser(specials=dict(enumerate(marks)))
    rest = golden.sampled
    while rest:
        token = next((i for i, mark in enumerate(marks) if rest.startswith(mark)), None)
        piece = marks[token] if token is not None else rest[0]
        parser.feed(piece, token if token is not None else 10_000)
        rest = rest[len(piece) :]
    _, reply = parser.finish(cut_off=False)
    expected = [(name, arguments, None) for name, arguments in golden.calls]
    assert meaning(reply) == (golden.text, golden.thinking, expected)
