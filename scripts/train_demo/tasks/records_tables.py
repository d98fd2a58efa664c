"""Tables asked about as people do: no file named, or by its role; the row by a part of its name.

A row is found by one search for its longest word; a table by a word of its role, and by its
ending when no name has that word. Rows are read and told; counts and sums are left to awk.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from collections.abc import Callable

from ..records import (
    MONTHS,
    asked,
    hits_in,
    is_searchable,
    search_word,
    typed,
    wrong_spelling,
)
from ..records_sheets import FAMILIES, Column, Sheet, sheet
from ..session import MAX_FILES, Session
from ..wording import expand
from .common import Check, done, enumerated, is_clean
from .tables import quoted_path

_FOLDERS = ("", "", "data", "lists", "office", "tables", "docs", "records", "admin", "exports")
ROW = (
    "[qpre][whatis] {row}'s {noun}[q]", "[qpre][whatis] the {noun} (of|for) {row}[q]", "{noun} (of|for) {row}[q]", "{row} {noun}[q]", "{row}'s {noun}[q]", "{row}: {noun}[q]",
    "[pre][tellme] (the |){noun} (of|for) {row}[post]", "[pre][tellme] {row}'s {noun}[post]", "(which|what) {noun} does {row} have[q]", "(which|what) {noun} (do we have|is noted|did we note|is written down|have we got|is listed|stands there) for {row}[q]",
    "I (need|want|am looking for) (the |){noun} (of|for) {row}[post]", "(do we|do you|did we) (know|have|note) (the |){noun} (of|for) {row}[q]", "(any idea|no idea|not sure|I forgot) what {row}'s {noun} is[q]", "could you (look up|check|find) {row}'s {noun}[q]", "(what was|remind me of) {row}'s {noun} again[q]",
)  # fmt: skip
NTH = (
    "(what is|what's|who is|tell me|give me|show me) the {noun} (of|in) the {nth} (row|entry|record|line|{thing})[q]", "{noun} (of|in) (the |){nth} (row|entry|{thing})[q]", "the {nth} {thing}(:|,) (what|which) {noun}[q]", "(which|what) {noun} does the {nth} {thing} have[q]",
)  # fmt: skip
BY_VALUE = (
    "[qpre][whatis] the {noun} of the {thing} with {noun2} {value}[q]", "the {thing} with {noun2} {value}(:|,) (which|what) {noun}[q]", "{noun} of the {thing} (whose {noun2} is|with the {noun2}) {value}[q]", "(which|what) {noun} has the {thing} with {noun2} {value}[q]",
)  # fmt: skip
WHICH = (
    "(which|what) {things} (are|have|with|are listed with) {noun} {value}[q]", "(list|show me|name|give me|tell me) (all |the |all the |){things} with {noun} {value}[post]", "{things} with {noun} {value}[q]", "[qpre]which {things} have {value} as (their |){noun}[q]", "all {things} (where|whose) {noun} is {value}", "{things}, {noun} {value}[q]",
    "(who or what|which ones|which of the {things}) (has|have|got) {noun} {value}[q]", "I need (all |)the {things} with {value} as {noun}[post]",
)  # fmt: skip
WHICH_MONTH = (
    "(which|what) {things} have (a |their |){noun} in {value}[q]", "{things} with {noun} in {value}[q]", "(list|name|show me) the {things} whose {noun} (is|falls) in {value}[post]", "{noun} in {value}: which {things}[q]", "(whose|which {thing}'s) {noun} is in {value}[q]",
)  # fmt: skip
WHICH_OVER = (
    "(which|what) {things} have (more than|over|above|a higher {noun} than) {value}( {noun}|)[q]", "{things} with {noun} (over|above|greater than|more than) {value}[q]", "(list|name|show me) (the |all |){things} (with|having) (more than|over) {value} {noun}[post]", "where is {noun} (over|above|higher than) {value}( among the {things}|)[q]",
)  # fmt: skip
WHICH_UNDER = (
    "(which|what) {things} have (less than|fewer than|under|below) {value}( {noun}|)[q]", "{things} with {noun} (under|below|less than|lower than) {value}[q]", "(list|name|show me) (the |all |){things} (with|having) (less than|under) {value} {noun}[post]",
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
_NTH = ("first", "second", "third", "fourth", "fifth", "sixth")
_GENERIC = {"list", "table", "of", "plan", "the", "book", "sheet", "setting"}
_TABLES = "*.[ct]sv"
_ROW_LIMIT = 14
"""Rows that are read and told; more are filtered by awk."""


def within(s: Session, pool: tuple[str, ...]) -> tuple[str, ...]:
    """One of the wordings, with the file named in it."""
    text = s.r.choice(pool)
    bare = text.replace("[q]", "").replace("[post]", "").replace("[pre]", "").replace("[qpre]", "")
    return (s.r.choice((
        f"(in|from|going by|looking at|according to) {{file}}(,|:) {bare}[q]", f"{bare} (in|according to|going by|from|per) {{file}}[q]",
        f"{bare} (in|according to) {{file}}[q]", f"{{file}}: {bare}[q]", f"{bare}? (it's in|it is in|should be in|must be in|see|look at|look into|check) {{file}}",
    )),)  # fmt: skip


def is_as_made(s: Session, file: Sheet) -> bool:
    """Whether nothing has changed the table."""
    text = "\n".join(file.mark.join(row) for row in [file.head, *file.rows]) + "\n"
    return file.path in s.bench.place.files and s.text_of(file.path) == text


def a_sheet(s: Session, test: Callable[[Sheet], object] = lambda f: True) -> Sheet | None:
    """A table that passes the test; a new one sometimes or when none does."""
    fitting = [f for f in s.files.values() if isinstance(f, Sheet) and is_as_made(s, f) and test(f)]
    if fitting and (len(s.files) >= MAX_FILES or s.r.random() < 0.6):
        return s.r.choice(fitting)
    for _ in range(6):
        family = s.r.choice(FAMILIES)
        stem = s.r.choice(family.stems.split())
        stem = stem.capitalize() if s.r.random() < 0.08 else stem
        if s.r.random() < 0.15:
            stem += s.r.choice(("_2024", "-2025", "_old", "_list", "-north", "_spring"))
        folder = s.r.choice(_FOLDERS)
        path = f"{folder}/{stem}" if folder else stem
        path += s.r.choice((".csv", ".csv", ".csv", ".csv", ".tsv"))
        taken = s.bench.place.exists(path) or any(f.family is family for f in s.files.values() if isinstance(f, Sheet))
        file = None if taken or s.bench.place.exists(folder + ".csv") else sheet(s.maker, path, family)
        if file and test(file):
            return s.add(file)
    return None


def role_word(role: str) -> str:
    """The word of a role that a file's name most likely holds, in the singular."""
    words = [w for w in role.lower().split() if w not in _GENERIC] or role.lower().split()
    return words[0].removesuffix("s") if len(words[0]) > 4 else words[0]


