"""Reads the settings: defaults < the user's TOML file < environment < flags.

A setting is named `section.field` as in `config`, or by its plain name at the top level. In
the file that is a table and a key; in the environment `TRIAGENT_SECTION_FIELD`. A name that
does not exist is an error that gives the nearest right one: a misspelled limit that is
silently ignored is worse than none.
"""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from triagent import config as fields
from triagent.config import Config, check
from triagent.errors import ConfigError

PREFIX = "TRIAGENT_"
_FLAG_ONLY = {("agent.mode", "full")}
"""Values that are never stored: they hold for the one run they are given for."""


@dataclass(frozen=True)
class Setting:
    """One setting and its documentation."""

    key: str
    """As in the file: `cache.budget`."""
    type: Any
    default: Any
    about: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.key.replace(".", "_").upper()

    @property
    def takes(self) -> str:
        """What kind of value it takes, for people."""
        return _type_name(self.type)


@dataclass(frozen=True)
class Loaded:
    """Settings, and where each that is not a default comes from."""

    config: Config
    sources: Mapping[str, str]
    """Key -> the file's path, the variable's name, or "flag"."""


def config_folder() -> Path:
    """Where settings, approvals and answers about trust live."""
    return Path(platformdirs.user_config_dir("triagent", appauthor=False))


def data_folder() -> Path:
    """Where sessions, models and sidecars live."""
    return Path(platformdirs.user_data_dir("triagent", appauthor=False))


def cache_folder() -> Path:
    """Where files live that can be made again."""
    return Path(platformdirs.user_cache_dir("triagent", appauthor=False))


def config_file() -> Path:
    """The user's settings file; it need not exist."""
    return config_folder() / "config.toml"


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Loaded:
    """Read all settings and check them together.

    Args:
        flags: key -> value, only those that were given.
        environ: None: this process's.
        file: None: the user's; a file that was named must exist.

    Raises:
        ConfigError: an unknown name, a wrong type or a value out of range, with its source.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for found, source_of in (
        _from_file(file or config_file(), must_exist=file is not None),
        _from_environment(environ),
        _from_flags(flags or {}),
    ):
        values |= found
        sources |= source_of
    config = build(values)
    check(config)
    return Loaded(config, sources)


def build(values: Mapping[str, Any]) -> Config:
    """A Config with these values in place of its defaults."""
    top: dict[str, Any] = {}
    sections: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        (sections.setdefault(section, {}) if section else top)[name] = value
    for section, kind in _sections().items():
        top[section] = kind(**sections.get(section, {}))
    return Config(**top)


@cache
def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of `config`."""
    return tuple(_walk(Config, "", _documents()))


def values(config: Config) -> dict[str, Any]:
    """Key -> value, for every setting."""
    return {setting.key: get(config, setting.key) for setting in settings()}


def get(config: Config, key: str) -> Any:
    """The value of one setting."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def reference(config: Config | None = None, sources: Mapping[str, str] | None = None) -> str:
    """All settings as a TOML file with their documentation; defaults are commented out."""
    lines: list[str] = []
    section = ""
    for setting in sorted(settings(), key=lambda item: "." in item.key):
        head, _, name = setting.key.rpartition(".")
        if head != section:
            lines += [f"[{head}]", ""]
            section = head
        value = setting.default if config is None else get(config, setting.key)
        lines += [f"# {line}" for line in setting.about.splitlines()]
        if source := (sources or {}).get(setting.key):
            lines.append(f"# from {source}")
        is_default = value == setting.default
        shown = "..." if value is None else to_toml(value)
        lines += [f"{'# ' if is_default else ''}{name} = {shown}", ""]
    return "\n".join(lines)


def to_toml(value: Any) -> str:
    """One value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        items = ", ".join(f"{_quoted(key)} = {to_toml(item)}" for key, item in value.items())
        return "{ " + items + " }" if items else "{}"
    return _quoted(str(value))


def nearest(key: str, known: typing.Iterable[str]) -> str:
    """What a wrong name probably means, as a question; empty when nothing is near."""
    import difflib  # most names are right

    known = list(known)
    found = difflib.get_close_matches(key, known, 1, 0.6)
    if not found:  # the right field in the wrong section, or without one
        name = key.rsplit(".", 1)[-1]
        found = [item for item in known if item.rsplit(".", 1)[-1] == name]
    return f'; did you mean "{found[0]}"?' if found else ""


