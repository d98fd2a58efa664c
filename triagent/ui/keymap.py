"""The user's own keys, checked: which names of bindings and keys there are.

Textual passes over what it does not know, so a misspelled name would silently do nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, KEY_TO_UNICODE_NAME, Keys, key_to_character
from textual.widget import Widget

NAMED = {key.value for key in Keys if "+" not in key.value and key.value[0] != "<"}
NAMED |= set(KEY_NAME_REPLACEMENTS.values())
"""Names of keys; those of characters are Unicode's: "pageup", "f4", "slash", "question_mark"."""
MODIFIERS = ("ctrl", "shift", "alt", "super", "meta", "hyper")


def problems(keys: Mapping[str, str], known: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each entry that could not work, with the nearest that would.

    Args:
        keys: binding name -> keys, as in the settings.
        known: binding name -> its keys by default.
    """
    for name, wanted in keys.items():
        if name not in known:
            yield f'ui.keys: no binding is named "{name}"{_near(name, known)} F1 lists them'
            continue
        for key in wanted.split(","):
            if wrong := _wrong_part(key.strip()):
                yield f'ui.keys: {name} = "{wanted}": no key is named "{wrong}"{_near_key(wrong)}'
    taken = {binding: keys.get(binding, default) for binding, default in known.items()}
    yield from _clashes(keys, taken)


def give_way(widget: Widget, keys: Mapping[str, str]) -> None:
    """Take the user's own keys from what a widget does by itself, such as F6 in a text field.

    A widget hears a key before the app does; what has a name of ours stays as the user set it."""
    for key in (key for wanted in keys.values() for key in _split(wanted)):
        found = widget._bindings.key_to_bindings.get(key, [])
        if found and all(binding.id is None for binding in found):
            del widget._bindings.key_to_bindings[key]


def bindings() -> dict[str, str]:
    """Every binding that can be remapped: its name -> its keys by default."""
    from triagent.ui.app import TriagentApp
    from triagent.ui.help import places

    found = [binding for _, group in places(TriagentApp.BINDINGS) for binding in group]
    return {b.id: b.key for b in found if isinstance(b, Binding) and b.id}


def _clashes(keys: Mapping[str, str], taken: Mapping[str, str]) -> Iterator[str]:
    """A key that was given away while something in the same place still answers to it."""
    for name in keys:
        place = name.partition(".")[0]
        for other, others in taken.items():
            if other == name or other.partition(".")[0] not in (place, "app"):
                continue
            both = _split(taken.get(name, "")) & _split(others)
            if both and not (other in keys and other < name):  # said once
                yield f'ui.keys: "{min(both)}" is {name} and {other}; one of them is not heard'


def _split(keys: str) -> set[str]:
    return {key.strip() for key in keys.split(",") if key.strip()}


def _wrong_part(key: str) -> str:
    """The part of a key that is no name; empty when all is well."""
    *modifiers, last = key.split("+")
    wrong = [part for part in modifiers if part not in MODIFIERS]
    if not last or not (last in NAMED or key_to_character(last)):
        wrong.append(last or key)
    return wrong[0] if wrong else ""


def _near(name: str, known: Mapping[str, str]) -> str:
    ends = {known_name.rpartition(".")[2]: known_name for known_name in reversed(known)}
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    found = [ends[name]] if name in ends else whole  # its place was left out
    return f'; did you mean "{found[0]}"?' if found else "."


def _near_key(name: str) -> str:
    every = [*MODIFIERS, *NAMED, *KEY_TO_UNICODE_NAME]
    found = difflib.get_close_matches(name, every, n=1, cutoff=0.5)
    return f'; did you mean "{found[0]}"?' if found else ""
