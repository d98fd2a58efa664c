"""What small models get wrong, in every dialect: nothing is lost, nothing is run by mistake."""

from __future__ import annotations

import json

import pytest

from triagent.engine.formats.dialect import Think
from triagent.engine.formats.hermes import HERMES
from triagent.engine.formats.pythonic import LLAMA
from triagent.engine.formats.stream import (
    CUT_OFF,
    IN_THINKING,
    QUOTED,
    UNSURE,
    MessageParser,
)
from triagent.engine.formats.xmlish import GLM, QWEN_CODER

THINK = Think("<think>", "</think>")


def parse(dialect, tools, text, think=THINK):
    """Char by char and at once give the same, which is returned."""
    replies = []
    for pieces in ([text], list(text)):
        parser = MessageParser(dialect, tools, think)
        for piece in pieces:
            parser.feed(piece)
        replies.append(parser.finish(cut_off=False)[1])
    assert meaning(replies[0]) == meaning(replies[1])
    return replies[0]


def meaning(reply):
    calls = [(call.name, call.arguments, call.error) for call in reply.calls]
    return reply.text, reply.thinking, calls, reply.notes


def hermes(body):
    return f"<tool_call>\n{body}\n</tool_call>"


READ = '{"name": "read", "arguments": {"path": "a.py"}}'


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ('{"name": "read", "arguments": {"path": "a.py",}}', {"path": "a.py"}),
        ('{"name": "read", "arguments": {"path": "a.py"}', {"path": "a.py"}),
        ('{"name": "read", "arguments": {"path": "a.py"}}}', {"path": "a.py"}),
        ("{'name': 'read', 'arguments': {'path': 'a.py'}}", {"path": "a.py"}),
        ("{“name”: “read”, “arguments”: {“path”: “a.py”}}", {"path": "a.py"}),
        ('{name: "read", arguments: {path: "a.py"}}', {"path": "a.py"}),
        ('{"name": "read", "arguments": {"path": "a", "limit": "5"}}', {"path": "a", "limit": 5}),
        ('{"name": "read", "arguments": {"path": "a", "limit": 5.0}}', {"path": "a", "limit": 5}),
        ('{"name": "read", "arguments": "{\\"path\\": \\"a.py\\"}"}', {"path": "a.py"}),
        ('{"name": "read", "parameters": {"path": "a.py"}}', {"path": "a.py"}),
        ('{"function": {"name": "read", "arguments": {"path": "a.py"}}}', {"path": "a.py"}),
        ('{"name": "functions.read", "arguments": {"path": "a.py"}}', {"path": "a.py"}),
        ('{"name": "read", "arguments": {"path": "a.py", "limit": null}}', {"path": "a.py"}),
    ],
    ids=[
        "trailing comma", "missing brace", "brace too many", "single quotes", "smart quotes",
        "bare keys", "number as text", "whole float", "arguments as text", "other key",
        "wrapped", "prefixed name", "null for nothing",
    ],
)  # fmt: skip
def test_damaged_json_is_repaired(tools, body, arguments):
    (call,) = parse(HERMES, tools, hermes(body)).calls
    assert (call.name, call.arguments, call.error) == ("read", arguments, None)


def test_a_raw_line_break_in_a_string_is_one(tools):
    body = '{"name": "write", "arguments": {"path": "a", "content": "one\ntwo\ttabs"}}'
    (call,) = parse(HERMES, tools, hermes(body)).calls
    assert call.arguments["content"] == "one\ntwo\ttabs"


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_missing_close_tag_loses_nothing(golden, cut_off):
    sampled = golden.sampled.rstrip()
    for close in golden.dialect.closes:
        sampled = sampled.removesuffix(close)
    parser = golden.parser()
    parser.feed(sampled)
    calls = [(call.name, call.arguments, call.error) for call in parser.finish(cut_off)[1].calls]
    expected = [(name, arguments, None) for name, arguments in golden.calls]
    assert calls[:-1] == expected[:-1]
    assert calls[-1] == expected[-1] or (cut_off and calls[-1][2] == CUT_OFF)


def test_half_a_call_is_never_run(golden):
    """Cut off from outside anywhere, each call is exactly as meant or an error."""
    for cut in range(0, len(golden.sampled), 2):
        parser = golden.parser()
        parser.feed(golden.sampled[:cut])
        reply = parser.finish(cut_off=True)[1]
        assert len(reply.calls) <= len(golden.calls)
        for call, meant in zip(reply.calls, golden.calls, strict=False):
            assert call.error or (call.name, call.arguments) == meant, f"cut at {cut}"


