"""The files that tell what a project is: manifests, README, licence, changelog, build files."""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from .base import Fact, File, Maker
from .prose import task

_DEPENDENCIES = {
    "python": ["requests", "numpy", "pandas", "flask", "django", "fastapi", "click", "rich", "pydantic", "httpx", "pytest", "sqlalchemy", "jinja2", "pyyaml", "tqdm", "attrs", "aiohttp", "uvicorn", "celery", "redis", "scipy", "matplotlib", "typer", "textual", "boto3", "pillow", "lxml"],
    "node": ["express", "react", "vue", "lodash", "axios", "typescript", "eslint", "jest", "vite", "webpack", "chalk", "commander", "dotenv", "next", "prettier", "mocha", "zod", "dayjs", "socket.io", "mongoose", "uuid"],
    "rust": ["serde", "tokio", "clap", "anyhow", "rand", "regex", "log", "reqwest", "thiserror", "chrono", "rayon", "hyper", "axum", "tracing", "bytes"],
    "go": ["github.com/gin-gonic/gin", "github.com/spf13/cobra", "golang.org/x/sync", "github.com/stretchr/testify", "gopkg.in/yaml.v3", "github.com/lib/pq"],
}
_LICENSES = ("MIT", "Apache-2.0", "GPL-3.0", "BSD-3-Clause", "MPL-2.0", "ISC", "Unlicense", "AGPL-3.0", "LGPL-2.1")
_TARGETS = ["build", "test", "lint", "clean", "install", "run", "format", "docs", "deploy", "release", "check", "dev", "serve", "coverage", "package", "all", "help", "image", "push", "start", "stop", "migrate", "bench", "fmt"]
_COMMANDS = ("pytest -q", "ruff check .", "python -m build", "rm -rf build dist", "npm run build", "cargo build --release", "go build ./...", "docker build -t {n} .", "pip install -e .", "black src", "mypy src", "python -m {n}", "npm test", "go test ./...", "cargo test", "uvicorn {n}:app --reload", "sphinx-build docs out", "twine upload dist/*", "docker push {n}", "eslint src", "tsc", "vite build", "node index.js", "echo {w}", "bash scripts/{w}.sh", "rsync -a out/ {w}:/srv/{n}")  # fmt: skip


class Project:
    """What all files of one project agree on."""

    def __init__(self, m: Maker, language: str) -> None:
        self.language = language
        self.name = m.x.word(m.r) + m.pick("", "", "-" + m.x.word(m.r), "_" + m.x.word(m.r), m.pick("ly", "kit", "lab", "py"))
        self.version = m.x.version(m.r)
        self.license = m.r.choice(_LICENSES)
        self.author = m.x.person(m.r)
        self.email = m.x.email(m.r, self.author)
        noun = m.pick("tool", "library", "service", "web app", "command line tool", "small server", "script collection", "dashboard", "bot", "game", "API", "parser", "simulation", "website", "collection of notes", "data set", "package", "plugin")
        self.about = f"{m.pick('A', 'A small', 'A simple', 'A fast', 'The')} {noun} {m.pick('for', 'to manage', 'that tracks', 'around', 'that collects', 'about', 'to convert', 'to plan')} {m.x.words_of(m.r, 1, 3)}"
        pool = _DEPENDENCIES.get(language, _DEPENDENCIES["python"])
        self.needs = {name: m.x.version(m.r) for name in m.r.sample(pool, min(len(pool), m.r.randint(1, 6)))}
        others = [name for name in pool if name not in self.needs] or pool
        self.dev_needs = {n: m.x.version(m.r) for n in m.r.sample(others, min(len(others), m.r.randint(1, 2)))}


