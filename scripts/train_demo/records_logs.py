"""Logs in several forms, up to 200 lines, with jobs in them that worked or failed for a reason."""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from dataclasses import dataclass, field
from random import Random

from .files.base import File, Maker
from .records import FIRST

FORMS = (
    "{d} {t} {L} {m}", "{d}T{t}Z {L} {m}", "[{d} {t}] {L}: {m}", "{t} [{L}] {m}", "{d} {t} [{L}] {c}: {m}", "{d} {t},{n} - {c} - {L} - {m}", "{L} {d} {t} {m}",
    "{c}[{n}]: {d} {t} {L}: {m}", "{d} {t} {L:<7} {c} {m}", "[{L}] {t} {m}", "{d} {t} | {L} | {m}", "{t} {c} {L}: {m}",
)  # fmt: skip
LEVELS = (
    ("INFO", "WARNING", "ERROR"), ("INFO", "WARN", "ERROR"), ("info", "warn", "error"), ("info", "warning", "error"), ("INFO", "WARN", "ERROR", "DEBUG"), ("notice", "warning", "error"), ("Info", "Warning", "Error"),
)  # fmt: skip
WORKERS = ("db", "web", "worker", "sync", "mailer", "auth", "cron", "api", "queue", "scheduler")
_OBJECTS = ("backup", "import", "export", "upload", "sync", "migration", "newsletter", "restart", "cleanup", "certificate renewal", "report", "payment run", "index rebuild", "firmware update", "door scan", "printer job", "invoice mail", "cache warmup", "camera check", "stock update", "login check", "thumbnail job", "label print", "sensor poll", "archive job", "license check", "password reset", "calendar feed", "price update", "deploy")
_GOOD = ("{o} finished in {n} s", "{o} completed", "{o} done, {n} items", "{o} ok ({n} files)", "{o} succeeded after {n} tries", "{o} by {p} went through")
_BAD = ("{o} failed: {y}", "{o} aborted, {y}", "{o} stopped: {y}", "could not finish {o}: {y}", "{o} gave up after {n} tries: {y}")
_SLOW = ("{o} is slow: {n} s", "{o} delayed, {y}", "retrying {o} ({y})", "{o} skipped {n} items")
_START = ("{o} started", "starting {o}", "{o} queued by {p}", "{o} requested by {p}")
_IDLE = ("GET /{w}/{n} 200", "user {p} logged in", "connection from 10.0.{n}.7", "listening on port 80{n}", "{n} jobs waiting", "error rate {n}%", "no errors in {n} files", "warning mail sent to {p}", "info page read by {p}", "error report {n} stored", "heartbeat", "memory at {n}%", "config reloaded", "session {n} closed", "user {p} logged out", "cache hit rate {n}%")
_WHY = ("disk full", "timeout after 30 s", "permission denied", "host not reachable", "no space left on device", "wrong password", "table is locked", "file not found", "connection refused", "out of memory", "certificate expired", "quota exceeded", "bad checksum", "queue is full", "unknown column", "invalid token")
_WORDS = ("health", "items", "login", "static", "api", "orders", "search")


@dataclass
class Entry:
    """One line of a log about a job."""

    what: str
    kind: str
    """"good", "bad", "slow", "start" or "idle"."""
    level: str
    time: str
    line: str
    why: str = ""


@dataclass
class Log(File):
    """A log and its lines."""

    lines: list[Entry] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    form: str = ""
    made: str = ""


def pattern_of(log: Log, level: str) -> str:
    """What marks a line of this level and none that only has the word; both spellings of "warn"."""
    at = log.form.index("{L")
    before = log.form[at - 1] if at else "^"
    start = "\\[" if before == "[" else before
    if level.lower().startswith("warn"):
        return start + level[:4]
    after = log.form[log.form.index("}", at) + 1]
    return start + level + {"]": "\\]"}.get(after, after)


def log(m: Maker, path: str) -> Log:
    """A log of 8 to 200 lines; each job comes to one end."""
    r = m.r
    form, levels = r.choice(FORMS), r.choice(LEVELS)
    day, seconds, n = f"{r.randint(2021, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}", r.randint(0, 30_000), r.choice((8, 12, 18, 25, 30, 45, 60, 90, 130, 200))
    made = Log(path, "", "log", levels=levels, form=form)
    jobs = r.sample(_OBJECTS, min(len(_OBJECTS), max(3, n // 6)))
    plan: list[tuple[str, str]] = []
    for job in jobs:
        plan += [(job, "start")] * (r.random() < 0.5) + [(job, r.choice(("good", "good", "bad", "bad", "slow")))]
    while len(plan) < n:  # jobs keep their order; idle lines go between them
        plan.insert(r.randint(0, len(plan)), ("", "idle"))
    step = max(2, 80_000 // len(plan) // 2)
    for what, kind in plan:
        seconds += r.randint(1, step)
        made.lines.append(_line(r, made, what, kind, day, seconds))
    made.text = made.made = "\n".join(x.line for x in made.lines) + "\n"
    return made


def _line(r: Random, made: Log, what: str, kind: str, day: str, seconds: int) -> Entry:
    texts = {"good": _GOOD, "bad": _BAD, "slow": _SLOW, "start": _START, "idle": _IDLE}[kind]
    template, why = r.choice(texts), r.choice(_WHY)
    message = template.format(o=what, n=r.randint(2, 90), y=why, p=r.choice(FIRST), w=r.choice(_WORDS))
    low, middle, high = made.levels[:3]
    level = {"bad": high, "slow": middle}.get(kind, low)
    if kind == "idle" and r.random() < 0.12:
        level = made.levels[-1] if len(made.levels) > 3 else middle
    clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    text = made.form.format(d=day, t=clock, L=level, m=message, c=r.choice(WORKERS), n=r.randint(100, 999))
    return Entry(what, kind, level, clock, text, why if "{y}" in template else "")
