"""Items of the model bench, made by the training data's generator from seeds never trained on.

An item is a workspace, what the user says turn by turn, and what a right outcome of the last
turn shows. The task, its workspace and its check are the generator's; the words are too, or are
those of `unseen`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from scripts.train_demo.session import Session
from scripts.train_demo.tasks import TASKS, perform
from scripts.train_demo.tasks.common import Check
from scripts.train_demo.tasks.reasoning import walk_request
from scripts.train_demo.unseen import CONTEXT, UNSEEN
from scripts.train_demo.unseen import TASKS as UNSEEN_TASKS
from scripts.train_demo.values import CITIES, FIRST_NAMES, Lexicon
from scripts.train_demo.wording import fill, request

SEED = 900_000_000
"""Far from what training draws: its workers' seeds are seed * 100,003 + worker."""
NOT_HERE = ("ask_gone", "ask_gone_sentence", "recall_gone", "background")
"""Kinds that need an eviction or a process that runs on."""
N_TRIES = 400


@dataclass(frozen=True)
class Item:
    """One conversation, judged by its last turn."""

    kind: str
    files: dict[str, bytes] = field(repr=False)
    folders: frozenset[str]
    outputs: dict[str, tuple[str, int]] = field(repr=False)
    """Command -> output and exit code."""
    turns: tuple[str, ...]
    check: Check


class Rehearsal(Session):
    """A generated session that keeps the user's words and the workspace before them."""

    def __init__(self, r: Random, x: Lexicon) -> None:
        self.words: list[str] = []
        self.before: dict[str, bytes] = {}
        self.made: set[str] = set()
        """Files there when the last turn ended."""
        self.wordings: dict[str, str] = {}
        """Kind -> the wording to use instead of the generator's."""
        self.has_used = False
        super().__init__(r, x, short_prompt=True)

    def ask(self, kind: str, **slots: str) -> str:
        if kind not in self.wordings:
            return self.user(request(self.r, self.x, kind, **slots))
        self.has_used = not (kind == "move" and " " in slots["new"])
        return self.user(fill(self.wordings[kind], slots))

    def user(self, text: str) -> str:
        if "cannot" in self.wordings:
            names = {"city": self.r.choice(CITIES), "person": self.r.choice(FIRST_NAMES)}
            text, self.has_used = fill(self.wordings["cannot"], names), True
        self.words.append(text)
        for path, data in self.bench.place.files.items():
            if path not in self.made:  # the task has just put it there for this turn
                self.before[path] = data
        return super().user(text)

    def say(self, text: str) -> None:
        super().say(text)
        self.made = set(self.bench.place.files)

    def item(self, kind: str, check: Check) -> Item:
        """The conversation so far, to be had again."""
        return Item(kind, dict(self.before), frozenset(self.bench.place.folders),
                    dict(self.bench.outputs), tuple(self.words), check)  # fmt: skip


def known(number: int, x: Lexicon) -> Item:
    """An item as training has them, kinds by their weights; three in ten have turns before."""
    names = [name for name in TASKS if name not in NOT_HERE]
    weights = [TASKS[name][0] for name in names]
    for again in range(N_TRIES):
        r = Random(SEED + number * N_TRIES + again)
        s = Rehearsal(r, x)
        if r.random() < 0.3:
            _lead_in(s, r.choices(names, weights, k=r.randint(1, 2)))
        if item := _last(s, r.choices(names, weights)[0]):
            return item
    raise RuntimeError(f"the generator made no item {number} in {N_TRIES} tries")


def unseen(number: int, x: Lexicon) -> Item:
    """An item in words that were never trained on: kinds in turn, then wordings in turn."""
    kinds = list(UNSEEN)
    kind = kinds[number % len(kinds)]
    wording = UNSEEN[kind][number // len(kinds) % len(UNSEEN[kind])]
    return _worded(kind, wording, SEED + 10_000_000 + number * N_TRIES, x)


def _worded(kind: str, wording: str, seed: int, x: Lexicon) -> Item:
    for again in range(N_TRIES):
        s = Rehearsal(Random(seed + again), x)
        before = CONTEXT.get(kind, ())
        if _lead_in(s, before) != len(before):
            continue
        s.wordings = {kind: wording}
        if (item := _last(s, UNSEEN_TASKS[kind])) and s.has_used:
            return Item(kind, item.files, item.folders, item.outputs, item.turns, item.check)
    raise RuntimeError(f"the generator made no item of kind {kind} in {N_TRIES} tries")


def _lead_in(s: Rehearsal, names) -> int:
    """Turns before the one that is judged; returns how many fitted."""
    n = 0
    for name in names:
        said = len(s.words)
        if perform(s, name) is None:
            del s.words[said:]
        else:
            n += 1
    return n


def _last(s: Rehearsal, name: str) -> Item | None:
    said = len(s.words)
    check = perform(s, name)
    if check is None or len(s.words) != said + 1:
        return None
    return s.item(name, check)


def walk(depth: int, number: int) -> Item:
    """A depth-first walk over a tree of exactly this many levels."""
    seed = SEED + 20_000_000 + (depth * 1000 + number) * N_TRIES
    for again in range(N_TRIES):
        r = Random(seed + again)
        names = list("abcdefghijklmnopqrstuvwxyz")
        r.shuffle(names)
        text, steps, order = walk_request(r, names, depth)
        deepest = max(line.count(" ") for line in steps.split("\n") if " then " not in line)
        if len(order) > 16 or deepest - 1 < depth:
            continue
        root, _, rest = text.partition("\n")
        check = Check((f"Order: {' '.join(order)}",), {}, (), harmless=True)
        turns = (f"Walk this tree depth first from {root}:\n{rest}",)
        return Item(f"depth {depth}", {}, frozenset(), {}, turns, check)
    raise RuntimeError(f"no tree of depth {depth} in {N_TRIES} tries")
