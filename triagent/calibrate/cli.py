"""The command that makes a sidecar: arguments in, a progress line, a table and a file out."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from triagent.calibrate import make, report, selftest
from triagent.calibrate.arguments import add_arguments
from triagent.calibrate.progress import Bar, JsonLines
from triagent.config import ModelConfig
from triagent.engine.sidecars import beside
from triagent.errors import ConfigError, SidecarError, TriagentError
from triagent.kv.sidecar import Stats, read_sidecar, write_sidecar


def main(args: argparse.Namespace) -> int:
    """Make the sidecar; returns the exit status."""
    out = args.out or beside(args.model)
    show = JsonLines() if args.json else Bar()
    try:
        _check(args, out)
        other = read_sidecar(args.compare) if args.compare else None
        with show.stoppable():
            made = _measure(args, show)
        show.done()
        write_sidecar(out, made.stats)
        _tell(args, out, made, other, show)
    except TriagentError as error:
        show.done()
        return _fail(str(error))
    except KeyboardInterrupt:
        show.done()
        return _fail("interrupted; nothing was written", 130)
    return 0


def _check(args: argparse.Namespace, out: Path) -> None:
    """Refuse at once what would be found out after minutes of measuring."""
    if args.tokens < 256:
        raise ConfigError(f"--tokens {args.tokens}: at least 256 are needed, 32768 are better")
    if not os.access(out.parent, os.W_OK):
        raise ConfigError(f"{out.parent} cannot be written; name another file with --out")
    if args.report and importlib.util.find_spec("matplotlib") is None:
        raise ConfigError("--report needs matplotlib: pip install 'triagent[calibrate]'")


def _measure(args: argparse.Namespace, show: Bar) -> make.Made:
    if args.from_stats:
        return make.from_official(args.from_stats, args.model)
    recipe = make.Recipe(
        n_tokens=args.tokens,
        test=not args.no_test,
        texts=tuple(args.text),
        curves=bool(args.report),
    )
    if args.trained:
        recipe = replace(recipe, trained=args.trained)
    if args.no_fit:
        recipe = replace(recipe, n_fit=0)
    config = ModelConfig(path=args.model, threads=args.threads, gpu_layers=args.gpu_layers)
    return make.make(config, recipe, show)


def _tell(
    args: argparse.Namespace, out: Path, made: make.Made, other: Stats | None, show: Bar
) -> None:
    """What was measured, in the order in which it was."""
    table = selftest.table(made.verdict) if made.verdict else ""
    note = made.note
    if made.centers.trace:
        show.say(made.centers.settling)
    if made.curves:
        show.say(report.reconstruction(made.curves))
    if other is not None:
        show.say(_agreement(made, args.compare, other))
    if table:
        show.say(table)
    show.result(out, made.stats.recommended_score, note)
    if args.report:
        show.say(f"report: {_report(args.report, made, table, note)}")


def _report(folder: Path, made: make.Made, table: str, note: str) -> Path:
    stats = made.stats
    skipped = tuple(stats.skipped.items())
    found = report.Report(stats.model_name, made.centers, made.curves, table, note, skipped)
    try:
        return report.write(folder, found)[0]
    except OSError as error:
        raise ConfigError(f"--report {folder}: {error}; the sidecar is written") from error


def _agreement(made: make.Made, path: Path, other: Stats) -> str:
    centers = {il: layer.q_center for il, layer in other.layers.items()}
    rows = report.agreement(made.centers.layers, centers)
    if not rows:
        raise SidecarError(f"--compare {path}: none of its layers has the shape of this model's")
    mean = sum(cosine for _, cosine, _ in rows) / len(rows)
    lowest = min(rows, key=lambda row: row[2])
    return (
        f"Centers agree with {path.name}: cosine {mean:.5f} on average over {len(rows)} layers, "
        f"lowest {lowest[2]:.5f} (a head of layer {lowest[0]})."
    )


def _fail(message: str, status: int = 1) -> int:
    print(f"triagent centers: {message}", file=sys.stderr)
    return status


def run(argv: Sequence[str] | None = None) -> int:
    """Entry of scripts/make_centers.py."""
    parser = argparse.ArgumentParser(description="Measure a model and write its sidecar.")
    add_arguments(parser)
    return main(parser.parse_args(argv))
