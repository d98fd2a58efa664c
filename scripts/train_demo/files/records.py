"""Settings that share lines: server blocks, inventories, objects in one line, lists of maps."""

from __future__ import annotations

from .base import Fact, File, Maker, spoken
from .settings import keys, safe_value

_NAMES = (
    "web", "db", "api", "worker", "mail", "cache", "proxy", "backup", "shop", "admin", "node1",
    "node2", "alpha", "beta", "gamma", "main", "guest", "printer", "router", "camera", "level1",
    "level2", "level3", "hero", "boss", "north", "south", "small", "large", "basic",
)  # fmt: skip
_BLOCKS = ("server", "http", "upstream", "location", "events", "client", "zone", "pool", *_NAMES)


def _records(m: Maker, low: int, high: int) -> list[str]:
    names = m.r.sample(_NAMES, m.r.randint(low, high))
    return [name if m.chance(0.7) else m.x.word(m.r) for name in names]


def _value(m: Maker, name: str) -> str:
    for _ in range(6):
        value = safe_value(m, name)
        if not any(c in value for c in " ,;{}[]()'"):
            return value
    return str(m.r.randint(1, 999))


def _line_of(file: File, lines: list[str], name: str, form: tuple[str, str, str], pairs) -> None:
    """A line with several values; every one of them is a fact of the whole line."""
    head, glue, tail = form
    parts = [f"{before}{value}{after}" for _, before, value, after in pairs]
    line = head + glue.join(parts) + tail
    at = len(head)
    for (key, before, value, _), part in zip(pairs, parts, strict=True):
        start = at + len(before)
        fact = Fact(spoken(key), value, line, line[:start], line[start + len(value) :],
                    section=(name,))  # fmt: skip
        file.facts.append(fact)
        at += len(part) + len(glue)
    lines.append(line)


def _pairs(m: Maker, names: list[str], form: str) -> list[tuple[str, str, str, str]]:
    before, after = form.split("{v}")
    return [(key, before.replace("{k}", key), _value(m, key), after) for key in names]


def inventory(m: Maker, path: str) -> File:
    """`web host=10.0.0.1 port=80` lines below headings in brackets."""
    file, lines = File(path, "", "inventory"), []
    shared = keys(m, m.r.randint(2, 4))
    for name in dict.fromkeys(_records(m, 2, 6)):
        if m.chance(0.25):
            lines.append(f"[{m.x.word(m.r)}s]")
        some = [key for key in shared if m.chance(0.85)] or shared[:1]
        _line_of(file, lines, name, (f"{name} ", " ", ""), _pairs(m, some, "{k}={v}"))
    file.text = "\n".join(lines) + "\n"
    return file


def objects(m: Maker, path: str) -> File:
    """One JSON object a line, in a list or by name."""
    file, lines = File(path, "", "objects"), ["{"]
    shared = keys(m, m.r.randint(2, 4))
    names = list(dict.fromkeys(_records(m, 2, 6)))
    for i, name in enumerate(names):
        comma = "," if i < len(names) - 1 else ""
        pairs = [
            (key, f'"{key}": {mark}', value, mark)
            for key in shared
            for value in [_value(m, key)]
            for mark in ["" if value.isdigit() or value in ("true", "false") else '"']
        ]
        _line_of(file, lines, name, (f'  "{name}": {{', ", ", "}" + comma), pairs)
    file.text = "\n".join([*lines, "}"]) + "\n"
    return file


def server_conf(m: Maker, path: str) -> File:
    """`name value;` lines in braces."""
    file, lines = File(path, "", "conf"), []
    blocks = [m.r.choice(_BLOCKS) for _ in range(m.r.randint(1, 3))]
    for block in dict.fromkeys(blocks):
        lines.append(f"{block} {{")
        for key in keys(m, m.r.randint(2, 5)):
            value = _value(m, key)
            line = f"    {key} {value};"
            file.facts.append(Fact(spoken(key), value, line, f"    {key} ", ";", section=(block,)))
            lines.append(line)
        lines.append("}")
    file.text = "\n".join(lines) + "\n"
    return file


def maps(m: Maker, path: str) -> File:
    """A YAML list of maps, each with a name."""
    file = File(path, "", "maps")
    lines = [m.pick("services:", "jobs:", "hosts:", "items:", "steps:")]
    shared = keys(m, m.r.randint(1, 4))
    for name in dict.fromkeys(_records(m, 2, 4)):
        lines.append(f"  - name: {name}")
        for key in shared:
            value = _value(m, key)
            line = f"    {key}: {value}"
            file.facts.append(Fact(spoken(key), value, line, f"    {key}: ", section=(name,)))
            lines.append(line)
    file.text = "\n".join(lines) + "\n"
    return file


def constants(m: Maker, path: str) -> File:
    """An object of settings in JavaScript, or variables in CSS."""
    file = File(path, "", "constants")
    is_css = path.endswith(".css")
    lines = [":root {" if is_css else f"{m.pick('export const', 'const')} {m.x.word(m.r)} = {{"]
    for key in keys(m, m.r.randint(3, 7)):
        value = _value(m, key)
        name = key.replace("_", "-") if is_css else key
        if not is_css and m.chance(0.5):
            first, *rest = key.split("_")
            name = first + "".join(word.capitalize() for word in rest)
        quote = "" if is_css or value.isdigit() or value in ("true", "false") else m.pick("'", '"')
        before, after = (f"  --{name}: ", ";") if is_css else (f"  {name}: ", ",")
        line = before + quote + value + quote + after
        ways = tuple(dict.fromkeys((name, key, key.replace("_", " "))))
        file.facts.append(Fact(ways, value, line, before + quote, quote + after))
        lines.append(line)
    file.text = "\n".join([*lines, "}" if is_css else "};"]) + "\n"
    return file
