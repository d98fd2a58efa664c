"""Values, lines and whole files changed; files moved, copied and deleted.

Nothing here destroys without a verb that says so. A file that is not where the user says is
not guessed at: the answer asks.
"""

from __future__ import annotations

import json

from ..files import code, prose, settings
from ..files.base import Fact, File
from ..session import Session
from ..values import key, plain
from .common import (
    Check,
    block,
    done,

    is_clean,
    located,
    name_file,
    name_of,
    nearest,
    open_file,
    quoted,
    unambiguous,
)
from .reading import SETTINGS, hits_of
from .tables import _path

_EDITABLE = (*SETTINGS, settings.yaml, settings.json_file, code.python, code.javascript, prose.notes, code.css)


def _editable(file: File, fact: Fact) -> bool:
    return bool(fact.line) and file.text.count(fact.line) == 1 and is_clean(fact.value) and "\r" not in file.text


def _target(s: Session) -> tuple[File, Fact] | None:
    file = s.pick(lambda f: f.kind != "csv" and any(_editable(f, x) for x in f.facts), _EDITABLE)
    if not file:
        return None
    return file, s.r.choice([f for f in file.facts if _editable(file, f)])


def new_value(s: Session, fact: Fact) -> str:
    """Another value for it, mostly of the same sort."""
    if s.r.random() < 0.25 and fact.value.replace(".", "", 1).isdigit():
        value = s.x.number(s.r)
    elif fact.value.lower() in ("true", "false"):
        value = {"true": "false", "false": "true", "True": "False", "False": "True"}.get(fact.value, "true")
    else:
        value = settings.safe_value(s.maker, fact.name)
    return value if value != fact.value and is_clean(value) and not any(c in value for c in "\"'\\") else ""


def edit(s: Session) -> Check | None:
    """Set a value."""
    found = _target(s)
    if not found:
        return None
    file, fact = found
    value = new_value(s, fact)
    if not value or (not unambiguous(file, fact) and not fact.section):
        return None
    named = name_file(s, file)
    name = name_of(s, fact)
    if not unambiguous(file, fact):
        section = fact.section[0]
        if sum(fact.section[:1] == f.section[:1] and f.name == fact.name for f in file.facts) > 1:
            return None
        name = s.r.choice([f"{section}.{fact.name}", f"{section} {fact.name}", f"{fact.name} of {section}", f"{fact.name} under {section}"])
    s.ask("edit", key=name, section="", path=named.text, new=value if s.r.random() < 0.8 else quoted(s, value))
    if not open_file(s, named):
        return None
    s.know(file)
    return _change(s, file, fact, value)


def _change(s: Session, file: File, fact: Fact, value: str) -> Check | None:
    old, new = fact.line, fact.line_with(value)
    before = fact.value
    if old == new or s.call("edit", path=file.path, old=old, new=new).startswith("error"):
        return None
    s.sync(file.path)
    fact.line, fact.value = new, value
    s.forget_values(file.path, fact.name)
    s.say(f"Changed `{fact.name}` in `{file.path}` from `{before}` to `{value}`.")
    s.said(file, fact)
    s.last_edit, s.edit_turn = (file.path, old, new), s.n_turns
    return done(s, value, files={file.path: file.text})


def edit_missing(s: Session) -> Check | None:
    """A change to a file that is not there: ask, do not guess."""
    right = s.pick(lambda f: bool(f.facts) and "/" in f.path)
    if not right:
        return None
    path = s.r.choice([right.folder + "/" + s.x.ident(s.r) + ".ini", s.x.word(s.r) + s.r.choice([".yaml", ".json", ".toml"]), right.path[:-1]])
    if s.bench.place.exists(path):
        return None
    s.ask("edit", key=key(s.x, s.r), section="", path=path, new=s.x.ident(s.r))
    s.call("read", path=path)
    near = nearest(s, path)
    s.say(f"There is no `{path}`. Do you mean `{near[0]}`?" if near else f"There is no `{path}`. Which file shall I change?")
    return done(s, "no `", harmless=True)


