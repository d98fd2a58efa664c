"""Whole files written, deleted, moved and copied; folders.

Nothing here destroys without a verb that says so.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
import json

from ..session import Session
from ..values import key
from ..wording import expand, noisy
from .common import (
    Check,
    block,
    done,
    located,
    name_file,
)
from .tables import quoted_path


def _content(s: Session) -> str:
    x, r = s.x, s.r
    kind = r.random()
    if kind < 0.35:
        return x.words_of(r, 1, 7)
    if kind < 0.55:
        return "\n".join(
            f"{key(x, r)}{r.choice(['=', ' = ', ': '])}{x.value(r)}" for _ in range(r.randint(1, 4))
        )
    if kind < 0.7:
        return "\n".join(
            r.choice(["- ", "* ", ""]) + x.words_of(r, 1, 3) for _ in range(r.randint(2, 5))
        )
    if kind < 0.78:
        return json.dumps(
            {key(x, r): x.value(r) for _ in range(r.randint(1, 3))}, ensure_ascii=False
        )
    if kind < 0.9:
        return r.choice(
            [
                f'print("{x.words_of(r, 1, 3)}")',
                f"def {x.snake(r)}():\n    return {r.randint(0, 99)}",
                f"# {x.words_of(r, 1, 3)}\n\n{x.sentence(r)}",
                f"echo {x.word(r)}",
                f"import {x.word(r)}\n\nx = {r.randint(1, 99)}",
            ]
        )
    return x.passage(r, 30, 160)


def _put_content(s: Session, kind: str, path: str, content: str) -> str:
    """The request with the content in it, quoted when it stands in the middle."""
    from ..phrases import PHRASES
    from ..wording import expand as expand_template
    from ..wording import fill, noisy

    text = noisy(s.r, expand_template(s.r, s.r.choice(PHRASES[kind])))
    ends = text.rstrip().endswith("{content}")
    if not ends and "\n" in content:
        text, ends = "Write the following to {path}:\n{content}", True
    if (
        kind == "overwrite"
        and not text.lower().count("over")
        and not text.lower().count("repl")
        and not text.lower().count("rewr")
    ):
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
    deep = "/".join(s.x.word(r) for _ in range(r.randint(1, 3)))
    folder = r.choice(["", "", r.choice(folders), deep])
    path = (
        (folder + "/" if folder else "")
        + s.x.ident(r)
        + r.choice(
            [".txt", ".md", ".cfg", ".json", ".py", ".txt", ".sh", ".yaml", ".env", ".csv", ".html"]
        )
    )
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
    s.made = (path, s.n_turns)
    return done(s, path, files={path: content})


_DESCRIBED = (
    (".py", "(a |a new |a tiny |)(python |)(script|program|file) {path} (that|which) (prints|says|outputs|writes) {w}", 'print("{w}")\n'),
    (".sh", "(a |a new |a little |)(shell |bash |)script {path} (that|which) (echoes|prints|says|outputs) {w}", '#!/bin/sh\necho "{w}"\n'),
    (".json", "(an empty JSON object in {path}|{path} with an empty object|a json file {path} with an empty object in it)", "{}\n"),
    (".json", "(an empty list in {path}|{path} with an empty JSON list|a json file {path} holding an empty list)", "[]\n"),
    (".json", "(a json file |){path} (with|where|in which) {k} (is|set to|being) {v}", '{"{k}": "{v}"}\n'),
    (".md", "(a |a markdown |)(file|page|document) {path} with the (title|heading) {w}", "# {w}\n"),
    (".md", "(a |)(file|list|todo list) {path} with the (items|points|entries) {a}, {b} and {c}", "- {a}\n- {b}\n- {c}\n"),
    (".csv", "(a |a csv |)(file|table) {path} with the (columns|headers|fields) {a}, {b} and {c}", "{a},{b},{c}\n"),
    (".txt", "(a |a text |)file {path} (saying|that says|with the words|with the text|with one line:|containing) {w}", "{w}\n"),
    (".txt", "(a |a text |)file {path} with (one line for each of|the lines) {a}, {b} and {c}", "{a}\n{b}\n{c}\n"),
    (".env", "{path} (with|setting|that sets) {K} (to|as|=) {v}", "{K}={v}\n"),
    (".py", "(a python file |){path} with (a|the) function {k} that returns {n}", "def {k}():\n    return {n}\n"),
    (".py", "(a python file |){path} with (a|the) constant {K} (set to|of|equal to) {n}", "{K} = {n}\n"),
)  # fmt: skip
"""Ending, the wish, the contents."""
_CREATE = "(|please |could you |can you |pls )(create|make|write|add|set up|I need|I want|give me|start|put down) "


def write_described(s: Session) -> Check | None:
    """A new file whose contents are described."""
    r, x = s.r, s.x
    ending, wish, content = r.choice(_DESCRIBED)
    folders = [f for f in s.bench.place.tree() if f != "."]
    folder = r.choice(["", "", *folders[:2]])
    path = (folder + "/" if folder else "") + x.ident(r) + ending
    if s.bench.place.exists(path):
        return None
    word = x.words_of(r, 1, 4)
    slots = {"path": path, "w": word, "k": x.snake(r), "v": x.ident(r), "n": str(r.randint(0, 999)),
             "a": x.word(r), "b": x.word(r), "c": x.word(r), "K": x.snake(r).upper()}  # fmt: skip
    quote = r.choice(["", "", '"', "'", "`"])
    text = noisy(r, expand(r, _CREATE) + " " + expand(r, wish))
    s.user(fill_any(text, {**slots, "w": quote + word + quote}))
    content = fill_any(content, slots)
    s.call("write", path=path, content=content)
    s.say(f"Created `{path}`.")
    s.made = (path, s.n_turns)
    return done(s, path, files={path: content})


def fill_any(text: str, slots: dict[str, str]) -> str:
    """Slots filled in a text that may hold other braces."""
    for name, value in slots.items():
        text = text.replace("{" + name + "}", value)
    return text


def write_existing(s: Session) -> Check | None:
    """A "new" file that is there already: look first, then ask before anything is lost."""
    file = s.pick(
        lambda f: f.kind in ("notes", "text", "todo", "ini", "list") and len(f.text) < 800
    )
    content = _content(s)
    if not file or "`" in content:
        return None
    s.user(_put_content(s, "overwrite", file.path, content))
    s.call("write", path=file.path, content=content)
    s.drop(file.path)
    s.say(f"Replaced the contents of `{file.path}`.")
    return done(s, file.path, files={file.path: content})


def delete(s: Session) -> Check | None:
    """One file, when the user says so by its name."""
    if not s.files:
        return None
    file = s.r.choice(list(s.files.values()))
    named = name_file(s, file)
    s.ask("delete", path=named.text)
    if not located(s, named):
        return None
    if named.pattern or named.text in file.aliases:  # a role names no file: it is asked for
        s.say(f"Do you mean `{file.path}`? I have deleted nothing yet.")
        return done(s, file.path, "?", harmless=True)
    return deleted(s, file.path)


def deleted(s: Session, path: str) -> Check:
    """The file goes, and the model says so."""
    s.call("bash", command=f"rm {quoted_path(path)}")
    s.drop(path)
    s.last = None
    s.say(f"Deleted `{path}`.")
    return done(s, path, files={path: None})


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
    s.call("bash", command=f"rm -r {quoted_path(folder)}")
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
    verb = "mv" if kind == "move" else "cp"
    s.call("bash", command=f"{verb} {quoted_path(file.path)} {quoted_path(target)}")
    text = file.text
    if kind == "move":
        s.drop(file.path)
        s.last = None
    s.say(f"{'Moved' if kind == 'move' else 'Copied'} `{file.path}` to `{final}`.")
    s.made = (final, s.n_turns)
    files = {final: text}
    if kind == "move":
        files[file.path] = None
    return done(s, final, files=files)


def mkdir(s: Session) -> Check | None:
    """A new folder."""
    above = "".join(s.x.word(s.r) + "/" for _ in range(s.r.choice((0, 0, 1, 1, 2, 3))))
    folder = above + s.x.ident(s.r)
    if s.bench.place.exists(folder):
        return None
    s.ask("mkdir", dir=folder)
    s.call("bash", command=f"mkdir -p {folder}")
    s.say(f"Created the folder `{folder}`.")
    return done(s, folder)


def follow_made(s: Session) -> Check | None:
    """What to do with the file just written, moved, copied or shown, by a pronoun."""
    path, turn = s.made
    if turn != s.n_turns or path not in s.bench.place.files or s.n_turns == 0 or " " in path:
        return None
    return s.r.choice((_delete_made, _rename_made, _show_made, _add_to_made))(s, path)


def _delete_made(s: Session, path: str) -> Check:
    s.ask("made_delete")
    return deleted(s, path)


def _rename_made(s: Session, path: str) -> Check | None:
    text = s.text_of(path)
    folder, slash, name = path.rpartition("/")
    ending = "." + name.rsplit(".", 1)[-1] if "." in name[1:] else ""
    new = folder + slash + s.x.ident(s.r) + ending
    if s.bench.place.exists(new):
        return None
    s.ask("made_rename", new=new if s.r.random() < 0.5 else new.rpartition("/")[2])
    s.call("bash", command=f"mv {quoted_path(path)} {quoted_path(new)}")
    s.drop(path)
    s.last = None
    s.say(f"Moved `{path}` to `{new}`.")
    s.made = (new, s.n_turns)
    return done(s, new, files={new: text, path: None})


def _last_line(s: Session, path: str) -> str:
    """Its last line; empty when the file is none to show or to add to."""
    text = s.text_of(path)
    if not text.strip() or "`" in text or len(text) > 1200 or "\r" in text:
        return ""
    return text.rstrip("\n").split("\n")[-1]


def _show_made(s: Session, path: str) -> Check | None:
    last = _last_line(s, path)
    if not last:
        return None
    s.ask("made_show")
    shown = s.call("read", path=path)
    s.say(f"`{path}`:\n{block(shown)}")
    s.made = (path, s.n_turns)
    return done(s, last.strip()[:40], harmless=True)


def _add_to_made(s: Session, path: str) -> Check | None:
    last, text = _last_line(s, path), s.text_of(path)
    if not last:
        return None
    line = s.x.words_of(s.r, 1, 5)
    if text.count(last) != 1 or line in text:
        return None
    s.ask("made_add", line=s.r.choice((line, f'"{line}"', f"`{line}`")))
    s.call("edit", path=path, old=last, new=f"{last}\n{line}")
    s.drop(path)
    s.say(f"Added `{line}` to `{path}`.")
    s.made = (path, s.n_turns)
    return done(s, line, files={path: s.text_of(path)})


TASKS = {
    "follow_made": (2, follow_made),
    "write": (5, write),
    "write_described": (3, write_described),
    "overwrite": (1, write_existing),
    "delete": (2, delete),
    "delete_missing": (0.8, delete_missing),
    "delete_folder": (0.5, delete_folder),
    "move": (3, move),
    "mkdir": (1, mkdir),
}
