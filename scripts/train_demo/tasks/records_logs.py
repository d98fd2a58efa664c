"""Logs: how many of a level, the last error, when something ran, whether it worked and why not."""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
import re

from ..records import asked, hits_in, is_crowded, search_word
from ..records_logs import Entry, Log, log, pattern_of
from ..session import MAX_FILES, Session
from .common import Check, block, done
from .tables import quoted_path

_STEMS = "app server sync backup nightly cron worker jobs service system gateway import deploy".split()  # noqa: SIM905
_FOLDERS = ("", "logs", "logs", "log", "var/log", "data", "out")
_LEVEL_WORDS = {"error": ("errors", "error lines", "error messages", "errors"), "warn": ("warnings", "warnings", "warning lines"), "info": ("info lines", "info messages", "infos"), "notice": ("notices", "notice lines"), "debug": ("debug lines", "debug messages")}
HOW_MANY = ("how many {level} (are|do we have|did we get|were there|are there|happened) (in|in) {file}[q]", "(count|number of|count the|tell me the number of) {level} (in|of) {file}[post]", "{file}: how many {level}[q]", "how often (do|did) {level} (occur|happen|show up) in {file}[q]", "{level} in {file}, how many[q]")
HOW_MANY_BARE = ("how many {level} (are logged|did we have|were logged|in the log|were there|are there in the log)[q]", "(count|number of) {level} (in the log|logged)[post]", "{level} in the log, how many[q]")
LAST = ("(what is|what was|what's|whats|show me|tell me) the (last|latest|most recent|newest) {level} (in|from|of) {file}[q]", "(last|latest|newest|most recent) {level} (in|of|from) {file}[q]", "what went wrong (last|most recently|at the end) (in|according to) {file}[q]", "{file}: (last|newest|latest) {level}[q]")
LAST_BARE = ("(what is|what was|what's|show me|tell me) the (last|latest|most recent|newest) {level}( logged| in the log|)[q]", "(last|latest|newest) {level}[q]", "what went wrong (last|most recently)[q]", "which {level} (came|was logged) last[q]")
DID_IT = ("did the {job} (work|succeed|go through|finish|run through|complete)( this time| last night| today|)[q]", "(was|is) the {job} (successful|ok|fine|completed|done)[q]", "has the {job} (worked|gone through|finished)[q]", "(any trouble|any problem|problems|everything ok) with the {job}[q]", "{job} (ok|fine|successful|went well)[q]", "I hope the {job} (worked|went through)(. Did it|, did it|)[q]")
WHY = ("why did the {job} (fail|not work|stop|break|go wrong|crash|abort)[q]", "(what is|what was|what's) (wrong|the problem|the matter|the reason|the trouble) with the {job}[q]", "(reason|cause) (for|of) the {job} (failure|problem|error)[q]", "what (stopped|broke|killed) the {job}[q]", "{job} failed, why[q]", "what happened to the {job}[q]")
WHEN = ("(when|at what time) did the {job} (end|run|happen|finish)[q]", "(what|which) time did the {job} (finish|run|end)[q]", "{job}: when[q]", "when was the {job} (over|through|finished)[q]", "time of the {job}[q]")
STARTED = ("(when|at what time) did the {job} (start|begin)[q]", "when was the {job} (started|queued|requested)[q]", "starting time of the {job}[q]")


def a_log(s: Session) -> Log | None:
    """A log; a new one sometimes or when there is none."""
    r = s.r
    fitting = [f for f in s.files.values() if isinstance(f, Log) and f.path in s.bench.place.files and s.text_of(f.path) == f.made]
    if fitting and (len(s.files) >= MAX_FILES or r.random() < 0.75):
        return r.choice(fitting)
    for _ in range(0 if is_crowded(s) else 4):
        folder = r.choice(_FOLDERS)
        path = (folder + "/" if folder else "") + r.choice(_STEMS) + r.choice((".log", ".log", ".log", ".txt"))
        if not s.bench.place.exists(path) and not any(f"{path}".startswith(p + "/") for p in s.bench.place.files):
            return s.add(log(s.maker, path))
    return None


def _find(s: Session, file: Log, pool: tuple[str, ...], bare: tuple[str, ...], **slots: str) -> bool:
    """Ask with the log's path, name, or just as a log; then find it."""
    r, x = s.r, s.r.random()
    stem = file.name.rpartition(".")[0]
    if x < 0.35:
        asked(s, pool, file=file.path, **slots)
        return True
    alone = [p for p in s.bench.place.files if p.endswith(".log")] == [file.path]
    if x < 0.65 or not alone:
        asked(s, pool, file=r.choice((f"the {stem} log", f"our {stem} log", f"{stem} log", f"the log of the {stem}", file.name)), **slots)
        names = s.call("glob", pattern=f"*{stem}*").split("\n")
    else:
        asked(s, bare, **slots)
        names = s.call("glob", pattern="*log*").split("\n")
        logs = [n for n in names if n.endswith(".log")]
        return logs == [file.path]
    return file.path in names and len(names) <= 4


