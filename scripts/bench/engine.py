"""Speed and memory of a bounded cache against full attention in the same run.

Sections: stock (full attention, unmodified library), alternate (decoding at depth, in turns with
full attention at the first depth), decode, prefill, rounds, million. Results are printed as they
come, as JSON lines, and written as one JSON file and a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.alternate import StockProcess, in_turns, phases
from bench.random_model import SHAPES, write_centers, write_model
from bench.table import markdown
from triagent.chat import Evicted
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.assembly import connect, set_score
from triagent.engine.engine import Engine
from triagent.engine.library import load
from triagent.engine.model import LoadedModel
from triagent.engine.sampling import Sampler
from triagent.engine.sidecars import find_sidecar
from triagent.kv.policy import choose_mode, choose_policy

SECTIONS = ("stock", "alternate", "decode", "prefill", "rounds", "million")
MODES = ("per-layer-head", "per-head", "shared")
PHASES = ("score", "select", "plan", "move", "meta", "total")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, required=True, help="GGUF; made by --random if absent"
    )
    parser.add_argument("--random", choices=SHAPES, help="make a random model of this geometry")
    parser.add_argument("--sidecar", type=Path, help="centers; made along with a random model")
    parser.add_argument("--stock-lib", type=Path, help="folder of an unmodified libllama")
    parser.add_argument("--sections", default="stock,decode,prefill,rounds", help="comma-separated")
    parser.add_argument("--cache-types", default="f16,q8_0")
    parser.add_argument("--policy", default="triattention")
    parser.add_argument("--only-policy", action="store_true", help="rounds of no other policy")
    parser.add_argument("--decode-budget", type=int, default=2048)
    parser.add_argument("--prefill-budget", type=int, default=8192)
    parser.add_argument(
        "--depths", default="2048,32768,131072", help="the last is the whole prompt"
    )
    parser.add_argument("--n-decode", type=int, default=256)
    parser.add_argument("--turns", type=int, default=6, help="of the section alternate")
    parser.add_argument("--n-million", type=int, default=1_000_000)
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--interval", type=int, default=128)
    parser.add_argument("--n-window", type=int, default=64)
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for engine.json and .md")


class Bench:
    """The options of one run and what was measured so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.depths = sorted(int(d) for d in options.depths.split(","))
        self.model: LoadedModel | None = None  # loaded once, by the first section that needs it
        self.results: dict = {"command": " ".join(sys.argv), "options": self._plain(options)}

    @staticmethod
    def _plain(options: argparse.Namespace) -> dict:
        return {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()
                if isinstance(v, (str, int, float, Path, type(None)))}  # fmt: skip

    def keep(self, section: str, key: str, value) -> None:
        """Print a result, remember it, and write all so far: a cut run keeps what it has."""
        self.results.setdefault(section, {})[key] = value
        print(json.dumps({"section": section, "key": key, "value": value}), flush=True)
        self.options.out.mkdir(parents=True, exist_ok=True)
        (self.options.out / "engine.json").write_text(json.dumps(self.results, indent=1))
        (self.options.out / "engine.md").write_text(markdown(self.results))

    @contextmanager
    def engine(self, budget: int, cache_type: str) -> Iterator[Engine]:
        """A session of that budget; the model stays loaded from one to the next."""
        o = self.options
        config = ModelConfig(
            path=o.model,
            sidecar=o.sidecar,
            gpu_layers=o.gpu_layers,
            threads=o.threads,
            n_ctx=max(2 * self.depths[-1], o.n_million + 65536),
            cache_type=cache_type,
        )
        cache = CacheConfig(
            budget=budget,
            interval=o.interval,
            chunk=o.chunk,
            n_window=o.n_window,
            policy=o.policy,
        )
        if self.model is None:
            self.model = LoadedModel(config)
        engine = Engine(connect(self.model, config, cache))
        try:
            yield engine
        finally:
            engine.close_context()


