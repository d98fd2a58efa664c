"""The model files on this machine: the one that comes with triagent and those downloaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triagent import settings
from triagent.config import Config
from triagent.engine.model_file import open_model_file
from triagent.engine.sidecars import find_sidecar, is_sidecar
from triagent.errors import ModelError, TriagentError
from triagent.models import fit
from triagent.models.catalog import CATALOG, CatalogModel

UNBOUNDED_CELLS = 16384
"""Context that the fit of a model without a budget is estimated for."""


@dataclass(frozen=True)
class Row:
    """One model, here or in the list."""

    name: str
    path: Path | None
    """None: not downloaded."""
    n_bytes: int
    fit: fit.Fit | None
    """None: the file is refused."""
    sidecar: str
    """"ready", "missing", "for another model", "damaged"; empty when it is not here."""
    problem: str
    """Why the file is refused; empty when it is not."""
    listed: CatalogModel | None = None


def models_folder() -> Path:
    """Where downloads go."""
    return settings.data_folder() / "models"


def bundled() -> Path | None:
    """The model that comes with triagent; None when this installation has none."""
    folder = Path(__file__).with_name("bundled")
    found = sorted(path for path in folder.glob("*.gguf") if not is_sidecar(path))
    return found[0] if found else None


def files(folder: Path | None = None, named: Iterable[Path] = ()) -> list[Path]:
    """Model files here, the bundled one first; then those named that lie elsewhere."""
    found = sorted((folder or models_folder()).glob("*.gguf"))
    own = bundled()
    here = [*([own] if own else []), *(path for path in found if not is_sidecar(path))]
    known = {path.resolve() for path in here}
    for path in named:
        if path.is_file() and path.resolve() not in known:
            known.add(path.resolve())
            here.append(path)
    return here


def rows(
    config: Config,
    devices: Sequence[fit.Device] = (),
    folder: Path | None = None,
    named: Sequence[Path] = (),
) -> list[Row]:
    """Every model here, then those of the list that are not.

    Args:
        named: files outside the folder that count as here, beside the configured one.
    """
    own = [config.model.path] if config.model.path is not None else []
    here = [row(path, config, devices) for path in files(folder, [*own, *named])]
    names = {item.path.name for item in here if item.path is not None}
    missing = [model for model in CATALOG if model.source.file not in names]
    return here + [_listed(model, config, devices) for model in missing]


def row(path: Path, config: Config, devices: Sequence[fit.Device] = ()) -> Row:
    """Look at one file."""
    listed = next((model for model in CATALOG if model.source.file == path.name), None)
    size = path.stat().st_size if path.exists() else 0
    try:
        shape = fit.shape_of(path)
    except ModelError as error:
        return Row(path.stem, path, size, None, "", str(error), listed)
    estimate = fit.estimate(shape, config.model, config.cache, devices)
    sidecar = config.model.sidecar if path == config.model.path else None
    return Row(path.stem, path, size, estimate, sidecar_state(path, sidecar), "", listed)


def sidecar_state(path: Path, named: Path | None = None) -> str:
    """State of a model's centers, in a word or two; `named`: the file they should be in."""
    try:
        return "ready" if find_sidecar(open_model_file(path), named) is not None else "missing"
    except TriagentError as error:
        return "for another model" if "was made for" in str(error) else "damaged"


def find(name: str, folder: Path | None = None) -> Path:
    """The file of this name, with or without its ending, or a path.

    Raises:
        ModelError: there is none.
    """
    if Path(name).is_file():
        return Path(name)
    wanted = {name, f"{name}.gguf"}
    wanted |= {model.source.file for model in CATALOG if model.name == name}
    for path in files(folder):
        if path.name in wanted or path.stem == name:
            return path
    known = ", ".join(path.name for path in files(folder)) or "none is here"
    raise ModelError(f'no model "{name}" on this machine ({known}); see: triagent models list')


def listed_fit(
    model: CatalogModel, config: Config, devices: Sequence[fit.Device] = ()
) -> fit.Fit:
    """How a model of the list would run, by the figures of the list."""
    settings_of, cache = config.model, config.cache
    if not model.evicts:
        n_ctx = settings_of.n_ctx or UNBOUNDED_CELLS
        settings_of, cache = replace(settings_of, n_ctx=n_ctx), replace(cache, policy="none")
    return fit.estimate(fit.shape_from_catalog(model), settings_of, cache, devices)


def _listed(model: CatalogModel, config: Config, devices: Sequence[fit.Device]) -> Row:
    estimate = listed_fit(model, config, devices)
    return Row(model.name, None, model.n_bytes, estimate, "", "", model)
