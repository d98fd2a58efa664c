"""The commands of `scripts/train_demo.py`.

sample      print a generated session
mix         print what generated sessions consist of
tokenizer   train the tokenizer
train       train, in one piece or several; then the gates; then the export
gates       train eviction coefficients for a finished network
adapt       train a finished network and its eviction coefficients together
pack        make carried weights half as large, to start another run from
export      write GGUF files from a checkpoint or from carried weights
all         tokenizer, train, gates, export in one go
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from random import Random

N_TOKENS_STEP = 131_072
PIECE_BYTES = 15 * 2**20
"""Largest file of carried weights."""


def main(argv: list[str] | None = None) -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(
        prog="train_demo.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in _COMMANDS.items():
        sub = commands.add_parser(name, help=run.__doc__.split("\n")[0])
        _common(sub)
        sub.set_defaults(run=run)
    args = parser.parse_args(argv)
    args.work.mkdir(parents=True, exist_ok=True)
    args.run(args)


def _common(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("--work", type=Path, default=Path("build/demo"), help="folder for everything that is made")
    add("--prose", type=Path, help="books, divided by <|endoftext|>; .xz or plain text")
    add("--tokenizer", type=Path, help="tokenizer.json; default: the work folder's")
    add("--seed", type=int, default=1)
    add("--device", default="", help="cuda, cpu; default: cuda when there is one")
    add("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2), help="data processes")
    add("--time-limit", type=float, default=540, help="seconds this call may take in all")
    add(
        "--train-seconds",
        type=float,
        help="of the whole schedule, over all calls; default: what this call has left",
    )
    add("--gate-seconds", type=float, default=30, help="for the eviction coefficients; 0: none")
    add("--window", type=int, default=64, help="of gates: recent tokens that are never evicted")
    add("--layer-shares", default="", help="of gates: LAYER:SHARE,... of a budget; the mean is 1")
    add("--tail", type=int, default=0, help="of gates: tokens after an eviction; 0: as before it")
    add("--checks", type=int, default=3, help="blocks of held-out rows to measure at the end")
    add("--resume", action="store_true", help="continue from the work folder's checkpoint")
    add("--init", type=Path, help="checkpoint or carried weights to start from")
    add("--rate", type=float, default=1.0, help="multiple of the learning rates")
    add("--rates", default="0.1", help="of adapt: multiples to try, by commas; the best is kept")
    add("--test-prose", type=Path, help="of adapt: prose to measure on that is not trained on")
    add("--size", choices=tuple(_SIZES), default="full")
    add("--stages", default="", help="length:end,... with ends as shares of the time")
    add("--step-tokens", type=int, default=0, help="tokens a step; 0: by the size")
    add("--carry", type=Path, help="folder for the weights in F16 pieces and all small results")
    add("--name", default="triagent-demo-28M")
    add("--tokens", type=int, default=3000, help="of a sample")


_SIZES: dict[str, dict[str, object]] = {
    "full": {"shape": {}, "stages": "2048:0.08,4096:0.34,8192:0.78,16384:1", "step": N_TOKENS_STEP},
    # Small enough for a test on a CPU: everything runs, nothing is learnt well.
    "tiny": {
        "shape": {"n_layer": 2, "n_embd": 64, "n_head": 2, "n_head_kv": 1, "head_dim": 32,
                  "n_ff": 128, "n_vocab": 1024},
        "stages": "512:0.7,1024:1", "step": 2048,
    },
    "small": {
        "shape": {"n_layer": 4, "n_embd": 192, "n_head": 4, "n_head_kv": 2, "head_dim": 48,
                  "n_ff": 512, "n_vocab": 6144},
        "stages": "1024:0.6,2048:1", "step": 8192,
    },
}  # fmt: skip


def sample(args: argparse.Namespace) -> None:
    """Print a generated session."""
    from .documents import Maker

    maker = Maker.load(args.prose)
    print("".join(text for text, _ in maker.session(Random(args.seed), args.tokens)))


def mix(args: argparse.Namespace) -> None:
    """Print what generated sessions consist of: shares by module and by kind."""
    from .documents import Maker
    from .mixture import markdown, mixture

    found = mixture(Maker.load(args.prose), args.seed, 60, args.tokens)
    print("\n\n".join(markdown(rows, what) for what, rows in found.items()))


def tokenizer(args: argparse.Namespace) -> None:
    """Train the tokenizer on generated sessions, words and prose."""
    from . import tokens
    from .documents import Maker

    tiny = args.size == "tiny"
    maker, r = Maker.load(args.prose), Random(args.seed)
    documents = (maker.document(r, 3000, 3000) for _ in range(60 if tiny else 900))
    texts = tokens.corpus_for_tokenizer(
        documents, list(maker.x.words), list(maker.x.prose), args.seed
    )
    made = tokens.train_tokenizer(texts, _shape(args).n_vocab)
    made.save(str(args.work / "tokenizer.json"))
    print(f"tokenizer: {made.get_vocab_size()} entries in {args.work / 'tokenizer.json'}")


def train(args: argparse.Namespace) -> None:
    """Train; then the gates and the held-out measures, from the same stream of data."""
    began = time.monotonic()

    from .stream import Source, Stream
    from .tokens import load_tokenizer
    from .training import Plan, Rates, Stage, Trainer

    device = _device(args)
    size = _SIZES[args.size]
    parts = [part.split(":") for part in (args.stages or size["stages"]).split(",")]
    stages = tuple(Stage(int(length), float(until)) for length, until in parts)
    n_tokens = args.step_tokens or size["step"]
    source = Source(_tokenizer_path(args), args.prose, args.seed)
    stream = Stream(source, [s.length for s in stages], n_tokens, args.workers)
    rates = Rates(matrix=0.02 * args.rate, vector=3e-3 * args.rate)
    shape = replace(_shape(args), n_vocab=load_tokenizer(source.tokenizer).get_vocab_size())
    plan = Plan(shape, rates, stages, n_tokens, args.train_seconds, args.seed, device)
    trainer = Trainer(plan, args.work / "train.jsonl")
    checkpoint = args.work / "checkpoint.pt"
    if args.resume and checkpoint.exists():
        trainer.resume(checkpoint)
    elif args.init:
        trainer.start_from(_gathered(args.init, args.work))
    reserve = (
        args.gate_seconds + 8 + (12 if args.checks else 0)
        if args.time_limit > 120
        else args.gate_seconds
    )
    stop_at = began + args.time_limit - reserve
    print(f"network: {sum(p.numel() for p in trainer.network.parameters())} parameters on {device}")
    finished = trainer.run(stream, stop_at)
    trainer.save(checkpoint)
    print(
        f"trained {trainer.n_seen} tokens in {trainer.step} steps, {trainer.elapsed_s:.0f} s; "
        f"{'finished' if finished else 'to be resumed'}; {time.monotonic() - began:.0f} s so far",
        flush=True,
    )
    if args.carry:
        carry(args)
    last = len(stages) - 1
    stream.prepare(last)
    if args.checks:
        from .measure import held_out

        report = held_out(trainer, [stream.get(last, 120) for _ in range(args.checks)])
        print(json.dumps(report), flush=True)
        _write_json(args, "held-out.json", report)
    if args.gate_seconds and finished:
        if trainer.fast:
            trainer.network.bfloat16()
        _gates(args, trainer.network, stream, last, began + args.time_limit - 4)
    stream.close()
    print(f"done after {time.monotonic() - began:.0f} s", flush=True)


def gates(args: argparse.Namespace) -> None:
    """Train eviction coefficients for a finished network."""
    began = time.monotonic()

    from .export import read_network
    from .stream import Source, Stream

    if not args.init:
        raise SystemExit("gates: give --init with the GGUF file of a finished training")
    network = read_network(args.init).to(_device(args))
    if _device(args) == "cuda":
        network.bfloat16()
    length = int((args.stages or "8192").split(":")[0])
    source = Source(_tokenizer_path(args), args.prose, args.seed)
    stream = Stream(source, [length], args.step_tokens or 8 * length, args.workers)
    _gates(args, network, stream, 0, began + args.time_limit)
    stream.close()


def _gates(args, network, stream, stage: int, stop_at: float) -> None:
    """Train the coefficients on rows that training has not seen, for --gate-seconds at most."""
    import numpy as np

    from .gates import Rule, train_gates
    from .samples import samples_from

    device = next(network.parameters()).device
    n_rows = 96 if device.type == "cuda" else 6
    rows = []
    while len(rows) < n_rows and (block := stream.get(stage, 60)) is not None:
        rows += list(block[0])
    rule = Rule(args.window, _layer_shares(args.layer_shares, network.shape.n_layer))
    samples = samples_from(rows, _tokenizer_path(args), str(device), args.seed, args.tail)
    if args.gate_seconds:
        stop_at = min(stop_at, time.monotonic() + args.gate_seconds)
    found = train_gates(network, samples, stop_at, args.seed, rule=rule)
    for folder in (args.work, args.carry):
        if folder:
            np.savez(folder / "gates.npz", **found)
    print(
        f"gates: {int(found['n_steps'])} steps, divergence {found['kl_first'].tolist()} -> "
        f"{found['kl'].tolist()} at {found['shares'].tolist()}",
        flush=True,
    )


def _layer_shares(text: str, n_layer: int) -> tuple[float, ...]:
    """Share of each layer; those that are not named divide what is left. Empty: all alike."""
    if not text:
        return ()
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        named = {int(il): float(share) for il, share in pairs}
    except ValueError:
        raise SystemExit(f"--layer-shares {text!r}: give layer:share pairs by commas") from None
    left = n_layer - sum(named.values())
    others = n_layer - len(named)
    if min(named) < 0 or max(named) >= n_layer or (left <= 0) == bool(others):
        raise SystemExit(f"--layer-shares {text!r}: {n_layer} layers share {n_layer} parts")
    return tuple(named.get(il, left / max(1, others)) for il in range(n_layer))


def adapt(args: argparse.Namespace) -> None:
    """Train the weights of --init together with eviction coefficients."""
    began = time.monotonic()
    import shutil

    from . import joint
    from .stream import Source

    if not args.init:
        raise SystemExit("adapt: give --init with the weights of a finished training")
    length = int(args.stages.split(":")[0] or 6144)
    setup = joint.Setup(
        _gathered(args.init, args.work), args.work,
        Source(_tokenizer_path(args), args.prose, args.seed),
        _device(args),
        length, args.step_tokens or 8 * length,
        tuple(float(rate) for rate in args.rates.split(",")), args.workers,
        began + args.time_limit - (4 if args.carry else 0), args.test_prose, not args.checks,
    )  # fmt: skip
    joint.run(setup)
    if args.carry:
        carry(args)
        for name in ("gates.npz", "adapt.jsonl", "adapt.json"):
            shutil.copy(args.work / name, args.carry / name)
    print(f"done after {time.monotonic() - began:.0f} s", flush=True)


def carry(args: argparse.Namespace) -> None:
    """Write the weights in F16 pieces small enough to move, with tokenizer and log."""
    import shutil

    import torch

    args.carry.mkdir(parents=True, exist_ok=True)
    state = torch.load(args.work / "checkpoint.pt", map_location="cpu", weights_only=True)
    half = {name: value.half() for name, value in state["network"].items()}
    kept = {key: state[key] for key in ("shape", "step", "n_seen", "elapsed_s", "seconds")}
    buffer = io.BytesIO()
    torch.save({"network": half, **kept}, buffer)
    _write_pieces(args.carry, buffer.getvalue())
    shutil.copy(_tokenizer_path(args), args.carry / "tokenizer.json")
    if (args.work / "train.jsonl").exists():
        shutil.copy(args.work / "train.jsonl", args.carry / "train.jsonl")


def _write_pieces(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(0, len(data), PIECE_BYTES):
        (folder / f"weights.pt.{i // PIECE_BYTES}").write_bytes(data[i : i + PIECE_BYTES])


def pack(args: argparse.Namespace) -> None:
    """Write the weights of --init into --carry, one byte for most of them."""
    import torch

    from . import packing

    if not (args.init and args.carry):
        raise SystemExit("pack: give --init with the weights and --carry with a folder")
    path = _gathered(args.init, args.work)
    state = torch.load(path, map_location="cpu", weights_only=True)
    buffer = io.BytesIO()
    torch.save({**state, "network": packing.pack(state["network"])}, buffer)
    _write_pieces(args.carry, buffer.getvalue())
    print(f"{args.carry}: {len(buffer.getvalue())} bytes, from {path.stat().st_size}")


def export(args: argparse.Namespace) -> None:
    """Write F16 and Q8_0 GGUF files from the checkpoint or from carried weights."""
    import torch

    from .export import Card, write_gguf
    from .model import Shape
    from .tokens import load_tokenizer

    path = _gathered(args.init, args.work) if args.init else args.work / "checkpoint.pt"
    state = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name: value.float().numpy() for name, value in state["network"].items()}
    shape = Shape(**state["shape"])
    length = max(
        int(part.split(":")[0]) for part in (args.stages or _SIZES[args.size]["stages"]).split(",")
    )
    card = Card(args.name, DESCRIPTION, n_ctx_train=length)
    made = load_tokenizer(_tokenizer_path(args))
    for kind, quantised in (("f16", False), ("q8_0", True)):
        target = args.work / f"{args.name}-{kind}.gguf"
        write_gguf(target, weights, shape, made, card, quantised)
        print(f"{target}: {target.stat().st_size} bytes")


DESCRIPTION = (
    "A very small model trained from nothing for triagent: it lists, reads, searches and edits "
    "files of small projects by tool calls and recalls what was said. No general knowledge."
)


def everything(args: argparse.Namespace) -> None:
    """From nothing to GGUF files: tokenizer, training, gates, export."""
    if not (args.work / "tokenizer.json").exists() and not args.tokenizer:
        tokenizer(args)
    train(args)
    export(args)


def _shape(args):
    from .model import Shape

    return Shape(**_SIZES[args.size]["shape"])


def _device(args) -> str:
    import torch

    return args.device or ("cuda" if torch.cuda.is_available() else "cpu")


def _tokenizer_path(args) -> Path:
    path = args.tokenizer or args.work / "tokenizer.json"
    if not path.exists():
        raise SystemExit(f"no tokenizer at {path}; run `train_demo.py tokenizer` first")
    return path


def _gathered(path: Path, work: Path) -> Path:
    """A checkpoint, put together from its carried pieces when it is a folder."""
    if not path.is_dir():
        return path
    pieces = sorted(path.glob("weights.pt.*"))
    if not pieces:
        raise SystemExit(f"no weights.pt.* in {path}")
    whole = work / "carried.pt"
    whole.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return whole


def _write_json(args, name: str, value) -> None:
    for folder in (args.work, args.carry):
        if folder:
            (folder / name).write_text(json.dumps(value, indent=1) + "\n")


_COMMANDS = {
    "sample": sample, "mix": mix, "tokenizer": tokenizer, "train": train, "adapt": adapt,
    "gates": gates, "pack": pack, "export": export, "all": everything,
}  # fmt: skip
