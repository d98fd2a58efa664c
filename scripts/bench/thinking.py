"""What it costs, and gains, to evict old thinking first.

Made sessions: the user tells facts, each message is answered after a made-up thought, and some
thoughts hold a fact of their own. Then every fact is asked for. The same tokens are played with
thinking as the first class to go, and with thinking treated as everything else, at one budget.
The answer's beginning is given ("Your door code is"), so that the model cannot call recall: it is
right only when the cache still holds the words.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path

from triagent.agent.context import system_prompt
from triagent.agent.tools import TOOLS
from triagent.chat import Appended, Delta, Limits, Message, Origin, Role, Span, Text
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.assembly import assemble
from triagent.engine.conversation import Conversation
from triagent.engine.engine import Engine

THINGS = (
    "staging port", "door code", "build number", "ticket number", "room number", "locker number",
    "invoice number", "shelf number", "garage code", "backup hour",
)  # fmt: skip
WORDS = (
    "the", "user", "wants", "this", "file", "first", "then", "check", "whether", "it", "is",
    "right", "maybe", "look", "again", "at", "what", "was", "said", "before", "and", "answer",
)  # fmt: skip
N_OUTSIDE = 7  # facts that the user tells; the other ones stand in thoughts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sidecar", type=Path)
    parser.add_argument("--budget", type=int, default=1536)
    parser.add_argument("--policies", default="auto,streaming", help="comma-separated")
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--thought", type=int, default=90, help="words of one thought")
    parser.add_argument("--fillers", type=int, default=6, help="messages before the questions")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for thinking.json and .md")


def main(options: argparse.Namespace) -> int:
    rows: list[dict] = []
    for policy in options.policies.split(","):
        conversation = open_conversation(options, policy)
        try:
            for number in range(options.sessions):
                for goes_first in (True, False):
                    found = session(conversation, options, number, goes_first)
                    rows += [{"policy": policy, "session": number} | row for row in found]
                    right = sum(row["right"] for row in found)
                    print(policy, number, goes_first, f"{right} of {len(found)}", flush=True)
                keep(options.out, rows)
        finally:
            conversation.close()
    print((options.out / "thinking.md").read_text())
    return 0


def open_conversation(options: argparse.Namespace, policy: str) -> Conversation:
    config = ModelConfig(
        path=options.model, sidecar=options.sidecar, threads=options.threads, gpu_layers=0,
        n_ctx=100_000,
    )  # fmt: skip
    cache = CacheConfig(budget=options.budget, policy=policy)
    return Conversation(Engine(assemble(config, cache, 0)), config)


def session(
    conversation: Conversation, options: argparse.Namespace, number: int, goes_first: bool
) -> list[dict]:
    """One session; a row for each fact."""
    chosen = random.Random(number)
    facts = {x: str(chosen.randrange(1000, 9999)) for x in chosen.sample(THINGS, len(THINGS))}
    told = list(facts)
    conversation.clear()
    _last(conversation.open(system_prompt("bench", "Linux"), [tool.schema for tool in TOOLS]))
    for at, thing in enumerate(told):
        inside = at >= N_OUTSIDE
        text = "Please wait." if inside else f"My {thing} is {facts[thing]}."
        thought = _thought(chosen, options.thought)
        if inside:
            thought += f" My {thing} is {facts[thing]}. " + _thought(chosen, 10)
        _say(conversation, text, thought, goes_first)
    for n in range(options.fillers):
        _say(conversation, f"Message {n}: please wait.", _thought(chosen, options.thought),
             goes_first)  # fmt: skip
    return [
        {
            "goes_first": goes_first,
            "thing": thing,
            "inside": at >= N_OUTSIDE,
            "right": facts[thing] in _ask(conversation, thing),
        }
        for at, thing in enumerate(told)
    ]


def _say(conversation: Conversation, text: str, thought: str, goes_first: bool) -> None:
    """A message, and an answer that was never sampled."""
    _last(conversation.append([Message(Role.USER, text)]))
    _put(conversation, (Origin.THINKING, thought), (Origin.MODEL, "\nOK, noted."))
    if not goes_first:
        conversation._thinking.clear()
    _last(conversation.close_message())


def _put(conversation: Conversation, *parts: tuple[Origin, str]) -> None:
    """Feed words as if they had been sampled."""
    pos, spans = conversation.engine.n_pos, []
    for origin, words in parts:
        ids = tuple(conversation.vocab.tokenize(words))
        spans.append(Span(origin, pos, ids, words, sampled=True))
        pos += len(ids)
    _last(conversation.replay(spans))


def _ask(conversation: Conversation, thing: str) -> str:
    _last(conversation.append([Message(Role.USER, f"What is my {thing}?")]))
    _put(conversation, (Origin.MODEL, f"Your {thing} is"))
    said = list(conversation.generate(Limits(max_tokens=10, think_tokens=0)))
    _last(conversation.close_message())
    return "".join(delta.text for delta in said if isinstance(delta, Text))


def _thought(chosen: random.Random, n_words: int) -> str:
    return " ".join(chosen.choices(WORDS, k=n_words)).capitalize() + "."


def _last(deltas: Iterable[Delta]) -> Appended:
    return [delta for delta in deltas if isinstance(delta, Appended)][-1]


def keep(out: Path, rows: list[dict]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "thinking.json").write_text(json.dumps(rows, indent=1))
    (out / "thinking.md").write_text(markdown(rows))


def markdown(rows: list[dict]) -> str:
    """Right answers by policy and by whether thinking goes first."""
    lines = [
        "| policy | thinking goes first | told by the user | only in a thought |",
        "| --- | --- | --- | --- |",
    ]
    for policy in dict.fromkeys(row["policy"] for row in rows):
        for goes_first in (False, True):
            some = [x for x in rows if x["policy"] == policy and x["goes_first"] is goes_first]
            counts = []
            for inside in (False, True):
                part = [row["right"] for row in some if row["inside"] is inside]
                counts.append(f"{sum(part)} of {len(part)}")
            lines.append(f"| {policy} | {'yes' if goes_first else 'no'} | {' | '.join(counts)} |")
    return "\n".join([*lines, "", f"`{' '.join(sys.argv)}`", ""])
