"""Time to first token as a session grows, and whether long sessions stay flat.

Sections: ours (a bounded session through the whole engine: render, pipe, prefill, sample), stock
(an unmodified library on the same tokens: keeping the prefix, and prefilling the whole history
anew), fake (thousands of turns of the agent on a scripted model: time, memory, descriptors).

The cache is full before the first turn is timed (`--warm`): attention over a cache that still
fills up is cheaper, and a ratio to such a turn would tell of the filling. A point stands for the
turns around it, by their median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import psutil

from bench import session_raw
from bench.random_model import SHAPES
from bench.session_points import n_warm, near
from triagent.agent.context import system_prompt
from triagent.agent.tools import TOOLS
from triagent.chat import Appended, Holding, Limits, Message, Prefill, Role, StepEnd
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.client import EngineModel

WORDS = ("alpha", "river", "stone", "copper", "window", "garden", "signal", "market", "engine")
N_NEAR = 5  # turns whose median stands for one point


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help="GGUF; needed for ours and stock")
    parser.add_argument("--sidecar", type=Path)
    parser.add_argument("--raw", action="store_true", help="token ids only: needs no vocabulary")
    parser.add_argument("--random", choices=SHAPES, help="make a random model (with --raw)")
    parser.add_argument("--sections", default="ours,stock,fake", help="comma-separated")
    parser.add_argument("--turns", default="2,10,50,200", help="turns that are compared")
    parser.add_argument("--turn-tokens", type=int, default=256, help="tokens each turn appends")
    parser.add_argument("--warm", type=int, default=-1, help="tokens before turn 1 (twice budget)")
    parser.add_argument("--budget", type=int, default=2048)
    parser.add_argument("--interval", type=int, default=128)
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--policy", default="auto")
    parser.add_argument("--cache-type", default="f16")
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--stock-lib", type=Path, help="folder of an unmodified libllama")
    parser.add_argument("--bindings", type=Path, help="folder that holds stock llama_cpp")
    parser.add_argument("--fake-turns", type=int, default=3000)
    parser.add_argument("--out", type=Path, required=True, help="folder for session.json and .md")


def main(options: argparse.Namespace) -> int:
    wanted = options.sections.split(",")
    points = sorted(int(turn) for turn in options.turns.split(","))
    results: dict = {"command": " ".join(sys.argv)}
    if {"ours", "stock"} & set(wanted):
        grow = session_raw.run if options.raw or options.random else ours
        results["ours"], turns = grow(options, points, N_NEAR)
        _keep(options.out, results)
        if "stock" in wanted:
            results["stock"] = stock(options, points, turns)
    if "fake" in wanted:
        _keep(options.out, results)
        results["fake"] = fake(options.fake_turns)
    _keep(options.out, results)
    print((options.out / "session.md").read_text())
    return 0


# ---------------------------------------------------------------- ours


def ours(
    options: argparse.Namespace, points: list[int], n_near: int
) -> tuple[dict, list[list[int]]]:
    """Seconds to the first token at each point, and the tokens of each turn."""
    n_turns = points[-1] + n_near // 2
    n_ctx = (n_turns + 8) * (options.turn_tokens + 64) + 2 * n_warm(options)
    model = EngineModel(
        ModelConfig(
            path=options.model, sidecar=options.sidecar, gpu_layers=options.gpu_layers,
            threads=options.threads, n_ctx=n_ctx, cache_type=options.cache_type,
        ),
        CacheConfig(
            budget=options.budget, interval=options.interval, chunk=options.chunk,
            policy=options.policy,
        ),
    )  # fmt: skip
    try:
        return _grow(model, options, n_turns, points)
    finally:
        model.close()


def _grow(
    model: EngineModel, options: argparse.Namespace, n_turns: int, points: list[int]
) -> tuple[dict, list[list[int]]]:
    n_tokens, warm = options.turn_tokens, n_warm(options)
    opened = _last(model.open(system_prompt("bench", "Linux"), [tool.schema for tool in TOOLS]))
    turns, seconds, marks = [_ids(opened.spans)], [], {}
    n_before = 0
    while len(turns[0]) < warm:
        n_before += 1
        turns[0] += _turn(model, f"Before {n_before}:", n_before, n_tokens)[1]
    cpu: list[float] = []
    for turn in range(1, n_turns + 1):
        before = _cpu_s(model)
        took, ids = _turn(model, f"Note {turn}:", turn, n_tokens)
        seconds.append(took)
        cpu.append(_cpu_s(model) - before)
        turns.append(ids)
        if turn in points:
            marks[turn] = _state(model)
            print(json.dumps({"turn": turn, "seconds": seconds[-1], **marks[turn]}), flush=True)
    return {
        "model": model.info.name,
        "device": model.info.device,
        "policy": model.info.policy,
        "turn_tokens": statistics.median(len(ids) for ids in turns[1:]),
        "warm_tokens": len(turns[0]),
        "ttft_s": {turn: near(seconds, turn, N_NEAR) for turn in points},
        "cpu_s": {turn: near(cpu, turn, N_NEAR) for turn in points},
        "state": marks,
    }, turns


def _turn(model: EngineModel, text: str, turn: int, n_tokens: int) -> tuple[float, list[int]]:
    """Seconds to the first token of one turn, and the turn's tokens."""
    text = _message(model, text, turn, n_tokens)
    began = perf_counter()
    appended = _last(model.append([Message(Role.USER, text)]))
    end = _last(model.generate(Limits(max_tokens=1, think_tokens=0)))
    return perf_counter() - began, _ids(appended.spans) + _ids(end.spans)


