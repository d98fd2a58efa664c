"""Values in files, whole files, outlines, functions."""

from __future__ import annotations

from ..files import code, data, prose, settings
from ..files.base import Fact, File
from ..session import Session
from ..values import key
from .common import (
    Check,
    Named,
    block,
    done,
    enumerated,
    found_note,
    is_clean,
    name_file,
    name_of,
    open_file,
    unambiguous,
    value_answer,
)

SETTINGS = (settings.ini, settings.toml, settings.yaml, settings.json_file, settings.env, settings.properties)
_ALL = (*SETTINGS, settings.yaml, settings.json_file, prose.notes, code.python, code.javascript, prose.meeting, prose.letter, prose.recipe)


def _has_facts(file: File) -> bool:
    return any(is_clean(f.value) for f in file.facts) and file.kind not in ("csv", "log")


def _fact(s: Session, file: File, test=lambda f: True) -> Fact | None:
    fitting = [f for f in file.facts if is_clean(f.value) and test(f)]
    return s.r.choice(fitting) if fitting else None


def value(s: Session) -> Check | None:
    """A value by its name and file."""
    file = s.pick(_has_facts, _ALL)
    fact = file and _fact(s, file)
    if not fact:
        return None
    named = name_file(s, file, typos=True)
    if fact.section and (not unambiguous(file, fact) or s.r.random() < 0.45):
        s.ask("value_nested", key=name_of(s, fact), section=s.r.choice(fact.section), path=named.text)
    elif not unambiguous(file, fact):
        return None
    elif fact.phrases and s.r.random() < 0.35:
        s.ask("fact", np=s.r.choice(fact.phrases), path=named.text)
    else:
        s.ask("value", key=name_of(s, fact), path=named.text)
    return _read_and_tell(s, named, fact)


def _read_and_tell(s: Session, named: Named, fact: Fact) -> Check | None:
    if not open_file(s, named):
        return None
    s.know(named.file)
    s.say(value_answer(named, fact))
    s.said(named.file, fact)
    return done(s, fact.value, harmless=True)