def _run(s: Session, command: str, lines: list[str] | str) -> None:
    text = lines if isinstance(lines, str) else "\n".join(lines)
    s.bench.outputs[command] = (text, 0 if text not in ("0", "") else 1)
    s.call("bash", command=command)


def _level(s: Session, file: Log) -> tuple[str, str]:
    level = s.r.choice((file.levels[2], file.levels[2], file.levels[1], *file.levels))
    kind = next(k for k in _LEVEL_WORDS if level.lower().startswith(k))
    return level, kind


def level_count(s: Session) -> Check | None:
    """The lines of one level: its spelling is seen first, then counted by command."""
    file = a_log(s)
    if not file:
        return None
    level, kind = _level(s, file)
    if not _find(s, file, HOW_MANY, HOW_MANY_BARE, level=s.r.choice(_LEVEL_WORDS[kind])):
        return None
    s.call("read", path=file.path, limit=5)
    n, pattern = sum(x.level == level for x in file.lines), pattern_of(file, level)
    if n != sum(bool(re.search(pattern, x.line)) for x in file.lines):
        return None
    _run(s, f"grep -c '{pattern}' {quoted_path(file.path)}", str(n))
    s.say(f"There are {n} {level} lines in `{file.path}`.")
    return done(s, f" {n} {level}", harmless=True)


def level_last(s: Session) -> Check | None:
    """The last error or warning."""
    file = a_log(s)
    if not file:
        return None
    level = file.levels[2] if s.r.random() < 0.8 else file.levels[1]
    hits = [x for x in file.lines if re.search(pattern_of(file, level), x.line)]
    if not hits or hits[-1].level != level:
        return None
    word = "error" if level is file.levels[2] else "warning"
    pools = (LAST, LAST_BARE) if word == "error" else (LAST[:2], LAST_BARE[:2])
    if not _find(s, file, *pools, level=word):
        return None
    s.call("read", path=file.path, limit=5)
    _run(s, f"grep '{pattern_of(file, level)}' {quoted_path(file.path)} | tail -n 1", [hits[-1].line])
    s.say(f"The last {word} in `{file.path}` is:\n{block(hits[-1].line)}")
    return done(s, hits[-1].line[-30:], harmless=True)


def _one_job(s: Session, file: Log, kinds: tuple[str, ...]) -> Entry | None:
    found = [x for x in file.lines if x.kind in kinds]
    return s.r.choice(found) if found else None


def _search(s: Session, file: Log, entry: Entry, pool: tuple[str, ...]) -> bool:
    """Ask for the job; look for its longest word, in all files or in the log that was named."""
    word = search_word(entry.what)
    hits = hits_in(s, word)
    if file.path not in hits:
        return False
    if s.r.random() < 0.3 or list(hits) != [file.path]:
        asked(s, tuple(t.replace("[q]", " (in|according to|going by) {file}[q]") for t in pool), job=entry.what, file=file.path)
        s.call("grep", pattern=word, path=file.path)
    else:
        asked(s, pool, job=entry.what)
        s.call("grep", pattern=word)
    return True


def job_state(s: Session) -> Check | None:
    """Yes or no, with the line."""
    file = a_log(s)
    entry = file and _one_job(s, file, ("good", "bad"))
    if not entry or not _search(s, file, entry, DID_IT):
        return None
    said = s.turns[-1].pieces[1][0].lower()
    trouble = any(w in said for w in ("trouble", "problem"))
    fine = entry.kind == "good"
    word = "Yes" if fine != (trouble and "everything" not in said) else "No"
    s.say(f"{word}. In `{file.path}`:\n{block(entry.line)}")
    return done(s, word, entry.line[-25:], harmless=True)


def job_why(s: Session) -> Check | None:
    """The reason of a failure."""
    file = a_log(s)
    entry = file and _one_job(s, file, ("bad",))
    if not entry or not entry.why or not _search(s, file, entry, WHY):
        return None
    s.say(f"{entry.why[0].upper() + entry.why[1:]}. In `{file.path}`:\n{block(entry.line)}")
    return done(s, entry.line[-25:], harmless=True)


def job_when(s: Session) -> Check | None:
    """The time of a line."""
    file = a_log(s)
    kinds = ("start",) if s.r.random() < 0.4 else ("good", "bad")
    entry = file and _one_job(s, file, kinds)
    if not entry or not _search(s, file, entry, STARTED if entry.kind == "start" else WHEN):
        return None
    s.say(f"At {entry.time}. In `{file.path}`:\n{block(entry.line)}")
    return done(s, entry.time, harmless=True)


TASKS = {
    "level_count": (3.5, level_count), "level_last": (3.5, level_last), "job_state": (4.5, job_state),
    "job_why": (3.5, job_why), "job_when": (3, job_when),
}  # fmt: skip
