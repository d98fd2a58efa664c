"""Requests over what people keep records of: all their kinds, and their share of the mix."""

from __future__ import annotations

from . import records_tables

_MODULES = (records_tables,)
TASKS = {name: entry for module in _MODULES for name, entry in module.TASKS.items()}
