from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Nothing that a test writes or reads lies in the user's folders."""
    for part in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{part}_HOME", str(tmp_path / "xdg" / part))
