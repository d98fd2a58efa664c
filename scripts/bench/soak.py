"""Hours of one session: memory, descriptors, threads and widgets, which must not grow.

The whole app without a screen: transcript, agent, ledger, tools on the real machine (files,
sandbox, undo), and a scripted model with a budget, so that rounds run all the time. Prints a line
for each minute (or tenth of the run) and compares the last quarter with the second.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from tests.fakes import ScriptedModel, call, step
from triagent.agent.loop import Agent
from triagent.agent.machine import Places, open_machine
from triagent.agent.notes import Notes
from triagent.config import AgentConfig, Config, UiConfig
from triagent.session.store import Store
from triagent.ui.app import TriagentApp
from triagent.ui.ports import Services

SCRIPT = [
    step("I look first. ", call("read", path="notes.txt")),
    step(call("edit", path="notes.txt", old="line 1\n", new="line 1\n")),
    step(call("write", path="made.txt", content="some text\n" * 20)),
    step(call("bash", command="seq 1 200; wc -l notes.txt; echo more >> log; tail -1 log")),
    "**Done.** " + "A paragraph of the answer with `code` in it. " * 20,
]


@dataclass(frozen=True)
class Sample:
    """The process at one moment."""

    seconds: float
    n_turns: int
    rss_mib: float
    n_descriptors: int
    n_threads: int
    n_children: int
    n_widgets: int
    n_pos: int
    n_used: int
    turn_ms: float
    """Processor time of one turn, mean since the last sample; the wall clock is for others too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=60.0, help="how long")
    parser.add_argument("--budget", type=int, default=2000, help="cells of the scripted cache")
    parser.add_argument("--share", type=float, default=1.0, help="of the time that turns may take")
    parser.add_argument("--out", type=Path, help="folder for soak.json")


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        samples = asyncio.run(
            _soak(Path(folder), options.minutes * 60, options.budget, options.share)
        )
    growth = grown(samples)
    print(", ".join(f"{name} {value:+.1f} %" for name, value in growth.items()))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        rows = [asdict(sample) for sample in samples]
        (options.out / "soak.json").write_text(json.dumps({"samples": rows, "growth": growth}))
    # A turn's time holds the waiting of this loop as well, so it follows the machine's load.
    return 0 if all(v < (30 if name == "turn_ms" else 10) for name, v in growth.items()) else 1


def grown(samples: list[Sample]) -> dict[str, float]:
    """Growth from the second quarter of the run to its last, percent."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    names = ("rss_mib", "n_descriptors", "n_threads", "n_children", "n_widgets", "turn_ms")
    found = {}
    for name in names:
        before = sum(getattr(item, name) for item in early) / len(early)
        after = sum(getattr(item, name) for item in late) / len(late)
        found[name] = 100 * (after - before) / before if before else 100.0 * after
    return found


async def _soak(root: Path, seconds: float, budget: int, share: float) -> list[Sample]:
    app = TriagentApp(
        Config(ui=UiConfig(motion=False)), Services(lambda what, report: _agent(root, budget))
    )
    samples: list[Sample] = []
    async with app.run_test(size=(120, 40)) as pilot:
        while app.chat.busy or app.thread.agent is None:
            await pilot.pause(0.02)
        began, n_turns, last = time.monotonic(), 0, (time.monotonic(), 0, time.process_time())
        every = min(60.0, seconds / 12)
        while time.monotonic() - began < seconds:
            started = time.monotonic()
            await _turn(app, pilot, f"please go on with part {n_turns}")
            n_turns += 1
            # Between turns the app is open and idle, as it is for most of a real hour.
            await pilot.pause((time.monotonic() - started) * (1 / share - 1))
            _forget_requests(app.thread.agent.model)
            if time.monotonic() - last[0] >= every:
                mean = (time.process_time() - last[2]) / (n_turns - last[1])
                samples.append(_sample(app, began, n_turns, 1000 * mean))
                print(_line(samples[-1]), flush=True)
                last = (time.monotonic(), n_turns, time.process_time())
    return samples


async def _turn(app: TriagentApp, pilot, text: str) -> None:
    app.chat.prompt.area.text = text
    await pilot.press("enter")
    await pilot.pause(0.02)
    while app.chat.busy:
        await pilot.pause(0.02)


def _forget_requests(model: ScriptedModel) -> None:
    # The fake records what it was asked; that record is no part of what is measured.
    model.requests.clear()
    del model.spans[:-50]


def _agent(root: Path, budget: int) -> Agent:
    work = root / "work"
    work.mkdir()
    (work / "notes.txt").write_text("".join(f"line {n}\n" for n in range(1, 80)))
    store = Store(root / "data" / "sessions")
    model = ScriptedModel(SCRIPT, budget=budget, loop=True)
    places = Places(root / "config", root / "data", root / "cache")
    session = store.create(work, model.info)
    machine = open_machine(work, places, "auto", session.folder / "undo")
    config = replace(Config(), agent=replace(AgentConfig(), mode="auto"))
    return Agent(model, session, machine, config, notes=Notes(root / "data/notes", work))


def _sample(app: TriagentApp, began: float, n_turns: int, turn_ms: float) -> Sample:
    gc.collect()
    process = psutil.Process()
    status = app.thread.agent.status()
    return Sample(
        seconds=time.monotonic() - began,
        n_turns=n_turns,
        rss_mib=process.memory_info().rss / 2**20,
        n_descriptors=process.num_fds(),
        n_threads=process.num_threads(),
        n_children=len(process.children(recursive=True)),
        n_widgets=len(app.screen.query("*")),
        n_pos=status.n_pos,
        n_used=status.n_used,
        turn_ms=turn_ms,
    )


def _line(sample: Sample) -> str:
    return (
        f"{sample.seconds:6.0f} s  {sample.n_turns:6} turns  {sample.turn_ms:6.0f} ms a turn  "
        f"{sample.rss_mib:7.1f} MiB  {sample.n_descriptors:4} descriptors  "
        f"{sample.n_threads:3} threads  {sample.n_children} children  "
        f"{sample.n_widgets:4} widgets  {sample.n_used}/{sample.n_pos} cells"
    )
