"""Which files stand together, and where: whole little workspaces."""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from collections.abc import Callable

from . import code, data, project, prose, records, settings
from .base import File, Maker
from .project import Project

Make = Callable[[Maker, str], File]

_LOOSE: tuple[tuple[int, Make, tuple[str, ...], tuple[str, ...]], ...] = (
    # weight, maker, endings, usual folders ("" is the root)
    (9, settings.ini, (".ini", ".cfg", ".conf", ".ini"), ("config", "conf", "", "etc", "settings")),
    (5, settings.env, (".env",), ("", "config", "env", "deploy")),
    (3, settings.properties, (".properties",), ("config", "", "src")),
    (9, settings.toml, (".toml",), ("", "config", "conf", "settings")),
    (12, settings.yaml, (".yaml", ".yml"), ("config", "", "deploy", "conf", "k8s")),
    (10, settings.json_file, (".json",), ("config", "data", "", "settings", "src")),
    (3, records.inventory, (".ini", ".txt", "", ".conf"), ("", "deploy", "hosts", "config")),
    (3, records.objects, (".json",), ("data", "config", "", "src")),
    (3, records.server_conf, (".conf", ".conf", ".cfg"), ("", "etc", "deploy", "nginx")),
    (3, records.maps, (".yaml", ".yml"), ("deploy", "", "config", "k8s", ".github")),
    (4, records.constants, (".js", ".ts", ".css", ".mjs"), ("src", "web", "config", "")),
    (8, prose.notes, (".md", ".txt", ".md"), ("notes", "docs", "", "journal")),
    (9, prose.journal, (".md", ".txt", ".md", ""), ("notes", "docs", "", "journal", "team")),
    (4, prose.todo, (".md", ".txt"), ("", "notes", "docs")),
    (3, prose.meeting, (".md",), ("notes", "meetings", "docs")),
    (2, prose.recipe, (".md",), ("recipes", "notes", "")),
    (2, prose.letter, (".txt", ".eml"), ("mail", "letters", "docs")),
    (4, prose.text, (".txt", ".md"), ("docs", "texts", "drafts", "")),
    (3, prose.word_list, (".txt", ".lst"), ("data", "", "lists")),
    (12, code.python, (".py",), ("src", "scripts", "", "lib", "tools", "app")),
    (3, code.test_module, (".py",), ("tests", "test")),
    (5, code.javascript, (".js", ".ts", ".mjs"), ("src", "web", "static", "")),
    (4, code.shell, (".sh",), ("scripts", "", "bin", "tools")),
    (2, code.sql, (".sql",), ("db", "sql", "migrations")),
    (2, code.html, (".html",), ("web", "static", "", "public")),
    (2, code.css, (".css",), ("web", "static", "public")),
    (12, data.csv, (".csv", ".csv", ".tsv"), ("data", "", "exports", "reports")),
    (2, data.jsonl, (".jsonl",), ("data", "exports")),
    (8, data.log, (".log", ".log", ".txt"), ("logs", "", "log", "var")),
)  # fmt: skip
_WEIGHTS = [entry[0] for entry in _LOOSE]
_NAMES: dict[Make, tuple[str, ...]] = {
    settings.ini: ("settings", "config", "setup", "tox", "app", "server", "database"),
    settings.toml: ("config", "settings", "app", "server"),
    settings.yaml: ("config", "settings", "app", "values", "server", "deploy", "production", "staging", "database", "docker", "logging", "prod", "dev", "openapi"),
    settings.json_file: ("config", "settings", "tsconfig", "data", "users", "manifest", "options", "theme", "app"),
    settings.properties: ("application", "gradle", "app"), settings.env: ("", "", ".env.example", "prod", "local"),
    prose.notes: ("NOTES", "notes", "ideas", "README", "info", "contacts", "passwords", "plan", "journal", "facts", "setup"),
    records.inventory: ("hosts", "inventory", "servers"), records.objects: ("levels", "items", "users", "settings", "presets"), records.server_conf: ("nginx", "server", "site", "proxy"),
    records.maps: ("services", "deploy", "jobs", "values", "pipeline"), records.constants: ("config", "constants", "theme", "settings", "variables", "style"),
    prose.journal: ("notes", "NOTES", "journal", "diary", "decisions", "team", "house", "plans", "meeting", "log", "facts", "minutes", "info", "events", "rules", "2024", "week12"),
    prose.todo: ("TODO", "todo", "tasks", "backlog", "ROADMAP"), prose.meeting: ("meeting", "minutes", "standup", "kickoff"),
    code.python: ("main", "app", "utils", "config", "settings", "server", "models", "cli", "db", "helpers", "constants", "parser", "__init__", "routes", "client", "core"),
    code.javascript: ("index", "app", "main", "server", "utils", "config"), code.shell: ("build", "deploy", "run", "setup", "backup", "install", "start", "test", "clean"),
    code.sql: ("schema", "init", "tables"), code.html: ("index", "about", "home"), code.css: ("style", "main", "theme"),
    data.csv: ("users", "people", "inventory", "orders", "sales", "contacts", "employees", "items", "products", "expenses", "scores", "hosts", "books", "students", "cities", "customers", "results", "stock", "team", "members", "guests", "tasks", "plants", "trips", "courses", "sensors", "birds", "prices"),
    data.log: ("app", "server", "error", "access", "system", "build", "worker", "debug", "api", "cron"),
    prose.word_list: ("words", "names", "list", "hosts", "urls", "shopping", "groceries"),
    prose.text: ("story", "draft", "chapter1", "essay", "article", "speech", "intro"),
}  # fmt: skip


