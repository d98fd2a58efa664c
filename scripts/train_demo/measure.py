"""How often whole answers are right on rows that were never trained on, by their place in the row.

Every answer is judged with the true words before it, so this is an upper bound of what the
model does by itself; it shows in seconds whether training went well.
"""

from __future__ import annotations

import numpy as np
import torch

from .stream import Block


@torch.no_grad()
def held_out(trainer, blocks: list[Block | None]) -> dict[str, object]:
    """Answers whose every token is the most likely one, in all and by quarter of the row."""
    right, counts = np.zeros(4), np.zeros(4)
    with torch.compiler.set_stance("force_eager"):  # compiling for one more shape costs seconds
        for ids, weights in (row for b in blocks if b for row in zip(*b, strict=True)):
            _count(trainer, ids, weights, right, counts)
    share = [round(float(r / n), 4) if n else None for r, n in zip(right, counts, strict=True)]
    return {
        "answers": int(counts.sum()),
        "right": round(float(right.sum() / max(1, counts.sum())), 4),
        "right_by_quarter": share,
        "answers_by_quarter": counts.astype(int).tolist(),
    }


def _count(trainer, ids, weights, right, counts) -> None:
    device = trainer.plan.device
    x = torch.from_numpy(ids.astype(np.int64))[None].to(device)
    with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=trainer.fast):
        hidden = trainer.network.hidden(x[:, :-1])
        best = trainer.network.logits(hidden).argmax(-1)[0].cpu().numpy()
    hit = best == ids[1:]
    full = weights[1:] == 100
    edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        quarter = min(3, 4 * start // len(full))
        counts[quarter] += 1
        right[quarter] += hit[start:stop].all()
