"""The build backend (PEP 517, PEP 660) of triagent.

scikit-build-core does the work; this puts three steps before it: find a compiler, get the
pinned llama-cpp-python source, apply `patches/`. CMake then compiles llama.cpp from there and
the wheel ships it with the unmodified bindings. Every foreseeable failure is one message.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triagent_build import fetch, report, source, toolchain
from triagent_build.errors import BuildError
from triagent_build.pin import read_pin

Config = dict[str, Any] | None

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Installers print what a failed build printed: make that the message alone."""
    try:
        yield
    except BuildError as error:
        report.say(f"error: {error}")
        raise SystemExit(1) from None


def _scikit_build() -> Any:
    # Imported late: this package's other parts serve scripts and tests without it.
    import scikit_build_core.build

    return scikit_build_core.build


def _patched_source() -> Path:
    """Return the tree to compile, made or brought up to date."""
    pin = read_pin(ROOT / "patches" / "UPSTREAM")
    tree = BUILD / f"llama-cpp-python-{pin.version}"
    try:
        sdist = fetch.get_sdist(pin)
        source.prepare(tree, sdist, pin, sorted((ROOT / "patches").glob("*.patch")))
    except OSError as error:
        raise BuildError(f"cannot write the source tree {tree}: {error}") from error
    return tree


def _forget_other_options(config: Config) -> None:
    """Drop CMake's caches when the options changed: an option left out must not linger.

    Object files stay, so only what the options change is compiled again.
    """
    names = ("CMAKE_ARGS", "CMAKE_GENERATOR", "CC", "CXX")
    options = [os.environ.get(name, "") for name in names]
    options += [f"{key}={value}" for key, value in sorted((config or {}).items())]
    stamp = BUILD / "options.sha256"
    wanted = hashlib.sha256("\0".join(options).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    for cache in BUILD.glob("*/CMakeCache.txt"):
        cache.unlink()
        shutil.rmtree(cache.parent / "CMakeFiles", ignore_errors=True)
    stamp.write_text(wanted)


def _build(hook: str, folder: str, config: Config, metadata: str | None) -> str:
    with _plain_errors():
        toolchain.check()
        tree = _patched_source()
        _forget_other_options(config)
        settings = {**(config or {}), "cmake.define.TRIAGENT_LLAMA_DIR": tree.as_posix()}
        report.say("compiling llama.cpp (minutes the first time, only what changed afterwards)")
        try:
            with report.compile_progress():
                return getattr(_scikit_build(), hook)(folder, settings, metadata)
        except SystemExit as error:
            raise BuildError(
                "compiling llama.cpp failed; the compiler's or CMake's own message is above.\n"
                "If it was killed, memory ran out: set CMAKE_BUILD_PARALLEL_LEVEL=1. If options "
                f"are wrong, correct CMAKE_ARGS. To start over, delete {BUILD}."
            ) from error


def build_wheel(
    wheel_directory: str, config_settings: Config = None, metadata_directory: str | None = None
) -> str:
    return _build("build_wheel", wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Config = None, metadata_directory: str | None = None
) -> str:
    return _build("build_editable", wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Config = None) -> str:
    return _scikit_build().build_sdist(sdist_directory, config_settings)


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Config = None
) -> str:
    return _scikit_build().prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: Config = None
) -> str:
    return _scikit_build().prepare_metadata_for_build_editable(metadata_directory, config_settings)


def get_requires_for_build_wheel(config_settings: Config = None) -> list[str]:
    with _plain_errors():
        # The first hook an installer calls: fail before it downloads anything.
        toolchain.check()
    requires = _scikit_build().get_requires_for_build_wheel(config_settings)
    return [*requires, *_certificates()]


def get_requires_for_build_editable(config_settings: Config = None) -> list[str]:
    with _plain_errors():
        toolchain.check()
    requires = _scikit_build().get_requires_for_build_editable(config_settings)
    return [*requires, *_certificates()]


def get_requires_for_build_sdist(config_settings: Config = None) -> list[str]:
    return _scikit_build().get_requires_for_build_sdist(config_settings)


def _certificates() -> list[str]:
    """Python from python.org for macOS comes without certificates; ask for a bundle there."""
    paths = ssl.get_default_verify_paths()
    bare = sys.platform == "darwin" and not (paths.cafile or paths.capath)
    return ["certifi"] if bare else []
