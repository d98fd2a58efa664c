"""Facts told, recalled from sight, recalled by tool when out of sight, kept as notes."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..phrases import THINGS
from ..session import Seen, Session
from .common import Check, Named, done, is_clean, open_file


def _thing(s: Session) -> str:
    return s.r.choice(THINGS) if s.r.random() < 0.75 else s.x.words_of(s.r, 2, 2)


def tell(s: Session) -> Check | None:
    """The user tells something."""
    thing, value = _thing(s), s.x.value(s.r)
    if not is_clean(value):
        return None
    text = s.ask("tell", thing=thing, value=s.r.choice([value, value, f"`{value}`"]))
    s.say(f"Noted: your {thing} is `{value}`.")
    s.told(thing, value, text)
    return done(s, value, harmless=True)


def retell(s: Session) -> Check | None:
    """Something told before gets another value; the newest counts from now on."""
    told = [x.names[0] for x in (*s.seen, *s.gone) if not x.path]
    value = s.x.value(s.r)
    if not told or not is_clean(value):
        return None
    thing = s.r.choice(told)
    kind = "retell" if s.r.random() < 0.6 else "tell"
    text = s.ask(kind, thing=thing, value=s.r.choice([value, value, f"`{value}`"]))
    s.say(f"Noted: your {thing} is `{value}`.")
    s.told(thing, value, text)
    s.retold.append(thing)
    return done(s, value, harmless=True)


def ask_retold(s: Session) -> Check | None:
    """What was told more than once, asked for: the newest value."""
    told = [x for x in s.seen if not x.path and x.names[0] in s.retold]
    if not told:
        return None
    fact = s.r.choice(told)
    s.ask("ask", thing=fact.names[0])
    s.say(f"Your {fact.names[0]} is `{fact.value}`.")
    return done(s, fact.value, harmless=True)


def ask_told(s: Session) -> Check | None:
    """The user asks for what was told and can still be seen, the oldest often."""
    told = [x for x in s.seen if not x.path]
    if not told:
        return None
    return ask_for(s, told[0] if s.r.random() < 0.35 else s.r.choice(told))


def ask_for(s: Session, fact: Seen) -> Check:
    """Ask for one told thing that can still be seen."""
    thing = fact.names[0]
    s.ask("ask", thing=thing if s.r.random() < 0.9 else thing.upper())
    s.say(f"Your {thing} is `{fact.value}`.")
    return done(s, fact.value, harmless=True)


def ask_gone(s: Session) -> Check | None:
    """The same when it is out of sight: recall finds it."""
    told = [x for x in s.gone if not x.path and not any(y.names == x.names for y in s.seen)]
    if not told:
        return None
    fact = s.r.choice(told)
    thing = fact.names[0]
    if s.r.random() < 0.3:
        s.offered = [fact]
        s.ask("ask", thing=thing)
    else:
        s.ask("ask", thing=thing)
        s.recall(thing, [fact])
    s.say(f"Your {thing} is `{fact.value}` (turn {fact.turn}).")
    return done(s, fact.value, harmless=True)


def ask_untold(s: Session) -> Check | None:
    """Something never told, asked for when much is out of sight: recall finds nothing of it."""
    thing = s.r.choice(THINGS)
    if not s.gone or any(thing in x.names for x in (*s.seen, *s.gone)) or any(
        thing in f.text for f in s.files.values()
    ):
        return None
    s.ask("ask", thing=thing)
    s.recall(thing, [])
    s.say(f"You have not told me your {thing}.")
    return done(s, "not told", harmless=True)


def _question(s: Session, pool: list[Seen]) -> Seen | None:
    """A value in a file, named without doubt."""
    if not pool:
        return None
    early = s.r.random() < 0.4
    for _ in range(8):  # candidates at random: a whole session has thousands
        fact = pool[s.r.randrange(max(1, len(pool) // 3) if early else len(pool))]
        if not fact.path or fact.path[0] == "(" or not is_clean(fact.value) or (fact.who != "you" and s.r.random() < 0.4):
            continue
        if len(_values(s, fact)) == 1:
            return fact
    return None


def _values(s: Session, fact: Seen) -> set[str]:
    """All values that this name had in this file."""
    names = set(fact.names)
    return {
        y.value for part in (s.seen, s.gone) for y in part
        if y.path == fact.path and not names.isdisjoint(y.names)
    }  # fmt: skip


def recall_seen(s: Session) -> Check | None:
    """A value read earlier and still in sight: no call is needed."""
    fact = _question(s, s.seen)
    if not fact:
        return None
    s.ask(
        "recall",
        key=fact.names[0] if s.r.random() < 0.7 else s.r.choice(fact.names),
        path=fact.path,
    )
    s.say(f"From earlier: `{fact.names[0]}` in `{fact.path}` is `{fact.value}`.")
    return done(s, fact.value, harmless=True)


def recall_gone(s: Session) -> Check | None:
    """A value read earlier and out of sight: recall it; read again when that finds nothing."""
    fact = _question(s, s.gone)
    if not fact or any(x.path == fact.path for x in s.seen):
        return None
    if s.r.random() < 0.25:
        s.offered = [fact]
        s.ask("recall", key=fact.names[0], path=fact.path)
        s.say(f"From earlier: `{fact.names[0]}` in `{fact.path}` is `{fact.value}`.")
        return done(s, fact.value, harmless=True)
    s.ask("recall", key=fact.names[0], path=fact.path)
    if s.r.random() < 0.15 and fact.path in s.files:
        file = s.files[fact.path]
        now = [f for f in file.facts if f.names == fact.names and f.value == fact.value]
        if not now:
            return None
        s.recall(f"{fact.names[0]} {fact.path}", [])
        if not s.turns[-1].pieces[-2][0].startswith("nothing"):
            return None
        if not open_file(s, Named("", file.path, file)):
            return None
        s.know(file)
    else:
        s.recall(f"{fact.names[0]} {fact.path}", [fact])
    s.say(f"From earlier: `{fact.names[0]}` in `{fact.path}` is `{fact.value}`.")
    return done(s, fact.value, harmless=True)


def note(s: Session) -> Check | None:
    """A fact for later sessions."""
    thing, value = _thing(s), s.x.value(s.r)
    fact = s.r.choice(
        [
            f"my {thing} is {value}",
            f"the {thing} is {value}",
            s.x.sentence(s.r).rstrip("."),
            f"{thing}: {value}",
        ]
    )
    if not is_clean(fact):
        return None
    s.ask("note", fact=s.r.choice([fact, fact, f'"{fact}"']))
    s.call("note", text=fact)
    s.say(f"Noted for later sessions: {fact}.")
    return done(s, value if value in fact else fact)


def last_done(s: Session) -> Check | None:
    """What was changed last."""
    if not s.last_edit or s.edit_turn != s.n_turns:
        return None
    path = s.last_edit[0]
    s.ask("last_done")
    s.say(f"I changed `{path}`.")
    return done(s, path, harmless=True)


TASKS = {
    "tell": (9, tell), "retell": (8, retell), "ask_retold": (10, ask_retold), "ask_told": (11, ask_told), "ask_gone": (8, ask_gone), "ask_untold": (2.2, ask_untold),
    "recall_seen": (12, recall_seen), "recall_gone": (5, recall_gone), "note": (1.2, note), "last_done": (1, last_done),
}  # fmt: skip