def test_a_second_call_follows_a_damaged_first(tools):
    first = '{"name": "write", "arguments": {"path": "a", "content": "say "hi"}}'
    reply = parse(HERMES, tools, hermes(first) + "\n" + hermes(READ))
    assert [call.name for call in reply.calls] == ["write", "read"]
    assert reply.calls[1].error is None


def test_a_close_tag_inside_a_string_is_text(tools):
    content = "a </tool_call> and <tool_call> b"
    body = json.dumps({"name": "write", "arguments": {"path": "a", "content": content}})
    (call,) = parse(HERMES, tools, hermes(body)).calls
    assert call.arguments["content"] == content


def test_file_contents_may_hold_the_dialects_own_tags(tools):
    content = "<function=read>\n<parameter=path>\nx\n</parameter>\n</function> end"
    text = (
        "<tool_call>\n<function=write>\n<parameter=path>\na\n</parameter>\n"
        "<parameter=content>\nsee </parameter> there\n</parameter>\n</function>\n</tool_call>"
    )
    (call,) = parse(QWEN_CODER, tools, text).calls
    assert call.arguments == {"path": "a", "content": "see </parameter> there"}
    assert "</function>" in content


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>\n<function=read>\n<parameter=path>\na.py\n</function>\n</tool_call>",
        "<tool_call>\n<function=read>\n<parameter=path>\na.py\n</parameter>\n</tool_call>",
        "<tool_call>\n<function=read>\n<parameter=path>\na.py\n</parameter>\n</function>",
        "<tool_call><function=read><parameter=path>a.py</parameter></function></tool_call>",
    ],
    ids=["parameter open", "function open", "tool_call open", "no line breaks"],
)
def test_missing_closing_tags_are_common_and_harmless(tools, text):
    (call,) = parse(QWEN_CODER, tools, text).calls
    assert (call.name, call.arguments, call.error) == ("read", {"path": "a.py"}, None)


def test_an_answer_that_ends_inside_an_argument_is_not_run(tools):
    (call,) = parse(QWEN_CODER, tools, "<tool_call>\n<function=read>\n<parameter=path>a.py").calls
    assert (call.name, call.error) == ("read", CUT_OFF)


@pytest.mark.parametrize(
    "text", ["<tool_call>read</tool_call>", "<tool_call>read\n<arg_key>path</arg_key></tool_call>"]
)
def test_a_call_without_its_arguments_says_which_is_missing(tools, text):
    (call,) = parse(GLM, tools, text).calls
    assert call.error == "argument 'path' (string) is missing"


@pytest.mark.parametrize("fence", ["```", "```xml", "~~~", "  ```json"])
def test_a_call_in_a_code_fence_is_text(golden, fence):
    if golden.dialect.bare or golden.prime:
        return  # its calls stand only where a part of the message begins
    body = golden.sampled.split(golden.think.close)[-1] if golden.think else golden.sampled
    parser = golden.parser()
    parser.feed(f"{golden.think.close}" if golden.think and parser.in_thinking else "")
    parser.feed(f"Like this:\n{fence}\n{body}")
    reply = parser.finish()[1]
    assert reply.calls == ()
    assert QUOTED in reply.notes


def test_a_call_after_a_closed_fence_is_run(tools):
    reply = parse(HERMES, tools, f"```\nx\n```\n{hermes(READ)}")
    assert [call.name for call in reply.calls] == ["read"]


def test_a_mark_in_quotes_is_text(tools):
    reply = parse(HERMES, tools, "I write `<tool_call>` to call.")
    assert reply.text == "I write `<tool_call>` to call."
    assert reply.calls == ()


def test_a_call_inside_thinking_is_not_run(tools):
    reply = parse(HERMES, tools, f"<think>\nmaybe {hermes(READ)}\n</think>\nNo.")
    assert (reply.calls, reply.text, reply.notes) == ((), "No.", (IN_THINKING,))


def test_thinking_without_end_is_thinking(tools):
    reply = parse(HERMES, tools, f"<think>\non and on {hermes(READ)}")
    assert (reply.text, reply.calls, reply.notes) == ("", (), (IN_THINKING,))


def test_an_unknown_tool_names_the_nearest(tools):
    (call,) = parse(HERMES, tools, hermes('{"name": "raed", "arguments": {}}')).calls
    assert call.error == "unknown tool 'raed'; did you mean 'read'?"


