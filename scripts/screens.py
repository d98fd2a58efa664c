"""Draw the README's pictures: `python scripts/screens.py` writes docs/*.svg.

The sessions are played from the tests' scripts, so the pictures need no model and come out the
same everywhere. What they show is how the app looks, not what a model said.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.ui.scenes import SCENES  # noqa: E402

PICTURES = {
    "chat": ("work", (120, 40)),
    "memory": ("memory", (120, 34)),
    "approval": ("approval-command", (100, 18)),
}
"""Name of the file -> scene and size in cells."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder for the pictures")
    parser.add_argument("--theme", default="triagent-dark")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, (scene, size) in PICTURES.items():
        path = options.out / f"{name}.svg"
        path.write_text(asyncio.run(draw(scene, size, options.theme)))
        print(path)
    return 0


async def draw(scene: str, size: tuple[int, int], theme: str) -> str:
    """An SVG of a scene."""
    app = SCENES[scene].app(theme)
    async with app.run_test(size=size) as pilot:
        await SCENES[scene].steps(pilot)
        picture = app.export_screenshot(title="triagent")
        app.interrupt()  # a scene may stop in the middle of a turn
        return picture


if __name__ == "__main__":
    sys.exit(main())
