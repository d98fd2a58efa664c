"""What measuring centers costs: time beside a plain prefill of the same tokens, and memory.

Both passes run in turns in one process, on the same chunks; the ratio is of medians. Memory is the
peak of the process after a quarter of the tokens and after all of them.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from triagent.calibrate import measure
from triagent.config import ModelConfig
from triagent.engine.forward import Forward

N_TEXT = 4096


@dataclass(frozen=True)
class Cost:
    """Of one model on one machine."""

    n_tokens: int
    plain_s: float
    """Processor seconds of a plain prefill, median of the turns."""
    centers_s: float
    ratio: float
    wall_ratio: float
    peak_mib_at_quarter: float
    peak_mib_at_end: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="GGUF model")
    parser.add_argument("--tokens", type=int, default=8192, help="tokens of a turn (8192)")
    parser.add_argument("--memory-tokens", type=int, default=65536, help="of the memory part")
    parser.add_argument("--turns", type=int, default=3, help="of each pass (3)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (cores less one)")
    parser.add_argument("--gpu-layers", type=int, default=0, help="layers on the GPU (none)")
    parser.add_argument("--out", type=Path, help="folder for centers.json")


def main(options: argparse.Namespace) -> int:
    config = ModelConfig(path=options.model, threads=options.threads, gpu_layers=options.gpu_layers)
    cost = run(config, options.tokens, options.turns, options.memory_tokens)
    print(
        f"centers of {cost.n_tokens:,} tokens: {cost.centers_s:.1f} s of processor time, plain "
        f"prefill {cost.plain_s:.1f} s, ratio {cost.ratio:.2f} (by the clock "
        f"{cost.wall_ratio:.2f})\npeak memory {cost.peak_mib_at_quarter:.0f} MiB after "
        f"{options.memory_tokens // 4:,} tokens, {cost.peak_mib_at_end:.0f} MiB after "
        f"{options.memory_tokens:,}"
    )
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "centers.json").write_text(json.dumps(asdict(cost), indent=1))
    return 0


def run(config: ModelConfig, n_tokens: int, n_turns: int, n_memory: int) -> Cost:
    """Measure both passes in turns, then memory."""
    with Forward(config, N_TEXT, set(), lambda _: None) as forward:
        n_text = min(N_TEXT, forward.model.n_ctx_train, n_tokens)
        n_vocab = forward.model.vocab.n_tokens
        texts = _texts(n_tokens, n_text, n_vocab)
        plain: list[tuple[float, float]] = []
        centers: list[tuple[float, float]] = []
        for _ in range(n_turns):
            plain.append(_timed(lambda: [forward.feed(text) for text in texts]))
            centers.append(_timed(lambda: measure.measure_centers(config, texts)))
    cpu = [statistics.median(t[0] for t in turns) for turns in (plain, centers)]
    wall = [statistics.median(t[1] for t in turns) for turns in (plain, centers)]
    quarter, end = _memory(config, n_memory, n_text, n_vocab)
    return Cost(n_tokens, cpu[0], cpu[1], cpu[1] / cpu[0], wall[1] / wall[0], quarter, end)


def _memory(config: ModelConfig, n_tokens: int, n_text: int, n_vocab: int) -> tuple[float, float]:
    peaks = []

    def note(_what: str, n_done: int, _n_total: int) -> None:
        if n_done >= n_tokens // 4 and len(peaks) < 1:
            peaks.append(_peak_mib())

    texts = (_texts(n_text, n_text, n_vocab, seed)[0] for seed in range(-(-n_tokens // n_text)))
    measure.measure_centers(config, texts, note, n_tokens, n_text)
    return peaks[0], _peak_mib()


def _texts(n_tokens: int, n_text: int, n_vocab: int, seed: int = 0) -> list[list[int]]:
    pick = random.Random(seed).randrange
    return [[pick(n_vocab) for _ in range(n_text)] for _ in range(max(1, n_tokens // n_text))]


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """(processor seconds, seconds by the clock)."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
