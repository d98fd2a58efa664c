"""The whole of the last phase: rows, measures before, the settings tried, measures after.

Of several learning rates the one that measures best is kept. What comes out is a checkpoint in
the form that training writes, and coefficients in the form that `gates` writes.
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from . import adapt, gates
from .exams import ExamPacker, Rows, joined
from .model import Network, Shape
from .packing import unpack
from .stream import Source, Stream

CUT = 0.66
"""Of a test's rows; of 6,144 tokens a session of about 4,050."""
N_TESTS = {"session": 24, "planted": 16, "plain": 12, "prose": 8}
"""Rows of a test, by kind."""
TEST_SEED = 9_000_000
"""Added to the seed: no test's row is trained on."""


@dataclass(frozen=True)
class Setup:
    """Where everything is and how much there is of it."""

    init: Path
    work: Path
    source: Source
    device: str
    length: int
    n_tokens: int
    """Of a step."""
    rates: tuple[float, ...]
    workers: int
    until: float
    """End, by `time.monotonic`."""
    test_prose: Path | None = None
    few: bool = False
    """A test's rows are few; for trying."""


def run(setup: Setup) -> None:
    """Adapt; write checkpoint.pt, gates.npz, adapt.jsonl and adapt.json into the work folder."""
    stream = Stream(setup.source, [setup.length], setup.n_tokens, setup.workers, packer=ExamPacker)
    state = torch.load(setup.init, map_location=setup.device, weights_only=True)
    network = Network(Shape(**state["shape"])).to(setup.device)
    start = unpack(state["network"])
    network.load_state_dict(start)
    adapter = adapt.Adapter(network, setup.device)
    tests = _tests(setup)
    rows = stream.get(0, 300)
    samples = _twice(rows, setup.device)
    adapter.start_gates(samples)
    began = time.monotonic()
    report = {"before": _told("before", adapter, tests)}
    measuring = time.monotonic() - began
    adapter.warm(rows)
    print(f"compiled, {setup.until - time.monotonic():.0f} s left", flush=True)
    ends = setup.until - 2 * measuring - 6
    best = None
    for i, rate in enumerate(setup.rates):
        _return_to(adapter, start, samples)
        left = len(setup.rates) - i
        until = time.monotonic() + (ends - time.monotonic()) / left - measuring
        plan = adapt.Plan(until, rate, seed=setup.source.seed, log=setup.work / "adapt.jsonl")
        adapt.train(adapter, lambda seconds: stream.get(0, seconds), plan)
        name = f"rate {rate:g}"
        report[name] = _told(name, adapter, tests)
        value = adapt.score_of(report[name])
        if best is None or value > best[0]:
            best = (value, rate, copy.deepcopy(network.state_dict()), adapt.coefficients(adapter))
    stream.close()
    _, rate, weights, found = best
    _save(setup, state, weights, found)
    report["kept"] = {"rate": rate}
    network.load_state_dict(weights)
    adapter.start_gates(samples)
    report["closed form"] = _told("closed form on the kept weights", adapter, tests)
    np.savez(setup.work / "gates.npz", **found, **_closed(adapter))
    (setup.work / "adapt.json").write_text(json.dumps(report, indent=1) + "\n")


def _return_to(adapter: adapt.Adapter, weights: dict, samples: list[gates.Sample]) -> None:
    adapter.network.load_state_dict(weights)
    adapter.start_gates(samples)


def _closed(adapter: adapt.Adapter) -> dict[str, np.ndarray]:
    """Coefficients of the closed form, under the names that `gates` gives them."""
    return {k.replace("fit_", "ridge_"): v for k, v in adapt.coefficients(adapter).items()}


def _told(name: str, adapter: adapt.Adapter, tests: dict[str, list[Rows]]) -> dict:
    report = adapt.measure(adapter, tests)
    for kind, row in report.items():
        print(f"{name}: {kind}: {json.dumps(row)}", flush=True)
    return report


def _tests(setup: Setup) -> dict[str, list[Rows]]:
    """Rows of every kind in blocks of a step's size, from a seed of their own."""
    seed = setup.source.seed + TEST_SEED
    packer = ExamPacker(Source(setup.source.tokenizer, setup.source.prose, seed), 0)
    size = max(1, setup.n_tokens // setup.length)
    out = {}
    for kind, n in N_TESTS.items():
        n = 2 if setup.few else n
        if kind == "prose" and setup.test_prose:
            rows = _prose_rows(packer, setup, n)
        else:
            rows = [packer.row(kind, setup.length, CUT) for _ in range(n)]
        out[kind] = [joined(rows[i : i + size]) for i in range(0, n, size)]
    return out


def _prose_rows(packer: ExamPacker, setup: Setup, n: int) -> list[Rows]:
    """Rows of prose that no training has seen."""
    from .documents import read_books
    from .tokens import encode

    text = "\n\n".join(read_books(setup.test_prose))
    ids = encode(packer.tokenizer, [(text, 0)])[0]
    n = min(n, len(ids) // setup.length)
    if not n:
        raise SystemExit(f"{setup.test_prose} is shorter than {setup.length} tokens")
    ids = ids[: n * setup.length].reshape(n, 1, -1)
    cut, pinned = np.array([int(CUT * setup.length)], np.int32), np.array([4], np.int32)
    return [Rows(row, np.zeros(row.shape, bool), cut, pinned) for row in ids]


def _twice(rows: Rows, device: str) -> list[gates.Sample]:
    """Each row's beginning, two times: every token is needed once."""
    out = []
    for ids, cut, pinned in zip(rows.ids, rows.cut, rows.n_pinned, strict=True):
        first = ids[: min(int(cut), 3500)].astype(np.int64)
        both = torch.from_numpy(np.concatenate([first, first[pinned:]])).to(device)
        out.append(gates.Sample(both, len(first), int(pinned)))
    return out


def _save(setup: Setup, state: dict, weights: dict, found: dict[str, np.ndarray]) -> None:
    """As `training.Trainer.save` does, without an optimiser; and the coefficients."""
    kept = {key: state[key] for key in ("step", "n_seen", "elapsed_s", "seconds")}
    shape = asdict(Shape(**state["shape"]))
    torch.save({"network": weights, "shape": shape, **kept}, setup.work / "checkpoint.pt")
    np.savez(setup.work / "gates.npz", **found)
