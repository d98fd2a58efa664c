"""Who, when, where, how much, why: answered by one sentence of some document.

The question has other words than the sentence; the thing they share is looked for, and a part of
it or the document's role when the search is empty. Only after that it is not there.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..files.base import Maker
from ..records import asked, hits_in, is_crowded, is_searchable, search_word, wrong_spelling
from ..records_prose import ROLES, SHAPES, STEMS, SYNONYMS, VERBS, Account, Event, account, event
from ..session import MAX_FILES, Session
from .common import Check, block, done

_FOLDERS = ("", "", "docs", "notes", "office", "admin", "house", "records", "texts")
_SHEET = ("{q}[q]", "{q}[q]", "{q}[q]", "[qpre]{q}[q]", "(do you know|do we know|can you tell me|tell me|any idea|I wonder|find out|does anyone know|could you check|I need to know) {q}[q]", "{q}( exactly| again| please|, do you know)[q]")
_IN = ("{q} (according to|going by|as per|see) {file}[q]", "(in|according to|going by|looking at) {file}(,|:) {q}[q]", "{file}: {q}[q]", "{q}? (it's in|it is in|should be in|must be in|see|look at) {file}", "(check|read|look into) {file}(:| and tell me| -) {q}[q]")


def an_account(s: Session, shape: str = "", fresh: bool = False) -> Account | None:
    """A document of events; a new one sometimes or when there is none."""
    r = s.r
    fitting = [
        f for f in s.files.values()
        if isinstance(f, Account) and f.path in s.bench.place.files and s.text_of(f.path) == f.made and shape in ("", f.shape)
    ]  # fmt: skip
    if fitting and not fresh and (len(s.files) >= MAX_FILES or r.random() < 0.6):
        return r.choice(fitting)
    for _ in range(0 if is_crowded(s) else 5):
        kind = shape or r.choice(SHAPES)
        folder = r.choice(_FOLDERS)
        path = (folder + "/" if folder else "") + r.choice(STEMS[kind].split()) + r.choice((".md", ".md", ".txt"))
        if not s.bench.place.exists(path) and not (folder and s.bench.place.exists(folder) and not s.bench.place.is_dir(folder)):
            return s.add(account(s.maker, path, kind))
    return None


def _role(s: Session, file: Account) -> tuple[str, str] | None:
    """What the user calls the document, and the pattern that finds it alone or nearly so."""
    stem = file.name.rpartition(".")[0].lower()
    roles = [x for x in ROLES[file.shape] if x.split()[-1].removesuffix("s") in stem]
    if not roles:
        return None
    role = s.r.choice(roles)
    return s.r.choice(("the ", "our ", "my ", "the ")) + role, f"*{role.split()[-1].removesuffix('s')}*"


def event_fact(s: Session) -> Check | None:
    """One question about one event."""
    file = an_account(s)
    if not file or not file.events:
        return None
    e = s.r.choice([x for x in file.events if x.questions] or [None])
    if not e:
        return None
    asked_for = s.r.choice(list(e.questions))
    question = s.r.choice(e.questions[asked_for])
    if not _look(s, file, e, question):
        return None
    s.say(told(file, e, e.values[asked_for]))
    return done(s, e.values[asked_for], harmless=True)


def question_in(s: Session, file: Account) -> tuple[Event, str] | None:
    """Ask about an event of a document that is named by its path; the event and the answer."""
    usable = [x for x in file.events if x.questions]
    if not usable:
        return None
    e = s.r.choice(usable)
    what = s.r.choice(list(e.questions))
    question = s.r.choice(e.questions[what])
    asked(s, tuple(t.replace("{q}", question) for t in _IN), thing=e.thing, file=file.path)
    return e, e.values[what]


def told_event(m: Maker) -> str:
    """A sentence as documents have them."""
    made = event(m, "iso", set())
    return made.line if made else m.x.sentence(m.r)


def told(file: Account, e: Event, value: str) -> str:
    """The answer: the value, and the sentence that says so."""
    return f"{value[0].upper() + value[1:] if value[0].isalpha() else value}. In `{file.path}`: {e.line}"


def _look(s: Session, file: Account, e: Event, question: str) -> bool:
    """Ask; then find the sentence by search, by a second search, or by the document's role."""
    role = _role(s, file) if s.r.random() < 0.3 else None
    if role:
        said = role[0] if s.r.random() < 0.6 else file.path
        asked(s, tuple(t.replace("{q}", question) for t in _IN), thing=e.thing, file=said)
        if said == role[0]:
            names = s.call("glob", pattern=role[1]).split("\n")
            if file.path not in names or len(names) > 3:
                return False
        s.call("read", path=file.path)
        return True
    word, thing = search_word(e.thing), e.thing
    second = s.r.random() < 0.3
    if second:
        thing, word = _other_form(s, e.thing)
        if not is_searchable(word) or hits_in(s, word):
            return False
    hits = hits_in(s, search_word(e.thing))
    if not is_searchable(word) or file.path not in hits or len(hits) > 2 or sum(hits.values()) > 3:
        return False
    asked(s, tuple(t.replace("{q}", question) for t in _SHEET), thing=thing)
    if second:
        s.call("grep", pattern=word)
    shown = s.call("grep", pattern=search_word(e.thing))
    if e.line not in shown:
        s.call("read", path=file.path)
    return True