def pyproject(m: Maker, p: Project, path: str = "pyproject.toml") -> File:
    """Metadata, dependencies, tool settings."""
    file = File(path, "", "toml", about=p.about, aliases=("the pyproject", "the pyproject file", "pyproject"))
    python = m.pick(">=3.8", ">=3.9", ">=3.10", ">=3.11", ">=3.12", f">=3.{m.r.randint(7, 14)},<4")
    lines = ["[project]"] if m.chance(0.75) else ["[build-system]", f'requires = ["{m.pick("hatchling", "setuptools>=61", "poetry-core")}"]', f'build-backend = "{m.pick("hatchling.build", "setuptools.build_meta")}"', "", "[project]"]
    _add(file, lines, "name", p.name, ("project name", "package name"), ("the project's name", "the name of the project", "the name of this package", "the package name"), ("project",))
    _add(file, lines, "version", p.version, ("project version",), ("the project version", "the version of this project", "the current version", "the project's version", "the package version", "the version"), ("project",))
    _add(file, lines, "description", p.about, (), ("the project description", "the description of the project"), ("project",))
    _add(file, lines, "requires-python", python, ("Python version", "required Python version", "minimum Python version", "python requirement"), ("the required Python version", "the Python version this project needs", "the minimum Python version", "the Python version we support"), ("project",))
    if m.chance(0.6):
        _add(file, lines, "license", p.license, (), ("the license", "the project's license", "the licence of this project"), ("project",))
    if m.chance(0.6):
        lines.append(f'authors = [{{ name = "{p.author}", email = "{p.email}" }}]')
        file.facts.append(Fact(("author", "author's name", "authors"), p.author, phrases=("the author", "the author of the project", "the name of the author", "the maintainer")))
        file.facts.append(Fact(("author's email", "author email", "email of the author"), p.email, phrases=("the author's email", "the email address of the author")))
    needs = [f"{n}{m.pick('>=', '==', '~=')}{v}" for n, v in p.needs.items()]
    lines += [f"dependencies = [{', '.join(chr(34) + n + chr(34) for n in needs)}]"] if m.chance(0.4) else ["dependencies = [", *(f'    "{n}",' for n in needs), "]"]
    file.lists["dependencies"] = needs
    for tool in m.r.sample(("ruff", "black", "pytest.ini_options", "mypy", "coverage.run"), m.r.randint(0, 3)):
        lines += ["", f"[tool.{tool}]"]
        options = {"ruff": ("line-length", "target-version"), "black": ("line-length",), "pytest.ini_options": ("addopts", "timeout"), "mypy": ("python_version", "strict"), "coverage.run": ("branch",)}[tool]
        for option in options:
            value = {"line-length": str(m.pick(79, 88, 99, 100, 110, 120, m.r.randint(60, 200))), "target-version": f"py3{m.r.randint(8, 14)}", "addopts": m.pick("-q", "-ra", "-x -q", "--strict-markers"), "timeout": str(m.r.randint(5, 900)), "python_version": f"3.{m.r.randint(8, 14)}", "strict": m.pick("true", "false"), "branch": m.pick("true", "false")}[option]
            ways = tuple(dict.fromkeys((tool.split(".")[0], f"tool.{tool}", tool)))
            _add(file, lines, option, value, (option.replace("-", " ").replace("_", " "),), (f"the {option} for {ways[0]}", f"{ways[0]}'s {option}", f"the {ways[0]} {option.replace('-', ' ')}"), ways)
    if m.chance(0.4):
        script = m.x.word(m.r)
        lines += ["", "[project.scripts]"]
        _add(file, lines, script, f"{p.name.replace('-', '_')}.cli:main", (f"{script} script",), (f"the entry point of {script}",), ("project.scripts", "scripts"))
        file.lists["scripts"] = [script]
    return _done(file, lines)


def package_json(m: Maker, p: Project, path: str = "package.json") -> File:
    """Metadata, scripts, dependencies."""
    file = File(path, "", "json", about=p.about, aliases=("the package.json", "the package file", "package json"))
    lines = ["{"]
    top = [("name", p.name, ("project name", "package name"), ("the project's name", "the name of the package")), ("version", p.version, ("project version",), ("the project version", "the version of this package", "the current version", "the version")), ("description", p.about, (), ("the project description",)), ("main", m.pick("index.js", "dist/index.js", "src/main.js", "server.js"), ("entry point", "main file"), ("the entry point", "the main file")), ("author", p.author, (), ("the author", "the author of the package")), ("license", p.license, (), ("the license", "the project's license"))]
    for name, value, names, phrases in top:
        if name in ("name", "version") or m.chance(0.7):
            line = f'  "{name}": "{value}",'
            file.facts.append(Fact((name, *names), value, line, f'  "{name}": ', ",", '"', phrases=phrases))
            lines.append(line)
    names = m.r.sample(_TARGETS, m.r.randint(2, 5))
    commands = {n: _command(m, p) for n in names}
    file.lists["scripts"] = names
    for block, entries, label in (("scripts", commands, "script"), ("dependencies", {n: "^" + v for n, v in p.needs.items()}, "version"), ("devDependencies", {n: "^" + v for n, v in p.dev_needs.items()}, "version")):
        lines.append(f'  "{block}": {{')
        for i, (name, value) in enumerate(entries.items()):
            comma = "," if i < len(entries) - 1 else ""
            line = f'    "{name}": "{value}"{comma}'
            said = (f"{name} script", f"{name} command") if label == "script" else (f"{name} version", f"version of {name}")
            file.facts.append(Fact((name, *said), value, line, f'    "{name}": ', comma, '"', (block,), (f"the {said[0]}", f"the {said[1]}")))
            lines.append(line)
        lines.append("  }" + ("" if block == "devDependencies" else ","))
    lines.append("}")
    file.lists["dependencies"] = list(p.needs)
    file.lists["dev dependencies"] = list(p.dev_needs)
    return _done(file, lines)


