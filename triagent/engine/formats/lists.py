"""Dialects that put a JSON list, or objects one after the other, between two marks.

Apriel, MiniMax M1   <tool_calls>[{"name": "read", "arguments": {}}]</tool_calls>
Nemotron Nano 2      <TOOLCALL>[{"name": "read", "arguments": {}}]</TOOLCALL>
Cohere               <|START_ACTION|>[{"tool_name": "read", "parameters": {}}]<|END_ACTION|>
Command R+           Action:\n```json\n[{"tool_name": "read", "parameters": {}}]```
Apertus              <|tools_prefix|>[{"read": {}}]<|tools_suffix|>
Granite 3.3          <|tool_call|>[{"name": "read", "arguments": {}}]
FireFunction 2       functools[{"name": "read", "arguments": {}}]
Mistral Nemo         [TOOL_CALLS][{"name": "read", "arguments": {}, "id": "123456789"}]
GigaChat 3           function call<|role_sep|>\n{"name": "read", "arguments": {}}
"""

from __future__ import annotations

from collections.abc import Sequence

from triagent.chat import ToolSchema
from triagent.engine.formats import jsoncalls, jsonish
from triagent.engine.formats.dialect import Dialect, Think
from triagent.engine.formats.grammar import SPACE, Node, Repeat, alt, object_of, seq


def _keyed_by_name(tools: Sequence[ToolSchema]) -> Node:
    """A list of `{"read": {...}}`."""
    calls = (seq(f'"{t.name}"', SPACE, ":", SPACE, object_of(t.parameters)) for t in tools)
    call = seq("{", SPACE, alt(*calls), SPACE, "}", SPACE)
    more = Repeat(seq(",", SPACE, call))
    return seq("[", SPACE, call, more, "]", SPACE, "<|tools_suffix|>")


APRIEL = Dialect(
    family="apriel",
    opens=("<tool_calls>",),
    closes=("</tool_calls>",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("<tool_calls>[",),
    stops=("<|end|>",),
    grammar=jsoncalls.grammar(listed=True, after="</tool_calls>"),
)
MINIMAX_M1 = Dialect(
    family="minimax-m1",
    opens=("<tool_calls>",),
    closes=("</tool_calls>",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("<tool_calls>", "<beginning_of_sentence>"),
    stops=("<end_of_sentence>",),
    grammar=jsoncalls.grammar(several=True, after="</tool_calls>"),
)
NEMOTRON_NANO = Dialect(
    family="nemotron-nano",
    opens=("<TOOLCALL>",),
    closes=("</TOOLCALL>",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("<TOOLCALL>",),
    stops=("<SPECIAL_12>",),
    grammar=jsoncalls.grammar(listed=True, after="</TOOLCALL>"),
)
COHERE = Dialect(
    family="cohere",
    opens=("<|START_ACTION|>",),
    closes=("<|END_ACTION|>",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("<|START_ACTION|>",),
    stops=("<|END_OF_TURN_TOKEN|>",),
    noise=("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"),
    think=Think("<|START_THINKING|>", "<|END_THINKING|>"),
    after_think="",
    grammar=jsoncalls.grammar(
        name_key="tool_name", arguments_key="parameters", listed=True, after="<|END_ACTION|>"
    ),
)
COMMAND_R_PLUS = Dialect(
    family="command-r-plus",
    opens=("Action:\n```json\n", "Action: ```json\n"),
    closes=("```",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("Action:\\n```json",),
    stops=("<|END_OF_TURN_TOKEN|>",),
    grammar=jsoncalls.grammar(
        name_key="tool_name", arguments_key="parameters", listed=True, after="```"
    ),
)
APERTUS = Dialect(
    family="apertus",
    opens=("<|tools_prefix|>",),
    closes=("<|tools_suffix|>",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("<|tools_prefix|>",),
    stops=("<|assistant_end|>",),
    think=Think("<|inner_prefix|>", "<|inner_suffix|>"),
    after_think="",
    grammar=_keyed_by_name,
)
GRANITE_3 = Dialect(
    family="granite-3",
    opens=("<|tool_call|>",),
    closes=(),
    read=jsoncalls.read_objects,
    signs=("<|tool_call|>", "<|start_of_role|>"),
    stops=("<|end_of_text|>",),
    grammar=jsoncalls.grammar(listed=True),
)
FIREFUNCTION = Dialect(
    family="firefunction",
    opens=("functools[",),
    closes=(),
    read=lambda body: jsoncalls.read_objects(body.removeprefix("functools")),
    signs=("functools[",),
    stops=("<|eot_id|>",),
    keeps_open=True,
    grammar=jsoncalls.grammar(before="functools", listed=True),
)
MISTRAL_NEMO = Dialect(
    family="mistral-nemo",
    opens=("[TOOL_CALLS]",),
    closes=(),
    read=jsoncalls.read_objects,
    signs=("[TOOL_CALLS]",),
    grammar=jsoncalls.grammar(listed=True),
)
GIGACHAT = Dialect(
    family="gigachat",
    opens=("<|message_sep|>\n\nfunction call<|role_sep|>\n", "<|function_call|>"),
    closes=(),
    read=jsoncalls.read_objects,
    signs=("<|role_sep|>",),
    stops=("<|message_sep|>",),
    grammar=jsoncalls.grammar(),
)
