"""Mutated sidecars by the million: only named errors, and memory that stays.

Two kinds of writer. Damage changes bytes and leaves the file's digest as it was: whatever is then
accepted must mean what the file meant. Hostility changes what it likes and seals the file anew:
what is then accepted must pass every check a reader makes. Prints a table of what was refused and
why, what was accepted, and how far memory grew.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import struct
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from triagent.errors import SidecarError
from triagent.kv.gguf_file import ARRAY, SCALARS, STRING
from triagent.kv.seal import sealed
from triagent.kv.sidecar import (
    SEAL,
    LayerFit,
    LayerStats,
    SelfTest,
    Stats,
    read_sidecar,
    write_sidecar,
)

NUMBERS = (0, 1, 2, 3, 7, 8, 9, 31, 255, 1 << 16, 1 << 31, 1 << 32, 1 << 40, (1 << 63) - 1)
"""Counts, lengths, types and offsets that readers tend to get wrong, beside random ones."""
FLOATS = (float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-45, -0.0, 1e9, 2e9)
JSON = (
    "", "[", "[[]]", "{}", "null", "1e999", "[[1,2,3,4]]", '[["x",1e999,0.5,null]]',
    '[["x",-1,0.5,null]]', '[["x",1,2.0,null]]', '[["x",1,0.5,NaN]]', '{"x":"y"}', "[" * 5000,
    '[["x",' + "9" * 5000 + ",0.5,null]]", '[["\\u001b[2J",1,0.5,null]]',
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A span of a GGUF file's header and what stands there."""

    kind: str
    """count, length, dims, size, type, offset, name, text, value."""
    start: int
    stop: int


