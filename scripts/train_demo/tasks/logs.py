"""Logs asked in plain words: lines about something, how many, first and last, any trouble."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..session import Session
from ..wording import expand, noisy
from .common import Check, block, done, look_up, name_file
from .tables import log_file, quoted_path


def log_what(s: Session) -> Check | None:
    """Lines of a log about something."""
    file = log_file(s)
    words = [w for w in s.r.choice(file.entries)[2].split() if w.isalpha() and len(w) > 3]
    if not words:
        return None
    word = s.r.choice(words)
    hits = [e[3] for e in file.entries if word.lower() in e[3].lower()]
    if len(hits) > 6:
        return None
    named = name_file(s, file)
    s.ask("log_what", word=word, path=named.text)
    look_up(s, named)
    s.call("grep", pattern=word.lower(), path=file.path)
    s.say(f"In `{file.path}`:\n{block(chr(10).join(hits))}")
    return done(s, *[h.strip()[-30:] for h in hits], harmless=True)


def log_level_count(s: Session) -> Check | None:
    """How many errors or warnings, whatever their case."""
    file = log_file(s)
    level = s.r.choice(["error", "warning", "info", "debug"])
    own = {e[1] for e in file.entries if level[:4] in e[1].lower()}
    if len(own) != 1:
        return None
    n = sum(own.copy().pop() in e[3] for e in file.entries)
    named = name_file(s, file)
    said = s.r.choice([level + "s", level + " lines", level.upper() + " lines", f"{level} messages"])
    s.ask("level_count", level=said, path=named.text)
    look_up(s, named)
    s.call("read", path=file.path, limit=3)
    mark = own.pop() if level[:4] in s.turns[-1].pieces[-2][0].lower() else level[:4]
    hits = sum(mark.lower() in e[3].lower() for e in file.entries)
    command = f"grep -ci '{mark}' {quoted_path(file.path)}"
    if hits != n:
        return None
    s.bench.outputs[command] = (str(n), 0 if n else 1)
    s.call("bash", command=command)
    s.say(f"There are {n} {level} lines in `{file.path}`.")
    return done(s, f" {n} ", harmless=True)


_LOG_ASK = (
    "(was|were|is|are) there (any |an |)(problems|trouble|errors|error|failures)( in the log| in the logs| logged| today| at all|);(did|does) (anything|something) (fail|go wrong|break)( in the log| according to the log| lately|);"
    "(any|some) (errors|problems|failures) (in the log|in the logs|logged|lately);(what|which) (errors|problems|failures) (are there|do we have|did we get|were logged|are in the logs);is the log clean;(what went wrong|what failed|what broke)( lately| in the logs| recently|)"
)


def log_trouble(s: Session) -> Check | None:
    """Whether something went wrong, in no named log: find the log, look for errors."""
    logs = [p for p in s.bench.place.files if p.endswith(".log")]
    if len(logs) != 1 or logs[0] not in s.files:
        return None
    file = s.files[logs[0]]
    hits = [e[3] for e in file.entries if "error" in e[3].lower()]
    if "\r" in file.text or len(hits) > 8:
        return None
    s.user(noisy(s.r, expand(s.r, s.r.choice(_LOG_ASK.split(";")))) + s.r.choice(["?", "", "?"]))
    s.call("glob", pattern="*.log")
    s.call("grep", pattern="error", path=file.path)
    if not hits:
        s.say(f"No, there is no error in `{file.path}`.")
        return done(s, "No", harmless=True)
    s.say(f"Yes, in `{file.path}`:\n{block(chr(10).join(hits))}")
    return done(s, *[h.strip()[-30:] for h in hits], harmless=True)


def log_edge(s: Session) -> Check | None:
    """The first or last line of a log."""
    file = log_file(s)
    edge = s.r.choice(["first", "last", "latest", "final", "newest", "earliest", "oldest"])
    head = edge in ("first", "earliest", "oldest")
    named = name_file(s, file)
    s.ask("log_edge", edge=edge, path=named.text)
    look_up(s, named)
    line = file.entries[0 if head else -1][3]
    command = f"{'head' if head else 'tail'} -n 1 {quoted_path(file.path)}"
    s.bench.outputs[command] = (line, 0)
    s.call("bash", command=command)
    s.say(f"The {edge} line of `{file.path}` is:\n{block(line)}")
    return done(s, line.strip()[-40:], harmless=True)


TASKS = {
    "log_what": (2.5, log_what), "log_level_count": (2, log_level_count),
    "log_edge": (1.2, log_edge), "log_trouble": (3, log_trouble),
}  # fmt: skip