def find_sheet(s: Session, file: Sheet, role: str) -> bool:
    """Look for the file by a word of its role, then by its ending; False: not found so."""
    result = s.call("glob", pattern=f"*{role_word(role)}*")
    names = result.split("\n")
    if result.startswith("no files"):
        names = s.call("glob", pattern=_TABLES).split("\n")
    return file.path in names and len(names) <= 6


def named(s: Session, file: Sheet) -> tuple[str, Callable[[], bool]]:
    """How the user names the table, and the calls that lead to it."""
    if s.r.random() < 0.35:
        return file.path, lambda: True
    if s.r.random() < 0.25:
        return file.name, lambda: _only(s, file)
    role = s.r.choice(file.family.roles.split("|"))
    lead = s.r.choice(("the ", "the ", "our ", "my ", ""))
    return lead + role, lambda: find_sheet(s, file, role)


def _only(s: Session, file: Sheet) -> bool:
    return s.call("glob", pattern=file.name).split("\n") == [file.path]


def things(file: Sheet) -> str:
    """The rows' word in the plural."""
    word = file.family.thing
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def reach(s: Session, file: Sheet, pool: tuple[str, ...], share_role: float = 0.5, **slots: str) -> bool:
    """Ask, with the table named or only its rows; then find it."""
    slots |= {"thing": file.family.thing, "things": things(file)}
    if s.r.random() < share_role:
        said, way = named(s, file)
        asked(s, within(s, pool), file=said, **slots)
        return way()
    for _ in range(20):  # with no file named, the rows' word is what leads to it
        text = expand(s.r, s.r.choice(pool))
        if "{thing" in text:
            asked(s, (text,), **slots)
            return find_sheet(s, file, things(file))
    return False


