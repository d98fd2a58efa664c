"""Train the bundled model: see `scripts/train_demo/`.

    python scripts/train_demo.py all --prose books.txt.xz
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.train_demo.cli import main

if __name__ == "__main__":
    main()
