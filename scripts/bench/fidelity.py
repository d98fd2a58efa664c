"""What forgetting costs: recall, fluency and written-out state under every ranking and budget.

Sections: recall (facts in files, compressed once before the question), stream (the same, evicting
while reading), fluency (nats and KL per token of unseen prose, token by token), modes (which rows
share a set), types (quantised caches), interval, dfs (depth-first walks written out).
Equal budget, pinned prompt, sinks and window for all. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import fidelity_table
from triagent.calibrate import rankings, trained
from triagent.calibrate.attention import AttentionPass
from triagent.calibrate.text import SYSTEM, Session, Writer
from triagent.chat import Message, Role
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.conversation import template_of
from triagent.engine.model import LoadedModel
from triagent.engine.sidecars import find_sidecar
from triagent.engine.trial import Ranking, Trial
from triagent.kv.sidecar import Stats

SHARES = {"1/2": 1 / 2, "1/4": 1 / 4, "1/8": 1 / 8, "1/16": 1 / 16}
FULL = "full"
SEED = 70_000  # far from the seeds of calibration and of the self-test


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sidecar", type=Path)
    parser.add_argument("--sections", default="recall,stream,fluency,modes,types,interval,dfs")
    parser.add_argument("--lengths", default="1024,4096,7680", help="tokens of a session")
    parser.add_argument("--first", type=int, default=0, help="number of the first session")
    parser.add_argument("--merge", type=Path, nargs="*", help="add up results of other runs")
    parser.add_argument("--sessions", type=int, default=25, help="a length, 8 questions each")
    parser.add_argument("--prose", type=int, default=4096, help="tokens of prose; half is scored")
    parser.add_argument("--prose-texts", type=int, default=2)
    parser.add_argument("--walks", type=int, default=200)
    parser.add_argument("--no-attention", action="store_true", help="leave SnapKV and H2O out")
    parser.add_argument(
        "--also", action="append", default=[], metavar="NAME=NPZ", help="further coefficients"
    )
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--minutes", type=float, default=0, help="stop after this long; 0: never")
    parser.add_argument("--out", type=Path, required=True, help="folder of fidelity.json and .md")


def main(options: argparse.Namespace) -> int:
    if options.merge:
        print(merge(options.merge, options.out))
        return 0
    if options.model is None:
        raise SystemExit("fidelity: name a model with --model, or results with --merge")
    bench = Fidelity(options)
    for section in options.sections.split(","):
        bench.run(section)
    bench.close()
    print(bench.keep())
    return 0


class OutOfTime(Exception):
    """The minutes are used up; what was measured stays."""


class Fidelity:
    """One model's tables."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._config = ModelConfig(
            path=options.model,
            sidecar=options.sidecar,
            threads=options.threads,
            gpu_layers=options.gpu_layers,
        )
        self._model = LoadedModel(self._config)
        found = find_sidecar(self._model.file, options.sidecar)
        self._stats: Stats | None = found[1] if found else None
        self._writer = Writer(template_of(self._model), self._model.vocab.tokenize)
        pairs = (item.split("=", 1) for item in options.also)
        self._also = {name: trained.read(Path(path)) for name, path in pairs}
        self._stop = time.monotonic() + options.minutes * 60 if options.minutes else math.inf
        self.results: dict = {
            "command": " ".join(sys.argv),
            "model": self._model.file.name,
            "fingerprint": self._model.file.fingerprint,
            "device": self._model.device,
        }

    def close(self) -> None:
        self._model.close()

    def run(self, section: str) -> None:
        """Measure one section; a section that runs out of time keeps what it has."""
        start = time.monotonic()
        table: dict[str, dict] = self.results.setdefault(section, {})
        try:
            getattr(self, f"_{section}")(table)
        except OutOfTime:
            self.results.setdefault("cut_short", []).append(section)
        seconds = round(time.monotonic() - start, 1)
        print(json.dumps({"section": section, "s": seconds}), flush=True)
        self.keep()

    def keep(self) -> str:
        """Write the files; returns the Markdown."""
        out: Path = self._options.out
        out.mkdir(parents=True, exist_ok=True)
        (out / "fidelity.json").write_text(json.dumps(self.results, indent=1))
        text = fidelity_table.markdown(self.results)
        (out / "fidelity.md").write_text(text)
        return text

    # -- sections

    def _recall(self, table: dict) -> None:
        names = self._names()
        for length in self._lengths():
            sessions = self._sessions(length)
            with Trial(self._config, self._stats, length) as trial:
                for session in sessions:
                    ranks = {n: self._rank(n, trial) for n in names}
                    ranks |= self._attention_ranks(session)
                    self._one_shot(table, f"{length}", trial, session, ranks)

    def _stream(self, table: dict) -> None:
        names = [n for n in self._names() if n not in rankings.ABLATIONS]
        length = self._lengths()[-1] if len(self._lengths()) == 1 else self._lengths()[1]
        with Trial(self._config, self._stats, length) as trial:
            for session in self._sessions(length):
                questions = self._questions(session)
                for name in names:
                    rank = self._rank(name, trial)
                    for label, keep in _budgets(session):
                        trial.stream(session.ids, session.n_prompt, rank, keep)
                        _count(table, f"{length}", name, label, trial, questions)
                self._check_time()

    def _modes(self, table: dict) -> None:
        length = 4096 if 4096 in self._lengths() else self._lengths()[-1]
        names = [n for n in ("fitted", "triattention", "knorm") if n in self._names()]
        with Trial(self._config, self._stats, length) as trial:
            for session in self._sessions(length):
                text = trial.read(session.ids, session.n_prompt)
                for name in names:
                    rank = self._rank(name, trial)
                    for select in ("per-layer-head", "per-head", "shared", "shared-mean"):
                        for label, keep in _budgets(session):
                            trial.compress(text, rank, keep, select)
                            questions = self._questions(session)
                            _count(table, select, name, label, trial, questions)
                self._check_time()

    def _types(self, table: dict) -> None:
        length = 4096 if 4096 in self._lengths() else self._lengths()[-1]
        for kind in ("f16", "q8_0", "q4_0"):
            config = replace(self._config, cache_type=kind)
            with Trial(config, self._stats, length) as trial:
                for session in self._sessions(length):
                    ranks = {
                        n: self._rank(n, trial) for n in ("fitted", "knorm") if n in self._names()
                    }
                    self._one_shot(table, kind, trial, session, ranks)

    def _interval(self, table: dict) -> None:
        length = 4096 if 4096 in self._lengths() else self._lengths()[-1]
        best = "fitted" if self._stats and self._stats.fits else "knorm"
        for interval in (32, 128, 512):
            cache = CacheConfig(interval=interval)
            with Trial(self._config, self._stats, length, cache) as trial:
                for session in self._sessions(length):
                    questions = self._questions(session)
                    for label, keep in _budgets(session):
                        rank = self._rank(best, trial)
                        trial.stream(session.ids, session.n_prompt, rank, keep)
                        _count(table, f"{interval}", best, label, trial, questions)
                    self._check_time()

    def _fluency(self, table: dict) -> None:
        names = [n for n in self._names() if n not in rankings.ABLATIONS]
        n = self._options.prose
        texts = _unseen(self._model.vocab.tokenize, n, self._options.prose_texts)
        with (
            Trial(self._config, self._stats, n) as full,
            Trial(self._config, self._stats, n) as trial,
        ):
            for ids in texts:
                start = n // 2
                full.stream(ids[:start], 0, None, n)
                truth = list(full.teacher_forced(ids[start:]))
                _nats(table, FULL, "1", truth, truth, ids[start + 1 :])
                for name in names:
                    rank = self._rank(name, trial)
                    for label, share in SHARES.items():
                        trial.stream(ids[:start], 0, rank, int(share * n))
                        steps = trial.teacher_forced(ids[start:])
                        _nats(table, name, label, steps, truth, ids[start + 1 :])
                        self._check_time()

    def _dfs(self, table: dict) -> None:
        names = [n for n in self._names() if n not in rankings.ABLATIONS]
        end = self._model.vocab.is_end
        with Trial(self._config, self._stats, 4096) as trial:
            for i in range(self._options.walks):
                depth = 2 + i % 6
                tree, root, order = walk(random.Random(SEED + i), depth)
                prompt = self._writer.opening(SYSTEM)
                words = f"DFS from {root}:\n{tree}"
                ids = prompt + self._writer.delta(Message(Role.USER, words), first=True)
                want = f"Order: {' '.join(order)}"
                for name in (FULL, *names):
                    rank = None if name == FULL else self._rank(name, trial)
                    budget = len(prompt) + 128  # the steps are longer: they must be forgotten
                    trial.stream(ids, len(prompt), rank, budget)
                    said = self._model.vocab.text(trial.answer(600, end))
                    row = table.setdefault(f"depth {depth}", {}).setdefault(name, {})
                    cell = row.setdefault("128 cells" if rank else "1", {"right": 0, "n": 0})
                    cell["right"] += said.strip().splitlines()[-1:] == [want]
                    cell["n"] += 1
                self._check_time()

    # -- parts

    def _names(self) -> list[str]:
        return [*self._also, *rankings.available(self._stats)]

    def _rank(self, name: str, trial: Trial) -> Ranking:
        cache = trial.hook.cache
        if name in self._also:
            return rankings.from_fits(name, cache, self._also[name])
        return rankings.named(name, cache, self._stats)

    def _one_shot(
        self, table: dict, group: str, trial: Trial, session: Session, ranks: dict[str, Ranking]
    ) -> None:
        questions = self._questions(session)
        text = trial.read(session.ids, session.n_prompt)
        _count(table, group, FULL, "1", trial, questions)
        for name, rank in ranks.items():
            for label, keep in _budgets(session):
                trial.compress(text, rank, keep)
                _count(table, group, name, label, trial, questions)
        self._check_time()

    def _attention_ranks(self, session: Session) -> dict[str, Ranking]:
        if self._options.no_attention:
            return {}
        with AttentionPass(self._config, len(session.ids)) as attention:
            paid = attention.run(session.ids)
        return {"snapkv": rankings.snapkv(paid.last), "h2o": rankings.h2o(paid.whole)}

    def _lengths(self) -> list[int]:
        return [int(n) for n in self._options.lengths.split(",")]

    def _sessions(self, length: int) -> list[Session]:
        first = SEED + length + self._options.first
        seeds = range(first, first + self._options.sessions)
        return [self._writer.whole_session(seed, length) for seed in seeds]

    def _questions(self, session: Session) -> list[tuple[list[int], list[int]]]:
        old = [fact for pos, fact in session.facts if pos <= len(session.ids) - 128]
        picked = random.Random(len(session.ids) + self._options.first).sample(old, min(8, len(old)))
        return [self._writer.question(fact, session.ended) for fact in picked]

    def _check_time(self) -> None:
        self.keep()
        if time.monotonic() > self._stop:
            raise OutOfTime


