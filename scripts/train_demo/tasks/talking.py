"""Small talk, what it cannot do, asking back. Nothing is changed on an unclear word."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..phrases import CANT, CONCEPTS, FRAGMENTS, SMALL
from ..phrases_wide import CANT_WIDE
from ..session import Session
from ..values import CITIES
from ..wording import expand, fill, noisy
from .common import Check, done, name_file

CANNOT = "I can't help with that: I only work with the files and commands in this folder."


def small(s: Session) -> Check | None:
    """Greetings and thanks."""
    question, answers = s.r.choice(SMALL)
    s.user(noisy(s.r, expand(s.r, question)))
    s.say(answers[0])
    return done(s, answers[0][:20], harmless=True)


def cannot(s: Session) -> Check | None:
    """General knowledge, the world outside."""
    r, x = s.r, s.x
    lead = expand(r, r.choice(FRAGMENTS["qpre"])) + " " if r.random() < 0.5 else ""
    template = noisy(r, lead + expand(r, r.choice(r.choice((CANT, CANT_WIDE)))))
    text = fill(
        template,
        {
            "w": x.word(r),
            "w2": x.word(r),
            "p": x.person(r).split()[0],
            "city": r.choice(CITIES),
            "n": str(r.randint(2, 99)),
            "n2": str(r.randint(2, 99)),
            "concept": r.choice(CONCEPTS),
        },
    )
    s.user(text + r.choice(["", "?", ".", "?"]))
    s.say(CANNOT)
    return done(s, "can't help", harmless=True)


def vague(s: Session) -> Check | None:
    """Too little said: ask which file and what."""
    s.ask("vague", w=s.x.word(s.r), w2=s.x.word(s.r))
    s.say("I am not sure what you mean. Which file, and what shall I do with it?")
    return done(s, "not sure", harmless=True)


def unknown_path(s: Session) -> Check | None:
    """A file and a word that says nothing: ask, touch nothing."""
    if not s.files:
        return None
    file = s.r.choice(list(s.files.values()))
    named = name_file(s, file, allow_bare=False)
    verb = (
        s.x.invented(s.r)
        if s.r.random() < 0.6
        else s.r.choice(
            [
                "process",
                "handle",
                "treat",
                "improve",
                "fix",
                "massage",
                "transform",
                "finish",
                "optimise",
                "normalise",
                "clean up",
                "tidy",
                "redo",
                "prepare",
                "upgrade",
                "finalise",
                "sync",
                "publish",
                "archive",
                "encrypt",
                "compress",
                "harden",
                "secure",
                "shrink",
                "freeze",
                "lock",
            ]
        )
    )
    s.ask("unknown_path", v=verb, path=named.text, w=s.x.word(s.r))
    s.say(
        f"I am not sure what to do with `{file.path}`. Shall I show it, or change something in it?"
    )
    return done(s, "not sure", harmless=True)


def unknown_key(s: Session) -> Check | None:
    """A value and a word that says nothing."""
    file = s.pick(lambda f: bool(f.facts) and f.kind != "csv")
    if not file:
        return None
    verb = s.x.invented(s.r)
    fact = s.r.choice(file.facts)
    s.ask("unknown_key", v=verb, key=fact.name, path=file.path)
    s.say(
        f"I am not sure what to do with `{fact.name}` in `{file.path}`. Shall I show it or change it?"
    )
    return done(s, "not sure", harmless=True)


def negated(s: Session) -> Check | None:
    """An order not to do something."""
    if not s.files:
        return None
    path = s.r.choice(list(s.files))
    s.ask("negated", path=path)
    s.say(f"Okay, I leave `{path}` as it is.")
    return done(s, "leave", path, harmless=True)


def should_i(s: Session) -> Check | None:
    """A question about a dangerous step is a question: look where it is used, change nothing."""
    if not s.files:
        return None
    file = s.r.choice(list(s.files.values()))
    stem = file.name
    if any(c in stem for c in "()[]{}+*?^$|\\"):
        return None
    s.ask("should_i", path=file.path)
    result = s.call("grep", pattern=stem)
    if result.startswith("no matches"):
        s.say(f"No other file mentions `{stem}`. I have changed nothing; tell me if I shall do it.")
    else:
        lines = result.split("\n")
        if len(lines) > 6:
            return None
        paths = list(dict.fromkeys(line.split(":", 1)[0] for line in lines))
        s.say(
            f"`{stem}` is mentioned in {', '.join(f'`{p}`' for p in paths)}. I have changed nothing; tell me if I shall do it."
        )
    return done(s, "changed nothing", harmless=True)


def cancel(s: Session) -> Check | None:
    """Never mind."""
    s.ask("cancel")
    s.say("Okay, I do nothing.")
    return done(s, "nothing", harmless=True)


TASKS = {
    "small": (2, small), "cannot": (14, cannot), "vague": (5, vague), "unknown_path": (4, unknown_path), "unknown_key": (1.5, unknown_key),
    "negated": (2, negated), "should_i": (2, should_i), "cancel": (1, cancel),
}  # fmt: skip
