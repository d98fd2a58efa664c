"""Two files side by side, searches with many hits, orders written into files, plans that change nothing."""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
import difflib

from ..files.base import File
from ..records import asked, hits_in, is_crowded, typed
from ..session import Session
from .common import Check, block, done, enumerated, is_clean
from .reading import has_facts, hits_of, pick_fact, to_search
from .records_prose import told_event

STAGES = ("dev", "staging", "production", "test", "local", "live", "demo", "eu", "us")
_KEYS = {
    "LOG_LEVEL": ("debug", "info", "warning", "error"), "WORKERS": ("1", "2", "4", "8", "16"), "CACHE_TTL": ("30s", "5m", "10m", "1h"), "DB_HOST": ("localhost", "db1.internal", "10.0.4.2", "db.example.org"), "MAX_UPLOAD": ("5MB", "20MB", "64MB"), "SESSION_TIMEOUT": ("15m", "30m", "2h"),
    "MAIL_FROM": ("noreply@example.org", "team@example.org", "test@localhost"), "BACKUP_AT": ("02:00", "03:30", "23:15"), "PAGE_SIZE": ("20", "25", "50", "100"), "CURRENCY": ("EUR", "SEK", "NOK", "USD"), "RETRIES": ("0", "2", "3", "5"), "FEATURE_CHAT": ("true", "false"), "TIMEZONE": ("Europe/Oslo", "UTC", "Europe/Vienna"), "THEME": ("light", "dark", "nord"),
}  # fmt: skip
_FREE = ("", "config", "deploy", "env", "settings", "src", "app", "lib", "docs", "ops")


def _is_free(s: Session, path: str) -> bool:
    return not is_crowded(s) and not s.bench.place.exists(path) and not any(path.startswith(p + "/") for p in s.bench.place.files)


def _stages(s: Session) -> dict[str, dict[str, str]] | None:
    """Sibling files with the same settings; path -> key -> value, made now."""
    r = s.r
    folder, names, n = r.choice(_FREE[:5]), r.sample(STAGES, r.randint(2, 3)), r.randint(4, 9)
    form, ending = r.choice((("{k}={v}", ".env"), ("{k}: {v}", ".yaml"), ("{k} = {v}", ".ini"), ("{k}={v}", ".properties")))
    lower = ending != ".env" and r.random() < 0.7
    keys = r.sample(list(_KEYS), n)
    made: dict[str, dict[str, str]] = {}
    for name in names:
        path = (folder + "/" if folder else "") + name + ending
        if not _is_free(s, path):
            return None
        made[path] = {k.lower() if lower else k: r.choice(_KEYS[k]) for k in keys if r.random() < 0.88 or len(names) > 2}
    for path, values in made.items():
        text = "\n".join(form.format(k=k, v=v) for k, v in values.items()) + "\n"
        s.add(File(path, text, "stage"))
    return made


SAME = ("(is|does) (the |){key} the same (in|for|on) {a} and {b}[q]", "do {a} and {b} (have|use) the same {key}[q]", "(compare|check) {key} (of|in|between) {a} and {b}[post]", "same {key} (in|on|for) {a} and {b}[q]", "{a} and {b}: same {key}[q]", "does {a} differ from {b} (in|by) (the |){key}[q]")
MISSING = ("(which|what) (keys|settings|entries|lines) (are|do we have) in {a} but not in {b}[q]", "what (does|is) {b} (missing|lack) (compared to|that is in) {a}[q]", "(settings|keys) of {a} that {b} (does not have|lacks)[q]", "what is missing in {b} if I compare it (to|with) {a}[q]")
LONGER = ("(which|what) is (longer|the longer file|bigger by lines), {a} or {b}[q]", "(is|does) {a} (longer than|have more lines than) {b}[q]", "(which|who) has more lines(:|,) {a} or {b}[q]", "{a} or {b}: which (one |)is longer[q]")
DIFF = ("(what is|what's) (different|the difference) between {a} and {b}[q]", "(what|which lines) changed (from|between) {a} (to|and) {b}[q]", "[pre](compare|diff) {a} (with|and|to) {b}[post]", "how does {b} differ from {a}[q]", "what did they change in {b} (compared to|since) {a}[q]")


