"""Models on this machine and on the hub: list, fit, download; the program is in `commands`."""

from __future__ import annotations

import argparse

from triagent.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands of `triagent models`."""
    from triagent.models import arguments  # not needed to find the bundled model

    arguments.add_arguments(parser)


def cli(args: argparse.Namespace, config: Config) -> int:
    """Run `triagent models`; returns the exit status."""
    from triagent.models import commands
    from triagent.probe import Probe

    # Only a list of fits needs them; removing a file should not wait for a driver.
    devices = () if args.action == "remove" else Probe().devices()
    return commands.cli(args, config, devices)