@dataclass(frozen=True)
class Base:
    """A sound sidecar, and where its parts lie."""

    data: bytes
    fields: dict[str, list[Field]]
    """By kind."""
    data_start: int

    @classmethod
    def of(cls, data: bytes) -> Base:
        found: dict[str, list[Field]] = {}
        end = 0
        for item in _fields(data):
            found.setdefault(item.kind, []).append(item)
            end = item.stop
        return cls(data, found, -(-end // 32) * 32)


@dataclass
class Outcome:
    """What a run met."""

    n_inputs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Message, with its numbers and names taken out -> inputs."""
    same: Counter[str] = field(default_factory=Counter)
    """Writer -> accepted, and the file means what it meant."""
    other: Counter[str] = field(default_factory=Counter)
    """Writer -> accepted with another meaning."""
    crashes: list[str] = field(default_factory=list)
    """Anything but a SidecarError, with the seed that makes it again."""
    grown_mib: float = 0.0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.crashes and not self.other["damage"]


def _fields(data: bytes) -> Iterator[Field]:
    at = 8

    def take(kind: str, n: int) -> Field:
        nonlocal at
        at += n
        return Field(kind, at - n, at)

    def number(item: Field) -> int:
        return int.from_bytes(data[item.start : item.stop], "little")

    def text(kind: str) -> Iterator[Field]:
        length = take("length", 8)
        yield length
        yield take(kind, number(length))

    n_tensors, n_keys = take("count", 8), take("count", 8)
    yield from (n_tensors, n_keys)
    for _ in range(number(n_keys)):
        yield from text("name")
        what = take("type", 4)
        yield what
        kind = number(what)
        assert kind != ARRAY, "a sidecar has no arrays in its metadata"
        if kind == STRING:
            yield from text("text")
        else:
            yield take("value", SCALARS[kind].itemsize)
    for _ in range(number(n_tensors)):
        yield from text("tensor")
        dims = take("dims", 4)
        yield dims
        for _ in range(number(dims)):
            yield take("size", 8)
        yield take("type", 4)
        yield take("offset", 8)


def example(path: Path, seed: int = 0) -> Stats:
    """Write a small sidecar that has every part a sidecar can have."""
    rng = np.random.default_rng(seed)

    def bands(n_head: int) -> np.ndarray:
        pair = rng.normal(size=(2, n_head, 8))
        return (pair[0] + 1j * pair[1]).astype(np.complex64)

    centers = [bands(4) for _ in range(2)]
    stats = Stats(
        fingerprint="ab" * 32,
        architecture="qwen3",
        model_name="example",
        layers={i: LayerStats(c, (np.abs(c) * 1.5).astype("f4")) for i, c in enumerate(centers)},
        fits={0: LayerFit(bands(2), rng.normal(size=(2, 8)).astype("f4"))},
        recommended_score="fitted",
        recommended_budget=512,
        full_recall=0.5,
        self_tests=(SelfTest("fitted", 512, 0.25, 1.5), SelfTest("knorm", 512, 0.125)),
        skipped={2: "recurrent"},
        recipe={"tokens": "4096"},
    )
    write_sidecar(path, stats)
    return stats


# -- one mutation each: base and a random source in, bytes out


def _cut(base: Base, rng: random.Random) -> bytes:
    return base.data[: rng.randrange(len(base.data))]


def _grow(base: Base, rng: random.Random) -> bytes:
    at = rng.randrange(len(base.data))
    return base.data[:at] + rng.randbytes(rng.randrange(1, 40)) + base.data[at:]


def _flip(base: Base, rng: random.Random) -> bytes:
    out = bytearray(base.data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _flip_header(base: Base, rng: random.Random) -> bytes:
    out = bytearray(base.data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        out[rng.randrange(base.data_start)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _junk(base: Base, rng: random.Random) -> bytes:
    at, n = rng.randrange(len(base.data)), rng.randrange(1, 64)
    return base.data[:at] + rng.randbytes(n) + base.data[at + n :]


def _floats(base: Base, rng: random.Random) -> bytes:
    out = bytearray(base.data)
    for _ in range(rng.choice((1, 1, 4))):
        at = base.data_start + 4 * rng.randrange((len(out) - base.data_start) // 4)
        out[at : at + 4] = struct.pack("<f", rng.choice(FLOATS))
    return bytes(out)


def _number(*kinds: str) -> Callable[[Base, random.Random], bytes]:
    def mutate(base: Base, rng: random.Random) -> bytes:
        item = rng.choice(base.fields[rng.choice(kinds)])
        n = item.stop - item.start
        value = rng.choice((rng.choice(NUMBERS), rng.randrange(64), rng.getrandbits(8 * n)))
        raw = (value % (1 << 8 * n)).to_bytes(n, "little")
        return base.data[: item.start] + raw + base.data[item.stop :]

    return mutate


def _swap(base: Base, rng: random.Random) -> bytes:
    """Two fields of one kind change places: shapes, offsets and names of other tensors."""
    items = base.fields[rng.choice(("size", "offset", "tensor", "name", "value", "text"))]
    a, b = sorted(rng.sample(items, 2), key=lambda item: item.start)
    d = base.data
    return b"".join(
        (d[: a.start], d[b.start : b.stop], d[a.stop : b.start], d[a.start : a.stop], d[b.stop :])
    )


def _twice(base: Base, rng: random.Random) -> bytes:
    """A tensor or key gets another's name, its length with it."""
    items = base.fields[rng.choice(("tensor", "name"))]
    a, b = rng.sample(items, 2)
    return _text(base.data, a, base.data[b.start : b.stop])


def _rename(base: Base, rng: random.Random) -> bytes:
    item = rng.choice(base.fields["tensor"])
    parts = ("q_mean_re", "q_mean_im", "q_abs_mean", "fit_vec", "fit_weight", "other", "")
    il = rng.choice(("0", "1", "9", "00", "-1", "٣", "9" * 40, "99999999999999999999"))
    return _text(base.data, item, f"triattention.blk.{il}.{rng.choice(parts)}".encode())


def _table(base: Base, rng: random.Random) -> bytes:
    item = rng.choice(base.fields["text"])
    return _text(base.data, item, rng.choice(JSON).encode())


def _text(data: bytes, item: Field, new: bytes) -> bytes:
    length = struct.pack("<Q", len(new))
    return data[: item.start - 8] + length + new + data[item.stop :]


MUTATIONS: dict[str, Callable[[Base, random.Random], bytes]] = {
    "truncated": _cut,
    "bytes inserted": _grow,
    "bits flipped": _flip,
    "header bits flipped": _flip_header,
    "bytes overwritten": _junk,
    "NaN, infinite, huge values": _floats,
    "counts and lengths": _number("count", "length", "dims"),
    "shapes": _number("size"),
    "types and offsets": _number("type", "offset"),
    "fields swapped": _swap,
    "names twice": _twice,
    "names": _rename,
    "tables": _table,
}


def mutant(base: Base, seed: int) -> tuple[str, str, bytes]:
    """Input number `seed`: its writer ("damage" or "hostility"), its mutation, its bytes."""
    rng = random.Random(seed)
    kind = list(MUTATIONS)[seed % len(MUTATIONS)]
    data = MUTATIONS[kind](base, rng)
    if rng.random() < 0.2:
        data = MUTATIONS[rng.choice(list(MUTATIONS))](_again(data, base), rng)
    if rng.random() < 0.5:
        return "damage", kind, data
    try:
        return "hostility", kind, sealed(data, SEAL)
    except ValueError:  # the mutation took the digest's entry away
        return "hostility", kind, data


def _again(data: bytes, base: Base) -> Base:
    """What a second mutation starts from; its fields where the sound file had them."""
    return Base(data if len(data) == len(base.data) else base.data, base.fields, base.data_start)


def run(n_inputs: int, first_seed: int = 0, show: Callable[[str], None] | None = None) -> Outcome:
    """Read `n_inputs` mutants of one sidecar."""
    out = Outcome()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")  # a hostile file must not print on the user's terminal
        path = Path(folder) / "m.centers.gguf"
        stats = example(path)
        base, meaning = Base.of(path.read_bytes()), _meaning(read_sidecar(path))
        assert meaning == _meaning(stats)
        before = _peak_mib()
        for seed in range(first_seed, first_seed + n_inputs):
            _one(out, path, meaning, seed, *mutant(base, seed))
            if show and (seed + 1) % 10_000 == 0:
                show(f"{seed + 1:,} inputs, {len(out.crashes)} crashes")
        out.grown_mib = _peak_mib() - before
    out.n_inputs, out.seconds = n_inputs, time.monotonic() - start
    return out


def _one(
    out: Outcome, path: Path, meaning: str, seed: int, writer: str, kind: str, data: bytes
) -> None:
    path.write_bytes(data)
    try:
        found = read_sidecar(path)
    except SidecarError as error:
        out.refused[_reason(str(error), path)] += 1
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        out.crashes.append(f"seed {seed} ({kind}): {type(error).__name__}: {error}")
    else:
        (out.same if _meaning(found) == meaning else out.other)[writer] += 1


def _meaning(stats: Stats) -> str:
    """Everything in a sidecar as text, to compare."""
    arrays = [
        (il, array.dtype.str, array.shape, array.tobytes().hex())
        for table in (stats.layers, stats.fits)
        for il, layer in sorted(table.items())
        for array in vars(layer).values()
    ]
    plain = {k: v for k, v in vars(stats).items() if k not in ("layers", "fits")}
    return repr((arrays, plain))


def _reason(message: str, path: Path) -> str:
    """An error's words without what differs from file to file."""
    text = message.replace(str(path), "").replace(": not a usable sidecar: ", "")
    text = re.sub(r"(['\"]).*\1|\([^)]*\)|\[[^\]]*\]", "..", text)  # a name may hold quotes
    text = re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "N", text.removesuffix(" Make it again."))
    return " ".join(text.split()).strip(": .")[:90]


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(outcome: Outcome) -> str:
    """The outcome as Markdown."""
    n = outcome.n_inputs
    lines = ["| what became of it | inputs | share |", "| --- | --- | --- |"]
    rows = [(f"refused: {why}", count) for why, count in outcome.refused.most_common()]
    for writer in ("damage", "hostility"):
        rows.append((f"accepted, same meaning ({writer})", outcome.same[writer]))
        rows.append((f"accepted, other meaning ({writer})", outcome.other[writer]))
    rows.append(("anything else", len(outcome.crashes)))
    lines += [f"| {what} | {count:,} | {count / n:.2%} |" for what, count in rows]
    return "\n".join(lines) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", type=int, default=1_000_000, help="mutated files (1000000)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first input")
    parser.add_argument("--out", type=Path, help="folder for fuzz.md and fuzz.json")


def main(options: argparse.Namespace) -> int:
    outcome = run(options.inputs, options.seed, lambda text: print(text, flush=True))
    text = table(outcome)
    facts = (
        f"{outcome.n_inputs:,} inputs in {outcome.seconds:.0f} s; "
        f"peak memory grew by {outcome.grown_mib:.1f} MiB; {len(outcome.crashes)} crashes"
    )
    print(f"{text}\n{facts}")
    print("\n".join(outcome.crashes[:20]))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "fuzz.md").write_text(f"{text}\n{facts}\n")
        (options.out / "fuzz.json").write_text(json.dumps(vars(outcome), indent=1))
    return 0 if outcome.passed else 1
