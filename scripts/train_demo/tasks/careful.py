"""Deleting with care, permissions, and verbs that are neither.

A file is deleted only by a verb of deletion and its name. A role, a part of a file's content or a
vague wish is answered by the name that was found and a question; "yes" is then an order.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..files import code
from ..files.base import File
from ..records import asked, is_crowded, replied
from ..session import Session
from .common import Check, block, by_role, done, enumerated, is_clean, located, name_file
from .filing import deleted
from .tables import quoted_path

_RID = "(delete|remove|get rid of|throw away|throw out|drop|erase|wipe|discard|trash|kill|bin|clear out|scrap)"
BY_ROLE = (
    f"[pre]{_RID} {{role}}[post]", f"[pre]{_RID} {{role}}[post]", "{role} (can go|can be deleted|is not needed any more|is no longer needed|is obsolete|must go|should be removed)", "(we|I) (don't|do not|no longer) (need|use|want) {role}( any more|)(, remove it|; delete it|, get rid of it|. Away with it|)",
    "away with {role}", f"(can|could|would) (you|we) {_RID} {{role}}[q]", f"(I want|we have|it's time) to {_RID} {{role}}",
)  # fmt: skip
VAGUE_RID = (
    f"[pre]{_RID} (everything|all|all that|whatever|anything) (we|I) (don't|do not|no longer) need[post]", f"[pre]{_RID} (the |all the |all |some |)(old|unused|useless|outdated|temporary|unneeded|superfluous|junk|leftover) (stuff|files|things|junk|ones|data|notes|code|rubbish)[post]", "[pre](clean up|tidy up|clear up|make room|free some space)( a bit| here| in here| a little|)[post]",
    f"[pre]{_RID} (it|this|that|them|these|all of it|everything|all|it all)[post]", "there is too much (stuff|junk|rubbish) (here|in here)(, do something about it|, clean it up|)", f"[pre]{_RID} (a few|some|most|half) of (the|these) (files|things|notes)[post]", "(too many|so many) files(, get rid of some|, clean up|)", "[pre](shrink|thin out|declutter|prune|slim down) (the project|this folder|everything)[post]",
    f"[pre]{_RID} what is (old|outdated|not used|not needed)[post]", "[pre](empty|wipe|purge|reset) (this|the folder|the project|everything|the place)[post]", f"{_RID} duplicates[post]",
)  # fmt: skip
WHICH = "Which file or folder shall I delete? I only delete what you name."
YES = ("yes", "yes please", "yes, (do it|delete it|go ahead|that one)", "(sure|right|ok|okay|exactly|correct|yep|yup|y|do it|go ahead|please do)", "(yes|ok|sure)(, |. )(delete|remove) it")
NO = ("no", "no(, | )(keep it|not that one|leave it|wait|stop|don't)", "(better not|rather not|nope|wait|stop|hold on|leave it|keep it|not that one|never mind)")


def delete_by_role(s: Session) -> Check | None:
    """A role leads to a file; whether it goes is asked first."""
    if s.r.random() < 0.1:
        return _delete_absent(s)
    file = s.r.choice(list(s.files.values()))
    role = by_role(s, file)
    if not role or " " in file.path:
        return None
    asked(s, BY_ROLE, role=role[0])
    if file.path not in s.call("glob", pattern=role[1]).split("\n"):
        return None
    s.say(f"Do you mean `{file.path}`? I have deleted nothing yet.")
    if s.r.random() < 0.4:
        return _answered(s, file)
    return done(s, file.path, "?", harmless=True)


def _delete_absent(s: Session) -> Check | None:
    word = s.x.word(s.r)
    if any(word in path.lower() for path in s.bench.place.names(folders=True)):
        return None
    asked(s, BY_ROLE, role=f"the {word} {s.r.choice(('file', 'script', 'notes', 'config', 'log'))}")
    s.call("glob", pattern=f"*{word}*")
    s.say(f"I found no file with `{word}` in its name. Which file shall I delete?")
    return done(s, "found no", "?", harmless=True)


def _answered(s: Session, file: File) -> Check:
    if s.r.random() < 0.4:
        replied(s, NO)
        s.say(f"Okay, I leave `{file.path}` as it is.")
        return done(s, "leave", harmless=True)
    replied(s, YES)
    return deleted(s, file.path)


def delete_vaguely(s: Session) -> Check | None:
    """No name at all: ask for one."""
    asked(s, VAGUE_RID)
    s.say(WHICH)
    return done(s, "Which file", harmless=True)


LINE_RID = (
    f"[pre]{_RID} the (line|entry|part|bit|sentence|remark|note|point) (about|with|on|that mentions|that says|concerning) {{word}}[post]", f"[pre]{_RID} (what it says|everything|all) about {{word}}[post]",
    "(the|that) (line|entry|remark|note) (about|with) {word} (can go|is wrong|must go|has to go|should go)",
)  # fmt: skip


def line_by_content(s: Session) -> Check | None:
    """A line is meant, in no named file: it is found and shown, and asked for."""
    file = s.pick(lambda f: f.kind in ("notes", "text", "todo", "list", "account") and "\r" not in f.text)
    words = [w for w in file.text.split() if len(w) > 4 and w.isalpha()] if file else []
    word = s.r.choice(words or [""]).lower()
    hits = [(p, n, x) for p in s.bench.place.names() for n, x in enumerate(s.text_of(p).splitlines(), 1) if word in x.lower()]
    if not word or len(hits) != 1 or not is_clean(hits[0][2]) or hits[0][2][:1] in "#=":
        return None
    path, number, line = hits[0]
    asked(s, LINE_RID, word=word)
    s.call("grep", pattern=word)
    s.say(f"Shall I take line {number} out of `{path}`? It is: `{line.strip()}`")
    if s.r.random() < 0.4 and s.text_of(path).count(line + "\n") == 1:
        return _taken_out(s, path, line)
    return done(s, path, "?", harmless=True)


def _taken_out(s: Session, path: str, line: str) -> Check | None:
    replied(s, YES)
    if s.call("edit", path=path, old=line + "\n", new="").startswith("error"):
        return None
    s.drop(path)
    s.say(f"Removed the line from `{path}`.")
    return done(s, path, files={path: s.text_of(path)})


WOULD = (
    f"(what|what would|what will) (happens|happen|break|breaks|stop working|change|changes) if (I|we|someone|you) {_RID} {{path}}[q]( (don't do it|do not delete anything|don't touch it|I'm only asking|just asking|leave it there)(.|)|)",
    f"(if|suppose|say|assuming) (I|we|someone) {_RID} {{path}}(,|:) (would|will|does) (anything|something|it) (break|stop working|be missing|still work|matter)[q]", f"(is|would) it (be |)(safe|ok|wise|a problem|fine|bad) to {_RID} {{path}}[q]", "(can|could|may|should|shall) (I|we) (safely |)(delete|remove|drop) {path}[q]( Leave it for now| don't do it yet|)",
    f"(don't|do not|please don't|never) {_RID} {{path}}( yet|)(,|;|:| -) (but |just |only |)(tell me|who needs it|what needs it|what depends on it|check who uses it|is it used|where is it used)[q]", f"before (we|I) {_RID} {{path}}(,|:) (who|what) (uses|needs|mentions) it[q]", "(does|do) (anything|any file|something|any of the files) (need|use|depend on|mention|refer to) {path}[q]", "(is|are) {path} (still |)(used|needed|mentioned|referenced)( anywhere| somewhere| by anything|)[q]",
)  # fmt: skip


def would_delete(s: Session) -> Check | None:
    """Only asked what a deletion would do: who mentions the file; nothing is done."""
    file = s.r.choice(list(s.files.values()))
    name = file.name
    if any(c in name for c in "()[]{}+*?^$|\\ "):
        return None
    said = file.path if s.r.random() < 0.8 else name
    if s.r.random() < 0.5:
        _mention(s, file)
    asked(s, WOULD, path=said)
    result = s.call("grep", pattern=name)
    if result.startswith("no matches"):
        s.say(f"No other file mentions `{name}`. I have changed nothing.")
        return done(s, "changed nothing", harmless=True)
    lines = [x for x in result.split("\n") if not x.endswith(":")]
    if len(lines) > 6:
        return None
    paths = list(dict.fromkeys(x.split(":", 1)[0] for x in lines))
    s.say(f"`{name}` is mentioned in {enumerated(paths)}. I have changed nothing.")
    return done(s, "changed nothing", *paths, harmless=True)


def _mention(s: Session, file: File) -> None:
    """Another file that needs this one."""
    path = s.r.choice(("scripts/", "src/", "", "docs/")) + s.x.ident(s.r) + s.r.choice((".sh", ".md", ".py"))
    use = s.r.choice((f"cat {file.path}", f"open('{file.path}')", f"see {file.path}", f"cp {file.path} /tmp", f"- {file.name}"))
    if not is_crowded(s) and not s.bench.place.exists(path) and file.path != path.split("/")[0]:
        s.add(File(path, f"# {s.x.sentence(s.r)}\n{use}\n", "text"))


# ------------------------------------------------------------------ permissions

_MODES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("+x", "executable", (
        "[pre]make {path} (executable|runnable|a runnable script|startable)[post]", "{path} (should|must|has to|needs to) be (executable|runnable)", "[pre](set|give|add|put) the (execute|x|executable|exec) (bit|flag|permission|right)( on| to| for) {path}[post]", "(chmod +x|chmod a+x|chmod u+x) {path}", "(I|we) (can't|cannot) (run|start|execute) {path}(,|:|;| -) (permission denied|fix the permissions|it is not executable)", "[pre](allow|let) (me|us|everyone|everybody) (to |)(run|execute|start) {path}[post]", "{path} (needs|wants|lacks|is missing) (the |its |)(execute|x|exec) (bit|permission|flag)", "mark {path} as executable[post]",
    )),
    ("-x", "no longer executable", (
        "[pre](take away|remove|clear|drop|strip|revoke) the (execute|x|executable) (bit|flag|permission|right) (of|from|on) {path}[post]", "{path} (should|must) (not|no longer) be (executable|runnable)", "[pre]make {path} (not executable|non-executable)[post]", "chmod -x {path}", "(nobody|no one) (should|may) (run|execute|start) {path}( any more|)",
    )),
    ("-w", "read-only", (
        "[pre]make {path} (read-only|read only|readonly|write-protected|write protected)[post]", "[pre](write-protect|protect|write protect) {path}( from changes| against writing|)[post]", "(nobody|no one) (should|may|must) (change|write to|edit|overwrite) {path}( any more|)", "chmod -w {path}", "{path} (should|must) be (read-only|write protected|protected from changes)", "[pre](take away|remove|revoke) (the |)write (permission|permissions|access|rights) (of|from|on) {path}[post]",
    )),
    ("+w", "writable", (
        "[pre]make {path} (writable|writeable|editable)( again|)[post]", "{path} (should|must) be (writable|writeable)( again|)", "[pre](give|grant|allow|restore) (write access|write permission|write permissions) (to|for|on) {path}[post]", "chmod +w {path}", "(I|we) (can't|cannot) (write to|save) {path}(,|:|;) (fix the permissions|it is read-only|make it writable)",
    )),
    ("600", "readable and writable by its owner only", (
        "[pre]make {path} (private|readable only by me|readable by the owner only)[post]", "chmod 600 {path}", "(only|nobody but) (I|me|the owner) (should|may|must) (read|see|be able to read) {path}", "[pre](hide|keep) {path} from (other users|the others|everybody else)[post]",
    )),
    ("644", "readable by everyone", ("[pre]make {path} readable (for|by) (everyone|everybody|all|others)[post]", "chmod 644 {path}", "(everyone|everybody|others) (should|may) (read|be able to read) {path}", "[pre](give|grant) (everyone|all users|others) read access to {path}[post]")),
    ("755", "executable by everyone", ("chmod 755 {path}", "(everyone|everybody) (should|may) (run|execute) {path}", "[pre]set the (mode|permissions) of {path} to 755[post]")),
)  # fmt: skip


def permission(s: Session) -> Check | None:
    """Another permission of a file: by chmod, its contents as they were."""
    mode, state, pool = s.r.choices(_MODES, (6, 2, 3, 2, 2, 1.5, 1.5))[0]
    scripts = lambda f: f.path.endswith((".sh", ".py")) and " " not in f.path  # noqa: E731
    plain = lambda f: " " not in f.path  # noqa: E731
    file = s.pick(scripts if "x" in mode or mode == "755" else plain, (code.shell, code.python))
    if not file:
        return None
    named = name_file(s, file)
    asked(s, pool, path=named.text)
    if not located(s, named):
        return None
    s.call("bash", command=f"chmod {mode} {quoted_path(file.path)}")
    s.say(f"`{file.path}` is {state} now.")
    return done(s, file.path, files={file.path: file.text})


IS_MODE = ("(is|can I run|can we run|may I run|am I allowed to run) {path}( executable| as it is|)[q]", "(which|what) permissions (does|has) {path}( have|)[q]", "permissions of {path}[q]", "(is|are) {path} (executable|writable|read-only|write protected)[q]", "[pre](show|check|tell me) the (permissions|mode|rights) of {path}[post]", "who (may|can) (read|write|run|change) {path}[q]")


def permission_asked(s: Session) -> Check | None:
    """The permissions as ls shows them."""
    file = s.pick(lambda f: " " not in f.path)
    if not file:
        return None
    named = name_file(s, file)
    asked(s, IS_MODE, path=named.text)
    if not located(s, named):
        return None
    mode = s.r.choice(("-rw-r--r--", "-rwxr-xr-x", "-rw-------", "-r--r--r--", "-rwx------"))
    command = f"ls -l {quoted_path(file.path)}"
    size = len(s.bench.place.files[file.path])
    line = f"{mode} 1 {s.x.word(s.r)} users {size} {s.r.choice(('Mar', 'Jun', 'Oct'))} {s.r.randint(10, 28)} {s.x.clock(s.r)} {file.path}"
    s.bench.outputs[command] = (line, 0)
    s.call("bash", command=command)
    told = "executable" if "x" in mode else "not executable"
    s.say(f"`{file.path}` has `{mode}`, it is {told}:\n{block(line)}")
    return done(s, mode, told, harmless=True)


_RUN_VERBS = ["fire up", "launch", "kick off", "execute", "trigger", "start", "let run", "try out", "invoke", "boot", "give {path} a spin", "give {path} a try", "set {path} going", "get {path} running", "spin up", "run through", "call", "have {path} run", "let {path} run", "test-drive", "run"]
_ODD_VERBS = ["sign", "bless", "arm", "calm", "bump", "ship", "harden", "revoke", "mute", "wrap", "polish", "rotate", "drain", "seal", "stage", "promote", "demote", "align", "flatten", "warm", "cool", "flip", "tune", "trim", "squash", "shuffle", "bake", "blend", "cast", "chain", "clamp", "fold", "fuse", "grind", "knit", "lint", "mask", "merge", "mirror", "nudge", "pack", "patch", "pin", "poke", "press", "rebase", "resolve", "rinse", "route", "sanitize", "scan", "season", "settle", "shade", "shift", "slice", "smooth", "stamp", "steer", "stretch", "strip", "sweep", "tag", "tame", "toggle", "touch up", "trade", "train", "twist", "unroll", "validate", "vet", "weave", "weigh", "wire", "yank", "zip", "sunset", "retire", "ground", "shelve", "park", "bury", "ditch the idea of", "neutralize", "deactivate", "revive", "age", "rest"]
ODD = ("[pre]{v} {path}[post]", "{path} (must|should|needs to|has to) be {v}ed", "[pre]{v} {path}( a bit| again| for me| properly| now|)[post]", "(can|could) you {v} {path}[q]", "(I|we) (want|need) to {v} {path}", "{v} {path}")


def odd_verb(s: Session) -> Check | None:
    """A verb that says nothing a tool can do: asked back, whatever file it is."""
    file = s.pick(lambda f: f.path.endswith((".sh", ".py")) or s.r.random() < 0.3)
    if not file:
        return None
    named = name_file(s, file, allow_bare=False)
    asked(s, ODD, v=s.r.choice(_ODD_VERBS), path=named.text)
    s.say(f"I am not sure what to do with `{file.path}`. Shall I show it, or change something in it?")
    return done(s, "not sure", harmless=True)


def run_verb(s: Session) -> Check | None:
    """Many ways to say that a script shall run."""
    from .running import _free, _run

    file = s.pick(lambda f: f.path.endswith((".py", ".sh")) and " " not in f.path, (code.shell, code.python))
    output, exit_code = _free(s)
    if not file or "`" in output:
        return None
    named = name_file(s, file)
    verb = s.r.choice(_RUN_VERBS)
    wish = verb.replace("{path}", "@") if "{path}" in verb else f"{verb} @"
    asked(s, (f"[pre]{wish.replace('@', '{path}')}[post]", f"{wish.replace('@', '{path}')}(, I want to see what it prints|, what does it say[q]| and show me the output|)"), path=named.text)
    if not located(s, named):
        return None
    program = "python3" if file.path.endswith(".py") else "bash"
    return _run(s, f"{program} {quoted_path(file.path)}", output, exit_code)


TASKS = {
    "delete_by_role": (5, delete_by_role), "delete_vaguely": (5, delete_vaguely), "line_by_content": (3, line_by_content),
    "would_delete": (4, would_delete), "permission": (5, permission), "permission_asked": (1.5, permission_asked),
    "odd_verb": (4, odd_verb), "run_verb": (3, run_verb),
}  # fmt: skip
