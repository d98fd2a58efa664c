"""What users ask for, by kind: the request, the calls it takes, the answer.

    common     naming a file, opening it, what to answer when it is missing
    reading    values in files
    showing    whole files and their parts: names, sections, functions
    finding    folders, names, searches
    tables     rows and columns, logs
    changing   values set
    lines      lines and words of a file
    filing     whole files: writing, moving, deleting; folders
    running    commands, tests, git, background
    memory     told facts, recall of what is out of sight, notes
    talking    small talk, what it cannot do, asking back
    meaning    values by what they mean; on and off
    sections   values by section and by environment, no file named
    telling    facts in sentences, in notes or told
    asking     tables in plain words, by row, value, condition
    looking    what is there, where it is used, differences, how to
    logs       logs in plain words
    rewriting  names, lines, rows changed; questions about changes
    records    tables, logs, documents, pairs of files as people ask about them
    careful    deleting only what is named, permissions, verbs that say nothing
    nesting    settings within settings, told apart by the names above
    pairing    two files read, several hits told
    following  another file, the folder just made, the rest, two questions in one
    by_roles   scripts run, documents and files of a sort found by a word
    told_here  facts that stand in files, or nowhere; facts of several words
    parts      parts of values and lines, items of lists
    reasoning  recursive state, variables, written out step by step

A task returns what a right answer must hold, or None when it does not fit the session.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ..session import Session
from . import (
    asking,
    by_roles,
    careful,
    changing,
    filing,
    finding,
    following,
    lines,
    logs,
    looking,
    meaning,
    memory,
    nesting,
    pairing,
    parts,
    reading,
    reasoning,
    records,
    rewriting,
    running,
    sections,
    showing,
    tables,
    talking,
    telling,
    told_here,
)
from .common import Check

Task = Callable[[Session], Check | None]

_MODULES = (
    reading, showing, finding, tables, changing, lines, filing, running, memory, talking, reasoning,
    meaning, telling, asking, looking, logs, rewriting, sections, records, careful, nesting,
    pairing, following, by_roles, told_here, parts,
)  # fmt: skip
TASKS: dict[str, tuple[float, Task]] = {
    name: entry for module in _MODULES for name, entry in module.TASKS.items()
}
_FOLLOWING = (
    "follow", "follow", "follow_edit", "follow_file", "undo", "last_done", "follow_row",
    "follow_row",
)  # fmt: skip
"""Kinds that speak of the turn before."""
_NAMES = list(TASKS)
_WEIGHTS = [weight for weight, _ in TASKS.values()]


def step(s: Session, r: Random) -> str | None:
    """One more turn of any kind; its name, or None when it did not fit."""
    s.thin()
    name = r.choices(_NAMES, _WEIGHTS)[0]
    if s.made[1] == s.n_turns > 0 and r.random() < 0.3:
        name = "follow_made"
    elif (s.last_is_fresh or s.edit_turn == s.n_turns > 0) and r.random() < 0.35:
        name = r.choice(_FOLLOWING)
    elif s.gone and r.random() < 0.09:
        name = r.choice(("ask_gone", "ask_gone", "recall_gone"))
    return name if perform(s, name) is not None else None


def perform(s: Session, name: str) -> Check | None:
    """One turn of this kind; leaves no trace when it does not fit."""
    n_turns, last = len(s.turns), s.last
    check = TASKS[name][1](s)
    if check is None:
        while len(s.turns) > n_turns:
            s.turns.pop()
        s.last = last
    return check
