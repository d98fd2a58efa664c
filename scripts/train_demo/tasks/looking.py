"""What is there, where it is used, how two files differ, what a log or a README says."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
import difflib

from triagent.agent.tools import glob as glob_tool

from ..files import code, prose, settings
from ..files.base import File
from ..session import Session
from ..wording import expand, noisy
from .common import Check, block, done, enumerated, is_clean, look_up, name_file
from .tables import quoted_path

_KINDS = ("Dockerfile", "Makefile", "LICENSE", "CHANGELOG.md", "README.md", "requirements.txt",
          "setup.py", "package.json", ".gitignore", "docker-compose.yml", ".env", "tests", "docs")  # fmt: skip
_ROLE_WORDS = {
    "tests": ("*test*", ("tests", "unit tests", "test files")), "docs": ("*doc*", ("docs", "documentation")),
    "license": ("*licen*", ("license", "licence file", "license file")), "readme": ("*readme*", ("readme", "README")),
    "docker": ("*docker*", ("docker file", "docker setup", "docker config")), "changelog": ("*change*", ("changelog", "list of changes")),
    "schema": ("*schema*", ("schema", "database schema")), "backup": ("*backup*", ("backup", "backup script")), "config": ("*conf*", ("config", "config file")),
}  # fmt: skip


def exists(s: Session) -> Check | None:
    """Whether a file is there, by name or by what it is."""
    r = s.r
    x = r.random()
    if x < 0.4 and s.files:
        name = r.choice(list(s.files.values())).name
        pattern = name
    elif x < 0.65:
        name = pattern = r.choice(_KINDS)
    elif x < 0.85:
        pattern, names = r.choice(list(_ROLE_WORDS.values()))
        name = r.choice(names)
    else:
        name = pattern = s.x.ident(r) + r.choice([".py", ".md", ".yaml", ".txt", ".json"])
    if any(c in name for c in "?[]{}()'"):
        return None
    s.ask("exists", name=name)
    result = s.call("glob", pattern=pattern)
    if result.startswith("no files"):
        s.say(f"No, there is no `{name}` here.")
        return done(s, "No", harmless=True)
    found = result.split("\n")
    if len(found) > 6:
        return None
    s.say(f"Yes: {enumerated(found)}.")
    return done(s, "Yes", *found, harmless=True)


def biggest(s: Session) -> Check | None:
    """The file with most bytes, by a command."""
    sizes = {p: len(b) for p, b in s.bench.place.files.items() if "/.git/" not in p}
    if len(sizes) < 2:
        return None
    path = max(sizes, key=sizes.get)
    s.ask("biggest")
    command = "find . -type f -not -path './.git/*' -printf '%s %P\\n' | sort -rn | head -n 1"
    s.bench.outputs[command] = (f"{sizes[path]} {path}", 0)
    s.call("bash", command=command)
    s.say(f"The largest file is `{path}` with {sizes[path]} bytes.")
    return done(s, path, harmless=True)


def newest(s: Session) -> Check | None:
    """The file changed last, by a command."""
    path = s.r.choice(list(s.bench.place.files))
    s.ask("newest", p=s.x.person(s.r).split()[0])
    command = "find . -type f -not -path './.git/*' -printf '%T+ %P\\n' | sort -r | head -n 1"
    day = f"{s.r.randint(2019, 2027)}-{s.r.randint(1, 12):02}-{s.r.randint(1, 28):02}"
    stamp = f"{day}+{s.x.clock(s.r)}:{s.r.randint(10, 59)}.{s.r.randint(10**9, 10**10 - 1)}"
    s.bench.outputs[command] = (f"{stamp} {path}", 0)
    s.call("bash", command=command)
    s.say(f"The newest file is `{path}`.")
    return done(s, path, harmless=True)


def count_files(s: Session) -> Check | None:
    """How many files there are, here or in a folder."""
    folders = [f for f in s.bench.place.tree() if f != "."]
    folder = s.r.choice(folders or [""])
    text = s.ask("count_files", dir=folder)
    where = folder if folder and folder in text else "."
    paths = [p for p in s.bench.place.files if where == "." or p.startswith(folder + "/")]
    command = f"find {quoted_path(where)} -type f -not -path './.git/*' | wc -l"
    s.bench.outputs[command] = (str(len(paths)), 0)
    s.call("bash", command=command)
    s.say(f"There are {len(paths)} files{'' if where == '.' else f' in `{where}`'}.")
    return done(s, f" {len(paths)} ", harmless=True)


def _searched(s: Session, pattern: str) -> list[str] | None:
    result = s.call("grep", pattern=pattern)
    lines = [] if result.startswith("no matches") else result.split("\n")
    return lines if len(lines) <= 12 and all("`" not in line for line in lines) else None


def uses(s: Session) -> Check | None:
    """All places of a function, a module, a name or a file's name."""
    r = s.r
    file = s.pick(lambda f: bool(f.functions), (code.python, code.javascript))
    if not file:
        return None
    name = r.choice(file.functions).name if r.random() < 0.75 else file.name
    if not name.replace("_", "").replace(".", "").isalnum():
        return None
    s.ask("uses", name=r.choice([name, name, f"`{name}`", name + "()" if "." not in name else name]))
    lines = _searched(s, name)
    if lines is None:
        return None
    if not lines:
        s.say(f"No file mentions `{name}`.")
        return done(s, "No file", harmless=True)
    if len(lines) == 1 and ("def " in lines[0] or "function " in lines[0]):
        s.say(f"Nothing uses `{name}`; it is only defined: `{lines[0]}`")
    else:
        s.say(f"`{name}` is in:\n{block(chr(10).join(lines))}")
    return done(s, *[line.split(":")[0] for line in lines], harmless=True)


