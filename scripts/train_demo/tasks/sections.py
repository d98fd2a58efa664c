"""Values by section and by environment: sections, records, sibling files, no file named."""

from __future__ import annotations

from ..files import records, settings
from ..files.base import Fact, File
from ..session import Session
from .changing import change, is_editable, new_value
from .common import Check, done, is_clean, unambiguous
from .meaning import MAX_LINES
from .reading import hits_of
from .rewriting import edited

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
    lines = hits_of(s, word)
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
    return edited(s, file, old, new, told, value)


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
    one = s.pick(_is_copyable, (settings.env, settings.yaml, settings.ini))
    made = one and _siblings(s, one)
    if not made:
        return None
    stem = r.choice(list(made))
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
    s.call("glob", pattern=f"*{stem}*")
    s.call("read", path=file.path)
    s.know(file)
    if value:
        return change(s, file, fact, value)
    s.say(f"`{fact.name}` in `{file.path}` is `{fact.value}`.")
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def _is_copyable(file: File) -> bool:
    kinds = ("env", "yaml", "ini", "json", "toml")
    return (
        file.kind in kinds and "\r" not in file.text and 2 < len(file.facts) < 9
        and all(is_editable(file, fact) for fact in file.facts)
    )  # fmt: skip


def _siblings(s: Session, one: File) -> dict[str, File] | None:
    """Two or three files like this one, by environment, put into the workspace."""
    ending = one.name.rsplit(".", 1)[-1]
    folder = s.r.choice(["config", "env", "deploy", "settings", s.x.word(s.r)])
    stems = [stem for stem, _ in s.r.sample(_STAGES, s.r.choice([2, 3]))]
    made = {stem: _sibling(s, one, f"{folder}/{stem}.{ending}") for stem in stems}
    if any(file is None for file in made.values()):
        return None
    for file in made.values():
        s.add(file)
    return made


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
        parts = (fact.before, fact.after, fact.quote, fact.section)
        facts.append(Fact(fact.names, value, line, *parts))
    return File(path, text, one.kind, facts)


TASKS = {
    "section_openly": (6, section_openly), "section_edit": (3, section_edit),
    "sibling": (5, sibling),
}  # fmt: skip
