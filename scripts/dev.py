#!/usr/bin/env python3
"""Run triagent, or its tests, from a checkout: `dev.py run [args]`, `dev.py test [args]`.

Sets everything up in a private virtual environment on the first call, and again only when
something that the setup depends on has changed. Needs nothing but Python: no git, no pip
outside the environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
MINORS = range(20, OLDEST[1] - 1, -1)
STAMP = "triagent-setup.json"
EXTRAS = {"run": (), "test": ("calibrate", "test", "train")}
TESTING = ("--slow", "--need", "native,torch,train")


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in EXTRAS:
        print(f"usage: {Path(__file__).name} run [triagent's arguments]", file=sys.stderr)
        print(f"       {Path(__file__).name} test [pytest's arguments]", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    if sys.version_info < OLDEST:
        return run_with_newer_python(arguments)
    command, rest = arguments[0], arguments[1:]
    try:
        environment = set_up(EXTRAS[command])
    except SetupFailed as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    if command == "run":
        return replace_process([program(environment, "triagent"), *rest])
    python = str(program(environment, "python"))
    os.chdir(ROOT)
    return replace_process([python, "-m", "pytest", *TESTING, *rest])


class SetupFailed(Exception):
    """The environment cannot be made; the message says why and what to do."""


def run_with_newer_python(arguments: list[str]) -> int:
    for minor in MINORS:
        newer = shutil.which(f"python3.{minor}")
        if newer:
            return subprocess.call([newer, str(Path(__file__)), *arguments])
    here = ".".join(map(str, sys.version_info[:3]))
    oldest = ".".join(map(str, OLDEST))
    print(f"dev.py: this is Python {here}; triagent needs {oldest} or newer", file=sys.stderr)
    return 1


def program(environment: Path, name: str) -> Path:
    folder, suffix = ("Scripts", ".exe") if sys.platform == "win32" else ("bin", "")
    return environment / folder / (name + suffix)


def replace_process(command: list[str | Path]) -> int:
    command = [str(part) for part in command]
    if sys.platform == "win32":  # exec there returns to the shell at once
        return subprocess.call(command)
    os.execv(command[0], command)


def set_up(extras: tuple[str, ...]) -> Path:
    """Return an environment with triagent installed editable, made or updated if need be."""
    environment = environment_folder()
    stamp = environment / STAMP
    fingerprint = inputs_fingerprint()
    done = read_stamp(stamp)
    current = done.get("fingerprint") == fingerprint
    if current and set(extras) <= set(done["extras"]) and program(environment, "python").exists():
        return environment
    # Keep what an earlier call added: running must not undo what testing installed.
    extras = tuple(sorted({*extras, *done.get("extras", [])}))
    started = time.monotonic()
    say(f"setting up {environment} (the first time takes some minutes: llama.cpp is compiled)")
    make_environment(environment)
    stamp.write_text(json.dumps({"fingerprint": None, "extras": list(extras)}))
    install(environment, extras)
    stamp.write_text(json.dumps({"fingerprint": fingerprint, "extras": list(extras)}))
    say(f"set up in {time.monotonic() - started:.0f} s")
    return environment


def environment_folder() -> Path:
    """Return `.venv` in the checkout, unless that is someone's own or cannot be written."""
    ours = ROOT / ".venv"
    if (ours / STAMP).is_file() or (not ours.exists() and os.access(ROOT, os.W_OK)):
        return ours
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "triagent" / f"venv-{name}"


def inputs_fingerprint() -> str:
    """Hash what the installation depends on; the Python sources are used in place."""
    digest = hashlib.sha256()
    files = [ROOT / "pyproject.toml"]
    for folder in ("patches", "scripts/native"):
        files += sorted(path for path in (ROOT / folder).rglob("*") if path.is_file())
    for path in files:
        if "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    for fact in (sys.version, sys.prefix, str(ROOT), os.environ.get("CMAKE_ARGS", "")):
        digest.update(f"{fact}\0".encode())
    return digest.hexdigest()


def read_stamp(stamp: Path) -> dict:
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}


def make_environment(environment: Path) -> None:
    # Made anew when its Python is gone or is not the one that runs this.
    wanted = ".".join(map(str, sys.version_info[:2]))
    python = program(environment, "python")
    if python.exists() and python_version(python) == wanted:
        return
    environment.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "venv", "--clear", str(environment)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SetupFailed(
            f"cannot make a virtual environment:\n{(made.stdout + made.stderr).strip()}\n"
            f"On Debian and Ubuntu: sudo apt install python{wanted}-venv"
        )


def python_version(python: Path) -> str | None:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() or None


def install(environment: Path, extras: tuple[str, ...]) -> None:
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    command = [program(environment, "python"), "-m", "pip", "install", "--editable", target]
    command += ["--disable-pip-version-check"]
    if not sys.stderr.isatty():
        command += ["--progress-bar", "off"]
    # To stderr: stdout belongs to what is run afterwards.
    if subprocess.call([str(part) for part in command], stdout=sys.stderr):
        raise SetupFailed("the installation failed; its message is above")


def say(text: str) -> None:
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
