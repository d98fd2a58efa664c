"""What people keep records of: names with letters beyond ASCII, dates in several styles, amounts.

Shared by the makers of tables (`records_sheets`), logs (`records_logs`) and documents
(`records_prose`), and by the tasks over them. Wordings go through `asked`, which types them as
people do who do not know the files: fragments, no capital, no final mark.
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905  lists of words and wordings are easier to read in one piece
import re
from collections.abc import Sequence
from random import Random

from .session import MAX_FILES, Session
from .values import FIRST_NAMES, LAST_NAMES, Lexicon
from .wording import expand, fill, is_held_out, noisy, opened, with_context

FIRST = tuple(FIRST_NAMES) + tuple(
    "Åsa Jürgen Øyvind Renée Márta Łukasz Siân Anaïs Håkon Jörg Noémie Günter Ségolène Kåre Zoltán Ingrid "
    "Bjørn Thérèse Matthias Solveig Aino Dilek Karim Mateo Ayşe Hana Dmitri Kofi Leila Marek Nadia Pavel "
    "Rasmus Sigrid Tomás Ulrike Wanda Arjun Beatriz Cécile Elif Freya Gwen Hilde Imani Joost".split()
)
LAST = tuple(LAST_NAMES) + tuple(
    "Sørensen Lindström Øvergaard Lefèvre Núñez Grünwald Ångström Bäcker Żak Fernández Hájek Kjær Mårtensson "
    "Peña Strøm Thuné Ødegård Virtanen Brandt Castellano Demir Eriksson Farrell Goossens Hartmann Iyer "
    "Janssen Keller Lombardi Mbeki Norris Oyelaran Pereira Ramos Schuster Tran Vogel Winter".split()
)
MONTHS = (
    "January February March April May June July August September October November December".split()
)
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
DATE_STYLES = ("iso", "iso", "iso", "dots", "slash", "long", "short")

_LEADING = re.compile(r"\{\w+\}")
_WRITTEN_OUT = frozenset("([|")
"""Marks of a template; a text without them is a sentence already."""
STYLE_LEADS = ("pls ", "please ", "can u ", "hey ", "hi, ", "quick one: ", "um, ", "and ", "so ")


def person(r: Random) -> str:
    """A first and a last name, often with an accented letter."""
    return f"{r.choice(FIRST)} {r.choice(LAST)}"


def iso_date(r: Random) -> str:
    return f"{r.randint(2019, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"


def date_in(style: str, iso: str) -> str:
    """A date as a writer of this style puts it."""
    year, month, day = (int(part) for part in iso.split("-"))
    name = MONTHS[month - 1]
    return {
        "iso": iso, "dots": f"{day:02}.{month:02}.{year}", "slash": f"{day:02}/{month:02}/{year}",
        "long": f"{day} {name} {year}", "short": f"{name[:3]} {day}", "spoken": f"{name} {day}",
    }[style]  # fmt: skip


def draw(r: Random, x: Lexicon, spec: str, style: str = "iso") -> str:
    """A value by its description: `cat:a|b`, `int:1-9`, `money:2-80`, `date`, `person`, ...

    Raises:
        KeyError: no such description.
    """
    kind, _, rest = spec.partition(":")
    if kind == "cat":
        return r.choice(rest.split("|"))
    if kind in ("int", "step", "label"):
        low, _, high = rest.partition("-")
        n = r.randint(int(low), int(high))
        return str(n - n % 5 if kind == "step" and n > 5 else n)
    if kind == "money":
        low, _, high = rest.partition("-")
        return f"{r.randint(int(low), int(high))}.{r.choice((0, 0, 50, 90, 95, 99, r.randint(0, 99))):02}"
    if kind == "dec":
        low, _, high = rest.partition("-")
        return f"{r.randint(int(low), int(high))}.{r.randint(0, 9)}"
    if kind == "form":
        return "".join(
            r.choice("0123456789") if c == "0" else r.choice("ABCDEFGHJKLMNPRSTUVWX") if c == "X" else c
            for c in rest
        )
    if kind == "date":
        return date_in(style, iso_date(r))
    if kind == "blank":  # a column with empty cells
        return "" if r.random() < 0.4 else draw(r, x, rest, style)
    return _SIMPLE[kind](r, x)


_SIMPLE = {
    "person": lambda r, x: person(r),
    "first": lambda r, x: r.choice(FIRST),
    "phone": lambda r, x: r.choice((
        f"+{r.randint(30, 48)} {r.randint(20, 99)} {r.randint(100, 999)} {r.randint(10, 99)} {r.randint(10, 99)}",
        f"0{r.randint(20, 99)}-{r.randint(100000, 9999999)}", f"555-{r.randint(0, 9999):04}",
    )),
    "email": lambda r, x: f"{r.choice(FIRST_NAMES[:60]).lower()}.{r.choice(LAST_NAMES[:20]).lower()}@{r.choice(('mail', 'posteo', 'example', 'club', 'firma'))}.{r.choice(('org', 'com', 'net', 'eu'))}",
    "clock": lambda r, x: f"{r.randint(6, 22):02}:{r.choice((0, 0, 15, 30, 45)):02}",
    "ip": lambda r, x: f"10.{r.randint(0, 9)}.{r.randint(0, 40)}.{r.randint(2, 250)}",
    "code": lambda r, x: x.code(r), "version": lambda r, x: x.version(r),
    "day": lambda r, x: r.choice(DAYS), "month": lambda r, x: r.choice(MONTHS),
    "place": lambda r, x: r.choice(PLACES), "city": lambda r, x: r.choice(TOWNS),
    "phrase": lambda r, x: r.choice(REMARKS),
}  # fmt: skip
TOWNS = (
    "Ghent Bergen Malmö Århus Graz Brno Lyon Porto Leuven Tromsø Cork Bath Kraków Győr Liège Umeå Vigo Lucerne "
    "Utrecht Tartu Nîmes Ålesund Lübeck Trieste Galway Split Bilbao Uppsala Tampere Delft".split()
)
PLACES = (
    "shelf A3", "shelf B1", "the cellar", "the attic", "the north barn", "room 12", "room 204", "the yard", "cabinet 4",
    "the office", "the workshop", "rack 7", "the cold store", "the shed", "drawer 2", "the garage", "hall B", "the loft",
    "the reading room", "bay 3", "the greenhouse", "the back room", "locker 19", "the library", "pier 2", "the foyer",
)  # fmt: skip
REMARKS = (
    "needs a new label", "fragile", "ask first", "new", "worn", "second hand", "on loan", "lid missing", "left handle loose",
    "paid in cash", "prefers mornings", "call before", "no nuts", "allergic to cats", "by post", "keep dry", "check in spring",
    "wheelchair", "vegetarian", "two keys", "under warranty", "moved twice", "comes by bike", "late again", "spare in the cellar",
)  # fmt: skip


def asked(s: Session, pool: Sequence[str], **slots: str) -> str:
    """A user's message from these wordings, typed as by someone who does not know the files."""
    r = s.r
    text = _worded(r, pool)
    slot = _LEADING.match(text)  # noise on letter case is for texts that begin with a word
    text = slot.group() + noisy(r, text[slot.end() :]) if slot else noisy(r, text)
    if r.random() < 0.3:
        text = text[0].lower() + text[1:] if text[0] != "{" else text
        text = text.rstrip("?.! ") or text
    if r.random() < 0.2:
        text = text.replace("'", "")
    around = r.random()
    if around < 0.08:
        text = with_context(r, s.x, text)
    elif around < 0.14:
        text = opened(r, s.x, text)
    elif around < 0.22:
        text = r.choice(STYLE_LEADS) + text[0].lower() + text[1:]
    return s.user(fill(text, slots))


