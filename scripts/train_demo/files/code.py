"""Program text: constants, functions with defaults and documentation, classes."""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from ..values import value_for
from .base import Fact, File, Function, Maker, bare, spoken
from .settings import keys

_IMPORTS = ["os", "sys", "json", "re", "time", "math", "random", "logging", "pathlib", "argparse", "csv", "datetime", "collections", "functools", "itertools", "subprocess"]
_VERBS = ["load", "save", "parse", "build", "make", "read", "write", "send", "fetch", "compute", "check", "update", "find", "sort", "merge", "split", "count", "total", "render", "format", "convert", "validate", "create", "remove", "filter", "clean", "connect", "retry", "start", "stop", "handle", "resolve"]


def python(m: Maker, path: str) -> File:
    """A module."""
    file = File(path, "", "python")
    lines = []
    if m.chance(0.6):
        file.about = m.x.sentence(m.r, 4, 9)
        lines += [f'"""{file.about}"""', ""]
    imports = m.r.sample(_IMPORTS, m.r.randint(0, 3))
    lines += [f"import {name}" for name in imports] + ([""] if imports else [])
    file.lists["imports"] = imports
    for name in keys(m, m.r.randint(0, 4)):
        _constant(m, file, lines, name.upper(), f"{name.upper()} = ")
    for _ in range(m.r.randint(1, 4)):
        _python_function(m, file, lines, 0)
    if m.chance(0.3):
        _python_class(m, file, lines)
    if m.chance(0.3) and file.functions:
        lines += ["", "", 'if __name__ == "__main__":', f"    {file.functions[-1].name}()"]
    file.text = "\n".join(lines).strip("\n") + "\n"
    file.lists["functions"] = [f.name for f in file.functions]
    file.lists["constants"] = [f.name for f in file.facts if f.name.isupper()]
    return file


def test_module(m: Maker, path: str) -> File:
    """Tests."""
    file = File(path, "", "python")
    lines = [f"from {m.x.word(m.r)} import {m.x.snake(m.r)}", ""]
    for _ in range(m.r.randint(1, 4)):
        name = "test_" + m.x.snake(m.r)
        body = [
            f"def {name}():",
            f"    assert {m.x.word(m.r)}({m.r.randint(0, 99)}) == {m.r.randint(0, 99)}",
        ]
        lines += ["", *body, ""]
        file.functions.append(Function(name, [], "", "\n".join(body)))
    file.text = "\n".join(lines).strip("\n") + "\n"
    file.lists["tests"] = file.lists["functions"] = [f.name for f in file.functions]
    return file


def _constant(m, file, lines, name, before, after="", quote='"') -> None:
    value = value_for(m.x, m.r, name)
    if any(c in value for c in '"\\\n`'):
        value = str(m.r.randint(1, 9999))
    value = (
        {"true": "True", "false": "False"}.get(value, value)
        if name.isupper() and before.endswith("= ") and "const" not in before
        else value
    )
    fact = Fact(spoken(name), value, "", before, after, quote)
    fact.line = before + value + after if value in ("True", "False") else fact.line_with(value)
    if value in ("True", "False"):
        fact.quote = ""
    file.facts.append(fact)
    lines.append(fact.line)


def _function_name(m: Maker) -> str:
    return f"{m.r.choice(_VERBS)}_{m.x.word(m.r)}" if m.chance(0.7) else m.x.snake(m.r)


def _params(m: Maker) -> list[tuple[str, str]]:
    names = (
        keys(m, m.r.randint(0, 3))
        if m.chance(0.6)
        else list(dict.fromkeys(m.x.word(m.r) for _ in range(m.r.randint(0, 3))))
    )
    split = m.r.randint(0, len(names))
    return [(n, "") for n in names[:split]] + [(n, _default(m, n)) for n in names[split:]]


