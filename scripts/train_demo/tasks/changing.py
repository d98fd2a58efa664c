"""Values changed, named or searched for; changes taken back.

Nothing here destroys without a verb that says so. A file that is not where the user says is
not guessed at: the answer asks.
"""

from __future__ import annotations

from ..files import code, prose, settings
from ..files.base import Fact, File
from ..session import Session
from ..values import key
from .common import (
    Check,
    done,
    is_clean,
    name_file,
    name_of,
    nearest,
    open_file,
    quoted,
    unambiguous,
)
from .reading import SETTINGS, hits_of

_EDITABLE = (
    *SETTINGS,
    settings.yaml,
    settings.json_file,
    code.python,
    code.javascript,
    prose.notes,
    code.css,
)


def is_editable(file: File, fact: Fact) -> bool:
    return (
        bool(fact.line)
        and file.text.count(fact.line) == 1
        and is_clean(fact.value)
        and "\r" not in file.text
    )


def _target(s: Session) -> tuple[File, Fact] | None:
    file = s.pick(lambda f: f.kind != "csv" and any(is_editable(f, x) for x in f.facts), _EDITABLE)
    if not file:
        return None
    return file, s.r.choice([f for f in file.facts if is_editable(file, f)])


def new_value(s: Session, fact: Fact) -> str:
    """Another value for it, mostly of the same sort."""
    if s.r.random() < 0.25 and fact.value.replace(".", "", 1).isdigit():
        value = s.x.number(s.r)
    elif fact.value.lower() in ("true", "false"):
        value = {"true": "false", "false": "true", "True": "False", "False": "True"}.get(
            fact.value, "true"
        )
    else:
        value = settings.safe_value(s.maker, fact.name)
    return (
        value
        if value != fact.value and is_clean(value) and not any(c in value for c in "\"'\\")
        else ""
    )


def edit(s: Session) -> Check | None:
    """Set a value."""
    found = _target(s)
    if not found:
        return None
    file, fact = found
    value = new_value(s, fact)
    if not value or (not unambiguous(file, fact) and not fact.section):
        return None
    named = name_file(s, file)
    name = name_of(s, fact)
    if not unambiguous(file, fact):
        section = fact.section[0]
        if sum(fact.section[:1] == f.section[:1] and f.name == fact.name for f in file.facts) > 1:
            return None
        name = s.r.choice(
            [
                f"{section}.{fact.name}",
                f"{section} {fact.name}",
                f"{fact.name} of {section}",
                f"{fact.name} under {section}",
            ]
        )
    s.ask(
        "edit",
        key=name,
        section="",
        path=named.text,
        new=value if s.r.random() < 0.8 else quoted(s, value),
    )
    if not open_file(s, named):
        return None
    s.know(file)
    return change(s, file, fact, value)


def change(s: Session, file: File, fact: Fact, value: str) -> Check | None:
    if file.kind == "objects" and fact.before[-1] != '"' and not value.isdigit():
        return None  # JSON would no longer be JSON
    if file.kind in ("inventory", "conf") and any(c in value for c in " ;{}"):
        return None
    old, new = fact.line, fact.line_with(value)
    before = fact.value
    if old == new or s.call("edit", path=file.path, old=old, new=new).startswith("error"):
        return None
    s.sync(file.path)
    fact.line, fact.value = new, value
    s.forget_values(file.path, fact.name)
    s.say(f"Changed `{fact.name}` in `{file.path}` from `{before}` to `{value}`.")
    s.said(file, fact)
    s.last_edit, s.edit_turn = (file.path, old, new), s.n_turns
    return done(s, value, files={file.path: file.text})


def edit_missing(s: Session) -> Check | None:
    """A change to a file that is not there: ask, do not guess."""
    right = s.pick(lambda f: bool(f.facts) and "/" in f.path)
    if not right:
        return None
    path = s.r.choice(
        [
            right.folder + "/" + s.x.ident(s.r) + ".ini",
            s.x.word(s.r) + s.r.choice([".yaml", ".json", ".toml"]),
            right.path[:-1],
        ]
    )
    if s.bench.place.exists(path):
        return None
    s.ask("edit", key=key(s.x, s.r), section="", path=path, new=s.x.ident(s.r))
    s.call("read", path=path)
    near = nearest(s, path)
    s.say(
        f"There is no `{path}`. Do you mean `{near[0]}`?"
        if near
        else f"There is no `{path}`. Which file shall I change?"
    )
    return done(s, "no `", harmless=True)


def edit_missing_key(s: Session) -> Check | None:
    """A change to a name that the file does not have: say so and ask."""
    file = s.pick(
        lambda f: (
            any(is_editable(f, x) for x in f.facts)
            and f.kind in ("ini", "env", "json", "toml", "yaml")
        ),
        SETTINGS,
    )
    name = key(s.x, s.r)
    if (
        not file
        or name.lower() in file.text.lower()
        or name.replace("_", " ") in file.text.lower()
        or any(name.lower() in [n.lower() for n in f.names] for f in file.facts)
    ):
        return None
    named = name_file(s, file)
    s.ask("edit", key=name, section="", path=named.text, new=s.x.number(s.r))
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"There is no `{name}` in `{file.path}`. Shall I add it?")
    return done(s, "no `", harmless=True)


def edit_by_search(s: Session) -> Check | None:
    """A constant changed without its file being named."""
    found = _target(s)
    if not found:
        return None
    file, fact = found
    value = new_value(s, fact)
    if not value or "_" not in fact.name or not fact.name.replace("_", "").isalnum():
        return None
    hits = hits_of(s, fact.name)
    if len(hits) != 1 or not unambiguous(file, fact):
        return None
    s.ask("edit_nopath", key=fact.name if s.r.random() < 0.85 else f"`{fact.name}`", new=value)
    s.call("grep", pattern=fact.name)
    s.call("read", path=file.path)
    s.know(file)
    return change(s, file, fact, value)


def follow_edit(s: Session) -> Check | None:
    """Change the value just spoken of."""
    if not s.last_is_fresh or s.last[0].path not in s.files or s.last[0].kind == "csv":
        return None
    file, fact = s.last
    value = new_value(s, fact)
    if not value or not is_editable(file, fact):
        return None
    if not any(
        x.path == file.path
        and x.who == "read result"
        and fact.name in x.names
        and x.value == fact.value
        for x in s.seen
    ):
        return None
    s.ask("follow_edit", new=value)
    return change(s, file, fact, value)


def undo(s: Session) -> Check | None:
    """Take back the change just made, by the opposite edit."""
    if not s.has_acted:
        s.ask("undo")
        s.say("I have changed nothing that I could take back.")
        return done(s, "nothing", harmless=True)
    if not s.last_edit or s.edit_turn != s.n_turns:
        return None
    path, old, new = s.last_edit
    if path not in s.files or s.text_of(path).count(new) != 1:
        return None
    s.ask("undo")
    s.call("edit", path=path, old=new, new=old)
    s.sync(path)
    for fact in s.files[path].facts:
        if fact.line == new:
            mark = len(fact.before)
            fact.line = old
            fact.value = old[mark : len(old) - len(fact.after) or None].strip(fact.quote or " ")
            s.forget_values(path, fact.name)
    s.say(f"Put it back: `{path}` is as it was before.")
    s.last_edit, s.last = None, None
    return done(s, path, files={path: s.files[path].text})


TASKS = {
    "edit": (10, edit),
    "edit_missing": (1.2, edit_missing),
    "edit_missing_key": (1.5, edit_missing_key),
    "edit_by_search": (2, edit_by_search),
    "follow_edit": (4, follow_edit),
    "undo": (1.5, undo),
}
