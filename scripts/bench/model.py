"""The bundled model through the product's own engine, agent loop and tools.

Sections: start (first answer, alone on the machine), known (the generator's tasks and words,
seeds never trained on), plain (the same without grammar), f16 (the same unquantised), unseen
(words never trained on), free (the requests of tests/), recall (full attention, by length), walks
(depth-first, by depth), long (turn after turn until the context is full, by budget). All is
greedy. Results are kept as they come: a run may be stopped, and goes on where it was with the
same `--out`. It may be cut into parts, `--shard 1/4` and so on, that `--merge` joins.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import model_merge, model_table
from bench.model_plan import DIVISIBLE, Plan, Work
from triagent.errors import EngineDied, TriagentError
from triagent.models import shelf

SECTIONS = ("start", "known", "plain", "f16", "unseen", "free", "recall", "walks", "long")
DEPTHS = (2, 3, 4, 5, 6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help="GGUF; default: the bundled one")
    parser.add_argument("--f16", type=Path, help="the same model in F16, for the section f16")
    parser.add_argument("--sidecar", type=Path, help="its sidecar, for the section long")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="comma-separated")
    parser.add_argument("--n", type=int, default=500, help="known items")
    parser.add_argument("--n-plain", type=int, default=300, help="known items without grammar")
    parser.add_argument("--n-f16", type=int, default=200, help="known items in F16")
    parser.add_argument("--n-unseen", type=int, default=324)
    parser.add_argument("--n-free", type=int, default=0, help="free requests; 0: all")
    parser.add_argument("--n-recall", type=int, default=200, help="facts told once, by length")
    parser.add_argument("--lengths", default="1K,4K,8K,16K", help="lengths of the section recall")
    parser.add_argument("--n-walks", type=int, default=40, help="walks of each depth")
    parser.add_argument("--n-long", type=int, default=2, help="long sessions with each budget")
    parser.add_argument("--budgets", default="none,default,2048",
                        help="caches of the section long: full attention, the product's own "
                        "choice, a number of cells")  # fmt: skip
    parser.add_argument("--wide", type=float, default=None,
                        help="share of the generator's wider wordings in known items; "
                        "default: as in training")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="engines at the same time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of an engine")
    parser.add_argument("--start-threads", type=int, default=2, help="for the section start")
    parser.add_argument("--gpu-layers", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0,
                        help="be ready after about this; 0: whenever all is done")  # fmt: skip
    parser.add_argument("--shard", default="1/1",
                        help="only this part of everything, as 2/4; each with its own --out")
    parser.add_argument("--merge", type=Path, nargs="+", default=[],
                        help="run nothing: join the --out folders of all parts into --out")
    parser.add_argument("--card", type=Path, help="model card whose figures are replaced")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.json and .md")


def main(options: argparse.Namespace) -> int:
    if options.merge:
        options.out.mkdir(parents=True, exist_ok=True)
        return _told(options, model_merge.merged(options.merge))
    options.model = options.model or shelf.bundled()
    for path in (options.model, options.f16, options.sidecar):
        if path is not None and not path.is_file():
            print(f"model bench: no file {path}; see --model, --f16, --sidecar", file=sys.stderr)
            return 2
    if options.model is None:
        print("model bench: no model comes with this tree; name one with --model", file=sys.stderr)
        return 2
    began = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    results = _resumed(options)
    is_asked = "start" in options.sections.split(",") and model_merge.has_start(options.shard)
    if is_asked and "start" not in results:
        results["start"] = _started(options)
    spent = time.monotonic() - began
    _run(options, results, max(1.0, options.seconds - spent) if options.seconds else 0)
    results["seconds"] = results.get("seconds", 0) + round(time.monotonic() - began)
    results.setdefault("engines", f"{options.jobs} engines of {options.threads} threads")
    return _told(options, results)


def _told(options: argparse.Namespace, results: dict) -> int:
    """Keep the results, print them, and put them into the card."""
    _keep(options, results)
    print((options.out / "model.md").read_text())
    if options.card:
        model_table.into_card(options.card, results)
    return 0


def _resumed(options: argparse.Namespace) -> dict:
    """What an earlier run left in the folder. Raises SystemExit when it is of another model."""
    kept = options.out / "model.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    if results.get("model", options.model.name) != options.model.name:
        raise SystemExit(f"model bench: {kept} is of {results['model']}; choose another --out")
    results["model"] = options.model.name
    results.setdefault("command", command(sys.argv[1:]))
    results.setdefault("rows", [])
    return results


def command(arguments: list[str]) -> str:
    """The command as it is told: files by their names, without the places of results."""
    told, rest = ["scripts/bench.py"], iter(arguments)
    for argument in rest:
        if argument in ("--out", "--card", "--shard"):
            next(rest, None)
        elif not argument.startswith(("--out=", "--card=", "--shard=")):
            told.append(argument.rsplit("/", 1)[-1])
    return " ".join(told)


def _started(options: argparse.Namespace) -> dict:
    from bench.model_recall import first_answer

    found = first_answer(options.model, options.start_threads, options.gpu_layers)
    return found | {
        "threads": options.start_threads, "load_average": round(os.getloadavg()[0], 1),
        "gpu_layers": options.gpu_layers,
    }  # fmt: skip


# ---------------------------------------------------------------- work


def wanted(options: argparse.Namespace) -> Iterator[Work]:
    """Everything that the options ask for, by section."""
    from bench.model_recall import n_sessions

    sizes = {
        "known": [("", options.n)], "plain": [("", options.n_plain)],
        "f16": [("", options.n_f16 if options.f16 else 0)], "unseen": [("", options.n_unseen)],
        "free": [("", _n_free(options))],
        "recall": [(x, n_sessions(x, options.n_recall)) for x in options.lengths.split(",")],
        "walks": [(str(depth), options.n_walks) for depth in DEPTHS],
        "long": [(budget, options.n_long) for budget in options.budgets.split(",")],
    }  # fmt: skip
    for section in options.sections.split(","):
        for label, n in sizes.get(section, ()):
            yield from (Work(section, label, i) for i in range(n))


def _n_free(options: argparse.Namespace) -> int:
    from tests import free_requests

    n = len(free_requests.load()) if free_requests.DATA.is_dir() else 0
    return min(n, options.n_free or n)


def _run(options: argparse.Namespace, results: dict, seconds: float) -> None:
    done = {(row["section"], row["of"], row["number"]) for row in results["rows"]}
    mine = model_merge.own(wanted(options), options.shard)
    todo = [x for x in mine if (x.section, x.label, x.number) not in done]
    plan = Plan(todo, options.jobs, seconds)
    told = time.monotonic()
    with ProcessPoolExecutor(options.jobs, initializer=_begin, initargs=(options,)) as pool:
        running: dict[Future, Work] = {}
        while True:
            while len(running) < options.jobs and (work := plan.next()):
                running[pool.submit(_one, work, plan.deadline)] = work
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                _take(results, plan, running.pop(future), *future.result())
            if time.monotonic() - told > 10:
                told = time.monotonic()
                _keep(options, results)
                print(json.dumps({"left": plan.n_left} | model_table.brief(results)), flush=True)
    if todo:
        results["cut_short"] = plan.n_left


def _take(
    results: dict, plan: Plan, work: Work, rows: list[dict], is_whole: bool, seconds: float
) -> None:
    """Keep the rows of a piece; an unfinished session is counted, and done anew another time."""
    plan.took(work, seconds)
    which = {"section": work.section, "label": work.label, "number": work.number,
             "of": work.label if is_whole else f"{work.label} (part)"}  # fmt: skip
    key = (work.section, work.number)
    parts = (work.label, f"{work.label} (part)")
    results["rows"] = [
        row for row in results["rows"]
        if (row["section"], row["number"]) != key or row["of"] not in parts
    ]  # fmt: skip
    results["rows"] += [which | row for row in rows]


def _keep(options: argparse.Namespace, results: dict) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False)
    fresh = options.out / "model.json.new"
    fresh.write_text(text, "utf-8")
    fresh.replace(options.out / "model.json")
    (options.out / "model.md").write_text(model_table.markdown(results), "utf-8")


# ---------------------------------------------------------------- in a process of the pool


class _Process:
    """What a process of the pool holds: engines are opened when first needed, and stay."""

    def __init__(self, options: argparse.Namespace) -> None:
        from scripts.train_demo.values import Lexicon
        from scripts.train_demo.wording import set_wide

        if options.wide is not None:
            set_wide(options.wide)
        self.options, self.x = options, Lexicon.build()
        self.rehearsers: dict[Path, Any] = {}
        self.free: list = []

    def rehearser(self, section: str):
        from bench.model_run import Rehearser

        o = self.options
        path = o.f16 if section == "f16" else o.model
        if path not in self.rehearsers:
            self.rehearsers[path] = Rehearser(path, threads=o.threads, gpu_layers=o.gpu_layers)
        self.rehearsers[path].set_grammar(section != "plain")
        return self.rehearsers[path]

    def restart(self) -> None:
        """Open engines anew when they are needed again."""
        for rehearser in self.rehearsers.values():
            with suppress(EngineDied):
                rehearser.close()
        self.rehearsers.clear()

    def free_item(self, number: int):
        """One of the free requests, in an order of which any beginning is a fair sample."""
        from random import Random

        from tests import free_requests

        if not self.free:
            self.free = free_requests.load()
            Random(0).shuffle(self.free)
        return self.free[number]


_process: _Process


def _begin(options: argparse.Namespace) -> None:
    global _process
    _process = _Process(options)


def _one(work: Work, deadline: float) -> tuple[list[dict], bool, float]:
    """The rows of one piece, whether it is whole, and the seconds it took.

    What the engine refuses or dies of twice is told; an item is then a wrong one, a session is
    left for another run.
    """
    began = time.monotonic()
    try:
        rows, is_whole = _rows(work, deadline)
    except TriagentError:
        _process.restart()
        try:
            rows, is_whole = _rows(work, deadline)
        except TriagentError as error:
            _process.restart()
            print(f"{work}: {error}", file=sys.stderr, flush=True)
            rows, is_whole = _failed(work, error)
    return rows, is_whole, time.monotonic() - began


def _failed(work: Work, error: TriagentError) -> tuple[list[dict], bool]:
    if work.section in DIVISIBLE:
        return [], False
    row = {"kind": "failed", "is_right": False, "is_harmful": False, "why": str(error)}
    return [row], True


def _rows(work: Work, deadline: float) -> tuple[list[dict], bool]:
    from bench import model_free, model_items

    if work.section == "recall":
        return _recalled(work, deadline)
    if work.section == "long":
        return _lived(work, deadline)
    rehearser = _process.rehearser(work.section)
    if work.section == "free":
        return [asdict(model_free.run(rehearser, _process.free_item(work.number)))], True
    if work.section == "unseen":
        item = model_items.unseen(work.number, _process.x)
    elif work.section == "walks":
        item = model_items.walk(int(work.label), work.number)
    else:
        item = model_items.known(work.number, _process.x)
    return [asdict(rehearser.run(item))], True


def _recalled(work: Work, deadline: float) -> tuple[list[dict], bool]:
    from bench.model_recall import Full, recall

    o = _process.options
    with Full(o.model, o.threads, o.gpu_layers) as model:
        found, is_whole = recall(model, o.model, work.label, work.number, _process.x, deadline)
    return [asdict(x) for x in found], is_whole


def _lived(work: Work, deadline: float) -> tuple[list[dict], bool]:
    from bench.model_long import Long, run
    from triagent.config import ModelConfig

    o = _process.options
    model = ModelConfig(
        path=o.model, sidecar=o.sidecar, threads=o.threads, gpu_layers=o.gpu_layers
    )  # fmt: skip
    return run(Long(model, work.label, work.number, deadline), _process.x)