def _default(m: Maker, name: str) -> str:
    value = value_for(m.x, m.r, name)
    if any(c in value for c in "\"\\\n`'"):
        value = str(m.r.randint(0, 999))
    if value in ("true", "false"):
        return value.capitalize()
    return value if bare(value) else m.pick(f'"{value}"', "None", str(m.r.randint(0, 99)))


def _python_function(m, file, lines, depth) -> None:
    pad = "    " * depth
    name, params = _function_name(m), _params(m)
    doc = m.x.sentence(m.r, 3, 8) if m.chance(0.6) else ""
    head = ", ".join((["self"] if depth else []) + [n + (f"={d}" if d else "") for n, d in params])
    body = [f"def {name}({head}):"] + ([f'    """{doc}"""'] if doc else [])
    first = params[0][0] if params else str(m.r.randint(1, 99))
    n = m.r.randint(1, 99)
    body += m.pick(
        [f"    return {first} {m.pick('+', '*', '-', '//')} {n}"],
        [f"    if not {first}:", "        return None", f"    return {first}"],
        [f"    result = {n}", f"    return result + {first}" if params else "    return result"],
        [f'    print("{m.x.words_of(m.r, 1, 3)}")'],
        [f'    raise ValueError("{m.x.words_of(m.r, 2, 4)}")'],
        ["    total = 0", f"    for item in {first if params else 'range(10)'}:", "        total += item", "    return total"],
        [f'    return "{m.x.ident(m.r)}"'],
    )  # fmt: skip
    body = [pad + line for line in body]
    lines += ["", "", *body] if not depth else ["", *body]
    if not depth:
        file.functions.append(Function(name, params, doc, "\n".join(body)))


def _python_class(m, file, lines) -> None:
    name = m.x.camel(m.r)
    lines += ["", "", f"class {name}:", f'    """{m.x.sentence(m.r, 3, 7)}"""']
    for _ in range(m.r.randint(1, 2)):
        _python_function(m, file, lines, 1)
    file.lists["classes"] = [name]


def javascript(m: Maker, path: str) -> File:
    """Constants and functions."""
    file = File(path, "", "javascript")
    lines = [f"// {m.x.words_of(m.r, 2, 6)}"] if m.chance(0.4) else []
    if m.chance(0.5):
        name = m.x.word(m.r)
        lines.append(
            m.pick(f'const {name} = require("./{name}");', f'import {name} from "./{name}.js";')
        )
    for name in keys(m, m.r.randint(1, 4)):
        name = m.pick(name.upper(), name)
        _constant(m, file, lines, name, f"const {name} = ", ";")
    for _ in range(m.r.randint(1, 3)):
        words = [m.r.choice(_VERBS), m.x.word(m.r).capitalize()]
        name, params = "".join(words), _params(m)
        head = ", ".join(
            n
            + (
                f" = {d.replace('None', 'null').lower() if d in ('True', 'False', 'None') else d}"
                if d
                else ""
            )
            for n, d in params
        )
        body = [
            f"function {name}({head}) {{",
            f"  return {params[0][0] if params else m.r.randint(1, 99)} {m.pick('+', '*')} {m.r.randint(1, 99)};",
            "}",
        ]
        lines += ["", *body]
        file.functions.append(Function(name, params, "", "\n".join(body)))
    file.text = "\n".join(lines) + "\n"
    file.lists["functions"] = [f.name for f in file.functions]
    return file


def shell(m: Maker, path: str) -> File:
    """A script."""
    file = File(path, "", "shell")
    lines = [m.pick("#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash")]
    if m.chance(0.5):
        file.about = m.x.words_of(m.r, 3, 8)
        lines.append(f"# {file.about}")
    lines += ["set -e"] if m.chance(0.6) else []
    for name in keys(m, m.r.randint(0, 3)):
        value = m.x.ident(m.r) if m.chance(0.5) else m.x.number(m.r)
        file.facts.append(
            Fact(spoken(name.upper()), value, f"{name.upper()}={value}", f"{name.upper()}=")
        )
        lines.append(f"{name.upper()}={value}")
    for _ in range(m.r.randint(1, 4)):
        lines.append(
            m.pick(
                f'echo "{m.x.words_of(m.r, 1, 4)}"',
                f"mkdir -p {m.x.word(m.r)}",
                f"cp {m.x.word(m.r)}.txt {m.x.word(m.r)}/",
                f"python3 {m.x.word(m.r)}.py",
                f"tar czf {m.x.word(m.r)}.tar.gz {m.x.word(m.r)}",
            )
        )
    file.text = "\n".join(lines) + "\n"
    file.lists["variables"] = [f.name for f in file.facts]
    return file


