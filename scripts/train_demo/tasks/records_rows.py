"""Rows of tables by two conditions, by two columns against each other, by their notes; one of several tables.

Columns are named by what a question asks: who, when, how much. Awk takes them by their names.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from dataclasses import dataclass

from ..records import REMARKS, asked, hits_in, is_searchable, typed
from ..records_sheets import Sheet
from ..session import Session
from . import awk
from .common import Check, done, enumerated, is_clean
from .records_tables import (
    a_sheet,
    find_sheet,
    named,
    noun_of,
    pick_column,
    reach,
    things,
    told_cell,
)

_MOST_ROWS = 8


@dataclass(frozen=True)
class Test:
    """One condition: how it is said behind a row's word, and what awk tests."""

    said: str
    slots: dict[str, str]
    awk: str
    keeps: frozenset[int]
    """Numbers of the rows that pass."""


def test_of(s: Session, file: Sheet, at: int, n: int) -> Test | None:
    """A condition on one column; its slots are numbered by `n`."""
    column, r = file.columns[at], s.r
    noun, field = noun_of(s, column), awk.field(file.head[at])
    cells = [row[at] for row in file.rows]
    if column.is_number:
        limit, over = r.choice(cells).partition(".")[0], r.random() < 0.5
        words = ("more than", "over", "above") if over else ("less than", "under", "below")
        keeps = frozenset(i for i, c in enumerate(cells) if (float(c) > float(limit)) == over and float(c) != float(limit))
        return Test(f"{r.choice(words)} {{v{n}}} {{n{n}}}", {f"v{n}": limit, f"n{n}": noun}, f"{field}{'>' if over else '<'}{limit}", keeps)
    if not column.is_choice or not awk.is_sayable(value := r.choice(cells)):
        return None
    keeps = frozenset(i for i, c in enumerate(cells) if c.lower() == value.lower())
    form = r.choice((f"{{n{n}}} {{v{n}}}", f"{{v{n}}} as {{n{n}}}", f"{{n{n}}} = {{v{n}}}", f"the {{n{n}}} {{v{n}}}"))
    return Test(form, {f"v{n}": typed(r, value) if value.isascii() else value, f"n{n}": noun}, awk.is_value(file.head[at], value), keeps)


def _two_tests(s: Session, file: Sheet) -> tuple[Test, Test] | None:
    fits = [i for i, c in enumerate(file.columns) if c and (c.is_number or c.is_choice) and file.head.count(file.head[i]) == 1]
    if len(fits) < 2:
        return None
    for _ in range(6):  # mostly some row passes both
        one, two = (test_of(s, file, at, n) for n, at in enumerate(s.r.sample(fits, 2), 1))
        if one and two and (one.keeps & two.keeps or s.r.random() < 0.12):
            return one, two
    return None


WHICH_BOTH = ("(which|what) {things} (have|are listed with|come with) @1 and @2[q]", "{things} with @1 and @2[q]", "(list|name|show|give me|find) (the |all |){things} with @1 (and|that also have) @2[post]", "[qpre]which {things} have both @1 and @2[q]", "{things}, @1, @2[q]", "with @1 and @2, which {things} (are there|remain|do we have)[q]")
COUNT_BOTH = ("how many {things} (have|are listed with|with) @1 and @2[q]", "(count|number of|count the) {things} with @1 and @2[post]", "how many {things} with @1 have @2[q]", "of the {things} with @1, how many have @2[q]")
SUM_BOTH = ("(what is|what's|tell me|give me) the (total|sum of the|summed) {noun} of {things} with @1 and @2[q]", "(total|sum of) {noun} (where|for {things} with) @1 and @2[q]", "add up (the |){noun} of {things} with @1 and @2[post]")


def _with(pool: tuple[str, ...], one: Test, two: Test) -> tuple[str, ...]:
    return tuple(t.replace("@1", one.said).replace("@2", two.said) for t in pool)


def _run(s: Session, file: Sheet, program: str, output: str) -> None:
    s.call("read", path=file.path, limit=3)
    command = awk.over_rows(file.path, file.mark, program)
    s.bench.outputs[command] = (output, 0)
    s.call("bash", command=command)


