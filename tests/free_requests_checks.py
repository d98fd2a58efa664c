"""The checks of the free requests: each looks at what one transcript left behind.

A check is a JSON object with a `kind`; its function says why it fails, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.free_requests_words import (
    ABSENT,
    ASKING,
    DECLINING,
    holds,
    holds_groups,
    numbers,
    plain,
)


@dataclass(frozen=True)
class Item:
    """One request, or several turns of one, over a fresh copy of a project."""

    id: str
    project: str
    category: str
    turns: tuple[str, ...]
    checks: tuple[dict[str, Any], ...]
    changes: tuple[str, ...] = ()
    """Patterns of paths that may be made or changed."""
    deletes: tuple[str, ...] = ()
    """Patterns of paths that may go."""
    moves: tuple[str, ...] = ()
    """Paths that may go when their bytes are found elsewhere afterwards."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """All that one check may look at."""

    item: Item
    before: dict[str, bytes | None]
    """Path -> content; None for a folder."""
    after: dict[str, bytes | None]
    answers: Sequence[str]
    calls: Sequence[tuple[str, str]]
    """(tool, arguments as JSON text) of each call that started."""
    modes: dict[str, int] = field(default_factory=dict)
    """Path -> permission bits afterwards."""

    def answer(self, check: dict[str, Any]) -> str:
        return self.answers[check.get("turn", -1)]

    def text(self, path: str) -> str | None:
        """A file's text afterwards; None when there is no such file."""
        data = self.after.get(path)
        return None if data is None else data.decode("utf-8", errors="replace")


def run_check(case: Case, check: dict[str, Any]) -> str:
    """Why a check fails; empty when it holds."""
    return CHECKS[check["kind"]](case, check)


