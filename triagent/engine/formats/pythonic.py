"""Dialects that write calls as Python would.

LFM 2      <|tool_call_start|>[read(path="a.py", limit=5)]<|tool_call_end|>
Llama 3    {"name": "read", "parameters": {"path": "a.py"}}
           <|python_tag|>read.call(path="a.py")
"""

from __future__ import annotations

import ast
from typing import Any

from triagent.engine.formats import jsoncalls
from triagent.engine.formats.dialect import Dialect, RawCall

_WORDS = {"true": True, "false": False, "null": None}


def read_python(body: str) -> list[RawCall]:
    """Call expressions with keyword arguments, parsed and never run; else JSON."""
    tree = _parsed(body)
    if tree is None or not (calls := _calls(tree)):
        return jsoncalls.read_objects(body)
    return [_from_call(call) for call in calls]


def read_llama(body: str) -> list[RawCall]:
    """A bare JSON call, or the built-in tools' notation."""
    return jsoncalls.read_bare(body) if body.lstrip().startswith("{") else read_python(body)


def ends_whole(body: str) -> bool:
    return _parsed(body) is not None


def _parsed(body: str) -> ast.expr | None:
    try:
        return ast.parse(body.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _calls(tree: ast.expr) -> list[ast.Call]:
    items = tree.elts if isinstance(tree, (ast.List, ast.Tuple)) else [tree]
    calls = [item for item in items if isinstance(item, ast.Call)]
    return calls if len(calls) == len(items) else []


def _from_call(call: ast.Call) -> RawCall:
    name = ast.unparse(call.func).removesuffix(".call").removeprefix("functions.")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        return RawCall(name, {}, problem="every argument needs its name: tool(path='a.py')")
    try:
        arguments = {keyword.arg: _value(keyword.value) for keyword in call.keywords}
    except ValueError:
        return RawCall(name, {}, problem="arguments must be plain values: text, numbers, lists")
    return RawCall(name, arguments)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if all(keys):
            return {_value(k): _value(v) for k, v in zip(keys, values, strict=True)}
    return ast.literal_eval(node)


LFM = Dialect(
    family="lfm",
    opens=("<|tool_call_start|>",),
    closes=("<|tool_call_end|>",),
    read=read_python,
    whole=ends_whole,
    signs=("List of tools: ",),
    stops=("<|im_end|>",),
)
LLAMA = Dialect(
    family="llama3",
    opens=("<|python_tag|>",),
    closes=(),
    read=read_llama,
    signs=("ipython", '"parameters": '),
    stops=("<|eom_id|>", "<|eot_id|>"),
    bare=True,
    grammar=jsoncalls.grammar(arguments_key="parameters"),
)