def stage_value(s: Session) -> Check | None:
    """A key in two sibling files: one search shows both."""
    made = _stages(s)
    if not made or len(made) < 2:
        return None
    (a, one), (b, two) = list(made.items())[:2]
    keys = [k for k in one if k in two and set(hits_in(s, k)) <= set(made)]
    if not keys:
        return None
    key = s.r.choice(keys)
    by_name = s.r.random() < 0.6
    names = [p.rsplit("/", 1)[-1].partition(".")[0] if by_name else p for p in (a, b)]
    said = key.lower().replace("_", " ") if s.r.random() < 0.6 else key
    if not set(hits_in(s, word := to_search(said).lower())) <= set(made):
        return None
    asked(s, SAME, key=said, a=names[0], b=names[1])
    s.call("grep", pattern=word)
    if one[key] == two[key]:
        s.say(f"Yes, `{key}` is `{one[key]}` in both, `{a}` and `{b}`.")
        return done(s, one[key], harmless=True)
    s.say(f"No: `{key}` is `{one[key]}` in `{a}` and `{two[key]}` in `{b}`.")
    return done(s, one[key], two[key], harmless=True)


def stage_missing(s: Session) -> Check | None:
    """Keys that one file has and the other has not."""
    made = _stages(s)
    if not made:
        return None
    (a, one), (b, two) = list(made.items())[:2]
    keys = [k for k in one if k not in two]
    if len(keys) > 4:
        return None
    if s.r.random() < 0.5:
        asked(s, MISSING, a=a, b=b)
    else:
        said = [p.rsplit("/", 1)[-1].partition(".")[0] for p in (a, b)]
        asked(s, MISSING, a=said[0], b=said[1])
        for name, path in zip(said, (a, b), strict=True):
            if path not in s.call("glob", pattern=f"*{name}*").split("\n"):
                return None
    s.call("read", path=a)
    s.call("read", path=b)
    s.say(f"In `{a}` but not in `{b}`: {enumerated(keys)}." if keys else f"`{b}` has all that `{a}` has.")
    return done(s, *(keys or ["has all"]), harmless=True)


def longer(s: Session) -> Check | None:
    """Line counts of two files."""
    paths = [p for p in s.files if p in s.bench.place.files and " " not in p and p.isascii() and all(c.isalnum() or c in "._-/" for c in p)]
    if len(paths) < 2:
        return None
    a, b = s.r.sample(paths, 2)
    n, m = (s.bench.place.files[p].count(b"\n") for p in (a, b))
    if n == m:
        return None
    asked(s, LONGER, a=a, b=b)
    width = len(str(sum(len(s.bench.place.files[p]) for p in (a, b))))  # wc sizes it by bytes
    output = "\n".join(f"{k:>{width}} {p}" for k, p in ((n, a), (m, b), (n + m, "total")))
    s.bench.outputs[f"wc -l {a} {b}"] = (output, 0)
    s.call("bash", command=f"wc -l {a} {b}")
    more, less = ((a, n), (b, m)) if n > m else ((b, m), (a, n))
    s.say(f"`{more[0]}` is longer: {more[1]} lines against {less[1]} of `{less[0]}`.")
    return done(s, more[0], str(more[1]), harmless=True)


def changed_lines(s: Session) -> Check | None:
    """A text and its next version."""
    r = s.r
    stem, folder = r.choice(("rules", "contract", "offer", "plan", "terms", "packing-list", "menu", "recipe", "guide")), r.choice(("", "docs", "drafts", "texts"))
    base = (folder + "/" if folder else "") + stem
    one, two = r.choice(((f"{base}-v1.txt", f"{base}-v2.txt"), (f"{base}.md", f"{base}_new.md"), (f"{base}_old.txt", f"{base}.txt")))
    before = list(dict.fromkeys(told_event(s.maker) for _ in range(r.randint(4, 9))))
    after = list(before)
    if not (_is_free(s, one) and _is_free(s, two)):
        return None
    for i in sorted(r.sample(range(len(after)), r.randint(1, 2)), reverse=True):
        after[i] = told_event(s.maker)
    if r.random() < 0.4:
        after.append(told_event(s.maker))
    s.add(File(one, "\n".join(before) + "\n", "draft"))
    s.add(File(two, "\n".join(after) + "\n", "draft"))
    if len(set(before + after)) != len(set(before)) + sum(x not in before for x in after):
        return None
    asked(s, DIFF, a=one, b=two)
    s.bench.outputs[f"diff {one} {two}"] = (normal_diff(before, after), 1)
    result = s.call("bash", command=f"diff {one} {two}").removesuffix("\n[exit 1]")
    s.say(f"From `{one}` to `{two}`:\n{block(result)}")
    return done(s, *[x[-20:] for x in after if x not in before], harmless=True)


