"""Find the centers that belong to a model: named, beside it, or in the user's data folder."""

from __future__ import annotations

from pathlib import Path

from triagent.engine.model_file import ModelFile
from triagent.errors import SidecarError
from triagent.kv.gguf_file import GgufError, read_header
from triagent.kv.sidecar import PREFIX, SUFFIX, Stats, read_sidecar


def data_folder() -> Path | None:
    """Where calibration leaves sidecars; None when the system has no such place."""
    try:
        import platformdirs  # not needed where the sidecar is named
    except ImportError:
        return None
    return Path(platformdirs.user_data_dir("triagent", appauthor=False)) / "centers"


def beside(model: Path) -> Path:
    """The sidecar's name beside a model: `m.gguf` -> `m.centers.gguf`."""
    return model.with_name(model.name.removesuffix(".gguf") + SUFFIX)


def find_sidecar(model: ModelFile, named: Path | None) -> tuple[Path, Stats] | None:
    """Read the model's sidecar, or None when it has none.

    A file that was named, or that lies beside the model, must be this model's: another model's
    is an error and not skipped. In the data folder files go by fingerprint.

    Raises:
        SidecarError: the file is damaged or belongs to another model.
    """
    if named is not None and not named.is_file():
        raise SidecarError(f"{named}: no such sidecar")
    for path in (named, beside(model.path)):
        if path is not None and path.is_file():
            return path, _checked(path, model)
    folder = data_folder()
    if folder is None:
        return None
    path = folder / f"{model.fingerprint}{SUFFIX}"
    if path.is_file():
        return path, _checked(path, model)
    return None


def _checked(path: Path, model: ModelFile) -> Stats:
    stats = read_sidecar(path)
    if stats.fingerprint != model.fingerprint:
        raise SidecarError(
            f"{path} was made for model {stats.fingerprint[:16]} ({stats.model_name}), "
            f"{model.path.name} is {model.fingerprint[:16]}. Remove it or make it again."
        )
    return stats


def is_sidecar(path: Path) -> bool:
    """Whether a file calls itself a sidecar, sound or not."""
    try:
        return PREFIX + "version" in read_header(path).values
    except (GgufError, OSError):
        return False
