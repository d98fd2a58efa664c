"""Tables asked about as people do: no file named, or by its role; the row by a part of its name.

A row is found by one search for its longest word; a table by a word of its role, and by its
ending when no name has that word. Rows are read and told; counts and sums are left to awk.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from collections.abc import Callable

from ..records import (
    asked,
    hits_in,
    is_crowded,
    is_searchable,
    search_word,
    typed,
    wrong_spelling,
)
from ..records_sheets import FAMILIES, Column, Sheet, sheet
from ..session import MAX_FILES, Session
from ..wording import expand
from .common import Check, done

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
_NTH = ("first", "second", "third", "fourth", "fifth", "sixth")
_GENERIC = {"list", "table", "of", "plan", "the", "book", "sheet", "setting"}
_TABLES = "*.[ct]sv"


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
    for _ in range(0 if is_crowded(s) else 6):
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


def pick_column(s: Session, file: Sheet, test: Callable[[Column], bool]) -> int | None:
    """The place of a column that passes the test."""
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
    at = file and pick_column(s, file, lambda c: True)
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
        return _second_try(s, file, shared_start(word, wrong))
    hits = hits_in(s, word)
    if not is_searchable(word) or file.path not in hits or len(hits) > 3 or hits[file.path] > 4:
        return False
    asked(s, pool, row=said, noun=noun)
    s.call("grep", pattern=word)
    return True


def shared_start(one: str, two: str) -> str:
    """The letters that two words begin with."""
    n = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    return one[:n] if n is not None else min(one, two, key=len)


def _second_try(s: Session, file: Sheet, stem: str) -> bool:
    """After an empty search: the word's beginning where it leads there, else the tables."""
    hits = hits_in(s, stem) if len(stem) > 3 else {}
    if hits and s.r.random() < 0.85:
        s.call("grep", pattern=stem)
        return file.path in hits and sum(hits.values()) < 5
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
    at = file and pick_column(s, file, lambda c: True)
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
        other = pick_column(s, file, lambda c: c is not file.columns[at])
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


TASKS = {"row_value": (15, row_value), "row_by_other": (5, row_by_other)}
