"""Changes of text beyond one value: names, lines, rows; and questions about changes."""

from __future__ import annotations

from ..files import code, data, prose, records, settings
from ..files.base import Fact, File, bare
from ..session import Session
from ..values import key, plain
from .changing import change, is_editable, new_value
from .common import Check, done, is_clean, name_file, name_of, open_file, quoted, unambiguous
from .lines import rewritten
from .meaning import MAX_LINES, lines_with
from .tables import key_column


def _short(file: File) -> bool:
    return 2 < len(file.text) < 2500 and "\r" not in file.text and "```" not in file.text


def _edit(s: Session, file: File, old: str, new: str, **more) -> Check | None:
    if s.call("edit", path=file.path, old=old, new=new, **more).startswith("error"):
        return None
    rewritten(s, file)
    return done(s, files={file.path: s.text_of(file.path)})


def _said(s: Session, check: Check | None, text: str, *must: str) -> Check | None:
    if check is None:
        return None
    s.say(text)
    return Check(must, check.files, tuple(s.calls))


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
    check = _edit(s, file, old, new, all=True)
    return _said(s, check, f"Replaced `{old}` by `{new}` in `{file.path}`.", new)


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
    check = _edit(s, file, first, f"{line}\n{first}")
    return _said(s, check, f"Added `{line}` at the top of `{file.path}`.", file.path)


