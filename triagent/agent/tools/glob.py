"""The glob tool: names of files and folders, one a line, folders with a trailing slash.

    README.md
    src/
    [200 of 912]                                  only when not all are shown
    no files match "*.txt"; nearest: notes.md
    error: no folder "scr"; nearest: src/

`*` lists one folder. A pattern without a slash is looked for at any depth; `**` crosses
folders. Paths are from the root, whatever `path` is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from triagent.agent.ports import Kind
from triagent.agent.tools import text as words
from triagent.agent.tools.files import SKIPPED, missing, walk
from triagent.agent.tools.tool import Arguments, Proposal, Result, Tool, ToolContext, schema
from triagent.errors import ToolError

SCHEMA = schema(
    "glob", 'Find files by name. "*" lists a folder.', {"pattern": "string"}, path="string"
)
MAX_SHOWN = 200


def match(names: Sequence[str], pattern: str, path: str = ".") -> list[str]:
    """Those of `names` beneath `path` that match; folders end in a slash, in and out."""
    base = "" if path in (".", "") else path.rstrip("/") + "/"
    pattern = pattern.removeprefix("./").rstrip("/") or "*"
    expression = translate(pattern)
    below = [name for name in names if name.startswith(base) and name != base]
    if pattern == "*":
        return [name for name in below if "/" not in name[len(base) :].rstrip("/")]
    if "/" not in pattern:
        return [x for x in below if expression.fullmatch(x.rstrip("/").rsplit("/", 1)[-1])]
    return [x for x in below if expression.fullmatch(x[len(base) :].rstrip("/"))]


def render(pattern: str, found: Sequence[str], names: Sequence[str] = ()) -> str:
    """What the model reads; `names` are offered as the nearest ones when nothing is found."""
    if not found:
        if pattern == "*":
            return "[empty folder]"
        plain = re.sub(r"[*?\[\]{}]", "", pattern)
        near = words.nearest(plain, names) if len(plain) > 1 else []
        return f'no files match "{pattern}"{words.hint(near)}'
    if len(found) > MAX_SHOWN:
        return "\n".join([*found[:MAX_SHOWN], f"[{MAX_SHOWN} of {len(found)}]"])
    return "\n".join(found)


def translate(pattern: str) -> re.Pattern[str]:
    """A glob as an expression: `*` and `?` stay in one folder, `**` crosses, `{a,b}` chooses."""
    out, i, depth = "", 0, 0
    while i < len(pattern):
        if pattern.startswith("**/", i):
            out, i = out + "(?:.*/)?", i + 3
            continue
        if pattern.startswith("**", i):
            out, i = out + ".*", i + 2
            continue
        char = pattern[i]
        close = pattern.find("]", i + 2) if char == "[" else -1
        if close > 0:
            inside = pattern[i + 1 : close].replace("\\", "\\\\").replace("[", "\\[")
            out += "[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]"
            i = close
        elif char == "{" and "}" in pattern[i:]:
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        else:
            out += {"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char)
        i += 1
    try:
        return re.compile(out + ")" * depth, re.IGNORECASE)
    except re.error:
        return re.compile(re.escape(pattern))


def run(arguments: Arguments, context: ToolContext) -> Result:
    place, pattern = context.workspace, arguments["pattern"]
    path = place.relative(arguments.get("path") or ".")
    if not place.exists(path):
        folders = [name for name in walk(place, folders=True) if name.endswith("/")]
        raise ToolError(missing(arguments["path"], folders, "folder"))
    if not place.is_dir(path):
        return Result(path)
    if pattern.strip("./") in ("*", ""):
        return Result(render("*", _listing(context, path)))
    names = list(walk(place, path, folders=True))
    return Result(render(pattern, match(names, pattern, path), names))


def propose(arguments: Arguments, context: ToolContext) -> Proposal:
    where = f" in {arguments['path']}" if arguments.get("path") else ""
    return Proposal(f"glob {arguments['pattern']}{where}")


def _listing(context: ToolContext, path: str) -> list[str]:
    """One folder with ignored names too: who lists a folder wants to see what is there."""
    prefix = "" if path == "." else path + "/"
    entries = [entry for entry in context.workspace.list(path) if entry.name not in SKIPPED]
    return [prefix + entry.name + ("/" if entry.is_dir else "") for entry in entries]


TOOL = Tool(SCHEMA, Kind.READ, propose, run)
