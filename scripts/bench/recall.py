"""Facts told before the first eviction, asked for after many: with and without offering them.

Each session tells a few facts, reads files until the facts are evicted, and asks for each. Facts
come in pairs that differ by one word, and tell and question are worded in several ways, so that
a search for the question's words is no certain hit. Counted are right answers, and by which way
the words came back: offered by the agent, or recalled by the model itself.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from triagent.agent.events import AnswerText, Recalled, RoundDone, ToolProposed, TurnEnded
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.config import AgentConfig, CacheConfig, Config, ModelConfig, SamplingConfig
from triagent.engine.client import open_model
from triagent.session.store import Store

THINGS = (
    "staging port", "production port", "door code", "garage code", "build number",
    "ticket number", "room number", "locker number",
)  # fmt: skip
PLAIN = (("My {} is {}.", "What is my {}?"),)
WORDINGS = (
    *PLAIN,
    ("Please remember that the {} is {}.", "Which {} did I give you?"),
    ("By the way, the {} is {} now.", "Remind me of the {}, please."),
    ("Note for later: {} {}.", "Do you still know the {}?"),
)
"""How a fact is told, and asked for."""
MAX_FILLERS = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sidecar", type=Path)
    parser.add_argument("--budget", type=int, default=1536)
    parser.add_argument("--policy", default="auto")
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--facts", type=int, default=4, help="facts of one session")
    parser.add_argument("--plain", action="store_true", help="one wording only")
    parser.add_argument("--rounds", type=int, default=10, help="eviction rounds before asking")
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for recall.json and .md")


def main(options: argparse.Namespace) -> int:
    rows: list[dict] = []
    for number in range(options.sessions):
        rows += session(options, number)
        _keep(options.out, rows)
    print((options.out / "recall.md").read_text())
    return 0


def session(options: argparse.Namespace, number: int) -> list[dict]:
    """One session: facts, fillers, then a question for each fact."""
    chosen = random.Random(number)
    facts = {x: str(chosen.randrange(1000, 9999)) for x in chosen.sample(THINGS, options.facts)}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "work").mkdir()
        for i in range(MAX_FILLERS):
            lines = (f"{n} job {chosen.randrange(100)} took {chosen.randrange(900)} ms\n"
                     for n in range(25))  # fmt: skip
            (root / f"work/log{i}.txt").write_text("".join(lines))
        agent = open_agent(options, root)
        try:
            words = PLAIN if options.plain else WORDINGS
            for i, (thing, value) in enumerate(facts.items()):
                ask(agent, words[i % len(words)][0].format(thing, value))
            fill(agent, options.rounds)
            for i, (thing, value) in enumerate(facts.items()):
                # Each fact is asked for once, for an answer would tell it again; so half of them
                # are asked with offering, half without, and the halves change by session.
                offers = (i // len(words) + i + number) % 2 == 0
                text = words[(i + number // 2) % len(words)][1].format(thing)
                found = question(agent, text, value, offers)
                rows.append({"session": number, "thing": thing, "asked": text} | found)
                print(json.dumps(rows[-1]), flush=True)
        finally:
            agent.close()
    return rows


def open_agent(options: argparse.Namespace, root: Path) -> Agent:
    config = Config(
        model=ModelConfig(
            path=options.model, sidecar=options.sidecar, gpu_layers=options.gpu_layers,
            threads=options.threads, n_ctx=200_000,
        ),
        cache=CacheConfig(budget=options.budget, policy=options.policy),
        sampling=SamplingConfig(max_tokens=160, think_tokens=0),
        agent=AgentConfig(mode="read-only"),
        workspace=root / "work",
    )  # fmt: skip
    model = open_model(config)
    opened = Store(root / "sessions").create(root / "work", model.info)
    places = Places(root / "config", root / "data", root / "cache")
    return Agent(
        model, opened, open_machine(root / "work", places, "read-only", opened.blobs), config
    )


def ask(agent: Agent, text: str) -> list:
    """One turn's events."""
    return list(agent.turn(text))


def fill(agent: Agent, n_rounds: int) -> None:
    """Read files until enough rounds ran."""
    done = 0
    for i in range(MAX_FILLERS):
        events = ask(agent, f"Show log{i}.txt")
        done += sum(isinstance(event, RoundDone) for event in events)
        if done >= n_rounds:
            return


def question(agent: Agent, text: str, value: str, offers: bool) -> dict:
    """Ask for one fact, with or without offering."""
    agent.config = replace(agent.config, agent=replace(agent.config.agent, auto_recall=offers))
    events = ask(agent, text)
    answer = "".join(event.text for event in events if isinstance(event, AnswerText))
    end = next(event for event in events if isinstance(event, TurnEnded))
    return {
        "offers": offers,
        "right": value in answer,
        "offered": any(isinstance(event, Recalled) for event in events),
        "called": any(isinstance(x, ToolProposed) and x.call.name == "recall" for x in events),
        "rounds": end.cache.n_rounds if end.cache else 0,
        "answer": answer[:120],
    }


def _keep(out: Path, rows: list[dict]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "recall.json").write_text(json.dumps(rows, indent=1))
    (out / "recall.md").write_text(markdown(rows))


def markdown(rows: list[dict]) -> str:
    """Right answers with and without offering."""
    lines = [
        "| words offered by the agent | questions | right | offered | recalled by the model |",
        "| --- | --- | --- | --- | --- |",
    ]
    for offers in (False, True):
        some = [row for row in rows if row["offers"] is offers]
        counts = (sum(row[key] for row in some) for key in ("right", "offered", "called"))
        lines.append(f"| {'yes' if offers else 'no'} | {len(some)} | "
                     + " | ".join(map(str, counts)) + " |")  # fmt: skip
    lines += ["", f"Rounds before asking: {min(row['rounds'] for row in rows)} or more.", ""]
    return "\n".join([*lines, f"`{' '.join(sys.argv)}`", ""])
