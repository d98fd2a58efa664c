"""The sub-commands of `triagent models`, apart from the program: every start reads them."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="models here and in the list, and how they fit")
    listing.add_argument("--json", action="store_true", help="one JSON object")
    pull = actions.add_parser("pull", help="download a model, or go on with a download")
    pull.add_argument("name", help="a name of the list, or owner/repo/file.gguf")
    info = actions.add_parser("info", help="what a model file says, its hash and how it fits")
    info.add_argument("name", help="a name of the list, or a path")
    info.add_argument("--json", action="store_true", help="one JSON object")
    remove = actions.add_parser("remove", help="delete a downloaded model")
    remove.add_argument("name", help="a name, as in the list")
    remove.add_argument("--yes", action="store_true", help="do not ask")
