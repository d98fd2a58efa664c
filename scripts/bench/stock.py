"""Full attention through an unmodified library: the other side of every comparison.

Runs in a process of its own, as a process can hold one llama.cpp only; knows nothing of triagent.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
from time import perf_counter

import numpy as np

CACHE_TYPES = {"f16": 1, "q8_0": 8, "f32": 0}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lib", required=True, help="folder of the unmodified libllama")
    parser.add_argument("--bindings", required=True, help="folder that holds llama_cpp")
    parser.add_argument("--model", required=True)
    parser.add_argument("--cache-type", default="f16", choices=CACHE_TYPES)
    parser.add_argument("--depths", default="2048", help="where decoding is measured")
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--n-decode", type=int, default=128)
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--serve", action="store_true", help="decode at the first depth as often as stdin asks"
    )
    return parser.parse_args()


class Stock:
    """One context of full length."""

    def __init__(self, lib, options, n_ctx: int) -> None:
        self.lib, self.chunk = lib, options.chunk
        lib.llama_backend_init()
        model_params = lib.llama_model_default_params()
        model_params.n_gpu_layers = options.gpu_layers
        model_params.use_extra_bufts = False
        self.model = lib.llama_model_load_from_file(options.model.encode(), model_params)
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = n_ctx, options.chunk, options.chunk
        params.n_outputs_max = params.n_seq_max = 1
        params.flash_attn_type = 1
        params.n_threads = params.n_threads_batch = options.threads
        params.type_k = params.type_v = CACHE_TYPES[options.cache_type]
        self.context = lib.llama_init_from_model(self.model, params)
        if not self.context:
            sys.exit("the stock library made no context")
        self.vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))
        self.batch = lib.llama_batch_init(options.chunk, 0, 1)
        as_array, size = np.ctypeslib.as_array, (options.chunk,)
        self.token, self.pos = as_array(self.batch.token, size), as_array(self.batch.pos, size)
        self.wanted = as_array(self.batch.logits, size)
        as_array(self.batch.n_seq_id, size)[:] = 1
        for i in range(options.chunk):
            self.batch.seq_id[i][0] = 0
        self.n_pos = 0

    def decode(self, ids) -> None:
        n = len(ids)
        self.token[:n] = ids
        self.pos[:n] = np.arange(self.n_pos, self.n_pos + n)
        self.wanted[:n] = 0
        self.wanted[n - 1] = 1
        self.batch.n_tokens = n
        status = self.lib.llama_decode(self.context, self.batch)
        if status:
            sys.exit(f"stock decode returned {status} at {self.n_pos}")
        self.n_pos += n

    def next_token(self) -> int:
        logits = self.lib.llama_get_logits_ith(self.context, -1)
        return int(np.argmax(np.ctypeslib.as_array(logits, (self.vocab,))))


def measure(stock: Stock, depths: list[int], n_decode: int) -> dict:
    """Prefill to each depth in turn, decode there, and take the decoded tokens back."""
    rng = np.random.default_rng(0)
    out: dict = {"decode_tps": {}, "pace_ms": {}, "prefill_tps": {}, "whole_prefill_s": {}}
    memory, spent = stock.lib.llama_get_memory(stock.context), 0.0
    for depth in depths:
        marks = []
        while stock.n_pos < depth:
            n = min(stock.chunk, depth - stock.n_pos)
            ids = rng.integers(0, stock.vocab, n)
            start = perf_counter()
            stock.decode(ids)
            stock.lib.llama_synchronize(stock.context)
            marks.append((n, perf_counter() - start))
        spent += sum(s for _, s in marks)
        last = marks[-8:]
        out["prefill_tps"][depth] = sum(n for n, _ in last) / sum(s for _, s in last)
        out["whole_prefill_s"][depth] = spent
        for timed in (False, True):  # the first pass captures the graph
            first, marks = stock.n_pos, [perf_counter()]
            for _ in range(n_decode if timed else 8):
                stock.decode([stock.next_token()])
                stock.lib.llama_synchronize(stock.context)
                marks.append(perf_counter())
            out["decode_tps"][depth] = (stock.n_pos - first) / (marks[-1] - marks[0])
            out["pace_ms"][depth] = {"median": float(np.median(np.diff(marks)) * 1e3)}
            stock.lib.llama_memory_seq_rm(memory, 0, first, -1)
            stock.n_pos = first
    return out


def serve(stock: Stock, depth: int) -> None:
    """For each line, a number of tokens: decode as many at `depth`, and print ms token by token."""
    rng = np.random.default_rng(0)
    while stock.n_pos < depth:
        stock.decode(rng.integers(0, stock.vocab, min(stock.chunk, depth - stock.n_pos)))
    print(json.dumps({"depth": depth}), flush=True)
    for line in sys.stdin:
        marks = [perf_counter()]
        for _ in range(int(line)):
            stock.decode([stock.next_token()])
            stock.lib.llama_synchronize(stock.context)
            marks.append(perf_counter())
        stock.lib.llama_memory_seq_rm(stock.lib.llama_get_memory(stock.context), 0, depth, -1)
        stock.n_pos = depth
        stock.decode([0])  # logits to go on from
        print(json.dumps((np.diff(marks) * 1e3).round(4).tolist()), flush=True)


def main() -> None:
    options = parse()
    os.environ["LLAMA_CPP_LIB_PATH"] = options.lib
    sys.path.insert(0, options.bindings)
    import llama_cpp.llama_cpp as lib

    quiet = lib.llama_log_callback(lambda level, text, user: None)
    lib.llama_log_set(quiet, ctypes.c_void_p(0))
    depths = sorted(int(d) for d in options.depths.split(","))
    start = perf_counter()
    stock = Stock(lib, options, depths[-1] + options.n_decode + 64)
    out = {"load_s": perf_counter() - start}
    if options.serve:
        serve(stock, depths[0])
        return
    print(json.dumps(out | measure(stock, depths, options.n_decode)))


if __name__ == "__main__":
    main()