def _cpu_s(model: EngineModel) -> float:
    """Processor time of the engine so far: on a busy machine it says more than the clock."""
    times = psutil.Process(model.pid).cpu_times()
    return times.user + times.system


def _message(model: EngineModel, text: str, turn: int, n_tokens: int) -> str:
    """A message of about `n_tokens` tokens that no other turn has."""
    n_words = 0
    while (short := n_tokens - model.count(text)) > 0:
        step = max(1, short // 3)
        more = range(n_words, n_words + step)
        text += "".join(f" {WORDS[(i * 7 + turn) % len(WORDS)]}" for i in more)
        n_words += step
    return text


def _state(model: EngineModel) -> dict:
    status = model.status()
    return {
        "n_pos": status.n_pos,
        "n_rounds": status.n_rounds,
        "cache_bytes": status.cache_bytes,
        "full_bytes": status.full_bytes,
        "process_bytes": psutil.Process(model.pid).memory_info().rss,
    }


def _last(deltas) -> Appended | StepEnd:
    for delta in deltas:
        if not isinstance(delta, Prefill):
            last = delta
    return last


def _ids(spans) -> list[int]:
    return [id for span in spans for id in span.ids]


# ---------------------------------------------------------------- the others


def stock(options: argparse.Namespace, points: list[int], turns: list[list[int]]) -> dict:
    """The same tokens through an unmodified library, in a process of its own."""
    if not options.stock_lib or not options.bindings:
        raise SystemExit("stock needs --stock-lib and --bindings")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turns.json"
        path.write_text(json.dumps(turns))
        command = [
            sys.executable, str(Path(__file__).with_name("stock_session.py")),
            "--lib", str(options.stock_lib), "--bindings", str(options.bindings),
            "--model", str(options.model), "--cache-type", options.cache_type,
            "--chunk", str(options.chunk), "--gpu-layers", str(options.gpu_layers),
            "--threads", str(options.threads or 2), "--turns-file", str(path),
            "--points", ",".join(map(str, points)), "--n-near", str(N_NEAR),
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the stock library failed ({done.returncode}); its words are above")
    return json.loads(done.stdout.splitlines()[-1])


def fake(n_turns: int) -> dict:
    """Turns of the real agent on a scripted model: what of ours grows with a session."""
    from tests.agent.setup import Desk
    from tests.fakes import call

    marks: list[dict] = []
    me = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        (desk.work / "a.txt").write_text("port = 8080\n" * 20)
        script = [call("read", path="a.txt"), "The port is 8080, as before."]
        agent = desk.agent(script, loop=True, budget=2000, interval=128, n_window=64)
        agent.model.holding = lambda: nothing_held(agent.session.n_pos)
        seconds: list[float] = []
        for turn in range(1, n_turns + 1):
            began = process_time()
            for _ in agent.turn(f"Look at the port of server {turn} once more, please."):
                pass
            seconds.append(process_time() - began)  # the wall clock is for others too
            forget(agent.model)
            if turn % max(1, n_turns // 10) == 0:
                recent = seconds[-max(1, n_turns // 10) :]
                marks.append(
                    {
                        "turn": turn,
                        "ms": 1000 * statistics.median(recent),
                        "rss_mib": me.memory_info().rss / 2**20,
                        "files": len(os.listdir("/proc/self/fd")),
                        "log_mib": agent.session.ledger.size / 2**20,
                    }
                )
                print(json.dumps(marks[-1]), flush=True)
        desk.close()
    return {"marks": marks}


def forget(model) -> None:
    """Drop what the fake remembers of a turn for tests: it is not the agent's."""
    model.requests.clear()
    model._vocabulary.clear()
    del model.spans[:-1]


def nothing_held(n_pos: int) -> Holding:
    """An account of a cache that costs nothing to make; what is gone is offered as words."""
    nothing = np.zeros(n_pos, np.float32)
    return Holding(n_pos, nothing, nothing, np.zeros(n_pos, bool))


# ---------------------------------------------------------------- telling


def _keep(out: Path, results: dict) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "session.json").write_text(json.dumps(results, indent=1))
    (out / "session.md").write_text(markdown(results))


def markdown(results: dict) -> str:
    """The tables, with the command that made them."""
    lines = [*_ttft(results), *_flat(results)]
    return "\n".join([*lines, f"`{results['command']}`", ""])


def _ttft(results: dict) -> list[str]:
    mine = results.get("ours")
    if not mine:
        return []
    others = {"prefix kept": "reuse_s", "whole history": "naive_s"}
    head = ["turn", "tokens so far", "ours ms", "of turn 2", "ours CPU ms", "of turn 2",
            *(f"{name} ms" for name in others)]  # fmt: skip
    rows = []
    first = next(iter(mine["ttft_s"].values()))
    first_cpu = next(iter(mine["cpu_s"].values()))
    for turn, seconds in mine["ttft_s"].items():
        cpu = mine["cpu_s"][turn]
        found = results.get("stock", {})
        rest = [_ms(found.get(key, {}).get(str(turn))) for key in others.values()]
        n_pos = mine["state"][turn]["n_pos"]
        ratios = [_ms(seconds), f"{seconds / first:.2f}", _ms(cpu), f"{cpu / first_cpu:.2f}"]
        rows.append([turn, n_pos, *ratios, *rest])
    title = (
        f"Time to first token, {mine['turn_tokens']:.0f} tokens a turn after "
        f"{mine['warm_tokens']:,}, median of {N_NEAR} turns; {mine['model']} on {mine['device']}, "
        f"policy {mine['policy']}."
    )
    return [title, "", *_table(head, rows), ""]


def _flat(results: dict) -> list[str]:
    if "fake" not in results:
        return []
    head = ["turn", "CPU ms a turn", "RSS MiB", "open files", "log MiB"]
    rows = [
        [x["turn"], f"{x['ms']:.1f}", f"{x['rss_mib']:.0f}", x["files"], f"{x['log_mib']:.1f}"]
        for x in results["fake"]["marks"]
    ]
    return ["Turns of the agent on a scripted model, each with one tool call.", "",
            *_table(head, rows), ""]  # fmt: skip


def _table(head: list, rows: list[list]) -> list[str]:
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:,.0f}"
