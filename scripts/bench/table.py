"""Results as a Markdown table: what was measured, against what, and the ratio."""

from __future__ import annotations

from typing import Any


def _by_depth(found: dict, depth) -> float | None:
    """A value by depth, whose keys are numbers before and text after a JSON round trip."""
    return found.get(depth, found.get(str(depth)))


def _row(*cells: Any) -> str:
    return "| " + " | ".join("-" if c is None else str(c) for c in cells) + " |"


def _ratio(a: float | None, b: float | None) -> str | None:
    return None if a is None or not b else f"{a / b:.2f}"


def _number(value: float | None, digits: int = 1) -> str | None:
    return None if value is None else f"{value:,.{digits}f}"


def _speed(results: dict) -> list[str]:
    lines = []
    for kind, section in (("decode", "decode"), ("prefill", "prefill")):
        for cache_type, ours in results.get(section, {}).items():
            stock = results.get("stock", {}).get(cache_type, {})
            base = stock.get(f"{kind}_tps", {})
            first = next(iter(base.values()), None)
            for depth, value in ours[f"{kind}_tps"].items():
                full = _by_depth(base, depth)
                lines.append(
                    _row(kind, cache_type, ours["cache"]["budget"], depth, _number(value),
                         _number(full), _ratio(value, full), _ratio(value, first))
                )  # fmt: skip
    return lines


def _whole(results: dict) -> list[str]:
    lines = []
    for cache_type, ours in results.get("prefill", {}).items():
        stock = results.get("stock", {}).get(cache_type, {}).get("whole_prefill_s", {})
        for depth, value in ours["whole_prefill_s"].items():
            full = _by_depth(stock, depth)
            lines.append(_row("whole prompt, s", cache_type, ours["cache"]["budget"], depth,
                              _number(value), _number(full), _ratio(full, value)))  # fmt: skip
    return lines


def _memory(results: dict) -> list[str]:
    lines = []
    for section in ("decode", "prefill"):
        for cache_type, ours in results.get(section, {}).items():
            cache = ours["cache"]
            smaller = ", ".join(f"{v:.1f}x at {d}" for d, v in cache["times_smaller"].items())
            lines.append(
                _row(cache_type, cache["budget"], cache["n_cells"],
                     _number(cache["cache_bytes"] / 2**20), smaller,
                     _number(cache["extra_bytes"] / 2**20))
            )  # fmt: skip
    return lines


def _rounds(results: dict) -> list[str]:
    phases = ("wall", "score", "select", "plan", "move", "meta", "first_wall")
    return [
        _row(*key.split(), *(f"{times[p]:.2f}" for p in phases),
             _number(times["extra_bytes"] / 2**20))
        for key, times in results.get("rounds", {}).items()
    ]  # fmt: skip


def _alternate(results: dict) -> list[str]:
    lines = []
    for key, found in results.get("alternate", {}).items():
        ours, full = (sorted(found[k]) for k in ("ours_tps", "full_tps"))
        parts = found.get("phases_ms", {})
        lines.append(
            _row(*key.split(), *(_number(x[len(x) // 2]) for x in (ours, full)),
                 f"{found['ratio']:.3f}", f"{ours[0] / ours[-1]:.2f}", f"{full[0] / full[-1]:.2f}",
                 _number(found["round_costs_ms"], 2), _number(parts.get("total"), 2),
                 _number(parts.get("meta"), 2))
        )  # fmt: skip
    return lines


def _million(results: dict) -> list[str]:
    return [
        _row(row["n_pos"], _number(row["prefill_tps"]), _number(row["decode_tps"]),
             _number(row["cache_bytes"] / 2**20), _number(row["process_bytes"] / 2**20))
        for row in results.get("million", {}).values()
    ]  # fmt: skip


TABLES = (
    (("", "cache", "budget", "depth", "ours tok/s", "full attention", "ratio",
      "of full at the first depth"), lambda r: _speed(r) + _whole(r)),
    (("cache", "budget", "depth", "ours tok/s", "full attention at the first depth", "ratio",
      "slowest of fastest turn", "the same of full", "a round delays ms", "a round ms",
      "books ms"), _alternate),
    (("cache", "budget", "cells", "KV MiB", "smaller than full", "extra MiB"), _memory),
    (("cache", "budget", "score", "sets", "round ms", "score ms", "select ms", "plan ms", "move ms",
      "meta ms", "first ms", "extra MiB"), _rounds),
    (("tokens", "prefill tok/s", "decode tok/s", "KV MiB", "process MiB"), _million),
)  # fmt: skip


def markdown(results: dict) -> str:
    """All tables that have rows, with device and command."""
    parts = [f"Device: {results.get('machine', {}).get('device', '?')}", ""]
    for heads, rows_of in TABLES:
        rows = rows_of(results)
        if rows:
            parts += [_row(*heads), _row(*["---"] * len(heads)), *rows, ""]
    return "\n".join([*parts, f"`{results.get('command', '')}`", ""])