def sql(m: Maker, path: str) -> File:
    """Tables."""
    file = File(path, "", "sql")
    lines, names = [], []
    for _ in range(m.r.randint(1, 3)):
        table = m.x.word(m.r) + "s"
        if table in names:
            continue
        names.append(table)
        columns = ["id", *list(dict.fromkeys(m.x.word(m.r) for _ in range(m.r.randint(1, 4))))]
        lines += (
            [f"CREATE TABLE {table} ("]
            + [
                f"    {c} {'INTEGER PRIMARY KEY' if c == 'id' else m.pick('TEXT', 'INTEGER', 'REAL', 'DATE')}{',' if i < len(columns) - 1 else ''}"
                for i, c in enumerate(columns)
            ]
            + [");", ""]
        )
        file.lists[f"columns of {table}"] = columns
    file.text = "\n".join(lines).strip("\n") + "\n"
    file.lists["tables"] = names
    return file


def html(m: Maker, path: str) -> File:
    """A page."""
    title, heading = m.x.words_of(m.r, 1, 4).capitalize(), m.x.words_of(m.r, 1, 4).capitalize()
    links = [m.x.word(m.r) + ".html" for _ in range(m.r.randint(0, 3))]
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        f"  <title>{title}</title>",
        "</head>",
        "<body>",
        f"  <h1>{heading}</h1>",
        f"  <p>{m.x.passage(m.r, 40, 160)}</p>",
        *(f'  <a href="{link}">{m.x.word(m.r)}</a>' for link in links),
        "</body>",
        "</html>",
    ]
    file = File(
        path, "\n".join(lines) + "\n", "html", about=title, lists={"links": links} if links else {}
    )
    file.facts = [
        Fact(
            ("title", "page title"),
            title,
            lines[3],
            "  <title>",
            "</title>",
            phrases=("the page title", "the title of the page"),
        ),
        Fact(
            ("h1", "heading", "main heading"),
            heading,
            lines[6],
            "  <h1>",
            "</h1>",
            phrases=("the main heading",),
        ),
    ]
    return file


def css(m: Maker, path: str) -> File:
    """Rules."""
    file = File(path, "", "css")
    lines, names = (
        [],
        list(
            dict.fromkeys(
                m.pick(
                    "body",
                    "h1",
                    "a",
                    "p",
                    "nav",
                    "footer",
                    "header",
                    "." + m.x.word(m.r),
                    "#" + m.x.word(m.r),
                )
                for _ in range(m.r.randint(1, 4))
            )
        ),
    )
    for selector in names:
        lines.append(f"{selector} {{")
        for name in m.r.sample(
            ("color", "margin", "padding", "font-size", "width", "background", "border"),
            m.r.randint(1, 3),
        ):
            value = m.pick(
                "#" + m.x.hex(m.r, 6),
                f"{m.r.randint(0, 80)}px",
                m.pick("red", "white", "navy", "teal"),
                f"{m.r.randint(1, 9)}em",
            )
            file.facts.append(
                Fact(
                    (name, name.replace("-", " ")),
                    value,
                    f"  {name}: {value};",
                    f"  {name}: ",
                    ";",
                    section=(selector,),
                )
            )
            lines.append(f"  {name}: {value};")
        lines += ["}", ""]
    file.text = "\n".join(lines).strip("\n") + "\n"
    file.lists["selectors"] = names
    return file