def merge(paths: Sequence[Path], out: Path) -> str:
    """Add up runs that split the sessions of one model among them; returns the Markdown."""
    total: dict = {}
    for path in paths:
        _add(total, json.loads(path.read_text()))
    out.mkdir(parents=True, exist_ok=True)
    (out / "fidelity.json").write_text(json.dumps(total, indent=1))
    text = fidelity_table.markdown(total)
    (out / "fidelity.md").write_text(text)
    return text


def _add(total: dict, found: dict) -> None:
    for key, value in found.items():
        if isinstance(value, dict):
            _add(total.setdefault(key, {}), value)
        elif isinstance(value, (int, float)):
            total[key] = total.get(key, 0) + value
        else:
            total.setdefault(key, value)


def _budgets(session: Session) -> Iterator[tuple[str, int]]:
    """Label and cells: the pinned prompt, and a share of all that came after it."""
    for label, share in SHARES.items():
        yield label, session.n_prompt + int(share * (len(session.ids) - session.n_prompt))


def _count(table: dict, group: str, name: str, label: str, trial: Trial, questions) -> None:
    cell = table.setdefault(group, {}).setdefault(name, {}).setdefault(label, {"right": 0, "n": 0})
    cell["right"] += sum(trial.ask(*question) for question in questions)
    cell["n"] += len(questions)