def _from_file(path: Path, must_exist: bool) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(f"the settings file {path} does not exist") from None
        return {}, {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings file {path} cannot be read: {error}") from error
    import tomllib  # its expressions take a while, and most starts find no file

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the settings file {path} cannot be read: {error}") from error
    found = dict(_flat(data, path))
    values = {key: _typed(key, value, str(path)) for key, value in found.items()}
    return values, dict.fromkeys(values, str(path))


def _flat(data: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if name in _sections():
            if not isinstance(value, dict):
                raise ConfigError(f"{name} in {path} is a table: write [{name}] above its settings")
            yield from ((f"{name}.{field}", item) for field, item in value.items())
        elif isinstance(value, dict) and name not in _by_key():
            raise ConfigError(
                f"unknown table [{name}] in {path}" + nearest(name, _sections())
            )
        else:
            yield name, value


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    values, sources = {}, {}
    ours = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    # To read what all settings are takes its time, and most environments name none.
    by_variable = {setting.variable: setting for setting in settings()} if ours else {}
    for name, text in ours.items():
        if name not in by_variable:
            hint = nearest(name, by_variable)
            if hint and name.split("_")[1].lower() in _sections():
                raise ConfigError(f"unknown variable {name}{hint}")
            continue  # not a setting: the build has variables of that prefix as well
        setting = by_variable[name]
        values[setting.key] = _typed(setting.key, _parsed(setting, text, name), name)
        sources[setting.key] = name
    return values, sources


def _from_flags(flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    values = {key: _typed(key, value, "flag") for key, value in flags.items()}
    return values, dict.fromkeys(values, "flag")


def _parsed(setting: Setting, text: str, source: str) -> Any:
    # A variable is text; numbers and truth values in it are written as in TOML.
    kinds = _kinds(setting.type)
    if kinds & {str, Path} and not kinds & {int, float, bool}:
        return text
    if not text and type(None) in kinds:
        return None
    lower = text.strip().lower()
    if bool in kinds:
        truth = {"1": True, "true": True, "yes": True, "on": True,
                 "0": False, "false": False, "no": False, "off": False}  # fmt: skip
        return truth.get(lower, text)
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise ConfigError(f'{source} is "{text}"; it takes {setting.takes}') from None


def _typed(key: str, value: Any, source: str) -> Any:
    setting = _by_key().get(key)
    if setting is None:
        raise ConfigError(f'unknown setting "{key}" in {source}' + nearest(key, _by_key()))
    if source != "flag" and isinstance(value, str) and (key, value) in _FLAG_ONLY:
        raise ConfigError(
            f'{key} = "{value}" in {source} is not allowed: it is given by flag only, for one run'
        )
    kinds = _kinds(setting.type)
    if Path in kinds and isinstance(value, (str, Path)):
        return Path(value).expanduser()
    if float in kinds and type(value) is int:
        return float(value)
    if dict in kinds and isinstance(value, dict):
        value = _dotted(value)
        if all(isinstance(item, str) for item in value.values()):
            return value
    elif type(value) in kinds:  # exactly: True is an int to Python
        return value
    raise ConfigError(f"{key} in {source} is {value!r}; it takes {setting.takes}")


def _dotted(table: Mapping[str, Any]) -> dict[str, Any]:
    """A name with a dot, not quoted in the file, is a table in a table to TOML."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        inner = _dotted(value) if isinstance(value, dict) else {}
        found |= {f"{name}.{part}": item for part, item in inner.items()} or {name: value}
    return found


def _kinds(kind: Any) -> set[type]:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return {typing.get_origin(item) or item for item in typing.get_args(kind)}
    return {typing.get_origin(kind) or kind}


def _type_name(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text",
             Path: "a path", dict: "a table of texts", type(None): "nothing"}  # fmt: skip
    return " or ".join(
        names[item] for item in sorted(_kinds(kind), key=list(names).index)
    )


@cache
def _sections() -> dict[str, type]:
    hints = typing.get_type_hints(Config)
    return {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}


@cache
def _by_key() -> dict[str, Setting]:
    return {setting.key: setting for setting in settings()}


def _walk(kind: type, prefix: str, documents: Mapping[tuple[str, str], str]) -> Iterator[Setting]:
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        hint = hints[item.name]
        if dataclasses.is_dataclass(hint):
            yield from _walk(hint, f"{item.name}.", documents)
            continue
        has_factory = item.default is dataclasses.MISSING
        default = item.default_factory() if has_factory else item.default  # type: ignore[misc]
        yield Setting(prefix + item.name, hint, default, documents[kind.__name__, item.name])


@cache
def _documents() -> dict[tuple[str, str], str]:
    # The text below each field, which Python itself throws away.
    import ast
    import inspect

    found = {}
    for node in ast.parse(inspect.getsource(fields)).body:
        if isinstance(node, ast.ClassDef):
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    text = inspect.cleandoc(ast.literal_eval(below.value))
                    found[node.name, ast.unparse(field.target)] = text
    return found


def _quoted(text: str) -> str:
    escaped = "".join(
        f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127
        else f"\\{char}" if char in '"\\' else char
        for char in text
    )  # fmt: skip
    return f'"{escaped}"'
