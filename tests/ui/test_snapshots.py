"""Pictures of the app, compared with accepted ones. After a change, look at each new picture
before `--snapshot-update` accepts it.

The pictures hold for one version of Textual, which the `test` extra pins.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest

from tests.ui.scenes import SCENES

MADE_WITH = "8.2.8"
SMALL, LARGE = (80, 24), (160, 50)
MAIN = (
    "approval-command", "approval-edit", "denied", "disk-full", "engine-died", "files",
    "gpu-too-small", "help", "loading", "memory", "memory-changed", "mode-full", "models",
    "models-centers", "models-download", "offer", "output-opened", "palette", "queue", "reading",
    "resumed", "rounds", "sessions", "settings", "slash", "streaming", "tool-failed", "trust",
    "turn-unrecorded", "welcome", "work", "work-opened",
)  # fmt: skip
"""Scenes that are looked at in both themes and both sizes; the others in one."""
THEMES = ("triagent-dark", "triagent-light")

VIEWS = [
    *((name, theme, size) for name in MAIN for theme in THEMES for size in (SMALL, LARGE)),
    *((name, "triagent-dark", SMALL) for name in SCENES if name not in MAIN),
    *((name, "ansi-dark", SMALL) for name in ("work", "memory", "sessions")),
]


@pytest.fixture(scope="module", autouse=True)
def same_textual():
    found = version("textual")
    assert found == MADE_WITH, (
        f"the pictures were made with Textual {MADE_WITH}, {found} is installed; install the test "
        "extra, or make them anew and look at each"
    )


@pytest.mark.parametrize(
    ("name", "theme", "size"), VIEWS, ids=[f"{n}-{t}-{w}" for n, t, (w, _) in VIEWS]
)
def test_it_looks_as_accepted(snap_compare, name, theme, size, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    scene = SCENES[name]
    assert snap_compare(scene.app(theme), terminal_size=size, run_before=scene.steps)
