"""Values asked for by what they mean, not by how a file spells them.

The user need not know any spelling or file: a word of the question is searched for, and the
line that fits is chosen among the hits. Where several fit, an answer names all, a change asks.
"""

from __future__ import annotations

import re

from ..files.base import Fact, File
from ..meanings import MEANINGS, Meaning, meaning_of
from ..session import Session
from ..wording import expand, noisy
from .changing import change, is_editable, new_value
from .common import (
    Check,
    done,
    enumerated,
    is_clean,
    name_file,
    open_file,
    unambiguous,
    value_answer,
)
from .reading import has_facts, hits_of, to_search

MAX_LINES = 14
"""Most hits of a search that is answered from."""
Hit = tuple[File, Fact]


def _meant(s: Session, test=lambda file, fact: True) -> tuple[File, Fact, Meaning] | None:
    """A value whose name has a meaning."""
    def fits(f: File, x: Fact) -> bool:
        return is_clean(x.value) and bool(x.line) and bool(meaning_of(x.name)) and test(f, x)

    file = s.pick(lambda f: has_facts(f) and any(fits(f, x) for x in f.facts))
    if not file:
        return None
    fact = s.r.choice([x for x in file.facts if fits(file, x)])
    return file, fact, meaning_of(fact.name)


def spoken_of(s: Session, meaning: Meaning) -> str:
    """A noun for it."""
    noun = s.r.choice(meaning.nouns)
    return noun if s.r.random() < 0.9 else noun.upper()


def _same(file: File, meaning: Meaning) -> list[Fact]:
    return [x for x in file.facts if meaning_of(x.name) is meaning]