def both(s: Session) -> Check | None:
    """Rows for which two things hold: which, how many, or a sum over them."""
    file = a_sheet(s)
    tests = file and _two_tests(s, file)
    if not tests:
        return None
    one, two = tests
    numbers = sorted(one.keeps & two.keeps)
    condition = f"{one.awk} && {two.awk}"
    add = pick_column(s, file, lambda c: c.can_add)
    kind = s.r.choice(("which", "which", "count", "sum"))
    slots = {**one.slots, **two.slots}
    if kind == "sum" and add is not None and file.head.count(file.head[add]) == 1:
        return _sum_both(s, file, add, numbers, condition, _with(SUM_BOTH, one, two), slots)
    if kind == "count":
        if not reach(s, file, _with(COUNT_BOTH, one, two), **slots):
            return None
        _run(s, file, awk.count(condition), str(len(numbers)))
        s.say(f"{len(numbers)} rows in `{file.path}` have that.")
        return done(s, f"{len(numbers)} ", harmless=True)
    names = [file.rows[i][file.key_at] for i in numbers]
    if len(names) > _MOST_ROWS or not all(map(is_clean, names)) or not reach(s, file, _with(WHICH_BOTH, one, two), **slots):
        return None
    return _tell(s, file, condition, names)


def _tell(s: Session, file: Sheet, condition: str, names: list[str]) -> Check:
    _run(s, file, awk.print_names(condition, file.head[file.key_at]), "\n".join(names))
    s.say(f"In `{file.path}`: {enumerated(names)}." if names else f"No row in `{file.path}` has that.")
    return done(s, *(names or ["No row"]), harmless=True)


def _sum_both(s: Session, file: Sheet, at: int, numbers, condition: str, pool, slots) -> Check | None:
    if not reach(s, file, pool, noun=noun_of(s, file.columns[at]), **slots):
        return None
    decimal = "." in file.rows[0][at]
    total = sum(float(file.rows[i][at]) for i in numbers)
    result = f"{total:.2f}" if decimal else f"{total:.0f}"
    _run(s, file, awk.add(file.head[at], condition, decimal), result)
    s.say(f"The sum of {file.head[at].replace('_', ' ')} in `{file.path}` is {result}.")
    return done(s, result, harmless=True)


AGAINST = ("(which|what) {things} have (more|a higher|a larger) {n1} than {n2}[q]", "{things} with more {n1} than {n2}[q]", "(list|show|name|find) (the |all |){things} (where|whose) {n1} is (over|above|greater than|higher than|more than) (the |){n2}[post]", "(where|for which {things}) is {n1} (over|above|higher than|greater than) {n2}[q]", "(which|what) {things} (exceed|are over|are above) (their |the |){n2} (with|in|by) {n1}[q]")
AGAINST_LESS = ("(which|what) {things} have (less|fewer|a lower) {n1} than {n2}[q]", "{things} with (less|fewer) {n1} than {n2}[q]", "(list|show|name|find) (the |all |){things} (where|whose) {n1} is (under|below|less than|lower than) (the |){n2}[post]", "(where|for which {things}) is {n1} (under|below|lower than|less than) {n2}[q]")


def against(s: Session) -> Check | None:
    """One column of numbers against another, row by row."""
    file = a_sheet(s, lambda f: sum(bool(c and c.is_number) for c in f.columns) > 1)
    if not file:
        return None
    i, j = s.r.sample([k for k, c in enumerate(file.columns) if c and c.is_number], 2)
    more = s.r.random() < 0.5
    keeps = [float(r[i]) > float(r[j]) if more else float(r[i]) < float(r[j]) for r in file.rows]
    names = [row[file.key_at] for row, keep in zip(file.rows, keeps, strict=True) if keep]
    if len(names) > _MOST_ROWS or not all(map(is_clean, names)) or file.head[i] == file.head[j]:
        return None
    nouns = {"n1": noun_of(s, file.columns[i]), "n2": noun_of(s, file.columns[j])}
    if not reach(s, file, AGAINST if more else AGAINST_LESS, **nouns):
        return None
    return _tell(s, file, f"{awk.field(file.head[i])}{'>' if more else '<'}{awk.field(file.head[j])}", names)


