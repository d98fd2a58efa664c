"""Naming a file as people do, opening it as the model should, and common answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from triagent.agent.tools import glob as glob_tool

from ..files.base import Fact, File
from ..session import Session

GUESSES = {
    "readme": "README.md", "toml": "pyproject.toml", "make": "Makefile", "docker": "Dockerfile",
    "license": "LICENSE", "changelog": "CHANGELOG.md", "env": ".env", "todo": "TODO.md",
    "requirements": "requirements.txt", "gomod": "go.mod", "yaml": "docker-compose.yml",
    "json": "package.json", "list": ".gitignore",
}  # fmt: skip
"""The file a nickname most likely means, by kind."""


@dataclass
class Check:
    """What a right outcome shows."""

    must: tuple[str, ...] = ()
    """Texts that the answer holds."""
    files: dict[str, str | None] = field(default_factory=dict)
    """Contents of files afterwards; None: the file is gone."""
    calls: tuple = ()
    """The calls of the reference, for comparison only."""
    harmless: bool = False
    """No file may change at all."""


def done(s: Session, *must: str, files: dict | None = None, harmless: bool = False) -> Check:
    """The check of the turn that has just ended."""
    return Check(tuple(must), files or {}, tuple(s.calls), harmless)


def name_of(s: Session, fact: Fact) -> str:
    """How the user names a value."""
    r = s.r
    name = fact.names[0] if r.random() < 0.55 else r.choice(fact.names)
    x = r.random()
    return (
        f"`{name}`" if x < 0.08 else f'"{name}"' if x < 0.11 else name.upper() if x < 0.12 else name
    )


def quoted(s: Session, text: str) -> str:
    """Text as users put it: mostly bare."""
    x = s.r.random()
    return (
        f"`{text}`" if x < 0.12 else f'"{text}"' if x < 0.22 else f"'{text}'" if x < 0.25 else text
    )


@dataclass
class Named:
    """A file as the user named it."""

    text: str
    """What the user writes."""
    guess: str
    """The path that the name suggests."""
    file: File
    typo: bool = False
    """The guess is another name: the answer says so."""
    pattern: str = ""
    """What to look for when the user named no path but a part or a role."""


def name_file(s: Session, file: File, allow_bare: bool = True, typos: bool = False) -> Named:
    """The user's way to name a file."""
    r, x = s.r, s.r.random()
    if allow_bare and x < 0.16 and "/" in file.path and _is_unique(s, file.name):
        said = file.name if r.random() < 0.85 else file.name.lower()
        return Named(said, said, file)
    if allow_bare and x < 0.27 and file.aliases and GUESSES.get(file.kind):
        return Named(r.choice(file.aliases), GUESSES[file.kind], file)
    if typos and x < 0.33:
        wrong = _mistyped(s, file.path)
        if wrong and not s.bench.place.exists(wrong) and nearest(s, wrong)[:1] == [file.path]:
            return Named(wrong, wrong, file, typo=True)
    if allow_bare and 0.33 <= x < 0.5 and (role := by_role(s, file)):
        return Named(role[0], file.path, file, pattern=role[1])
    if x > 0.965 and file.name != file.name.lower():
        return Named(file.path.lower(), file.path.lower(), file)
    said = file.path
    y = r.random()
    said = (
        f"`{said}`"
        if y < 0.09
        else f'"{said}"'
        if y < 0.12
        else f"./{said}"
        if y < 0.14
        else f"@{said}"
        if y < 0.16
        else said
    )
    return Named(said, file.path, file)


_ROLES = {
    "csv": ("table", "csv", "csv file", "sheet", "spreadsheet", "list", "data"),
    "log": ("log", "log file", "logs"), "python": ("script", "module", "code", "program", "file"),
    "shell": ("script", "shell script"), "javascript": ("script", "module", "code"),
    "notes": ("notes", "file", "document", "doc", "text"), "text": ("text", "file", "document"),
    "todo": ("list", "file"), "html": ("page", "html", "html file"), "sql": ("schema", "sql"),
    "css": ("styles", "css"), "list": ("list", "file"),
}  # fmt: skip
"""What a file is called besides its stem, by kind."""
_SETTINGS_ROLES = ("config", "settings", "file", "configuration", "config file", "settings file")
_BY_ENDING = {
    ".csv": ("the csv", "the csv file", "the table", "the spreadsheet", "our csv"),
    ".log": ("the log", "the log file", "the logs", "our log", "the logfile"),
    ".yaml": ("the yaml", "the yaml file", "the yaml config"), ".yml": ("the yml file", "the yml"),
    ".ini": ("the ini file", "the ini"), ".json": ("the json", "the json file"),
    ".toml": ("the toml", "the toml file"), ".sql": ("the sql file", "the schema"),
    ".html": ("the html", "the html page", "the web page"), ".sh": ("the shell script",),
    ".css": ("the stylesheet", "the css", "the styles"), ".cfg": ("the cfg file",),
    ".py": ("the python file", "the python script", "the code"), ".js": ("the javascript file",),
}  # fmt: skip
"""Names that fit when there is one such file."""