def edit_missing_key(s: Session) -> Check | None:
    """A change to a name that the file does not have: say so and ask."""
    file = s.pick(lambda f: any(_editable(f, x) for x in f.facts) and f.kind in ("ini", "env", "json", "toml", "yaml"), SETTINGS)
    name = key(s.x, s.r)
    if not file or name.lower() in file.text.lower() or name.replace("_", " ") in file.text.lower() or any(name.lower() in [n.lower() for n in f.names] for f in file.facts):
        return None
    named = name_file(s, file)
    s.ask("edit", key=name, section="", path=named.text, new=s.x.number(s.r))
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(f"There is no `{name}` in `{file.path}`. Shall I add it?")
    return done(s, "no `", harmless=True)


def edit_by_search(s: Session) -> Check | None:
    """A constant changed without its file being named."""
    found = _target(s)
    if not found:
        return None
    file, fact = found
    value = new_value(s, fact)
    if not value or "_" not in fact.name or not fact.name.replace("_", "").isalnum():
        return None
    hits = hits_of(s, fact.name)
    if len(hits) != 1 or not unambiguous(file, fact):
        return None
    s.ask("edit_nopath", key=fact.name if s.r.random() < 0.85 else f"`{fact.name}`", new=value)
    s.call("grep", pattern=fact.name)
    s.call("read", path=file.path)
    s.know(file)
    return _change(s, file, fact, value)


def follow_edit(s: Session) -> Check | None:
    """Change the value just spoken of."""
    if not s.last_is_fresh or s.last[0].path not in s.files or s.last[0].kind == "csv":
        return None
    file, fact = s.last
    value = new_value(s, fact)
    if not value or not _editable(file, fact):
        return None
    if not any(x.path == file.path and x.who == "read result" and fact.name in x.names and x.value == fact.value for x in s.seen):
        return None
    s.ask("follow_edit", new=value)
    return _change(s, file, fact, value)


def undo(s: Session) -> Check | None:
    """Take back the change just made, by the opposite edit."""
    if not s.has_acted:
        s.ask("undo")
        s.say("I have changed nothing that I could take back.")
        return done(s, "nothing", harmless=True)
    if not s.last_edit or s.edit_turn != s.n_turns:
        return None
    path, old, new = s.last_edit
    if path not in s.files or s.text_of(path).count(new) != 1:
        return None
    s.ask("undo")
    s.call("edit", path=path, old=new, new=old)
    s.sync(path)
    for fact in s.files[path].facts:
        if fact.line == new:
            mark = len(fact.before)
            fact.line = old
            fact.value = old[mark : len(old) - len(fact.after) or None].strip(fact.quote or " ")
            s.forget_values(path, fact.name)
    s.say(f"Put it back: `{path}` is as it was before.")
    s.last_edit, s.last = None, None
    return done(s, path, files={path: s.files[path].text})


def replace(s: Session) -> Check | None:
    """One text for another."""
    file = s.pick(lambda f: len(f.text) < 2500 and "\r" not in f.text, (prose.text, prose.notes, prose.todo))
    if not file:
        return None
    lines = [line for line in file.text.split("\n") if 8 < len(line) < 300 and is_clean(line)]
    if not lines:
        return None
    line = s.r.choice(lines)
    words = [w.strip(".,;:!?()[]\"'") for w in line.split()]
    words = [w for w in words if len(w) > 3 and w.isalnum() and file.text.count(w) == 1]
    if not words:
        return None
    old, new = s.r.choice(words), s.x.word(s.r) if s.r.random() < 0.8 else s.x.odd(s.r)
    if not plain(new) or new in file.text:
        return None
    mark = s.r.choice(["", "", '"', "`", "'"])
    named = name_file(s, file)
    s.ask("replace", old=mark + old + mark, new=mark + new + mark, path=named.text)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=old, new=new).startswith("error"):
        return None
    _rewritten(s, file)
    s.say(f"Replaced `{old}` by `{new}` in `{file.path}`.")
    s.last_edit, s.edit_turn = (file.path, old, new), s.n_turns
    return done(s, new, files={file.path: file.text})


