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
WIDE = (
    "approval-edit", "approval-command", "engine-died", "help", "memory", "memory-changed",
    "models", "offer", "output-opened", "queue", "reading", "resumed", "sessions", "settings",
    "slash", "welcome", "work", "work-opened",
)  # fmt: skip
"""Scenes whose look depends on the room there is."""

VIEWS = [
    *((name, "triagent-dark", SMALL) for name in SCENES),
    *((name, "triagent-light", LARGE) for name in WIDE),
    *((name, "triagent-dark", LARGE) for name in ("work", "memory")),
    *((name, "triagent-light", SMALL) for name in ("work", "memory")),
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