def test_a_tool_unlike_any_lists_those_there_are(tools):
    (call,) = parse(HERMES, tools, hermes('{"name": "xyzzy", "arguments": {}}')).calls
    assert call.error == "unknown tool 'xyzzy'; the tools are read, write, search"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"path": "a", "limit": "many"}, """argument 'limit' must be integer, not "many\""""),
        ({"path": "a", "limit": 1.5}, "argument 'limit' must be integer, not 1.5"),
        ({"path": "a", "limit": True}, "argument 'limit' must be integer, not true"),
        ({"paht": "a"}, "unknown argument 'paht'; did you mean 'path'?"),
        ({"path": "a", "zz": 1}, "unknown argument 'zz'; it takes path, limit"),
        ({"path": None}, "argument 'path' must be string, not null"),
    ],
)
def test_arguments_against_the_schema_are_named(tools, arguments, error):
    body = json.dumps({"name": "read", "arguments": arguments})
    (call,) = parse(HERMES, tools, hermes(body)).calls
    assert call.error == error


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"paths": "src"}, ["src"]),
        ({"paths": '["a", "b"]'}, ["a", "b"]),
        ({"paths": "['a', 'b']"}, ["a", "b"]),
    ],
)
def test_a_list_may_come_as_text(tools, given, meant):
    body = json.dumps({"name": "search", "arguments": {"pattern": "x", **given}})
    (call,) = parse(HERMES, tools, hermes(body)).calls
    assert (call.arguments["paths"], call.error) == (meant, None)


def test_one_of_several_values_is_checked(tools):
    body = '{"name": "search", "arguments": {"pattern": "x", "mode": "words"}}'
    (call,) = parse(HERMES, tools, hermes(body)).calls
    assert call.error == """argument 'mode' must be one of "lines", "files", not "words\""""


def test_a_hopeless_body_is_an_error_with_its_place(tools):
    (call,) = parse(HERMES, tools, hermes("read the file please")).calls
    assert call.error.startswith("the call is not valid JSON: Expecting value at character 0")


def test_an_empty_call_is_an_error(tools):
    (call,) = parse(HERMES, tools, hermes("")).calls
    assert call.error is not None


@pytest.mark.parametrize(
    "text", ['{"path": "a.py"}', '{"name": "Bob", "age": 5}', '{"type": "cat"}', "{", "{}", "{ }"]
)
def test_an_answer_in_json_is_no_call(tools, text):
    reply = parse(LLAMA, tools, text, None)
    assert (reply.text, reply.calls) == (text, ())


def test_an_answer_in_json_stays_free(tools):
    parser = MessageParser(LLAMA, tools)
    for char in '{"name": "Bob", "age": 5}':
        assert parser.allows(char)
        parser.feed(char)
    assert parser.allows_end()


def test_json_after_words_is_no_call(tools):
    reply = parse(LLAMA, tools, f"Here: {READ}", None)
    assert (reply.text, reply.calls) == (f"Here: {READ}", ())


def test_llama_may_call_several_and_by_its_python_tag(tools):
    reply = parse(LLAMA, tools, f"{READ}; {READ}", None)
    assert [call.name for call in reply.calls] == ["read", "read"]
    reply = parse(LLAMA, tools, '<|python_tag|>read.call(path="a.py")', None)
    assert [call.arguments for call in reply.calls] == [{"path": "a.py"}]


def test_python_is_parsed_and_never_run(tools):
    reply = parse(LLAMA, tools, "<|python_tag|>read.call(path=open('/etc/passwd').read())", None)
    assert reply.calls[0].arguments == {}
    assert "plain values" in reply.calls[0].error


def test_a_deeply_nested_body_is_an_error(tools):
    (call,) = parse(HERMES, tools, hermes('{"a": [' * 1500)).calls
    assert "nested too deeply" in call.error


def test_a_close_tag_in_a_string_that_was_cut_off_ends_no_call(tools):
    body = '{"name": "write", "arguments": {"path": "a", "content": "</tool_call> and th'
    parser = MessageParser(HERMES, tools)
    parser.feed(f"<tool_call>{body}")
    (call,) = parser.finish(cut_off=True)[1].calls
    assert call.error == UNSURE


def test_an_open_quote_before_the_next_call_is_an_error_for_the_model(tools):
    first = '{"name": "write", "arguments": {"path": "a", "content": "say "hi"}}'
    calls = parse(HERMES, tools, hermes(first) + hermes(READ)).calls
    assert [call.error for call in calls] == [UNSURE, None]


def test_a_call_may_follow_code_in_the_same_line(tools):
    reply = parse(HERMES, tools, f"I run `ls`.{hermes(READ)}")
    assert [call.name for call in reply.calls] == ["read"]


def test_a_thinking_tag_in_quotes_opens_no_thinking(tools):
    reply = parse(HERMES, tools, "Put it in `<think>` and `</think>`.")
    assert reply.text == "Put it in `<think>` and `</think>`."
