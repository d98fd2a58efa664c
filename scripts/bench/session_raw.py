"""The same session as token ids straight into the engine, for a model without a vocabulary.

What is left out beside a whole session: rendering, tokenising and the pipe, some milliseconds a
turn that do not grow.
"""

from __future__ import annotations

import argparse
import json
from time import perf_counter, process_time

import numpy as np

from bench.random_model import SHAPES, write_centers, write_model
from bench.session_points import n_warm, near
from triagent.chat import Limits
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.assembly import connect
from triagent.engine.engine import Engine
from triagent.engine.model import LoadedModel
from triagent.engine.sampling import Sampler

N_SYSTEM = 800
"""Tokens of the system prompt with all tools."""


def run(options: argparse.Namespace, points: list[int], n_near: int) -> tuple[dict, list]:
    """Seconds to the first token at each point, and the tokens of each turn."""
    make_model(options)
    n_turns = points[-1] + n_near // 2
    config = ModelConfig(
        path=options.model, sidecar=options.sidecar, gpu_layers=options.gpu_layers,
        threads=options.threads,
        n_ctx=N_SYSTEM + n_warm(options) + (n_turns + 8) * (options.turn_tokens + 64),
        cache_type=options.cache_type,
    )  # fmt: skip
    cache = CacheConfig(
        budget=options.budget, interval=options.interval, chunk=options.chunk,
        policy=options.policy,
    )  # fmt: skip
    model = LoadedModel(config)
    engine = Engine(connect(model, config, cache))
    try:
        return _grow(engine, options, n_turns, points, n_near)
    finally:
        engine.close()


def make_model(options: argparse.Namespace) -> None:
    """Make the random model and its centers where they are asked for and missing."""
    if options.random and not options.model.exists():
        write_model(options.model, SHAPES[options.random])
    if options.random and options.sidecar is None:
        options.sidecar = options.model.with_suffix(".centers.gguf")
        write_centers(options.sidecar, options.model, SHAPES[options.random])


def _grow(
    engine: Engine, options: argparse.Namespace, n_turns: int, points: list[int], n_near: int
) -> tuple[dict, list]:
    n_tokens, n_before = options.turn_tokens, N_SYSTEM + n_warm(options)
    rng, sampler = np.random.default_rng(0), Sampler.of(Limits())
    turns = [rng.integers(0, engine.vocab.n_tokens, n).tolist()
             for n in [n_before, *[n_tokens] * n_turns]]  # fmt: skip
    _feed(engine, turns[0][:N_SYSTEM], sampler)
    engine.pin(0, N_SYSTEM)
    if n_before > N_SYSTEM:
        _feed(engine, turns[0][N_SYSTEM:], sampler)
    seconds, cpu, marks = [], [], {}
    for turn, ids in enumerate(turns[1:], 1):
        before = process_time()
        seconds.append(_feed(engine, ids, sampler))
        cpu.append(process_time() - before)
        if turn in points:
            status = engine.status()
            marks[turn] = {
                "n_pos": status.n_pos,
                "n_rounds": status.n_rounds,
                "cache_bytes": status.cache_bytes,
                "full_bytes": status.full_bytes,
            }
            print(json.dumps({"turn": turn, "seconds": seconds[-1], **marks[turn]}), flush=True)
    return {
        "model": engine.model.file.name,
        "device": engine.model.device,
        "policy": engine.parts.policy.name,
        "turn_tokens": n_tokens,
        "warm_tokens": n_before,
        "ttft_s": {x: near(seconds, x, n_near) for x in points},
        "cpu_s": {x: near(cpu, x, n_near) for x in points},
        "state": marks,
    }, turns


def _feed(engine: Engine, ids: list[int], sampler: Sampler) -> float:
    """Seconds until the token after `ids` is known."""
    began = perf_counter()
    for _ in engine.feed(ids):
        pass
    engine.sample(sampler)
    return perf_counter() - began