def _other_form(s: Session, thing: str) -> tuple[str, str]:
    """The thing by another name, in another number or misspelt, and the word that finds nothing."""
    if thing in SYNONYMS and s.r.random() < 0.6:
        return SYNONYMS[thing], search_word(SYNONYMS[thing])
    word = search_word(thing)
    other = wrong_spelling(s.r, word) if word.endswith("s") or s.r.random() < 0.4 else word + "s"
    return thing.replace(word, other), other


def event_absent(s: Session) -> Check | None:
    """The thing is in no file: two searches, then say so."""
    names, _, questions = s.r.choice(VERBS)
    thing = s.r.choice(names.split("|"))
    words = sorted(thing.split(), key=len, reverse=True)
    word = words[0]
    stem = words[1] if len(words) > 1 else word[: max(4, len(word) - 2)]
    if not is_searchable(word) or not is_searchable(stem) or hits_in(s, word) or hits_in(s, stem) or stem == word:
        return None
    question = s.r.choice(questions[s.r.choice(list(questions))])
    asked(s, tuple(t.replace("{q}", question) for t in _SHEET), thing=thing)
    s.detour(thing, 0.25)
    s.call("grep", pattern=word)
    s.call("grep", pattern=stem)
    s.say("I found nothing about that in these files.")
    return done(s, "nothing", harmless=True)


OPEN = ("(what|which points|which things|what things) (is|are) (still |)(open|left|to do|not done|unfinished)( yet|) (in|on|from) {file}[q]", "(open|remaining|unfinished|unticked) (points|items|things|tasks) (of|in|on) {file}[q]", "what (do we|must we) still (have to |)do (on|from) {file}[q]", "[pre](list|show me|give me) (only |)the (open|unchecked|remaining) (points|items|ones) (of|in) {file}[post]")
DONE = ("(what|which points|which things) (is|are|have been|has been) (already |)(done|finished|ticked off|ticked|checked) (in|on|from) {file}[q]", "(finished|done|checked|completed) (points|items|things|tasks) (of|in|on) {file}[q]", "[pre](list|show me|give me) (only |)the (finished|done|checked) (points|items|ones) (of|in) {file}[post]")


def boxes(s: Session) -> Check | None:
    """Only the open, or only the done, items of a list with boxes."""
    file = an_account(s, "checklist")
    if not file:
        return None
    want_done = s.r.random() < 0.4
    lines = [f"- [{'x' if e.done else ' '}] {e.line}" for e in file.events if e.done == want_done]
    role = _role(s, file) if s.r.random() < 0.6 else None
    asked(s, DONE if want_done else OPEN, file=role[0] if role else file.path)
    if role and file.path not in s.call("glob", pattern=role[1]).split("\n"):
        return None
    s.call("read", path=file.path)
    what = "Done" if want_done else "Open"
    s.say(f"{what} in `{file.path}`:\n{block(chr(10).join(lines))}" if lines else f"None in `{file.path}`.")
    return done(s, *([x[6:] for x in lines] or ["None"]), harmless=True)


TASKS = {"event_fact": (20, event_fact), "event_absent": (2.5, event_absent), "boxes": (2.5, boxes)}