def append(s: Session) -> Check | None:
    """A given line at the end of a file of any kind."""
    file = s.pick(lambda f: _short(f) and f.text.endswith("\n"), (code.shell, code.css, data.csv))
    if not file or "\t" in file.text:
        return None
    last = file.text.rstrip("\n").split("\n")[-1]
    line = s.r.choice((
        f"echo {s.x.word(s.r)}", f"{s.x.word(s.r)} = {s.x.value(s.r)}", f"# {s.x.words_of(s.r, 1, 4)}",
        s.x.sentence(s.r), f"- {s.x.words_of(s.r, 1, 4)}", f"export {s.x.word(s.r).upper()}={s.x.ident(s.r)}",
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
    check = _edit(s, file, last, f"{last}\n{line}")
    return _said(s, check, f"Added `{line}` to `{file.path}`.", line)


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
    check = _edit(s, file, line, f'{line}\n  "{name}": {written},')
    return _said(s, check, f"Added `{name}` to `{file.path}`.", name)


def drop_line(s: Session) -> Check | None:
    """A line taken out by a word in it."""
    file = s.pick(lambda f: _short(f) and f.kind in ("notes", "todo", "list", "text", "requirements"),
                  (prose.journal, prose.todo))  # fmt: skip
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
    check = _edit(s, file, line + "\n", "")
    return _said(s, check, f"Removed the line with `{word}` from `{file.path}`.", file.path)


def _table(s: Session) -> File | None:
    return s.pick(
        lambda f: f.table is not None and _short(f) and f.path.endswith(".csv") and f.text[-1] == "\n",
        (data.csv,),
    )  # fmt: skip


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
    said = s.r.choice((
        ",".join(row), ", ".join(row), f"`{','.join(row)}`",
        ", ".join(f"{c.replace('_', ' ')} {v}" for c, v in zip(file.table.columns, row, strict=True)),
        ", ".join(f"{c}: {v}" for c, v in zip(file.table.columns, row, strict=True)),
    ))  # fmt: skip
    s.ask("add_row", row=said, path=named.text)
    if not open_file(s, named):
        return None
    check = _edit(s, file, last, f"{last}\n{','.join(row)}")
    return _said(s, check, f"Added `{','.join(row)}` to `{file.path}`.", row[0])


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
    check = _edit(s, file, fact.line, fact.before + value + fact.after)
    told = f"Changed the {fact.names[0]} of `{fact.section[0]}` in `{file.path}` "
    return _said(s, check, told + f"from `{fact.value}` to `{value}`.", value)


# ---------------------------------------------------------------- sections, siblings

_IN_SECTION = ("{s} {k}", "{k} of {s}", "{k} for {s}", "{s}'s {k}", "{k} in {s}", "{k} for the {s}",
               "{k} of the {s}", "{s} {k}", "{s}.{k}")  # fmt: skip


def _sectioned(s: Session) -> tuple[File, Fact] | None:
    file = s.pick(lambda f: any(x.section and x.line for x in f.facts) and f.kind != "csv",
                  (settings.yaml, settings.ini, settings.toml, records.inventory, records.maps,
                   records.objects, records.server_conf))  # fmt: skip
    if not file:
        return None
    facts = [x for x in file.facts if x.section and x.line and is_clean(x.value)]
    return (file, s.r.choice(facts)) if facts else None


def _spoken(s: Session, fact: Fact) -> str:
    section = s.r.choice(fact.section)
    said = s.r.choice(_IN_SECTION).format(s=section, k=s.r.choice(fact.names))
    return said.replace("_", " ") if s.r.random() < 0.5 else said


def _leads_to(s: Session, file: File, word: str) -> bool:
    """Whether a search for a section's name shows this one file's section."""
    lines = lines_with(s, word)
    heads = [path for path, line in lines if head_of(line) == word.lower()]
    return len(lines) <= MAX_LINES and word.isalnum() and set(heads) == {file.path}


def head_of(line: str) -> str:
    """The name that a line begins with: a section's, a record's."""
    words = line.strip().removeprefix("- name: ").split()
    return words[0].strip('[]{}":,').lower() if words else ""


def section_openly(s: Session) -> Check | None:
    """A value by section and name, in no named file: the section is searched for."""
    found = _sectioned(s)
    if not found:
        return None
    file, fact = found
    word = fact.section[0].split(".")[-1]
    alike = [x for x in file.facts if x.section == fact.section and x.name == fact.name]
    if not _leads_to(s, file, word) or len(alike) != 1:
        return None
    s.ask("value_nopath", key=(said := _spoken(s, fact)))
    s.detour(said)
    s.call("grep", pattern=word)
    s.call("read", path=file.path)
    s.know(file)
    s.say(f"`{fact.section[0]}` / `{fact.name}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def section_edit(s: Session) -> Check | None:
    """A value of one of several sections changed; the old text names the section when it must."""
    found = _sectioned(s)
    if not found:
        return None
    file, fact = found
    value, word = new_value(s, fact), fact.section[0].split(".")[-1]
    if not value or "\r" in file.text or not _leads_to(s, file, word):
        return None
    if sum(x.section == fact.section and x.name == fact.name for x in file.facts) != 1:
        return None
    old = unique_old(file.text, word, fact.line)
    if not old:
        return None
    s.ask("edit_nopath", key=(said := _spoken(s, fact)), new=value)
    s.detour(said)
    s.call("grep", pattern=word)
    s.call("read", path=file.path)
    s.know(file)
    if old == fact.line:
        return change(s, file, fact, value)
    new = old[: -len(fact.line)] + fact.line_with(value)
    told = f"Changed `{fact.name}` in `{file.path}` from `{fact.value}` to `{value}`."
    return _said(s, _edit(s, file, old, new), told, value)


def unique_old(text: str, section: str, line: str) -> str:
    """The line, with the lines from its section's head where it stands more than once."""
    if text.count(line) == 1:
        return line
    lines = text.split("\n")
    heads = [i for i, x in enumerate(lines) if head_of(x) == section.lower()]
    if len(heads) != 1 or line not in lines[heads[0] :]:
        return ""
    old = "\n".join(lines[heads[0] : lines.index(line, heads[0]) + 1])
    return old if text.count(old) == 1 and old.count("\n") < 6 else ""


_STAGES = (("dev", ("dev", "development")), ("prod", ("prod", "production", "live")),
           ("staging", ("staging", "stage")), ("test", ("test", "testing", "tests")),
           ("local", ("local", "my machine")))  # fmt: skip
_FOR = ("{k} in {w}", "{k} for {w}", "{w} {k}", "{k} on {w}", "{k} of {w}", "{w}'s {k}")


def sibling(s: Session) -> Check | None:
    """The same settings for several environments: the name says which file."""
    r = s.r
    one = s.pick(lambda f: f.kind in ("env", "yaml", "ini", "json", "toml") and "\r" not in f.text
                 and 2 < len(f.facts) < 9 and all(is_editable(f, x) for x in f.facts),
                 (settings.env, settings.yaml, settings.ini))  # fmt: skip
    if not one:
        return None
    ending = one.name.rsplit(".", 1)[-1]
    folder = r.choice(["config", "env", "deploy", "settings", s.x.word(r)])
    made = {}
    for stem, _ in r.sample(_STAGES, r.choice([2, 3])):
        made[stem] = _sibling(s, one, f"{folder}/{stem}.{ending}")
    stem = r.choice(list(made))
    if any(f is None for f in made.values()):
        return None
    pattern = f"*{stem}*"
    for file in made.values():
        s.add(file)
    file = made[stem]
    hits = [p for p in s.bench.place.files if stem in p.rsplit("/", 1)[-1]]
    fact = r.choice(file.facts)
    if len(hits) > 4 or not unambiguous(file, fact) or not is_clean(fact.value):
        return None
    word = r.choice(dict(_STAGES)[stem])
    said = r.choice(_FOR).format(k=r.choice(fact.names), w=word)
    value = new_value(s, fact) if r.random() < 0.35 else ""
    if value:
        s.ask("edit_nopath", key=said, new=value)
    else:
        s.ask("value_nopath", key=said)
    s.call("glob", pattern=pattern)
    s.call("read", path=file.path)
    s.know(file)
    if value:
        return change(s, file, fact, value)
    s.say(f"`{fact.name}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def _sibling(s: Session, one: File, path: str) -> File | None:
    if s.bench.place.exists(path):
        return None
    text, facts = one.text, []
    for fact in one.facts:
        value = settings.safe_value(s.maker, fact.name) if s.r.random() < 0.7 else fact.value
        line = fact.line_with(value)
        if text.count(fact.line) != 1 or not is_clean(value):
            return None
        text = text.replace(fact.line, line)
        facts.append(Fact(fact.names, value, line, fact.before, fact.after, fact.quote, fact.section))
    return File(path, text, one.kind, facts)


# ---------------------------------------------------------------- questions about changes


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
    "rename_symbol": (1.5, rename_symbol), "replace_all": (2, replace_all), "add_top": (1.2, add_top),
    "append": (2, append), "add_to_json": (1.5, add_to_json), "drop_line": (2, drop_line), "add_row": (2.5, add_row),
    "set_cell": (2, set_cell), "section_openly": (6, section_openly), "section_edit": (3, section_edit),
    "sibling": (5, sibling), "asked_about_change": (2, asked_about_change),
}  # fmt: skip
