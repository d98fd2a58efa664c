"""While no callback is set and nothing of the patch is called, it is not there: the patched
library's logits equal the unpatched one's bit for bit.

TRIAGENT_STOCK_LIB names a folder with the unpatched libraries; without it they are built from the
pinned source distribution, which takes minutes and is left to the slow tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.native.models import GEMMA3, LFM2, LLAMA, QWEN3, write
from triagent.engine.library import load

ROOT = Path(__file__).resolve().parent.parent.parent
STOCK = os.environ.get("TRIAGENT_STOCK_LIB")
SHAPES = {shape.arch: shape for shape in (LLAMA, QWEN3, GEMMA3, LFM2)}

# Without the variable these tests wait for a compile of llama.cpp.
pytestmark = [pytest.mark.native] + ([] if STOCK else [pytest.mark.slow, pytest.mark.timeout(1800)])


def build_stock(folder: Path) -> Path:
    """Compile the pinned llama.cpp without our patches; returns where its libraries are."""
    sys.path.append(str(ROOT / "scripts" / "native"))
    from triagent_build import fetch, source
    from triagent_build.pin import read_pin

    pin = read_pin(ROOT / "patches" / "UPSTREAM")
    source.prepare(folder / "tree", fetch.get_sdist(pin), pin, [])
    build = folder / "build"
    options = ["BUILD_SHARED_LIBS=ON", "CMAKE_BUILD_TYPE=Release", "LLAMA_OPENSSL=OFF"]
    parts = ("APP", "COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER")
    options += [f"LLAMA_BUILD_{part}=OFF" for part in parts]
    configure = ["cmake", "-S", folder / "tree" / source.LLAMA, "-B", build]
    for command in (
        configure + [f"-D{option}" for option in options],
        ["cmake", "--build", build, "--target", "llama", "-j", "2"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return build / "bin"


@pytest.fixture(scope="module")
def stock_lib(tmp_path_factory) -> Path:
    return Path(STOCK) if STOCK else build_stock(tmp_path_factory.mktemp("stock"))


def logits(lib: Path, model: Path, out: Path) -> np.ndarray:
    vendor = Path(load().bindings.__file__).parent.parent
    command = [sys.executable, Path(__file__).parent / "plain.py", vendor, model, out]
    environ = os.environ | {"LLAMA_CPP_LIB_PATH": str(lib), "LD_LIBRARY_PATH": str(lib)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(out)


@pytest.mark.parametrize("arch", SHAPES)
def test_logits_equal_those_of_the_unpatched_library(arch, stock_lib, tmp_path):
    model = write(tmp_path / "model.gguf", SHAPES[arch])
    found = logits(load().folder, model, tmp_path / "patched.npy")
    wanted = logits(stock_lib, model, tmp_path / "stock.npy")
    assert np.isfinite(wanted).all()
    assert np.array_equal(found.view(np.uint32), wanted.view(np.uint32))
