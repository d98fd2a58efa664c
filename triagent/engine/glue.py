"""Finds out, by rendering short dummy conversations, what a template puts between messages.

No table of families: the text between an assistant's words and the next message is cut out of
a rendering whose words are marks. All of it is cached, so a session renders a handful of times.

`Glue` works on message shapes (role, tool name), never on real words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from triagent.chat import Role
from triagent.engine import slots
from triagent.engine.render import Refused, Renderer
from triagent.engine.slots import Piece

# Marks of the dummy history; new messages count from FIRST_NEW, descriptions of tools from TOOL.
SYSTEM, USER, ANSWER, ARGUMENT, FIRST_NEW, TOOL = 0, 1, 2, 3, 10, 100_000

_TOKENS = re.compile(r"(\s|<[^<>]*>)*")

PROBE_TOOL = {
    "type": "function",
    "function": {
        "name": "probe_tool",
        "description": slots.mark(TOOL),
        "parameters": {
            "type": "object",
            "properties": {"value": {"type": "string", "description": slots.mark(TOOL + 1)}},
            "required": ["value"],
        },
    },
}

# Every switch by which known templates keep old thinking or let the model think. The last two
# ask for tools in the system block, not in a user's message.
SWITCHES: dict[str, Any] = {
    "enable_thinking": True,
    "thinking": True,
    "clear_thinking": False,
    "truncate_history_thinking": False,
    "preserve_thinking": True,
    "preserved_thinking": True,
    "tools_in_user_message": False,
}
NO_THINKING: dict[str, Any] = {
    "enable_thinking": False,
    "thinking": False,
    "thinking_mode": "disabled",
    "reasoning": False,
}


@dataclass(frozen=True)
class Shape:
    """All that a template may know of a new message."""

    role: Role
    name: str = ""
    """For `Role.TOOL`: the tool's name."""


class Glue:
    """What one template puts around and between messages, as pieces with slots."""

    def __init__(
        self,
        renderer: Renderer,
        source: str,
        bos: str,
        eos: str,
        closes: Sequence[str] = (),
        stops: Sequence[str] = (),
        end: str = "",
        supports_system: bool = True,
    ) -> None:
        """closes: texts that the model writes after a call's arguments. stops: texts that end
        its message, which are the template's to write. end: the one of a plain answer, where
        that cannot be found out."""
        self._renderer = renderer
        self._source = source
        self._tokens = {"bos_token": bos, "eos_token": eos}
        self._stops = tuple(stop for stop in (*stops, eos) if stop)
        self._closes = tuple(close for close in closes if close not in self._stops)
        self._end = end
        self._supports_system = supports_system
        self._cache: dict[tuple[Shape, ...], list[Piece]] = {}

    def opening(self, tools: Sequence[dict[str, Any]]) -> tuple[str, str]:
        """Rendered (opening, what then stands before the first user's words).

        Raises: Refused when the template takes no such conversation."""
        full = self.render([*self._system(), _user(USER)], tools)
        cut = slots.before(full, USER)
        if cut is None:
            raise Refused("the user's words are lost")
        head = full[:cut]
        try:
            alone = self.render(self._system(), tools, prompt=False)
        except Refused:
            return head, ""
        seen = slots.indexes(alone)
        whole = SYSTEM in seen and seen == slots.indexes(head)
        return (alone, head[len(alone) :]) if whole and head.startswith(alone) else (head, "")

    def first(self, shapes: tuple[Shape, ...], opening: str, tools: Sequence[dict]) -> list[Piece]:
        """What follows the opening.

        Raises: Refused when the rendering does not begin with the opening."""
        full = self.render([*self._system(), *_messages(shapes)], tools)
        if not full.startswith(opening):
            raise Refused("the opening changes with the messages")
        return _checked(full[len(opening) :], shapes)

    def between(self, shapes: tuple[Shape, ...]) -> list[Piece]:
        """What follows an assistant's message: its end, the new messages, the next prompt.

        Raises: Refused when the template takes no such order of messages."""
        if shapes not in self._cache:
            self._cache[shapes] = self._between(shapes)
        return self._cache[shapes]

    def answer_end(self) -> str:
        """What ends an assistant's message; "" where only the next message's mark does."""
        glue = self._between((Shape(Role.USER),))
        follows = glue[0] if glue and isinstance(glue[0], str) else ""
        end = self._end or self._last_end()
        if end and follows.startswith(end):
            return end
        _, header = self.opening(())
        if header and follows.endswith(header):
            return follows[: -len(header)]
        # Else up to a stop token that only other tokens precede, unless it opens the next turn.
        for stop in self._stops:
            at = follows.find(stop)
            if at >= 0 and _TOKENS.fullmatch(follows[:at]) and not header.lstrip().startswith(stop):
                return follows[: at + len(stop)]
        return ""

    def _last_end(self) -> str:
        """What a conversation ends with whose last message is the assistant's."""
        try:
            last = self.render([*self._system(), _user(USER), _answer()], None, prompt=False)
        except Refused:
            return ""
        return last[slots.after(last, ANSWER) or len(last) :]

    def prompt(self, **switches: Any) -> str:
        """What opens the answer to a user's message, with other switches."""
        history = [*self._system(), _user(USER)]
        try:
            full = self.render(history, [PROBE_TOOL], **switches)
        except Refused:
            full = self.render(history, None, **switches)
        return full[slots.after(full, USER) or len(full) :]

    def render(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]] | None,
        prompt: bool = True,
        **switches: Any,
    ) -> str:
        variables = self._tokens | SWITCHES | switches
        if tools:
            variables |= {"tools": list(tools), "functions": json.dumps(list(tools))}
        else:
            variables |= {"functions": ""}
        return self._renderer.render(
            self._source,
            messages=list(messages),
            add_generation_prompt=prompt,
            datetime=self._renderer.now,
            **variables,
        )

    def _system(self) -> list[dict[str, Any]]:
        if not self._supports_system:
            return []
        return [{"role": "system", "content": slots.mark(SYSTEM)}]

    def _between(self, shapes: tuple[Shape, ...]) -> list[Piece]:
        reason = Refused("no rendering")
        systems = [self._system(), []]
        for history, system, tools in product(_histories(shapes), systems, ([PROBE_TOOL], None)):
            try:
                full = self.render([*system, *history, *_messages(shapes)], tools)
                text = full[self._cut(full) :]
                again = set(slots.indexes(text)) - {FIRST_NEW + i for i in range(len(shapes))}
                if again:
                    raise Refused("the system prompt or the tools come again")
                return _checked(text, shapes)
            except Refused as refused:
                reason = refused
        raise reason

    def _cut(self, full: str) -> int:
        """Where the assistant's own words end."""
        call = slots.after(full, ARGUMENT)
        if call is None:
            answer = slots.after(full, ANSWER)
            if answer is None:
                raise Refused("the assistant's words are lost")
            return answer
        return call + self._call_end(full[call:])

    def _call_end(self, text: str) -> int:
        """Length of what the model itself writes after a call's last argument."""
        limit = slots.before(text, FIRST_NEW)
        text = text[:limit]
        closes = [text.find(close) + len(close) for close in self._closes if close in text]
        stops = [text.find(stop) for stop in self._stops if stop in text]
        if closes or stops:
            return min(closes or stops)
        return len(text) - len(text.lstrip("\"'}])\n "))


