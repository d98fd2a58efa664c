"""Downloads one model file from the hub: resumed, measured against what was promised, hashed.

The hub's client finds the file, signs in and streams; what it has not finished stays here as
a part that the next try continues. A file counts only when its size and hash are those the
hub announced and its header can be read. Nothing is sent but the request itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from triagent.engine.model_file import open_model_file
from triagent.errors import ModelError
from triagent.models.catalog import Source

Report = Callable[[str, float | None], None]
"""Called with what is going on and the share done, 0 to 1, or None when unknown."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 400 * 2**30
_HASH_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class Remote:
    """What the hub says about a file."""

    url: str
    etag: str
    n_bytes: int
    commit: str
    same_host: bool
    """Whether the content comes from the hub itself, which may be sent our token."""

    @property
    def sha256(self) -> str | None:
        """The content's hash, when the hub knows it."""
        return self.etag if _SHA256.fullmatch(self.etag) else None


@dataclass(frozen=True)
class Downloaded:
    """A file that is here and checked."""

    path: Path
    sha256: str
    n_bytes: int
    source: str
    was_announced: bool
    """Whether the hub had announced this very hash."""


class Stopped(ModelError):
    """The user stopped the download; what came so far is kept."""


def download(
    source: Source,
    folder: Path,
    *,
    offline: bool = False,
    endpoint: str | None = None,
    report: Report = lambda text, share: None,
    stop: Callable[[], bool] = lambda: False,
) -> Downloaded:
    """Bring a model file into `folder`, continuing an earlier try.

    Raises:
        ModelError: offline, not found, interrupted, no room, or not what was announced.
    """
    quiet_client()
    if offline:
        raise ModelError(f"offline: {source} was not downloaded. Leave out --offline to download")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / Path(source.file).name
    report(f"asking for {source}", None)
    remote = _look(source, endpoint)
    known = local_source(target)
    if known is not None and known.sha256 == remote.sha256 and known.n_bytes == _size(target):
        report(f"{target.name} is here already", 1.0)
        return known
    part = folder / f".{target.name}.{_short(remote.etag)}.part"
    _make_room(folder, remote.n_bytes - _size(part))
    _fetch(source, remote, part, report, stop)
    return _accept(source, remote, part, target, report)


