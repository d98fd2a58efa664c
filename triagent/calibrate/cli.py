"""The command that makes a sidecar: arguments in, a progress line, a table and a file out."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from triagent.calibrate import make, report, selftest
from triagent.calibrate.arguments import add_arguments
from triagent.config import ModelConfig
from triagent.engine.sidecars import beside
from triagent.errors import ConfigError, TriagentError
from triagent.kv.sidecar import Stats, write_sidecar


def main(args: argparse.Namespace) -> int:
    """Make the sidecar; returns the exit status."""
    out = args.out or beside(args.model)
    show = JsonProgress() if args.json else Progress()
    try:
        _check(args)
        stats, made = _measure(args, show)
        show.done()
        write_sidecar(out, stats)
    except TriagentError as error:
        show.done()
        return _fail(str(error))
    except KeyboardInterrupt:
        show.done()
        return _fail("interrupted; nothing was written", 130)
    show.result(out, made)
    if args.report and made:
        folder = args.report
        tests = {"self-test": [vars(test) for test in stats.self_tests]}
        report.write(folder, made.centers.layers, extra=tests)
        show.say(f"report: {folder / 'report.md'}")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.tokens < 256:
        raise ConfigError(f"--tokens {args.tokens}: at least 256 are needed, 32768 are better")


def _measure(args: argparse.Namespace, show: Progress) -> tuple[Stats, make.Made | None]:
    if args.from_stats:
        return make.from_official(args.from_stats, args.model), None
    recipe = make.Recipe(n_tokens=args.tokens, test=not args.no_test, texts=tuple(args.text))
    if args.trained:
        recipe = replace(recipe, trained=args.trained)
    if args.no_fit:
        recipe = replace(recipe, n_fit=0)
    config = ModelConfig(path=args.model, threads=args.threads, gpu_layers=args.gpu_layers)
    made = make.make(config, recipe, show)
    return made.stats, made


def _fail(message: str, status: int = 1) -> int:
    print(f"triagent centers: {message}", file=sys.stderr)
    return status


class Progress:
    """One line that is drawn over: what, how far, rate, time left."""

    def __init__(self) -> None:
        self._what, self._start, self._shown = "", 0.0, 0.0

    def __call__(self, what: str, n_done: int, n_total: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self.done()
            self._what, self._start = what, now
        if now - self._shown < 0.2 and n_done < n_total:
            return
        self._shown = now
        seconds = now - self._start
        rate = n_done / seconds if seconds else 0.0
        left = (n_total - n_done) / rate if rate else 0.0
        if sys.stderr.isatty():
            line = f"{what}: {n_done}/{n_total}  {rate:.0f}/s  {left:.0f} s left"
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self._what and sys.stderr.isatty():
            print(file=sys.stderr)
        self._what = ""

    def say(self, text: str) -> None:
        print(text)

    def result(self, out: Path, made: make.Made | None) -> None:
        print(f"wrote {out}")
        if made is None:
            return
        n_tokens, r = made.centers.trace[-1]
        settled = (
            "levelled off" if made.centers.drift < 0.005 else "still moving; use more --tokens"
        )
        print(f"centers from {n_tokens} tokens; concentration {r:.3f}, {settled}")
        if made.verdict:
            print(selftest.table(made.verdict) + made.verdict.note)


class JsonProgress(Progress):
    """The same as JSON lines, for a program that reads along."""

    def __call__(self, what: str, n_done: int, n_total: int) -> None:
        now = time.monotonic()
        if now - self._shown >= 0.2 or n_done >= n_total:
            self._shown = now
            print(json.dumps({"what": what, "done": n_done, "total": n_total}), flush=True)

    def say(self, text: str) -> None:
        print(json.dumps({"say": text}), flush=True)

    def result(self, out: Path, made: make.Made | None) -> None:
        verdict = made.verdict if made else None
        note = verdict.note if verdict else ""
        score = verdict.score if verdict else ""
        print(json.dumps({"wrote": str(out), "score": score, "note": note}), flush=True)


def run(argv: Sequence[str] | None = None) -> int:
    """Entry of scripts/make_centers.py."""
    parser = argparse.ArgumentParser(description="Measure a model and write its sidecar.")
    add_arguments(parser)
    return main(parser.parse_args(argv))