def by_role(s: Session, file: File) -> tuple[str, str] | None:
    """A file's name as people say it who do not spell it, and what to look for then."""
    r, name = s.r, file.name
    stem, dot, ending = name.lower().rpartition(".")
    if not stem or any(c in name for c in "*?[]{}()'\" ") or len(stem) < 3:
        return None
    if dot + ending in _BY_ENDING and r.random() < 0.4:
        said, pattern = r.choice(_BY_ENDING[dot + ending]), f"*.{ending}"
    else:
        words = stem.replace("_", " ").replace("-", " ") if r.random() < 0.6 else stem
        role = r.choice(_ROLES.get(file.kind, _SETTINGS_ROLES))
        forms = ("the {w} {r}", "the {w} {r}", "{w} {r}", "our {w} {r}", "my {w} {r}", "{w}", "{w}",
                 "{w} {e}", "the {w} file", "the file {w}", "the {e} called {w}")  # fmt: skip
        said = r.choice(forms).format(w=words, r=role, e=ending)
        pattern = f"*{words.replace(' ', '*')}*"
    place = s.bench.place
    hits = [x for x in glob_tool.match(place.names(folders=True), pattern) if x[-1] != "/"]
    if file.path not in hits or len(hits) > 4:
        return None
    alike = [x for x in hits if x.lower().rsplit("/", 1)[-1].rpartition(".")[0] == stem]
    return (said, pattern) if len(hits) == 1 or (len(alike) == 1 and "." not in pattern) else None


def _is_unique(s: Session, name: str) -> bool:
    return sum(f.rsplit("/", 1)[-1].lower() == name.lower() for f in s.bench.place.files) == 1


def _mistyped(s: Session, path: str) -> str:
    """Another ending, a letter too few, a word of the name missing, a wrong folder."""
    r = s.r
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        return ""
    x = r.random()
    if x < 0.35:
        other = r.choice(
            ["ini", "cfg", "json", "toml", "yaml", "yml", "txt", "md", "py", "csv", "log", "js"]
        )
        return folder + slash + stem + "." + other
    if x < 0.7 and len(stem) > 3:
        i = r.randint(0, len(stem) - 1)
        return folder + slash + stem[:i] + stem[i + 1 :] + dot + ending
    if x < 0.85 and len(stem) > 3:
        return folder + slash + stem + "s" + dot + ending
    return r.choice(["config", "src", "data", "docs", "conf"]) + "/" + name


def nearest(s: Session, path: str) -> list[str]:
    """What the tool offers for a path that does not exist."""
    return s.bench.place.nearest(path)


def look_up(s: Session, named: Named) -> None:
    """Find the path of a file that was named by a part or a role."""
    if named.pattern:
        s.call("glob", pattern=named.pattern)


def open_file(s: Session, named: Named, **part: int) -> bool:
    """Read the file, by way of the nearest name when the first guess fails; False: not there."""
    look_up(s, named)
    result = s.call("read", path=named.guess, **part)
    if not result.startswith("error: "):
        return True
    offered = result.partition("; nearest: ")[2].split(", ")
    if offered[0] != named.file.path:
        return False
    s.call("read", path=named.file.path, **part)
    return True


def located(s: Session, named: Named) -> bool:
    """For commands: the path of a bare name is looked up first, since a command needs it."""
    if named.pattern:
        look_up(s, named)
        return True
    if named.guess == named.file.path and "/" in named.guess:
        return True
    result = s.call("glob", pattern=named.guess.rsplit("/", 1)[-1])
    return result.split("\n")[0] == named.file.path and "\n" not in result


def found_note(named: Named) -> str:
    """The answer's beginning when the user's name was a wrong one."""
    return f"There is no `{named.guess}`, but `{named.file.path}` exists. " if named.typo else ""


def value_answer(named: Named, fact: Fact, where: str | None = None) -> str:
    """`port` in `a.ini` is `80`."""
    section = f"{fact.section[0]}: " if fact.section else ""
    name = f"`{fact.name}`" if not section else f"`{fact.section[0]}` / `{fact.name}`"
    return f"{found_note(named)}{name} in `{where or named.file.path}` is `{fact.value}`."


def block(text: str) -> str:
    """Text word for word."""
    return f"```\n{text}\n```"


def enumerated(items: list[str]) -> str:
    """`a`, `b`."""
    return ", ".join(f"`{item}`" for item in items)


def is_clean(text: str) -> bool:
    """Whether text can stand between backticks."""
    return "`" not in text and "\n" not in text and bool(text.strip())


def unambiguous(file: File, fact: Fact) -> bool:
    """Whether the fact's name means one value in the file."""
    mine = {n.lower() for n in fact.names}
    return sum(bool(mine & {n.lower() for n in other.names}) for other in file.facts) == 1
