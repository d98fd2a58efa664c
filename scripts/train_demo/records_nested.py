"""Settings within settings, as YAML, JSON, TOML, server blocks and lines of several pairs.

Every value has a place: the names above it, its key, its line and where in the line it stands. The
same keys come back below every parent, so that only the parents tell which one is meant.
"""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from .files.base import File, Maker, bare
from .records import draw

_DOMAINS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    # files, what stands at the top, its children, group -> keys with their values
    ("deploy compose stack services cluster platform", "services", "web worker mailer search gateway proxy admin billing cache scheduler api auth", {
        "": "image=cat:alpine:3.19|nginx:1.25|redis:7|postgres:15|node:20 replicas=int:1-9 restart=cat:always|never|on-failure", "limits": "memory=cat:128m|256m|512m|1g|2g cpus=int:1-8 disk=cat:1g|5g|20g", "health": "path=cat:/health|/ping|/status interval=cat:10s|30s|1m timeout=cat:2s|5s|15s retries=int:1-6"}),
    ("home house rooms lights climate", "rooms", "kitchen hall bedroom cellar bathroom office attic garage nursery veranda", {
        "light": "brightness=int:10-100 color=cat:warm|cold|amber|white from=clock until=clock", "heating": "target=dec:16-24 night=dec:12-18 enabled=cat:true|false", "blinds": "open=clock close=clock mode=cat:auto|manual|off"}),
    ("app ui screens interface forms widgets", "buttons", "save cancel upload print export search submit reset share login", {
        "": "label=cat:Save now|Go|Send it|Print page|Try again|Sign in|Not now|Share color=cat:#0a7d55|#cc3311|#224488|#888888 width=int:40-400", "hover": "color=cat:#11aa77|#ff5533|#3366cc|#aaaaaa delay=cat:0|150|300 enabled=cat:true|false", "key": "code=cat:F2|F5|Enter|Escape modifier=cat:ctrl|alt|shift|none"}),
    ("lint rules checks quality policy", "rules", "naming imports comments spacing quotes unused complexity docstrings types returns", {
        "": "severity=cat:error|warning|off|info max=int:1-120 fix=cat:true|false", "except": "folder=cat:tests|vendor|docs|build limit=int:1-30", "report": "format=cat:text|json|html color=cat:true|false"}),
    ("build targets release bundle pipeline", "targets", "debug release nightly docs mobile desktop server tests demo staging", {
        "": "output=cat:build/a|dist|out/bin|public minify=cat:true|false level=int:0-3", "cache": "enabled=cat:true|false size=cat:100m|500m|2g ttl=cat:1h|6h|1d", "notify": "to=email on=cat:failure|success|always retries=int:0-5"}),
    ("game world levels balance actors", "enemies", "wolf bat golem archer slime knight dragon ghost spider bandit", {
        "": "health=int:5-300 speed=dec:0-9 color=cat:red|gray|green|violet", "attack": "damage=int:1-60 range=int:1-20 delay=cat:0.4|0.8|1.5", "loot": "gold=int:0-200 chance=int:1-100 item=cat:key|potion|sword|gem"}),
    ("backup jobs nightly sync tasks", "jobs", "photos mail database documents music website contacts invoices logs archive", {
        "": "source=cat:/srv/a|/home/data|/var/lib/x|/mnt/nas target=cat:/backup/one|/backup/two|s3://store|/media/usb enabled=cat:true|false", "schedule": "time=clock day=cat:daily|monday|friday|sunday", "keep": "days=int:3-90 copies=int:1-20 size=cat:5g|20g|100g"}),
)  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """A value and its place."""

    parents: tuple[str, ...]
    """Names above it, the outermost first."""
    key: str
    value: str
    number: int
    """Its line, from 0."""
    start: int
    """Where in the line its text begins."""

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.parents, self.key)


@dataclass
class Nested(File):
    """A file of settings within settings."""

    leaves: list[Leaf] = field(default_factory=list)
    made: str = ""
    """The text as it was made."""
    form: str = ""
    heads: dict[tuple[str, ...], int] = field(default_factory=dict)
    """Names of a group -> the line it begins on."""

    def line(self, leaf: Leaf) -> str:
        return self.made.split("\n")[leaf.number]

    def alike(self, leaf: Leaf) -> list[Leaf]:
        """Values with the same key."""
        return [x for x in self.leaves if x.key == leaf.key]


