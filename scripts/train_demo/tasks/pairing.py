"""Two files read, both of them; several hits told, each once.

Siblings are named by their paths, their names or one word; what they lack is told for both sides.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
import json
from collections.abc import Callable

from ..files.base import File
from ..records import asked, draw, hits_in, is_crowded
from ..session import Session
from .common import Check, done, enumerated, is_clean

Values = dict[str, str]
Called = tuple[list[str], Callable[[], bool]]
"""How the user names files, and the look that finds them."""
_WORDS: tuple[tuple[str, str, str], ...] = (
    # folders, names of siblings, keys with their values
    ("lang i18n locales texts translations", "en de fr it es nl sv pl da", "title=phrase save=phrase cancel=phrase welcome=phrase logout=phrase search=phrase help=phrase empty=phrase error=phrase next=phrase back=phrase"),
    ("env deploy config settings", "dev prod staging test local demo", "LOG_LEVEL=cat:debug|info|warning WORKERS=int:1-16 DB_HOST=ip CACHE_TTL=int:5-900 DEBUG=cat:true|false PORT=int:1024-9999 MAIL_FROM=email TIMEOUT=int:1-90 REGION=city SECRET_ID=code"),
    ("themes styles colors skins", "light dark print contrast night", "background=cat:#fff|#111|#eee|#222 text=cat:#000|#eee|#333 link=cat:#06c|#9cf|#c30 border=cat:1px|2px|none font=cat:serif|sans|mono size=int:9-22 shadow=cat:soft|none|hard"),
    ("people profiles users accounts", "anna bert chloe dilek emil freya", "email=email phone=phone city=city room=place role=cat:admin|editor|guest|author since=date locker=int:1-90"),
    ("menus recipes kitchens", "monday tuesday friday sunday lunch dinner", "soup=phrase main=phrase dessert=phrase price=int:4-30 guests=int:2-80 cook=first starts=clock"),
)  # fmt: skip
_FORMS: dict[str, Callable[[Values], str]] = {
    ".json": lambda v: json.dumps(v, indent=2, ensure_ascii=False) + "\n",
    ".env": lambda v: "".join(f"{k}={x}\n" for k, x in v.items()), ".yaml": lambda v: "".join(f"{k}: {x}\n" for k, x in v.items()),
    ".ini": lambda v: "".join(f"{k} = {x}\n" for k, x in v.items()), ".txt": lambda v: "".join(f"{k}: {x}\n" for k, x in v.items()),
}  # fmt: skip


def siblings(s: Session, n: int = 2) -> dict[str, Values] | None:
    """Two or more files of one kind, put into the workspace: path -> key -> value."""
    r = s.r
    folders, names, keys = r.choice(_WORDS)
    folder, ending = r.choice(["", *folders.split()]), r.choice(list(_FORMS))
    parts = r.sample(keys.split(), min(len(keys.split()), r.randint(4, 9)))
    made: dict[str, Values] = {}
    shared = {part: draw(r, s.x, part.partition("=")[2]) for part in parts}
    for name in r.sample(names.split(), n):
        path = (folder + "/" if folder else "") + name + ending
        if is_crowded(s) or s.bench.place.exists(path) or (folder and folder in s.bench.place.files):
            return None
        kept = [p for p in parts if r.random() < 0.86]
        made[path] = {p.partition("=")[0]: shared[p] if r.random() < 0.5 else draw(r, s.x, p.partition("=")[2]) for p in kept}
    if any(not v or not all(map(is_clean, v.values())) for v in made.values()):
        return None
    for path, values in made.items():
        s.add(File(path, _FORMS[ending](values), "sibling"))
    return made


def called(s: Session, paths: list[str]) -> Called | None:
    """How the user names the files, and the look that finds them."""
    x, names = s.r.random(), [p.rsplit("/", 1)[-1] for p in paths]
    if x < 0.35 or "/" not in paths[0]:
        return paths, lambda: True
    stems = [name.partition(".")[0] for name in names]
    said = names if x < 0.65 else stems
    folder = paths[0].rsplit("/", 1)[0]

    def look() -> bool:
        found = s.call("glob", pattern="*", path=folder) if said is stems and s.r.random() < 0.3 else ""
        shown = found.split("\n") if found else [p for name in said for p in s.call("glob", pattern=name if said is names else f"*{name}*").split("\n")]
        return set(paths) <= set(shown) and len(shown) < 9

    return said, look


def read_both(s: Session, pool: tuple[str, ...], paths: tuple[str, str], found: Called, **words: str) -> bool:
    """Ask about two files by the user's names for them; whether they were found, and are read."""
    (a, b), look = found
    asked(s, pool, a=a, b=b, **words)
    if not look():
        return False
    for path in paths:
        s.call("read", path=path)
    return True