def _rewritten(s: Session, file: File) -> None:
    """The file's text changed in ways its facts do not follow."""
    s.sync(file.path)
    s.forget_values(file.path)
    text = file.text
    kept = [f for f in file.facts if f.line and f.line in text]
    s.files[file.path] = File(file.path, text, file.kind, kept, aliases=file.aliases)
    if s.last and s.last[0] is file:
        s.last = None
    s.last_edit = None


def remove_line(s: Session) -> Check | None:
    """A setting taken out."""
    file = s.pick(lambda f: f.kind in ("ini", "env", "yaml", "toml", "requirements") and "\r" not in f.text and len(f.facts) > 1 and f.text.endswith("\n"), (settings.ini, settings.env))
    if not file:
        return None
    facts = [f for f in file.facts if _editable(file, f) and unambiguous(file, f) and f.line + "\n" in file.text]
    if not facts:
        return None
    fact = s.r.choice(facts)
    named = name_file(s, file)
    s.ask("remove_line", key=fact.name, path=named.text)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=fact.line + "\n", new="").startswith("error"):
        return None
    _rewritten(s, file)
    s.say(f"Removed `{fact.name}` from `{file.path}`.")
    return done(s, fact.name, files={file.path: s.text_of(file.path)})


def add_line(s: Session) -> Check | None:
    """A line, an item or a setting put at the end."""
    r = s.r
    kind = r.choice(["add_line", "add_item", "add_setting"])
    makers = {"add_line": (prose.word_list, prose.notes), "add_item": (prose.todo,), "add_setting": (settings.env, settings.ini, settings.properties)}
    kinds = {"add_line": ("list", "notes", "text", "requirements"), "add_item": ("todo",), "add_setting": ("env", "ini", "properties")}[kind]
    file = s.pick(lambda f: f.kind in kinds and "\r" not in f.text and f.text.count("\n") < 25 and len(f.text) > 3, makers[kind])
    if not file:
        return None
    last = file.text.rstrip("\n").split("\n")[-1]
    if file.text.count(last) != 1 or not last.strip():
        return None
    slots = {}
    if kind == "add_line":
        line = r.choice([s.x.words_of(r, 1, 5), s.x.value(r), s.x.sentence(r, 3, 6)])
        if not is_clean(line) or any(c in line for c in "\"'"):
            return None
        mark = r.choice(['"', "`", "'", "", ""])
        slots["line"] = mark + line + mark
        told = line
    elif kind == "add_item":
        told = prose.task(s.maker)
        line = ("- [ ] " if "[ ]" in file.text or "[x]" in file.text else "- ") + told
        slots["item"] = told if r.random() < 0.6 else f'"{told}"'
    else:
        fact = next((f for f in file.facts if f.line), None)
        name = key(s.x, r)
        if file.kind == "env":
            name = name.upper()
        told = name
        value = settings.safe_value(s.maker, name)
        if name.lower() in file.text.lower() or not is_clean(value) or "'" in value or not fact or not fact.before.startswith(fact.name):
            return None
        line = name + fact.before[len(fact.name):] + value
        slots.update(key=name, new=value)
    if line in file.text:
        return None
    named = name_file(s, file)
    s.ask(kind, path=named.text, **slots)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=last, new=f"{last}\n{line}").startswith("error"):
        return None
    _rewritten(s, file)
    s.say(f"Added `{told}` to `{file.path}`.")
    return done(s, told, files={file.path: s.text_of(file.path)})


