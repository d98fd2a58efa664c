"""Sentences composed from parts: alternatives, shared fragments, slots, noise.

A template is text with `(one|other|)` for alternatives, which nest, `[name]` for a shared
fragment and `{slot}` for what the task puts in. Noise (case, punctuation, typing errors, filler
around the sentence) never touches a slot's value. A share of all requests is not a sentence at
all but filler words around the slots, so that the model learns to rest on slots and cues
instead of on whole sentences.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random

from .phrases import FRAGMENTS, PHRASES, SALAD
from .phrases_acts import ACTS
from .phrases_more import MORE, NEW, OPENERS
from .phrases_wide import wide
from .unseen import UNSEEN
from .values import Lexicon

_SLOT = re.compile(r"(\{[a-z0-9_]+\})")
BASE = {**PHRASES, **NEW}
"""Wordings by kind."""
_WIDE = wide()
for _more in (MORE, ACTS):
    for _kind, _texts in _more.items():
        _WIDE[_kind] = [*_WIDE.get(_kind, ()), *_texts]
_share = {"wide": 0.5}
"""Share of the wider wordings where a kind has some."""


@cache
def parse(template: str) -> tuple:
    """A template as a sequence of texts, ("alt", options) and ("ref", name)."""
    sequence, end = _sequence(template, 0, "")
    if end != len(template):
        raise ValueError(f"unbalanced template: {template!r} at {end}")
    return sequence


def _sequence(text: str, i: int, closing: str) -> tuple[tuple, int]:
    parts: list = []
    while i < len(text) and text[i] not in ("|", ")"):
        if text[i] == "(":
            options = []
            while True:
                option, i = _sequence(text, i + 1, "|)")
                options.append(option)
                if i >= len(text) or text[i] == ")":
                    break
            parts.append(("alt", tuple(options)))
            i += 1
        elif text[i] == "[":
            stop = text.index("]", i)
            parts.append(("ref", text[i + 1 : stop]))
            i = stop + 1
        else:
            j = i
            while j < len(text) and text[j] not in "(|)[":
                j += 1
            parts.append(text[i:j])
            i = j
    if not closing and i < len(text):  # a stray bar or parenthesis at the top level
        return tuple(parts), i
    return tuple(parts), i


def expand(r: Random, template: str) -> str:
    """One sentence of a template; slots stay."""
    return re.sub(r"  +", " ", _expand(r, parse(template))).strip()


def _expand(r: Random, sequence: tuple) -> str:
    out = []
    for part in sequence:
        if isinstance(part, str):
            out.append(part)
        elif part[0] == "alt":
            out.append(_expand(r, r.choice(part[1])))
        else:
            out.append(_expand(r, parse(r.choice(FRAGMENTS[part[1]]))))
    return "".join(out)


def fill(text: str, slots: dict[str, str]) -> str:
    """Put the slots' values in. Raises KeyError for a slot without one."""
    return _SLOT.sub(lambda m: slots[m.group()[1:-1]], text)


def request(r: Random, x: Lexicon, kind: str, **slots: str) -> str:
    """A user's message of this kind."""
    text = salad(r, x, kind) if kind in SALAD and r.random() < 0.13 else ""
    if not text:
        pool = _WIDE[kind] if kind in _WIDE and r.random() < _share["wide"] else BASE[kind]
        text = noisy(r, _drawn(r, kind, pool))
        around = r.random()
        if around < 0.10:
            text = with_context(r, x, text)
        elif around < 0.22:
            text = opened(r, x, text)
    return fill(text, slots)


def _drawn(r: Random, kind: str, pool: list[str]) -> str:
    """One of the kind's sentences, but none that is kept for the test of unseen wordings."""
    while (text := expand(r, r.choice(pool))) and letters(text) in _HELD_OUT.get(kind, ()):
        pass
    return text


def letters(text: str) -> str:
    """A wording without case and punctuation, to compare."""
    return re.sub(r"[^a-z{}]+", " ", text.lower()).strip()


