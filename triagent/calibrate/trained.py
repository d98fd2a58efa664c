"""Coefficients that were trained elsewhere, as arrays in an .npz file.

`fit_vec` (n_layer, n_head_kv, n_band, 2): real and imaginary part of each band, unrotated.
`fit_weights` (n_layer, n_head_kv, n_band): signed weights of the pair norms.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from triagent.errors import SidecarError
from triagent.kv.sidecar import LayerFit


def read(path: Path) -> dict[int, LayerFit]:
    """Model layer -> coefficients. Raises: SidecarError naming what does not fit."""
    try:
        with np.load(path, allow_pickle=False) as data:
            vec, weights = data["fit_vec"], data["fit_weights"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SidecarError(f"{path} holds no trained coefficients: {error}") from error
    if vec.ndim != 4 or vec.shape[3] != 2 or weights.shape != vec.shape[:3]:
        raise SidecarError(f"{path}: fit_vec {vec.shape} does not belong to {weights.shape}")
    if not (np.isfinite(vec).all() and np.isfinite(weights).all()):
        raise SidecarError(f"{path} holds values that are not finite")
    bands = (vec[..., 0] + 1j * vec[..., 1]).astype(np.complex64)
    return {il: LayerFit(bands[il], weights[il].astype(np.float32)) for il in range(len(bands))}