def value_by_search(s: Session) -> Check | None:
    """A constant or key whose file the user does not name: search, then tell."""
    file = s.pick(_has_facts, (code.python, settings.env, settings.yaml, settings.toml, settings.ini, code.javascript))
    fact = file and _fact(s, file, lambda f: bool(f.line) and ("_" in f.name or f.name.isupper()))
    if not fact or file.kind == "changelog":
        return None
    spoken = fact.names[0] if s.r.random() < 0.8 else fact.names[-1]
    pattern = fact.name if spoken == fact.name or not fact.name.isupper() else spoken.replace(" ", "_")
    hits = hits_of(s, pattern)
    if len(hits) != 1 or hits[0][0] != file.path:
        return None
    s.ask("value_nopath", key=spoken if s.r.random() < 0.85 else f"`{spoken}`")
    s.call("grep", pattern=pattern.replace(" ", "_"))
    s.say(f"`{fact.name}` is `{fact.value}` in `{file.path}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def hits_of(s: Session, pattern: str) -> list[tuple[str, str]]:
    """Lines that hold a plain text, in any case."""
    low, place = pattern.lower(), s.bench.place
    return [
        (path, line)
        for path in sorted(place.files)
        if low in place.lower(path)
        for line in place.text(path).splitlines()
        if low in line.lower()
    ]


def project_fact(s: Session) -> Check | None:
    """Something every project states somewhere: look at the root, read the file that says it."""
    r = s.r
    file = s.pick(lambda f: f.kind in ("toml", "json", "readme", "license", "make", "docker", "requirements", "changelog", "gomod") and "/" not in f.path and any(x.phrases for x in f.facts))
    fact = file and _fact(s, file, lambda f: bool(f.phrases))
    if not fact or not file.aliases:
        return None
    phrase = r.choice(fact.phrases)
    owners = [f for f in s.files.values() if "/" not in f.path and any(phrase in x.phrases for x in f.facts)]
    rank = ("toml", "json", "gomod", "readme", "license", "requirements", "make", "docker", "changelog")
    if min(owners, key=lambda f: rank.index(f.kind) if f.kind in rank else 99) is not file:
        return None
    s.ask("fact_nopath", np=phrase)
    s.call("glob", pattern="*")
    return _read_and_tell(s, Named("", file.path, file), fact)


def missing_key(s: Session) -> Check | None:
    """A name that the file does not have."""
    file = s.pick(_has_facts, SETTINGS)
    name = key(s.x, s.r)
    spoken = name.replace("_", " ")
    if not file or name.lower() in file.text.lower() or spoken.lower() in file.text.lower():
        return None
    if any(w in f.names for f in file.facts for w in (name, spoken)):
        return None
    named = name_file(s, file)
    s.ask("value", key=s.r.choice([name, name, spoken, f"`{name}`"]), path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"There is no `{name}` in `{file.path}`.")
    return done(s, "no `", harmless=True)


def missing_file(s: Session) -> Check | None:
    """A path that does not exist and resembles nothing."""
    path = s.r.choice(["", "config/", "src/", "docs/", "data/"]) + s.x.invented(s.r) + s.r.choice([".ini", ".json", ".txt", ".py", ".md", ".csv", ".log", ".yaml"])
    from .common import nearest

    near = [] if s.bench.place.exists(path) else nearest(s, path)
    if s.bench.place.exists(path) or any(path.rsplit("/", 1)[-1][:3] == n.rsplit("/", 1)[-1][:3] for n in near):
        return None
    kind = s.r.choice(["value", "show", "about", "value"])
    s.ask(kind, key=key(s.x, s.r), path=path)
    s.call("read", path=path)
    tail = f" The nearest names are {enumerated(near)}." if near else ""
    s.say(f"There is no `{path}`.{tail}")
    return done(s, "no `", harmless=True)


def confirm(s: Session) -> Check | None:
    """Is it so?"""
    file = s.pick(_has_facts, SETTINGS)
    fact = file and _fact(s, file, lambda f: unambiguous(file, f))
    if not fact:
        return None
    true = s.r.random() < 0.5
    guess = fact.value if true else s.x.value(s.r)
    if not true and guess == fact.value:
        return None
    named = name_file(s, file)
    s.ask("confirm", key=name_of(s, fact), value=s.r.choice([guess, f"`{guess}`"]), path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"Yes, `{fact.name}` in `{file.path}` is `{fact.value}`." if true else f"No, `{fact.name}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, "Yes" if true else "No", fact.value, harmless=True)


def compare(s: Session) -> Check | None:
    """One name in two files."""
    one = s.pick(_has_facts, SETTINGS)
    fact = one and _fact(s, one, lambda f: unambiguous(one, f) and f.line)
    if not fact:
        return None
    two = s.new_file(s.r.choice(SETTINGS))
    other = _fact(s, two, lambda f: f.line and two.text.count(f.line) == 1)
    if not other or any(fact.name.lower() == n.lower() for f in two.facts for n in f.names):
        return None
    new_value = fact.value if s.r.random() < 0.4 else settings.safe_value(s.maker, fact.name)
    line = other.line_with(new_value).replace(other.name, fact.name, 1)
    if not is_clean(new_value) or fact.name not in line:
        return None
    two.text = two.text.replace(other.line, line)
    other.names, other.before, other.value, other.line = fact.names, other.before.replace(other.name, fact.name, 1), new_value, line
    s.add(two)
    s.ask("compare", key=name_of(s, fact), path=one.path, path2=two.path)
    s.call("read", path=one.path)
    s.know(one)
    s.call("read", path=two.path)
    s.know(two)
    same = new_value == fact.value
    s.say(f"Yes, `{fact.name}` is `{new_value}` in both." if same else f"No: `{fact.name}` is `{fact.value}` in `{one.path}` and `{new_value}` in `{two.path}`.")
    return done(s, "Yes" if same else "No", new_value, harmless=True)


def follow(s: Session) -> Check | None:
    """Another value of the file just spoken of."""
    if not s.last_is_fresh or s.last[0].path not in s.files:
        return None
    file, before = s.last
    if not any(x.path == file.path and x.who == "read result" for x in s.seen):
        return None
    fact = _fact(s, file, lambda f: f is not before and f.line and unambiguous(file, f))
    if not fact or file.kind == "csv":
        return None
    s.ask("follow", key=name_of(s, fact))
    s.say(value_answer(Named("", file.path, file), fact))
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def follow_file(s: Session) -> Check | None:
    """The same name in another file."""
    if not s.last_is_fresh or s.last[0].kind == "csv":
        return None
    name = s.last[1].name
    two = s.pick(lambda f: f is not s.last[0] and any(x.name == name for x in f.facts))
    if not two:
        two = s.new_file(s.r.choice(SETTINGS))
        other = _fact(s, two, lambda f: f.line and two.text.count(f.line) == 1 and f.name in f.before)
        if not other or any(name.lower() == n.lower() for f in two.facts for n in f.names):
            return None
        line = other.line.replace(other.name, name, 1)
        two.text = two.text.replace(other.line, line)
        other.before, other.line, other.names = other.before.replace(other.name, name, 1), line, s.last[1].names
        s.add(two)
    fact = _fact(s, two, lambda f: f.name == name and unambiguous(two, f))
    if not fact or fact.line not in two.text:
        return None
    s.ask("follow_file", path=two.path)
    return _read_and_tell(s, Named("", two.path, two), fact)


def show(s: Session) -> Check | None:
    """The whole file, or its beginning when it is long."""
    file = s.pick(lambda f: bool(f.text.strip()) and "```" not in f.text, fresh=0.1, make=(prose.text, *SETTINGS))
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
        s.say(f"{found_note(named)}`{file.path}` begins with:\n{block(chr(10).join(_start(lines)))}")
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
    file = s.pick(lambda f: f.text.count("\n") > 4 and "```" not in f.text, (data.csv, data.log, prose.text))
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
    file = s.pick(lambda f: f.text.count("\n") > 4 and "```" not in f.text and "\r" not in f.text, (data.log, data.csv))
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
    file = s.pick(lambda f: is_clean(f.about) or bool(f.lists.get("keys")) or bool(f.lists.get("functions")), (code.python, settings.yaml))
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
    names = next(((w, file.lists[w]) for w in ("functions", "targets", "services", "sections", "keys") if file.lists.get(w)), None)
    if names and len(names[1]) <= 14:
        verb = "defines the functions" if names[0] == "functions" else f"has the {names[0]}" if names[0] != "keys" else "sets"
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
    file = s.pick(lambda f: any(_listable(x) for x in f.lists.values()), (*SETTINGS, code.python, prose.todo, data.csv))
    if not file:
        return None
    what = s.r.choice([w for w, items in file.lists.items() if _listable(items)])
    named = name_file(s, file)
    s.ask("names", what=_synonym(s, what), path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    items = file.lists[what]
    s.say(f"The {what} in `{file.path}` are {enumerated(items)}." if len(items) != 1 else f"The only entry of the {what} in `{file.path}` is `{items[0]}`.")
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
    file = s.pick(lambda f: any("```" not in body and len(body) < 400 for _, body in f.sections), (prose.meeting, prose.recipe))
    if not file:
        return None
    heading, body = s.r.choice([x for x in file.sections if "```" not in x[1] and len(x[1]) < 400])
    named = name_file(s, file)
    said = s.r.choice([heading, heading.lower(), f"the section {heading}", f"section {heading}", f"the {heading.lower()} section"])
    s.user(s.r.choice([f"what does {named.text} say about {said}?", f"read me {said} from {named.text}", f"show {said} of {named.text}", f"{said} in {named.text}", f"what is under {said} in {named.text}"]))
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"Under {heading} in `{file.path}`:\n{body}")
    return done(s, body.split("\n")[0][:60], harmless=True)


def function(s: Session) -> Check | None:
    """The code of a function, found by search when no file is named."""
    file = s.pick(lambda f: f.functions and all(len(x.code) < 500 and "```" not in x.code for x in f.functions), (code.python, code.javascript))
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
        hits = [p for p, line in hits_of(s, target.name) if f"{target.name}(" in line and ("def " in line or "function " in line)]
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
        s.say(f"`{target.name}` in `{file.path}` takes {enumerated(params)}." if params else f"`{target.name}` in `{file.path}` takes no parameters.")
        return done(s, *[n for n, _ in target.params], harmless=True)
    lead = f"`{target.name}` in `{file.path}`" + (f": {target.doc}" if target.doc else ":")
    s.say(f"{lead}\n{block(target.code)}")
    return done(s, target.code.split("\n")[0], harmless=True)


TASKS = {
    "value": (16, value), "value_by_search": (5, value_by_search), "project_fact": (6, project_fact),
    "missing_key": (2.5, missing_key), "missing_file": (2.5, missing_file), "confirm": (2.5, confirm),
    "compare": (2.5, compare), "follow": (5, follow), "follow_file": (2, follow_file),
    "show": (6, show), "head": (1.2, head), "tail": (1.5, tail), "about": (2.5, about),
    "project_about": (1.5, project_about), "names": (5, names),
    "names_by_project": (2, names_by_project), "section": (1.5, section), "function": (4, function),
}  # fmt: skip
