"""Rows and columns of tables; lines of logs. Counting and sums are left to commands."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..files import code, data
from ..files.base import File
from ..session import Session
from . import awk
from .awk import over_rows
from .common import (
    Check,
    block,
    done,
    enumerated,
    found_note,
    is_clean,
    name_file,
    open_file,
    quoted,
)


def csv_file(s: Session, test=lambda table: True) -> File | None:
    """A table of more than one row that passes the test."""
    return s.pick(
        lambda f: (
            f.table is not None
            and len(f.table.rows) > 1
            and f.path.endswith(".csv")
            and test(f.table)
            and "\r" not in f.text
        ),
        (data.csv,),
    )


def cell(s: Session) -> Check | None:
    """One field of one row."""
    file = csv_file(s)
    fact = file and s.r.choice(file.facts or [None])
    if not fact or not is_clean(fact.value):
        return None
    row = s.r.choice(fact.section)
    full = fact.section[0]
    if (
        sum(row.lower() in [c.lower() for c in r] or row == full for r in file.table.rows) == 0
        and row == full
    ):
        return None
    column = s.r.choice(fact.names)
    clear = row in full and not row.isdigit()
    if (
        s.r.random() < 0.3
        and clear
        and sum(row.lower() in f.text.lower() for f in s.files.values()) == 1
    ):
        lines = [line for line in file.text.split("\n") if row.lower() in line.lower()]
        if len(lines) != 1:
            return None
        s.ask("cell_nopath", col=column, row=row)
        s.call("grep", pattern=row)
        s.call("read", path=file.path)
        lead = ""
    else:
        named = name_file(s, file, typos=True)
        s.ask(
            "cell", col=column, row=quoted(s, row) if s.r.random() < 0.3 else row, path=named.text
        )
        if not open_file(s, named):
            return None
        lead = found_note(named)
    s.know(file)
    s.say(f"{lead}The {fact.names[0]} of `{full}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def rows_where(s: Session) -> Check | None:
    """The rows with a value in a column."""
    file = csv_file(s, lambda t: len(t.rows) <= 14)
    if not file:
        return None
    t = file.table
    key = key_column(t)
    column = s.r.choice([i for i in range(len(t.columns)) if i != key])
    value = s.r.choice(t.rows)[column]
    hits = [row[key] for row in t.rows if row[column] == value]
    if len(hits) > 6 or not is_clean(value):
        return None
    s.ask(
        "rows_where",
        col=t.columns[column].replace("_", " "),
        value=quoted(s, value),
        path=file.path,
        thing=t.thing,
    )
    s.call("read", path=file.path)
    s.know(file)
    s.say(f"With {t.columns[column]} `{value}` in `{file.path}`: {enumerated(hits)}.")
    return done(s, *hits, harmless=True)


def key_column(table) -> int:
    return (
        1 if table.columns[0] == "id" and len(table.columns) > 1 and table.thing != "entry" else 0
    )


def count_rows(s: Session) -> Check | None:
    """How many rows, without the header."""
    file = csv_file(s)
    if not file:
        return None
    named = name_file(s, file, allow_bare=False)
    s.ask("count_rows", path=named.text, thing=file.table.thing)
    n = file.text.rstrip("\n").count("\n")
    command = over_rows(file.path, ",", awk.count())
    s.bench.outputs[command] = (str(n), 0)
    s.call("bash", command=command)
    s.say(f"`{file.path}` has {n} rows below the header.")
    return done(s, f" {n} ", harmless=True)


def numeric(table) -> list[int]:
    return [
        i
        for i, _ in enumerate(table.columns)
        if i != key_column(table)
        and table.columns[i] != "id"
        and all(to_number(row[i]) is not None for row in table.rows)
    ]


def to_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_MOST = {
    True: ("highest", "largest", "biggest", "maximum", "greatest", "top", "most", "max", "best"),
    False: ("lowest", "smallest", "minimum", "least", "min", "worst"),
}


def extreme(s: Session) -> Check | None:
    """The row with the highest or lowest number."""
    file = csv_file(s, lambda t: bool(numeric(t)) and len(t.rows) > 2)
    if not file:
        return None
    t = file.table
    column = s.r.choice(numeric(t))
    high = s.r.random() < 0.6
    ordered = sorted(t.rows, key=lambda row: float(row[column]), reverse=high)
    if ordered[0][column] == ordered[1][column]:
        return None
    s.ask(
        "extreme",
        most=s.r.choice(_MOST[high]),
        col=t.columns[column].replace("_", " "),
        thing=t.thing,
        path=file.path,
    )
    s.call("read", path=file.path, limit=3)
    command = over_rows(file.path, ",", awk.most(t.columns[column], high))
    s.bench.outputs[command] = (",".join(ordered[0]), 0)
    s.call("bash", command=command)
    key = key_column(t)
    s.say(
        f"The {'highest' if high else 'lowest'} {t.columns[column]} in `{file.path}` is `{ordered[0][column]}`, of `{ordered[0][key]}`."
    )
    return done(s, ordered[0][key], ordered[0][column], harmless=True)


def total(s: Session) -> Check | None:
    """Sum or average of a column, by awk."""
    file = csv_file(s, lambda t: bool(numeric(t)))
    if not file:
        return None
    t = file.table
    column = s.r.choice(numeric(t))
    values = [float(row[column]) for row in t.rows]
    kind = s.r.choice(["sum", "average"])
    s.ask(kind, col=t.columns[column].replace("_", " "), path=file.path)
    s.call("read", path=file.path, limit=3)
    name, decimal = t.columns[column], any("." in row[column] for row in t.rows)
    if kind == "sum":
        result = f"{sum(values):.2f}" if decimal else f"{sum(values):.0f}"
        program = awk.add(name, decimal=decimal)
    else:
        result = f"{sum(values) / len(values):.2f}"
        program = f'NR>1 {{s+={awk.field(name)};n++}} END {{printf "%.2f\\n", s/n}}'
    command = over_rows(file.path, ",", program)
    s.bench.outputs[command] = (result, 0)
    s.call("bash", command=command)
    s.say(
        f"The {'sum' if kind == 'sum' else 'average'} of {t.columns[column]} in `{file.path}` is {result}."
    )
    return done(s, result, harmless=True)


def count(s: Session) -> Check | None:
    """How many lines hold a text."""
    r = s.r
    file = s.pick(
        lambda f: bool(f.entries) or f.kind in ("csv", "python", "text", "list"),
        (data.log, data.log, code.python),
    )
    words = [
        "ERROR",
        "WARNING",
        "INFO",
        "DEBUG",
        "failed",
        "error",
        "def",
        "import",
        "the",
        "return",
    ]
    pattern = (
        r.choice([e[1] for e in file.entries])
        if file.entries and r.random() < 0.7
        else r.choice([*words, s.x.word(r)])
    )
    if "'" in pattern:
        return None
    named = name_file(s, file, allow_bare=False)
    s.ask("count", pat=quoted(s, pattern) if r.random() < 0.5 else pattern, path=named.text)
    n = sum(pattern in line for line in file.text.split("\n"))
    command = f"grep -c '{pattern}' {quoted_path(file.path)}"
    s.bench.outputs[command] = (str(n), 0 if n else 1)
    s.call("bash", command=command)
    s.say(
        f"{n} line{'' if n == 1 else 's'} in `{file.path}` contain{'s' if n == 1 else ''} `{pattern}`."
    )
    return done(s, f"{n} line", harmless=True)


def quoted_path(path: str) -> str:
    """A path as a shell word."""
    return (
        path
        if all(c.isalnum() or c in "/._-" for c in path)
        else "'" + path.replace("'", "'\\''") + "'"
    )


def log_file(s: Session, test=lambda f: True) -> File | None:
    return s.pick(lambda f: bool(f.entries) and "\r" not in f.text and test(f), (data.log,))


def error_line(s: Session) -> Check | None:
    """The last or first error."""
    file = log_file(s, lambda f: any(e[1].upper() == "ERROR" for e in f.entries))
    if not file:
        return None
    errors = [e for e in file.entries if e[1].upper() == "ERROR"]
    if len(errors) > 12:
        return None
    last = s.r.random() < 0.65
    named = name_file(s, file, allow_bare=False)
    s.ask("last_error" if last else "first_error", path=named.text)
    s.call("grep", pattern="error", path=file.path)
    entry = errors[-1 if last else 0]
    hits = [e for e in file.entries if "error" in e[3].lower()]
    if hits[-1 if last else 0] is not entry:
        return None
    s.say(f"The {'last' if last else 'first'} error in `{file.path}` is:\n{block(entry[3])}")
    return done(s, entry[2], harmless=True)


def all_level(s: Session) -> Check | None:
    """All lines of a level, or that there are none."""
    r = s.r
    file = log_file(s)
    level = r.choice(["error", "warning", "debug", "info", "warn"])
    hits = [e[3] for e in file.entries if level in e[3].lower()]
    if len(hits) > 6 or any(e[3] in hits and level not in e[1].lower() for e in file.entries):
        return None
    named = name_file(s, file, allow_bare=False)
    s.ask("all_level", level=level, path=named.text)
    s.call("grep", pattern=level, path=file.path)
    if not hits:
        s.say(f"There is no {level} in `{file.path}`.")
        return done(s, "no ", harmless=True)
    s.say(f"In `{file.path}`:\n{block(chr(10).join(hits))}")
    return done(s, *[h.strip()[-30:] for h in hits], harmless=True)


def log_at(s: Session) -> Check | None:
    """What happened at a time."""
    file = log_file(s)
    entry = s.r.choice(file.entries)
    time = entry[0] if s.r.random() < 0.6 else entry[0][:5]
    hits = [e[3] for e in file.entries if time in e[3]]
    if len(hits) > 4:
        return None
    s.ask("log_at", time=time, path=file.path)
    s.call("grep", pattern=time, path=file.path)
    s.say(f"At {time} in `{file.path}`:\n{block(chr(10).join(hits))}")
    return done(s, entry[2], harmless=True)


TASKS = {
    "cell": (6, cell), "rows_where": (2.5, rows_where), "count_rows": (1.5, count_rows), "extreme": (2, extreme),
    "total": (2, total), "count": (3, count), "error_line": (3, error_line), "all_level": (2, all_level), "log_at": (1.5, log_at),
}  # fmt: skip
