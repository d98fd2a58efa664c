"""Sessions in the form of the calibration's self-test: facts planted, and asked for later."""

from __future__ import annotations

from random import Random

from triagent.agent.context import system_prompt
from triagent.calibrate.facts import Fact, FactFile, FactSource

from .session import WEIGHT_ANSWER, WEIGHT_INPUT, opening, schemas
from .tokens import Piece
from .values import Lexicon

_ANSWER = "<|im_start|>assistant\n"
N_FILES = 200
"""Most files of one session: beyond, the source's names run out."""


def planted(r: Random, x: Lexicon, n_chars: int) -> list[Piece]:
    """A session of about `n_chars`, every setting asked with the same chance."""
    name = "project" if r.random() < 0.5 else x.word(r)
    out = opening(system_prompt(name, "Linux", []), schemas())
    source, facts, n = FactSource(r.randrange(10**6, 10**12)), [], 0
    share = r.choice([0.1, 0.3, 0.5])
    for _ in range(N_FILES):
        if n > n_chars:
            break
        if facts and r.random() < share:
            fact = r.choice(facts[: max(1, len(facts) // 3)] if r.random() < 0.4 else facts)
            new = turn(fact.question, f"{fact.lead}{fact.value}`.")
        elif r.random() < 0.3:
            facts.append(fact := source.told())
            answer = f"Noted: your {fact.key} is `{fact.value}`."
            new = turn(f"My {fact.key} is {fact.value}.", answer)
        else:
            file = source.file(r.randint(3, 8))
            facts += file.facts
            new = reading(file, r.choice(file.facts))
        out += new
        n += sum(len(text) for text, _ in new)
    for fact in r.sample(facts, min(len(facts), 6)):
        out += turn(fact.question, f"{fact.lead}{fact.value}`.")
    return out


def reading(file: FactFile, fact: Fact) -> list[Piece]:
    """A turn in which a file is read and one of its settings named."""
    call = f'{{"name": "read", "arguments": {{"path": "{file.path}"}}}}'
    asked = turn(f"What is {fact.key} in {file.path}?", f"<tool_call>\n{call}\n</tool_call>")
    answer = f"`{fact.key}` in `{fact.path}` is `{fact.value}`.<|im_end|>"
    return [
        *asked[:-1], ("\n<|im_start|>user\n<tool_response>\n", 0), (file.text, WEIGHT_INPUT),
        ("\n</tool_response><|im_end|>\n" + _ANSWER, 0), (answer, WEIGHT_ANSWER), ("\n", 0),
    ]  # fmt: skip


def turn(user: str, answer: str) -> list[Piece]:
    """A question and its answer, the answer next to last of the pieces."""
    return [
        ("<|im_start|>user\n", WEIGHT_INPUT), (user, WEIGHT_INPUT),
        ("<|im_end|>\n" + _ANSWER, 0), (answer + "<|im_end|>", WEIGHT_ANSWER), ("\n", 0),
    ]  # fmt: skip