def cargo(m: Maker, p: Project, path: str = "Cargo.toml") -> File:
    """A Rust manifest."""
    file = File(path, "", "toml", about=p.about, aliases=("the cargo file", "the Cargo manifest"))
    lines = ["[package]"]
    _add(file, lines, "name", p.name, ("crate name", "package name"), ("the crate's name", "the name of the crate"), ("package",))
    _add(file, lines, "version", p.version, ("crate version", "project version"), ("the crate version", "the project version", "the current version", "the version"), ("package",))
    _add(file, lines, "edition", m.pick("2018", "2021", "2021", "2024") + "", ("Rust edition",), ("the Rust edition", "the edition we use"), ("package",))
    if m.chance(0.5):
        _add(file, lines, "license", p.license, (), ("the license",), ("package",))
    lines += ["", "[dependencies]"]
    for name, version in p.needs.items():
        _add(file, lines, name, version, (f"{name} version", f"version of {name}"), (f"the version of {name}", f"the {name} version"), ("dependencies",))
    file.lists["dependencies"] = list(p.needs)
    return _done(file, lines)


def go_mod(m: Maker, p: Project, path: str = "go.mod") -> File:
    """A Go module file."""
    module, go = f"example.com/{p.name}", f"1.{m.r.randint(16, 25)}"
    needs = {n: "v" + m.x.version(m.r) for n in m.r.sample(_DEPENDENCIES["go"], m.r.randint(1, 4))}
    lines = [f"module {module}", "", f"go {go}", "", "require (", *(f"\t{n} {v}" for n, v in needs.items()), ")"]
    file = File(path, "", "gomod", aliases=("the go.mod", "the module file"), lists={"dependencies": list(needs)})
    file.facts = [Fact(("module", "module name", "module path"), module, f"module {module}", "module ", phrases=("the module name",)), Fact(("go", "Go version", "go version"), go, f"go {go}", "go ", phrases=("the Go version", "the Go version we use"))]
    file.facts += [Fact((n, f"version of {n}"), v, f"\t{n} {v}", f"\t{n} ") for n, v in needs.items()]
    return _done(file, lines)


def requirements(m: Maker, p: Project, path: str = "requirements.txt") -> File:
    """Pinned packages."""
    file = File(path, "", "requirements", aliases=("the requirements", "the requirements file"))
    lines = []
    for name, version in p.needs.items():
        sign = m.pick("==", "==", ">=", "~=")
        fact = Fact((name, f"{name} version", f"version of {name}"), version, f"{name}{sign}{version}", f"{name}{sign}", phrases=(f"the version of {name}", f"the {name} version", f"the pinned {name} version"))
        file.facts.append(fact)
        lines.append(fact.line)
    file.lists["dependencies"] = file.lists["packages"] = lines.copy()
    return _done(file, lines)


def makefile(m: Maker, p: Project, path: str = "Makefile") -> File:
    """Variables and targets."""
    file = File(path, "", "make", aliases=("the makefile", "the Makefile"))
    lines = []
    for name in m.r.sample(("PYTHON", "CC", "IMAGE", "PORT", "VERSION", "PREFIX", "CFLAGS", "NAME"), m.r.randint(0, 3)):
        value = {"PYTHON": m.pick("python3", "python", "python3.12"), "CC": m.pick("gcc", "clang", "cc"), "PORT": str(m.r.randint(1000, 9999)), "VERSION": m.x.version(m.r), "CFLAGS": m.pick("-O2", "-Wall -O2", "-g")}.get(name, m.x.ident(m.r))
        sign = m.pick(" = ", " := ", " ?= ")
        file.facts.append(Fact((name, name.lower()), value, f"{name}{sign}{value}", f"{name}{sign}"))
        lines.append(f"{name}{sign}{value}")
    targets = m.r.sample(_TARGETS, m.r.randint(2, 6))
    if m.chance(0.6):
        lines += ([""] if lines else []) + [f".PHONY: {' '.join(targets)}"]
    for i, target in enumerate(targets):
        command = _command(m, p)
        before = f" {m.r.choice(targets[:i])}" if i and m.chance(0.25) else ""
        lines += ([""] if lines else []) + [f"{target}:{before}", f"\t{command}"]
        file.facts.append(Fact((f"command of {target}", f"{target} command", f"recipe of {target}", f"command for {target}", f"{target} target"), command, phrases=(f"the command that make {target} runs", f"the {target} command", f"the command behind make {target}")))
    file.lists["targets"] = targets
    return _done(file, lines)


