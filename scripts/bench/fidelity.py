"""What forgetting costs: recall, fluency, written-out state, and why, under every ranking.

Sections: recall (facts in files and told, compressed once before the question; by distance;
pinned facts apart), stream (the same, evicting while reading), modes (which rows share a set),
types (quantised caches), interval, fluency (nats and KL per token), walks (depth-first walks
written out), mass (attention kept, by layer). Equal budget, pinned prompt, sinks and window for
all rankings.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import (
    fidelity_doc,
    fidelity_mass,
    fidelity_nats,
    fidelity_recall,
    fidelity_table,
    fidelity_walks,
)
from triagent.calibrate import rankings, trained
from triagent.calibrate.text import Session, Writer
from triagent.config import CacheConfig, ModelConfig
from triagent.engine.conversation import template_of
from triagent.engine.model import LoadedModel
from triagent.engine.sidecars import find_sidecar
from triagent.engine.trial import Ranking, Trial
from triagent.kv.sidecar import Stats

FULL = "full"
SEED = 70_000  # far from the seeds of calibration and of the self-test
NEAR = 128
"""Facts in the last tokens are in every window and are not asked for."""
SECTIONS: dict[str, Callable[[Fidelity, dict], None]] = {
    "recall": fidelity_recall.recall,
    "stream": fidelity_recall.stream,
    "modes": fidelity_recall.modes,
    "types": fidelity_recall.types,
    "interval": fidelity_recall.interval,
    "fluency": fidelity_nats.fluency,
    "walks": fidelity_walks.walks,
    "mass": fidelity_mass.mass,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path)
    add("--sidecar", type=Path)
    add("--sections", default=",".join(SECTIONS))
    add("--lengths", default="4096", help="tokens of a session, several with commas")
    add("--budgets", default="1/2,1/4,1/8,1/16", help="of what follows the system prompt")
    add("--names", default="", help="rankings, with commas; default: all that can be had")
    add("--shares", default="", help="layers keep unequally many: 0:0.5,1:2,... or sidecar")
    add("--window", type=int, default=CacheConfig.n_window, help="recent tokens never evicted")
    add(
        "--form",
        choices=("files", "generated"),
        default="files",
        help="sessions of the self-test, for any model, or of the bundled model's generator",
    )
    add("--sessions", type=int, default=25, help="of a length")
    add("--questions", type=int, default=8, help="of a session, about facts that may be evicted")
    add("--first", type=int, default=0, help="number of the first session, text or walk")
    add("--texts", type=int, default=4, help="whose fluency is measured, of each kind")
    add("--text-tokens", type=int, default=4096, help="of one text; the last quarter is scored")
    add("--walks", type=int, default=200)
    add("--no-attention", action="store_true", help="leave SnapKV and H2O out")
    add("--also", action="append", default=[], metavar="NAME=NPZ", help="further coefficients")
    add("--threads", type=int, default=0)
    add("--gpu-layers", type=int, default=-1)
    add("--minutes", type=float, default=0, help="stop after this long; 0: never")
    add("--merge", type=Path, nargs="*", help="add up results of other runs instead")
    add("--doc", type=Path, help="write the page from --out's results, keeping its written part")
    add("--out", type=Path, required=True, help="folder of fidelity.json and fidelity.md")


def main(options: argparse.Namespace) -> int:
    if options.merge:
        print(merge(options.merge, options.out))
    elif options.model is not None:
        run(options)
    elif not options.doc:
        raise SystemExit("fidelity: name a model with --model, or results with --merge")
    if options.doc:
        results = json.loads((options.out / "fidelity.json").read_text())
        fidelity_doc.write(options.doc, results)
        print(f"wrote {options.doc}")
    return 0


def run(options: argparse.Namespace) -> None:
    """Measure the sections asked for."""
    wanted = options.sections.split(",")
    for name in wanted:
        if name not in SECTIONS:
            raise SystemExit(f"fidelity: no section {name!r}; choose {', '.join(SECTIONS)}")
    bench = Fidelity(options)
    try:
        for name in wanted:
            bench.run(name)
    finally:
        bench.close()
    print(bench.keep())


class OutOfTime(Exception):
    """The minutes are used up; what was measured stays."""


@dataclass(frozen=True)
class Question:
    """A question about a fact of a session."""

    ids: list[int]
    answer: list[int]
    distance: int
    """Tokens between the end of the fact's turn and the question."""
    is_told: bool
    """By the user; otherwise it stands in a file."""
    is_pinned: bool


