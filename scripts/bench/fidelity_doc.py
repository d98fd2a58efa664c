"""The page on what forgetting costs: a written part that stays, tables and plots made anew."""

from __future__ import annotations

import re
from pathlib import Path

from bench import fidelity_plot, fidelity_table

_MADE = re.compile(r"(<!-- tables:.*?-->\n).*?(<!-- end of tables -->)", re.DOTALL)
HEAD = "<!-- tables: made by `scripts/bench.py fidelity --doc`; do not edit by hand -->\n"
TAIL = "<!-- end of tables -->"


def write(page: Path, results: dict) -> None:
    """Put tables and plots into the page, between its marks; a new page gets the marks.

    The plots are written into a folder of the page's name beside it.
    """
    old = page.read_text() if page.exists() else f"# What forgetting costs\n\n{HEAD}{TAIL}\n"
    if not _MADE.search(old):
        raise SystemExit(f"fidelity: {page} has no marks for its tables: {HEAD.strip()} ... {TAIL}")
    plots = fidelity_plot.plots(results, page.with_suffix(""))
    images = [f"![{path.stem}]({page.stem}/{path.name})" for path in plots]
    made = "\n".join([fidelity_table.markdown(results), *images, ""])
    page.write_text(_MADE.sub(lambda m: m[1] + made + m[2], old))
