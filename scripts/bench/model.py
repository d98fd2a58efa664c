"""The bundled model through the product's own engine, agent loop and tools.

Sections: known (the generator's tasks and words, seeds never trained on), plain (the same without
grammar), unseen (words never trained on), f16 (the same unquantised), walks (depth-first, by
depth), free (the requests of tests/), recall (full attention, by length), start (first answer).
Everything is greedy. Results are kept after each item, so that a run may be stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from bench import model_table
from triagent.models import shelf

SECTIONS = ("start", "known", "unseen", "free", "recall", "walks", "f16", "plain")
DEPTHS = (2, 3, 4, 5, 6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help="GGUF; default: the bundled one")
    parser.add_argument("--f16", type=Path, help="the same model in F16, for the section f16")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="comma-separated")
    parser.add_argument("--n", type=int, default=500, help="known items")
    parser.add_argument("--n-unseen", type=int, default=324)
    parser.add_argument("--n-plain", type=int, default=200, help="known items without grammar")
    parser.add_argument("--n-f16", type=int, default=200, help="known items in F16")
    parser.add_argument("--n-walks", type=int, default=40, help="walks of each depth")
    parser.add_argument("--n-free", type=int, default=0, help="free requests; 0: all")
    parser.add_argument("--n-recall", type=int, default=200, help="questions of each length")
    parser.add_argument("--lengths", default="1K,4K,8K,16K", help="lengths of the section recall")
    parser.add_argument("--wide", type=float, default=0.5,
                        help="share of the generator's wider wordings in known items")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="engines at the same time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of an engine")
    parser.add_argument("--gpu-layers", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0, help="stop after about this; 0: never")
    parser.add_argument("--card", type=Path, help="model card whose figures are replaced")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.json and .md")


def main(options: argparse.Namespace) -> int:
    options.model = options.model or shelf.bundled()
    if options.model is None or not options.model.is_file():
        print(f"model bench: no model at {options.model}; name one with --model", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "model.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    results["model"] = options.model.name
    results["command"] = " ".join(["scripts/bench.py", *sys.argv[1:]])
    if "start" in options.sections.split(","):
        _measure_start(options, results)
    _run(options, results)
    _keep(options, results)
    print((options.out / "model.md").read_text())
    if options.card:
        model_table.into_card(options.card, results)
    return 0


# ---------------------------------------------------------------- work


def _work(options: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """(section, label, number) of everything that is wanted, sections in turn."""
    sizes = {
        "known": [("", options.n)], "plain": [("", options.n_plain)],
        "unseen": [("", options.n_unseen)], "f16": [("", options.n_f16 if options.f16 else 0)],
        "walks": [(str(depth), options.n_walks) for depth in DEPTHS],
        "free": [("", _n_free(options))], "recall": _recall_sizes(options),
    }  # fmt: skip
    for section in options.sections.split(","):
        for label, n in sizes.get(section, ()):
            yield from ((section, label, i) for i in range(n))


def _n_free(options: argparse.Namespace) -> int:
    from tests import free_requests

    n = len(free_requests.load()) if free_requests.DATA.is_dir() else 0
    return min(n, options.n_free or n)


def _recall_sizes(options: argparse.Namespace) -> list[tuple[str, int]]:
    from bench.model_recall import N_FACTS

    return [(x, -(-options.n_recall // (N_FACTS[x] - 1))) for x in options.lengths.split(",")]


def _run(options: argparse.Namespace, results: dict) -> None:
    began = time.monotonic()
    todo = [work for work in _work(options) if not _has(results, work)]
    rows = results.setdefault("rows", [])
    with ProcessPoolExecutor(options.jobs, initializer=_begin, initargs=(options,)) as pool:
        futures = {pool.submit(_one, *work): work for work in todo}
        for i, future in enumerate(as_completed(futures)):
            section, label, number = futures[future]
            which = {"section": section, "label": label, "number": number, "of": label}
            rows += [which | row for row in future.result()]
            if i % 10 == 0:
                _keep(options, results)
                print(json.dumps({"done": i + 1, "of": len(todo)} | model_table.brief(results)),
                      flush=True)  # fmt: skip
            if options.seconds and time.monotonic() - began > options.seconds:
                results["cut_short"] = len(todo) - i - 1
                pool.shutdown(cancel_futures=True)
                return


def _has(results: dict, work: tuple[str, str, int]) -> bool:
    return any((x["section"], x["of"], x["number"]) == work for x in results.get("rows", ()))


# ---------------------------------------------------------------- in a process of the pool


class _Process:
    """What a process of the pool holds: items are made once, engines when first needed."""

    def __init__(self, options: argparse.Namespace) -> None:
        from scripts.train_demo.values import Lexicon
        from scripts.train_demo.wording import set_wide

        set_wide(options.wide)
        self.options, self.x = options, Lexicon.build()
        self.items: dict[tuple[str, str], list] = {}
        self.rehearsers: dict[Path, object] = {}

    def rehearser(self, section: str):
        from bench.model_run import Rehearser

        o = self.options
        path = o.f16 if section == "f16" else o.model
        if path not in self.rehearsers:
            self.rehearsers[path] = Rehearser(path, threads=o.threads, gpu_layers=o.gpu_layers)
        self.rehearsers[path].set_grammar(section != "plain")
        return self.rehearsers[path]

    def item(self, section: str, label: str, number: int):
        from bench import model_items

        o = self.options
        key = (section if section in ("unseen", "walks", "free") else "known", label)
        if key not in self.items:
            makers = {
                "known": lambda: model_items.known(max(o.n, o.n_plain, o.n_f16), self.x),
                "unseen": lambda: model_items.unseen(o.n_unseen, self.x),
                "walks": lambda: model_items.walks(int(label), o.n_walks, self.x),
                "free": _free_items,
            }
            self.items[key] = makers[key[0]]()
        return self.items[key][number]


_process: _Process


def _begin(options: argparse.Namespace) -> None:
    global _process
    _process = _Process(options)


def _free_items() -> list:
    from random import Random

    from tests import free_requests

    items = free_requests.load()
    Random(0).shuffle(items)  # so that the first few are a fair sample
    return items


def _one(section: str, label: str, number: int) -> list[dict]:
    """The rows of one piece of work."""
    if section == "recall":
        return _recalled(label, number)
    rehearser = _process.rehearser(section)
    item = _process.item(section, label, number)
    if section == "free":
        from bench import model_free

        return [asdict(model_free.run(rehearser, item))]
    return [asdict(rehearser.run(item))]


def _recalled(label: str, number: int) -> list[dict]:
    from bench.model_recall import Full, recall

    o = _process.options
    with Full(o.model, o.threads, o.gpu_layers) as model:
        return [asdict(x) for x in recall(model, o.model, label, number, _process.x)]


def _measure_start(options: argparse.Namespace, results: dict) -> None:
    from bench.model_recall import first_answer

    found = first_answer(options.model, options.threads, options.gpu_layers)
    results["start"] = found | {
        "threads": options.threads, "load_average": round(os.getloadavg()[0], 1),
        "gpu_layers": options.gpu_layers,
    }  # fmt: skip


def _keep(options: argparse.Namespace, results: dict) -> None:
    (options.out / "model.json").write_text(json.dumps(results, indent=1, ensure_ascii=False))
    (options.out / "model.md").write_text(model_table.markdown(results))