def _histories(shapes: tuple[Shape, ...]) -> list[list[dict[str, Any]]]:
    """Dummy pasts to try in turn. Some templates allow one call at a time, some want their
    arguments as text, some show no calls at all."""
    if shapes[0].role is not Role.TOOL:
        return [[_user(USER), _answer()]]
    n_calls = sum(shape.role is Role.TOOL for shape in shapes)
    arguments = {"value": slots.mark(ARGUMENT)}
    calls = [_calls(shapes, n, form) for n in (n_calls, 1) for form in (arguments, _text())]
    shown = [[_user(USER), {"role": "assistant", "content": "", "tool_calls": c}] for c in calls]
    hidden = [[_user(USER), _answer() | {"tool_calls": calls[0]}], [_user(USER), _answer()]]
    return shown + hidden


def _text() -> str:
    return json.dumps({"value": slots.mark(ARGUMENT)})


def _calls(shapes: tuple[Shape, ...], n: int, arguments: Any) -> list[dict[str, Any]]:
    names = [shape.name for shape in shapes if shape.role is Role.TOOL][:n]
    return [
        {"id": call_id(i), "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, name in enumerate(names)
    ]


def call_id(index: int) -> str:
    """Stands for the id of call `index`; nine characters, which Mistral's templates insist on."""
    return f"zsid{index:05d}"


def _user(index: int) -> dict[str, Any]:
    return {"role": "user", "content": slots.mark(index)}


def _answer() -> dict[str, Any]:
    return {"role": "assistant", "content": slots.mark(ANSWER)}


def _messages(shapes: tuple[Shape, ...]) -> list[dict[str, Any]]:
    messages, n_tools = [], 0
    for i, shape in enumerate(shapes):
        message = {"role": shape.role.value, "content": slots.mark(FIRST_NEW + i)}
        if shape.role is Role.TOOL:
            message |= {"name": shape.name, "tool_call_id": call_id(n_tools)}
            n_tools += 1
        messages.append(message)
    return messages


def _checked(text: str, shapes: tuple[Shape, ...]) -> list[Piece]:
    """Raises: Refused unless every new message stands there once, in order."""
    seen = [i for i in slots.indexes(text) if FIRST_NEW <= i < TOOL]
    if seen != [FIRST_NEW + i for i in range(len(shapes))]:
        raise Refused("messages are lost or out of order")
    return slots.split(text)
