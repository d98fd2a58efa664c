"""The pin: which source distribution the patches belong to, read from patches/UPSTREAM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from triagent_build.errors import BuildError

KEYS = ("llama-cpp-python", "sha256", "llama.cpp")


@dataclass(frozen=True)
class Pin:
    version: str
    """llama-cpp-python's version; its bindings and its llama.cpp belong together."""
    sha256: str
    """Of the source distribution, 64 hexadecimal digits."""
    commit: str
    """llama.cpp's commit inside it, abbreviated as in llama-cpp-python's changelog."""

    @property
    def project(self) -> str:
        return "llama-cpp-python"

    @property
    def filename(self) -> str:
        return f"llama_cpp_python-{self.version}.tar.gz"

    def __str__(self) -> str:
        return f"{self.project} {self.version} (llama.cpp {self.commit})"


def read_pin(path: Path) -> Pin:
    """Read patches/UPSTREAM.

    Raises:
        BuildError: the file is missing, incomplete, or its sha256 is not one.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BuildError(f"cannot read the pin {path}: {error.strerror}") from error
    fields = dict(re.findall(r"^([\w.-]+)\s*=\s*(\S+)$", "\n".join(lines), flags=re.M))
    missing = [key for key in KEYS if key not in fields]
    if missing:
        raise BuildError(f"{path} has no line for {', '.join(missing)} (form: key = value)")
    if not re.fullmatch(r"[0-9a-f]{64}", fields["sha256"]):
        raise BuildError(f"{path}: sha256 = {fields['sha256']} is not 64 hexadecimal digits")
    return Pin(fields["llama-cpp-python"], fields["sha256"], fields["llama.cpp"])
