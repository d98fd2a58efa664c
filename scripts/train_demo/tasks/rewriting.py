"""Changes of text beyond one value: names, lines, rows; and questions about changes."""

from __future__ import annotations

from ..files import code, data, prose, settings
from ..files.base import File, bare
from ..session import Session
from ..values import key, plain
from .changing import is_editable, new_value
from .common import Check, done, is_clean, name_file, name_of, open_file, quoted, unambiguous
from .lines import rewritten
from .tables import csv_file, key_column


def _short(file: File) -> bool:
    return 2 < len(file.text) < 2500 and "\r" not in file.text and "```" not in file.text


def edited(
    s: Session, file: File, old: str, new: str, told: str, *must: str, **more
) -> Check | None:
    """The edit, and an answer that tells it; None when the tool refuses."""
    if s.call("edit", path=file.path, old=old, new=new, **more).startswith("error"):
        return None
    rewritten(s, file)
    s.say(told)
    return done(s, *must, files={file.path: s.text_of(file.path)})


def rename_symbol(s: Session) -> Check | None:
    """A function's new name, everywhere in its file."""
    file = s.pick(lambda f: bool(f.functions) and _short(f), (code.python, code.javascript))
    if not file:
        return None
    old, new = s.r.choice(file.functions).name, s.x.snake(s.r)
    if new in file.text or not old.replace("_", "").isalnum() or len(old) < 4:
        return None
    named = name_file(s, file)
    s.ask("rename_symbol", old=s.r.choice([old, old, f"`{old}`", f"{old}()"]), new=new,
          path=named.text)  # fmt: skip
    return _replace_everywhere(s, named, old, new)


def replace_all(s: Session) -> Check | None:
    """A word, everywhere in a file."""
    file = s.pick(_short, (prose.text, prose.notes, prose.journal))
    if not file:
        return None
    words = [w.strip(".,;:!?()[]\"'") for w in file.text.split()]
    words = [w for w in words if len(w) > 3 and w.isalpha()]
    new = s.x.word(s.r)
    if not words or new in file.text or not plain(new):
        return None
    old = s.r.choice(words)
    named = name_file(s, file)
    s.ask("replace_all", old=quoted(s, old), new=quoted(s, new), path=named.text)
    return _replace_everywhere(s, named, old, new)


def _replace_everywhere(s: Session, named, old: str, new: str) -> Check | None:
    if not open_file(s, named):
        return None
    file = named.file
    told = f"Replaced `{old}` by `{new}` in `{file.path}`."
    return edited(s, file, old, new, told, new, all=True)


def add_top(s: Session) -> Check | None:
    """A first line."""
    file = s.pick(_short, (prose.notes, code.python, settings.env))
    if not file:
        return None
    first = file.text.split("\n", 1)[0]
    line = s.r.choice(["# ", "", "// ", "# "]) + s.x.words_of(s.r, 1, 6)
    if not first.strip() or file.text.count(first) != 1 or line in file.text:
        return None
    named = name_file(s, file)
    s.ask("add_top", line=s.r.choice([f'"{line}"', f"`{line}`", f"'{line}'"]), path=named.text)
    if not open_file(s, named):
        return None
    told = f"Added `{line}` at the top of `{file.path}`."
    return edited(s, file, first, f"{line}\n{first}", told, file.path)


def append(s: Session) -> Check | None:
    """A given line at the end of a file of any kind."""
    file = s.pick(lambda f: _short(f) and f.text.endswith("\n"), (code.shell, code.css, data.csv))
    if not file or "\t" in file.text:
        return None
    last = file.text.rstrip("\n").split("\n")[-1]
    line = s.r.choice((
        f"echo {s.x.word(s.r)}", f"{s.x.word(s.r)} = {s.x.value(s.r)}",
        f"# {s.x.words_of(s.r, 1, 4)}", s.x.sentence(s.r), f"- {s.x.words_of(s.r, 1, 4)}",
        f"export {s.x.word(s.r).upper()}={s.x.ident(s.r)}",
    ))  # fmt: skip
    if not last.strip() or file.text.count(last) != 1 or not is_clean(line) or line in file.text:
        return None
    named = name_file(s, file)
    mark = s.r.choice(['"', "`", "'", "`"])
    if mark in line:
        return None
    s.ask("add_line", line=mark + line + mark, path=named.text)
    if not open_file(s, named):
        return None
    told = f"Added `{line}` to `{file.path}`."
    return edited(s, file, last, f"{last}\n{line}", told, line)


