"""Values in files: read, searched, compared, asked on."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..files import code, prose, records, settings
from ..files.base import Fact, File
from ..session import Session
from ..values import key
from .common import (
    Check,
    Named,
    done,
    enumerated,
    is_clean,
    name_file,
    name_of,
    open_file,
    unambiguous,
    value_answer,
)

SETTINGS = (
    settings.ini,
    settings.toml,
    settings.yaml,
    settings.json_file,
    settings.env,
    settings.properties,
)
_ALL = (
    *SETTINGS,
    settings.yaml,
    settings.json_file,
    prose.notes,
    code.python,
    code.javascript,
    prose.meeting,
    prose.letter,
    prose.recipe,
    records.inventory,
    records.objects,
    records.server_conf,
    records.maps,
    records.constants,
)


def has_facts(file: File) -> bool:
    return any(is_clean(f.value) for f in file.facts) and file.kind not in ("csv", "log")


def pick_fact(s: Session, file: File, test=lambda f: True) -> Fact | None:
    fitting = [f for f in file.facts if is_clean(f.value) and test(f)]
    return s.r.choice(fitting) if fitting else None


def value(s: Session) -> Check | None:
    """A value by its name and file."""
    file = s.pick(has_facts, _ALL)
    fact = file and pick_fact(s, file)
    if not fact:
        return None
    named = name_file(s, file, typos=True)
    if fact.section and (not unambiguous(file, fact) or s.r.random() < 0.45):
        s.ask(
            "value_nested", key=name_of(s, fact), section=s.r.choice(fact.section), path=named.text
        )
    elif not unambiguous(file, fact):
        return None
    elif fact.phrases and s.r.random() < 0.35:
        s.ask("fact", np=s.r.choice(fact.phrases), path=named.text)
    else:
        s.ask("value", key=name_of(s, fact), path=named.text)
    return read_and_tell(s, named, fact)


def read_and_tell(s: Session, named: Named, fact: Fact) -> Check | None:
    if not open_file(s, named):
        return None
    s.know(named.file)
    s.say(value_answer(named, fact))
    s.said(named.file, fact)
    return done(s, fact.value, harmless=True)


def value_by_search(s: Session) -> Check | None:
    """A constant or key whose file the user does not name: search, then tell."""
    file = s.pick(
        has_facts,
        (code.python, settings.env, settings.yaml, settings.toml, settings.ini, code.javascript),
    )
    fact = file and pick_fact(
        s, file, lambda f: bool(f.line) and ("_" in f.name or f.name.isupper())
    )
    if not fact or file.kind == "changelog":
        return None
    spoken = fact.names[0] if s.r.random() < 0.8 else fact.names[-1]
    hits = hits_of(s, pattern := to_search(spoken))
    fitting = [hit for hit in hits if _holds(hit[1], spoken)]
    if fitting != [(file.path, fact.line)] or len(hits) > 5:
        return None
    s.ask("value_nopath", key=spoken if s.r.random() < 0.85 else f"`{spoken}`")
    s.detour(spoken, 0.1)
    s.call("grep", pattern=pattern)
    s.say(f"`{fact.name}` is `{fact.value}` in `{file.path}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def to_search(said: str) -> str:
    """What to look for: a name as it is spelt; of several words the longest, never all joined."""
    return max(said.lower().split(), key=len) if " " in said else said


def _holds(line: str, said: str) -> bool:
    return all(word in line.lower() for word in said.lower().split())


def hits_of(s: Session, text: str) -> list[tuple[str, str]]:
    """Path and line of what a search for a plain text finds, in the order it shows them."""
    place, low = s.bench.place, text.lower()
    paths = (path for path in place.names() if low in place.lower(path))
    lines = ((path, line) for path in paths for line in place.text(path).splitlines())
    return [(path, line) for path, line in lines if low in line.lower()]


def project_fact(s: Session) -> Check | None:
    """Something every project states somewhere: look at the root, read the file that says it."""
    r = s.r
    file = s.pick(
        lambda f: (
            f.kind
            in (
                "toml",
                "json",
                "readme",
                "license",
                "make",
                "docker",
                "requirements",
                "changelog",
                "gomod",
            )
            and "/" not in f.path
            and any(x.phrases for x in f.facts)
        )
    )
    fact = file and pick_fact(s, file, lambda f: bool(f.phrases))
    if not fact or not file.aliases:
        return None
    phrase = r.choice(fact.phrases)
    owners = [
        f
        for f in s.files.values()
        if "/" not in f.path and any(phrase in x.phrases for x in f.facts)
    ]
    rank = (
        "toml",
        "json",
        "gomod",
        "readme",
        "license",
        "requirements",
        "make",
        "docker",
        "changelog",
    )
    if min(owners, key=lambda f: rank.index(f.kind) if f.kind in rank else 99) is not file:
        return None
    s.ask("fact_nopath", np=phrase)
    s.call("glob", pattern="*")
    return read_and_tell(s, Named("", file.path, file), fact)


def missing_key(s: Session) -> Check | None:
    """A name that the file does not have."""
    file = s.pick(has_facts, SETTINGS)
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
    path = (
        s.r.choice(["", "config/", "src/", "docs/", "data/"])
        + s.x.invented(s.r)
        + s.r.choice([".ini", ".json", ".txt", ".py", ".md", ".csv", ".log", ".yaml"])
    )
    from .common import nearest

    near = [] if s.bench.place.exists(path) else nearest(s, path)
    if s.bench.place.exists(path) or any(
        path.rsplit("/", 1)[-1][:3] == n.rsplit("/", 1)[-1][:3] for n in near
    ):
        return None
    kind = s.r.choice(["value", "show", "about", "value"])
    s.ask(kind, key=key(s.x, s.r), path=path)
    s.call("read", path=path)
    tail = f" The nearest names are {enumerated(near)}." if near else ""
    s.say(f"There is no `{path}`.{tail}")
    return done(s, "no `", harmless=True)


def confirm(s: Session) -> Check | None:
    """Is it so?"""
    file = s.pick(has_facts, SETTINGS)
    fact = file and pick_fact(s, file, lambda f: unambiguous(file, f))
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
    s.say(
        f"Yes, `{fact.name}` in `{file.path}` is `{fact.value}`."
        if true
        else f"No, `{fact.name}` in `{file.path}` is `{fact.value}`."
    )
    s.said(file, fact)
    return done(s, "Yes" if true else "No", fact.value, harmless=True)


def compare(s: Session) -> Check | None:
    """One name in two files."""
    one = s.pick(has_facts, SETTINGS)
    fact = one and pick_fact(s, one, lambda f: unambiguous(one, f) and f.line)
    if not fact:
        return None
    two = s.new_file(s.r.choice(SETTINGS))
    other = pick_fact(s, two, lambda f: f.line and two.text.count(f.line) == 1)
    if not other or any(fact.name.lower() == n.lower() for f in two.facts for n in f.names):
        return None
    new_value = fact.value if s.r.random() < 0.4 else settings.safe_value(s.maker, fact.name)
    line = other.line_with(new_value).replace(other.name, fact.name, 1)
    if not is_clean(new_value) or fact.name not in line:
        return None
    two.text = two.text.replace(other.line, line)
    other.names, other.before, other.value, other.line = (
        fact.names,
        other.before.replace(other.name, fact.name, 1),
        new_value,
        line,
    )
    s.add(two)
    s.ask("compare", key=name_of(s, fact), path=one.path, path2=two.path)
    s.call("read", path=one.path)
    s.know(one)
    s.call("read", path=two.path)
    s.know(two)
    same = new_value == fact.value
    s.say(
        f"Yes, `{fact.name}` is `{new_value}` in both."
        if same
        else f"No: `{fact.name}` is `{fact.value}` in `{one.path}` and `{new_value}` in `{two.path}`."
    )
    return done(s, "Yes" if same else "No", new_value, harmless=True)


def follow(s: Session) -> Check | None:
    """Another value of the file just spoken of."""
    if not s.last_is_fresh or s.last[0].path not in s.files:
        return None
    file, before = s.last
    if not any(x.path == file.path and x.who == "read result" for x in s.seen):
        return None
    fact = pick_fact(s, file, lambda f: f is not before and f.line and unambiguous(file, f))
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
        other = pick_fact(
            s, two, lambda f: f.line and two.text.count(f.line) == 1 and f.name in f.before
        )
        if not other or any(name.lower() == n.lower() for f in two.facts for n in f.names):
            return None
        line = other.line.replace(other.name, name, 1)
        two.text = two.text.replace(other.line, line)
        other.before, other.line, other.names = (
            other.before.replace(other.name, name, 1),
            line,
            s.last[1].names,
        )
        s.add(two)
    fact = pick_fact(s, two, lambda f: f.name == name and unambiguous(two, f))
    if not fact or fact.line not in two.text:
        return None
    s.ask("follow_file", path=two.path)
    return read_and_tell(s, Named("", two.path, two), fact)


TASKS = {
    "value": (16, value),
    "value_by_search": (5, value_by_search),
    "project_fact": (6, project_fact),
    "missing_key": (2.5, missing_key),
    "missing_file": (2.5, missing_file),
    "confirm": (2.5, confirm),
    "compare": (2.5, compare),
    "follow": (5, follow),
    "follow_file": (2, follow_file),
}