def normal_diff(before: list[str], after: list[str]) -> str:
    """What `diff` prints of two texts whose lines all differ."""
    out = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        old, new = _range(i, j), _range(k, m)
        out.append({"replace": f"{old}c{new}", "delete": f"{old}d{k}", "insert": f"{i}a{new}"}[tag])
        out += [f"< {line}" for line in before[i:j]] + ["---"] * (tag == "replace") + [f"> {line}" for line in after[k:m]]
    return "\n".join(out)


def _range(i: int, j: int) -> str:
    return str(i + 1) if j == i + 1 else f"{i + 1},{j}"


WHO_USES = ("(who|what|which files|which modules) (uses|use|calls|imports|needs|need|depend on) {name}[q]", "where (is|do we use|do we call) {name}( used| called|)[q]", "[pre](list|show|find) (every|all) (file|files|place|places) (that uses|using|with) {name}[post]", "{name} is used where[q]", "(usages|callers|users) of {name}[q]", "if I rename {name}, (which files|what) (must change|is affected|break)[q]")
DEFINED = ("where (is|do we define) {name}( defined| declared| implemented|)[q]", "(which|what) file (defines|declares|holds the definition of) {name}[q]", "definition of {name}[q]", "{name}: where does it come from[q]")
VALUE = ("(what is|what's|whats) (the |our |)(value of |){name}[q]", "{name}[q]", "how (high|large|big|many) is {name}[q]", "(tell me|give me|look up) (the |){name}[post]", "which {name} do we (use|have)[q]")
MARKS = ("(any|are there|which|all) {mark}s (below|under|in) {dir}[q]", "(list|show|find|collect) (the|all|every) {mark} (comments|notes|marks)( left|) (in|under|below) {dir}[post]", "what is (still |)marked (with |as |){mark} (in|under) {dir}[q]", "{mark}s in {dir}[q]", "(open|left) {mark} comments (of|in) {dir}[q]")


def _spread(s: Session) -> tuple[str, str, str, list[str]] | None:
    """A name defined in one module and used in several; name, value, definition's path, users."""
    r, x = s.r, s.x
    root, noun = r.choice(("src", "app", "lib", "tools", "core", "pkg")), r.choice(("rate", "limit", "size", "path", "index", "price", "total", "window", "label", "margin"))
    constant = r.random() < 0.5
    name = f"{x.word(r)}_{noun}".upper() if constant else f"{r.choice(('load', 'parse', 'format', 'check', 'round', 'send', 'merge'))}_{x.word(r)}"
    home = f"{root}/{r.choice(('config', 'common', 'util', 'base', 'constants', 'helpers'))}_{x.word(r)}.py"
    users = [f"{r.choice((root, root, 'tests', 'scripts'))}/{x.snake(r)}.py" for _ in range(r.choice((2, 3, 4, 6, 8)))]
    paths = [home, *dict.fromkeys(users)]
    if not name.isascii() or not all(_is_free(s, p) for p in paths) or hits_in(s, name):
        return None
    value = str(r.randint(2, 900)) if r.random() < 0.6 else f'"{x.word(r)}"'
    body = f"{name} = {value}" if constant else f"def {name}(value):\n    return value * {r.randint(2, 9)}"
    s.add(File(home, f'"""{x.sentence(r)}"""\n\n{body}\n', "module"))
    module = home.removesuffix(".py").replace("/", ".")
    for path in paths[1:]:
        use = f"print({name})" if constant else f"def run(item):\n    return {name}(item)"
        note = f"\n# {r.choice(('FIXME', 'TODO', 'HACK', 'XXX'))}: {x.words_of(r, 2, 5)}\n" if r.random() < 0.5 else ""
        s.add(File(path, f"from {module} import {name}\n{note}\n\n{use}\n", "module"))
    return name, value.strip('"') if constant else "", home, paths[1:]


