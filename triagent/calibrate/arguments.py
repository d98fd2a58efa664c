"""The arguments of the command that makes a sidecar, apart from it: reading them needs no torch."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="GGUF model to measure")
    parser.add_argument("-o", "--out", type=Path, help="sidecar (beside the model)")
    parser.add_argument("--text", action="append", default=[], metavar="FILE", help="own text")
    parser.add_argument("--tokens", type=int, default=32768, help="tokens for centers (32768)")
    parser.add_argument(
        "--from-stats", type=Path, metavar="PT", help="convert published statistics"
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="write tables and pictures")
    parser.add_argument(
        "--compare", type=Path, metavar="SIDECAR", help="say how alike another's centers are"
    )
    parser.add_argument(
        "--trained", type=Path, metavar="NPZ", help="use these coefficients in place of a fit"
    )
    parser.add_argument("--no-fit", action="store_true", help="published centers only")
    parser.add_argument("--no-test", action="store_true", help="leave the self-test out")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (cores less one)")
    parser.add_argument("--gpu-layers", type=int, default=-1, help="layers on the GPU (all)")
    parser.add_argument("--json", action="store_true", help="progress and result as JSON lines")
