"""Whole files, their beginnings and ends, what is in them: names, sections, functions."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..files import code, data, prose, settings
from ..session import Session
from .common import (
    Check,
    block,
    done,
    enumerated,
    found_note,
    is_clean,
    name_file,
    open_file,
)
from .reading import SETTINGS, hits_of


def show(s: Session) -> Check | None:
    """The whole file, or its beginning when it is long."""
    file = s.pick(
        lambda f: bool(f.text.strip()) and "```" not in f.text,
        fresh=0.1,
        make=(prose.text, *SETTINGS),
    )
    if not file:
        return None
    named = name_file(s, file, typos=True)
    s.ask("show", path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    lines = _shown(s)
    if len(lines) <= 30 and sum(map(len, lines)) < 1500:
        s.say(f"{found_note(named)}`{file.path}`:\n{block(chr(10).join(lines))}")
    else:
        s.say(
            f"{found_note(named)}`{file.path}` begins with:\n{block(chr(10).join(_start(lines)))}"
        )
    s.made = (file.path, s.n_turns)
    return done(s, lines[0].strip()[:60], harmless=True)


def _shown(s: Session) -> list[str]:
    """The lines that the model has just read."""
    text = s.turns[-1].pieces[-2][0]
    return text.split("\n")


def _start(lines: list[str]) -> list[str]:
    """First lines, together not too long."""
    out: list[str] = []
    for line in lines[:8]:
        if out and sum(map(len, out)) + len(line) > 400:
            break
        out.append(line if len(line) <= 300 else line[: line.rfind(" ", 0, 300)] + " ...")
    return out


def head(s: Session) -> Check | None:
    """The first lines."""
    file = s.pick(
        lambda f: f.text.count("\n") > 4 and "```" not in f.text, (data.csv, data.log, prose.text)
    )
    n = s.r.choice([1, 2, 3, 5, 10])
    named = name_file(s, file, allow_bare=False)
    s.ask("head", path=named.text, n=str(n))
    text = s.turns[-1].pieces[1][0]
    n = n if f"{n} " in text else 1 if "first line" in text.lower() else 5
    s.call("read", path=file.path, limit=n)
    lines = [line for line in _shown(s) if not line.startswith("[lines ")]
    s.say(f"`{file.path}` begins with:\n{block(chr(10).join(lines))}")
    return done(s, lines[0].strip()[:60], harmless=True)


def tail(s: Session) -> Check | None:
    """The last lines."""
    file = s.pick(
        lambda f: f.text.count("\n") > 4 and "```" not in f.text and "\r" not in f.text,
        (data.log, data.csv),
    )
    n = s.r.choice([1, 2, 3, 5, 10])
    named = name_file(s, file, allow_bare=False)
    s.ask("tail", path=named.text, n=str(n))
    text = s.turns[-1].pieces[1][0]
    n = n if f" {n}" in text else 1 if "last line" in text.lower() else 5
    lines = file.text.rstrip("\n").split("\n")[-n:]
    command = f"tail -n {n} {file.path}"
    s.bench.outputs[command] = ("\n".join(lines), 0)
    s.call("bash", command=command)
    s.say(f"`{file.path}` ends with:\n{block(chr(10).join(lines))}")
    return done(s, lines[-1].strip()[:60], harmless=True)


def about(s: Session) -> Check | None:
    """What a file is for, in its own words."""
    file = s.pick(
        lambda f: is_clean(f.about) or bool(f.lists.get("keys")) or bool(f.lists.get("functions")),
        (code.python, settings.yaml),
    )
    if not file:
        return None
    named = name_file(s, file)
    s.ask("about", path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    parts = []
    if is_clean(file.about):
        parts.append(f"`{file.path}`: {file.about}")
    names = next(
        (
            (w, file.lists[w])
            for w in ("functions", "targets", "services", "sections", "keys")
            if file.lists.get(w)
        ),
        None,
    )
    if names and len(names[1]) <= 14:
        verb = (
            "defines the functions"
            if names[0] == "functions"
            else f"has the {names[0]}"
            if names[0] != "keys"
            else "sets"
        )
        parts.append(f"{'It' if parts else f'`{file.path}`'} {verb} {enumerated(names[1])}.")
    if not parts:
        return None
    s.say(" ".join(parts))
    return done(s, file.about or names[1][0], harmless=True)


def project_about(s: Session) -> Check | None:
    """What the project is, from its README."""
    file = s.files.get("README.md")
    if not file or not is_clean(file.about):
        return None
    s.ask("project_about")
    s.call("read", path="README.md")
    s.know(file)
    title = file.text.split("\n", 1)[0].lstrip("# ")
    s.say(f"`{title}`: {file.about}")
    return done(s, title, harmless=True)


def names(s: Session) -> Check | None:
    """All keys, functions, targets, tasks, ... of a file."""
    file = s.pick(
        lambda f: any(_listable(x) for x in f.lists.values()),
        (*SETTINGS, code.python, prose.todo, data.csv),
    )
    if not file:
        return None
    what = s.r.choice([w for w, items in file.lists.items() if _listable(items)])
    named = name_file(s, file)
    s.ask("names", what=_synonym(s, what), path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    items = file.lists[what]
    s.say(
        f"The {what} in `{file.path}` are {enumerated(items)}."
        if len(items) != 1
        else f"The only entry of the {what} in `{file.path}` is `{items[0]}`."
    )
    return done(s, *items, harmless=True)


def _listable(items: list[str]) -> bool:
    return 0 < len(items) <= 12 and all(map(is_clean, items))


def _synonym(s: Session, what: str) -> str:
    options = {
        "keys": ("keys", "settings", "options", "values", "variables", "fields", "entries", "parameters"),
        "functions": ("functions", "methods", "function names", "defs"), "targets": ("targets", "make targets", "commands", "rules"),
        "dependencies": ("dependencies", "packages", "requirements", "libraries", "deps"), "sections": ("sections", "groups", "headings", "top-level sections"),
        "headings": ("headings", "sections", "chapters", "titles"), "tasks": ("tasks", "todos", "items", "to-dos", "todo items"),
        "open tasks": ("open tasks", "open items", "unfinished tasks", "remaining todos", "open todos", "tasks left"), "finished tasks": ("finished tasks", "done items", "completed tasks", "done tasks"),
        "columns": ("columns", "column names", "fields", "headers"), "scripts": ("scripts", "npm scripts", "commands"), "classes": ("classes", "class names"),
        "imports": ("imports", "modules", "imported modules"), "versions": ("versions", "releases"), "attendees": ("attendees", "participants", "people"),
    }.get(what, (what,))  # fmt: skip
    return s.r.choice(options)


def names_by_project(s: Session) -> Check | None:
    """Dependencies, targets, scripts, services of the project, without a file's name."""
    place = {"targets": "Makefile", "scripts": "package.json", "services": "docker-compose.yml"}
    options = [(w, p) for w, p in place.items() if p in s.files and s.files[p].lists.get(w)]
    for path in ("pyproject.toml", "package.json", "Cargo.toml", "requirements.txt", "go.mod"):
        if path in s.files and s.files[path].lists.get("dependencies"):
            options.append(("dependencies", path))
            break
    if not options:
        return None
    what, path = s.r.choice(options)
    file = s.files[path]
    items = file.lists[what]
    if not _listable(items):
        return None
    said = {"targets": "make targets", "scripts": "npm scripts"}.get(what, what)
    s.ask("names_nopath", what=said if s.r.random() < 0.7 else what)
    if what in ("dependencies", "services"):
        s.call("glob", pattern="*")
    s.call("read", path=path)
    s.know(file)
    s.say(f"The {what} in `{path}` are {enumerated(items)}.")
    return done(s, *items, harmless=True)