_HELD_OUT = {kind: {letters(text) for text in texts} for kind, texts in UNSEEN.items()}


_HELD_OUT_BARE = {
    re.sub(r"\{[a-z ]*\}", "{}", text) for texts in _HELD_OUT.values() for text in texts
}


def is_held_out(text: str) -> bool:
    """Whether this is a wording that is kept for the test, whatever its slots' names."""
    return re.sub(r"\{[a-z ]*\}", "{}", letters(text)) in _HELD_OUT_BARE


def set_wide(share: float) -> None:
    """How many of the requests are in the wider wordings, 0 to 1; for measuring."""
    _share["wide"] = share


def salad(r: Random, x: Lexicon, kind: str) -> str:
    """Slots and cues between filler words."""
    order = r.choice(SALAD[kind]).split()
    parts = [_filler(r, x, 0, 4)]
    for item in order:
        parts.append(expand(r, item.replace("_", " ")) if not item.startswith("{") else item)
        parts.append(_filler(r, x, 0, 3))
    text = re.sub(r"  +", " ", " ".join(parts)).strip()
    return text + r.choice(["", "", "", "?", ".", "!", " please"])


def _filler(r: Random, x: Lexicon, low: int, high: int) -> str:
    frequent = x.words[:300]
    n = r.randint(low, high)
    return " ".join(r.choice(frequent if r.random() < 0.8 else x.words) for _ in range(n))


def noisy(r: Random, text: str) -> str:
    """Case, punctuation and typing errors outside the slots."""
    parts = _SLOT.split(text)
    x = r.random()
    if x < 0.3:
        parts = [p if p.startswith("{") else p.lower() for p in parts]
    elif x < 0.62:
        parts[0] = parts[0][:1].upper() + parts[0][1:]
    elif x < 0.635:
        parts = [p if p.startswith("{") else p.upper() for p in parts]
    if not parts[-1].startswith("{"):
        if r.random() < 0.3:
            parts[-1] = parts[-1].rstrip("?.! ")
        elif r.random() < 0.12 and parts[-1][-1:] not in ("", "?", ".", "!"):
            parts[-1] += r.choice([".", ".", "!", " :)", "..."])
    if r.random() < 0.2:
        parts = [p if p.startswith("{") else p.replace("'", "") for p in parts]
    while r.random() < 0.12:
        _mistype(r, parts)
    return "".join(parts)


def _mistype(r: Random, parts: list[str]) -> None:
    """Drop, swap or double one letter of a fixed part."""
    places = [i for i, p in enumerate(parts) if not p.startswith("{") and len(p) > 6]
    if not places:
        return
    i = r.choice(places)
    p = parts[i]
    j = r.randint(1, len(p) - 3)
    parts[i] = r.choice(
        [p[:j] + p[j + 1 :], p[:j] + p[j + 1] + p[j] + p[j + 2 :], p[: j + 1] + p[j:]]
    )


def opened(r: Random, x: Lexicon, text: str) -> str:
    """The request as a part of a sentence that says what it is for."""
    lead = fill(expand(r, r.choice(OPENERS)), _names(r, x))
    if not text.startswith("{"):
        text = text[0].lower() + text[1:]
    if "@" not in lead:
        lead += " @"
    whole = lead.replace("@", text)
    return whole if r.random() < 0.5 else whole[0].upper() + whole[1:]


def _names(r: Random, x: Lexicon) -> dict[str, str]:
    return {"w": x.word(r), "p": x.person(r).split()[0], "n": str(r.randint(2, 30))}


def with_context(r: Random, x: Lexicon, text: str) -> str:
    """The request with a sentence around it that changes nothing."""
    before = noisy(r, expand(r, r.choice(FRAGMENTS["context"])))
    before = fill(before, _names(r, x))
    if before[-1:] not in ".,:;-?!":
        before += r.choice([".", ",", ":", ";", " -", "."])
    return f"{before} {text}" if r.random() < 0.85 else f"{text} {before}"