def quiet_client() -> None:
    """Keep the hub's client from reporting its use, before it is first imported.

    Its faster transfer is off as well: that bypasses the progress and the limits here.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def local_source(path: Path) -> Downloaded | None:
    """What is known of a file that was downloaded; None for others."""
    try:
        data = json.loads(_record(path).read_text("utf-8"))
        return Downloaded(
            path, str(data["sha256"]), int(data["n_bytes"]), str(data["source"]),
            bool(data["was_announced"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(path: Path) -> int:
    """Delete a model file, its record and unfinished parts; returns the bytes freed."""
    freed = _size(path)
    path.unlink()
    _record(path).unlink(missing_ok=True)
    for part in path.parent.glob(f".{path.name}.*.part"):
        freed += _size(part)
        part.unlink(missing_ok=True)
    return freed


def sha256_of(path: Path, report: Report = lambda text, share: None) -> str:
    """Hash a file."""
    digest = hashlib.sha256()
    size, done = max(1, _size(path)), 0
    with path.open("rb") as file:
        while block := file.read(_HASH_CHUNK_BYTES):
            digest.update(block)
            done += len(block)
            report(f"checking {path.name}", done / size)
    return digest.hexdigest()


def _look(source: Source, endpoint: str | None) -> Remote:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
    )
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its warnings would be written over the screen
    url = hf_hub_url(source.repo, source.file, revision=source.revision, endpoint=endpoint)
    try:
        found = get_hf_file_metadata(url, endpoint=endpoint)
    except GatedRepoError as error:
        raise ModelError(
            f"{source.repo} asks you to accept its terms at https://huggingface.co/{source.repo}; "
            "then sign in with `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, EntryNotFoundError) as error:
        raise ModelError(f"{source} does not exist on the hub; check the spelling") from error
    except HfHubHTTPError as error:
        raise ModelError(f"the hub refused {source}: {_first_line(error)}") from error
    except Exception as error:  # the client lets its transport's own errors through
        raise ModelError(
            f"the hub cannot be reached ({_first_line(error)}); check the connection and try again"
        ) from error
    if not found.etag or found.size is None or not 0 < found.size <= _MOST_BYTES:
        raise ModelError(f"the hub gives no usable size or hash for {source} ({found.size} bytes)")
    same_host = urlparse(found.location).netloc == urlparse(url).netloc
    return Remote(found.location, found.etag, found.size, found.commit_hash or "", same_host)


def _fetch(
    source: Source, remote: Remote, part: Path, report: Report, stop: Callable[[], bool]
) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    start = _size(part)
    if start > remote.n_bytes:
        part.unlink()
        start = 0
    headers = build_hf_headers(token=None if remote.same_host else False)
    progress = _progress(part.name.split(".part")[0], start, remote.n_bytes, report, stop)
    try:
        with part.open("ab") as file:
            http_get(
                remote.url,
                file,
                resume_size=start,
                headers=headers,
                expected_size=remote.n_bytes,
                displayed_filename=source.file,
                tqdm_class=progress,
            )
    except Stopped:
        raise
    except _TooMuch as error:
        part.unlink(missing_ok=True)
        raise ModelError(
            f"{source}: the server sent more than the {remote.n_bytes} bytes it announced; "
            "nothing was kept"
        ) from error
    except Exception as error:  # transport, disk, or the client's own check of the size
        here = _size(part)
        raise ModelError(
            f"the download of {source} was interrupted at {here} of {remote.n_bytes} bytes "
            f"({_first_line(error)}); run it again to continue"
        ) from error


def _accept(
    source: Source, remote: Remote, part: Path, target: Path, report: Report
) -> Downloaded:
    size = _size(part)
    if size != remote.n_bytes:
        part.unlink(missing_ok=size > remote.n_bytes)
        raise ModelError(f"{source}: {size} bytes came, {remote.n_bytes} were announced")
    sha256 = sha256_of(part, report)
    if remote.sha256 is not None and sha256 != remote.sha256:
        part.unlink()
        raise ModelError(
            f"{source}: the content's SHA-256 is {sha256}, the hub announced {remote.sha256}; "
            "it was thrown away"
        )
    try:
        open_model_file(part)
    except ModelError as error:
        part.unlink()
        raise ModelError(f"{source} is not usable and was thrown away: {error}") from error
    done = Downloaded(target, sha256, size, str(source), remote.sha256 is not None)
    with suppress(OSError), part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, target)
    data = asdict(done) | {"path": target.name, "commit": remote.commit}
    _record(target).write_text(json.dumps(data, indent=1), "utf-8")
    return done


class _TooMuch(Exception):
    """More came than was announced."""


def _progress(
    name: str, start: int, size: int, report: Report, stop: Callable[[], bool]
) -> type[Any]:
    # The client's hook for progress is a class like tqdm; it is also where we can end it.
    class Progress:
        done = start

        def __init__(self, *args: Any, **options: Any) -> None:
            # Not where we wanted to go on: a server may begin again from nothing.
            Progress.done = int(options.get("initial") or 0)

        def __enter__(self) -> Progress:
            return self

        def __exit__(self, *error: object) -> None:
            self.close()

        def update(self, n: int = 1) -> None:
            Progress.done += n
            if stop():
                raise Stopped(f"stopped at {Progress.done} of {size} bytes; run it again to go on")
            if Progress.done > size:
                raise _TooMuch
            report(f"downloading {name.lstrip('.')}", Progress.done / size)

        def close(self) -> None:
            pass

    return Progress


def _make_room(folder: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise ModelError(
            f"{folder} has {free / 1e9:.1f} GB free, {n_bytes / 1e9:.1f} GB are needed; "
            "make room or remove a model (triagent models remove)"
        )


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _short(etag: str) -> str:
    return hashlib.sha256(etag.encode()).hexdigest()[:12]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
