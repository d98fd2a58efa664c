"""Writes changed settings into the user's TOML file, leaving the rest of it as it is.

Comments, order and settings that did not change stay. The file is replaced at once and then
read again before it counts: what could not be read back is not left behind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from triagent import settings
from triagent.config import Config
from triagent.errors import ConfigError

_TABLE = re.compile(r"\s*\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(?:#.*)?")


def save(config: Config, before: Config, file: Path | None = None) -> Path:
    """Write the settings in which `config` differs from `before`; returns the file.

    Raises:
        ConfigError: a value that is never stored, or a file that cannot be written.
    """
    path = file or settings.config_file()
    old, new = settings.values(before), settings.values(config)
    changed = {key: value for key, value in new.items() if value != old[key]}
    if changed:
        update(path, changed)
    return path


def update(path: Path, changed: Mapping[str, Any]) -> None:
    """Set these keys in the file; None takes a key out."""
    text = path.read_text("utf-8") if path.exists() else ""
    for key, value in changed.items():
        text = _set(text, key, value)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # in place only when it would survive the power's end
        settings.load({}, {}, temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _set(text: str, key: str, value: Any) -> str:
    section, _, name = key.rpartition(".")
    lines = text.splitlines()
    start, stop = _table(lines, section)
    if start is None:
        if value is None:
            return text
        gap = [""] if lines and lines[-1].strip() else []
        lines += [*gap, f"[{section}]", f"{name} = {settings.to_toml(value)}"]
        return "\n".join(lines) + "\n"
    at = [number for number in range(start, stop) if _names(lines[number], name)]
    if value is None:
        for number in reversed(at):
            del lines[number]
    elif at:
        lines[at[0]] = f"{name} = {settings.to_toml(value)}{_comment(lines[at[0]])}"
    else:
        last = max((n for n in range(start, stop) if lines[n].strip()), default=start - 1)
        lines.insert(last + 1, f"{name} = {settings.to_toml(value)}")
    return "\n".join(lines) + "\n"


def _table(lines: list[str], section: str) -> tuple[int | None, int]:
    # First and past-last line below a table's heading; the top of the file for no table.
    start: int | None = None if section else 0
    for number, line in enumerate(lines):
        match = _TABLE.fullmatch(line)
        if match is None:
            continue
        if start is not None:
            return start, number
        if match[1] == section:
            start = number + 1
    return start, len(lines)


def _names(line: str, name: str) -> bool:
    return re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line) is not None


def _comment(line: str) -> str:
    # A comment after the value stays, when it is plainly one.
    match = re.search(r"\s+#[^\"']*$", line)
    return match.group() if match else ""