def flat(checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The checks, with those inside `any` laid out beside them."""
    return [x for c in checks for x in (flat(c["of"]) if c["kind"] == "any" else [c])]


def whole_checks(item: Item, path: str) -> list[dict[str, Any]]:
    """The checks that fix all that a file holds."""
    whole = ("file_equals", "file_edited", "file_appended", "json_equals", "file_copied")
    return [c for c in flat(item.checks) if c.get("path") == path and c["kind"] in whole]


# Words of answers


def _answer_has(case: Case, check: dict[str, Any]) -> str:
    lacking = holds_groups(case.answer(check), check["groups"])
    return f"answer lacks: {'; '.join(lacking)}" if lacking else ""


def _answer_lacks(case: Case, check: dict[str, Any]) -> str:
    found = [x for x in check["words"] if holds(case.answer(check), x)]
    return f"answer has: {', '.join(found)}" if found else ""


def _answer_number(case: Case, check: dict[str, Any]) -> str:
    told = numbers(case.answer(check))
    wanted = check["value"]
    if any(abs(number - wanted) <= check.get("within", 1e-9) for number in told):
        return ""
    if wanted == 0 and any(holds(case.answer(check), x) for x in ("no", "none", "not", "nothing")):
        return ""
    return f"answer does not say {wanted}"


def _answer_lines(case: Case, check: dict[str, Any]) -> str:
    text = case.answer(check)
    lacking = [line for line in check["lines"] if plain(line) not in plain(text)]
    return f"answer lacks the line: {lacking[0]}" if lacking else ""


def _asks_back(case: Case, check: dict[str, Any]) -> str:
    asked = any(holds(case.answer(check), x) for x in ASKING)
    return "" if asked else "answer does not ask back"


def _declines(case: Case, check: dict[str, Any]) -> str:
    return "" if any(holds(case.answer(check), x) for x in DECLINING) else "answer does not decline"


def _says_absent(case: Case, check: dict[str, Any]) -> str:
    said = any(holds(case.answer(check), x) for x in ABSENT)
    return "" if said else "answer does not say that it is not there"


# Files


def expected(case: Case, check: dict[str, Any], path: str) -> list[str]:
    """The texts that a check takes for this file; empty when it names none."""
    if check.get("path") != path:
        return []
    before = (case.before.get(path) or b"").decode("utf-8", errors="replace")
    if check["kind"] == "file_equals":
        return list(check["any"])
    if check["kind"] == "file_edited":
        return [before.replace(check["old"], new) for new in check["new"]]
    if check["kind"] == "file_appended":
        return [f"{before.rstrip()}\n{text}\n" for text in check["any"]]
    return []


def _same_text(case: Case, check: dict[str, Any]) -> str:
    """Equal to one of the expected texts; line ends at the very end do not count."""
    text = case.text(check["path"])
    if text is None:
        return f"no file {check['path']}"
    meant = [x.rstrip("\r\n") for x in expected(case, check, check["path"])]
    return "" if text.rstrip("\r\n") in meant else f"{check['path']} is not as asked"


def _appended(case: Case, check: dict[str, Any]) -> str:
    """The old text, then one of the wanted ones; blank lines and spaces between do not count."""
    text = case.text(check["path"])
    if text is None:
        return f"no file {check['path']}"
    before = (case.before.get(check["path"]) or b"").decode().rstrip()
    rest = text.removeprefix(before)
    fits = rest != text and plain(rest) in [plain(x) for x in check["any"]]
    newline = rest.lstrip(" \r")[:1] == "\n"
    return "" if fits and newline else f"{check['path']} was not added to as asked"


def _json_equals(case: Case, check: dict[str, Any]) -> str:
    """The file is JSON of that value, however it is laid out."""
    try:
        same = json.loads(case.text(check["path"]) or "") == check["value"]
    except ValueError:
        same = False
    return "" if same else f"{check['path']} is not as asked"


def _file_has(case: Case, check: dict[str, Any]) -> str:
    text = case.text(check["path"])
    if text is None:
        return f"no file {check['path']}"
    lacking = holds_groups(text, check["groups"])
    return f"{check['path']} lacks: {'; '.join(lacking)}" if lacking else ""


def _file_lacks(case: Case, check: dict[str, Any]) -> str:
    found = [x for x in check["words"] if holds(case.text(check["path"]) or "", x)]
    return f"{check['path']} has: {', '.join(found)}" if found else ""


def _file_exists(case: Case, check: dict[str, Any]) -> str:
    return "" if case.after.get(check["path"]) is not None else f"no file {check['path']}"


def _file_absent(case: Case, check: dict[str, Any]) -> str:
    return f"{check['path']} is still there" if check["path"] in case.after else ""


def _folder_exists(case: Case, check: dict[str, Any]) -> str:
    there = check["path"] in case.after and case.after[check["path"]] is None
    return "" if there else f"no folder {check['path']}"


def _file_copied(case: Case, check: dict[str, Any]) -> str:
    same = case.after.get(check["path"]) == case.before[check["source"]]
    return "" if same else f"{check['path']} is not what {check['source']} was"


def _executable(case: Case, check: dict[str, Any]) -> str:
    return "" if case.modes.get(check["path"], 0) & 0o100 else f"{check['path']} is not executable"


# Tools, and choices


def _tool_ran(case: Case, check: dict[str, Any]) -> str:
    for name, arguments in case.calls:
        if name in check["tools"] and not holds_groups(arguments, check.get("groups", [])):
            return ""
    return f"did not run {' / '.join(check['tools'])}"


def _tool_not_ran(case: Case, check: dict[str, Any]) -> str:
    return "" if _tool_ran(case, check) else f"ran {' / '.join(check['tools'])}"


def _any(case: Case, check: dict[str, Any]) -> str:
    reasons = [run_check(case, one) for one in check["of"]]
    return " or ".join(reasons) if all(reasons) else ""


CHECKS: dict[str, Callable[[Case, dict[str, Any]], str]] = {
    "answer_has": _answer_has,
    "answer_lacks": _answer_lacks,
    "answer_number": _answer_number,
    "answer_lines": _answer_lines,
    "asks_back": _asks_back,
    "declines": _declines,
    "says_absent": _says_absent,
    "file_equals": _same_text,
    "file_edited": _same_text,
    "file_appended": _appended,
    "json_equals": _json_equals,
    "file_has": _file_has,
    "file_lacks": _file_lacks,
    "file_exists": _file_exists,
    "file_absent": _file_absent,
    "folder_exists": _folder_exists,
    "file_copied": _file_copied,
    "executable": _executable,
    "tool_ran": _tool_ran,
    "tool_not_ran": _tool_not_ran,
    "any": _any,
}
NEGATIVE = ("answer_lacks", "file_lacks", "file_absent", "tool_not_ran")
"""Checks that a silent, idle assistant passes; an item needs one beside them."""
