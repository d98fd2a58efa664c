"""Lines and words of a file: replaced, taken out, added, ticked off."""

from __future__ import annotations

from ..files import prose, settings
from ..files.base import File
from ..session import Session
from ..values import key, plain
from .changing import is_editable
from .common import (
    Check,
    done,
    is_clean,
    name_file,
    open_file,
    unambiguous,
)


def replace(s: Session) -> Check | None:
    """One text for another."""
    file = s.pick(
        lambda f: len(f.text) < 2500 and "\r" not in f.text, (prose.text, prose.notes, prose.todo)
    )
    if not file:
        return None
    lines = [line for line in file.text.split("\n") if 8 < len(line) < 300 and is_clean(line)]
    if not lines:
        return None
    line = s.r.choice(lines)
    words = [w.strip(".,;:!?()[]\"'") for w in line.split()]
    words = [w for w in words if len(w) > 3 and w.isalnum() and file.text.count(w) == 1]
    if not words:
        return None
    old, new = s.r.choice(words), s.x.word(s.r) if s.r.random() < 0.8 else s.x.odd(s.r)
    if not plain(new) or new in file.text:
        return None
    mark = s.r.choice(["", "", '"', "`", "'"])
    named = name_file(s, file)
    s.ask("replace", old=mark + old + mark, new=mark + new + mark, path=named.text)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=old, new=new).startswith("error"):
        return None
    rewritten(s, file)
    s.say(f"Replaced `{old}` by `{new}` in `{file.path}`.")
    s.last_edit, s.edit_turn = (file.path, old, new), s.n_turns
    return done(s, new, files={file.path: file.text})


def rewritten(s: Session, file: File) -> None:
    """The file's text changed in ways its facts do not follow."""
    s.sync(file.path)
    s.forget_values(file.path)
    text = file.text
    kept = [f for f in file.facts if f.line and f.line in text]
    s.files[file.path] = File(file.path, text, file.kind, kept, aliases=file.aliases)
    if s.last and s.last[0] is file:
        s.last = None
    s.last_edit = None


def remove_line(s: Session) -> Check | None:
    """A setting taken out."""
    file = s.pick(
        lambda f: (
            f.kind in ("ini", "env", "yaml", "toml", "requirements")
            and "\r" not in f.text
            and len(f.facts) > 1
            and f.text.endswith("\n")
        ),
        (settings.ini, settings.env),
    )
    if not file:
        return None
    facts = [
        f
        for f in file.facts
        if is_editable(file, f) and unambiguous(file, f) and f.line + "\n" in file.text
    ]
    if not facts:
        return None
    fact = s.r.choice(facts)
    named = name_file(s, file)
    s.ask("remove_line", key=fact.name, path=named.text)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=fact.line + "\n", new="").startswith("error"):
        return None
    rewritten(s, file)
    s.say(f"Removed `{fact.name}` from `{file.path}`.")
    return done(s, fact.name, files={file.path: s.text_of(file.path)})


def add_line(s: Session) -> Check | None:
    """A line, an item or a setting put at the end."""
    r = s.r
    kind = r.choice(["add_line", "add_item", "add_setting"])
    makers = {
        "add_line": (prose.word_list, prose.notes),
        "add_item": (prose.todo,),
        "add_setting": (settings.env, settings.ini, settings.properties),
    }
    kinds = {
        "add_line": ("list", "notes", "text", "requirements"),
        "add_item": ("todo",),
        "add_setting": ("env", "ini", "properties"),
    }[kind]
    file = s.pick(
        lambda f: (
            f.kind in kinds and "\r" not in f.text and f.text.count("\n") < 25 and len(f.text) > 3
        ),
        makers[kind],
    )
    if not file:
        return None
    last = file.text.rstrip("\n").split("\n")[-1]
    if file.text.count(last) != 1 or not last.strip():
        return None
    slots = {}
    if kind == "add_line":
        line = r.choice([s.x.words_of(r, 1, 5), s.x.value(r), s.x.sentence(r, 3, 6)])
        if not is_clean(line) or any(c in line for c in "\"'"):
            return None
        mark = r.choice(['"', "`", "'", "", ""])
        slots["line"] = mark + line + mark
        told = line
    elif kind == "add_item":
        told = prose.task(s.maker)
        line = ("- [ ] " if "[ ]" in file.text or "[x]" in file.text else "- ") + told
        slots["item"] = told if r.random() < 0.6 else f'"{told}"'
    else:
        fact = next((f for f in file.facts if f.line), None)
        name = key(s.x, r)
        if file.kind == "env":
            name = name.upper()
        told = name
        value = settings.safe_value(s.maker, name)
        if (
            name.lower() in file.text.lower()
            or not is_clean(value)
            or "'" in value
            or not fact
            or not fact.before.startswith(fact.name)
        ):
            return None
        line = name + fact.before[len(fact.name) :] + value
        slots.update(key=name, new=value)
    if line in file.text:
        return None
    named = name_file(s, file)
    s.ask(kind, path=named.text, **slots)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=last, new=f"{last}\n{line}").startswith("error"):
        return None
    rewritten(s, file)
    s.say(f"Added `{told}` to `{file.path}`.")
    return done(s, told, files={file.path: s.text_of(file.path)})


def check_item(s: Session) -> Check | None:
    """A task ticked off."""
    file = s.pick(
        lambda f: any(not d for _, d in f.todo) and "[ ]" in f.text and "\r" not in f.text,
        (prose.todo,),
    )
    if not file:
        return None
    item = s.r.choice([t for t, d in file.todo if not d])
    old = f"- [ ] {item}"
    if file.text.count(old) != 1:
        return None
    named = name_file(s, file)
    s.ask("check_item", item=s.r.choice([item, f'"{item}"', f"`{item}`"]), path=named.text)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=old, new=f"- [x] {item}").startswith("error"):
        return None
    todo = [(t, d or t == item) for t, d in file.todo]
    rewritten(s, file)
    s.files[file.path].todo = todo
    s.say(f"Marked `{item}` as done in `{file.path}`.")
    return done(s, item, files={file.path: s.text_of(file.path)})


TASKS = {
    "replace": (3, replace),
    "remove_line": (1.5, remove_line),
    "add_line": (4, add_line),
    "check_item": (1.2, check_item),
}
