"""Centers of one model in memory (`Stats`) and in a GGUF file beside it (the sidecar).

Tensors, float32, fastest dimension first; f is the band, so one file serves both pairings:

    triattention.blk.{l}.q_mean_re   [n_band, n_head]     Re mu: mean query before RoPE
    triattention.blk.{l}.q_mean_im   [n_band, n_head]     Im mu
    triattention.blk.{l}.q_abs_mean  [n_band, n_head]     m: mean magnitude
    triattention.blk.{l}.fit_vec     [n_rot, n_head_kv]   fitted vector; element 2f is the real and
                                                          2f + 1 the imaginary part of band f
    triattention.blk.{l}.fit_weight  [n_band, n_head_kv]  fitted weights, signed

Only what cannot be computed from the live model is stored: no frequencies, no RoPE scaling. A
file may hold centers, a fit, or both, and carries a digest of itself. Everything is checked before
it is believed; a hostile file costs one `SidecarError`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from triagent.errors import SidecarError
from triagent.kv.coefficients import Geometry
from triagent.kv.gguf_file import GgufError, Header, read_bytes, read_header
from triagent.kv.seal import BLANK, is_intact, sealed
from triagent.kv.shares import are_usable

FORMAT_VERSION = 2
"""Since 2 a file carries a digest of itself; a file of version 1 is read without one."""
SUFFIX = ".centers.gguf"
MAX_BYTES = 1 << 26
"""Of a sidecar; the centers of 126 layers of 128 heads take a fifth of it."""
MAX_JSON = 1 << 20
"""Characters of a table in the metadata; parsed, it takes a hundred times that."""
MAX_VALUE = 1e9
"""Beyond any query or fit, and small enough that no float32 score overflows."""
PREFIX = "triattention."
SEAL = PREFIX + "file_sha256"


@dataclass(frozen=True)
class LayerStats:
    """One model layer's centers."""

    q_center: np.ndarray
    """mu, (n_head, n_band) complex64."""
    q_norm: np.ndarray
    """m, (n_head, n_band) float32."""

    @property
    def concentration(self) -> np.ndarray:
        """|mu| / m, (n_head, n_band) float32, 0 to 1."""
        return np.abs(self.q_center) / np.maximum(self.q_norm, 1e-20)


@dataclass(frozen=True)
class LayerFit:
    """One model layer's fitted coefficients."""

    vectors: np.ndarray
    """(n_head_kv, n_band) complex64, unrotated."""
    weights: np.ndarray
    """(n_head_kv, n_band) float32, signed."""


@dataclass(frozen=True)
class SelfTest:
    """What one score was measured to keep at one budget."""

    score: str
    """Policy name: "triattention", "fitted", "knorm", ..."""
    budget: int
    """Cells."""
    recall: float
    """Share of planted facts that were answered rightly, 0 to 1."""
    nll: float | None = None
    """Nats per token while streaming under that budget; None: not measured."""


@dataclass(frozen=True)
class Stats:
    """Everything that calibration leaves behind for one model."""

    fingerprint: str
    """Of the model's weights (`triagent.kv.fingerprint`)."""
    architecture: str
    model_name: str = ""
    layers: dict[int, LayerStats] = field(default_factory=dict)
    """Model layer -> centers."""
    fits: dict[int, LayerFit] = field(default_factory=dict)
    """Model layer (the one that writes the cache layer) -> fit."""
    fit_normalize: bool = False
    """True: z-normalize fitted scores; False: use them as they are."""
    recommended_score: str = ""
    """Policy that the self-test chose; "" when there was none."""
    recommended_budget: int = 0
    """Cells; 0 when there was no self-test."""
    full_recall: float | None = None
    """The same self-test with full attention."""
    self_tests: tuple[SelfTest, ...] = ()
    layer_shares: dict[int, float] = field(default_factory=dict)
    """Model layer -> its part of a budget with the fitted score, 1 in the mean; empty: alike."""
    skipped: dict[int, str] = field(default_factory=dict)
    """Model layer -> why it has no centers."""
    recipe: dict[str, str] = field(default_factory=dict)
    """How it was made: tool, corpus, its hash, tokens, RoPE settings. For people."""


