"""Which tests run: those whose needs are met here, and no silence about the rest.

A plain `pytest` needs no library, model, torch or network. Tests marked `native` or
`torch` join in when those are installed, those of the training with `tokenizers`; `--need`
turns their absence into an error, so that continuous integration cannot pass by leaving them
out. So it is with what a test only finds out when it runs: a rung of the sandbox, a shell.
Missing, it is told by name; asked for with `--need`, it is a failure.
"""

from __future__ import annotations

import importlib.util

import pytest

INSTALLED_BY = {"native": "triagent_native", "torch": "torch", "train": "tokenizers"}
ASKED_FOR_BY = {"slow": "--slow", "gpu": "--gpu"}
FOUND_OUT = ("bwrap", "landlock", "bash", "zsh", "fish", "userns")
"""What tests look for themselves, with the fixture `absent`."""


def pytest_addoption(parser):
    group = parser.getgroup("triagent")
    group.addoption("--slow", action="store_true", help="also run the slow tests")
    group.addoption("--gpu", action="store_true", help="also run the tests on a GPU")
    group.addoption(
        "--gpu-layers", type=int, default=0, metavar="N", help="of models in tests/native"
    )
    group.addoption(
        "--seeds", type=int, default=60, metavar="N", help="samples of each kind of request"
    )
    group.addoption(
        "--need",
        action="extend",
        type=lambda text: text.split(","),
        default=[],
        metavar="NAME,...",
        help=f"fail if it is not here; any of {', '.join((*INSTALLED_BY, *FOUND_OUT))}",
    )


@pytest.fixture
def absent(request):
    """(name, why) -> end of a test that needs what is not here: a failure if `--need` names it."""

    def end(name: str, why: str) -> None:
        assert name in FOUND_OUT
        if name in request.config.getoption("--need"):
            pytest.fail(f"--need {name}: {why}")
        pytest.skip(f"{name} is not here: {why}")

    return end


def _left_out(config) -> dict[str, str]:
    """Return marker -> reason for the tests that do not run here."""
    reasons = {}
    for marker, package in INSTALLED_BY.items():
        if importlib.util.find_spec(package) is None:
            reasons[marker] = f"{package} is not installed"
    for marker, option in ASKED_FOR_BY.items():
        # Naming a marker with -m asks for it as well as its option does.
        if not config.getoption(option) and marker not in (config.option.markexpr or ""):
            reasons[marker] = f"without {option}"
    return reasons


@pytest.fixture
def slow_too(request) -> bool:
    """Whether slow tests run: one that goes on the longer, the more it shows, may go on."""
    return "slow" not in _left_out(request.config)


def pytest_configure(config):
    unknown = set(config.getoption("--need")) - {*INSTALLED_BY, *FOUND_OUT}
    if unknown:
        raise pytest.UsageError(f"--need {', '.join(sorted(unknown))}: no test needs that")
    missing = [m for m in config.getoption("--need") if m in _left_out(config)]
    if missing:
        reasons = ", ".join(f"{m}: {_left_out(config)[m]}" for m in missing)
        raise pytest.UsageError(f"{reasons}; run python3 scripts/dev.py test")


def pytest_report_header(config):
    left_out = _left_out(config)
    if left_out:
        return "left out: " + ", ".join(f"{m} ({why})" for m, why in left_out.items())
    return "left out: nothing"


def pytest_collection_modifyitems(config, items):
    left_out = set(_left_out(config))
    dropped = [item for item in items if any(m.name in left_out for m in item.iter_markers())]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in set(dropped)]
