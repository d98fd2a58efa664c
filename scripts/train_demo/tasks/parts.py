"""Parts of longer values and lines: a tag, an option, a label in markup; lines put in and out.

Only the part changes; the line's other marks stay as they are.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..files.base import File
from ..records import asked, hits_in, is_crowded
from ..session import Session
from .common import Check, done, is_clean
from .nesting import leads_to_line

_FIRMS = "nginx redis postgres alpine node python mysql traefik rabbitmq grafana".split()  # noqa: SIM905
TAG = ("[pre](use|take|switch to|go to|change to) (version |tag |){new} (of|for) {what}[post]", "[pre](set|bump|update|pin|raise|put|change) {what} to {new}[post]", "{what} (should|must) (be|use|run) (version |){new}", "(we|I) (want|need) {what} {new}( now| instead of {old}|)", "{what}: {old} -> {new}", "(replace|change) {what} {old} (by|with|to) {new}", "[pre]upgrade {what} from {old} to {new}[post]")
OPTION = ("[pre](set|change|put|switch) (the |){what} (of|for|in) (the |){name} (script|command|) to {new}[post]", "(the |){name} (script|command) (should|must) use (the |){what} {new}", "[pre](use|take) {new} as {what} (in|for) (the |){name}( script| command|)[post]", "{what} {new} for {name}(, please| instead of {old}|)", "(in|for) {name}(,|:) {what} {old} -> {new}")
LABEL = ("[pre](change|set|rename) (the |)(label|text|caption|wording) (of|on) the {name} (button|link|heading|field) to {new}[post]", "the {name} (button|link|field) should (say|read|be labeled) {new}", "[pre]let the {name} (button|link) say {new}[post]", "(instead of|not) {old}(,| but) the {name} (button|link) (should say|says|reads) {new}", "[pre]relabel the {name} (button|link) (to|as) {new}[post]", "(I|we) (want|need) {new} (on|as the label of|as the text of) the {name} (button|link)")


def _edit(s: Session, path: str, old: str, new: str, told: str, *must: str) -> Check | None:
    if old == new or s.text_of(path).count(old) != 1 or s.call("edit", path=path, old=old, new=new).startswith("error"):
        return None
    s.files[path] = File(path, s.text_of(path), "part")
    s.say(told)
    s.last, s.last_edit, s.edit_turn = None, (path, old, new), s.n_turns
    return done(s, *must, files={path: s.text_of(path)})


def _fresh(s: Session, *names: str) -> str:
    """A free path of these names in some folder; empty when there is no room."""
    folder = s.r.choice(("", "", "web/", "app/", "deploy/", "ui/", "site/"))
    path = folder + s.r.choice(names)
    taken = s.bench.place.exists(path) or (folder and folder[:-1] in s.bench.place.files)
    return "" if taken or is_crowded(s) else path


def _version(s: Session) -> str:
    return s.r.choice((s.x.version(s.r), f"{s.r.randint(1, 20)}.{s.r.randint(0, 30)}", str(s.r.randint(2, 22))))


def tag(s: Session) -> Check | None:
    """The version behind a colon, an @ or ==; the name before it stays."""
    r = s.r
    what, mark = r.choice(_FIRMS), r.choice((":", ":", "==", "@"))
    path = _fresh(s, "compose.yaml", "Dockerfile.dev", "images.txt", "stack.yml", "versions.txt")
    if not path or hits_in(s, what):
        return None
    versions = {name: _version(s) for name in [what, *r.sample([f for f in _FIRMS if f != what], r.randint(1, 3))]}
    order = r.sample(list(versions), len(versions))
    form = r.choice(("    image: {n}{m}{v}", "FROM {n}{m}{v} AS base", "{n}{m}{v}", 'image = "{n}{m}{v}"', "- {n}{m}{v}  # {c}"))
    lines = {n: form.format(n=n, m=mark, v=versions[n], c=s.x.word(r)) for n in order}
    s.add(File(path, "\n".join(lines[n] for n in order) + "\n", "part"))
    old, new = versions[what], _version(s)
    if old == new or any(old in x for n, x in lines.items() if n != what):
        return None
    asked(s, TAG, what=what, old=old, new=new)
    s.call("grep", pattern=what)
    s.call("read", path=path)
    line = lines[what]
    changed = line.replace(f"{what}{mark}{old}", f"{what}{mark}{new}")
    return _edit(s, path, line, changed, f"Changed `{what}` in `{path}` from `{old}` to `{new}`.", new)


_OPTIONS = (("port", "--port {v}", "n"), ("host", "--host {v}", "w"), ("log level", "--log-level {v}", "w"), ("workers", "--workers {v}", "n"), ("output folder", "-o {v}", "w"), ("timeout", "--timeout {v}", "n"), ("mode", "--mode={v}", "w"), ("config", "--config {v}.json", "w"), ("heap", "-Xmx{v}m", "n"))
_PROGRAMS = ["vite", "node server.js", "python -m {w}", "uvicorn {w}:app", "java -jar {w}.jar", "gunicorn {w}.wsgi", "./{w}", "npx {w}"]


def option(s: Session) -> Check | None:
    """An option inside of a command line that a file keeps under a name."""
    r = s.r
    path = _fresh(s, "package.json", "scripts.json", "tasks.json", "Procfile", "commands.ini")
    if not path:
        return None
    names = r.sample("dev start serve watch preview build bench worker docs".split(), r.randint(2, 4))  # noqa: SIM905
    lines, chosen = {}, {}
    for name in names:
        options = r.sample(_OPTIONS, r.randint(1, 3))
        values = {o[0]: str(r.randint(2, 9000)) if o[2] == "n" else s.x.word(r) for o in options}
        command = r.choice(_PROGRAMS).replace("{w}", s.x.word(r)) + "".join(" " + o[1].format(v=values[o[0]]) for o in options)
        chosen[name] = (options, values)
        lines[name] = {".json": f'    "{name}": "{command}",', "ini": f"{name} = {command}"}.get(path[-5:] if path.endswith(".json") else path[-3:], f"{name}: {command}")
    if path.endswith(".json"):
        lines[names[-1]] = lines[names[-1]].rstrip(",")
        text = '{\n  "scripts": {\n' + "\n".join(lines.values()) + "\n  }\n}\n"
    else:
        text = "\n".join(lines.values()) + "\n"
    name = r.choice(names)
    options, values = chosen[name]
    what, form, sort = r.choice(options)
    old, new = values[what], str(r.randint(2, 9000)) if sort == "n" else s.x.word(r)
    before, after = form.format(v=old), form.format(v=new)
    if old == new or lines[name].count(before) != 1 or hits_in(s, name):
        return None
    s.add(File(path, text, "part"))
    if not leads_to_line(s, name, path):
        return None
    asked(s, OPTION, what=what, name=name, old=old, new=new)
    s.call("grep", pattern=name)
    s.call("read", path=path)
    return _edit(s, path, lines[name], lines[name].replace(before, after), f"Changed the {what} of `{name}` in `{path}` from `{old}` to `{new}`.", new)


_MARKUP = ('<button id="{n}" class="{c}">{t}</button>', '<a href="/{n}" class="{c}">{t}</a>', '<button type="submit" name="{n}">{t}</button>', '<Button id="{n}" onClick={{{c}}}>{t}</Button>', '<label for="{n}">{t}</label>', '<li><a id="{n}" href="#{c}">{t}</a></li>')
_NAMES = "save cancel login search upload delete next back help print share reset home about contact".split()  # noqa: SIM905


def label(s: Session) -> Check | None:
    """The text between two tags; names, classes and links stay."""
    r = s.r
    path = _fresh(s, "index.html", "form.html", "page.html", "Toolbar.vue", "Header.jsx", "menu.html")
    if not path:
        return None
    names = r.sample(_NAMES, r.randint(3, 5))
    texts = {n: r.choice((n.capitalize(), f"{n.capitalize()} {s.x.word(r)}", s.x.words_of(r, 1, 3).capitalize())) for n in names}
    form = r.choice(_MARKUP)
    lines = {n: "  " + form.format(n=n, c=s.x.word(r), t=texts[n]) for n in names}
    s.add(File(path, "<div>\n" + "\n".join(lines.values()) + "\n</div>\n", "part"))
    name, new = r.choice(names), s.x.words_of(r, 1, 3).capitalize()
    old = texts[name]
    if old == new or not is_clean(new) or not leads_to_line(s, name, path):
        return None
    asked(s, LABEL, name=name, old=f'"{old}"', new=r.choice((f'"{new}"', new, f"'{new}'")))
    s.call("grep", pattern=name)
    s.call("read", path=path)
    changed = lines[name].replace(f">{old}<", f">{new}<")
    return _edit(s, path, lines[name], changed, f"Changed `{old}` to `{new}` in `{path}`.", new)


_ITEMS = ("milk", "rye flour", "paper", "screws", "tea", "lamp oil", "stamps", "rope", "candles", "salt", "ink", "gloves", "yeast", "bolts", "nails", "plums")
ADD = ("[pre](add|put|write|append) {item} (to|on|onto) (the |our |my |){role}[post]", "{item} (must|should|has to|needs to) (go|be) on (the |our |){role}", "(we|I) (also |)need {item}(, add it to|: put it on) (the |our |my |){role}", "(the |our |){role} needs {item}", "{role}: add {item}", "{item} (too|also)(,|:) (for|on) (the |our |){role}")
DROP = ("[pre](take|cross|strike|remove|delete|drop) {item} (off|from|out of) (the |our |my |){role}[post]", "{item} (can go|is done|is no longer needed) (on|from) (the |our |){role}(, take it out|)", "(we|I) (have|got|don't need) {item}( already| any more|)(, take it off|: remove it from) (the |our |my |){role}", "{role}: (remove|without|minus) {item}", "no {item} on (the |our |){role} (any more|please)")


def list_item(s: Session) -> Check | None:
    """An item put onto a list or taken off it; the list is named by its role."""
    r = s.r
    role = r.choice(("shopping list", "packing list", "order list", "wish list", "grocery list"))
    word = role.split()[0]
    path = _fresh(s, f"{word}.txt", f"{word}_list.md", f"{word}.md", f"{word}-list.txt")
    if not path or any(word in p for p in s.bench.place.names(folders=True)):
        return None
    mark = r.choice(("- ", "", "* ", "- [ ] "))
    items = r.sample(_ITEMS, r.randint(4, 8))
    head = r.choice(("", f"# {role.capitalize()}\n\n"))
    s.add(File(path, head + "\n".join(mark + x for x in items[:-1]) + "\n", "part"))
    last, drops = mark + items[-2], r.random() < 0.5
    item = r.choice(items[:-1]) if drops else items[-1]
    asked(s, DROP if drops else ADD, item=item, role=role)
    if s.call("glob", pattern=f"*{word}*").split("\n") != [path]:
        return None
    s.call("read", path=path)
    if drops:
        return _edit(s, path, f"{mark}{item}\n", "", f"Removed `{item}` from `{path}`.", item)
    return _edit(s, path, last, f"{last}\n{mark}{item}", f"Added `{item}` to `{path}`.", item)


TASKS = {"tag": (3, tag), "option": (2.5, option), "label": (3, label), "list_item": (4, list_item)}