NOTED = ("(which|what) {thing} (is|has the note|has the remark|is noted as|is marked|comes with) {value}[q]", "(who|what|which one) (is|has|was marked) {value}[q]", "(where|for which {thing}) (did we|do we) (note|write|remark) {value}[q]", "{value}: which {thing}[q]", "the {thing} (with|marked|noted as) {value}[q]", "(find|show|tell me) the {thing} (with the (note|remark|comment)|noted as|marked) {value}[post]")
NOTED_CELL = ("(what is|what's|tell me) the {noun} of the {thing} (that is|which is|marked|noted as|with the note) {value}[q]", "{noun} of the {thing} (with|marked|noted as|that is) {value}[q]", "the {thing} (marked|noted|with) {value}(:|,) (which|what) {noun}[q]")


def by_note(s: Session) -> Check | None:
    """A row by words of its free text: its name, or another cell."""
    file = a_sheet(s, lambda f: any(c and "phrase" in c.spec for c in f.columns))
    at = file and pick_column(s, file, lambda c: "phrase" in c.spec)
    rows = [r for r in file.rows if r[at] and sum(x[at] == r[at] for x in file.rows) == 1] if at is not None else []
    if not rows:
        return None
    row = s.r.choice(rows)
    word = max(row[at].lower().split(), key=len)
    hits = hits_in(s, word)
    if row[at] not in REMARKS or not is_searchable(word) or file.path not in hits or sum(hits.values()) > 4:
        return None
    other = pick_column(s, file, lambda c: "phrase" not in c.spec)
    if other is None or s.r.random() < 0.5:
        asked(s, NOTED, thing=file.family.thing, value=typed(s.r, row[at]))
        s.call("grep", pattern=word)
        s.call("read", path=file.path)
        s.say(f"With the {file.head[at].replace('_', ' ')} `{row[at]}` in `{file.path}`: `{row[file.key_at]}`.")
        return done(s, row[file.key_at], harmless=True)
    asked(s, NOTED_CELL, thing=file.family.thing, value=typed(s.r, row[at]), noun=noun_of(s, file.columns[other]))
    s.call("grep", pattern=word)
    s.call("read", path=file.path)
    s.say(told_cell(file, row, other))
    return done(s, row[other] or "empty", harmless=True)


_WHO = ("person", "first")
BARE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("who", ("who (is|does|has|was|belongs to|goes with) (it |that |) (for |with |) {row}[q]", "{row}: who[q]", "who is (responsible|there|named|noted|listed) for {row}[q]", "(whose|who's) {row}[q]")),
    ("when", ("when (is|was|will be) {row}[q]", "{row}: when[q]", "(on which day|what date|since when) (is|was) {row}[q]")),
    ("much", ("how much (is|was|for|does) {row}( cost|)[q]", "{row}: how much[q]")),
    ("where", ("where (is|do I find|was) {row}[q]", "{row}: where[q]")),
)  # fmt: skip
_SORT = {"who": lambda c: c.spec in _WHO, "when": lambda c: c.is_date or c.spec in ("clock", "day"), "much": lambda c: c.spec.startswith("money"), "where": lambda c: c.spec in ("place", "city")}


def by_question_word(s: Session) -> Check | None:
    """Only who, when, where or how much: the first column of that sort is meant."""
    word, pool = s.r.choice(BARE)
    file = a_sheet(s, lambda f: any(c and _SORT[word](c) for c in f.columns))
    if not file or file.family.thing in ("order", "guest", "runner"):
        return None
    at = next(i for i, c in enumerate(file.columns) if c and _SORT[word](c))
    row = s.r.choice(file.rows)
    name = row[file.key_at]
    search = max(name.lower().split(), key=len)
    hits = hits_in(s, search)
    if not row[at] or not is_searchable(search) or set(hits) != {file.path} or hits[file.path] > 2 or not is_clean(row[at]):
        return None
    asked(s, pool, row=typed(s.r, name))
    s.call("grep", pattern=search)
    s.call("read", path=file.path)
    s.say(told_cell(file, row, at))
    return done(s, row[at], harmless=True)


