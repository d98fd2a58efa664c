"""Parts of one model bench: which pieces belong to a part, and the parts' results put together.

A bench may run as several processes, on one machine or on more, each with `--shard I/N` and an
`--out` of its own. Every section is spread evenly over the parts. `--merge` joins what they left.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.model_plan import Work


def shard_of(text: str) -> tuple[int, int]:
    """`2/4` as (1, 4): the part, counted from 0, and the number of parts.

    Raises:
        SystemExit: it is no such pair.
    """
    part, _, n = text.partition("/")
    if not (part.isdigit() and n.isdigit() and 1 <= int(part) <= int(n)):
        raise SystemExit(f'model bench: --shard is like 1/4, not "{text}"')
    return int(part) - 1, int(n)


def own(works: Iterable[Work], shard: str) -> Iterator[Work]:
    """The pieces of a part: every n-th of a section, sections beginning at different parts."""
    part, n = shard_of(shard)
    for work in works:
        first = zlib.crc32(f"{work.section} {work.label}".encode())
        if (first + work.number) % n == part:
            yield work


def has_start(shard: str) -> bool:
    """Whether this part measures the start, which only one does."""
    return shard_of(shard)[0] == 0


def merged(folders: list[Path]) -> dict:
    """The results of all parts as those of one run.

    Raises:
        SystemExit: a folder has none, parts are of two models or hold the same piece.
    """
    parts = [_load(folder) for folder in folders]
    names = sorted({part["model"] for part in parts})
    if len(names) > 1:
        raise SystemExit(f"model bench: parts of different models: {', '.join(names)}")
    rows: list[dict] = []
    seen: dict[tuple, Path] = {}
    for folder, part in zip(folders, parts, strict=True):
        fresh = {(row["section"], row["label"], row["number"]) for row in part["rows"]}
        if twice := fresh & seen.keys():
            key = sorted(twice, key=str)[0]
            raise SystemExit(f"model bench: {key} is in {seen[key]} and in {folder}")
        seen |= dict.fromkeys(fresh, folder)
        rows += part["rows"]
    rows.sort(key=lambda row: (row["section"], row["label"], row["number"]))
    found = {"model": names[0], "command": parts[0]["command"], "rows": rows}
    if starts := [part["start"] for part in parts if "start" in part]:
        found["start"] = starts[0]
    found["cut_short"] = sum(part.get("cut_short", 0) for part in parts)
    found["seconds"] = max(part.get("seconds", 0) for part in parts)
    engines = parts[0].get("engines", "one engine")
    found["engines"] = f"{len(parts)} parts of {engines}" if len(parts) > 1 else engines
    return found


def _load(folder: Path) -> dict:
    path = folder / "model.json"
    if not path.is_file():
        raise SystemExit(f"model bench: no {path}; --merge takes the --out folders of all parts")
    return json.loads(path.read_text("utf-8"))
