"""`python -m triagent` is the command `triagent`."""

from __future__ import annotations

import sys

from triagent.cli import main

if __name__ == "__main__":
    sys.exit(main())
