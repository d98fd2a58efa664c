"""Measure triagent: `python scripts/bench.py engine --help`."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
COMMANDS = ("engine", "session", "recall")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    modules = {name: importlib.import_module(f"bench.{name}") for name in COMMANDS}
    for name, module in modules.items():
        module.add_arguments(commands.add_parser(name, help=(module.__doc__ or "").split("\n")[0]))
    options = parser.parse_args(arguments)
    return modules[options.command].main(options)


if __name__ == "__main__":
    sys.exit(main())
