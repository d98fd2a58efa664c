"""Splits one assistant message into text, thinking and calls while its tokens come.

One machine for all dialects: it looks for the marks of the part it is in, gives out what can no
longer become a mark, and hands a finished call's text to the dialect. What it gives out does
not depend on how the message was cut into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from triagent.chat import CallText, Origin, Text, Thinking, ToolCall, ToolSchema
from triagent.engine.formats import calls, marks
from triagent.engine.formats.dialect import Dialect, RawCall, Think
from triagent.engine.formats.grammar import State
from triagent.engine.formats.parsed import CallReady, Parsed, Reply

QUOTED = "A tool call inside a code block is text and was not run."
CUT_OFF = "the call was cut off before its end"
UNSURE = "it is not clear where the call ends: a quote or a closing tag is missing"
IN_THINKING = "A tool call inside the thinking was not run."
_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
# How a bare call begins; any other JSON is an answer.
_BARE_KEYS = ("name", "type", "function", "parameters", "arguments")


class Ends(Enum):
    """What a close mark in a call's body is."""

    SURE = 1
    MAYBE = 2
    NOT = 3


@dataclass
class _Message:
    """What the message has come to so far."""

    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class MessageParser:
    """The one StreamParser."""

    def __init__(
        self,
        dialect: Dialect,
        tools: Sequence[ToolSchema],
        think: Think | None = None,
        specials: Mapping[int, str] | None = None,
        in_thinking: bool = False,
        grammar: bool = True,
        prime: str = "",
    ) -> None:
        """in_thinking: the prompt has opened a thinking block. prime: the end of the prompt,
        where it is the beginning of the message's first mark."""
        self._dialect = dialect
        self._tools = tuple(tools)
        opens, noise = self._for_tools(dialect.opens), self._for_tools(dialect.noise)
        all_marks = [*opens, *noise, *dialect.closes]
        all_marks += [think.open, think.close] if think else []
        self._coder = marks.Coder(specials or {}, all_marks)
        self._opens = tuple(map(self._coder.text, opens))
        self._closes = tuple(map(self._coder.text, dialect.closes))
        self._noise = tuple(map(self._coder.text, noise))
        self._think_open = self._coder.text(think.open) if think else ""
        self._think_close = self._coder.text(think.close) if think else ""
        self._start = self._start_state() if grammar and dialect.grammar and tools else None
        self._grammar: State | None = None
        self._part = Origin.THINKING if in_thinking else Origin.MODEL
        self._origin = self._part
        self._message = _Message()
        self._buffer = self._coder.text(prime)
        self._opened = ""
        self._body = ""
        self._called: str | None = None
        self._n_checked = 0
        self._n_given = 0
        self._doubtful: marks.Found | None = None
        self._watches_name = False
        self._skip_space = True
        self._cut_off = False
        self._out: list[Parsed] = []

    @property
    def origin(self) -> Origin:
        return self._origin

    @property
    def in_thinking(self) -> bool:
        return self._part is Origin.THINKING

    def feed(self, piece: str, token_id: int | None = None) -> list[Parsed]:
        before = self._part
        text = self._coder.token(piece, token_id)
        self._buffer += text
        if before is Origin.CALL and self._grammar is not None:
            self._grammar = self._follow(self._grammar, text)
        self._run(final=False)
        self._origin = _origin(before, self._part)
        return self._take()

    def allows(self, piece: str, token_id: int | None = None) -> bool:
        # Part of a character has no text yet: it may stand where any character may.
        text = self._coder.token(piece, token_id) or "�"
        if self._part is Origin.CALL:
            return self._grammar is None or self._fits(self._grammar, text)
        if self._start is None or self._part is not Origin.MODEL:
            return True
        joined = self._buffer + text
        found = marks.find_final(joined, self._opens)
        if found is None or self._is_quoted(joined[: found.at]):
            return True
        return self._fits(self._start, joined[self._body_start(found) :])

    def allows_end(self) -> bool:
        live = self._part is Origin.CALL and self._grammar is not None
        return not live or self._grammar.may_end

    def finish(self, cut_off: bool = True) -> tuple[list[Parsed], Reply]:
        self._run(final=True)
        self._cut_off = cut_off
        while self._part is Origin.CALL:
            self._end_open_call()
        if self._part is Origin.THINKING:
            self._check_thinking()
        message = self._message
        reply = Reply(
            self._coder.plain("".join(message.text)).strip(),
            self._coder.plain("".join(message.thinking)).strip(),
            tuple(message.calls),
            tuple(message.notes),
        )
        return self._take(), reply

    def _for_tools(self, marks: Sequence[str]) -> list[str]:
        """Marks that hold a tool's name, once for each tool."""
        named = [mark.replace("{name}", t.name) for mark in marks for t in self._tools]
        return list(dict.fromkeys([*named, *(mark for mark in marks if "{name}" not in mark)]))

    # The parts. Each step uses up some of the buffer and says whether another may follow.

    def _run(self, final: bool) -> None:
        steps = {
            Origin.MODEL: self._text_step,
            Origin.THINKING: self._thinking_step,
            Origin.CALL: self._call_step,
        }
        while steps[self._part](final):
            pass

    def _text_step(self, final: bool) -> bool:
        if self._dialect.bare and (held := self._bare_step(final)) is not None:
            return held
        wanted = (*self._opens, *self._noise, self._think_open, self._think_close)
        found = (marks.find_final if final else marks.find)(self._buffer, wanted)
        if found is None or found.mark is None:
            self._put_text(self._cut(found.at if found else len(self._buffer)))
            return False
        self._put_text(self._cut(found.at))
        if found.mark not in self._noise and self._is_quoted("".join(self._message.text)):
            if found.mark in self._opens:
                self._note(QUOTED)
            self._put_text(self._cut(len(found.mark)))
        elif found.mark in self._opens:
            self._open_call(found.mark)
        elif found.mark == self._think_open:
            self._cut(len(found.mark))
            self._enter(Origin.THINKING)
        else:
            self._cut(len(found.mark))  # noise, or a close tag with nothing open
        return True

    def _thinking_step(self, final: bool) -> bool:
        find = marks.find_final if final else marks.find
        found = find(self._buffer, (self._think_close,))
        if found is None or found.mark is None:
            self._put_thinking(self._cut(found.at if found else len(self._buffer)))
            return False
        self._put_thinking(self._cut(found.at))
        self._cut(len(found.mark))
        self._check_thinking()
        self._enter(Origin.MODEL)
        return True

    def _call_step(self, final: bool) -> bool:
        """Moves text from the buffer to the body; ends the call at the mark that closes it."""
        self._body += self._cut(len(self._buffer))
        while (found := self._next_close(final)) is not None:
            ends = self._ends_at(found) if found.mark else None
            if ends in (Ends.SURE, Ends.MAYBE):
                self._close_call(found, sure=ends is Ends.SURE)
                return True
            if ends is None and not final:
                self._give(found.at)
                return False
            self._doubtful = found
            self._n_checked = found.at + len(found.mark or "")
        self._give(len(self._body))
        if self._is_bare_tool():
            self._grammar = self._follow(self._start, self._body)
            self._watches_name = False
        return False

    def _bare_step(self, final: bool) -> bool | None:
        """Enters a call that has no mark, None when this is an ordinary answer."""
        if self._message.text:
            return None
        text = self._buffer.lstrip()
        if not text.startswith("{"):
            return None
        compact = "".join(text[1:40].split())
        starts = [f'"{key}":' for key in _BARE_KEYS]
        if any(compact.startswith(start) for start in starts):
            self._buffer = text
            self._open_call("")
            return True
        begun = any(start.startswith(compact) for start in starts)
        return False if begun and not final else None

    # Calls.

    def _open_call(self, mark: str) -> None:
        self._opened = mark
        self._buffer = self._buffer[self._body_start(marks.Found(0, mark)) :]
        self._body, self._called, self._doubtful = "", None, None
        self._n_checked = self._n_given = 0
        self._watches_name = bool(self._start) and not mark
        self._enter(Origin.CALL)
        # Without a mark, JSON is a call only once it names a tool: an answer stays free.
        constrained = self._start is not None and mark
        self._grammar = self._follow(self._start, self._buffer) if constrained else None

    def _body_start(self, found: marks.Found) -> int:
        return found.at + (0 if self._dialect.keeps_open else len(found.mark))

    def _is_bare_tool(self) -> bool:
        """Whether a call without a mark has just named one of the tools."""
        if not self._watches_name:
            return False
        names = "|".join(re.escape(tool.name) for tool in self._tools)
        return re.match(rf'{{\s*"name"\s*:\s*"({names})"', self._body) is not None

    def _next_close(self, final: bool) -> marks.Found | None:
        if not self._closes:
            return None
        find = marks.find_final if final else marks.find
        found = find(self._body, self._closes, self._n_checked)
        if found is None:
            self._n_checked = len(self._body)
        return found

    def _ends_at(self, found: marks.Found) -> Ends | None:
        """Whether the close mark there is one and not part of an argument; None: not yet known.

        A body that seems unfinished may be damaged: then it ends where the next call begins."""
        if self._dialect.whole(self._coder.plain(self._body[: found.at])):
            return Ends.SURE
        rest = self._body[found.at + len(found.mark or "") :].lstrip()
        if any(mark and rest.startswith(mark) for mark in self._opens):
            return Ends.MAYBE
        begun = any(mark and mark.startswith(rest) for mark in self._opens)
        return None if begun else Ends.NOT

    def _close_call(self, found: marks.Found, sure: bool) -> None:
        self._give(found.at)
        body, rest = self._body[: found.at], self._body[found.at + len(found.mark or "") :]
        self._buffer = rest + self._buffer
        self._end_call(body, problem="" if sure else UNSURE)

    def _end_open_call(self) -> None:
        """The message ended inside a call: at the last mark that may have closed it, if any."""
        whole = self._dialect.whole(self._coder.plain(self._body))
        if self._doubtful is None or whole:
            self._end_call(self._body, problem="" if whole and not self._cut_off else CUT_OFF)
            return
        self._close_call(self._doubtful, sure=False)
        self._run(final=True)

    def _end_call(self, body: str, problem: str) -> None:
        """problem: why the last call of the body cannot be run unless it is exact, or ""."""
        plain = self._coder.plain(body)
        raws = self._dialect.read(plain)
        self._enter(Origin.MODEL)
        if not self._opened and not any(raw.name for raw in raws):
            self._put_text(body)  # an answer in JSON after all
            return
        if not raws:
            raws = [RawCall("", {}, problem="the call is empty")]
        if problem and not raws[-1].exact:
            raws[-1] = replace(raws[-1], problem=problem)
        text = self._coder.plain(self._opened if not self._dialect.keeps_open else "") + plain
        for raw in raws:
            call = calls.resolve(raw, self._tools, text)
            self._message.calls.append(call)
            self._out.append(CallReady(call))

    def _is_quoted(self, text: str) -> bool:
        """Whether what follows the text is inside a code block or between backticks."""
        last_line = text[text.rfind("\n") + 1 :]
        return len(_FENCE.findall(text)) % 2 == 1 or last_line.count("`") % 2 == 1

    # Grammar.

    def _start_state(self) -> State:
        return State.start(self._coder.node(self._dialect.grammar(self._tools)))

    def _follow(self, state: State, text: str) -> State | None:
        """The state after text that was sampled; None, and free from there, if it broke out."""
        after, n_read = state.read(text)
        return after if n_read == len(text) else None

    def _fits(self, state: State, text: str) -> bool:
        after, n_read = state.read(text)
        return n_read == len(text) or (after.may_end and bool(self._closes))

    # Output.

    def _enter(self, part: Origin) -> None:
        self._part = part
        self._skip_space = True

    def _cut(self, n: int) -> str:
        """Takes n characters off the buffer."""
        head, self._buffer = self._buffer[:n], self._buffer[n:]
        return head

    def _lead(self, text: str) -> str:
        """Without the blank space that follows a mark."""
        if self._skip_space:
            text = text.lstrip()
            self._skip_space = not text
        return text

    def _put_text(self, text: str) -> None:
        if text := self._lead(text):
            self._message.text.append(text)
            self._out.append(Text(self._coder.plain(text)))

    def _put_thinking(self, text: str) -> None:
        if text := self._lead(text):
            self._message.thinking.append(text)
            self._out.append(Thinking(self._coder.plain(text)))

    def _give(self, end: int) -> None:
        """Gives out the call's text up to there."""
        text = self._body[self._n_given : end]
        if text:
            self._n_given = end
            self._called = self._called or self._name()
            self._out.append(CallText(self._coder.plain(text), self._called))

    def _name(self) -> str | None:
        """The tool being called, as soon as its name stands there between two other signs."""
        names = "|".join(re.escape(tool.name) for tool in self._tools)
        pattern = rf"(?<![\w.-])(?:functions\.)?({names})(?![\w.-])(?=.)"
        found = re.search(pattern, self._body[:200], re.DOTALL)
        return found[1] if found and names else None

    def _check_thinking(self) -> None:
        if any(mark and mark in "".join(self._message.thinking) for mark in self._opens):
            self._note(IN_THINKING)

    def _note(self, sentence: str) -> None:
        if sentence not in self._message.notes:
            self._message.notes.append(sentence)

    def _take(self) -> list[Parsed]:
        out, self._out = self._out, []
        return out


def _origin(before: Origin, after: Origin) -> Origin:
    """Whose a token is that was begun in one part and ended in another."""
    for part in (Origin.CALL, Origin.THINKING):
        if part in (before, after):
            return part
    return Origin.MODEL
