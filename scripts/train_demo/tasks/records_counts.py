"""Conditions on the rows of a table: which rows, how many, sums, the highest and the lowest.

The header is read, the rest is left to awk, which takes columns by their names.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from collections.abc import Callable

from ..records import MONTHS, asked, hits_in, is_searchable, search_word, typed
from ..records_sheets import Sheet
from ..session import Session
from . import awk
from .common import Check, done, enumerated, is_clean
from .records_tables import a_sheet, noun_of, pick_column, reach, things

WHICH = (
    "(which|what) {things} (are|have|with|are listed with) {noun} {value}[q]", "(list|show me|name|give me|tell me) (all |the |all the |){things} with {noun} {value}[post]", "{things} with {noun} {value}[q]", "[qpre]which {things} have {value} as (their |){noun}[q]", "all {things} (where|whose) {noun} is {value}", "{things}, {noun} {value}[q]",
    "(who or what|which ones|which of the {things}) (has|have|got) {noun} {value}[q]", "I need (all |)the {things} with {value} as {noun}[post]",
)  # fmt: skip
WHICH_MONTH = (
    "(which|what) {things} have (a |their |){noun} in {value}[q]", "{things} with {noun} in {value}[q]", "(list|name|show me) the {things} whose {noun} (is|falls) in {value}[post]", "{noun} in {value}: which {things}[q]", "(whose|which {thing}'s) {noun} is in {value}[q]",
)  # fmt: skip
WHICH_OVER = (
    "(which|what) {things} have (more than|over|above) {value} {noun}[q]", "{things} with {noun} (over|above|greater than|more than) {value}[q]", "(list|name|show me) (the |all |){things} (with|having) (more than|over) {value} {noun}[post]", "where is {noun} (over|above|higher than) {value}( among the {things}|)[q]",
)  # fmt: skip
WHICH_UNDER = (
    "(which|what) {things} have (less than|fewer than|under|below) {value} {noun}[q]", "{things} with {noun} (under|below|less than|lower than) {value}[q]", "(list|name|show me) (the |all |){things} (with|having) (less than|under) {value} {noun}[post]",
)  # fmt: skip
WHICH_EMPTY = ("(which|what) {things} have no {noun}( noted| yet| entered| filled in|)[q]", "{things} without (a |an |any |){noun}[q]", "for which {things} is (the |){noun} (missing|empty|not filled in|open)[q]")
COUNT = (
    "how many {things} (have|with|are there with|are listed with) {noun} {value}[q]", "(count|number of|count the|tell me the number of) {things} with {noun} {value}[post]", "how many {things} (are|is) {value} (by|in|as) {noun}[q]", "how often (is|do we have) {value} as {noun}( among the {things}|)[q]",
)  # fmt: skip
COUNT_ALL = ("how many {things} (do we have|are there|have we got|are listed|are on the list|are there in total|in all)[q]", "(number of|count the|count our|count all) {things}[q]", "how (long is|many entries has) the list of {things}[q]")
SUM = (
    "(what is|what's|whats|give me|tell me) the (total|sum of the|total of all|overall) {noun}( of all {things}| of the {things}|)[q]", "(total|sum of|summed) {noun}( of the {things}| over all {things}|)[q]", "add up (the |all |){noun}( of the {things}|)[post]", "how much {noun} (is it|do the {things} have|do we have) (in total|altogether|in all)[q]", "{noun} of all {things} together[q]",
)  # fmt: skip
SUM_WHERE = (
    "(what is|what's|give me|tell me) the (total|sum of the) {noun} (of|for) (the |all |){things} with {noun2} {value}[q]", "(total|sum of) {noun} (where|when) {noun2} is {value}( in the {things}|)[q]", "add up (the |){noun} of all {things} with {noun2} {value}[post]", "{noun2} {value}: how much {noun} (in total|altogether)[q]",
)  # fmt: skip
MOST = (
    "(which|what) {thing} has the {most} {noun}[q]", "{thing} with the {most} {noun}[q]", "(who|which one|which of the {things}) has the {most} {noun}[q]", "(what is|what's|find|tell me) the {most} {noun}( of all {things}| among the {things}|)[q]",
)  # fmt: skip
_HIGH, _LOW = ("highest", "largest", "biggest", "greatest", "maximum"), ("lowest", "smallest", "least", "minimum")


class _Condition:
    """A condition on rows: its wording's slots, the rows it holds for, and awk's way to say it."""

    def __init__(self, pool, slots: dict[str, str], keep: Callable[[list[str]], bool], awk: str, said: str = "") -> None:
        self.pool, self.slots, self.keep, self.awk = pool, slots, keep, awk
        self.said = said
        """The condition as answers repeat it; empty where they do not."""


def _condition(s: Session, file: Sheet) -> _Condition | None:
    at = pick_column(s, file, lambda c: c.is_choice or c.is_number or c.is_date or "blank" in c.spec)
    if at is None:
        return None
    column, field, r = file.columns[at], awk.field(file.head[at]), s.r
    slots, name = {"noun": noun_of(s, column)}, file.head[at].replace("_", " ")
    if "blank" in column.spec:
        return _Condition(WHICH_EMPTY, slots, lambda row: not row[at], f'{field}==""')
    if column.is_date and file.style != "slash":
        month = r.randint(1, 12)
        mark, text = {"iso": (f"-{month:02}-", f"/-{month:02}-/"), "dots": (f".{month:02}.", f"/\\.{month:02}\\./")}.get(
            file.style, (MONTHS[month - 1], f"/{MONTHS[month - 1]}/")
        )
        return _Condition(WHICH_MONTH, slots | {"value": MONTHS[month - 1]}, lambda row: mark in row[at], f"{field} ~ {text}")
    if column.is_number:
        limit, over = float(r.choice(file.rows)[at]), r.random() < 0.5
        limit = round(limit) if r.random() < 0.6 else limit
        text = f"{limit:g}"
        keep = (lambda row: float(row[at]) > float(text)) if over else (lambda row: float(row[at]) < float(text))
        return _Condition(WHICH_OVER if over else WHICH_UNDER, slots | {"value": text}, keep, f"{field}{'>' if over else '<'}{text}", f"{name} {'>' if over else '<'} {text}")
    if column.is_choice:
        value = r.choice(file.rows)[at] if r.random() < 0.93 else r.choice(column.spec.partition(":")[2].split("|"))
        return None if not awk.is_sayable(value) else _Condition(WHICH, slots | {"value": typed(r, value) if value.isascii() else value}, lambda row: row[at].lower() == value.lower(), awk.is_value(file.head[at], value), f"{name} `{value}`")
    return None


def command_over(file: Sheet, program: str) -> str:
    """The command that runs an awk program over the rows."""
    return awk.over_rows(file.path, file.mark, program)


def _run(s: Session, command: str, output: str) -> None:
    s.bench.outputs[command] = (output, 0)
    s.call("bash", command=command)


def rows_that(s: Session) -> Check | None:
    """The names of the rows for which something holds."""
    file = a_sheet(s)
    condition = file and (_pair(s, file) if file.family.pairs and s.r.random() < 0.5 else _condition(s, file))
    if not condition:
        return None
    names = [row[file.key_at] for row in file.rows if condition.keep(row)]
    if len(names) > 8 or not all(map(is_clean, names)):
        return None
    value = condition.slots.get("value", "")
    word = search_word(value)
    hits = hits_in(s, word) if condition.pool is WHICH and is_searchable(word) else {}
    if set(hits) == {file.path} and s.r.random() < 0.5:
        asked(s, condition.pool, thing=file.family.thing, things=things(file), **condition.slots)
        s.call("grep", pattern=word)
    elif not reach(s, file, condition.pool, **condition.slots):
        return None
    s.call("read", path=file.path, limit=3)
    program = awk.print_names(condition.awk, file.head[file.key_at])
    _run(s, command_over(file, program), "\n".join(names))
    lead = f"With {condition.said} in" if condition.said else "In"
    s.say(f"{lead} `{file.path}`: {enumerated(names)}." if names else f"No row in `{file.path}` has that.")
    return done(s, *(names or ["No row"]), harmless=True)


def _pair(s: Session, file: Sheet) -> _Condition | None:
    """One column below another."""
    one, two, text = s.r.choice(file.family.pairs)
    try:
        i, j = (file.columns.index(file.family.columns[k]) for k in (one, two))
    except ValueError:
        return None
    pool = (f"({text})[q]", f"[qpre]({text})[q]")
    return _Condition(pool, {}, lambda row: float(row[i]) < float(row[j]), f"{awk.field(file.head[i])}<{awk.field(file.head[j])}")


def count_that(s: Session) -> Check | None:
    """How many rows there are, or for how many something holds."""
    file = a_sheet(s)
    if not file:
        return None
    said, such = "", ""
    if s.r.random() < 0.3:
        if not reach(s, file, COUNT_ALL):
            return None
        n, command = len(file.rows), command_over(file, awk.count())
    else:
        condition, such = _condition(s, file), "such "
        if not condition:
            return None
        n, said = sum(map(condition.keep, file.rows)), condition.said
        pool = {id(WHICH): COUNT, id(WHICH_MONTH): _how_many(WHICH_MONTH), id(WHICH_OVER): _how_many(WHICH_OVER), id(WHICH_UNDER): _how_many(WHICH_UNDER)}.get(id(condition.pool), _how_many(WHICH_EMPTY))
        if not reach(s, file, pool, **condition.slots):
            return None
        s.call("read", path=file.path, limit=3)
        command = command_over(file, awk.count(condition.awk))
    _run(s, command, str(n))
    what = file.family.thing if n == 1 else things(file)
    s.say(f"{n} rows in `{file.path}` have {said}." if said else f"There {'is' if n == 1 else 'are'} {n} {such}{what} in `{file.path}`.")
    return done(s, f"{n} ", harmless=True)


def _how_many(pool: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        t.replace("(which|what) {things}", "how many {things}", 1)
        for t in pool if t.startswith("(which|what) {things}")
    ) + tuple("how many {things} (have|are there with|with)" + t[len("{things} with") :] for t in pool if t.startswith("{things} with "))  # fmt: skip


def add_up(s: Session) -> Check | None:
    """The sum of a column, of all rows or of those for which something holds."""
    file = a_sheet(s, lambda f: any(c and c.can_add for c in f.columns))
    at = file and pick_column(s, file, lambda c: c.can_add)
    if at is None:
        return None
    slots, rows, test, pool = {"noun": noun_of(s, file.columns[at])}, file.rows, "", SUM
    other = pick_column(s, file, lambda c: c.is_choice)
    value = s.r.choice(file.rows)[other] if other is not None else ""
    if awk.is_sayable(value) and s.r.random() < 0.4:
        slots |= {"value": value, "noun2": noun_of(s, file.columns[other])}
        rows, test, pool = [r for r in rows if r[other].lower() == value.lower()], awk.is_value(file.head[other], value), SUM_WHERE
    decimal = "." in rows[0][at]
    total = sum(float(row[at]) for row in rows)
    result = f"{total:.2f}" if decimal else f"{total:.0f}"
    if not reach(s, file, pool, **slots):
        return None
    s.call("read", path=file.path, limit=3)
    _run(s, command_over(file, awk.add(file.head[at], test, decimal)), result)
    s.say(f"The sum of {file.head[at].replace('_', ' ')} in `{file.path}` is {result}.")
    return done(s, result, harmless=True)


def most(s: Session) -> Check | None:
    """The row with the highest or lowest number."""
    file = a_sheet(s, lambda f: any(c and c.is_number for c in f.columns))
    at = file and pick_column(s, file, lambda c: c.is_number)
    if at is None:
        return None
    high = s.r.random() < 0.6
    ordered = sorted(file.rows, key=lambda row: float(row[at]), reverse=high)
    if ordered[0][at] == ordered[1][at]:
        return None
    slots = {"noun": noun_of(s, file.columns[at]), "most": s.r.choice(_HIGH if high else _LOW)}
    if not reach(s, file, MOST, **slots):
        return None
    s.call("read", path=file.path, limit=3)
    _run(s, command_over(file, awk.most(file.head[at], high)), file.mark.join(ordered[0]))
    name, what = ordered[0][file.key_at], file.head[at].replace("_", " ")
    s.say(f"The {'highest' if high else 'lowest'} {what} in `{file.path}` is `{ordered[0][at]}`, of `{name}`.")
    return done(s, name, ordered[0][at], harmless=True)


TASKS = {
    "rows_that": (7, rows_that), "count_that": (4.5, count_that), "add_up": (4, add_up), "most": (3, most),
}  # fmt: skip