def check_item(s: Session) -> Check | None:
    """A task ticked off."""
    file = s.pick(lambda f: any(not d for _, d in f.todo) and "[ ]" in f.text and "\r" not in f.text, (prose.todo,))
    if not file:
        return None
    item = s.r.choice([t for t, d in file.todo if not d])
    old = f"- [ ] {item}"
    if file.text.count(old) != 1:
        return None
    named = name_file(s, file)
    s.ask("check_item", item=s.r.choice([item, f'"{item}"', f"`{item}`"]), path=named.text)
    if not open_file(s, named):
        return None
    if s.call("edit", path=file.path, old=old, new=f"- [x] {item}").startswith("error"):
        return None
    todo = [(t, d or t == item) for t, d in file.todo]
    _rewritten(s, file)
    s.files[file.path].todo = todo
    s.say(f"Marked `{item}` as done in `{file.path}`.")
    return done(s, item, files={file.path: s.text_of(file.path)})


def _content(s: Session) -> str:
    x, r = s.x, s.r
    kind = r.random()
    if kind < 0.35:
        return x.words_of(r, 1, 7)
    if kind < 0.55:
        return "\n".join(f"{key(x, r)}{r.choice(['=', ' = ', ': '])}{x.value(r)}" for _ in range(r.randint(1, 4)))
    if kind < 0.7:
        return "\n".join(r.choice(["- ", "* ", ""]) + x.words_of(r, 1, 3) for _ in range(r.randint(2, 5)))
    if kind < 0.78:
        return json.dumps({key(x, r): x.value(r) for _ in range(r.randint(1, 3))}, ensure_ascii=False)
    if kind < 0.9:
        return r.choice([f'print("{x.words_of(r, 1, 3)}")', f"def {x.snake(r)}():\n    return {r.randint(0, 99)}", f"# {x.words_of(r, 1, 3)}\n\n{x.sentence(r)}", f"echo {x.word(r)}", f"import {x.word(r)}\n\nx = {r.randint(1, 99)}"])
    return x.passage(r, 30, 160)


def _put_content(s: Session, kind: str, path: str, content: str) -> str:
    """The request with the content in it, quoted when it stands in the middle."""
    from ..wording import fill, noisy
    from ..wording import expand as expand_template
    from ..phrases import PHRASES

    text = noisy(s.r, expand_template(s.r, s.r.choice(PHRASES[kind])))
    ends = text.rstrip().endswith("{content}")
    if not ends and "\n" in content:
        text, ends = "Write the following to {path}:\n{content}", True
    if kind == "overwrite" and not text.lower().count("over") and not text.lower().count("repl") and not text.lower().count("rewr"):
        text, ends = "overwrite {path} with {content}", True
    quote = next((q for q in ('"', "`", "'") if q not in content), "")
    if not ends or ("\n" not in content and s.r.random() < 0.35):
        content = quote + content + quote
    elif "\n" in content and s.r.random() < 0.6:
        content = s.r.choice(["\n" + content, "\n" + block(content), "\n\n" + content])
    return fill(text, {"path": path, "content": content})


def write(s: Session) -> Check | None:
    """A new file."""
    r = s.r
    folders = [f for f in s.bench.place.tree() if f != "."] or ["notes"]
    folder = r.choice(["", "", r.choice(folders), s.x.word(r)])
    path = (folder + "/" if folder else "") + s.x.ident(r) + r.choice([".txt", ".md", ".cfg", ".json", ".py", ".txt", ".sh", ".yaml", ".env", ".csv", ".html"])
    content = _content(s)
    if s.bench.place.exists(path) or "`" in content or not content.strip():
        return None
    if s.r.random() < 0.1:
        content = ""
        s.ask("write_empty", path=path)
    else:
        s.user(_put_content(s, "write", path, content))
    s.call("write", path=path, content=content)
    s.say(f"Created `{path}`.")
    return done(s, path, files={path: content})


def write_existing(s: Session) -> Check | None:
    """A "new" file that is there already: look first, then ask before anything is lost."""
    file = s.pick(lambda f: f.kind in ("notes", "text", "todo", "ini", "list") and len(f.text) < 800)
    content = _content(s)
    if not file or "`" in content:
        return None
    s.user(_put_content(s, "overwrite", file.path, content))
    s.call("write", path=file.path, content=content)
    s.drop(file.path)
    s.say(f"Replaced the contents of `{file.path}`.")
    return done(s, file.path, files={file.path: content})


