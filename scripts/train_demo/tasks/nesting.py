"""Settings within settings: which one is told by the names above it, or asked back.

The old text of an edit is the whole line, from its parent's line on where the line stands more
than once. A line is changed only when it holds the asked key; words that look alike do not count.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..files.base import File, bare
from ..records import asked, is_crowded, replied
from ..records_nested import Leaf, Nested, a_place, nested
from ..session import MAX_FILES, Session
from .common import Check, done, enumerated, is_clean, name_file, open_file
from .meaning import MAX_LINES
from .reading import hits_of
from .sections import head_of

_DEEP = (
    "{c} {g} {k}", "{k} of the {c} {g}", "{g} {k} of {c}", "{c}'s {g} {k}", "{k} in {c} under {g}", "{c} > {g} > {k}", "{c}.{g}.{k}", "{g} {k} for {c}", "{k} for {g} of {c}", "{k} in the {g} of {c}", "{c}: {g} {k}", "{k} ({c}, {g})", "{k} under {g} in {c}", "{c}/{g}/{k}", "{g} {k} of the {c} {t}",
    "{k} that {c} has for {g}", "{c}, {g}, {k}", "{k} below {g} below {c}",
)  # fmt: skip
_FLAT = (
    "{c} {k}", "{k} of {c}", "{k} for {c}", "{c}'s {k}", "{k} in {c}", "{k} of the {c} {t}", "{c}.{k}", "{t} {c} {k}", "{k} of {t} {c}", "{k} under {c}", "{k} that {c} has", "{c}: {k}", "{k} for the {c} {t}", "{c} {t}'s {k}",
)  # fmt: skip
_RID = "(remove|delete|drop|take out|throw out|get rid of|kill|strike|cut)"
DROP = (f"[pre]{_RID} (the |){{key}}[post]", f"[pre]{_RID} (the |){{key}} (setting|line|entry|option)[post]", "(we|I) (don't|no longer) need (the |){key}( any more|)(, take it out|; remove it|)", "{key} (should|must|has to) go( away|)", "{key} (can go|is not needed|is obsolete)(, remove it|, take it out|)")
DROP_IN = (f"[pre]{_RID} (the |){{key}} (from|in|of) {{path}}[post]", f"(in|from) {{path}}(,|) {_RID} (the |){{key}}[post]")
ADD = ("[pre](add|put|insert|include) (a |) {key} (of|=|:|with) {new} (to|under|into|in|below) {place}[post]", "[pre]give {place} (a |) {key} of {new}[post]", "{place} (needs|should have|wants|gets) (a |) {key} of {new}", "[pre](add|put) {key}: {new} (to|under|in) {place}[post]")


def a_nested(s: Session, test=lambda f: True) -> Nested | None:
    """A file of settings within settings; a new one sometimes or when there is none."""
    fitting = [f for f in s.files.values() if isinstance(f, Nested) and s.text_of(f.path) == f.made and test(f)]
    if fitting and (len(s.files) >= MAX_FILES or s.r.random() < 0.6):
        return s.r.choice(fitting)
    for _ in range(0 if is_crowded(s) else 4):
        path, domain, form = a_place(s.r)
        taken = any(isinstance(f, Nested) and f.kind == "nested" and f.path.rsplit("/", 1)[-1] == path.rsplit("/", 1)[-1] for f in s.files.values())
        if taken or s.bench.place.exists(path) or s.bench.place.exists(path.split("/")[0] + ".x"):
            continue
        file = s.add(nested(s.maker, path, domain, form))
        if test(file):
            return file
    return None


def above(leaf: Leaf) -> str:
    """The names above a value, without the outermost, as answers have them."""
    return ".".join(leaf.parents[1:])


def spoken(s: Session, leaf: Leaf) -> str:
    """The value as the user names it, by the names above it."""
    top, child, *group = leaf.parents
    one = top.removesuffix("ies") + "y" if top.endswith("ies") else top.removesuffix("s")
    said = s.r.choice(_DEEP if group else _FLAT).format(c=child, g=group[0] if group else "", k=leaf.key, t=one)
    return said.replace("_", " ") if s.r.random() < 0.4 else said


def pick(s: Session, file: Nested, test=lambda leaf: True) -> Leaf | None:
    """A value that no other has the same names as."""
    found = [x for x in file.leaves if is_clean(x.value) and test(x) and sum(y.names == x.names for y in file.leaves) == 1]
    return s.r.choice(found) if found else None


def leads(s: Session, file: Nested, child: str) -> bool:
    """Whether a search for a child's name shows this one file's head, among not too many lines."""
    lines = hits_of(s, child)
    heads = {path for path, line in lines if child in (head_of(line), *line.strip(" [{:").split(" ")[1:2]) or f".{child}]" in line or f".{child}." in line}
    return file.path in {p for p, _ in lines} and heads == {file.path} and len(lines) <= MAX_LINES


def leads_to_line(s: Session, word: str, path: str) -> bool:
    """Whether a search for a word shows this file, among not too many lines."""
    lines = hits_of(s, word)
    return path in {p for p, _ in lines} and len(lines) <= MAX_LINES


def reach(s: Session, file: Nested, leaf: Leaf, kind: str, **slots: str) -> bool:
    """Ask for one value, in a named file or anywhere, and open the file."""
    said = spoken(s, leaf)
    if s.r.random() < 0.3:
        named = name_file(s, file)
        s.ask(kind, key=said, section="", path=named.text, **slots)
        return open_file(s, named)
    child = leaf.parents[1]
    if not leads(s, file, child):
        return False
    s.ask(f"{kind}_nopath", key=said, **slots)
    s.detour(said, 0.15)
    s.call("grep", pattern=child)
    s.call("read", path=file.path)
    return True


def nested_value(s: Session) -> Check | None:
    """One of several equal keys, told apart by the names above."""
    file = a_nested(s)
    leaf = file and pick(s, file)
    if not leaf or not reach(s, file, leaf, "value"):
        return None
    s.say(f"`{above(leaf)}` / `{leaf.key}` in `{file.path}` is `{leaf.value}`.")
    for other in beside(s, file, leaf):
        replied(s, AND, c=other.parents[1])
        s.say(f"`{above(other)}` / `{other.key}` in `{file.path}` is `{other.value}`.")
        leaf = other
    return done(s, leaf.value, harmless=True)


AND = ("(and|and what about|what about|how about|and for|same for|and in|now) (the |){c}[q]", "{c}[q]", "(the same|same thing|same question) for {c}[q]", "{c} (too|as well|also)[q]", "and {c}'s[q]")


def beside(s: Session, file: Nested, leaf: Leaf) -> list[Leaf]:
    """Sometimes one or two values of the same key and group below other names."""
    if s.r.random() < 0.65:
        return []
    same = [x for x in file.alike(leaf) if x.parents[2:] == leaf.parents[2:] and x.parents[1] not in (leaf.parents[1], "cancel") and is_clean(x.value)]
    return s.r.sample(same, min(len(same), s.r.choice((1, 1, 2))))


def other_value(s: Session, file: Nested, leaf: Leaf) -> str:
    """Another value that fits the format and the key."""
    r = s.r
    if leaf.value in ("true", "false"):
        return "false" if leaf.value == "true" else "true"
    if leaf.value.isdigit():
        return str(r.randint(0, 400)) if r.random() < 0.8 else str(int(leaf.value) * 2 + 1)
    others = [x.value for x in file.alike(leaf) if x.value != leaf.value]
    value = r.choice(others) if others and r.random() < 0.5 else r.choice((s.x.ident(r), f"{r.randint(1, 90)}{r.choice(('s', 'm', 'h', 'mb', 'g'))}", s.x.word(r)))
    quoted = file.form in ("json", "toml") and file.line(leaf)[leaf.start - 1] == '"'
    free = file.form not in ("json", "toml") or quoted or bare(value)
    return value if free and value.replace("-", "").replace("_", "").isalnum() else ""


def old_of(file: Nested, leaf: Leaf) -> str:
    """The line, or the lines from a head above down to it; empty when that gets too long."""
    lines, text = file.made.split("\n"), file.made
    if text.count(file.line(leaf)) == 1:
        return file.line(leaf)
    heads = [file.heads[leaf.parents[:n]] for n in range(len(leaf.parents), 0, -1) if leaf.parents[:n] in file.heads]
    for at in heads:
        old = "\n".join(lines[at : leaf.number + 1])
        if text.count(old) == 1:
            return old if old.count("\n") < 7 else ""
    return ""


def with_value(file: Nested, leaf: Leaf, old: str, value: str) -> str:
    """The old text with another value in its last line."""
    line = file.line(leaf)
    changed = line[: leaf.start] + value + line[leaf.start + len(leaf.value) :]
    return old[: len(old) - len(line)] + changed


def apply(s: Session, file: Nested, old: str, new: str, told: str, *must: str) -> Check | None:
    """The edit and the answer that tells it."""
    if old == new or s.call("edit", path=file.path, old=old, new=new).startswith("error"):
        return None
    before = (file.path, old, new)
    s.files[file.path] = File(file.path, s.text_of(file.path), "nested")
    s.forget_values(file.path)
    s.say(told)
    s.last, s.last_edit, s.edit_turn = None, before, s.n_turns
    return done(s, *must, files={file.path: s.text_of(file.path)})


def _change(s: Session, file: Nested, leaf: Leaf, value: str) -> Check | None:
    old = old_of(file, leaf)
    told = f"Changed `{above(leaf)}` / `{leaf.key}` in `{file.path}` from `{leaf.value}` to `{value}`."
    return apply(s, file, old, with_value(file, leaf, old, value), told, value) if old else None


def nested_edit(s: Session) -> Check | None:
    """One of several equal keys changed; said so when it has the value already."""
    file = a_nested(s)
    leaf = file and pick(s, file)
    value = leaf and other_value(s, file, leaf)
    if not value or value == leaf.value or not old_of(file, leaf):
        return None
    already = s.r.random() < 0.08
    if not reach(s, file, leaf, "edit", new=leaf.value if already else value):
        return None
    if already:
        s.say(f"`{above(leaf)}` / `{leaf.key}` in `{file.path}` is `{leaf.value}` already.")
        return done(s, "already", harmless=True)
    return _change(s, file, leaf, value)


def _shared(s: Session, file: Nested) -> tuple[str, list[Leaf]] | None:
    """A key that stands below two to five parents, and below no two groups of one child."""
    for _ in range(6):
        leaf = s.r.choice(file.leaves)
        same = file.alike(leaf)
        children = [x.parents[1] for x in same]
        if 2 <= len(same) <= 5 and len(set(children)) == len(children) and all(is_clean(x.value) for x in same):
            lines = hits_of(s, leaf.key)
            if {p for p, _ in lines} == {file.path} and len(lines) <= MAX_LINES:
                return leaf.key, same
    return None


def nested_all(s: Session) -> Check | None:
    """No parent named: all values are told."""
    file = a_nested(s)
    found = file and _shared(s, file)
    if not found:
        return None
    key, same = found
    s.ask("value_nopath", key=key.replace("_", " ") if s.r.random() < 0.5 else key)
    s.call("grep", pattern=key)
    s.call("read", path=file.path)
    parts = [f"`{above(x)}` / `{key}` is `{x.value}`" for x in same]
    s.say(f"In `{file.path}`: {', '.join(parts)}.")
    return done(s, *[x.value for x in same], harmless=True)


PICK = ("{c}", "(the |){c}( one|)", "(for|of|in) {c}", "(the one|that|the one that is) (of|for|in|under) {c}", "{c}(,| ) please", "I (mean|meant) {c}", "the {nth}( one|)")
_NTH = ("first", "second", "third", "fourth", "fifth")


def nested_which(s: Session) -> Check | None:
    """A change with no parent named: ask which; the answer names one."""
    file = a_nested(s)
    found = file and _shared(s, file)
    value = found and other_value(s, file, found[1][0])
    if not value:
        return None
    key, same = found
    s.ask("edit_nopath", key=key, new=value)
    s.call("grep", pattern=key)
    s.call("read", path=file.path)
    s.say(f"`{key}` in `{file.path}` is set for {enumerated([above(x) for x in same])}. Which one shall I change?")
    if s.r.random() < 0.5:
        return done(s, "Which one", *[x.parents[1] for x in same], harmless=True)
    i = s.r.randrange(len(same))
    if value == same[i].value:
        return None
    replied(s, PICK, c=same[i].parents[1], nth="last" if i == len(same) - 1 and s.r.random() < 0.3 else _NTH[i])
    return _change(s, file, same[i], value)


def look_alike(s: Session) -> Check | None:
    """The key is not there; words that hold it as a part, here or elsewhere, are not it."""
    file = a_nested(s)
    leaf = file and pick(s, file)
    if not leaf:
        return None
    child = leaf.parents[1]
    mine = {x.key for x in file.leaves if x.parents[1] == child}
    key = s.r.choice("ttl age port rate cap host tag user mask seed lang zone unit role".split())  # noqa: SIM905
    other = s.r.choice([f"{key}_note", f"max_{key}s", f"{key}ing", f"no{key}"])
    if key in mine or any(key in x for x in mine) or not leads(s, file, child) or is_crowded(s):
        return None
    path = s.x.ident(s.r) + s.r.choice((".ini", ".env", ".txt"))
    if not s.bench.place.exists(path):
        s.add(File(path, f"{other} = {s.x.word(s.r)}\n{s.x.snake(s.r)} = {s.r.randint(1, 90)}\n", "text"))
    said = s.r.choice(_FLAT[:6]).format(c=child, k=key, t=leaf.parents[0].removesuffix("s"))
    s.ask("edit_nopath", key=said, new=str(s.r.randint(1, 500)))
    s.call("grep", pattern=child)
    s.call("read", path=file.path)
    s.say(f"There is no `{key}` for `{child}` in `{file.path}`. I have changed nothing. Shall I add it?")
    return done(s, "no `", "changed nothing", harmless=True)


def _alone(file: Nested, leaf: Leaf) -> bool:
    """Whether the value has its line for itself and can go without another line's comma."""
    others = [x for x in file.leaves if x.number == leaf.number]
    fits = file.form != "json" or file.line(leaf).endswith(",")
    return len(others) == 1 and fits and len([x for x in file.leaves if x.parents == leaf.parents]) > 1 and "{" not in file.line(leaf)


