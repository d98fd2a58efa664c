"""Weights of a written test model, read back as float64."""

from __future__ import annotations

import numpy as np
from gguf import GGUFReader


def read(path) -> dict[str, np.ndarray]:
    """Name -> array, rows first."""
    return {t.name: np.array(t.data, np.float64) for t in GGUFReader(path).tensors}
