"""Reads statistics in the method authors' own .pt schema (WeianMao/triattention, Apache-2.0).

`metadata` names head_dim, rope_style and the sampled heads; `stats` maps "layerLL_headHH" to
q_mean_real, q_mean_imag and q_abs_mean, float32 (head_dim/2). Loaded with weights_only, so a
hostile file can run no code. Any theta in the file is ignored: RoPE comes from the live model.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import torch

from triagent.calibrate.centers import LayerCenters
from triagent.errors import SidecarError

FIELDS = ("q_mean_real", "q_mean_imag", "q_abs_mean")


def read(path: Path) -> list[LayerCenters]:
    """Centers of every layer in the file, ascending.

    Raises: SidecarError for a file that is not of this schema, with what is missing.
    """
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SidecarError(f"no file {path}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise SidecarError(f"{path} cannot be read as statistics: {error}") from error
    heads = _heads(data, path)
    return [_layer(layer, by_head, path) for layer, by_head in sorted(heads.items())]


def _heads(data: object, path: Path) -> dict[int, dict[int, dict]]:
    stats = data.get("stats") if isinstance(data, dict) else None
    if not isinstance(stats, dict) or not stats:
        raise SidecarError(f'{path} has no "stats"; give a file of the published schema')
    heads: dict[int, dict[int, dict]] = {}
    for name, values in stats.items():
        found = re.fullmatch(r"layer(\d+)_head(\d+)", str(name))
        missing = [f for f in FIELDS if not isinstance(values, dict) or f not in values]
        if found is None or missing:
            raise SidecarError(f"{path}: entry {name!r} is not a head ({', '.join(missing)})")
        heads.setdefault(int(found[1]), {})[int(found[2])] = values
    return heads


def _layer(layer: int, by_head: dict[int, dict], path: Path) -> LayerCenters:
    if sorted(by_head) != list(range(len(by_head))):
        raise SidecarError(f"{path}: layer {layer} holds heads {sorted(by_head)}; all are needed")
    re_, im, size = (
        np.stack([by_head[h][field].double().numpy() for h in range(len(by_head))])
        for field in FIELDS
    )
    if not all(np.isfinite(part).all() for part in (re_, im, size)):
        raise SidecarError(f"{path}: layer {layer} holds values that are not finite")
    n_band = re_.shape[1]
    return LayerCenters(layer, 2 * n_band, True, re_ + 1j * im, size, 0)