def loose_file(m: Maker, taken, folders: list[str] | None = None, make: Make | None = None) -> File:
    """A file of any kind under a name that is not taken."""
    while True:
        _, maker, endings, usual = (
            m.r.choices(_LOOSE, _WEIGHTS)[0]
            if make is None
            else next(e for e in _LOOSE if e[1] is make)
        )
        folder = m.r.choice(folders) if folders and m.chance(0.6) else m.r.choice(usual)
        path = (folder + "/" if folder else "") + _name(m, maker, m.r.choice(endings))
        if path not in taken and not any(t.startswith(path + "/") for t in taken):
            file = maker(m, path)
            if m.chance(0.04):
                file.text = file.text.replace("\n", "\r\n")  # the read tool shows plain line ends
            if m.chance(0.1):
                file.text = file.text.rstrip("\r\n")
            return file


def _name(m: Maker, make: Make, ending: str) -> str:
    usual = _NAMES.get(make)
    stem = m.r.choice(usual) if usual and m.chance(0.5) else m.x.ident(m.r)
    if make is settings.env:
        return stem if stem.startswith(".env") else f"{stem}.env" if m.chance(0.6) else ".env"
    if make is code.test_module:
        stem = "test_" + stem
    elif m.chance(0.04):
        stem = stem.upper()
    elif m.chance(0.02):
        stem = m.pick(
            "Ünïcode",
            "café",
            "mon fichier",
            "my file",
            "データ",
            "résumé",
            "notes (old)",
            "final v2",
            "Q3 report",
        )
    return stem + ending


def workspace(m: Maker, n_loose: int | None = None) -> dict[str, File]:
    """The files of one workspace, by path."""
    files: dict[str, File] = {}

    def put(file: File) -> None:
        files.setdefault(file.path, file)

    if m.chance(0.7):
        _project(m, put)
    folders = list(
        dict.fromkeys(
            m.pick(
                "config",
                "src",
                "data",
                "notes",
                "logs",
                "docs",
                "scripts",
                "tests",
                "conf",
                "etc",
                "lib",
                "assets",
                "settings",
                "reports",
                "tools",
                m.x.word(m.r),
            )
            for _ in range(m.r.randint(1, 4))
        )
    )
    if m.chance(0.15):
        folders.append(f"{m.r.choice(folders)}/{m.x.word(m.r)}")
    for _ in range(m.r.choice([2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14]) if n_loose is None else n_loose):
        put(loose_file(m, files, folders))
    return files


def _project(m: Maker, put: Callable[[File], None]) -> None:
    language = m.pick("python", "python", "python", "node", "node", "rust", "go", "docs")
    p = Project(m, language)
    if m.chance(0.85):
        put(
            project.readme(
                m,
                p,
                "README.md"
                if m.chance(0.85)
                else m.pick("readme.md", "README.txt", "README", "docs/README.md"),
            )
        )
    if language == "python":
        put(project.pyproject(m, p)) if m.chance(0.75) else None
        put(project.requirements(m, p)) if m.chance(0.6) else None
        folder = m.pick("src", p.name.replace("-", "_"), "app", "src/" + p.name.replace("-", "_"))
        for name in m.r.sample(
            ("main", "app", "utils", "config", "cli", "models", "server"), m.r.randint(1, 3)
        ):
            put(code.python(m, f"{folder}/{name}.py"))
        if m.chance(0.6):
            put(
                code.test_module(
                    m, f"tests/test_{m.pick('main', 'app', 'utils', 'core', m.x.word(m.r))}.py"
                )
            )
    elif language == "node":
        put(project.package_json(m, p))
        for name in m.r.sample(("index", "app", "server", "utils"), m.r.randint(1, 2)):
            put(
                code.javascript(
                    m, f"{m.pick('src', 'src', 'lib', 'server')}/{name}.{m.pick('js', 'js', 'ts')}"
                )
            )
    elif language == "rust":
        put(project.cargo(m, p))
    elif language == "go":
        put(project.go_mod(m, p))
    for share, make in (
        (0.45, project.makefile),
        (0.5, project.license_file),
        (0.4, project.changelog),
        (0.4, project.gitignore),
        (0.25, project.dockerfile),
        (0.25, project.compose),
        (0.2, project.workflow),
        (0.12, project.contributing),
    ):
        if m.chance(share):
            put(make(m, p))