def tensor_names(il: int) -> dict[str, str]:
    """Name in the file of each part of a layer."""
    parts = ("q_mean_re", "q_mean_im", "q_abs_mean", "fit_vec", "fit_weight")
    return {part: f"{PREFIX}blk.{il}.{part}" for part in parts}


def write_sidecar(path: Path, stats: Stats) -> None:
    """Write `stats` as a sidecar; the file is complete or not there.

    Raises:
        SidecarError: `stats` would not be accepted when read, or the file cannot be written.
    """
    _check_values(stats, path)
    temporary = path.with_name(path.name + ".part")
    try:
        _write(temporary, stats)
        temporary.write_bytes(sealed(temporary.read_bytes(), SEAL))
        temporary.replace(path)
    except OSError as error:
        raise SidecarError(f"{path} cannot be written: {error}. Name another file.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(path: Path, stats: Stats) -> None:
    import gguf  # late: slow to import, and reading does not need it

    writer = gguf.GGUFWriter(path, stats.architecture)
    writer.add_type("triattention")
    if stats.model_name:
        writer.add_name(stats.model_name)
    writer.add_uint32(PREFIX + "version", FORMAT_VERSION)
    writer.add_string(SEAL, BLANK)
    writer.add_string(PREFIX + "fingerprint", stats.fingerprint)
    writer.add_string(PREFIX + "capture_point", "post_norm_pre_rope")
    writer.add_bool(PREFIX + "fit_normalize", stats.fit_normalize)
    writer.add_string(PREFIX + "recommended_score", stats.recommended_score)
    writer.add_uint32(PREFIX + "recommended_budget", stats.recommended_budget)
    if stats.full_recall is not None:
        writer.add_float32(PREFIX + "full_recall", stats.full_recall)
    tests = [[t.score, t.budget, t.recall, t.nll] for t in stats.self_tests]
    writer.add_string(PREFIX + "self_tests", json.dumps(tests))
    if stats.layer_shares:
        writer.add_string(PREFIX + "layer_shares", json.dumps(stats.layer_shares))
    writer.add_string(PREFIX + "skipped", json.dumps(stats.skipped))
    for key, value in stats.recipe.items():
        writer.add_string(f"{PREFIX}recipe.{key}", value)
    for name, array in _arrays(stats).items():
        writer.add_tensor(name, np.ascontiguousarray(array, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_sidecar(path: Path) -> Stats:
    """Read a sidecar, checking everything that can be checked without the model.

    Raises:
        SidecarError: missing, damaged, of another format version, or with values that cannot be.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise GgufError(f"{size} bytes is too large for centers")
        header = read_header(path)
        stats = _parse(path, header)
        _check_values(stats, path)
        # after the rest, which says better what is wrong
        if header.values[PREFIX + "version"] > 1 and not is_intact(path.read_bytes(), SEAL):
            raise GgufError("its contents are not those that were written; it is damaged")
    except (GgufError, OSError) as error:
        raise SidecarError(f"{path}: not a usable sidecar: {error}. Make it again.") from error
    return stats


def check_model(stats: Stats, fingerprint: str, layers: Sequence[Geometry], score: str) -> None:
    """Refuse a sidecar of another model, or one that lacks what `score` needs.

    Raises:
        SidecarError: naming the file's and the model's values.
    """
    if stats.fingerprint != fingerprint:
        raise SidecarError(
            f"the sidecar was made for model {stats.fingerprint[:16]}, this one is "
            f"{fingerprint[:16]}. Make one for this model, or leave --sidecar out."
        )
    for layer in layers:
        if score == "fitted":
            fit = stats.fits.get(layer.il)
            _expect(layer.il, "fit", fit and fit.vectors.shape, (layer.n_head_kv, layer.n_band))
        if score == "triattention":
            for reader in layer.readers:
                got = stats.layers.get(reader)
                shape = got and got.q_center.shape
                _expect(reader, "centers", shape, (layer.n_head, layer.n_band))


def _expect(il: int, what: str, got: tuple[int, ...] | None, wanted: tuple[int, int]) -> None:
    if got is None:
        raise SidecarError(f"the sidecar has no {what} for layer {il}; the model needs {wanted}")
    if got != wanted:
        raise SidecarError(f"layer {il}: the sidecar's {what} are {got}, the model needs {wanted}")


def _arrays(stats: Stats) -> dict[str, np.ndarray]:
    out: dict[str, np.ndarray] = {}
    for il, layer in sorted(stats.layers.items()):
        names = tensor_names(il)
        out[names["q_mean_re"]] = layer.q_center.real
        out[names["q_mean_im"]] = layer.q_center.imag
        out[names["q_abs_mean"]] = layer.q_norm
    for il, fit in sorted(stats.fits.items()):
        names = tensor_names(il)
        pairs = np.stack([fit.vectors.real, fit.vectors.imag], -1)  # (n_head_kv, n_band, 2)
        out[names["fit_vec"]] = pairs.reshape(len(pairs), -1)
        out[names["fit_weight"]] = fit.weights
    return out


def _parse(path: Path, header: Header) -> Stats:
    values = header.values
    version = values.get(PREFIX + "version")
    if version not in (1, FORMAT_VERSION):
        raise GgufError(f"format version {_brief(version)}, this program reads {FORMAT_VERSION}")
    parts = _load_parts(path, header)
    recipe = {
        printable(key.removeprefix(PREFIX + "recipe.")): printable(str(value))
        for key, value in values.items()
        if key.startswith(PREFIX + "recipe.")
    }
    full = values.get(PREFIX + "full_recall")
    return Stats(
        fingerprint=_text(values, PREFIX + "fingerprint"),
        architecture=_text(values, "general.architecture"),
        model_name=printable(str(values.get("general.name", ""))),
        layers={il: _layer(il, p) for il, p in parts.items() if "q_mean_re" in p},
        fits={il: _fit(il, p) for il, p in parts.items() if "fit_vec" in p},
        fit_normalize=bool(values.get(PREFIX + "fit_normalize", False)),
        recommended_score=printable(str(values.get(PREFIX + "recommended_score", ""))),
        recommended_budget=_count(values, PREFIX + "recommended_budget"),
        full_recall=_share(full) if isinstance(full, float) else None,
        self_tests=_self_tests(values),
        layer_shares=_layer_shares(values),
        skipped=_skipped(values),
        recipe=recipe,
    )


def _load_parts(path: Path, header: Header) -> dict[int, dict[str, np.ndarray]]:
    """Read all known tensors: layer -> part -> (n_heads, n) float32."""
    parts: dict[int, dict[str, np.ndarray]] = {}
    for name, info in header.tensors.items():
        pieces = name.split(".")
        if len(pieces) != 4 or pieces[:2] != ["triattention", "blk"] or not pieces[2].isdecimal():
            continue  # later versions may add tensors that this one does without
        il = int(pieces[2])
        if tensor_names(il).get(pieces[3]) != name:
            continue
        if info.type != 0 or len(info.shape) not in (1, 2):
            raise GgufError(f"tensor {name!r} has type {info.type} and shape {info.shape}")
        data = np.frombuffer(read_bytes(path, header, name), "<f4")
        n_heads = info.shape[1] if len(info.shape) == 2 else 1
        parts.setdefault(il, {})[pieces[3]] = data.reshape(n_heads, info.shape[0])
    return parts


def _layer(il: int, parts: dict[str, np.ndarray]) -> LayerStats:
    wanted = [parts.get(name) for name in ("q_mean_re", "q_mean_im", "q_abs_mean")]
    re, im, norm = wanted
    if re is None or im is None or norm is None or not re.shape == im.shape == norm.shape:
        shapes = [None if part is None else part.shape for part in wanted]
        raise GgufError(f"layer {il}: centers of shapes {shapes} do not belong together")
    return LayerStats(_complex(re, im), norm.copy())


def _fit(il: int, parts: dict[str, np.ndarray]) -> LayerFit:
    vec, weight = parts["fit_vec"], parts.get("fit_weight")
    if weight is None or vec.shape != (len(weight), 2 * weight.shape[1]):
        shape = None if weight is None else weight.shape
        raise GgufError(f"layer {il}: fit_vec {vec.shape} does not belong to fit_weight {shape}")
    return LayerFit(_complex(vec[:, 0::2], vec[:, 1::2]), weight.copy())


def _complex(re: np.ndarray, im: np.ndarray) -> np.ndarray:
    out = np.empty(re.shape, np.complex64)  # re + 1j * im would warn of infinities
    out.real, out.imag = re, im
    return out


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise GgufError(f"metadata {key!r} is {_brief(value)}; text is needed")
    return printable(value)


def _brief(value: Any) -> str:
    return repr(value)[:80]  # a hostile value may be megabytes


def printable(text: str) -> str:
    """Text of a foreign file that is safe to show: it cannot move a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in text[:1000])


def _count(values: dict[str, Any], key: str) -> int:
    value = values.get(key, 0)
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else 0


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise GgufError(f"a share of {value} is not between 0 and 1")
    return value


def _json(values: dict[str, Any], key: str, empty: Any) -> Any:
    text = values.get(PREFIX + key, "") or json.dumps(empty)
    if isinstance(text, str) and len(text) > MAX_JSON:
        raise GgufError(f"metadata {PREFIX + key!r} has {len(text)} characters")
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise GgufError(f"metadata {PREFIX + key!r} is not JSON") from error
    if not isinstance(found, type(empty)):
        raise GgufError(f"metadata {PREFIX + key!r} is JSON of another shape")
    return found


def _self_tests(values: dict[str, Any]) -> tuple[SelfTest, ...]:
    try:
        return tuple(_self_test(*row) for row in _json(values, "self_tests", []))
    except GgufError:  # itself a ValueError, and says more
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise GgufError("the self-test table is malformed") from error


def _self_test(score: str, budget: int, recall: float, nll: float | None) -> SelfTest:
    nats = None if nll is None else float(nll)
    if nats is not None and not isfinite(nats):
        raise ValueError(f"{nats} nats")
    n_cells = int(budget)
    if not 0 <= n_cells < 1 << 31:
        raise ValueError(f"a budget of {n_cells}")
    return SelfTest(printable(str(score)), n_cells, _share(float(recall)), nats)


def _layer_shares(values: dict[str, Any]) -> dict[int, float]:
    found = _json(values, "layer_shares", {})
    try:
        return {int(il): float(share) for il, share in found.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise GgufError("the table of layers' shares is malformed") from error


def _skipped(values: dict[str, Any]) -> dict[int, str]:
    try:
        return {int(il): printable(str(why)) for il, why in _json(values, "skipped", {}).items()}
    except GgufError:
        raise
    except ValueError as error:
        raise GgufError("the table of skipped layers is malformed") from error


def _check_values(stats: Stats, path: Path) -> None:
    if not stats.layers and not stats.fits:
        raise SidecarError(f"{path}: holds neither centers nor a fit. Make it again.")
    for il, layer in stats.layers.items():
        mu = np.abs(layer.q_center)
        sound = mu.size and _are_usable(mu, layer.q_norm)
        # the mean of magnitudes is never below the magnitude of the mean; 1e-3 for rounding
        if not sound or (mu > layer.q_norm * 1.001 + 1e-6).any():
            raise SidecarError(f"{path}: layer {il} has centers that no queries can have.")
    for il, fit in stats.fits.items():
        if not (fit.weights.size and _are_usable(fit.vectors, fit.weights)):
            raise SidecarError(f"{path}: layer {il} has a fit that is empty or not finite.")
    if not are_usable(list(stats.layer_shares.values())):
        raise SidecarError(f"{path}: layers have shares that are not positive numbers.")


def _are_usable(*arrays: np.ndarray) -> bool:
    """Whether all values are finite and small enough; NaN compares false."""
    return all(bool((np.abs(array) <= MAX_VALUE).all()) for array in arrays)
