"""The app: a scroll step and its nodes as the transcript grows, streaming, time to first paint.

Runs on blocks made here, without a model. A scroll step is the processor time from the key to
the drawn picture, at 120x40. The first paint is the wall clock from the start of a process on a
terminal of its own to the first words on it: of `triagent` as it is typed, and of the app alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pty
import select
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from triagent.agent.events import Outcome
from triagent.chat import CacheStatus, ModelInfo
from triagent.config import Config, UiConfig
from triagent.ui.app import TriagentApp
from triagent.ui.blocks import AnswerBlock, CardBlock, CardState, FactsBlock, UserBlock
from triagent.ui.ports import Services

SIZE = (120, 40)
N_STEPS = 60
DELTA_CHARS = 24
"""What a fast model says between two drawings."""
FIRST_WORDS = b"You can type"
PARAGRAPH = (
    "The parser reads one token at a time and keeps **no state** between calls; `parse` returns "
    "a list, and the caller decides what to do with what is left over.\n\n"
)
CODE = "```python\ndef parse(text):\n    return [word.casefold() for word in text.split()]\n```\n\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--blocks", default="100,4000,10000", help="sizes of the transcript")
    parser.add_argument(
        "--command", default="", help="command whose first paint is timed (triagent)"
    )
    parser.add_argument("--runs", type=int, default=7, help="starts that are timed")
    parser.add_argument("--out", type=Path, help="folder for ui.json and ui.md")


def main(options: argparse.Namespace) -> int:
    typed = options.command.split() or [sys.executable, "-m", "triagent"]
    results = {
        "command": " ".join(sys.argv),
        "size": SIZE,
        "blocks": [grown(int(n)) for n in options.blocks.split(",")],
        "streaming": [asyncio.run(_streaming(int(n))) for n in options.blocks.split(",")],
        "first_paint": first_paints(typed, options.runs),
        "first_paint_alone": first_paints([sys.executable, __file__], options.runs),
    }
    text = table(results)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "ui.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.out / "ui.md").write_text(text + "\n")
    return 0


def grown(n_blocks: int) -> dict:
    """Open an app on a transcript of `n_blocks` and scroll through it."""
    return asyncio.run(_grown(n_blocks))


async def _grown(n_blocks: int) -> dict:
    app = _app()
    async with app.run_test(size=SIZE) as pilot:
        await _ready(pilot)
        transcript = app.chat.transcript
        began = perf_counter()
        transcript.clear()
        transcript.extend(_blocks(n_blocks))
        await pilot.pause()
        shown_s = perf_counter() - began
        up = [await _step(pilot, transcript, -3) for _ in range(N_STEPS)]
        transcript.scroll_to(y=transcript.max_scroll_y // 2, immediate=True)
        await pilot.pause()
        middle = [await _step(pilot, transcript, -30) for _ in range(N_STEPS)]
        again = [await _step(pilot, transcript, 30) for _ in range(N_STEPS)]
        return {
            "n_blocks": n_blocks,
            "n_lines": transcript.virtual_size.height,
            "n_nodes": len(app.screen.query("*")),
            "shown_ms": 1000 * shown_s,
            "step_ms": _spread(up),
            "page_ms": _spread(middle),
            "page_again_ms": _spread(again),
        }


async def _ready(pilot) -> None:
    while pilot.app.chat.busy or pilot.app.thread.agent is None:
        await pilot.pause(0.02)


async def _step(pilot, transcript, lines: int) -> float:
    began = process_time()
    transcript.scroll_relative(y=lines, immediate=True)
    await pilot.pause()
    return 1000 * (process_time() - began)


async def _streaming(n_blocks: int) -> dict:
    """Processor time of one update while a long answer grows at the end of `n_blocks`."""
    app = _app()
    async with app.run_test(size=SIZE) as pilot:
        await _ready(pilot)
        transcript = app.chat.transcript
        transcript.clear()
        transcript.extend(_blocks(n_blocks))
        await pilot.pause()
        index = transcript.append(AnswerBlock(""))
        whole, spent = (PARAGRAPH + CODE) * 34, []
        for stop in range(DELTA_CHARS, len(whole) + 1, DELTA_CHARS):
            began = process_time()
            transcript.replace(index, AnswerBlock(whole[:stop], live=True))
            await pilot.pause()
            spent.append(1000 * (process_time() - began))
        tenth = len(spent) // 10
        return {
            "n_blocks": n_blocks,
            "n_nodes": len(app.screen.query("*")),
            "n_chars": len(whole),
            "first_tenth_ms": _spread(spent[:tenth]),
            "last_tenth_ms": _spread(spent[-tenth:]),
        }


@dataclass(frozen=True)
class Paint:
    """One start, up to the first words."""

    wall_s: float
    cpu_s: float
    """Processor time of the process, its threads included, its children not."""


def first_paints(command: list[str], n_runs: int) -> dict:
    """Start a program `n_runs` times, its modules compiled and its folders there: as the second
    start of an installed program."""
    with TemporaryDirectory() as folder:
        first_paint(command, Path(folder), limit_s=60.0)
        paints = [first_paint(command, Path(folder)) for _ in range(n_runs)]
    return {
        "command": " ".join(command),
        "wall_s": [round(paint.wall_s, 3) for paint in paints],
        "cpu_s": [round(paint.cpu_s, 3) for paint in paints],
    }


def first_paint(command: list[str], home: Path, limit_s: float = 20.0) -> Paint:
    """Start a process on a terminal of its own and wait for its first words; then end it.

    Raises:
        TimeoutError: there were no such words.
    """
    ours, theirs = pty.openpty()
    began = perf_counter()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=_environment(home),
        cwd=home,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while FIRST_WORDS not in seen:
            if perf_counter() - began > limit_s or not select.select([ours], [], [], limit_s)[0]:
                raise TimeoutError(f"no first paint of {command} in {limit_s} s: {seen[-300:]!r}")
            seen += os.read(ours, 65536)
        return Paint(perf_counter() - began, _cpu_s(process.pid))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _environment(home: Path) -> dict[str, str]:
    """A terminal and folders of its own; modules are compiled once, as an installer does it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("TRIAGENT_")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env |= {"TERM": "xterm-256color", "COLUMNS": str(SIZE[0]), "LINES": str(SIZE[1])}
    env |= {f"XDG_{kind}_HOME": str(home / kind) for kind in ("CONFIG", "DATA", "CACHE", "STATE")}
    env |= {"HOME": str(home), "PYTHONPYCACHEPREFIX": str(home / "compiled")}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    return env


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system