def nested_drop(s: Session) -> Check | None:
    """A setting taken out of a file; the file stays."""
    file = a_nested(s)
    leaf = file and pick(s, file, lambda x: _alone(file, x))
    old = leaf and old_of(file, leaf)
    if not old or not leads(s, file, leaf.parents[1]):
        return None
    if s.r.random() < 0.4:
        named = name_file(s, file)
        asked(s, DROP_IN, key=spoken(s, leaf), path=named.text)
        if not open_file(s, named):
            return None
    else:
        asked(s, DROP, key=spoken(s, leaf))
        s.call("grep", pattern=leaf.parents[1])
        s.call("read", path=file.path)
    line = file.line(leaf)
    text = old + "\n" if old == line else old
    new = "" if old == line else old[: -len(line) - 1]
    return apply(s, file, text, new, f"Removed `{above(leaf)}` / `{leaf.key}` from `{file.path}`.", leaf.key)


def nested_add(s: Session) -> Check | None:
    """A setting more below a parent: behind the parent's line."""
    file = a_nested(s, lambda f: f.form in ("yaml", "json", "blocks", "toml"))
    leaf = file and pick(s, file, lambda x: _alone(file, x) or file.form == "json")
    if not leaf or len([x for x in file.leaves if x.number == leaf.number]) != 1:
        return None
    head = file.made.split("\n")[file.heads.get(leaf.parents, 0)]
    key, value = s.r.choice("note owner order weight icon tag priority comment".split()), str(s.r.randint(2, 90))  # noqa: SIM905
    child = leaf.parents[1]
    if file.made.count(head + "\n") != 1 or leaf.parents not in file.heads or not leads(s, file, child) or f"{key}" in file.made:
        return None
    group = leaf.parents[2] if len(leaf.parents) > 2 else ""
    place = s.r.choice((f"{child} {group}", f"{group} of {child}", f"{child}.{group}")) if group else s.r.choice((child, f"the {child} {leaf.parents[0].removesuffix('s')}"))
    asked(s, ADD, key=key, new=value, place=place.strip())
    s.call("grep", pattern=child)
    s.call("read", path=file.path)
    indent = file.line(leaf)[: len(file.line(leaf)) - len(file.line(leaf).lstrip())]
    line = {"yaml": f"{key}: {value}", "json": f'"{key}": {value},', "blocks": f"{key} {value};", "toml": f"{key} = {value}"}[file.form]
    return apply(s, file, head, f"{head}\n{indent}{line}", f"Added `{key}` to `{above(leaf)}` in `{file.path}`.", key)


TASKS = {
    "nested_value": (8, nested_value), "nested_edit": (12, nested_edit), "nested_all": (2.5, nested_all), "nested_which": (3, nested_which),
    "look_alike": (3, look_alike), "nested_drop": (4, nested_drop), "nested_add": (2, nested_add),
}  # fmt: skip
