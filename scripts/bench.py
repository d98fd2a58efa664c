"""Measure triagent: `python scripts/bench.py COMMAND --help`."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
COMMANDS = {
    "engine": "speed and memory of a bounded cache against full attention",
    "session": "time to first token as a session grows; turns that stay flat",
    "thinking": "what evicting old thinking first costs and gains",
    "recall": "facts from before the first eviction, with and without offering",
    "fidelity": "what forgetting costs, under every ranking and budget",
    "shares": "an experiment: rows of the cache that keep unequally many tokens",
    "centers": "what measuring centers costs beside a plain prefill",
    "fuzz": "mutated sidecars: only named errors, and memory that stays",
    "model": "the bundled model: tasks, wordings, free requests, recall",
    "ui": "the app: scrolling, streaming, first paint",
    "durability": "what a session survives: kills, faults, cancels, full disks",
    "soak": "memory, descriptors and widgets over a long time",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one bench; its module alone is imported, as each needs other packages."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    module = None
    for name, about in COMMANDS.items():
        command = commands.add_parser(name, help=about)
        if given[:1] == [name]:
            module = importlib.import_module(f"bench.{name}")
            command.description = module.__doc__
            module.add_arguments(command)
    options = parser.parse_args(given)
    assert module is not None  # argparse refused everything else
    return module.main(options)


if __name__ == "__main__":
    sys.exit(main())