def dockerfile(m: Maker, p: Project, path: str = "Dockerfile") -> File:
    """An image."""
    image = m.pick(f"python:3.{m.r.randint(8, 14)}-slim", f"node:{m.r.randint(14, 24)}-alpine", "alpine:3.20", "debian:bookworm", "ubuntu:24.04", f"rust:1.{m.r.randint(60, 90)}", f"golang:1.{m.r.randint(18, 25)}")
    port, folder = str(m.r.randint(1000, 9999)), m.pick("/app", "/srv", "/code", "/" + m.x.word(m.r))
    command = m.pick(f'["python", "-m", "{p.name}"]', '["node", "server.js"]', f'["./{p.name}"]', '["uvicorn", "app:app"]')
    lines = [f"FROM {image}", f"WORKDIR {folder}", "COPY . .", f"RUN {_command(m, p)}", f"EXPOSE {port}", f"CMD {command}"]
    file = File(path, "", "docker", aliases=("the dockerfile", "the Dockerfile"))
    file.facts = [Fact(("FROM", "base image"), image, lines[0], "FROM ", phrases=("the base image", "the docker base image")), Fact(("WORKDIR", "working directory", "workdir"), folder, lines[1], "WORKDIR "), Fact(("EXPOSE", "exposed port", "port"), port, lines[4], "EXPOSE ", phrases=("the port the container exposes", "the exposed port")), Fact(("CMD", "start command", "command"), command, lines[5], "CMD ")]
    return _done(file, lines)


def compose(m: Maker, p: Project, path: str = "docker-compose.yml") -> File:
    """Services."""
    file = File(path, "", "yaml", aliases=("the compose file", "the docker compose file", "docker-compose"))
    lines, names = ["services:"], m.r.sample(("web", "db", "redis", "worker", "api", "nginx", "cache", "queue", "frontend", "app"), m.r.randint(1, 4))
    for name in names:
        lines.append(f"  {name}:")
        image = m.pick("postgres:16", "redis:7", "nginx:latest", "python:3.12", f"{p.name}:{p.version}", "mysql:8", "rabbitmq:3", f"{m.x.word(m.r)}:{m.x.version(m.r)}")
        port = f"{m.r.randint(1000, 9999)}:{m.pick(80, 5432, 6379, 8000, 3000)}"
        _yaml_add(file, lines, "    image: ", image, ("image",), name)
        if m.chance(0.6):
            lines.append("    ports:")
            lines.append(f'      - "{port}"')
            file.facts.append(Fact(("ports", "port", "port mapping"), port, f'      - "{port}"', '      - ', "", '"', (f"services.{name}", name, f"the {name} service")))
        if m.chance(0.5):
            _yaml_add(file, lines, "    restart: ", m.pick("always", "unless-stopped", "no", "on-failure"), ("restart", "restart policy"), name)
        if m.chance(0.4):
            lines.append("    environment:")
            variable = m.pick("POSTGRES_PASSWORD", "LOG_LEVEL", "WORKERS", "MODE", "TZ", "DB_NAME")
            _yaml_add(file, lines, f"      {variable}: ", m.x.ident(m.r), (variable, variable.lower().replace("_", " ")), name)
    file.lists["services"] = names
    return _done(file, lines)