DIFFERENT = (
    "(which|what) (keys|entries|settings|things|lines) (are|do we have) in (only one of {a} and {b}|{a} but not in {b}|just one of {a} and {b}|either {a} or {b} but not in both)[q]", "(what|which keys) (is|are) missing in {a} or {b}[q]", "(compare|check) the (keys|entries) of {a} and {b}[post]", "(do|does) {a} and {b} have the same (keys|entries|settings)[q]", "(is|are) (there |)(anything|any keys) (missing|lacking) in {b} (that|which) {a} has[q]",
    "(which|what) (keys|entries) (does|has) {a} (have |)(that|which) {b} (does not have|lacks)[q]", "{a} vs {b}: (missing keys|which keys differ|what is missing)[q]", "what (does|do) {a} (have|contain) that {b} (doesn't|does not)[q]", "are {a} and {b} (complete|alike in their keys|of the same keys)[q]", "{b} lacks what {a} has(:|,) (tell me which|which ones|what is it)[q]",
)  # fmt: skip


def key_sets(s: Session) -> Check | None:
    """What each of two files has that the other has not."""
    made = siblings(s)
    found = made and called(s, list(made))
    if not found:
        return None
    (a, one), (b, two) = made.items()
    if not read_both(s, DIFFERENT, (a, b), found):
        return None
    only = [(a, [k for k in one if k not in two]), (b, [k for k in two if k not in one])]
    parts = [f"Only in `{p}`: {enumerated(keys) if keys else 'nothing'}." for p, keys in only]
    is_same = not any(keys for _, keys in only)
    s.say(f"`{a}` and `{b}` have the same keys." if is_same else " ".join(parts))
    return done(s, *([k for _, keys in only for k in keys] or ["the same keys"]), harmless=True)


SAME = ("(which|what) (values|settings|entries) (differ|are different) (in|between) {a} and {b}[q]", "(what|where) (is|are) {a} and {b} different[q]", "(compare|check) the values (of|in) {a} and {b}[post]", "(where|in what) do {a} and {b} (differ|disagree)[q]", "differences (of|between) {a} and {b}[q]", "how (is|does) {a} (different|differ) from {b}[q]")


def values_differ(s: Session) -> Check | None:
    """The keys that both have with other values."""
    made = siblings(s)
    found = made and called(s, list(made))
    if not found:
        return None
    (a, one), (b, two) = made.items()
    keys = [k for k in one if k in two and one[k] != two[k]]
    if len(keys) > 5:
        return None
    if not read_both(s, SAME, (a, b), found):
        return None
    parts = [f"`{k}` is `{one[k]}` in `{a}` and `{two[k]}` in `{b}`" for k in keys]
    s.say("; ".join(parts) + "." if parts else f"What `{a}` and `{b}` both have is the same.")
    return done(s, *([v for k in keys for v in (one[k], two[k])] or ["the same"]), harmless=True)


EQUAL = ("(is|does) {key} (the same|equal) in {a} and {b}[q]", "do {a} and {b} (have|use|share) the same {key}[q]", "same {key} in {a} and {b}[q]", "(compare|check) {key} in {a} and {b}[post]", "{key}: {a} and {b} the same[q]", "(which|what) {key} (do|have) {a} and {b}( have| use|)[q]", "{key} in {a} and in {b}[q]")


