"""Is there a compiler? Asked before anything is downloaded.

CMake looks for itself and knows more kinds; this only turns the common case of a machine
without any into one message instead of a page of CMake output.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping

from triagent_build.errors import BuildError

COMPILERS = {"CXX": ("c++", "g++", "clang++"), "CC": ("cc", "gcc", "clang")}
LANGUAGES = {"CXX": "C++", "CC": "C"}


def check(environ: Mapping[str, str] = os.environ) -> None:
    """Find a working C and C++ compiler.

    Raises:
        BuildError: there is none.
    """
    arguments = environ.get("CMAKE_ARGS", "")
    # Visual Studio is found through its installer, a toolchain file names its own.
    if sys.platform == "win32" or "TOOLCHAIN_FILE" in arguments:
        return
    for variable, names in COMPILERS.items():
        language = LANGUAGES[variable]
        if f"CMAKE_{variable if variable == 'CXX' else 'C'}_COMPILER" in arguments:
            continue
        chosen = environ.get(variable)
        if chosen:
            if not _works(shlex.split(chosen)[0], environ):
                raise BuildError(
                    f"{variable}={chosen} is not a working {language} compiler; "
                    f"correct or unset {variable}."
                )
        elif not any(_works(name, environ) for name in names):
            raise BuildError(
                f"no {language} compiler found (looked for {', '.join(names)}); llama.cpp is "
                f"compiled during installation.\n{_how_to_install()}"
            )


def _works(name: str, environ: Mapping[str, str]) -> bool:
    """macOS has a c++ that only offers to install one, so presence is not enough."""
    path = shutil.which(name, path=environ.get("PATH"))
    if path is None:
        return False
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _how_to_install() -> str:
    if sys.platform == "darwin":
        return "Install Apple's command line tools: xcode-select --install"
    return (
        "Install one, then run the same command again:\n"
        "  Debian, Ubuntu   sudo apt install build-essential\n"
        "  Fedora           sudo dnf install gcc-c++\n"
        "  Arch             sudo pacman -S base-devel\n"
        "  openSUSE         sudo zypper install gcc-c++\n"
        "  Alpine           sudo apk add build-base linux-headers"
    )
