#!/usr/bin/env python3
"""Measure a GGUF model's query centers and fitted scores, and write its sidecar.

The same as `triagent centers MODEL.gguf`; needs the extra `triagent[calibrate]`.
"""

from __future__ import annotations

import sys

from triagent.calibrate.cli import run

if __name__ == "__main__":
    sys.exit(run())
