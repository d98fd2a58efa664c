"""Models are written once per run; every test makes its own contexts."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def model_of(tmp_path_factory):
    """Shape -> loaded model, each once per run."""
    from tests.native.lib import Model
    from tests.native.models import write

    folder = tmp_path_factory.mktemp("models")
    made: dict = {}

    def make(shape):
        key = repr(shape)
        if key not in made:
            made[key] = Model(write(folder / f"{len(made)}.gguf", shape))
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