def _pick(s: Session, file: Sheet, test: Callable[[Column], bool]) -> int | None:
    fitting = [i for i, c in enumerate(file.columns) if c and test(c)]
    return s.r.choice(fitting) if fitting else None


def noun_of(s: Session, column: Column) -> str:
    return s.r.choice(column.nouns.split("|"))


def told_cell(file: Sheet, row: list[str], at: int) -> str:
    """The answer for one cell."""
    name, what = row[file.key_at], file.head[at].replace("_", " ")
    if not row[at]:
        return f"The {what} of `{name}` in `{file.path}` is empty."
    return f"The {what} of `{name}` in `{file.path}` is `{row[at]}`."


def row_value(s: Session) -> Check | None:
    """A cell of a row that is named by a part, with no file or with its role."""
    file = a_sheet(s)
    at = file and _pick(s, file, lambda c: True)
    if at is None:
        return None
    row, column = s.r.choice(file.rows), file.columns[at]
    name = row[file.key_at]
    part = name if s.r.random() < 0.5 or file.family.thing == "order" else s.r.choice(name.split())
    if sum(part.lower() in r[file.key_at].lower() for r in file.rows) != 1 or len(part) < 3:
        part = name
    pool = tuple(t + "[q]" for t in column.asks) if column.asks and s.r.random() < 0.55 else ROW
    said, noun = typed(s.r, part), noun_of(s, column)
    if not _lead_to_row(s, file, pool, said, noun):
        return None
    s.call("read", path=file.path)
    s.say(told_cell(file, row, at))
    if s.r.random() < 0.2:
        return _same_of_another(s, file, row, at)
    return done(s, row[at] or "empty", harmless=True)


def _lead_to_row(s: Session, file: Sheet, pool: tuple[str, ...], said: str, noun: str) -> bool:
    """Ask and find the file: by the table's role, by the row's word, or by a second word."""
    if s.r.random() < 0.3:
        return reach(s, file, pool, 1, row=said, noun=noun)
    word = search_word(said)
    wrong = wrong_spelling(s.r, word) if s.r.random() < 0.22 else ""
    wrong = wrong or (word + "s" if s.r.random() < 0.08 and file.family.names != "person" else "")
    if wrong and is_searchable(wrong) and not hits_in(s, wrong):
        said = said.lower().replace(word, wrong)
        asked(s, pool, row=said, noun=noun)
        s.call("grep", pattern=wrong)
        return _second_try(s, file)
    hits = hits_in(s, word)
    if not is_searchable(word) or file.path not in hits or len(hits) > 3 or hits[file.path] > 4:
        return False
    asked(s, pool, row=said, noun=noun)
    s.call("grep", pattern=word)
    return True


def _second_try(s: Session, file: Sheet) -> bool:
    """After an empty search: the tables that there are."""
    names = s.call("glob", pattern=_TABLES).split("\n")
    return file.path in names and len(names) <= 5


def _same_of_another(s: Session, file: Sheet, row: list[str], at: int) -> Check | None:
    other = s.r.choice([r for r in file.rows if r is not row])
    name = other[file.key_at]
    part = name if s.r.random() < 0.6 else name.split()[0]
    if sum(part in r[file.key_at] for r in file.rows) != 1:
        part = name
    asked(s, ("(and|what about|how about|and for|same for|and what about) {row}[q]", "{row}[q]", "(the same|same thing|same question) for {row}[q]"), row=typed(s.r, part))
    s.say(told_cell(file, other, at))
    return done(s, other[at] or "empty", harmless=True)


