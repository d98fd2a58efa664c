"""Requests that lean on the one before: another file, the folder just made, the rest, two in one.

"And that file?" asks for the same kind of thing again; "in it" is the folder that was just made.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..files import code, prose, settings
from ..files.base import File
from ..records import asked, replied
from ..session import Session
from .common import Check, block, done, enumerated, is_clean, unambiguous
from .reading import has_facts
from .tables import quoted_path

AND = ("(and|and what about|what about|how about|now|and for|same for|and the same for|also|then|next|and now) {path}[q]", "{path}[q]", "{path} (too|as well|also)[q]", "(the same|same thing|same question|ditto)(:| for|,) {path}", "and {path}, (please|too)[q]", "(now|and) (do|take) {path}", "(what|how) about {path} then[q]")


def _paths(s: Session, n: int, test=lambda f: True) -> list[File] | None:
    files = [f for f in s.files.values() if " " not in f.path and f.text.strip() and "\r" not in f.text and test(f)]
    names = [f.name for f in files]
    alone = [f for f in files if names.count(f.name) == 1]
    return s.r.sample(alone, n) if len(alone) >= n else None


def _said(s: Session, file: File, share: float) -> tuple[str, bool]:
    """The path or the bare name, and whether it must be looked up."""
    bare = "/" in file.path and s.r.random() < share
    return (file.name, True) if bare else (file.path, False)


def _find(s: Session, file: File, is_bare: bool) -> bool:
    return not is_bare or s.call("glob", pattern=file.name).split("\n") == [file.path]


_COUNTS = (("lines", "l", "line"), ("lines", "l", "line"), ("words", "w", "word"), ("size", "c", "byte"))


def again_count(s: Session) -> Check | None:
    """Lines, words or bytes of one file, then of one or two more by their names alone."""
    files = _paths(s, s.r.choice((2, 2, 3)))
    if not files:
        return None
    kind, flag, what = s.r.choice(_COUNTS)
    check = None
    for i, file in enumerate(files):
        said, is_bare = _said(s, file, 0.5)
        s.ask(kind, path=said) if i == 0 else replied(s, AND, path=said)
        if not _find(s, file, is_bare):
            return None
        check = _count(s, file, flag, what)
    return check


def _count(s: Session, file: File, flag: str, what: str) -> Check:
    data = s.bench.place.files[file.path]
    n = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}[flag]
    command = f"wc -{flag} {quoted_path(file.path)}"
    s.bench.outputs[command] = (f"{n} {file.path}", 0)
    s.call("bash", command=command)
    s.say(f"`{file.path}` has {n} {what}{'' if n == 1 else 's'}.")
    return done(s, f" {n} {what}", harmless=True)


def again_show(s: Session) -> Check | None:
    """One file shown, then another."""
    files = _paths(s, 2, lambda f: len(f.text) < 700 and "```" not in f.text)
    if not files:
        return None
    for i, file in enumerate(files):
        said, is_bare = _said(s, file, 0.4)
        s.ask("show", path=said) if i == 0 else replied(s, AND, path=said)
        if not _find(s, file, is_bare):
            return None
        shown = s.call("read", path=file.path)
        s.know(file)
        s.say(f"`{file.path}`:\n{block(shown)}")
    s.made = (files[-1].path, s.n_turns)
    return done(s, shown.strip().split("\n")[-1].strip()[:60], harmless=True)


def again_value(s: Session) -> Check | None:
    """The same key of another file; said so when that file has none."""
    files = [f for f in s.files.values() if has_facts(f) and " " not in f.path]
    s.r.shuffle(files)
    for one in files:
        for fact in one.facts:
            others = [f for f in files if f is not one and fact.name in {x.name for x in f.facts}]
            if others and unambiguous(one, fact) and is_clean(fact.value):
                return _values(s, one, others[0], fact.name)
    return None


def _values(s: Session, one: File, two: File, name: str) -> Check | None:
    for i, file in enumerate((one, two)):
        fact = next(x for x in file.facts if x.name == name)
        if not unambiguous(file, fact) or not is_clean(fact.value):
            return None
        s.ask("value", key=name, path=file.path) if i == 0 else replied(s, AND, path=file.path)
        s.call("read", path=file.path)
        s.know(file)
        s.say(f"`{name}` in `{file.path}` is `{fact.value}`.")
    s.said(two, fact)
    return done(s, fact.value, harmless=True)


# ------------------------------------------------------------------ in it, there

MAKE_IN = ("[pre](create|make|add|set up) (a |a new |an empty |another |)(folder|directory|subfolder) (called |named |){new} (in|inside|under|below|within) {dir}[post]", "[pre](inside|in|under) {dir}(,|) (create|make|add) (a |)(folder|directory) {new}[post]", "{dir} (needs|should get|gets) a (folder|subfolder) {new}", "(I|we) (need|want) a (folder|directory) {new} (in|inside|under) {dir}", "mkdir {new} in {dir}", "a (folder|directory) {new} (in|under) {dir}(, please|)[post]")
FILE_THERE = ("[pre](put|create|make|add|write) (a |)file {name} (in it|in there|there|into it|in that folder|inside|in the new folder) (with|saying|that says|containing) {text}[post]", "(now |)(in it|in there|there|inside)(,|) (create|put|write|make) {name} (with|saying|containing) {text}", "(and |)(put|write) {text} (into|in) {name} (there|in it|in that folder)", "[pre]add {name} (to it|there|in there) (with|containing) (the text |){text}[post]")
MOVE_THERE = ("[pre](move|put|take|shift|bring) {path} (in there|there|into it|into that folder|in it|into the new folder)[post]", "(now |and |then |)(move|put) {path} (there|in it|into it)", "{path} (should|must|has to) (go|move) (there|in there|into it)", "(move|put) {path} (over |)there (too|as well)")
COPY_THERE = ("[pre](copy|duplicate) {path} (in there|there|into it|into that folder)[post]", "(a copy of|copy) {path} (there|in there|into it)(, please|)", "[pre]put a copy of {path} (in it|there|into that folder)[post]")
LIST_THERE = ("what is (in it|in there|there|inside)( now|)[q]", "(list|show) (it|that folder|its contents|what is in there)[post]", "(and |)(what's|what is) in (it|there)[q]")


def folder_then(s: Session) -> Check | None:
    """A folder is made, below another one maybe; the next request is about what goes into it."""
    r = s.r
    folders = [f for f in s.bench.place.tree() if f != "." and " " not in f]
    parent = r.choice([*folders, s.x.word(r)]) if folders and r.random() < 0.7 else ""
    new = s.x.ident(r)
    folder = f"{parent}/{new}" if parent else new
    if s.bench.place.exists(folder) or parent in s.bench.place.files or " " in folder:
        return None
    if parent:
        asked(s, MAKE_IN, new=new, dir=r.choice((parent, parent + "/", f"the {parent} folder")))
    else:
        s.ask("mkdir", dir=folder)
    s.call("bash", command=f"mkdir -p {folder}")
    s.say(f"Created the folder `{folder}`.")
    return r.choice((_write_there, _move_there, _move_there, _copy_there))(s, folder)


def _write_there(s: Session, folder: str) -> Check:
    r = s.r
    path = f"{folder}/{s.x.ident(r)}{r.choice(('.txt', '.md', '.txt', '.cfg', '.csv'))}"
    text = s.x.words_of(r, 1, 6)
    quoted = r.choice((text, f'"{text}"', f"'{text}'", f"`{text}`"))
    replied(s, FILE_THERE, name=path.rsplit("/", 1)[-1], text=quoted)
    s.call("write", path=path, content=text)
    s.say(f"Created `{path}`.")
    s.made = (path, s.n_turns)
    return done(s, path, files={path: text})


def _move_there(s: Session, folder: str) -> Check | None:
    files = _paths(s, s.r.choice((1, 2)))
    if not files or any(f.path.startswith(folder) for f in files):
        return None
    changed: dict[str, str | None] = {}
    for file in files:
        replied(s, MOVE_THERE, path=file.path)
        new, text = f"{folder}/{file.name}", file.text
        s.call("bash", command=f"mv {quoted_path(file.path)} {folder}/")
        s.drop(file.path)
        s.last = None
        s.say(f"Moved `{file.path}` to `{new}`.")
        s.made = (new, s.n_turns)
        changed |= {file.path: None, new: text}
    if s.r.random() < 0.3:
        return _list_there(s, folder)
    return done(s, new, files=changed)


def _copy_there(s: Session, folder: str) -> Check | None:
    files = _paths(s, 1)
    if not files or files[0].path.startswith(folder):
        return None
    file = files[0]
    replied(s, COPY_THERE, path=file.path)
    new = f"{folder}/{file.name}"
    s.call("bash", command=f"cp {quoted_path(file.path)} {folder}/")
    s.say(f"Copied `{file.path}` to `{new}`.")
    s.made = (new, s.n_turns)
    return done(s, new, files={new: file.text, file.path: file.text})


def _list_there(s: Session, folder: str) -> Check:
    replied(s, LIST_THERE)
    names = [n[len(folder) + 1 :] for n in s.call("glob", pattern="*", path=folder).split("\n")]
    s.say(f"`{folder}` contains: {enumerated(names)}.")
    return done(s, *names, harmless=False)


# ------------------------------------------------------------------ the rest, the other

REST = ("(and |)(the rest|the remaining lines|what comes after that|what follows|the other lines)( of it|)[q]", "(go on|continue|more|read on|keep going)[post]", "(show|give|read) me the (rest|remaining lines)[post]", "(and|now) the rest(, please|)", "what (comes|stands) (next|after that)[q]")


def the_rest(s: Session) -> Check | None:
    """The first lines, then what follows them."""
    n = s.r.choice((2, 3, 5))
    file = s.pick(lambda f: n + 1 < f.text.count("\n") < 24 and "```" not in f.text and "\r" not in f.text and len(f.text) < 1200, (prose.notes, settings.env, code.shell))
    if not file or " " in file.path:
        return None
    asked(s, ("[pre](show|give|read) me (only |just |)the first {n} lines of {path}[post]", "(the |)first {n} lines of {path}[q]", "head -n {n} {path}", "how does {path} begin(, first {n} lines|; {n} lines are enough)[q]"), n=str(n), path=file.path)
    first = s.call("read", path=file.path, limit=n).split("\n")
    s.say(f"`{file.path}` begins with:\n{block(chr(10).join(x for x in first if not x.startswith('[lines ')))}")
    replied(s, REST)
    shown = s.call("read", path=file.path, offset=n + 1).split("\n")
    lines = [x for x in shown if not x.startswith("[lines ")]
    s.say(f"From line {n + 1} on:\n{block(chr(10).join(lines))}")
    return done(s, next((x.strip()[:50] for x in reversed(lines) if x.strip()), ""), harmless=True)


OTHER = ("(and |what about |)the other(s| ones| one|)[q]", "(and |)(which|what) (are|is) (the other ones|the others|left|the rest)[q]", "(the |and the )(rest|others)(, please|)[q]", "which ones are (not|the opposite)[q]")


def the_others(s: Session) -> Check | None:
    """Done items, then those that are open, or the other way round."""
    file = s.pick(lambda f: len(f.todo) > 2 and "\r" not in f.text, (prose.todo,))
    if not file or " " in file.path:
        return None
    groups = {w: [t for t, is_done in file.todo if is_done == (w == "done")] for w in ("done", "open")}
    if not all(0 < len(x) <= 8 and all(map(is_clean, x)) for x in groups.values()):
        return None
    one, two = s.r.sample(["done", "open"], 2)
    asked(s, ("(which|what) (items|tasks|points) (in|of) {path} are {state}[q]", "{state} (items|tasks|points) (of|in) {path}[q]", "[pre](list|show) the {state} (items|tasks) (of|in) {path}[post]", "what is {state} in {path}[q]"), path=file.path, state=one if one == "done" else s.r.choice(("open", "open", "still open", "not done")))
    s.call("read", path=file.path)
    s.know(file)
    s.say(f"{one.capitalize()} in `{file.path}`: {enumerated(groups[one])}.")
    replied(s, OTHER)
    s.say(f"{two.capitalize()} in `{file.path}`: {enumerated(groups[two])}.")
    return done(s, *groups[two], harmless=True)


# ------------------------------------------------------------------ two in one sentence

JOIN = ("{one} and {two}[q]", "{one}, and {two}[q]", "{one}? and {two}[q]", "{one} - and {two}[q]", "{one}; also {two}[q]", "two things: {one}, and {two}[q]", "(tell me|I need to know) {one} and {two}[post]", "{one}? {two}[q]", "first {one}, then {two}[q]")


def two_questions(s: Session) -> Check | None:
    """Two questions in one message: both looked up, both answered."""
    files = [f for f in s.files.values() if has_facts(f) and " " not in f.path and "\r" not in f.text]
    if len(files) < 2:
        return None
    a, b = s.r.sample(files, 2)
    parts = [_part(s, a), s.r.choice((_part, _lines))(s, b)]
    if None in parts:
        return None
    (one, first), (two, second) = parts
    asked(s, JOIN, one=one, two=two)
    told = [first(), second()]
    s.say(" ".join(text for text, _ in told))
    return done(s, *[must for _, must in told], harmless=True)


def _part(s: Session, file: File):
    """A question for a value, and what answers it: the sentence and its value."""
    facts = [x for x in file.facts if is_clean(x.value) and unambiguous(file, x)]
    if not facts:
        return None
    fact = s.r.choice(facts)
    name = s.r.choice(fact.names)
    text = s.r.choice((f"what is {name} in {file.path}", f"the {name} in {file.path}", f"what does {file.path} say for {name}", f"which {name} does {file.path} have", f"{name} in {file.path}"))

    def tell() -> tuple[str, str]:
        s.call("read", path=file.path)
        s.know(file)
        return f"`{fact.name}` in `{file.path}` is `{fact.value}`.", fact.value

    return text, tell


def _lines(s: Session, file: File):
    n = s.bench.place.files[file.path].count(b"\n")
    text = s.r.choice((f"how many lines does {file.path} have", f"how long is {file.path}", f"the number of lines of {file.path}"))

    def tell() -> tuple[str, str]:
        command = f"wc -l {quoted_path(file.path)}"
        s.bench.outputs[command] = (f"{n} {file.path}", 0)
        s.call("bash", command=command)
        return f"`{file.path}` has {n} line{'' if n == 1 else 's'}.", f" {n} line"

    return text, tell


TASKS = {
    "again_count": (4, again_count), "again_show": (1.5, again_show), "again_value": (2.5, again_value), "folder_then": (4, folder_then),
    "the_rest": (1.5, the_rest), "the_others": (2, the_others), "two_questions": (4, two_questions),
}  # fmt: skip