def add_to_json(s: Session) -> Check | None:
    """A setting more in a JSON file: behind a line that ends in a comma."""
    file = s.pick(lambda f: f.kind == "json" and _short(f), (settings.json_file,))
    if not file:
        return None
    lines = [x for x in file.text.split("\n") if x.startswith('  "') and x.endswith('",')]
    lines = [x for x in lines if file.text.count(x) == 1]
    name = key(s.x, s.r)
    value = settings.safe_value(s.maker, name)
    if not lines or f'"{name}"' in file.text or not is_clean(value) or "'" in value:
        return None
    line = lines[0]
    written = value if bare(value) else f'"{value}"'
    named = name_file(s, file)
    s.ask("add_setting", key=name, new=value, path=named.text)
    if not open_file(s, named):
        return None
    told = f"Added `{name}` to `{file.path}`."
    return edited(s, file, line, f'{line}\n  "{name}": {written},', told, name)


def drop_line(s: Session) -> Check | None:
    """A line taken out by a word in it."""
    kinds = ("notes", "todo", "list", "text", "requirements")
    file = s.pick(lambda f: _short(f) and f.kind in kinds, (prose.journal, prose.todo))
    if not file:
        return None
    lines = [x for x in file.text.split("\n") if is_clean(x) and file.text.count(x + "\n") == 1]
    line = s.r.choice(lines) if len(lines) > 2 else ""
    words = [w for w in line.split() if len(w) > 3 and w.isalpha() and file.text.count(w) == 1]
    if not words or line.startswith("#"):
        return None
    word = s.r.choice(words)
    named = name_file(s, file)
    s.ask("drop_line", old=quoted(s, word), path=named.text)
    if not open_file(s, named):
        return None
    told = f"Removed the line with `{word}` from `{file.path}`."
    return edited(s, file, line + "\n", "", told, file.path)


def _table(s: Session) -> File | None:
    file = csv_file(s)
    return file if file and _short(file) and file.text[-1] == "\n" else None


def add_row(s: Session) -> Check | None:
    """A row, given as it is or with words between; it gets the table's form."""
    file = _table(s)
    if not file or len(file.table.columns) < 2:
        return None
    other = data.csv(s.maker, "x.csv")
    row = [s.x.value(s.r) for _ in file.table.columns]
    if other.table.columns == file.table.columns:
        row = s.r.choice(other.table.rows)
    last = file.text.rstrip("\n").split("\n")[-1]
    if any("," in c or not is_clean(c) or '"' in c for c in row) or file.text.count(last) != 1:
        return None
    named = name_file(s, file)
    pairs = list(zip(file.table.columns, row, strict=True))
    said = s.r.choice((
        ",".join(row), ", ".join(row), f"`{','.join(row)}`",
        ", ".join(f"{c.replace('_', ' ')} {v}" for c, v in pairs),
        ", ".join(f"{c}: {v}" for c, v in pairs),
    ))  # fmt: skip
    s.ask("add_row", row=said, path=named.text)
    if not open_file(s, named):
        return None
    told = f"Added `{','.join(row)}` to `{file.path}`."
    return edited(s, file, last, f"{last}\n{','.join(row)}", told, row[0])


def set_cell(s: Session) -> Check | None:
    """A field of a row changed."""
    file = _table(s)
    fact = file and s.r.choice(file.facts or [None])
    if not fact or not is_clean(fact.value) or file.text.count(fact.line) != 1:
        return None
    value = s.x.number(s.r) if fact.value.isdigit() else s.x.ident(s.r)
    row = s.r.choice(fact.section)
    at = key_column(file.table)
    if value == fact.value or sum(row.lower() in x[at].lower() for x in file.table.rows) != 1:
        return None
    named = name_file(s, file)
    s.ask("set_cell", col=s.r.choice(fact.names), row=row, new=value, path=named.text)
    if not open_file(s, named):
        return None
    new = fact.before + value + fact.after
    told = f"Changed the {fact.names[0]} of `{fact.section[0]}` in `{file.path}` "
    told += f"from `{fact.value}` to `{value}`."
    return edited(s, file, fact.line, new, told, value)


def asked_about_change(s: Session) -> Check | None:
    """A change is spoken of, not ordered: the value as it is now, and nothing changed."""
    file = s.pick(lambda f: f.kind != "csv" and any(is_editable(f, x) for x in f.facts))
    fact = file and s.r.choice([x for x in file.facts if is_editable(file, x)])
    if not fact or not unambiguous(file, fact):
        return None
    value = new_value(s, fact)
    if not value:
        return None
    named = name_file(s, file)
    s.ask("about_change", key=name_of(s, fact), path=named.text, new=value)
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"`{fact.name}` in `{file.path}` is `{fact.value}` now. I have changed nothing.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


TASKS = {
    "rename_symbol": (1.5, rename_symbol), "replace_all": (2, replace_all),
    "add_top": (1.2, add_top), "append": (2, append), "add_to_json": (1.5, add_to_json),
    "drop_line": (2, drop_line), "add_row": (2.5, add_row), "set_cell": (2, set_cell),
    "asked_about_change": (2, asked_about_change),
}  # fmt: skip