def workflow(m: Maker, p: Project, path: str = ".github/workflows/ci.yml") -> File:
    """A CI workflow."""
    name, branch, system, job = m.pick("CI", "tests", "build", "checks"), m.pick("main", "master", "develop"), m.pick("ubuntu-latest", "ubuntu-24.04", "macos-14", "windows-latest"), m.pick("test", "build", "lint")
    version = f"3.{m.r.randint(8, 14)}"
    command = _command(m, p)
    lines = [f"name: {name}", "on:", "  push:", f"    branches: [{branch}]", "jobs:", f"  {job}:", f"    runs-on: {system}", "    steps:", "      - uses: actions/checkout@v4", "      - uses: actions/setup-python@v5", "        with:", f'          python-version: "{version}"', f"      - run: {command}"]
    file = File(path, "", "yaml", aliases=("the workflow", "the CI workflow", "the CI config"), lists={"jobs": [job]})
    file.facts = [Fact(("name", "workflow name"), name, lines[0], "name: "), Fact(("branches", "branch"), branch, section=("push",), phrases=("the branch CI runs on",)), Fact(("runs-on", "runner", "operating system"), system, lines[6], "    runs-on: ", section=(f"jobs.{job}", job), phrases=("the runner CI uses",)), Fact(("python-version", "Python version"), version, lines[11], "          python-version: ", "", '"', phrases=("the Python version used in CI",)), Fact(("run", "command"), command, lines[12], "      - run: ")]
    return _done(file, lines)


def readme(m: Maker, p: Project, path: str = "README.md") -> File:
    """Title, purpose, sections."""
    file = File(path, "", "readme", about=p.about + ".", aliases=("the readme", "the README", "readme"))
    lines = [f"# {p.name}", "", p.about + "."]
    if m.chance(0.3):
        lines += ["", m.x.passage(m.r, 80, 260)]
    install = m.pick(f"pip install {p.name}", "pip install -r requirements.txt", f"npm install {p.name}", "make install", f"cargo install {p.name}", "poetry install", f"go install example.com/{p.name}@latest", "docker compose up -d", f"brew install {p.name}", "pip install -e .")
    use = m.pick(f"{p.name} --help", f"python -m {p.name}", "npm start", "make run", f"{p.name} run {m.x.word(m.r)}", f"python main.py --{m.x.word(m.r)} {m.r.randint(1, 99)}", f"./{p.name} {m.x.word(m.r)}.txt", "cargo run")
    bodies = {"Installation": _fenced(m, install), "Usage": _fenced(m, use), "License": f"{p.license}", "Contact": f"{p.author} <{p.email}>", "Configuration": f"Set `{m.x.word(m.r).upper()}_{m.pick('PORT', 'MODE', 'LEVEL', 'DIR')}` in `{m.pick('.env', 'config.yaml', 'settings.ini')}`.", "Requirements": f"{m.pick('Python', 'Node', 'Rust', 'Go', 'Docker')} {m.x.version(m.r)} or newer.", "Contributing": m.x.sentence(m.r, 6, 14), "Development": _fenced(m, _command(m, p)), "Tests": _fenced(m, m.pick("pytest -q", "npm test", "make test", "cargo test")), "Features": "\n".join(f"- {m.x.words_of(m.r, 2, 5)}" for _ in range(m.r.randint(2, 4))), "Status": m.x.sentence(m.r, 3, 8)}
    for heading in m.r.sample(list(bodies), m.r.randint(2, 6)):
        body = bodies[heading]
        lines += ["", f"## {heading}", "", body]
        file.sections.append((heading, body))
        single = body.replace("```sh\n", "").replace("```\n", "").replace("\n```", "").strip("`")
        if "\n" not in single:
            said = {"Installation": ("install command", "installation command"), "Usage": ("usage", "usage command"), "License": ("license", "licence"), "Contact": ("contact",), "Tests": ("test command",), "Requirements": ("requirements",), "Development": ("development command",), "Configuration": ("configuration",)}.get(heading)
            phrase = {"Installation": ("how to install it", "how to install this", "the install command", "how I install the project"), "Usage": ("how to run it", "how to use it", "how to start it"), "License": ("the license", "the licence of the project"), "Contact": ("whom to contact", "the contact"), "Tests": ("how to run the tests", "how we run the tests"), "Requirements": ("the requirements", "what is required")}.get(heading, ())
            if said:
                file.facts.append(Fact((*said, heading), single, phrases=phrase))
    file.lists["sections"] = file.lists["headings"] = [h for h, _ in file.sections]
    return _done(file, lines)