@dataclass
class _Text:
    """Lines being written, with the places of the values in them."""

    file: Nested
    lines: list[str] = field(default_factory=list)

    def head(self, names: tuple[str, ...], line: str) -> None:
        self.file.heads[names] = len(self.lines)
        self.lines.append(line)

    def pairs(self, names: tuple[str, ...], line: str, pairs: dict[str, str], write: Callable[[str, str], tuple[str, str]], mark: str, end: str) -> None:
        """One line with one or several pairs."""
        for i, (key, value) in enumerate(pairs.items()):
            before, after = write(key, value)
            line += (mark if i else "") + before
            self.file.leaves.append(Leaf(names, key, value, len(self.lines), len(line)))
            line += value + after
        self.lines.append(line + end)


Tree = dict[str, dict[str, dict[str, str]]]
"""Child -> group -> key -> value."""


def nested(m: Maker, path: str, domain: int, form: str) -> Nested:
    """A file of this domain in one of the forms."""
    r = m.r
    _, top, children, groups = _DOMAINS[domain]
    names = r.sample(children.split(), r.choice((2, 3, 3, 4)))
    tree: Tree = {}
    for name in names:
        kept = [g for g in groups if not g or r.random() < 0.8] or list(groups)[:1]
        tree[name] = {g: _drawn(r, m, groups[g]) for g in kept}
    file = Nested(path, "", "nested", form=form)
    text = _Text(file)
    _FORMS[form](text, r, top, tree)
    file.text = file.made = "\n".join(text.lines) + "\n"
    return file


def _drawn(r: Random, m: Maker, keys: str) -> dict[str, str]:
    found = {}
    for part in _parts(keys):
        key, _, spec = part.partition("=")
        if r.random() < 0.85:
            found[key] = draw(r, m.x, spec)
    return found or {key: draw(r, m.x, spec)}


def _parts(keys: str) -> list[str]:
    """Words with `=` begin a part; those without belong to the one before."""
    parts: list[str] = []
    for word in keys.split():
        if "=" in word:
            parts.append(word)
        else:
            parts[-1] += " " + word
    return parts


def _yaml(t: _Text, r: Random, top: str, tree: Tree) -> None:
    t.head((top,), f"{top}:")
    one = lambda k, v: (f"{k}: ", "")  # noqa: E731
    for child, groups in tree.items():
        t.head((top, child), f"  {child}:")
        for group, pairs in groups.items():
            names, indent = (top, child, group) if group else (top, child), "      " if group else "    "
            if group and r.random() < 0.3:
                t.file.heads[names] = len(t.lines)
                t.pairs(names, f"    {group}: {{", pairs, one, ", ", "}")
                continue
            if group:
                t.head(names, f"    {group}:")
            for key, value in pairs.items():
                t.pairs(names, indent, {key: value}, one, "", "")


def _json(t: _Text, r: Random, top: str, tree: Tree) -> None:
    one = lambda k, v: (f'"{k}": ' + ("" if bare(v) else '"'), "" if bare(v) else '"')  # noqa: E731
    t.lines.append("{")
    t.head((top,), f'  "{top}": {{')
    inline = r.random() < 0.6
    for i, (child, groups) in enumerate(tree.items()):
        t.head((top, child), f'    "{child}": {{')
        items = [(g, {k: v}) for g, pairs in groups.items() if not g for k, v in pairs.items()]
        items += [(g, pairs) for g, pairs in groups.items() if g]
        for j, (group, pairs) in enumerate(items):
            comma = "," if j < len(items) - 1 else ""
            names = (top, child, group) if group else (top, child)
            if not group:
                t.pairs(names, "      ", pairs, one, "", comma)
            elif inline:
                t.file.heads[names] = len(t.lines)
                t.pairs(names, f'      "{group}": {{', pairs, one, ", ", "}" + comma)
            else:
                t.head(names, f'      "{group}": {{')
                for k, (key, value) in enumerate(pairs.items()):
                    t.pairs(names, "        ", {key: value}, one, "", "," if k < len(pairs) - 1 else "")
                t.lines.append("      }" + comma)
        t.lines.append("    }" + ("," if i < len(tree) - 1 else ""))
    t.lines += ["  }", "}"]