def row_by_other(s: Session) -> Check | None:
    """A cell of a row that is named by another column or by its number."""
    file = a_sheet(s)
    at = file and _pick(s, file, lambda c: True)
    if at is None:
        return None
    noun = noun_of(s, file.columns[at])
    if s.r.random() < 0.4:
        i = s.r.randrange(min(len(file.rows), len(_NTH)))
        nth = "last" if s.r.random() < 0.2 else _NTH[i]
        row = file.rows[-1] if nth == "last" else file.rows[i]
        if not reach(s, file, NTH, 0.7, nth=nth, noun=noun):
            return None
        s.call("read", path=file.path)
    else:
        other = _pick(s, file, lambda c: c is not file.columns[at])
        fitting = [r for r in file.rows if other and sum(r[other] == x[other] for x in file.rows) == 1]
        row = s.r.choice(fitting or [[]])
        if not row or len(row[other]) < 3:
            return None
        if not _ask_by_value(s, file, row[other], noun, file.columns[other]):
            return None
        s.call("read", path=file.path)
    s.say(told_cell(file, row, at))
    return done(s, row[at] or "empty", harmless=True)


def _ask_by_value(s: Session, file: Sheet, value: str, noun: str, column: Column) -> bool:
    """The row by a value of another column; the value is looked for when it is a rare word."""
    as_person = "treasurer" in column.spec and s.r.random() < 0.7
    said, word = f"the {value}" if as_person else value, search_word(value)
    pool = ROW if as_person else BY_VALUE
    slots = {"row": said, "value": value, "noun": noun, "noun2": noun_of(s, column)}
    hits = hits_in(s, word)
    if is_searchable(word) and file.path in hits and len(hits) < 3 and s.r.random() < 0.7:
        asked(s, pool, thing=file.family.thing, **slots)
        s.call("grep", pattern=word)
        return True
    return reach(s, file, pool, **slots)


class _Condition:
    """A condition on rows: its wording's slots, the rows it holds for, and awk's way to say it."""

    def __init__(self, pool, slots: dict[str, str], keep: Callable[[list[str]], bool], awk: str) -> None:
        self.pool, self.slots, self.keep, self.awk = pool, slots, keep, awk


def _condition(s: Session, file: Sheet) -> _Condition | None:
    at = _pick(s, file, lambda c: c.is_choice or c.is_number or c.is_date or "blank" in c.spec)
    if at is None:
        return None
    column, field, r = file.columns[at], f"${at + 1}", s.r
    slots = {"noun": noun_of(s, column)}
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
        return _Condition(WHICH_OVER if over else WHICH_UNDER, slots | {"value": text}, keep, f"{field}{'>' if over else '<'}{text}")
    if column.is_choice:
        value = r.choice(file.rows)[at] if r.random() < 0.93 else r.choice(column.spec.partition(":")[2].split("|"))
        return None if not value else _Condition(WHICH, slots | {"value": value}, lambda row: row[at] == value, f'{field}=="{value}"')
    return None


def awk(file: Sheet, program: str) -> str:
    """The command that runs an awk program over the rows."""
    mark = {",": ",", ";": "';'", "\t": "'\\t'"}[file.mark]
    return f"awk -F{mark} '{program}' {quoted_path(file.path)}"


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
    if len(file.rows) <= _ROW_LIMIT:
        s.call("read", path=file.path)
    else:
        s.call("read", path=file.path, limit=3)
        program = f"NR>1 && {condition.awk} {{print ${file.key_at + 1}}}"
        _run(s, awk(file, program), "\n".join(names))
    s.say(f"In `{file.path}`: {enumerated(names)}." if names else f"None in `{file.path}`.")
    return done(s, *(names or ["None"]), harmless=True)


def _pair(s: Session, file: Sheet) -> _Condition | None:
    """One column below another."""
    one, two, text = s.r.choice(file.family.pairs)
    try:
        i, j = (file.columns.index(file.family.columns[k]) for k in (one, two))
    except ValueError:
        return None
    pool = (f"({text})[q]", f"[qpre]({text})[q]")
    return _Condition(pool, {}, lambda row: float(row[i]) < float(row[j]), f"${i + 1}<${j + 1}")


