"""MiniMax M3: every tag has a token before it, and nested values are nested tags.

]<]minimax[>[<tool_call>
]<]minimax[>[<invoke name="read">]<]minimax[>[<path>a.py]<]minimax[>[</path>
]<]minimax[>[</invoke>
]<]minimax[>[</tool_call>
"""

from __future__ import annotations

import re
from typing import Any

from triagent.engine.formats.dialect import Dialect, RawCall, Think

_NS = "]<]minimax[>["
_INVOKE = re.compile(re.escape(_NS) + r'<invoke name="(?P<name>[^"\n]+)">')
_OPEN = re.compile(re.escape(_NS) + r"<(?P<key>[\w.-]+)>")


def read(body: str) -> list[RawCall]:
    """All calls; text between unknown tags is dropped."""
    heads = list(_INVOKE.finditer(body))
    if not heads:
        return [RawCall("", {}, problem="the call does not name a tool")]
    ends = [head.start() for head in heads[1:]] + [len(body)]
    return [_call(head, body[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def ends_whole(body: str) -> bool:
    return body.rstrip().endswith(f"{_NS}</invoke>")


def _call(head: re.Match[str], body: str) -> RawCall:
    end = body.rfind(f"{_NS}</invoke>")
    fields = _fields(body[:end] if end >= 0 else body)
    return RawCall(head["name"], dict(fields), typed=False, exact=end >= 0)


def _fields(text: str) -> list[tuple[str, Any]]:
    fields, at = [], 0
    while (found := _OPEN.search(text, at)) is not None:
        close = f"{_NS}</{found['key']}>"
        end = text.find(close, found.end())
        inner = text[found.end() : end if end >= 0 else len(text)]
        fields.append((found["key"], _value(inner)))
        at = end + len(close) if end >= 0 else len(text)
    return fields


def _value(text: str) -> Any:
    """Text, or what nested tags spell: a list where they are all items."""
    fields = _fields(text)
    if not fields:
        return text
    if all(key == "item" for key, _ in fields):
        return [value for _, value in fields]
    return dict(fields)


MINIMAX_M3 = Dialect(
    family="minimax-m3",
    opens=(f"{_NS}<tool_call>",),
    closes=(f"{_NS}</tool_call>",),
    read=read,
    whole=ends_whole,
    signs=(_NS,),
    stops=("[e~[",),
    think=Think("<mm:think>", "</mm:think>"),
)