def _blocks(n: int) -> list:
    output = "\n".join(f"tests/test_{i}.py PASSED" for i in range(40))
    made = []
    for at in range(-(-n // 4)):
        made += [
            UserBlock(f"question {at}: what does the parser do with what is left over?", at),
            CardBlock("bash", f"pytest tests/test_{at}.py", CardState.OK, 0.8, output),
            AnswerBlock(f"Answer {at}.\n\n" + PARAGRAPH * 2 + CODE),
            FactsBlock(Outcome.DONE, "", 1, 0, (), 120, 30.0, 4.0),
        ]
    return made[:n]


class _Quiet:
    """An open session in which nothing happens."""

    info = ModelInfo("none", Path("none"), "", "", 1, 1, 1, 1, "", "", "")
    session_id, title, mode, confinement = "bench", "bench", "ask", "none"

    def start(self):
        return ()

    past = spans = start

    def status(self):
        return CacheStatus(0, 0, 0, 0, 0, 0, 0, 0, 0, "none")

    def cancel(self) -> None:
        pass

    close = cancel


def _app(start=lambda what, report: _Quiet()) -> TriagentApp:
    return TriagentApp(Config(ui=UiConfig(motion=False)), Services(start))


def _spread(values: list[float]) -> dict:
    ordered = sorted(values)
    return {"median": statistics.median(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1))]}


def table(results: dict) -> str:
    """The results for people."""
    lines = [
        "| blocks | lines | nodes | shown | scroll 3 lines | page, first time | page again |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["blocks"]:
        steps = " | ".join(
            f"{row[key]['median']:.1f} ms (p95 {row[key]['p95']:.1f})"
            for key in ("step_ms", "page_ms", "page_again_ms")
        )
        lines.append(
            f"| {row['n_blocks']:,} | {row['n_lines']:,} | {row['n_nodes']} "
            f"| {row['shown_ms']:.0f} ms | {steps} |"
        )
    lines += [
        "",
        "| an answer grows below | nodes | a delta at its beginning | a delta at its end | of |",
        "|---|---|---|---|---|",
    ]
    for row in results["streaming"]:
        first, last = (
            f"{row[key]['median']:.1f} ms (p95 {row[key]['p95']:.1f})"
            for key in ("first_tenth_ms", "last_tenth_ms")
        )
        lines.append(
            f"| {row['n_blocks']:,} blocks | {row['n_nodes']} | {first} | {last} "
            f"| {row['n_chars']:,} characters |"
        )
    lines += [
        "",
        _paint_line("`triagent`", results["first_paint"]),
        _paint_line("The app alone", results["first_paint_alone"]),
    ]
    return "\n".join(lines)


def _paint_line(name: str, paints: dict) -> str:
    wall, cpu = paints["wall_s"], paints["cpu_s"]
    return (
        f"{name}: first paint after {statistics.median(wall):.2f} s (least {min(wall):.2f}, "
        f"n = {len(wall)}), {min(cpu):.2f} s of processor time."
    )


def _main() -> None:
    """Run an app whose model never loads: what `first_paint` starts."""
    import threading

    _app(lambda what, report: threading.Event().wait()).run()


if __name__ == "__main__":
    _main()