class Fidelity:
    """One model's tables."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.config = ModelConfig(
            path=options.model,
            sidecar=options.sidecar,
            threads=options.threads,
            gpu_layers=options.gpu_layers,
        )
        self.model = LoadedModel(self.config)
        found = find_sidecar(self.model.file, options.sidecar)
        self.stats: Stats | None = found[1] if found else None
        self.writer = Writer(template_of(self.model), self.model.vocab.tokenize)
        self.session = self._maker()
        pairs = (item.split("=", 1) for item in options.also)
        self._also = {name: trained.read(Path(path)) for name, path in pairs}
        self.lengths = [int(n) for n in options.lengths.split(",")]
        self.shares = {x: 1 / int(x.split("/")[1]) for x in options.budgets.split(",")}
        self._stop = time.monotonic() + options.minutes * 60 if options.minutes else math.inf
        self.results: dict = {
            "command": " ".join(sys.argv),
            "model": self.model.file.name,
            "fingerprint": self.model.file.fingerprint,
            "device": self.model.device,
        }

    def _maker(self) -> Callable[[int, int], Session]:
        if self.options.form == "files":
            return self.writer.whole_session
        from bench.fidelity_sessions import Generator  # needs the generator's tokenizer

        return Generator(self.options.model).session

    def close(self) -> None:
        self.model.close()

    def run(self, section: str) -> None:
        """Measure one section; a section that runs out of time keeps what it has."""
        start = time.monotonic()
        try:
            SECTIONS[section](self, self.results.setdefault(section, {}))
        except OutOfTime:
            self.results.setdefault("cut_short", {})[section] = 1
        seconds = round(time.monotonic() - start, 1)
        print(json.dumps({"section": section, "s": seconds}), flush=True)
        self.keep()

    def keep(self) -> str:
        """Write the files; returns the Markdown."""
        return _write(self.options.out, self.results)

    def check_time(self) -> None:
        """Keep what there is. Raises: OutOfTime."""
        self.keep()
        if time.monotonic() > self._stop:
            raise OutOfTime

    # -- what sections are made of

    def names(self, but: Sequence[str] = ()) -> list[str]:
        """Rankings to compare."""
        found = [*self._also, *rankings.available(self.stats)]
        wanted = self.options.names.split(",") if self.options.names else found
        return [name for name in wanted if name in found and name not in but]

    def rank(self, name: str, trial: Trial) -> Ranking:
        cache = trial.hook.cache
        if name in self._also:
            return rankings.from_fits(name, cache, self._also[name])
        return rankings.named(name, cache, self.stats)

    def trial(self, n_tokens: int, cache: CacheConfig | None = None, kind: str = "f16") -> Trial:
        config = replace(self.config, cache_type=kind)
        cache = replace(cache or CacheConfig(), n_window=self.options.window)
        return Trial(config, self.stats, n_tokens, cache, self.layer_shares())

    def layer_shares(self) -> dict[int, float]:
        """Model layer -> share, as asked for; empty: all alike."""
        wanted = self.options.shares
        if wanted == "sidecar":
            return self.stats.layer_shares if self.stats else {}
        pairs = (pair.split(":") for pair in wanted.split(",") if pair)
        return {int(il): float(share) for il, share in pairs}

    def sessions(self, length: int) -> Iterator[Session]:
        """Sessions of at most this many tokens; fewer when the time is up."""
        first = SEED + 1000 * (length // 256) + self.options.first
        for seed in range(first, first + self.options.sessions):
            yield self.session(seed, length)
            self.check_time()

    def questions(self, session: Session, n_pinned: int = 0) -> tuple[list[Question], list]:
        """Questions about old facts, and the spans of those facts that are to be pinned."""
        n = len(session.ids)
        chosen = random.Random(n)
        old = [p for p in session.facts if p.stop <= n - NEAR]
        told = [p for p in old if not p.fact.path]
        pinned = chosen.sample(told, min(n_pinned, len(told) // 2))
        free = [p for p in old if p not in pinned]
        asked = chosen.sample(free, min(self.options.questions, len(free)))
        made = []
        for p in [*asked, *pinned]:
            ids, answer = self.writer.question(p.fact, session.ended)
            made.append(Question(ids, answer, n - p.stop, not p.fact.path, p in pinned))
        return made, [(p.start, p.stop) for p in pinned]

    def budgets(self, session: Session) -> Iterator[tuple[str, int]]:
        """Label and cells: the pinned prompt, and a share of all that came after it."""
        for label, share in self.shares.items():
            yield label, session.n_prompt + int(share * (len(session.ids) - session.n_prompt))


def merge(paths: Sequence[Path], out: Path) -> str:
    """Add up runs that split the work on one model among them; returns the Markdown."""
    total: dict = {}
    for path in paths:
        found = json.loads(path.read_text())
        if total and found["fingerprint"] != total["fingerprint"]:
            raise SystemExit(f"fidelity: {path} is of another model than {paths[0]}")
        _add(total, found)
    return _write(out, total)


def _add(total: dict, found: dict) -> None:
    for key, value in found.items():
        if isinstance(value, dict):
            _add(total.setdefault(key, {}), value)
        elif isinstance(value, (int, float)):
            total[key] = total.get(key, 0) + value
        else:
            total.setdefault(key, value)


def _write(out: Path, results: dict) -> str:
    out.mkdir(parents=True, exist_ok=True)
    (out / "fidelity.json").write_text(json.dumps(results, indent=1))
    text = fidelity_table.markdown(results)
    (out / "fidelity.md").write_text(text)
    return text
