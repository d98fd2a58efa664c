"""Tables asked in plain words, mostly without their names: by row, by value, by condition.

The words are those of questions about the world; a search shows that the folder knows.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
import re

from ..files.base import File
from ..session import Session
from ..wording import expand, fill, noisy
from . import awk
from .common import Check, by_role, done, enumerated, is_clean, look_up, name_file, open_file
from .meaning import MAX_LINES
from .reading import hits_of
from .tables import csv_file, key_column, numeric

_LEAD = "(|||||||tell me |do you know |can you tell me |please tell me |I want to know |I'd like to know |I need |find out |look up |any idea |hey, |quick: |check )"
_ASKS: tuple[tuple[str, str, str], ...] = (
    # column, questions for it by row, questions for rows by its value
    (r"price|cost|amount|total|fee", "how much (is|does|did|was|do we charge for) (the |){row}( cost|);what does (the |){row} cost;price of (the |){row};what do we pay for (the |){row};how expensive is (the |){row}", "what costs {value};(which|what) {thing} (costs|is) {value}"),
    (r"mail", "how (do|can) I (reach|contact|write to|mail) {row};{row}'s (mail|email|e-mail|address|mail address);where do I write to for {row};mail address of {row}", "whose (mail|address|email) is {value};who has {value};who is behind {value}"),
    (r"phone|tel", "how (do|can) I (call|reach|phone|ring) {row};{row}'s (phone|number|phone number);what number does {row} have;under what number is {row}", "whose (number|phone) is {value};who called from {value}"),
    (r"city|location|place|room|country|shelf|site", "where (is|does|do we keep|can I find|do I find|lives|comes) (the |){row}( live| from| kept| stored|);in which (city|place|room|country) is {row};where is {row} from", "who (lives|works|is|comes) (in|from) {value};(which|what) {thing}s are (in|at|from) {value};(who|what) is in {value}"),
    (r"role|job|position|team|department|grade|category|kind|type|status|os|supplier|owner|customer|active|author", "what (is|does) {row}( do| doing|'s job|'s role|);which {col} (is|has|does) {row}( have| belong to| in|);{row}'s {col};what {col} is {row}", "who is (the |our |){value};(which|what) {thing}s are {value};who (belongs to|works in|is in) {value};list all {value};which {thing}s have {col} {value}"),
    (r"date|since|year|due|start|when|day", "when (did|was|is|does) {row}( start| begin| come| published| due| happen| join|);since when (is|do we have) {row};(date|day|year) of {row};how old is {row}", "(what|who|which {thing}) (was|is|started|came) (on|in) {value};what happened on {value}"),
    (r"stock|quantity|count|number|seats|left", "how many {row}s? (do we have|are there|are left|are in stock|have we got);how much {row} is (left|there);do we have (enough |any |){row};number of {row}", "(which|what) {thing} has {value};of what do we have {value}"),
    (r"age", "how old is {row};{row}'s age", "who is {value}( years old|)"),
    (r"salary", "what does {row} (earn|make|get);how much does {row} (earn|make|get paid);{row}'s (pay|salary|wage)", "who (earns|gets|makes) {value}"),
    (r"score|math|physics|points", "how (well|good) (did|was|is) {row}( do| in {col}|);how many points does {row} have;{row}'s {col}", "who has {value}( in {col}| points|)"),
    (r"population|pages|memory|weight|size|length|height", "how (big|large|long|heavy|many {col}) is (the |){row};how much {col} does {row} have;how many {col} does {row} have;{row}'s {col}", "(which|what) {thing} has {value} {col}"),
    (r"ip|code|id|isbn", "(under |)what {col} (is|has|does) {row}( have|);{row}'s {col};{col} of {row}", "(which|what|who) {thing} (is|has) {value};what is {value};whose {col} is {value}"),
    (r".", "what is the {col} of (the |){row};{row}'s {col};(which|what) {col} (has|does|is) {row}( have|);{col} of {row};{col} {row};{row} {col}", "(which|what) {thing} has ({col} |){value};who has {value};what has the {col} {value}"),
)  # fmt: skip


def _asks(column: str) -> tuple[str, str]:
    found = next((row, value) for name, row, value in _ASKS if re.search(name, column))
    return found


def _say_question(s: Session, template: str, **slots: str) -> None:
    text = noisy(s.r, expand(s.r, s.r.choice((_LEAD, "")) + s.r.choice(template.split(";"))))
    mark = s.r.choice(["?", "?", "", "", " please", "?"])
    s.user(fill(text.replace("s?", "s"), slots).strip() + mark)


def _table(s: Session, n_rows: int = 14) -> File | None:
    return csv_file(s, lambda table: len(table.rows) <= n_rows)


def row_openly(s: Session) -> Check | None:
    """One field of a row, by the row's name or a part of it: search, open, tell."""
    file = _table(s)
    if not file or not file.facts:
        return None
    fact = s.r.choice(file.facts)
    full, column = fact.section[0], fact.names[0]
    words = [w for w in full.split() if len(w) > 2 and w.isalpha()]
    if not words or not is_clean(fact.value) or len(full) < 3:
        return None
    row = s.r.choice([full, full, *words])
    word = row if s.r.random() < 0.6 else max(words, key=len) if row == full else row
    lines = hits_of(s, word)
    if len([x for x in lines if x[0] == file.path]) != 1 or len(lines) > 6:
        return None
    forward, _ = _asks(fact.names[1])
    _say_question(s, forward, row=row, col=column, thing=file.table.thing)
    s.detour(f"{column} {row}", 0.3)
    s.call("grep", pattern=word)
    s.call("read", path=file.path)
    s.know(file)
    s.say(f"The {column} of `{full}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def rows_openly(s: Session) -> Check | None:
    """The rows that have a value, in words that name no table."""
    file = _table(s)
    if not file:
        return None
    t = file.table
    key = key_column(t)
    column = s.r.choice([i for i in range(len(t.columns)) if i != key])
    value = s.r.choice(t.rows)[column]
    lines = hits_of(s, value)
    hits = [row[key] for row in t.rows if row[column] == value]
    if not is_clean(value) or len(value) < 3 or len(hits) > 6 or len(lines) > MAX_LINES:
        return None
    if any(c in value for c in "+*?.()[]{}^$|\\") or t.columns[column] == "id":
        return None
    _, backward = _asks(t.columns[column])
    name = t.columns[column].replace("_", " ")
    _say_question(s, backward, value=value, col=name, thing=t.thing)
    s.detour(f"{value} {t.thing}")
    s.call("grep", pattern=value)
    s.call("read", path=file.path)
    s.know(file)
    s.say(f"With {t.columns[column]} `{value}` in `{file.path}`: {enumerated(hits)}.")
    return done(s, *hits, harmless=True)


_MORE = {
    ">": "(more than|above|over|greater than|higher than|at least over|beyond|bigger than)",
    "<": "(less than|below|under|fewer than|lower than|smaller than|cheaper than|not even)",
}
_FILTER = (
    "(which|what) {thing}s (in {path} |of {path} |)(have|cost|are|show|got) (a |an |) {col} (of |)@ {n};"
    "(list|show|name|find|give me) (all |the |every |)(rows|entries|{thing}s) (in|of|from) {path} (with|where|whose) (the |a |) {col} (is |of |)@ {n};"
    "in {path}, (which|what) (ones|rows|{thing}s) (have|are) @ {n} (in |for |) {col};"
    "(where|for which rows) (in|of) {path} is (the |){col} @ {n}"
)
_COUNT = (
    "how many {thing}s (in|of|from) {path} (have|cost|are|show) (a |) {col} (of |)@ {n};"
    "(count|number of) (the |)(rows|{thing}s|entries) (in|of) {path} (with|where) (the |a |) {col} (is |)@ {n};"
    "how (many|often) (rows |){col}s? @ {n} (are there |do we have |)in {path}"
)


def filtered(s: Session) -> Check | None:
    """Rows above or below a number, listed or counted by awk."""
    file = _table(s, 40)
    if not file:
        return None
    t, r = file.table, s.r
    key = key_column(t)
    if not numeric(t):
        return None
    column, sign = r.choice(numeric(t)), r.choice("><")
    numbers = [float(row[column]) for row in t.rows]
    limit = str(r.randint(int(min(numbers)), int(max(numbers)) + 1))
    over = [x > float(limit) if sign == ">" else x < float(limit) for x in numbers]
    hits = [row[key] for row, is_hit in zip(t.rows, over, strict=True) if is_hit]
    counts = r.random() < 0.45
    if len(hits) > 10 or not all(map(is_clean, hits)):
        return None
    role = by_role(s, file) if r.random() < 0.4 else None
    template = (_COUNT if counts else _FILTER).replace("@", _MORE[sign])
    col = t.columns[column].replace("_", " ")
    named = role[0] if role else file.path
    _say_question(s, template, path=named, col=col, n=limit, thing=t.thing)
    if role:
        s.call("glob", pattern=role[1])
    s.call("read", path=file.path, limit=3)
    condition = f"{awk.field(t.columns[column])}{sign}{limit}"
    program = awk.count(condition) if counts else awk.print_names(condition, t.columns[key])
    command = awk.over_rows(file.path, ",", program)
    s.bench.outputs[command] = (str(len(hits)) if counts else "\n".join(hits), 0)
    s.call("bash", command=command)
    if counts:
        s.say(f"{len(hits)} rows in `{file.path}` have {t.columns[column]} {sign} {limit}.")
        return done(s, str(len(hits)), harmless=True)
    if not hits:
        s.say(f"No row in `{file.path}` has {t.columns[column]} {sign} {limit}.")
        return done(s, "No row", harmless=True)
    s.say(f"With {t.columns[column]} {sign} {limit} in `{file.path}`: {enumerated(hits)}.")
    return done(s, *hits, harmless=True)


def count_where(s: Session) -> Check | None:
    """How many rows have a value."""
    file = _table(s, 40)
    if not file:
        return None
    t = file.table
    column = s.r.randrange(len(t.columns))
    value = s.r.choice(t.rows)[column]
    if column == key_column(t) or not is_clean(value) or any(c in value for c in "\"'\\$"):
        return None
    named = name_file(s, file)
    s.ask("count_where", thing=t.thing, path=named.text, value=value,
          col=t.columns[column].replace("_", " "))  # fmt: skip
    look_up(s, named)
    s.call("read", path=file.path, limit=3)
    n = sum(row[column].lower() == value.lower() for row in t.rows)
    command = awk.over_rows(file.path, ",", awk.count(awk.is_value(t.columns[column], value)))
    s.bench.outputs[command] = (str(n), 0)
    s.call("bash", command=command)
    s.say(f"{n} rows in `{file.path}` have {t.columns[column]} `{value}`.")
    return done(s, str(n), harmless=True)


_NTH = (("first", 0), ("second", 1), ("third", 2), ("fourth", 3), ("last", -1), ("final", -1),
        ("2nd", 1), ("3rd", 2), ("1st", 0))  # fmt: skip


def row_n(s: Session) -> Check | None:
    """A row by its place."""
    file = _table(s, 12)
    nth, at = s.r.choice(_NTH)
    if not file or at >= len(file.table.rows):
        return None
    row = file.table.rows[at]
    named = name_file(s, file)
    s.ask("row_n", nth=nth, path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"The {nth} row of `{file.path}` is `{','.join(row)}`.")
    return done(s, row[0], harmless=True)


def in_table(s: Session) -> Check | None:
    """Whether a row is there."""
    file = _table(s)
    if not file:
        return None
    t = file.table
    is_there = s.r.random() < 0.55
    row = s.r.choice(t.rows)[key_column(t)] if is_there else s.x.person(s.r).split()[0]
    if (row.lower() in file.text.lower()) != is_there or not is_clean(row):
        return None
    named = name_file(s, file)
    s.ask("in_table", row=row, path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    if is_there:
        line = next(",".join(x) for x in t.rows if x[key_column(t)] == row)
        s.say(f"Yes, `{row}` is in `{file.path}`: `{line}`.")
        return done(s, "Yes", harmless=True)
    s.say(f"No, `{row}` is not in `{file.path}`.")
    return done(s, "No", harmless=True)


_FOLLOWS = "and {row};what about {row};and (for |){row};{row};how about {row};same for {row};{row} too;and {row}'s"


def follow_row(s: Session) -> Check | None:
    """The same column of another row."""
    if not s.last_is_fresh or s.last[0].kind != "csv" or s.last[0].path not in s.files:
        return None
    file, before = s.last
    others = [x for x in file.facts if x.names == before.names and x is not before]
    if not others or not any(x.path == file.path and x.who == "read result" for x in s.seen):
        return None
    fact = s.r.choice(others)
    if not is_clean(fact.value):
        return None
    _say_question(s, _FOLLOWS, row=s.r.choice(fact.section))
    s.say(f"The {fact.names[0]} of `{fact.section[0]}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


_THING = (
    "(how many|what number of) {t}s (do we have|are there|are in the table|are listed|have we got);(count|number of) (the |all |our |){t}s;"
    "(which|what) {t}s (do we have|are there|are listed|exist);(list|show|name|give me) (all |the |our |){t}s"
)


def things(s: Session) -> Check | None:
    """How many, or which, of what a table is named for."""
    file = _table(s, 12)
    if not file:
        return None
    stem = file.name.removesuffix(".csv").lower()
    names = [p for p in s.bench.place.names(folders=True) if stem.rstrip("s") in p.rstrip("/").rsplit("/", 1)[-1].lower()]
    if not stem.isalpha() or stem[-1] != "s" or names != [file.path] or len(stem) < 4:
        return None
    _say_question(s, _THING, t=stem[:-1], row="", col="")
    s.call("glob", pattern=f"*{stem[:-1]}*")
    s.call("read", path=file.path)
    s.know(file)
    rows = [row[key_column(file.table)] for row in file.table.rows]
    if not all(map(is_clean, rows)):
        return None
    s.say(f"{len(rows)} in `{file.path}`: {enumerated(rows)}.")
    return done(s, f"{len(rows)} in", *rows, harmless=True)


TASKS = {
    "things": (3, things),
    "row_openly": (8, row_openly), "rows_openly": (5, rows_openly), "filtered": (3, filtered),
    "count_where": (2, count_where), "row_n": (1.5, row_n), "in_table": (1.5, in_table),
    "follow_row": (2.5, follow_row),
}  # fmt: skip
