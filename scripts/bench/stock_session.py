"""A session's tokens through an unmodified library: prefix kept, and history prefilled anew.

Runs in a process of its own, as a process can hold one llama.cpp only; knows nothing of triagent.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.session_points import near
from bench.stock import CACHE_TYPES, Stock


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lib", required=True, help="folder of the unmodified libllama")
    parser.add_argument("--bindings", required=True, help="folder that holds llama_cpp")
    parser.add_argument("--model", required=True)
    parser.add_argument("--cache-type", default="f16", choices=CACHE_TYPES)
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns-file", type=Path, required=True, help="JSON: ids of each turn")
    parser.add_argument("--points", required=True, help="turns that are compared")
    parser.add_argument("--n-near", type=int, required=True)
    return parser.parse_args()


def feed(stock: Stock, ids: list[int]) -> float:
    """Seconds until the token after `ids` is known."""
    began = perf_counter()
    for start in range(0, len(ids), stock.chunk):
        stock.decode(ids[start : start + stock.chunk])
    stock.next_token()
    return perf_counter() - began


def measure(stock: Stock, turns: list[list[int]], points: list[int], n_near: int) -> dict:
    """Seconds to the first token at each point, both ways. `turns[0]` is what is there before."""
    feed(stock, turns[0])
    seconds = [feed(stock, ids) for ids in turns[1:]]
    reuse = {turn: near(seconds, turn, n_near) for turn in points}
    naive = {}
    for turn in points:
        stock.lib.llama_memory_clear(stock.lib.llama_get_memory(stock.context), True)
        stock.n_pos = 0
        naive[turn] = feed(stock, [id for ids in turns[: turn + 1] for id in ids])
    return {"reuse_s": reuse, "naive_s": naive}


def main() -> None:
    options = parse()
    os.environ["LLAMA_CPP_LIB_PATH"] = options.lib
    sys.path.insert(0, options.bindings)
    import llama_cpp.llama_cpp as lib

    quiet = lib.llama_log_callback(lambda level, text, user: None)
    lib.llama_log_set(quiet, ctypes.c_void_p(0))
    turns = json.loads(options.turns_file.read_text())
    points = [int(turn) for turn in options.points.split(",")]
    stock = Stock(lib, options, sum(map(len, turns)) + 64)
    print(json.dumps(measure(stock, turns, points, options.n_near)))


if __name__ == "__main__":
    main()
