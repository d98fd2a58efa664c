"""`triagent doctor`: what this installation has, what is wrong with it, and the cure.

Looks and reports; changes nothing but a probe file in our own folders. Native code is asked
in a child process: a library that crashes is a finding and not the end of the report. The
exit status is the worst finding's: 0 all well, 1 works with less, 2 does not work.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from triagent import __version__, settings
from triagent.agent.approval_rules import workspace_hash
from triagent.agent.sandbox import LocalSandbox
from triagent.config import Config
from triagent.engine.model_file import open_model_file
from triagent.engine.sidecars import find_sidecar
from triagent.errors import TriagentError
from triagent.models import fit, shelf

NATIVE_SECONDS = 180
"""Longest time the library may take to load a model and test itself."""
_LOW_DISK_BYTES = 2 * 2**30


class Level(IntEnum):
    """How bad a finding is; also the exit status."""

    OK = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    level: Level
    text: str
    cure: str = ""
    """What to do about it; empty when all is well."""


def main(config: Config | None, as_json: bool = False, problem: str = "") -> int:
    """Print the report; returns the exit status.

    Args:
        config: None when the settings could not be read.
        problem: why they could not.
    """
    findings = list(examine(config or Config(), problem, None if as_json else _print))
    worst = max(finding.level for finding in findings)
    if as_json:
        rows = [asdict(item) | {"level": item.level.name.lower()} for item in findings]
        print(json.dumps({"version": __version__, "status": int(worst), "findings": rows}))
    else:
        print({0: "All is well.", 1: "Works, with less than it could.", 2: "Does not work."}[worst])
    return int(worst)


def examine(config: Config, problem: str = "", show: Any = None) -> Iterator[Finding]:
    """Make all findings, in the order of the report; `show` gets each as it is made."""
    for finding in _all(config, problem):
        if show is not None:
            show(finding)
        yield finding


def _all(config: Config, problem: str) -> Iterator[Finding]:
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield Finding("program", Level.OK, f"triagent {__version__} on {system}")
    yield _settings(problem)
    yield from _folders()
    yield _workspace(config.workspace)
    yield _sandbox(config)
    model = config.model.path or shelf.bundled()
    native = _ask_native(config, model)
    yield _library(native)
    devices = native.get("devices", {}).get("found") or []
    yield _devices(native, devices)
    yield from _model(config, model, [_Device(**item) for item in devices])
    if model is not None and model.is_file() and "found" in native.get("devices", {}):
        yield _self_test(native)
    yield Finding("network", Level.OK, "used only to download a model that you ask for")


@dataclass(frozen=True)
class _Device:
    name: str
    description: str
    is_gpu: bool
    free_bytes: int
    total_bytes: int


def _settings(problem: str) -> Finding:
    path = settings.config_file()
    if problem:
        cure = f"correct or remove it; the settings file is {path}"
        return Finding("settings", Level.ERROR, problem, cure)
    there = "read" if path.exists() else "not there, defaults are used"
    return Finding("settings", Level.OK, f"{path} ({there})")


def _folders() -> Iterator[Finding]:
    for name, path in (
        ("config folder", settings.config_folder()),
        ("data folder", settings.data_folder()),
        ("cache folder", settings.cache_folder()),
    ):
        yield _folder(name, path)


def _folder(name: str, path: Path) -> Finding:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        cure = f"make {path} writable for you: it holds your sessions and answers"
        return Finding(name, Level.ERROR, f"{path} cannot be written: {reason}", cure)
    free = shutil.disk_usage(path).free
    if free < _LOW_DISK_BYTES:
        text = f"{path} has only {fit.gib(free)} free"
        return Finding(name, Level.WARNING, text, "make room: sessions are written as you go")
    if name == "data folder" and stat.S_IMODE(path.stat().st_mode) & 0o022:
        cure = f"chmod go-w {path}"
        return Finding(name, Level.WARNING, f"{path} can be written by other users", cure)
    return Finding(name, Level.OK, f"{path} ({fit.gib(free)} free)")


def _workspace(path: Path) -> Finding:
    if not path.is_dir():
        cure = "start triagent in the project's folder, or name it with --workspace"
        return Finding("workspace", Level.ERROR, f"{path} is no folder", cure)
    if path.resolve() in (Path.home().resolve(), Path("/")):
        cure = "start triagent in the folder of one project"
        return Finding("workspace", Level.WARNING, f"{path} holds more than a project", cure)
    if not os.access(path, os.W_OK):
        cure = "nothing can be changed there; use --mode read-only, or another folder"
        return Finding("workspace", Level.WARNING, f"{path} is read-only", cure)
    return Finding("workspace", Level.OK, str(path))


def _sandbox(config: Config) -> Finding:
    workspace = config.workspace if config.workspace.is_dir() else Path.cwd()
    scratch = settings.cache_folder() / "sandbox" / workspace_hash(workspace)
    try:
        sandbox = LocalSandbox(workspace, scratch)
    except OSError as error:
        return Finding("sandbox", Level.WARNING, f"cannot be tried: {error}", "see the folders")
    rung = sandbox.rung
    sandbox.close()
    text = rung.summary + (f" (not {'; not '.join(rung.tried)})" if rung.tried else "")
    return Finding("sandbox", Level.OK if rung.confines else Level.WARNING, text, rung.cure)


def _library(native: dict[str, Any]) -> Finding:
    answer = native.get("library")
    if answer is None:
        return Finding("library", Level.ERROR, f"it crashed: {native['end']}", _REBUILD)
    if "error" in answer:
        return Finding("library", Level.ERROR, answer["error"], _REBUILD)
    found = answer["found"]
    return Finding(
        "library", Level.OK, f"patched, ABI {found['abi']}, in {found['folder']}: {found['system']}"
    )


def _devices(native: dict[str, Any], devices: list[dict[str, Any]]) -> Finding:
    if not devices:
        text = native.get("devices", {}).get("error") or "none, for want of the library"
        return Finding("devices", Level.ERROR, text, _REBUILD)
    names = ", ".join(
        f"{item['name']} {item['description']} ({fit.gib(item['free_bytes'])} of "
        f"{fit.gib(item['total_bytes'])} free)"
        for item in devices
    )
    if not any(item["is_gpu"] for item in devices) and shutil.which("nvidia-smi"):
        cure = "rebuild for it: CMAKE_ARGS=-DGGML_CUDA=ON pip install ."
        return Finding("devices", Level.WARNING, f"{names}; the GPU is not used", cure)
    return Finding("devices", Level.OK, names)


def _model(config: Config, path: Path | None, devices: list[_Device]) -> Iterator[Finding]:
    if path is None:
        cure = "triagent models pull qwen3-8b, then set model.path or use --model"
        yield Finding("model", Level.ERROR, "none is set and none came with triagent", cure)
        return
    try:
        file = open_model_file(path)
        shape = fit.shape_of(path)
    except TriagentError as error:
        yield Finding("model", Level.ERROR, str(error), "choose another: triagent models list")
        return
    estimate = fit.estimate(shape, config.model, config.cache, devices)
    cell = shape.cell_bytes(config.model.cache_type)
    n_full = config.model.n_ctx or shape.n_ctx_train
    text = (
        f"{file.name} ({path}), {estimate}; a cell is {cell / 1024:.1f} KiB: "
        f"{fit.gib(estimate.cache_bytes)} for {estimate.n_cells:,}, "
        f"{fit.gib(cell * n_full)} for all {n_full:,}"
    )
    cure = "" if estimate.fits else "a smaller model, cache.budget or cache_type q8_0"
    yield Finding("model", Level.OK if estimate.fits else Level.WARNING, text, cure)
    yield _sidecar(config, path)


def _sidecar(config: Config, path: Path) -> Finding:
    try:
        found = find_sidecar(open_model_file(path), config.model.sidecar)
    except TriagentError as error:
        return Finding("centers", Level.ERROR, str(error), "remove that file or make it again")
    if found is None:
        cure = "make them with triagent centers; until then evictions go by the keys' norms"
        return Finding("centers", Level.WARNING, "none for this model", cure)
    sidecar, stats = found
    if not stats.recommended_score:
        why = stats.recipe.get("self_test", "none")
        text = "no self-test" if why == "none" else why
        cure = "evictions go by the keys' norms; make them again, with a self-test where it can be"
        return Finding("centers", Level.WARNING, f"{sidecar}: {text}", cure)
    recall = [
        item.recall
        for item in stats.self_tests
        if (item.score, item.budget) == (stats.recommended_score, stats.recommended_budget)
    ]
    measured = f", recall {recall[0]:.2f}" if recall else ""
    full = f" (full attention {stats.full_recall:.2f})" if stats.full_recall is not None else ""
    if not stats.recommended_budget:
        text = f"{sidecar}: recommends {stats.recommended_score}, but no budget was safe{full}"
        return Finding("centers", Level.WARNING, text, "a large cache.budget, or policy none")
    return Finding(
        "centers",
        Level.OK,
        f"{sidecar}: recommends {stats.recommended_score} with "
        f"{stats.recommended_budget:,} cells{measured}{full}",
    )


def _self_test(native: dict[str, Any]) -> Finding:
    answer = native.get("self-test")
    if answer is None:
        cure = f"{_REBUILD}; if it persists, report it with triagent doctor --json"
        return Finding("self-test", Level.ERROR, f"the library crashed: {native['end']}", cure)
    if "error" in answer:
        return Finding("self-test", Level.ERROR, answer["error"], _REBUILD)
    found = answer["found"]
    if not found["bounded"]:
        text = " ".join(found["notes"]) or "this model's cache cannot be evicted from"
        return Finding("self-test", Level.WARNING, text, "choose a model without sliding windows")
    return Finding(
        "self-test", Level.OK, f"rows move and score as they should; policy {found['policy']}"
    )


_REBUILD = "rebuild it: pip install . in triagent's checkout"


def _ask_native(config: Config, model: Path | None) -> dict[str, Any]:
    wanted = {
        "model": str(model) if model is not None and model.is_file() else "",
        "sidecar": str(config.model.sidecar or ""),
        "gpu_layers": config.model.gpu_layers,
        "cache_type": config.model.cache_type,
        "policy": config.cache.policy if config.cache.policy != "none" else "streaming",
    }
    argv = [sys.executable, "-m", "triagent.doctor_native", json.dumps(wanted)]
    root = str(Path(__file__).parents[1])  # not installed, when run from a checkout
    env = {**os.environ, "PYTHONPATH": root}
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=NATIVE_SECONDS, env=env, errors="replace"
        )
        output, end = done.stdout, _end(done)
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode("utf-8", "replace")
        end = f"no answer for {NATIVE_SECONDS} s"
    answers: dict[str, Any] = {"end": end}
    for line in output.splitlines():
        try:
            item = json.loads(line)
            answers[item["step"]] = item
        except (ValueError, KeyError, TypeError):
            continue  # something the library printed
    return answers


def _end(done: subprocess.CompletedProcess[str]) -> str:
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode < 0:
        return f"signal {-done.returncode} {last}".strip()
    return f"status {done.returncode} {last}".strip()


def _print(finding: Finding) -> None:
    mark = {Level.OK: "ok     ", Level.WARNING: "warning", Level.ERROR: "error  "}[finding.level]
    print(f"{mark}  {finding.name:13} {finding.text}", flush=True)
    if finding.cure:
        print(f"{'':9}{'':13} -> {finding.cure}")
