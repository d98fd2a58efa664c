"""Where packages come from on this machine: what pip and uv are told, read in their order.

An installer does not pass its index on to the build it starts, so its environment variables
and configuration files are read here. The hash of what is fetched is pinned; which index it
comes from is a matter of reach, not of trust.
"""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYPI = "https://pypi.org/simple"
PIP_SECTIONS = ("global", "install")
"""pip's sections that its install command reads; later ones win."""


@dataclass(frozen=True)
class Settings:
    indexes: tuple[str, ...]
    """Bases of simple-API indexes, most preferred first."""
    find_links: tuple[str, ...] = ()
    """Folders, or pages with links to files."""
    proxy: str | None = None
    """For all connections; None leaves it to the usual environment variables."""
    ca_file: str | None = None
    """Bundle of certificates to trust besides the system's."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts whose certificate is not checked, as in pip."""
    timeout_s: float = 60.0
    """Longest wait for a connection or for the next bytes."""


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of pip and uv."""
    pip = _pip_files(environ) | _pip_environment(environ)
    uv = _uv_files(environ)
    own = environ.get("TRIAGENT_INDEX_URL")
    return Settings(
        indexes=(own,) if own else _indexes(environ, pip, uv),
        find_links=_unique(
            _words(pip.get("find-links"))
            + _words(environ.get("UV_FIND_LINKS", "").replace(",", " "))
            + list(uv.get("find-links", []))
        ),
        proxy=pip.get("proxy") or None,
        ca_file=pip.get("cert") or environ.get("REQUESTS_CA_BUNDLE") or None,
        trusted_hosts=tuple(_words(pip.get("trusted-host"))),
        timeout_s=_seconds(pip.get("timeout") or pip.get("default-timeout")),
    )


def _indexes(environ: Mapping[str, str], pip: dict[str, str], uv: dict[str, Any]) -> tuple:
    tables = [table for table in uv.get("index", []) if "url" in table]
    # The one index that stands in for PyPI, then those searched besides it.
    main = _words(pip.get("index-url")) or _words(environ.get("UV_DEFAULT_INDEX"))
    main = main or _words(environ.get("UV_INDEX_URL")) or _words(uv.get("index-url"))
    main = main or [table["url"] for table in tables if table.get("default")]
    if not main and not _is_true(pip.get("no-index")) and not uv.get("no-index"):
        main = [PYPI]
    extra = _words(pip.get("extra-index-url")) + _words(environ.get("UV_EXTRA_INDEX_URL"))
    extra += [_without_name(word) for word in _words(environ.get("UV_INDEX"))]
    extra += list(uv.get("extra-index-url", []))
    extra += [table["url"] for table in tables if not table.get("default")]
    return _unique(main + ([] if _is_true(pip.get("no-index")) else extra))


def _without_name(index: str) -> str:
    """uv allows `name=url`; a URL may itself hold an equals sign in its query."""
    name, equals, url = index.partition("=")
    return url if equals and "://" not in name else index


def _pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """PIP_EXTRA_INDEX_URL is the option extra-index-url, and so on."""
    return {
        name[4:].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_") and value
    }


def _pip_files(environ: Mapping[str, str]) -> dict[str, str]:
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:  # pip's own way to say "no files"
        return {}
    paths = pip_config_paths(environ) + ([Path(chosen)] if chosen else [])
    options: dict[str, str] = {}
    for path in paths:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself complains about it
        for section in PIP_SECTIONS:
            if parser.has_section(section):
                options |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    return options


def pip_config_paths(environ: Mapping[str, str]) -> list[Path]:
    """Return pip's configuration files, least important first, present or not."""
    home = Path(environ.get("HOME") or Path.home())
    prefixes = _unique([sys.prefix, environ.get("VIRTUAL_ENV") or sys.prefix])
    if sys.platform == "win32":
        data = environ.get("PROGRAMDATA", r"C:\ProgramData")
        roaming = environ.get("APPDATA") or str(home / "AppData" / "Roaming")
        machine = [Path(data, "pip", "pip.ini")]
        user = [home / "pip" / "pip.ini", Path(roaming, "pip", "pip.ini")]
        return machine + user + [Path(prefix, "pip.ini") for prefix in prefixes]
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    user = [home / ".pip" / "pip.conf", config_home / "pip" / "pip.conf"]
    if sys.platform == "darwin":
        machine = [Path("/Library/Application Support/pip/pip.conf")]
        user.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
    else:
        folders = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        machine = [Path(folder, "pip", "pip.conf") for folder in folders.split(os.pathsep)]
        machine.append(Path("/etc/pip.conf"))
    return machine + user + [Path(prefix, "pip.conf") for prefix in prefixes]


def _uv_files(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return uv's machine and user settings; its [pip] table wins over the top level."""
    if _is_true(environ.get("UV_NO_CONFIG")):
        return {}
    home = Path(environ.get("HOME") or Path.home())
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    paths = [Path("/etc/uv/uv.toml"), config_home / "uv" / "uv.toml"]
    if sys.platform == "win32":
        paths = [Path(environ.get("APPDATA") or home, "uv", "uv.toml")]
    if environ.get("UV_CONFIG_FILE"):
        paths = [Path(environ["UV_CONFIG_FILE"])]
    options: dict[str, Any] = {}
    for path in paths:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # absent, or uv itself complains about it
        options |= table | table.get("pip", {})
    return options


def _words(value: str | None) -> list[str]:
    return (value or "").split()


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _is_true(value: str | None) -> bool:
    return (value or "").strip().lower() in ("1", "true", "yes", "on", "y", "t")


def _seconds(value: str | None) -> float:
    try:
        return max(float(value or 60), 1.0)
    except ValueError:
        return 60.0
