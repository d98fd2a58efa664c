"""The same questions as for told facts, while the fact stands in a file or nowhere.

Recall is for what the user told; what was never told in this session is looked for in the files
first. And facts of several words, which an answer repeats whole.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..files.base import File
from ..phrases import THINGS
from ..records import DAYS, FIRST, MONTHS, TOWNS, asked, hits_in, is_crowded, is_searchable, person
from ..session import Session
from ..wording import expand, fill
from .common import Check, done, is_clean
from .records_told import _ASK, FACTS, _value

_PATHS = ("notes.txt", "notes/house.md", "docs/people.txt", "facts.md", "notes/misc.txt", "remember.md", "info.txt", "team.md", "docs/faq.md", "home/notes.txt")
_COMMON = (
    "the a an is are was we our my of to on in at for and it they one he she you i with from "
    "by this that these week today tomorrow now home much many have has had been will would "
    "can must should there here them his her him not new when what which who whom where how "
    "does did year month day time go goes get after again last next first call called name "
    "used use make made put take during between"
)
"""Words too common to be searched for."""


def _shared(line: str, question: str) -> list[str]:
    """Words of the question that stand in the line, the longest first."""
    words = {w.strip(".,?'\"").removesuffix("'s").lower() for w in question.split()}
    here = [w for w in words if len(w) > 2 and w not in _COMMON.split() and w in line.lower()]
    return sorted(here, key=lambda w: (-len(w), w))


def in_file(s: Session) -> Check | None:
    """A fact that a file tells in a sentence, asked for as if it had been told."""
    r = s.r
    path = r.choice(_PATHS)
    if is_crowded(s) or s.bench.place.exists(path) or path.split("/")[0] in s.bench.place.files:
        return None
    lines, asks = [], []
    for _, kind, ways, questions in r.sample(FACTS, r.randint(3, 7)):
        slots = {"v": _value(s, kind), "p": r.choice(FIRST), "n": str(r.randint(20, 60))}
        text = fill(expand(r, r.choice(ways)), slots)
        lines.append(text[0].upper() + text[1:] + ".")
        asks.append((questions, slots))
    i = r.randrange(len(lines))
    questions, slots = asks[i]
    question = fill(expand(r, r.choice(questions)), slots)
    shared = _shared(lines[i], question)
    if not shared or not is_searchable(shared[0]) or not is_clean(lines[i]) or hits_in(s, shared[0]):
        return None
    if any(x.names[0] in question for x in (*s.seen, *s.gone) if not x.path and x.names):
        return None
    s.add(File(path, "\n".join(lines) + "\n", "facts"))
    if sum(shared[0] in x.lower() for x in lines) != 1:
        return None
    asked(s, (r.choice(_ASK).replace("{q}", "{question}"),), question=question)
    s.detour(shared[-1], 0.15)
    s.call("grep", pattern=shared[0])
    s.say(f"`{path}` says: {lines[i]}")
    return done(s, lines[i], harmless=True)


def nowhere(s: Session) -> Check | None:
    """Neither told nor in a file: one look, then that is said; nothing was told that could be recalled."""
    if s.gone or s.n_turns > 6:
        return None
    thing = s.r.choice(THINGS)
    word = max(thing.lower().split(), key=len)
    if any(thing in x.names for x in s.seen) or not is_searchable(word) or hits_in(s, word):
        return None
    s.ask("ask", thing=thing)
    s.call("grep", pattern=word)
    s.say(f"You have not told me your {thing}, and I found nothing about it in these files.")
    return done(s, "not told", "found nothing", harmless=True)


def several_words(s: Session) -> str:
    """A value of two parts or more."""
    r, x = s.r, s.x
    n = r.randint(2, 40)
    return r.choice((
        lambda: f"{r.choice(DAYS)} at {r.randint(7, 21)}:{r.choice(('00', '15', '30', '45'))}", lambda: f"{r.choice(MONTHS)} {r.randint(1, 28)}, {r.randint(2024, 2029)}", lambda: person(r), lambda: f"{r.choice(FIRST)} and {r.choice(FIRST)}",
        lambda: f"{x.word(r)} {x.word(r)}", lambda: f"{x.word(r).capitalize()} {x.word(r).capitalize()}", lambda: f"{n} {x.word(r)}s and {r.randint(2, 9)} {x.word(r)}s", lambda: f"room {n}, {r.choice(('first', 'second', 'third'))} floor",
        lambda: f"{r.choice(('dark', 'light', 'pale', 'bright'))} {r.choice(('green', 'blue', 'red', 'violet'))}", lambda: f"{x.word(r).capitalize()} Street {n}, {r.choice(TOWNS)}", lambda: f"{r.choice(TOWNS)} via {r.choice(TOWNS)}", lambda: f"the {x.word(r)} next to the {x.word(r)}",
        lambda: f"{n} kg of {x.word(r)}", lambda: f"{r.choice(('every', 'each', 'every second'))} {r.choice(DAYS)}", lambda: f"{x.word(r)}, {x.word(r)} and {x.word(r)}", lambda: f"{x.word(r)} {n}",
    ))()  # fmt: skip


def tell_whole(s: Session) -> Check | None:
    """A thing with a value of several words; sometimes asked for at once."""
    thing, value = s.r.choice(THINGS), several_words(s)
    if not is_clean(value):
        return None
    text = s.ask("tell", thing=thing, value=value)
    s.say(f"Noted: your {thing} is `{value}`.")
    s.told(thing, value, text)
    if s.r.random() < 0.35:
        s.ask("ask", thing=thing)
        s.say(f"Your {thing} is `{value}`.")
    return done(s, value, harmless=True)


TASKS = {"fact_in_file": (9, in_file), "told_nowhere": (3, nowhere), "tell_whole": (4, tell_whole)}
