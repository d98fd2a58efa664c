"""Folders, names, and searches in all files."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from triagent.agent.tools import glob as glob_tool

from ..files import code, settings
from ..session import Session
from .common import Check, Named, done, enumerated, is_clean, name_of, open_file, quoted

_TYPES = {
    ".py": ("Python", "python", "py"), ".js": ("JavaScript", "javascript", "js"), ".md": ("Markdown", "markdown", "md"),
    ".csv": ("CSV", "csv"), ".yaml": ("YAML", "yaml"), ".yml": ("yml",), ".json": ("JSON", "json"), ".txt": ("text", "txt"),
    ".log": ("log", "log"), ".toml": ("TOML", "toml"), ".sh": ("shell", "shell script", "bash"), ".ini": ("ini", "INI"),
    ".html": ("HTML", "html"), ".css": ("CSS", "css"), ".sql": ("SQL", "sql"), ".ts": ("TypeScript", "ts"), ".env": ("env",),
}  # fmt: skip


def _folders(s: Session) -> list[str]:
    return sorted(folder for folder in s.bench.place.tree() if folder != ".")


def list_root(s: Session) -> Check | None:
    """What is here."""
    s.ask("list_root")
    names = s.call("glob", pattern="*").split("\n")
    if len(names) > 30:
        return None
    s.say(f"Here are: {enumerated(names)}.")
    return done(s, *names, harmless=True)


def list_folder(s: Session) -> Check | None:
    """What is in a folder."""
    folders = _folders(s)
    if not folders:
        return None
    folder = s.r.choice(folders)
    s.ask(
        "list", dir=s.r.choice([folder, folder, folder, folder + "/", f"`{folder}`", f"./{folder}"])
    )
    names = s.call("glob", pattern="*", path=folder).split("\n")
    if names == ["[empty folder]"]:
        s.say(f"`{folder}` is empty.")
        return done(s, "empty", harmless=True)
    short = [name[len(folder) + 1 :] for name in names]
    s.say(f"`{folder}` contains: {enumerated(short)}.")
    return done(s, *short, harmless=True)


def missing_folder(s: Session) -> Check | None:
    """A folder that does not exist: say so, name the nearest or what is there."""
    folders = _folders(s)
    r = s.r
    if folders and r.random() < 0.5:
        right = r.choice([f for f in folders if "/" not in f] or folders)
        i = r.randint(0, len(right) - 1)
        said = r.choice(
            [right + "s", right[:i] + right[i + 1 :], right + r.choice(["2", "-old", "_new"])]
        )
    else:
        said = s.x.word(r) if r.random() < 0.5 else s.x.invented(r)
    if not said or s.bench.place.exists(said):
        return None
    s.ask("list", dir=s.r.choice([said, said, said + "/"]))
    result = s.call("glob", pattern="*", path=said)
    near = result.partition("; nearest: ")[2]
    if near:
        s.say(f"There is no folder `{said}`. The nearest is {enumerated(near.split(', ')[:1])}.")
        return done(s, "no folder", near.split(", ")[0], harmless=True)
    names = s.call("glob", pattern="*").split("\n")
    s.say(f"There is no folder `{said}`. Here are: {enumerated(names)}.")
    return done(s, "no folder", harmless=True)


def find_type(s: Session) -> Check | None:
    """All files of a kind; or how many."""
    ending = s.r.choice([e for e in _TYPES if any(p.endswith(e) for p in s.files)] or [".py"])
    if s.r.random() < 0.12:
        ending = s.r.choice(list(_TYPES))
    kind = s.r.choice(["find_type", "find_type", "count_type"])
    s.ask(kind, ext=s.r.choice([ending, ending[1:]]), type=s.r.choice(_TYPES[ending]))
    result = s.call("glob", pattern=f"*{ending}")
    if result.startswith("no files"):
        s.say(f"There are no `{ending}` files.")
        return done(s, "no `", harmless=True)
    names = result.split("\n")
    if len(names) > 10:
        return None
    n = len(names)
    s.say(
        f"There {'is' if n == 1 else 'are'} {n} `{ending}` file{'' if n == 1 else 's'}: {enumerated(names)}."
    )
    return done(s, f" {n} `", *names, harmless=True)


def find_name(s: Session) -> Check | None:
    """Where a file is, by its bare name or a part of it."""
    r = s.r
    if r.random() < 0.75 and s.files:
        file = r.choice(list(s.files.values()))
        name = file.name if r.random() < 0.8 else file.name.lower()
    else:
        name = s.x.ident(r) + r.choice([".py", ".txt", ".yaml", ".md", ".json"])
    if any(c in name for c in "*?[]{}()"):
        return None
    s.ask("find_name", name=r.choice([name, name, f"`{name}`"]))
    found = s.call("glob", pattern=name).split("\n")
    hits = glob_tool.match(s.bench.place.names(folders=True), name)
    if not hits:
        s.say(f"There is no `{name}` here.")
        return done(s, "no `", harmless=True)
    s.say(f"`{name}` is at {enumerated(found)}.")
    return done(s, *found, harmless=True)


def where(s: Session) -> Check | None:
    """Which files hold a word."""
    r = s.r
    file = s.pick(lambda f: bool(f.facts) or bool(f.functions), (code.python, settings.yaml))
    if not file:
        return None
    pool = [f.name for f in file.facts if f.line] + [f.name for f in file.functions]
    pool += [
        f.value
        for f in file.facts
        if f.value.replace("_", "").replace("-", "").isalpha() and len(f.value) > 3
    ]
    pattern = r.choice(pool) if pool and r.random() < 0.85 else s.x.invented(r) + s.x.hex(r, 3)
    if len(pattern) < 3 or not all(c.isalnum() or c in "_- " for c in pattern):
        return None
    s.ask("where", pat=quoted(s, pattern))
    result = s.call("grep", pattern=pattern)
    if result.startswith("no matches"):
        s.say(f"No file mentions `{pattern}`.")
        return done(s, "No file", harmless=True)
    lines = result.split("\n")
    paths = list(dict.fromkeys(line.split(":", 1)[0] for line in lines))
    if len(lines) > 8:
        return None
    if len(lines) == 1:
        path, number, text = lines[0].split(":", 2)
        s.say(
            f"`{pattern}` is in `{path}`, line {number}: `{text.strip()}`"
            if "`" not in text
            else f"`{pattern}` is in `{path}`, line {number}."
        )
    else:
        s.say(
            f"`{pattern}` is in {enumerated([':'.join(line.split(':', 2)[:2]) for line in lines])}."
        )
    return done(s, *paths, harmless=True)


def find_then_read(s: Session) -> Check | None:
    """Search for one thing, read the file it is in, tell another."""
    file = s.pick(
        lambda f: (
            len([x for x in f.facts if x.line]) > 1
            and f.kind in ("ini", "env", "json", "toml", "yaml", "python")
        ),
        (settings.ini, settings.yaml, settings.env),
    )
    if not file:
        return None
    usable = [f for f in file.facts if f.line and is_clean(f.value)]
    if len(usable) < 2:
        return None
    one, two = s.r.sample(usable, 2)
    pattern = s.r.choice([one.name, one.value])
    if (
        len(pattern) < 3
        or not all(c.isalnum() or c in "_-" for c in pattern)
        or two.name == one.name
    ):
        return None
    if sum(f.name == two.name for f in file.facts) > 1:
        return None
    hits = [p for p in s.bench.place.files if pattern.lower() in s.bench.place.lower(p)]
    if hits != [file.path]:
        return None
    s.ask("find", key=name_of(s, two), pat=quoted(s, pattern))
    s.call("grep", pattern=pattern)
    if not open_file(s, Named("", file.path, file)):
        return None
    s.know(file)
    s.say(f"It is `{file.path}`; `{two.name}` there is `{two.value}`.")
    s.said(file, two)
    return done(s, file.path, two.value, harmless=True)


TASKS = {
    "list_root": (4, list_root), "list_folder": (5, list_folder), "missing_folder": (2, missing_folder),
    "find_type": (2.5, find_type), "find_name": (3, find_name), "where": (6, where), "find_then_read": (2.5, find_then_read),
}  # fmt: skip