def _nats(
    table: dict, name: str, label: str, steps, truth: Sequence[np.ndarray], ids: Sequence[int]
) -> None:
    """Add nats per token and KL(full || evicted) of one text."""
    cell = (
        table.setdefault("prose", {})
        .setdefault(name, {})
        .setdefault(label, {"nats": 0.0, "kl": 0.0, "n": 0})
    )
    for step, full, token in zip(steps, truth, ids, strict=True):
        cell["nats"] -= float(step[token])
        cell["kl"] += float((np.exp(full) * (full - step)).sum())
        cell["n"] += 1


def _unseen(
    tokenize: Callable[[str, bool], list[int]], n_tokens: int, n_texts: int
) -> list[list[int]]:
    packed = Path(__file__).with_name("data") / "prose-eval.txt.xz"
    text = lzma.decompress(packed.read_bytes()).decode()
    ids = tokenize(text, False)
    return [ids[i * n_tokens : (i + 1) * n_tokens] for i in range(n_texts)]


def walk(r: random.Random, depth: int) -> tuple[str, str, list[str]]:
    """A tree of `depth` levels as text, its root, and the order of a depth-first walk."""
    names = r.sample("abcdefghijklmnopqrstuvwxyz", 26)
    children: dict[str, list[str]] = {}

    def grow(node: str, level: int) -> None:
        if level >= depth:
            return
        n = min(r.randint(1, 2), len(names))
        chosen = [names.pop() for _ in range(n)]
        if chosen:
            children[node] = chosen
        for child in chosen:
            grow(child, level + 1)

    root = names.pop()
    grow(root, 1)
    order: list[str] = []

    def visit(node: str) -> None:
        order.append(node)
        for child in children.get(node, []):
            visit(child)

    visit(root)
    lines = [f"{node}: {' '.join(below)}" for node, below in children.items()]
    r.shuffle(lines)
    return "\n".join(lines), root, order
