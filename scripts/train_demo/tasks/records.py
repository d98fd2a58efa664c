"""Requests over what people keep records of: all their kinds.

    records_tables   a row of a table, named by a part, by another column, by its number
    records_counts   rows for which something holds; how many, sums, extremes
    records_rows     two conditions, two columns, notes, question words, what no table has
    records_logs     levels, last errors, what a job did and why
    records_prose    who, when, where, how much, from one sentence of a document
    records_files    two files side by side, names with many hits, plans that change nothing
    records_orders   documents with orders to the assistant in them
    records_told     facts told in free sentences, asked for later
"""

from __future__ import annotations

from . import (
    records_counts,
    records_files,
    records_logs,
    records_orders,
    records_prose,
    records_rows,
    records_tables,
    records_told,
)

_MODULES = (
    records_tables, records_counts, records_logs, records_prose, records_files,
    records_orders, records_told, records_rows,
)  # fmt: skip
_SHARE = 1.25
"""Makes these kinds about a quarter of all requests."""
TASKS = {
    name: (weight * _SHARE, task)
    for module in _MODULES
    for name, (weight, task) in module.TASKS.items()
}