ABSENT = ("(how|where) (can|do) (I|we) (reach|find) {row}[q]", "{row}'s {noun}[q]", "{noun} of {row}[q]", "(what is|what's) the {noun} of {row}[q]", "(which|what) {noun} (has|does) {row}( have|)[q]", "who is {row}[q]", "(do we|have we) got {row} (in the list|on the list|somewhere)[q]")


def absent_row(s: Session) -> Check | None:
    """Somebody or something that no table has: one search, the tables, and that is told."""
    other = s.r.choice(s.r.choice(("Ingmar Quist|Oda Pell|Wim Tresk|Jolanda Fux|Bertil Ohm|Runa Vik", "flux welder|tide clock|bone saw|mead barrel|sash clamp|moon lamp")).split("|"))
    words = sorted(other.lower().split(), key=len, reverse=True)
    if any(hits_in(s, w) for w in words):
        return None
    tables = [p for p in s.bench.place.names() if p.endswith((".csv", ".tsv"))]
    asked(s, ABSENT, row=typed(s.r, other), noun=s.r.choice(("phone", "price", "address", "date", "room", "mail", "place")))
    s.call("grep", pattern=words[0])
    if s.r.random() < 0.7:
        s.call("grep", pattern=words[1])
    if s.r.random() < 0.5:
        s.call("glob", pattern="*.[ct]sv")
        if len(tables) > 3:
            return None
        for path in tables[:2]:
            s.call("read", path=path)
    s.say("I found nothing about that in these files.")
    return done(s, "found nothing", harmless=True)


COLUMN = ("(what|which) columns (does|do we have in) {file}( have|)[q]", "(columns|headers|fields) of {file}[q]", "(list|name|show me|give me) the (columns|column names|headers|fields) (of|in) {file}[post]", "how many columns (has|does) {file}( have|)[q]", "(which|what) (is|was) the {nth} column (of|in) {file}[q]")
_NTH = ("first", "second", "third", "fourth")


def columns(s: Session) -> Check | None:
    """A table's columns, numbered as they stand in its first line."""
    file = a_sheet(s)
    if not file:
        return None
    said, way = named(s, file)
    text = asked(s, COLUMN, file=said, nth=s.r.choice(_NTH[: len(file.head)]))
    if not way():
        return None
    s.call("read", path=file.path, limit=1)
    told = ", ".join(f"{i} `{name}`" for i, name in enumerate(file.head, 1))
    s.say(f"`{file.path}` has {len(file.head)} columns: {told}.")
    return done(s, *file.head, str(len(file.head)), harmless=True) if text else None


HOW_MANY = ("how (many|much) {things} (do we have|are there|have we got|are (in|on) the list|did we (note|list|enter))( in all| in total| altogether|)[q]", "(number of|count of|count) {things}[q]", "{things}: how many[q]", "how many (rows|entries|records) (has|are in|does) the (list|table) of {things}( have|)[q]", "(tell me|find out|check) how many {things} (we have|there are|are listed)[post]")


def count_rows(s: Session) -> Check | None:
    """All rows, the header not among them."""
    file = a_sheet(s)
    if not file:
        return None
    asked(s, HOW_MANY, things=things(file))
    if not find_sheet(s, file, things(file)):
        return None
    _run(s, file, awk.count(), str(len(file.rows)))
    s.say(f"There are {len(file.rows)} {things(file)} in `{file.path}`, the header not counted.")
    return done(s, f" {len(file.rows)} ", harmless=True)


TASKS = {
    "both": (6, both), "against": (3.5, against), "by_note": (4, by_note), "by_question_word": (5, by_question_word),
    "absent_row": (4, absent_row), "columns": (2, columns), "count_rows_of": (3, count_rows),
}  # fmt: skip
