"""Models are written once per run; every test makes its own contexts.

With --gpu-layers the models' layers and their cache are on a GPU, and tolerances are a GPU's.
"""

from __future__ import annotations

import pytest

GPU_TOLERANCE = 1e-2
"""Of a row's deviation: keys, where they are expanded, and angles of RoPE are less exact there."""


@pytest.fixture(scope="session")
def tolerance(request):
    """Tolerance on the CPU -> the one of the device that the models are on."""
    on_gpu = request.config.getoption("--gpu-layers") > 0
    return lambda on_cpu: max(on_cpu, GPU_TOLERANCE) if on_gpu else on_cpu


@pytest.fixture(scope="session")
def model_of(request, tmp_path_factory):
    """Shape -> loaded model, each once per run."""
    from tests.native.lib import Model
    from tests.native.models import write

    folder = tmp_path_factory.mktemp("models")
    n_gpu_layers = request.config.getoption("--gpu-layers")
    made: dict = {}

    def make(shape):
        key = repr(shape)
        if key not in made:
            made[key] = Model(write(folder / f"{len(made)}.gguf", shape), n_gpu_layers)
        return made[key]

    yield make
    for model in made.values():
        model.close()


@pytest.fixture
def session_of(model_of):
    """(shape, **options) -> a session that is closed after the test."""
    from tests.native.lib import Session

    made = []

    def make(shape, **options):
        made.append(Session(model_of(shape), **options))
        return made[-1]

    yield make
    for session in made:
        session.close()