def delete(s: Session) -> Check | None:
    """One file, when the user says so."""
    if not s.files:
        return None
    file = s.r.choice(list(s.files.values()))
    named = name_file(s, file)
    s.ask("delete", path=named.text)
    if not located(s, named):
        return None
    s.call("bash", command=f"rm {_path(file.path)}")
    s.drop(file.path)
    s.last = None
    s.say(f"Deleted `{file.path}`.")
    return done(s, file.path, files={file.path: None})


def delete_missing(s: Session) -> Check | None:
    """A file to delete that is not there: nothing else is touched."""
    path = s.x.ident(s.r) + s.r.choice([".txt", ".log", ".py", ".md"])
    if s.bench.place.exists(path):
        return None
    s.ask("delete", path=path)
    result = s.call("glob", pattern=path)
    if not result.startswith("no files"):
        return None
    s.say(f"There is no `{path}`, so nothing was deleted.")
    return done(s, "no `", harmless=True)


def delete_folder(s: Session) -> Check | None:
    """A folder with its files, when the user says so."""
    folders = [f for f in s.bench.place.tree() if f != "." and "/" not in f]
    if not folders:
        return None
    folder = s.r.choice(folders)
    s.ask("delete_dir", dir=folder)
    s.call("bash", command=f"rm -r {_path(folder)}")
    for path in [p for p in s.files if p.startswith(folder + "/")]:
        s.drop(path)
    s.last = None
    s.say(f"Deleted the folder `{folder}`.")
    return done(s, folder)


def move(s: Session) -> Check | None:
    """Another name or place; or a copy."""
    r = s.r
    if not s.files:
        return None
    file = r.choice(list(s.files.values()))
    folders = [f for f in s.bench.place.tree() if f != "."]
    ending = "." + file.name.rsplit(".", 1)[-1] if "." in file.name[1:] else ""
    style = r.random()
    if style < 0.25 and folders:
        folder = r.choice(folders)
        said = r.choice([folder, folder + "/", f"the folder {folder}", f"the {folder} folder"])
        target, final = folder + "/", f"{folder}/{file.name}"
    else:
        folder = file.folder if style < 0.6 else r.choice(["", *folders])
        final = (folder + "/" if folder else "") + s.x.ident(r) + ending
        said = target = final
    kind = r.choice(["move", "move", "copy"])
    if s.bench.place.exists(final) or final == file.path or " " in file.path:
        return None
    named = name_file(s, file)
    s.ask(kind, path=named.text, new=said)
    if not located(s, named):
        return None
    s.call("bash", command=f"{'mv' if kind == 'move' else 'cp'} {_path(file.path)} {_path(target)}")
    text = file.text
    if kind == "move":
        s.drop(file.path)
        s.last = None
    s.say(f"{'Moved' if kind == 'move' else 'Copied'} `{file.path}` to `{final}`.")
    files = {final: text}
    if kind == "move":
        files[file.path] = None
    return done(s, final, files=files)


def mkdir(s: Session) -> Check | None:
    """A new folder."""
    folder = s.r.choice(["", "", s.x.word(s.r) + "/"]) + s.x.ident(s.r)
    if s.bench.place.exists(folder):
        return None
    s.ask("mkdir", dir=folder)
    s.call("bash", command=f"mkdir -p {folder}")
    s.say(f"Created the folder `{folder}`.")
    return done(s, folder)


TASKS = {
    "edit": (10, edit), "edit_missing": (1.2, edit_missing), "edit_missing_key": (1.5, edit_missing_key), "edit_by_search": (2, edit_by_search), "follow_edit": (4, follow_edit), "undo": (1.5, undo),
    "replace": (3, replace), "remove_line": (1.5, remove_line), "add_line": (4, add_line), "check_item": (1.2, check_item), "write": (5, write), "overwrite": (1, write_existing),
    "delete": (2, delete), "delete_missing": (0.8, delete_missing), "delete_folder": (0.5, delete_folder), "move": (3, move), "mkdir": (1, mkdir),
}  # fmt: skip
