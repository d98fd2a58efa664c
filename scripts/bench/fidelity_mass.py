"""Why a ranking keeps or loses: the attention that later tokens pay to what it kept, by layer.

The scorer alone is judged here, not the answer. Later tokens are of two kinds: the session going
on, and questions about old facts with their answers. Attention is captured with the whole cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.fidelity_table import LAYER
from triagent.calibrate import rankings
from triagent.calibrate.attention import AttentionPass
from triagent.calibrate.text import Session
from triagent.engine.trial import Trial

if TYPE_CHECKING:
    from bench.fidelity import Fidelity

ORACLE = "oracle"
"""The most attended positions of each row: what no ranking can surpass at this count."""
N_LATER = 128
N_ASKED = 3
"""Questions that later tokens are made of."""


def mass(bench: Fidelity, table: dict) -> None:
    """Share of later attention to old cells that goes to kept ones, and Recall@k of the oracle's.

    Sinks, window and pinned prompt are in every set and are left out of both.
    """
    length = bench.lengths[0]
    names = bench.names(but=rankings.ABLATIONS)
    with bench.trial(length) as trial:
        for session in bench.sessions(length):
            later = _later(bench, session)
            text = trial.read(session.ids, session.n_prompt)
            for label, keep in bench.budgets(session):
                kept = {}
                for name in names:
                    trial.compress(text, bench.rank(name, trial), keep)
                    kept[name] = _holds(trial.hook.cache.positions(), len(session.ids))
                for kind, paid in later.items():
                    _score(table, kind, label, kept, paid, _free(session, trial))


def _later(bench: Fidelity, session: Session) -> dict[str, list[np.ndarray]]:
    """Attention paid to every position of the session by what comes after it, by layer."""
    more = bench.session(1, session.n_prompt + 4 * N_LATER).ids[session.n_prompt :]
    questions, _ = bench.questions(session)
    asked = [t for q in questions[:N_ASKED] for t in (*q.ids, *q.answer)]
    out = {}
    for kind, later in (("the session going on", more[:N_LATER]), ("questions", asked)):
        ids = [*session.ids, *later]
        with AttentionPass(bench.config, len(ids), n_last=len(later)) as attention:
            out[kind] = attention.run(ids).last
    return out


def _holds(positions: np.ndarray, n: int) -> np.ndarray:
    """Which positions each row holds, (n_rows, n) bool."""
    held = np.zeros((len(positions), n), bool)
    for row, pos in zip(held, positions, strict=True):
        row[pos[(pos >= 0) & (pos < n)]] = True
    return held


def _free(session: Session, trial: Trial) -> np.ndarray:
    """Positions that are not protected, (n,) bool."""
    free = np.ones(len(session.ids), bool)
    free[: session.n_prompt] = False
    free[len(session.ids) - trial.hook.protection.bounds.n_window :] = False
    return free


def _score(
    table: dict,
    kind: str,
    label: str,
    kept: dict[str, np.ndarray],
    paid: list[np.ndarray],
    free: np.ndarray,
) -> None:
    row = 0
    for layer, part in enumerate(paid):
        for attention in part:
            a = attention[: len(free)] * free
            n_kept = int((next(iter(kept.values()))[row] & free).sum())
            best = np.zeros(len(free), bool)
            best[np.argsort(-a, kind="stable")[:n_kept]] = True
            sets = {**{name: held[row] & free for name, held in kept.items()}, ORACLE: best}
            for name, held in sets.items():
                for group in (kind, f"{kind}{LAYER}{layer}"):
                    cell = table.setdefault(group, {}).setdefault(name, {})
                    cell = cell.setdefault(label, {"mass": 0.0, "found": 0.0, "n": 0})
                    cell["mass"] += float(a[held].sum() / max(a.sum(), 1e-12))
                    cell["found"] += float((held & best).sum() / max(1, n_kept))
                    cell["n"] += 1
            row += 1