def replied(s: Session, pool: Sequence[str], **slots: str) -> str:
    """A user's short answer or follow-up, with nothing around it."""
    text = _worded(s.r, pool)
    slot = _LEADING.match(text)
    text = slot.group() + noisy(s.r, text[slot.end() :]) if slot else noisy(s.r, text)
    return s.user(fill(text, slots))


def _worded(r: Random, pool: Sequence[str]) -> str:
    """One of the wordings, but none that is kept for the test of unseen wordings."""
    for _ in range(50):
        text = r.choice(pool)
        if not _WRITTEN_OUT.isdisjoint(text):
            text = expand(r, text)
        if not is_held_out(text):
            return text
    raise ValueError(f"nothing but wordings of the test: {pool}")


def typed(r: Random, name: str) -> str:
    """A name as people type it: often in small letters."""
    return name.lower() if r.random() < 0.35 else name


def is_crowded(s: Session) -> bool:
    """Whether the workspace has too many files for one more."""
    return len(s.files) >= 2 * MAX_FILES


def hits_in(s: Session, word: str) -> dict[str, int]:
    """How many lines of which files hold a word, in any case."""
    low, place = word.lower(), s.bench.place
    found = {}
    for path in place.names():
        if low in place.lower(path):
            found[path] = sum(low in line for line in place.lower(path).splitlines())
    return found


def search_word(text: str) -> str:
    """The word to look for: the longest, in small letters, without marks around it."""
    words = [w.strip(".,;:!?()'\"").removesuffix("'s").lower() for w in text.split()]
    return max((w for w in words if w), key=len, default="")


def is_searchable(word: str) -> bool:
    """Whether a pattern means itself and is long enough to be rare."""
    return len(word) > 2 and all(c.isalnum() or c in "-_" for c in word)


def wrong_spelling(r: Random, word: str) -> str:
    """The word with one letter doubled, missing or another."""
    if len(word) < 5:
        return ""
    i = r.randint(1, len(word) - 2)
    return r.choice(
        (word[:i] + word[i] + word[i:], word[:i] + word[i + 1 :], word[:i] + r.choice("aeiou") + word[i + 1 :])
    )