class Run:
    """One session being streamed and timed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.rng = np.random.default_rng(0)
        self.token_ms, self.with_round = np.zeros(0), []

    def feed(self, n: int) -> list[tuple[int, float]]:
        """Prefill `n` random tokens; (tokens, seconds) of each chunk, rounds included."""
        marks = []
        while n > 0:
            ids = self.rng.integers(0, self.engine.vocab.n_tokens, min(n, self.engine.parts.chunk))
            start = perf_counter()
            for _ in self.engine.feed(ids.tolist()):
                pass
            marks.append((len(ids), perf_counter() - start))
            n -= len(ids)
        return marks

    def decode(self, n: int) -> tuple[float, list[Evicted]]:
        """Sample and feed `n` tokens; tokens per second, rounds included, and the rounds.

        `token_ms` is then the time from each token to the next, `with_round` where a round ran.
        """
        sampler, rounds, at = Sampler(), [], []
        self.engine.logits()
        marks = [perf_counter()]
        for i in range(n):
            found = self.engine.step(self.engine.sample(sampler)) or []
            self.engine.context.synchronize()
            marks.append(perf_counter())
            rounds += found
            at += [i] * bool(found)
        self.token_ms, self.with_round = np.diff(marks) * 1e3, at
        return n / (marks[-1] - marks[0]), rounds

    def pace(self) -> dict[str, float]:
        """Where the time of the last `decode` went, ms a token."""
        near = {j for i in self.with_round for j in range(i, i + 4)}
        quiet = [t for i, t in enumerate(self.token_ms) if i not in near]
        after = [self.token_ms[i + 1 : i + 4].mean() for i in self.with_round]
        return {
            "median": float(np.median(self.token_ms)),
            "quiet_mean": float(np.mean(quiet)),
            "round_token": float(np.mean(self.token_ms[self.with_round] if near else 0.0)),
            "three_after_a_round": float(np.mean(after)) if after else 0.0,
        }


def tps(marks: list[tuple[int, float]]) -> float:
    return sum(n for n, _ in marks) / sum(s for _, s in marks)


def _stock_command(bench: Bench, cache_type: str, depths: str) -> list[str]:
    o = bench.options
    library = load()
    bindings = Path(library.bindings.__file__).parents[1]
    return [
        sys.executable, str(Path(__file__).with_name("stock.py")),
        "--lib", str(o.stock_lib or library.folder), "--bindings", str(bindings),
        "--model", str(o.model), "--cache-type", cache_type, "--depths", depths,
        "--chunk", str(o.chunk), "--n-decode", str(o.n_decode),
        "--gpu-layers", str(o.gpu_layers), "--threads", str(o.threads or 2),
    ]  # fmt: skip


def bench_alternate(bench: Bench) -> None:
    """Decoding at each depth with both budgets, in turns with full attention at the first."""
    o = bench.options
    for cache_type in o.cache_types.split(","):
        stock = StockProcess(_stock_command(bench, cache_type, str(bench.depths[0])))
        try:
            for budget in (o.decode_budget, o.prefill_budget):
                with bench.engine(budget, cache_type) as engine:
                    run = Run(engine)
                    for depth in (d for d in bench.depths if d >= budget):
                        run.feed(max(0, depth - engine.n_pos))
                        run.decode(2 * o.interval)  # settles to one round an interval
                        found = in_turns(run, stock, o.n_decode, o.turns)
                        found["phases_ms"] = phases(run, 4, o.interval)
                        bench.keep("alternate", f"{cache_type} {budget} {depth}", found)
        finally:
            stock.close()


def bench_stock(bench: Bench) -> None:
    o = bench.options
    bench.keep("stock", "library", "unmodified" if o.stock_lib else "patched, no callback set")
    for cache_type in o.cache_types.split(","):
        command = _stock_command(bench, cache_type, o.depths)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"stock bench failed: {done.stderr[-2000:]}")
        bench.keep("stock", cache_type, json.loads(done.stdout.splitlines()[-1]))


def bench_decode(bench: Bench) -> None:
    """Decoding at depth with a small budget, and what the cache takes."""
    o = bench.options
    for cache_type in o.cache_types.split(","):
        with bench.engine(o.decode_budget, cache_type) as engine:
            run, out = Run(engine), {"decode_tps": {}, "rounds": {}, "pace_ms": {}}
            for depth in bench.depths:
                run.feed(depth - engine.n_pos)
                run.decode(o.interval)  # settles to one round an interval
                rate, rounds = run.decode(o.n_decode)
                out["decode_tps"][depth] = rate
                out["rounds"][depth] = [r.ms for r in rounds]
                out["pace_ms"][depth] = run.pace()
            out["cache"] = _cache(engine, bench.depths)
            bench.keep("decode", cache_type, out)


def _cache(engine: Engine, depths: list[int]) -> dict:
    status, hook = engine.status(), engine.hook
    assert hook is not None
    per_token = status.cache_bytes / status.n_cells
    return {
        "budget": status.budget,
        "n_cells": status.n_cells,
        "cache_bytes": status.cache_bytes,
        "extra_bytes": hook.cache.info().bytes_extra,
        "times_smaller": {d: per_token * d / status.cache_bytes for d in depths},
    }


def bench_prefill(bench: Bench) -> None:
    """Prefilling a whole prompt through a larger budget."""
    o = bench.options
    for cache_type in o.cache_types.split(","):
        with bench.engine(o.prefill_budget, cache_type) as engine:
            run, out = Run(engine), {"prefill_tps": {}, "whole_prefill_s": {}, "decode_tps": {}}
            spent = 0.0
            for depth in bench.depths:
                marks = run.feed(depth - engine.n_pos)
                spent += sum(s for _, s in marks)
                out["prefill_tps"][depth] = tps(marks[-8:])
                out["whole_prefill_s"][depth] = spent
            run.decode(o.interval)
            out["decode_tps"][bench.depths[-1]], _ = run.decode(o.n_decode)
            out["cache"] = _cache(engine, bench.depths)
            bench.keep("prefill", cache_type, out)


def bench_rounds(bench: Bench) -> None:
    """One round of an interval, phase by phase, for each budget, cache type and score."""
    o = bench.options
    others = [*(["fitted"] if o.sidecar else []), "knorm", "keydiff", "streaming"]
    policies = [o.policy] if o.only_policy else [o.policy, *others]
    for cache_type in o.cache_types.split(","):
        for budget in (o.decode_budget, o.prefill_budget):
            with bench.engine(budget, cache_type) as engine:
                Run(engine).feed(budget + o.interval)
                for policy in dict.fromkeys(policies):
                    for mode in MODES if policy == o.policy else MODES[:1]:
                        _switch(engine, policy, mode, o.sidecar)
                        out = _rounds(engine, o.interval)
                        bench.keep("rounds", f"{cache_type} {budget} {policy} {mode}", out)


def _switch(engine: Engine, name: str, mode: str, sidecar: Path | None) -> None:
    """Let the session go on under another policy."""
    hook, file = engine.hook, engine.model.file
    assert hook is not None
    found = find_sidecar(file, sidecar)
    stats = found[1] if found else None
    hook.policy, _ = choose_policy(name, stats)
    hook.mode = choose_mode(mode, hook.policy)
    set_score(hook.cache, hook.policy, stats, file.fingerprint)


def _rounds(engine: Engine, interval: int, n_rounds: int = 8) -> dict:
    """Times in ms: the median of rounds that free an interval, and the first and worst."""
    run, hook = Run(engine), engine.hook
    assert hook is not None
    times: list[dict[str, float]] = []
    for _ in range(n_rounds):
        engine.context.synchronize()
        hook.now = engine.n_pos
        start = perf_counter()
        report = hook.run(interval, "budget")
        assert report is not None
        times.append({"wall": (perf_counter() - start) * 1e3,
                      **{p: report.times_us[p] / 1e3 for p in PHASES}})  # fmt: skip
        hook.take_reports()
        run.feed(interval)
    later = times[1:]
    out = {p: float(np.median([t[p] for t in later])) for p in ("wall", *PHASES)}
    out |= {"first_wall": times[0]["wall"], "worst_wall": max(t["wall"] for t in later)}
    return out | {"extra_bytes": hook.cache.info().bytes_extra}


def bench_million(bench: Bench) -> None:
    """A long session: memory and speed must not change with depth."""
    o = bench.options
    with bench.engine(o.decode_budget, o.cache_types.split(",")[0]) as engine:
        run, total = Run(engine), o.n_million
        for i in range(10):
            marks = run.feed(total // 10)
            rate, _ = run.decode(o.interval)
            row = {
                "n_pos": engine.n_pos,
                "prefill_tps": tps(marks),
                "decode_tps": rate,
                "cache_bytes": engine.status().cache_bytes,
                "process_bytes": _resident(),
                "device_free_bytes": [d.free_bytes for d in _devices() if d.is_gpu],
            }
            bench.keep("million", f"{(i + 1) * total // 10}", row)


def _devices():
    from triagent.engine.devices import devices

    return devices()


def _resident() -> int:
    """Resident bytes of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


