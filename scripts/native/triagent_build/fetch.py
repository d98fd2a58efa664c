"""Get the pinned source distribution: a given file, this user's cache, or a package index.

Whatever the way, the file's sha256 decides.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from triagent_build import index, settings
from triagent_build.errors import BuildError
from triagent_build.pin import Pin
from triagent_build.report import Percent, say
from triagent_build.web import UNREACHABLE, Web, explain, without_credentials

CHUNK_BYTES = 1 << 20
PAUSES_S = (1.0, 4.0)
"""Waits before a broken download is tried again."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return this user's cache folder; the same as platformdirs gives, which is not here yet."""
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "win32":
        local = environ.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
        return Path(local, "triagent", "Cache")
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "triagent"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "triagent"


def get_sdist(pin: Pin, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the source distribution, downloading it if need be.

    Raises:
        BuildError: it is nowhere to be had, or what is there has another hash.
    """
    given = environ.get("TRIAGENT_LLAMA_SDIST")
    if given:
        return _given(Path(given).expanduser(), pin)
    cached = cache_folder(environ) / pin.filename
    if cached.is_file() and _sha256(cached) == pin.sha256:
        return cached
    return _download(cached, pin, Web(settings.read(environ)))


def _given(path: Path, pin: Pin) -> Path:
    if not path.is_file():
        raise BuildError(f"TRIAGENT_LLAMA_SDIST={path} is not a file; expected {pin.filename}")
    found = _sha256(path)
    if found != pin.sha256:
        raise BuildError(
            f"TRIAGENT_LLAMA_SDIST={path} is not the source of {pin}:\n"
            f"  sha256 expected {pin.sha256}\n  sha256 found    {found}\n"
            f"Point it at {pin.filename} as published on PyPI, or unset it to download that."
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(target: Path, pin: Pin, web: Web) -> Path:
    """Try every place in turn; the first file with the right hash is kept."""
    problems = []
    for place, locate in _places(web, pin):
        try:
            url = locate()
            say(f"downloading {pin.filename} from {without_credentials(place)}")
            return _fetch(web, url, target, pin)
        except (index.NotFound, _Unusable) as error:
            problems.append(f"  {without_credentials(place)}: {error}")
    raise BuildError(
        f"cannot get {pin.filename}, the source of {pin}:\n"
        + ("\n".join(problems) or "  no index is configured (no-index is set)")
        + "\nCheck the network, the proxy (HTTPS_PROXY) and the index (PIP_INDEX_URL or "
        "UV_DEFAULT_INDEX), or download the file elsewhere and set "
        f"TRIAGENT_LLAMA_SDIST=/path/to/{pin.filename}."
    )


def _places(web: Web, pin: Pin) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield (place, how to find the file's URL there), local places first: they cost nothing."""
    places = [
        (place, lambda place=place: index.in_find_links(web, place, pin.filename))
        for place in web.settings.find_links
    ] + [
        (place, lambda place=place: index.in_index(web, place, pin.project, pin.filename))
        for place in web.settings.indexes
    ]
    return iter(sorted(places, key=lambda pair: index.local_path(pair[0]) is None))


class _Unusable(Exception):
    """A download that did not give the pinned file; says why."""


def _fetch(web: Web, url: str, target: Path, pin: Pin) -> Path:
    """Download to a file of this process's own and rename: no reader sees half a file."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        found = _with_retries(lambda: _stream(web, url, part, pin))
        if found != pin.sha256:
            raise _Unusable(
                f"wrong sha256 for {pin.filename}: expected {pin.sha256}, found {found}"
            )
        part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink()
    return target


def _with_retries(download: Callable[[], str]) -> str:
    for pause in PAUSES_S:
        try:
            return download()
        except _Unusable as error:
            say(f"{error}; trying again")
            time.sleep(pause)
    return download()


def _stream(web: Web, url: str, part: Path, pin: Pin) -> str:
    """Write the URL's content to `part` and return its sha256."""
    digest = hashlib.sha256()
    n_done = 0
    try:
        with web.open(url) as response, part.open("wb") as file:
            total = int(response.headers.get("Content-Length") or 0)
            percent = Percent(f"downloading {pin.filename}", total)
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                n_done += len(chunk)
                percent.at(n_done if total else 0)
    except UNREACHABLE as error:
        raise _Unusable(explain(error)) from error
    if total and n_done != total:
        raise _Unusable(f"broke off after {n_done} of {total} bytes")
    return digest.hexdigest()