def one_key_in_two(s: Session) -> Check | None:
    """One value of both files, read one after the other."""
    made = siblings(s)
    found = made and called(s, list(made))
    keys = [k for k in next(iter(made.values())) if all(k in v for v in made.values())] if found else []
    if not keys:
        return None
    (a, one), (b, two) = made.items()
    key = s.r.choice(keys)
    said = key.lower().replace("_", " ") if s.r.random() < 0.5 else key
    if not read_both(s, EQUAL, (a, b), found, key=said):
        return None
    if one[key] == two[key]:
        s.say(f"Yes, `{key}` is `{one[key]}` in both, `{a}` and `{b}`.")
    else:
        s.say(f"No: `{key}` is `{one[key]}` in `{a}` and `{two[key]}` in `{b}`.")
    return done(s, one[key], two[key], harmless=True)


ALL = ("(what|which) {key} (do we have|is set|is used|are there)( in all files| everywhere| in each of them|)[q]", "{key} (everywhere|in all files|of all of them)[q]", "(every|each|all) {key}[q]", "(where|in which files) (is|do we set|do we have) {key}( set|)[q]", "(list|show|tell me) (the |every |each |)(value of |){key}( in every file| in all files|)[post]")


def in_all(s: Session) -> Check | None:
    """A key that stands in three files: every file once, with its value."""
    made = siblings(s, 3)
    if not made:
        return None
    keys = [k for k in next(iter(made.values())) if sum(k in v for v in made.values()) > 1 and set(hits_in(s, k)) == {p for p, v in made.items() if k in v} and all(n == 1 for n in hits_in(s, k).values())]
    if not keys:
        return None
    key = s.r.choice(keys)
    asked(s, ALL, key=key)
    shown = s.call("grep", pattern=key).split("\n")
    paths = [line.split(":", 1)[0] for line in shown if ":" in line and line.split(":", 1)[0] in made]
    s.say("; ".join(f"`{key}` is `{made[p][key]}` in `{p}`" for p in paths) + ".")
    return done(s, *[made[p][key] for p in paths], *paths, harmless=True)


MENTION = ("(which|what) files (mention|contain|have|speak of|talk about) {word}[q]", "(where|in which files) (is|do we mention|do we have) {word}( mentioned|)[q]", "(list|show|name) (all |the |every |)(files|file) (with|that mention|mentioning) {word}[post]", "files with {word}[q]", "who (mentions|uses) {word}[q]", "everything that mentions {word}[q]")


def mentions(s: Session) -> Check | None:
    """A word on several lines of several files: each file once, however many lines it has."""
    r, place = s.r, s.bench.place
    paths = [p for p in s.files if s.text_of(p).count("\n") > 3 and "\r" not in s.text_of(p) and p.endswith((".md", ".txt"))]
    if len(paths) < 2 or is_crowded(s):
        return None
    word = s.x.invented(r)
    if hits_in(s, word):
        return None
    folder = r.choice(("docs/", "notes/", "", "texts/"))
    wanted = []
    for _ in range(r.randint(2, 4)):
        path = folder + s.x.ident(r) + r.choice((".md", ".txt"))
        if place.exists(path) or (folder and place.exists(folder[:-1] + ".md")):
            return None
        lines = [s.x.sentence(r) for _ in range(r.randint(2, 5))]
        for _ in range(r.choice((1, 1, 2, 3))):
            at = r.randrange(len(lines))
            lines[at] = f"{s.x.words_of(r, 1, 3)} {word} {s.x.words_of(r, 1, 3)}."
        s.add(File(path, "\n".join(lines) + "\n", "plain"))
        wanted.append(path)
    asked(s, MENTION, word=r.choice((word, word.capitalize(), word.upper(), f"`{word}`", f'"{word}"')))
    shown = s.call("grep", pattern=word)
    found = list(dict.fromkeys(line.split(":", 1)[0] for line in shown.split("\n")))
    s.say(f"`{word}` is in {len(found)} files: {enumerated(found)}.")
    return done(s, *wanted, harmless=True)


TASKS = {
    "key_sets": (5, key_sets), "values_differ": (3, values_differ), "one_key_in_two": (3.5, one_key_in_two),
    "in_all": (3, in_all), "mentions": (3, mentions),
}  # fmt: skip