def section(s: Session) -> Check | None:
    """What a document says under a heading."""
    file = s.pick(
        lambda f: any("```" not in body and len(body) < 400 for _, body in f.sections),
        (prose.meeting, prose.recipe),
    )
    if not file:
        return None
    heading, body = s.r.choice([x for x in file.sections if "```" not in x[1] and len(x[1]) < 400])
    named = name_file(s, file)
    said = s.r.choice(
        [
            heading,
            heading.lower(),
            f"the section {heading}",
            f"section {heading}",
            f"the {heading.lower()} section",
        ]
    )
    s.user(
        s.r.choice(
            [
                f"what does {named.text} say about {said}?",
                f"read me {said} from {named.text}",
                f"show {said} of {named.text}",
                f"{said} in {named.text}",
                f"what is under {said} in {named.text}",
            ]
        )
    )
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"Under {heading} in `{file.path}`:\n{body}")
    return done(s, body.split("\n")[0][:60], harmless=True)


def function(s: Session) -> Check | None:
    """The code of a function, found by search when no file is named."""
    file = s.pick(
        lambda f: (
            f.functions and all(len(x.code) < 500 and "```" not in x.code for x in f.functions)
        ),
        (code.python, code.javascript),
    )
    if not file:
        return None
    target = s.r.choice(file.functions)
    kind = s.r.choice(["function", "function", "params", "default"])
    defaults = [(n, d) for n, d in target.params if d]
    if kind == "default" and not defaults:
        return None
    name = s.r.choice([target.name, target.name, f"`{target.name}`", target.name + "()"])
    key_, value_ = s.r.choice(defaults) if kind == "default" else ("", "")
    text = s.ask(kind, name=name, path=file.path, key=key_)
    if file.path in text:
        s.call("read", path=file.path)
    else:
        if len(hits_of(s, f"{target.name}(")) > 3:
            return None
        hits = [
            p
            for p, line in hits_of(s, target.name)
            if f"{target.name}(" in line and ("def " in line or "function " in line)
        ]
        if hits != [file.path]:
            return None
        s.call("grep", pattern=target.name)
        s.call("read", path=file.path)
    s.know(file)
    if kind == "default":
        s.say(f"`{key_}` of `{target.name}` defaults to `{value_}`.")
        return done(s, value_, harmless=True)
    if kind == "params":
        params = [n + (f"={d}" if d else "") for n, d in target.params]
        s.say(
            f"`{target.name}` in `{file.path}` takes {enumerated(params)}."
            if params
            else f"`{target.name}` in `{file.path}` takes no parameters."
        )
        return done(s, *[n for n, _ in target.params], harmless=True)
    lead = f"`{target.name}` in `{file.path}`" + (f": {target.doc}" if target.doc else ":")
    s.say(f"{lead}\n{block(target.code)}")
    return done(s, target.code.split("\n")[0], harmless=True)


TASKS = {
    "show": (6, show),
    "head": (1.2, head),
    "tail": (1.5, tail),
    "about": (2.5, about),
    "project_about": (1.5, project_about),
    "names": (5, names),
    "names_by_project": (2, names_by_project),
    "section": (1.5, section),
    "function": (4, function),
}