def count_that(s: Session) -> Check | None:
    """How many rows there are, or for how many something holds."""
    file = a_sheet(s)
    if not file:
        return None
    such = ""
    if s.r.random() < 0.3:
        if not reach(s, file, COUNT_ALL):
            return None
        n, command = len(file.rows), f"tail -n +2 {quoted_path(file.path)} | grep -c ."
    else:
        condition, such = _condition(s, file), "such "
        if not condition:
            return None
        n = sum(map(condition.keep, file.rows))
        pool = {id(WHICH): COUNT, id(WHICH_MONTH): _how_many(WHICH_MONTH), id(WHICH_OVER): _how_many(WHICH_OVER), id(WHICH_UNDER): _how_many(WHICH_UNDER)}.get(id(condition.pool), _how_many(WHICH_EMPTY))
        if not reach(s, file, pool, **condition.slots):
            return None
        s.call("read", path=file.path, limit=3)
        command = awk(file, f"NR>1 && {condition.awk} {{n++}} END {{print n+0}}")
    _run(s, command, str(n))
    what = file.family.thing if n == 1 else things(file)
    s.say(f"There {'is' if n == 1 else 'are'} {n} {such}{what} in `{file.path}`.")
    return done(s, f" {n} ", harmless=True)


def _how_many(pool: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        t.replace("(which|what) {things}", "how many {things}", 1)
        for t in pool if t.startswith("(which|what) {things}")
    ) + tuple("how many {things} (have|are there with|with)" + t[len("{things} with") :] for t in pool if t.startswith("{things} with "))  # fmt: skip


def add_up(s: Session) -> Check | None:
    """The sum of a column, of all rows or of those for which something holds."""
    file = a_sheet(s, lambda f: any(c and c.can_add for c in f.columns))
    at = file and _pick(s, file, lambda c: c.can_add)
    if at is None:
        return None
    slots, rows, test, pool = {"noun": noun_of(s, file.columns[at])}, file.rows, "", SUM
    other = _pick(s, file, lambda c: c.is_choice)
    if other is not None and s.r.random() < 0.4:
        value = s.r.choice(file.rows)[other]
        slots |= {"value": value, "noun2": noun_of(s, file.columns[other])}
        rows, test, pool = [r for r in rows if r[other] == value], f' && ${other + 1}=="{value}"', SUM_WHERE
    decimal = "." in rows[0][at]
    total = sum(float(row[at]) for row in rows)
    result = f"{total:.2f}" if decimal else f"{total:.0f}"
    show = 'printf "%.2f\\n", s' if decimal else "print s"
    if not reach(s, file, pool, **slots):
        return None
    s.call("read", path=file.path, limit=3)
    _run(s, awk(file, f"NR>1{test} {{s+=${at + 1}}} END {{{show}}}"), result)
    s.say(f"The sum of {file.head[at].replace('_', ' ')} in `{file.path}` is {result}.")
    return done(s, result, harmless=True)


def most(s: Session) -> Check | None:
    """The row with the highest or lowest number."""
    file = a_sheet(s, lambda f: any(c and c.is_number for c in f.columns))
    at = file and _pick(s, file, lambda c: c.is_number)
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
    mark = {",": ",", ";": "';'", "\t": "$'\\t'"}[file.mark]
    field = f"-k{at + 1},{at + 1} -{'rn' if high else 'n'}"
    _run(s, f"tail -n +2 {quoted_path(file.path)} | sort -t{mark} {field} | head -n 1", file.mark.join(ordered[0]))
    name, what = ordered[0][file.key_at], file.head[at].replace("_", " ")
    s.say(f"The {'highest' if high else 'lowest'} {what} in `{file.path}` is `{ordered[0][at]}`, of `{name}`.")
    return done(s, name, ordered[0][at], harmless=True)


TASKS = {
    "row_value": (15, row_value), "row_by_other": (5, row_by_other), "rows_that": (7, rows_that),
    "count_that": (4.5, count_that), "add_up": (4, add_up), "most": (3, most),
}  # fmt: skip