def spread_name(s: Session) -> Check | None:
    """Its users, each file once; its definition; or its value, among many hits."""
    made = _spread(s)
    if not made:
        return None
    name, value, home = made[:3]
    kind = s.r.choice(("uses", "uses", "defined", "value", "value"))
    if kind == "value" and value and is_clean(value):
        said = typed(s.r, name.replace("_", " ").lower() if s.r.random() < 0.5 else name)
        if not set(hits_in(s, word := to_search(said).lower())) <= {home, *made[3]}:
            return None
        asked(s, VALUE, name=said)
        s.call("grep", pattern=word)
        s.say(f"`{name}` is `{value}` in `{home}`.")
        return done(s, value, harmless=True)
    asked(s, DEFINED if kind == "defined" else WHO_USES, name=name)
    lines = s.call("grep", pattern=name).split("\n")
    if kind == "defined":
        line = next(x for x in lines if x.startswith(home + ":"))
        _, number, text = line.split(":", 2)
        s.say(f"`{name}` is defined in `{home}`, line {number}: `{text.strip()}`")
        return done(s, home, harmless=True)
    paths = [p for p in dict.fromkeys(x.split(":", 1)[0] for x in lines) if p != home]
    s.say(f"`{name}` is used in {enumerated(paths)}; it is defined in `{home}`.")
    return done(s, *paths, harmless=True)


def marks_below(s: Session) -> Check | None:
    """Comments with a marker word below one folder."""
    made = _spread(s)
    if not made:
        return None
    folder, marks = made[2].split("/")[0], ("TODO", "FIXME", "HACK", "XXX")
    there = [m for m in marks if any(p.startswith(folder + "/") and m in s.text_of(p) for p in made[3])]
    mark = s.r.choice(there if there and s.r.random() < 0.85 else marks)
    asked(s, MARKS, mark=typed(s.r, mark), dir=s.r.choice((folder, folder + "/", f"the {folder} folder")))
    result = s.call("grep", pattern=mark, path=folder)
    if result.startswith("no matches"):
        s.say(f"There is no {mark} below `{folder}`.")
        return done(s, "no ", harmless=True)
    s.say(f"Below `{folder}`:\n{block(result)}")
    return done(s, *[x[-15:] for x in result.split("\n")], harmless=True)


PLAN = ("(if|suppose|say) I (set|changed|put) {key} to {new}(, what is it now|: what is it at present|, what would I replace)[q]", "I (might|may|could|plan to|want to) (set|change) {key} to {new} (tomorrow|later|next week|some day)(. What is it now|, what is it now|, what does it say today)[q] (Don't change it yet|Leave it for now||)",
        "(would it be ok|is it ok|am I allowed|may I) (to set|to change|to put) {key} to {new}[q] (What is it now?|)", "(before I change|before anyone touches) {key}(:|,) what (is it|does it say) (now|at the moment)[q]", "(don't change anything|leave everything as it is|no changes please|without changing anything)(:|,| -) what is {key} (set to|right now)[q]", "where would I (change|set|adjust) {key}[q]", "(should|shall) we (raise|lower|change) {key} to {new}, what (do you think|is it now)[q]")


def plan(s: Session) -> Check | None:
    """A change that is only spoken of: tell what stands there, change nothing."""
    file = s.pick(has_facts)
    fact = file and pick_fact(s, file, lambda f: bool(f.line) and "_" in f.name and f.name.replace("_", "").isalnum())
    if not fact:
        return None
    new = s.x.value(s.r)
    said = fact.name.replace("_", " ").lower() if s.r.random() < 0.3 else fact.name
    if len(hits_of(s, word := to_search(said).lower())) != 1:
        return None
    asked(s, PLAN, key=said, new=new)
    lines = s.call("grep", pattern=word).split("\n")
    if len(lines) != 1:
        return None
    number = lines[0][len(file.path) + 1 :].split(":")[0]
    s.say(f"`{fact.name}` in `{file.path}`, line {number}, is `{fact.value}`. I have changed nothing.")
    s.said(file, fact)
    return done(s, fact.value, "changed nothing", harmless=True)


TASKS = {
    "stage_value": (3, stage_value), "stage_missing": (2, stage_missing), "longer": (1.2, longer), "changed_lines": (1.8, changed_lines),
    "spread_name": (5, spread_name), "marks_below": (1.5, marks_below), "plan": (4.5, plan),
}  # fmt: skip
