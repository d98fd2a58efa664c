"""Settings in their formats: ini, env, properties, toml, yaml, json; flat and nested."""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from ..values import key, plain, value_for
from .base import Fact, File, Maker, bare, spoken

_SECTIONS = ["server", "database", "logging", "cache", "auth", "client", "network", "storage", "paths", "limits", "ui", "api", "mail", "redis", "queue", "worker", "scheduler", "metrics", "security", "session", "frontend", "backend", "default", "production", "staging", "development", "test", "build", "deploy", "http", "tls", "smtp", "postgres", "monitoring", "backup", "editor", "display", "audio", "user", "search", "index", "model", "training", "data", "export", "import", "features", "proxy", "pool", "retry", "alerts", "web", "app"]


def keys(m: Maker, n: int) -> list[str]:
    """`n` different setting names."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[key(m.x, m.r)] = None
    return list(found)


def sections(m: Maker, n: int) -> list[str]:
    """`n` different section names."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[m.r.choice(_SECTIONS) if m.chance(0.75) else m.x.word(m.r)] = None
    return list(found)


def safe_value(m: Maker, name: str) -> str:
    """A value for a setting that needs no escaping in any format."""
    for _ in range(6):
        value = value_for(m.x, m.r, name)
        if not any(c in value for c in '"\\\n\t') and value == value.strip():
            return value
    return str(m.r.randint(1, 999))


def ini(m: Maker, path: str) -> File:
    """Sections in brackets."""
    equals = m.pick(" = ", " = ", "=", ": ")
    file = File(path, "", "ini")
    lines = [f"{m.pick('#', ';')} {m.x.words_of(m.r, 2, 5)}"] if m.chance(0.3) else []
    for section in sections(m, m.r.randint(1, 4)):
        lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        for name in keys(m, m.r.randint(1, 5)):
            fact = _fact(m, name, name + equals, section=(section,))
            file.facts.append(fact)
            lines.append(fact.line)
    return _finish(file, lines)


def env(m: Maker, path: str) -> File:
    """NAME=value lines."""
    file = File(path, "", "env", aliases=("the env file", "the .env file"))
    mark = '"' if m.chance(0.2) else ""
    lines = [f"# {m.x.words_of(m.r, 1, 4)}"] if m.chance(0.3) else []
    for name in keys(m, m.r.randint(2, 9)):
        fact = _fact(m, name.upper(), name.upper() + "=", quote=mark)
        file.facts.append(fact)
        lines.append(fact.line)
    return _finish(file, lines)


def properties(m: Maker, path: str) -> File:
    """Dotted names."""
    file = File(path, "", "properties")
    lines = []
    for section in sections(m, m.r.randint(1, 3)):
        for name in keys(m, m.r.randint(1, 4)):
            fact = _fact(m, f"{section}.{name}", f"{section}.{name}{m.pick('=', ' = ')}")
            file.facts.append(fact)
            lines.append(fact.line)
    return _finish(file, lines)


def toml(m: Maker, path: str) -> File:
    """Top-level keys, then tables, some of them nested by a dotted name."""
    file = File(path, "", "toml")
    lines = []
    for name in keys(m, m.r.randint(0, 3)):
        fact = _fact(m, name, f"{name} = ", quote='"')
        file.facts.append(fact)
        lines.append(fact.line)
    names = sections(m, m.r.randint(1, 3))
    for section in [*names, *(f"{s}.{m.r.choice(_SECTIONS)}" for s in names if m.chance(0.25))]:
        lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        taken = {f.name for f in file.facts if section in f.section}
        for name in keys(m, m.r.randint(1, 4)):
            if name in taken:
                continue
            fact = _fact(m, name, f"{name} = ", quote='"', section=_ways(tuple(section.split("."))))
            file.facts.append(fact)
            lines.append(fact.line)
    return _finish(file, lines)


def yaml(m: Maker, path: str) -> File:
    """Nested maps, with comments and lists now and then."""
    file = File(path, "", "yaml")
    lines = [f"# {m.x.words_of(m.r, 2, 5)}"] if m.chance(0.2) else []
    lines += ["---"] if m.chance(0.08) else []
    mark = m.pick("", "", "", '"', "'")
    _yaml_level(m, file, lines, (), 0, m.r.randint(2, 6), mark)
    if m.chance(0.3):
        _yaml_list(m, file, lines)
    return _finish(file, lines)