def value_by_meaning(s: Session) -> Check | None:
    """In a named file."""
    found = _meant(s, lambda file, fact: len(_same(file, meaning_of(fact.name))) == 1)
    if not found:
        return None
    file, fact, meaning = found
    named = name_file(s, file)
    if s.r.random() < 0.5:
        s.ask("value", key=spoken_of(s, meaning), path=named.text)
    else:
        s.ask("question_in", q=noisy_question(s, meaning), path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(verdict(s, fact.value) + value_answer(named, fact))
    s.said(file, fact)
    return done(s, fact.value, harmless=True)


def search_by_meaning(s: Session) -> Check | None:
    """In no named file."""
    found = _meant(s)
    if not found:
        return None
    _, _, meaning = found
    plan = _plan(s, meaning)
    if not plan or len(plan[1]) > 3:
        return None
    _ask_openly(s, meaning)
    s.detour(s.r.choice(meaning.nouns))
    for word in plan[0]:
        s.call("grep", pattern=word)
    return _tell(s, plan[1])


def _ask_openly(s: Session, meaning: Meaning) -> None:
    if s.r.random() < 0.5:
        s.ask("value_nopath", key=spoken_of(s, meaning))
    else:
        s.ask("question", q=noisy_question(s, meaning))


def _tell(s: Session, hits: list[Hit]) -> Check:
    if len(hits) == 1:
        file, fact = hits[0]
        s.say(f"{verdict(s, fact.value)}`{fact.name}` is `{fact.value}` in `{file.path}`.")
        s.said(file, fact)
    else:
        parts = [f"`{fact.name}` is `{fact.value}` in `{file.path}`" for file, fact in hits]
        s.say("; ".join(parts) + ".")
    return done(s, *[fact.value for _, fact in hits], harmless=True)


def _plan(s: Session, meaning: Meaning) -> tuple[list[str], list[Hit]] | None:
    """The searches it takes, and the values that the last of them shows."""
    words = []
    for word in meaning.searches[:3]:
        words.append(word)
        lines = hits_of(s, word)
        if len(lines) > MAX_LINES:
            return None
        hits = _facts_in(s, lines, lambda x: meaning_of(x.name) is meaning)
        if hits is None:
            return None
        if hits:
            return words, hits
    return None


def _facts_in(s: Session, lines, test) -> list[Hit] | None:
    """The values that stand in these lines; None when one cannot be told."""
    hits: list[Hit] = []
    for path, line in lines:
        file = s.files.get(path)
        for fact in file.facts if file else ():
            if fact.line == line and test(fact) and (file, fact) not in hits:
                if not is_clean(fact.value) or file.kind == "csv":
                    return None
                hits.append((file, fact))
    return hits


def missing_meaning(s: Session) -> Check | None:
    """Nothing here says anything of it."""
    meaning = s.r.choice(MEANINGS)
    words = meaning.searches[: s.r.choice((2, 3, 3))]
    if any(hits_of(s, word) for word in words):
        return None
    noun = s.r.choice(meaning.nouns)
    if s.r.random() < 0.5:
        s.ask("value_nopath", key=noun)
    else:
        s.ask("question", q=noisy_question(s, meaning))
    s.detour(noun, 0.3)
    for word in words:
        s.call("grep", pattern=word)
    s.say("I found nothing about that in these files.")
    return done(s, "found nothing", harmless=True)


def value_by_words(s: Session) -> Check | None:
    """A name given by some of its words: the longest of them is searched for."""
    r = s.r
    file = s.pick(lambda f: has_facts(f) and any(_is_long(x) for x in f.facts))
    fact = file and r.choice([x for x in file.facts if _is_long(x)])
    if not fact or not is_clean(fact.value):
        return None
    words = fact.name.lower().replace("-", "_").split("_")
    said = r.choice([words, words[-2:], words[:2], [*words[1:], "of", words[0]]])
    keys = [word for word in said if word != "of"]
    lines = hits_of(s, longest := max(keys, key=len))
    fits = lambda x: all(word in x.name.lower() for word in keys)  # noqa: E731
    hits = _facts_in(s, lines, fits) if len(lines) <= MAX_LINES else None
    if not hits or len(hits) > 2 or len(longest) < 4:
        return None
    s.ask("value_nopath", key=" ".join(said))
    s.detour(" ".join(said))
    s.call("grep", pattern=longest)
    return _tell(s, hits)


def _is_long(fact: Fact) -> bool:
    name = fact.name.replace("-", "_")
    return "_" in name and name.replace("_", "").isalpha() and bool(fact.line)


def edit_by_meaning(s: Session) -> Check | None:
    """A value changed by what it means, in a named file or wherever it is."""
    found = _meant(s, lambda file, fact: file.kind != "csv" and is_editable(file, fact))
    if not found:
        return None
    file, fact, meaning = found
    value = new_value(s, fact)
    if not value:
        return None
    if s.r.random() < 0.55:
        if len(_same(file, meaning)) != 1:
            return None
        named = name_file(s, file)
        s.ask("edit", key=spoken_of(s, meaning), section="", path=named.text, new=value)
        if not open_file(s, named):
            return None
        s.know(file)
        return change(s, file, fact, value)
    plan = _plan(s, meaning)
    if not plan or len(plan[1]) > 3:
        return None
    s.ask("edit_nopath", key=(said := spoken_of(s, meaning)), new=value)
    s.detour(said)
    return _search_and_change(s, plan, value)


def _search_and_change(s: Session, plan, value: str) -> Check | None:
    words, hits = plan
    for word in words:
        s.call("grep", pattern=word)
    if len(hits) > 1:
        places = enumerated([f"{fact.name} in {file.path}" for file, fact in hits])
        s.say(f"There are {places}. Which one shall I change?")
        return done(s, "Which one", harmless=True)
    file, fact = hits[0]
    if not is_editable(file, fact):
        return None
    s.call("read", path=file.path)
    s.know(file)
    return change(s, file, fact, value)


_YES = {"true", "yes", "on", "enabled"}
_NO = {"false", "no", "off", "disabled"}
_ASKS_STATE = re.compile(r"\b(is|are|do|does|can|may|was) (?!you |i |it to )")
_ASKS_VALUE = re.compile(r"\b(what|which|how|where|when|who|value|tell me the|give|whats|what's)\b")


def verdict(s: Session, value: str) -> str:
    """Yes or no before a value that is on or off, when the user asked whether."""
    text = s.turns[-1].pieces[1][0].lower()
    low = value.lower()
    if low not in _YES | _NO or not _ASKS_STATE.search(text) or _ASKS_VALUE.search(text):
        return ""
    asks_off = re.search(r"\b(off|disabled|inactive|false)\b", text) is not None
    return "Yes: " if (low in _YES) != asks_off else "No: "


def state(s: Session) -> Check | None:
    """Whether something is on, in no named file."""
    fits = lambda f, x: x.line and x.value.lower() in _YES | _NO  # noqa: E731
    file = s.pick(lambda f: f.kind != "csv" and any(fits(f, x) for x in f.facts))
    fact = file and s.r.choice([x for x in file.facts if fits(file, x)])
    if not fact or not fact.name.replace("_", "").isalpha() or len(fact.name) < 4:
        return None
    said = s.r.choice(fact.names)
    lines = hits_of(s, pattern := to_search(said))
    same = _facts_in(s, lines, lambda x: x.name == fact.name)
    if len(lines) > MAX_LINES or same != [(file, fact)]:
        return None
    asks_off = s.r.random() < 0.3
    words = ("off", "disabled", "turned off", "false", "switched off") if asks_off else (
        "on", "enabled", "active", "switched on", "turned on", "true", "set")  # fmt: skip
    s.ask("state", key=said, state=s.r.choice(words))
    s.call("grep", pattern=pattern)
    yes = "Yes" if (fact.value.lower() in _YES) != asks_off else "No"
    s.say(f"{yes}: `{fact.name}` is `{fact.value}` in `{file.path}`.")
    s.said(file, fact)
    return done(s, yes, fact.value, harmless=True)


_SWITCH = {
    "true": "false", "True": "False", "yes": "no", "on": "off", "enabled": "disabled",
}  # fmt: skip
_OFF = {off: on for on, off in _SWITCH.items()}


def switch(s: Session) -> Check | None:
    """On or off, by name or meaning; said so when it is so already."""
    r = s.r
    fits = lambda f, x: is_editable(f, x) and (x.value in _SWITCH or x.value in _OFF)  # noqa: E731
    file = s.pick(lambda f: f.kind != "csv" and any(fits(f, x) for x in f.facts))
    fact = file and r.choice([x for x in file.facts if fits(file, x)])
    if not fact or not unambiguous(file, fact):
        return None
    meaning = meaning_of(fact.name)
    is_on = fact.value in _SWITCH
    wanted = not is_on if r.random() < 0.85 else is_on
    spoken = spoken_of(s, meaning) if meaning and r.random() < 0.4 else r.choice(fact.names)
    kind = "switch_on" if wanted else "switch_off"
    if r.random() < 0.6:
        named = name_file(s, file)
        if meaning and len(_same(file, meaning)) != 1:
            return None
        s.ask(kind, key=spoken, path=" in " + named.text)
        if not open_file(s, named):
            return None
    else:
        pattern = to_search(spoken) if spoken in fact.names else meaning.searches[0]
        lines = hits_of(s, pattern)
        if len(lines) > MAX_LINES or not pattern.replace("_", "").isalnum():
            return None
        same = lambda x: x.name == fact.name or (meaning and meaning_of(x.name) is meaning)  # noqa: E731
        if _facts_in(s, lines, same) != [(file, fact)]:
            return None
        s.ask(kind, key=spoken, path="")
        s.call("grep", pattern=pattern)
        s.call("read", path=file.path)
    s.know(file)
    if wanted == is_on:
        s.say(f"`{fact.name}` in `{file.path}` is `{fact.value}` already.")
        return done(s, "already", harmless=True)
    return change(s, file, fact, (_SWITCH | _OFF)[fact.value])


def two_values(s: Session) -> Check | None:
    """Two values of one file in one request."""
    file = s.pick(lambda f: has_facts(f) and sum(bool(x.line) for x in f.facts) > 2)
    if not file:
        return None
    usable = [x for x in file.facts if x.line and is_clean(x.value) and unambiguous(file, x)]
    if len(usable) < 2:
        return None
    one, two = s.r.sample(usable, 2)
    named = name_file(s, file)
    pair = s.r.choice(["{} and {}", "{} and the {}", "{}, {}", "{} as well as {}", "{} plus {}"])
    names = [s.r.choice(fact.names) for fact in (one, two)]
    s.ask("value", key=pair.format(*names), path=named.text)
    if not open_file(s, named):
        return None
    s.know(file)
    s.say(
        f"In `{file.path}`, `{one.name}` is `{one.value}` and `{two.name}` is `{two.value}`."
    )
    return done(s, one.value, two.value, harmless=True)


def read_then_set(s: Session) -> Check | None:
    """Look first, change then, in one request; or change and show it."""
    file = s.pick(lambda f: f.kind != "csv" and any(is_editable(f, x) for x in f.facts))
    fact = file and s.r.choice([x for x in file.facts if is_editable(file, x)])
    if not fact or not unambiguous(file, fact):
        return None
    value = new_value(s, fact)
    if not value:
        return None
    named = name_file(s, file)
    s.ask("read_then_set", key=s.r.choice(fact.names), path=named.text, new=value)
    if not open_file(s, named):
        return None
    s.know(file)
    return change(s, file, fact, value)


def noisy_question(s: Session, meaning: Meaning) -> str:
    """A question as people type it."""
    return noisy(s.r, expand(s.r, s.r.choice(meaning.questions)))


TASKS = {
    "value_by_meaning": (9, value_by_meaning), "search_by_meaning": (10, search_by_meaning),
    "missing_meaning": (1.5, missing_meaning), "value_by_words": (4, value_by_words),
    "edit_by_meaning": (6, edit_by_meaning), "switch": (4, switch), "state": (2.5, state),
    "two_values": (2.5, two_values), "read_then_set": (1.5, read_then_set),
}  # fmt: skip
