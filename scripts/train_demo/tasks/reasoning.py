"""State that is kept by writing it out: depth-first walks, call stacks, variables."""

from __future__ import annotations

from random import Random

from ..session import Session
from .common import Check, done


def walk_request(r: Random, names: list[str], depth: int) -> tuple[str, str, list[str]]:
    """A tree of at most `depth` levels as text, its written-out walk, and the order of visits."""
    free = list(names)
    children: dict[str, list[str]] = {}

    def grow(node: str, level: int) -> None:
        if level >= depth:
            return
        n = 1 if level < depth - 1 and r.random() < 0.5 else r.randint(0 if level > 1 else 1, 3)
        chosen = [free.pop() for _ in range(min(n, len(free)))]
        if chosen:
            children[node] = chosen
        for child in chosen:
            grow(child, level + 1)

    root = free.pop()
    grow(root, 1)
    lines = [f"{node}: {' '.join(below)}" for node, below in children.items()]
    r.shuffle(lines)
    steps, order = [], []

    def visit(node: str, stack: list[str]) -> None:
        path = [*stack, node]
        order.append(node)
        steps.append(
            f"enter {node} [{' '.join(path)}]"
            + (f" then {' '.join(children[node])}" if node in children else "")
        )
        for child in children.get(node, []):
            visit(child, path)
        steps.append(f"leave {node} [{' '.join(stack)}]")

    visit(root, [])
    tree = "\n".join(lines) or f"{root}:"
    return f"{root}\n{tree}", "\n".join(steps), order


def depth_first(s: Session) -> Check | None:
    """Walk a tree."""
    r = s.r
    names = _names(s, 26)
    tree, steps, order = walk_request(r, names, r.choice([2, 3, 3, 4, 5, 6]))
    if len(order) > 16:
        return None
    root, _, rest = tree.partition("\n")
    lead = r.choice(
        [
            "Walk this tree depth first from {}:",
            "Do a depth-first walk from {} over:",
            "DFS from {}:",
            "Traverse depth first, starting at {}:",
            "Visit all nodes depth first from {}:",
        ]
    )
    s.user(f"{lead.format(root)}\n{rest}")
    s.say(f"{steps}\nOrder: {' '.join(order)}")
    return done(s, f"Order: {' '.join(order)}", harmless=True)


def _names(s: Session, n: int) -> list[str]:
    r = s.r
    if r.random() < 0.5:
        letters = list("abcdefghijklmnopqrstuvwxyz")
        r.shuffle(letters)
        return letters[:n]
    return list(dict.fromkeys(s.x.word(r) for _ in range(n)))


def stack(s: Session) -> Check | None:
    """Which call is active after some enters and leaves."""
    r = s.r
    names = _names(s, 14)
    calls: list[str] = []
    lines, steps = [], []
    for _ in range(r.randint(3, 14)):
        if calls and (r.random() < 0.42 or not names):
            lines.append("return")
            calls.pop()
        else:
            if not names:
                break
            calls.append(names.pop())
            lines.append(f"call {calls[-1]}")
        steps.append(f"{lines[-1]} [{' '.join(calls)}]")
    s.user(
        r.choice(
            [
                "Which function is active after this trace?",
                "Where are we after these calls?",
                "Follow the calls. Which one is active at the end?",
                "What is on top of the stack after:",
            ]
        )
        + "\n"
        + "\n".join(lines)
    )
    active = f"Active: {calls[-1]}" if calls else "Active: none"
    s.say("\n".join(steps) + f"\n{active}")
    return done(s, active, harmless=True)


def variables(s: Session) -> Check | None:
    """What a variable holds after some assignments."""
    r = s.r
    names = r.sample("abcdefghijkmnpqrstuvwxyz", r.randint(2, 5))
    values: dict[str, int] = {}
    lines, steps = [], []
    for i in range(r.randint(2, 9)):
        name = names[i] if i < len(names) and r.random() < 0.7 else r.choice(names)
        if not values or r.random() < 0.35:
            values[name] = r.randint(0, 50)
            lines.append(f"{name} = {values[name]}")
            steps.append(lines[-1])
        else:
            other, n = r.choice(list(values)), r.randint(1, 9)
            sign = r.choice(["+", "-", "+"])
            was = values[other]
            values[name] = was + n if sign == "+" else was - n
            lines.append(f"{name} = {other} {sign} {n}")
            steps.append(f"{name} = {was} {sign} {n} = {values[name]}")
    asked = r.choice(list(values))
    s.user(
        r.choice(
            [
                "What is {} after this?",
                "Value of {} at the end?",
                "Track the variables. What is {}?",
                "What does {} hold after these lines?",
            ]
        ).format(asked)
        + "\n"
        + "\n".join(lines)
    )
    s.say("\n".join(steps) + f"\nSo {asked} is {values[asked]}.")
    return done(s, f"So {asked} is {values[asked]}.", harmless=True)


TASKS = {"depth_first": (2, depth_first), "stack": (1, stack), "variables": (1.2, variables)}