def _yaml_level(m, file, lines, parents, depth, n, mark) -> None:
    pad = "  " * depth
    for name in keys(m, n):
        if depth < 3 and m.chance(0.35 if depth else 0.5):
            parent = m.r.choice(_SECTIONS) if m.chance(0.8) else name
            if any(line.strip() == f"{parent}:" for line in lines[-12:]):
                continue
            lines.append(f"{pad}{parent}:")
            _yaml_level(m, file, lines, (*parents, parent), depth + 1, m.r.randint(1, 4), mark)
        else:
            fact = _fact(m, name, f"{pad}{name}: ", quote=mark, section=_ways(parents), yaml=True)
            file.facts.append(fact)
            lines.append(fact.line)
    if lines and lines[-1].endswith(":"):  # a parent without children is no map
        name = key(m.x, m.r)
        fact = _fact(m, name, f"{pad}  {name}: ", section=_ways(parents), yaml=True)
        file.facts.append(fact)
        lines.append(fact.line)


def _yaml_list(m, file, lines) -> None:
    name = m.pick(
        "plugins",
        "tags",
        "hosts",
        "allowed_users",
        "features",
        "modules",
        "exclude",
        "include",
        "languages",
    )
    items = list(dict.fromkeys(m.x.ident(m.r) for _ in range(m.r.randint(2, 5))))
    lines.append(f"{name}:")
    lines += [f"  - {item}" for item in items]
    file.lists[name] = items


def json_file(m: Maker, path: str) -> File:
    """Objects, nested now and then, two spaces deep."""
    file = File(path, "", "json")
    lines = ["{"]
    _json_level(m, file, lines, (), 1, m.r.randint(2, 7))
    lines.append("}")
    return _finish(file, lines)


def _json_level(m, file, lines, parents, depth, n) -> None:
    pad = "  " * depth
    for i, name in enumerate(keys(m, n)):
        comma = "," if i < n - 1 else ""
        if depth < 4 and m.chance(0.25):
            name = m.r.choice(_SECTIONS) if m.chance(0.7) else name
            lines.append(f'{pad}"{name}": {{')
            _json_level(m, file, lines, (*parents, name), depth + 1, m.r.randint(1, 4))
            lines.append(f"{pad}}}{comma}")
        elif m.chance(0.07):
            items = list(dict.fromkeys(m.x.ident(m.r) for _ in range(m.r.randint(1, 4))))
            lines.append(
                f'{pad}"{name}": [{", ".join(chr(34) + i + chr(34) for i in items)}]{comma}'
            )
            file.lists[name] = items
        else:
            fact = _fact(m, name, f'{pad}"{name}": ', comma, '"', _ways(parents))
            file.facts.append(fact)
            lines.append(fact.line)


def _fact(m, name, before, after="", quote="", section=(), yaml=False) -> Fact:
    value = safe_value(m, name)
    if yaml and not quote and not plain(value.replace(":", "").replace("/", "x").replace("@", "x")):
        value = str(m.r.randint(1, 9999))
    if yaml and ": " in value:
        value = m.x.ident(m.r)
    if quote and bare(value) and m.chance(0.04):
        value += m.pick("s", "m", "k", "px")  # a number with a unit is text
    fact = Fact(spoken(name), value, "", before, after, quote, section)
    fact.line = fact.line_with(value)
    return fact


def _ways(parents: tuple[str, ...]) -> tuple[str, ...]:
    """Ways to name nested parents: with dots, with spaces, the innermost alone."""
    if not parents:
        return ()
    ways = [".".join(parents), parents[-1]]
    if len(parents) > 1:
        ways += [" ".join(parents), " > ".join(parents), "/".join(parents)]
    return tuple(dict.fromkeys(ways))


def _finish(file: File, lines: list[str]) -> File:
    file.text = "\n".join(lines) + "\n"
    top = [fact.name for fact in file.facts]
    file.lists["keys"] = top
    parents = list(dict.fromkeys(f.section[0] for f in file.facts if f.section))
    if parents:
        file.lists["sections"] = parents
    return file