def defined(s: Session) -> Check | None:
    """Where a function is defined, among its uses."""
    file = s.pick(lambda f: bool(f.functions), (code.python, code.javascript))
    if not file:
        return None
    name = s.r.choice(file.functions).name
    s.ask("defined", name=s.r.choice([name, name, f"`{name}`"]))
    lines = _searched(s, name)
    at = [x for x in lines or () if f"def {name}(" in x or f"function {name}(" in x]
    if len(at) != 1:
        return None
    path, number, text = at[0].split(":", 2)
    s.say(f"`{name}` is defined in `{path}`, line {number}: `{text.strip()}`")
    return done(s, path, harmless=True)


def todos(s: Session) -> Check | None:
    """Comments that say what is left to do."""
    marks = s.r.random() < 0.75
    if marks:
        file = s.new_file(s.r.choice([code.python, code.shell]))
        for _ in range(s.r.randint(1, 3)):
            mark = s.r.choice(["TODO", "TODO", "FIXME"])
            lines = file.text.split("\n")
            lines.insert(s.r.randint(1, len(lines) - 1), f"# {mark}: {s.x.words_of(s.r, 2, 6)}")
            file.text = "\n".join(lines)
        file.functions, file.facts = [], [x for x in file.facts if x.line in file.text]
        s.add(file)
    s.ask("todos")
    lines = _searched(s, "TODO|FIXME")
    if lines is None:
        return None
    if not lines:
        s.say("There are no TODO comments.")
        return done(s, "no TODO", harmless=True)
    s.say(f"There are {len(lines)}:\n{block(chr(10).join(lines))}")
    return done(s, *lines, harmless=True)


def diff(s: Session) -> Check | None:
    """Two alike files, by diff."""
    r = s.r
    one = s.pick(lambda f: 2 < f.text.count("\n") < 25 and "\r" not in f.text and f.text[-1:] == "\n", (settings.env, settings.yaml, settings.ini))
    if not one:
        return None
    stem, dot, ending = one.name.rpartition(".")
    path = (one.folder + "/" if one.folder else "") + (stem or "x") + r.choice(["_old", ".prod", "-dev", "2", "_copy", ".staging"]) + dot + ending
    if s.bench.place.exists(path) or " " in one.path:
        return None
    lines = one.text.splitlines()
    for _ in range(r.choice([0, 1, 1, 2])):
        i = r.randrange(len(lines))
        facts = [x for x in one.facts if x.line == lines[i] and x.value]
        if facts:
            lines[i] = facts[0].line_with(settings.safe_value(s.maker, facts[0].name))
        elif r.random() < 0.4 and len(lines) > 3:
            del lines[i]
    s.add(File(path, "\n".join(lines) + "\n", "text"))
    first, second = (one.path, path) if r.random() < 0.6 else (path, one.path)
    s.ask("diff", path=first, path2=second)
    output = unix_diff(s.text_of(first).splitlines(), s.text_of(second).splitlines())
    command = f"diff {quoted_path(first)} {quoted_path(second)}"
    s.bench.outputs[command] = (output, 1 if output else 0)
    s.call("bash", command=command)
    if not output:
        s.say(f"`{first}` and `{second}` are the same.")
        return done(s, "same", harmless=True)
    s.say(f"They differ (`<` is `{first}`, `>` is `{second}`):\n{block(output)}")
    return done(s, *[x for x in output.split("\n") if x[:1] in "<>"], harmless=True)


def unix_diff(one: list[str], two: list[str]) -> str:
    """What `diff` prints for two lists of lines."""
    out = []
    span = lambda a, b: str(b) if b - a <= 1 else f"{a + 1},{b}"  # noqa: E731
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        left = span(a, b) if b > a else str(a)
        right = span(c, d) if d > c else str(c)
        out.append(left + {"replace": "c", "delete": "d", "insert": "a"}[tag] + right)
        out += [f"< {x}" for x in one[a:b]] + ["---"] * (tag == "replace") + [f"> {x}" for x in two[c:d]]
    return "\n".join(out)


