"""How the answers to the free requests are read: whole words, phrases, and numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

ASKING = (
    "?", "which", "not sure", "unclear", "please say", "please specify",
    "let me know", "need to know", "more detail*", "ambiguous", "what exactly", "be more specific",
    "tell me", "say what", "more precise*", "don't know what", "do not know what",
    "what do you mean",
)  # fmt: skip
DECLINING = (
    "can't", "cannot", "can not", "could not", "couldn't", "unable", "not able", "won't",
    "will not", "only work*", "only help*", "only do", "only know", "only handle*", "only read",
    "only for", "work with files", "work on files", "help with files", "files and commands",
    "files in this", "no access", "don't have", "do not have", "have no", "don't know",
    "do not know", "not something", "isn't something", "not possible", "impossible", "outside",
    "out of scope", "beyond", "not made for", "not built for", "not here for",
    "i only", "know nothing", "no internet", "no network", "offline",
    "no way to", "sorry", "don't do", "do not do", "not supported",
)  # fmt: skip
ABSENT = (
    "no", "not", "none", "nothing", "isn't", "doesn't", "don't", "can't", "cannot", "couldn't",
    "missing", "never", "without", "empty", "unable", "wasn't", "aren't", "found nothing",
)  # fmt: skip
_GREP_LINE = re.compile(r"^\s*(?:\S+:)?\d+[:\-]\s*\S.*$", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.:/\-])-?\d[\d,]*(?:\.\d+)?(?![\w/]|[-:.]\d)")
_SPOKEN = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


def plain(text: str) -> str:
    """Text as it is compared: one case, one kind of quote, no markdown, single spaces."""
    text = unicodedata.normalize("NFC", text).replace("’", "'").replace("‘", "'")
    text = text.replace("“", '"').replace("”", '"').replace("`", "").replace("**", "")
    return " ".join(text.casefold().split())


def holds(text: str, wanted: str) -> bool:
    """Whether `wanted` stands in `text` as whole words; a final `*` leaves the end open."""
    wanted, open_end = plain(wanted.removesuffix("*")), wanted.endswith("*") and len(wanted) > 1
    left = r"(?<!\w)" if wanted[:1].isalnum() else ""
    right = r"(?!\w)" if wanted[-1:].isalnum() and not open_end else ""
    if wanted[-1:].isdigit() and not open_end:
        right += r"(?!\.\d|,\d{3}(?!\d))"  # 8 is neither in 8.5 nor in 8,500, but in 7,8,9
    if wanted[:1].isdigit():
        left += r"(?<!\d\.)"
    return re.search(left + re.escape(wanted) + right, plain(text)) is not None


def holds_groups(text: str, groups: Sequence[Sequence[str]]) -> list[str]:
    """The groups of which no alternative stands in the text, rendered."""
    return [" / ".join(group) for group in groups if not any(holds(text, x) for x in group)]


def numbers(text: str) -> set[float]:
    """Numbers that an answer states; not those inside dates, times, paths or listed lines."""
    told = _GREP_LINE.sub("", text.replace("**", "").replace("`", ""))
    found = {float(match.group().replace(",", "")) for match in _NUMBER.finditer(told)}
    spoken = plain(told)
    return found | {float(value) for word, value in _SPOKEN.items() if holds(spoken, word)}
