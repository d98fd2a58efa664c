"""Facts in sentences: looked for in notes, or told and asked for later.

What the folder's notes say looks like general knowledge: the search decides, not the words.
"""

from __future__ import annotations

from ..files import prose
from ..files.base import File
from ..session import Seen, Session
from ..statements import Statement, question, search_word, statement
from ..wording import expand, noisy
from .common import Check, done, is_clean, name_file, open_file
from .meaning import MAX_LINES
from .reading import hits_of

TOLD = "(told)"
"""Stands for a path where nothing but the user is the source."""
_BEFORE = (
    "(|||||remember: |note this: |remember that |for later: |fyi |FYI: |by the way, "
    "|just so you know: |keep in mind that |I should mention: |don't forget: |please remember: "
    "|news: |here is something: |so |listen: |one more fact: |also, )"
)


def _said(s: Session, text: str) -> str:
    """A question as people type it; names keep their capitals mostly."""
    mark = s.r.choice(["?", "?", "?", "", "", "", " please", "??", "? thanks"])
    return noisy(s.r, text) + mark


def _pick(s: Session) -> tuple[File, Statement] | None:
    file = s.pick(lambda f: bool(f.statements), (prose.journal,))
    return (file, s.r.choice(file.statements)) if file else None


def in_notes(s: Session) -> Check | None:
    """Answered from notes; the file is found by a word of the question."""
    found = _pick(s)
    if not found:
        return None
    file, fact = found
    word = search_word(fact)
    lines = hits_of(s, word)
    if not word.isalnum() or not 0 < len(lines) <= MAX_LINES or fact.text not in file.text:
        return None
    s.user(_said(s, question(s.r, fact)))
    s.detour(fact.subject, 0.3)
    s.call("grep", pattern=word)
    if any(path == file.path and fact.text in line for path, line in lines):
        return _quote(s, file, fact)
    return None


def _quote(s: Session, file: File, fact: Statement) -> Check | None:
    if not is_clean(fact.text):
        return None
    s.say(f"`{file.path}` says: {fact.text}")
    return done(s, fact.text, harmless=True)


def in_named_notes(s: Session) -> Check | None:
    """Answered from a named file."""
    found = _pick(s)
    if not found or found[1].text not in found[0].text:
        return None
    file, fact = found
    named = name_file(s, file)
    s.ask("question_in", q=noisy(s.r, question(s.r, fact)), path=named.text)
    if not open_file(s, named):
        return None
    return _quote(s, file, fact)


def not_in_notes(s: Session) -> Check | None:
    """Of this the folder says nothing."""
    fact = statement(s.r, s.x)
    word = search_word(fact)
    if not word.isalnum() or hits_of(s, word):
        return None
    s.user(_said(s, question(s.r, fact)))
    s.detour(fact.subject, 0.25)
    s.call("grep", pattern=word)
    if " " in fact.subject:
        other = min(fact.subject.split(), key=len)
        if len(other) > 3 and other != word and other.isalnum():
            if hits_of(s, other):
                return None
            s.call("grep", pattern=other)
    s.say("I found nothing about that in these files.")
    return done(s, "found nothing", harmless=True)


def tell_sentence(s: Session) -> Check | None:
    """The user tells something in a sentence of its own."""
    fact = statement(s.r, s.x)
    if not is_clean(fact.text) or any(fact.subject in x.names for x in (*s.seen, *s.gone)):
        return None
    text = fact.text if s.r.random() < 0.5 else fact.text.rstrip(".")
    lead = expand(s.r, _BEFORE)
    if lead and text[:3] in ("The", "Our", "We ", "The") and s.r.random() < 0.7:
        text = text[0].lower() + text[1:]
    words = s.user(f"{lead} {text}".strip())
    s.say(f"Noted: {fact.text}")
    s.seen.append(Seen(s.n_turns, TOLD, (fact.subject,), (), fact.text, "user", words))
    s.stated[fact.text] = fact
    return done(s, fact.text, harmless=True)


def ask_sentence(s: Session) -> Check | None:
    """Asked for while it is in sight."""
    told = [x for x in s.seen if x.path == TOLD]
    if not told:
        return None
    fact = s.stated[s.r.choice(told).value]
    s.user(_said(s, question(s.r, fact)))
    s.say(f"You told me: {fact.text}")
    return done(s, fact.text, harmless=True)


def ask_gone_sentence(s: Session) -> Check | None:
    """Asked for when it is out of sight."""
    told = [x for x in s.gone if x.path == TOLD]
    if not told:
        return None
    seen = s.r.choice(told)
    fact = s.stated[seen.value]
    s.user(_said(s, question(s.r, fact)))
    s.recall(search_word(fact), [seen])
    s.say(f"You told me: {fact.text}")
    return done(s, fact.text, harmless=True)


TASKS = {
    "in_notes": (8, in_notes), "in_named_notes": (3, in_named_notes),
    "not_in_notes": (1.5, not_in_notes), "tell_sentence": (3, tell_sentence),
    "ask_sentence": (4, ask_sentence), "ask_gone_sentence": (1.5, ask_gone_sentence),
}  # fmt: skip