def how_to(s: Session) -> Check | None:
    """A command that the README names."""
    r = s.r
    do = r.choice(["install", "run", "start", "build", "test", "deploy", "use", "set up"])
    command = r.choice(["pip install -e .", "npm install", "make build", "pytest", "python -m {w}", "npm start", "docker compose up -d", "cargo run", "make {w}", "./{w}.sh", "python {w}.py", "uvicorn {w}:app", "npm run {w}", "go run ."]).replace("{w}", s.x.word(r))
    heading = {"install": "Install", "set up": "Setup", "run": "Running", "start": "Getting started", "build": "Building", "test": "Tests", "deploy": "Deployment", "use": "Usage"}[do]
    file = s.files.get("README.md") or s.add(File("README.md", f"# {s.x.word(r)}\n\n{s.x.sentence(r)}\n", "readme"))
    if heading in file.text:
        return None
    note = s.x.sentence(r) + "\n\n" if r.random() < 0.4 else ""
    text = r.choice([f"\n## {heading}\n\n{note}    {command}\n", f"\n## {heading}\n\n{note}```\n{command}\n```\n", f"\n## {heading}\n\n{note}Run `{command}`.\n"])
    file.text = file.text.rstrip("\n") + "\n" + text
    s.add(file)
    s.ask("how_to", do=do)
    s.call("read", path="README.md")
    s.say(f"`README.md` says, under {heading}: {command}")
    return done(s, command, harmless=True)


_FOLDER_ASK = (
    "(what|which) {w} (do we have|are there|exist|have we got|are here)(| here| in this project);(list|show|name|give me) (the|all|our|all the) {w};"
    "(do we have|are there|have we got) (any |some |){w};{w};what (is|are) (among|in) (the|our) {w};how many {w} are there, and which"
)


def folder_by_meaning(s: Session) -> Check | None:
    """Things that a folder's name speaks of: find the folder, list it."""
    folders = [f for f in s.bench.place.tree() if f != "." and f.rsplit("/", 1)[-1].isalpha()]
    if not folders:
        return None
    folder = s.r.choice(folders)
    name = folder.rsplit("/", 1)[-1].lower()
    stem = name.rstrip("s")
    hits = glob_tool.match(s.bench.place.names(folders=True), f"*{stem}*")
    if len(stem) < 3 or len(hits) > 6 or folder + "/" not in hits:
        return None
    said = s.r.choice([name, stem + "s", f"{name} files", stem + "s"])
    s.user(noisy(s.r, expand(s.r, s.r.choice(_FOLDER_ASK.replace("{w}", said).split(";")))))
    s.call("glob", pattern=f"*{stem}*")
    names = s.call("glob", pattern="*", path=folder).split("\n")
    if len(names) > 20 or names[0].startswith("["):
        return None
    short = [x[len(folder) + 1 :] for x in names]
    s.say(f"`{folder}` contains: {enumerated(short)}.")
    return done(s, *short, harmless=True)


def count_in(s: Session) -> Check | None:
    """How many functions, tasks, packages, targets a file has, by reading them."""
    file = s.pick(lambda f: any(0 < len(x) <= 9 and all(map(is_clean, x)) for x in f.lists.values()), (code.python, prose.todo))
    if not file:
        return None
    what = s.r.choice([w for w, x in file.lists.items() if 0 < len(x) <= 9 and all(map(is_clean, x))])
    items = file.lists[what]
    named = name_file(s, file)
    s.ask("count_in", what=what, path=named.text)
    look_up(s, named)
    if s.call("read", path=named.guess).startswith("error"):
        s.call("read", path=file.path)
    s.know(file)
    s.say(f"{enumerated(items)}: {len(items)} in `{file.path}`.")
    return done(s, f": {len(items)} ", harmless=True)


TOO_HARD = "I can't do that: I am a very small model. I can find, show and change single things in these files."


_LANGUAGES = ("Rust", "Go", "Python", "Java", "TypeScript", "C++", "Kotlin", "Ruby")


def too_hard(s: Session) -> Check | None:
    """Work beyond a small model: say so, change nothing."""
    s.ask("too_hard", w=s.x.word(s.r), lang=s.r.choice(_LANGUAGES))
    s.say(TOO_HARD)
    return done(s, "can't do", harmless=True)


TASKS = {
    "exists": (3, exists), "biggest": (1.2, biggest), "newest": (0.8, newest), "count_files": (1.2, count_files),
    "uses": (3, uses), "defined": (2, defined), "todos": (1.2, todos), "diff": (3, diff), "how_to": (2.5, how_to),
    "folder_by_meaning": (2, folder_by_meaning), "count_in": (2, count_in), "too_hard": (1.5, too_hard),
}  # fmt: skip