def prepare(options: argparse.Namespace) -> None:
    """Make the random model and its centers when they are asked for and not there."""
    if options.random is None:
        return
    shape, start = SHAPES[options.random], perf_counter()
    if not options.model.exists():
        options.model.parent.mkdir(parents=True, exist_ok=True)
        write_model(options.model, shape)
    if options.sidecar is None:
        options.sidecar = options.model.with_suffix(".centers.gguf")
    if not options.sidecar.exists():
        write_centers(options.sidecar, options.model, shape)
    print(json.dumps({"prepared": str(options.model), "s": perf_counter() - start}), flush=True)


def main(options: argparse.Namespace) -> int:
    prepare(options)
    sections = options.sections.split(",")
    unknown = set(sections) - set(SECTIONS)
    if unknown:
        raise SystemExit(f"unknown section {', '.join(unknown)}; choose from {', '.join(SECTIONS)}")
    bench = Bench(options)
    load().bindings.llama_backend_init()
    found = _devices()
    where = next((d for d in found if d.is_gpu), found[0])
    bench.keep("machine", "device", f"{where.name}: {where.description}")
    bench.keep("machine", "python", platform.python_version())
    runs = {
        "stock": bench_stock,
        "alternate": bench_alternate,
        "decode": bench_decode,
        "prefill": bench_prefill,
        "rounds": bench_rounds,
        "million": bench_million,
    }
    for section in SECTIONS:
        if section in sections:
            start = perf_counter()
            runs[section](bench)
            bench.keep("seconds", section, round(perf_counter() - start, 1))
    if bench.model is not None:
        bench.model.close()
    print((options.out / "engine.md").read_text())
    return 0
