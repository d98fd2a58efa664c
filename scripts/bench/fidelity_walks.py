"""Depth-first walks written out: every step builds on the last, so what is forgotten shows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from triagent.calibrate import rankings
from triagent.calibrate.text import SYSTEM
from triagent.chat import Message, Role

if TYPE_CHECKING:
    from bench.fidelity import Fidelity

FULL = "full"
DEPTHS = (2, 3, 4, 5, 6)
N_WINDOW_AND_MORE = 112
"""Cells beside the prompt: the window and some; a walk's steps are more and must be evicted."""
MOST_NODES = 16
SEED = 70_000


def walks(bench: Fidelity, table: dict) -> None:
    """Right orders by depth; what cannot be read is wrong."""
    names = [FULL, *bench.names(but=rankings.ABLATIONS)]
    prompt = bench.writer.opening(SYSTEM)
    first = bench.options.first
    with bench.trial(4096) as trial:
        for i in range(first, first + bench.options.walks):
            depth = DEPTHS[i % len(DEPTHS)]
            tree, root, order = walk(random.Random(SEED + i), depth)
            words = f"Walk this tree depth first from {root}:\n{tree}"
            ids = prompt + bench.writer.delta(Message(Role.USER, words), first=True)
            for name in names:
                _one(bench, table, trial, name, (ids, len(prompt)), depth, order)
            bench.check_time()


def _one(bench, table, trial, name, asked, depth, order) -> None:
    ids, n_prompt = asked
    rank = None if name == FULL else bench.rank(name, trial)
    trial.stream(ids, n_prompt, rank, n_prompt + N_WINDOW_AND_MORE)
    said = bench.model.vocab.text(trial.answer(700, bench.model.vocab.is_end))
    label = f"{N_WINDOW_AND_MORE} cells" if rank else "1"
    row = table.setdefault(f"depth {depth}", {}).setdefault(name, {})
    cell = row.setdefault(label, {"right": 0, "n": 0})
    cell["right"] += said.strip().splitlines()[-1:] == [f"Order: {' '.join(order)}"]
    cell["n"] += 1


def walk(r: random.Random, depth: int) -> tuple[str, str, list[str]]:
    """A tree of exactly `depth` levels as text, its root, and the order of a depth-first walk."""
    while True:
        tree, root, order, deepest = _tree(r, depth)
        if deepest == depth and len(order) <= MOST_NODES:
            return tree, root, order


def _tree(r: random.Random, depth: int) -> tuple[str, str, list[str], int]:
    names = r.sample("abcdefghijklmnopqrstuvwxyz", 26)
    children: dict[str, list[str]] = {}
    deepest = 1

    def grow(node: str, level: int) -> None:
        nonlocal deepest
        deepest = max(deepest, level)
        if level >= depth:
            return
        few = level < depth - 1 and r.random() < 0.5
        n = 1 if few else r.randint(0 if level > 1 else 1, 3)
        chosen = [names.pop() for _ in range(min(n, len(names)))]
        if chosen:
            children[node] = chosen
        for child in chosen:
            grow(child, level + 1)

    root = names.pop()
    grow(root, 1)
    order: list[str] = []

    def visit(node: str) -> None:
        order.append(node)
        for child in children.get(node, []):
            visit(child)

    visit(root)
    lines = [f"{node}: {' '.join(below)}" for node, below in children.items()]
    r.shuffle(lines)
    return "\n".join(lines), root, order, deepest