def license_file(m: Maker, p: Project, path: str = "LICENSE") -> File:
    """The head of a licence."""
    title = {"MIT": "MIT License", "Apache-2.0": "Apache License, Version 2.0", "GPL-3.0": "GNU General Public License, version 3", "ISC": "ISC License", "Unlicense": "The Unlicense", "BSD-3-Clause": "BSD 3-Clause License"}.get(p.license, f"{p.license} License")
    year = str(m.r.randint(2005, 2027))
    lines = [title, "", f"Copyright (c) {year} {p.author}", "", m.pick("Permission is hereby granted, free of charge, to any person obtaining a copy of this software", "Permission to use, copy, modify, and distribute this software is granted", "See the full text for the terms and conditions of use")]
    file = File(path, "", "license", about=title, aliases=("the license file", "the licence", "the license"))
    file.facts = [Fact(("license", "licence", "name of the license"), title, phrases=("the license", "the licence we use", "the license of this project")), Fact(("copyright holder", "holder of the copyright", "copyright owner"), p.author, phrases=("the copyright holder",)), Fact(("copyright year", "year"), year, phrases=("the copyright year",))]
    return _done(file, lines)


def changelog(m: Maker, p: Project, path: str = "CHANGELOG.md") -> File:
    """Releases, newest first."""
    lines, versions = [m.pick("# Changelog", "# Changes", "# History"), ""], []
    file = File(path, "", "changelog", aliases=("the changelog", "the change log"))
    for i in range(m.r.randint(2, 5)):
        version, day = (p.version if not i else m.x.version(m.r)), m.x.date(m.r)
        if version in versions:
            continue
        entries = [f"{m.pick('Add', 'Fix', 'Remove', 'Change', 'Improve', 'Update')} {m.x.words_of(m.r, 2, 5)}" for _ in range(m.r.randint(1, 4))]
        lines += [f"## {version} ({day})" if m.chance(0.6) else f"## [{version}] - {day}", "", *(f"- {e}" for e in entries), ""]
        versions.append(version)
        file.facts.append(Fact((f"release date of {version}", f"date of {version}", f"date of version {version}"), day, phrases=(f"the release date of {version}", f"the date version {version} was released", f"the date of release {version}")))
        file.sections.append((version, "\n".join(f"- {e}" for e in entries)))
    file.facts.append(Fact(("latest version", "newest version", "latest release"), versions[0], phrases=("the latest release", "the newest version in the changelog")))
    file.lists["versions"] = file.lists["releases"] = versions
    return _done(file, lines[:-1])


def gitignore(m: Maker, p: Project, path: str = ".gitignore") -> File:
    """Ignored names. Only such as hold no file a user would ask for."""
    names = m.r.sample(("__pycache__/", "*.pyc", "dist/", "build/", "node_modules/", ".venv/", "*.swp", ".DS_Store", "coverage/", "target/", "*.o", ".idea/", "*.tmp", ".cache/"), m.r.randint(2, 6))
    return _done(File(path, "", "list", lists={"entries": names, "patterns": names}, aliases=("the gitignore",)), names)


def contributing(m: Maker, p: Project, path: str = "CONTRIBUTING.md") -> File:
    """How to help."""
    rules = [f"{m.pick('Please', 'Always', 'First')} {task(m)}." for _ in range(m.r.randint(2, 5))]
    lines = ["# Contributing", "", *(f"{i}. {rule}" for i, rule in enumerate(rules, 1))]
    return _done(File(path, "", "text", lists={"rules": rules, "steps": rules}, about="Contributing"), lines)


def _command(m: Maker, p: Project) -> str:
    return m.r.choice(_COMMANDS).replace("{n}", p.name).replace("{w}", m.x.word(m.r))


def _fenced(m: Maker, command: str) -> str:
    return f"```sh\n{command}\n```" if m.chance(0.5) else f"```\n{command}\n```" if m.chance(0.5) else f"`{command}`"


def _add(file, lines, name, value, names, phrases, section) -> None:
    fact = Fact((name, *names), value, "", f"{name} = ", "", '"', section, phrases)
    numeric = name in ("line-length", "timeout", "strict", "branch")
    fact.line = fact.line_with(value) if numeric else f'{name} = "{value}"'
    file.facts.append(fact)
    lines.append(fact.line)


def _yaml_add(file, lines, before, value, names, service) -> None:
    file.facts.append(Fact(names, value, before + value, before, section=(f"services.{service}", service, f"the {service} service"), phrases=(f"the {names[0]} of the {service} service",)))
    lines.append(before + value)


def _done(file: File, lines: list[str]) -> File:
    file.text = "\n".join(lines) + "\n"
    return file