def _toml(t: _Text, r: Random, top: str, tree: Tree) -> None:
    one = lambda k, v: (f"{k} = " + ("" if bare(v) else '"'), "" if bare(v) else '"')  # noqa: E731
    inline = r.random() < 0.5
    for child, groups in tree.items():
        for group, pairs in groups.items():
            names = (top, child, group) if group else (top, child)
            if group and inline:
                t.file.heads[names] = len(t.lines)
                t.pairs(names, f"{group} = {{ ", pairs, one, ", ", " }")
                continue
            t.head(names, "[" + ".".join(names) + "]")
            for key, value in pairs.items():
                t.pairs(names, "", {key: value}, one, "", "")
        if inline and "" not in groups:  # inline groups stand below a head of their own
            first = min(t.file.heads[(top, child, g)] for g in groups)
            _insert(t, first, f"[{top}.{child}]")
        t.lines.append("")
    t.lines.pop()


def _insert(t: _Text, at: int, line: str) -> None:
    t.lines.insert(at, line)
    moved = [Leaf(x.parents, x.key, x.value, x.number + (x.number >= at), x.start) for x in t.file.leaves]
    t.file.leaves[:] = moved
    for names, number in t.file.heads.items():
        t.file.heads[names] = number + (number >= at)


def _blocks(t: _Text, r: Random, top: str, tree: Tree) -> None:
    one = lambda k, v: (f"{k} ", ";")  # noqa: E731
    word = top.removesuffix("ies") + "y" if top.endswith("ies") else top.removesuffix("s")
    for child, groups in tree.items():
        t.head((top, child), f"{word} {child} {{")
        for group, pairs in groups.items():
            names = (top, child, group) if group else (top, child)
            if group and r.random() < 0.4:
                t.file.heads[names] = len(t.lines)
                t.pairs(names, f"    {group} {{ ", pairs, one, " ", " }")
                continue
            if group:
                t.head(names, f"    {group} {{")
            for key, value in pairs.items():
                t.pairs(names, "        " if group else "    ", {key: value}, one, "", "")
            if group:
                t.lines.append("    }")
        t.lines.append("}")


def _pairs(t: _Text, r: Random, top: str, tree: Tree) -> None:
    """A section per child, a line per group with all its pairs."""
    mark = r.choice(("; ", ";", " ", ", "))
    one = lambda k, v: (f"{k}=", "")  # noqa: E731
    for child, groups in tree.items():
        t.head((top, child), f"[{child}]")
        for group, pairs in groups.items():
            safe = {k: v.replace(" ", "-") if mark == " " else v for k, v in pairs.items()}
            names = (top, child, group) if group else (top, child)
            if group:
                t.file.heads[names] = len(t.lines)
                t.pairs(names, f"{group} = ", safe, one, mark, "")
            else:
                for key, value in safe.items():
                    t.pairs(names, "", {key: value}, lambda k, v: (f"{k} = ", ""), "", "")
        t.lines.append("")
    t.lines.pop()


_FORMS = {"yaml": _yaml, "json": _json, "toml": _toml, "blocks": _blocks, "pairs": _pairs}
_ENDINGS = {"yaml": (".yaml", ".yml"), "json": (".json",), "toml": (".toml",), "blocks": (".conf",), "pairs": (".ini", ".cfg")}
_FOLDERS = ("", "", "config", "conf", "settings", "deploy", "etc", "app")


def a_place(r: Random) -> tuple[str, int, str]:
    """A path, a domain and a form."""
    domain, form = r.randrange(len(_DOMAINS)), r.choice(tuple(_FORMS))
    folder, stem = r.choice(_FOLDERS), r.choice(_DOMAINS[domain][0].split())
    return f"{folder}/{stem}".lstrip("/") + r.choice(_ENDINGS[form]), domain, form
