"""What small models do wrong, recognised from facts: pure functions and small counters.

Knows nothing of the loop, which decides what follows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from dataclasses import dataclass, field

from triagent.chat import ToolCall

WINDOW = 10
WARN_AT = 3
STOP_AT = 5
MAX_REPAIRS = 2

REPEAT_WARNING = "[warning: the same call gave the same result {n} times; do something else]"
MARK = "[triagent]"
NUDGE_ACT = f"{MARK} Nothing was done yet. Call the tool now, or give the answer."
NUDGE_EMPTY = f"{MARK} The reply was empty. Answer, or call a tool."
NUDGE_CALL = f"{MARK} A call inside text is not run. Call the tool by itself, or answer."
NUDGE_LOOP = f"{MARK} The reply went in circles. Answer again, briefly."

_ANNOUNCE = re.compile(
    r"\b(?:i(?:'|’)ll|i will|i am going to|i(?:'|’)m going to|let me|let(?:'|’)s|"
    r"first,? i(?:'|’)ll|now i(?:'|’)ll|next,? i(?:'|’)ll|i need to|i should)\s+"
    r"(?:now |first |then |also |quickly )?"
    r"(?:read|look|check|open|search|find|list|run|write|create|edit|update|fix|change|add|"
    r"start|use|call|inspect|examine|see|grep|try|implement|take|begin|proceed)\b",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"\b(?:i(?:'|’)?(?:ve| have)?\s+(?:now |also |successfully |just )?"
    r"|(?:has|have) been (?:successfully )?|(?:is|are) now |^(?:done[.:,!]?\s+)?)"
    r"(?:created|wrote|written|saved|updated|edited|changed|deleted|removed|renamed|modified|"
    r"added|fixed|replaced)\b",
    re.IGNORECASE | re.MULTILINE,
)
_LIKE_CALL = re.compile(
    r"<tool_call>|<function=|\[TOOL_CALLS\]|<\|python_tag\|>|"
    r"\{\s*\"name\"\s*:\s*\"\w+\"\s*,\s*\"(?:arguments|parameters)\"\s*:"
)


@dataclass
class Repeats:
    """Counts equal calls with equal results among the last few."""

    recent: deque[str] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, call: ToolCall, result: str) -> int:
        """How often this call with this result is among the last `WINDOW`, itself included."""
        key = json.dumps([call.name, call.arguments, result], sort_keys=True, default=str)
        digest = hashlib.blake2b(key.encode(errors="replace"), digest_size=12).hexdigest()
        self.recent.append(digest)
        return self.recent.count(digest)


def announces(text: str) -> bool:
    """Whether a message without a call ends by saying what it is about to do."""
    last = text.strip().rsplit("\n\n", 1)[-1]
    if len(last) > 400 or last.endswith("?"):
        return False
    sentences = re.split(r"(?<=[.!])\s+", last)
    return bool(_ANNOUNCE.search(sentences[-1]))


def claims_change(text: str) -> bool:
    """Whether a message says that a file was changed."""
    return bool(_CLAIM.search(text))


def looks_like_call(text: str) -> bool:
    """Whether plain text holds what looks like a tool call; such a call is never run."""
    return bool(_LIKE_CALL.search(text))


def begins_like_call(text: str) -> bool:
    """Whether plain text is nothing but such a call, as far as its beginning tells."""
    return bool(_LIKE_CALL.match(text.removeprefix("```json").removeprefix("```").strip()))
