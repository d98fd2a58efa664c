"""Find, check and load the patched llama.cpp library and its bindings.

The only place that imports llama_cpp. Knows where a build puts the files (package
`triagent_native`: `lib/` and `vendor/llama_cpp`) and how to tell our library from a stock one;
knows nothing of what is called in it (`native.py` does).
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from triagent.errors import NativeError

ABI_VERSION = 3
"""LLAMA_KV_EVICT_ABI_VERSION of the header that `native.py` mirrors."""

REBUILD = "Rebuild it: `pip install .` in triagent's checkout, or `python3 scripts/dev.py run`."
FILE_NAMES = {"win32": ("llama.dll", "libllama.dll"), "darwin": ("libllama.dylib", "libllama.so")}


@dataclass(frozen=True)
class Library:
    folder: Path
    """Where libllama and libggml* lie."""
    bindings: ModuleType
    """llama_cpp.llama_cpp: the low-level functions, loaded from `folder`."""
    lib: ctypes.CDLL
    """libllama itself, for the functions that the bindings do not know."""
    abi_version: int


@functools.cache
def load() -> Library:
    """Load the patched library once per process and return it with its bindings.

    `LLAMA_CPP_LIB_PATH`, the bindings' own variable, may name the folder of another build; it
    is checked in the same way.

    Raises:
        NativeError: not installed, not patched, of another ABI, or llama_cpp was imported
            from elsewhere before.
    """
    package = _package_folder()
    vendor = package / "vendor"
    _refuse_foreign_import(vendor)
    folder = Path(os.environ.get("LLAMA_CPP_LIB_PATH") or package / "lib").absolute()
    abi_version = check(folder)
    bindings = _import_bindings(vendor, folder)
    return Library(folder, bindings, bindings._lib, abi_version)


def check(folder: Path) -> int:
    """Return the ABI number of the patched library in a folder.

    Raises:
        NativeError: there is none, it cannot be loaded, it is stock, or its ABI is not ours.
    """
    path = _library_file(folder)
    if sys.platform == "win32":
        os.add_dll_directory(str(folder))
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeError(f"{path} cannot be loaded: {error}. {REBUILD}") from error
    try:
        # int32_t llama_kv_evict_abi_version(void);
        abi_version_of = lib.llama_kv_evict_abi_version
    except AttributeError:
        raise NativeError(
            f"{path} is a llama.cpp without triagent's patch (no llama_kv_evict_abi_version); "
            f"its cache cannot be kept within a budget. {_next_step()}"
        ) from None
    abi_version_of.argtypes = []
    abi_version_of.restype = ctypes.c_int32
    found = int(abi_version_of())
    if found != ABI_VERSION:
        raise NativeError(
            f"{path} has eviction ABI {found}, this triagent needs {ABI_VERSION}. {_next_step()}"
        )
    return found


def _package_folder() -> Path:
    spec = importlib.util.find_spec("triagent_native")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (Path(folder) / "vendor" / "llama_cpp").is_dir():
            return Path(folder)
    where = f" ({folders[0]} holds no vendor/llama_cpp)" if folders else ""
    raise NativeError(
        f"triagent's native library is not installed{where}. "
        "Run `pip install .` in its checkout, or `python3 scripts/dev.py run`."
    )


def _refuse_foreign_import(vendor: Path) -> None:
    """Two copies of the bindings would mean two libraries: only ours may be imported."""
    module = sys.modules.get("llama_cpp")
    if module is None:
        return
    origin = getattr(module, "__file__", None) or "an unknown place"
    if not Path(origin).resolve().is_relative_to(vendor.resolve()):
        raise NativeError(
            f"llama_cpp was already imported from {origin}; triagent needs the copy in {vendor}. "
            "Import triagent's engine before llama_cpp, or in a process of its own."
        )


def _library_file(folder: Path) -> Path:
    names = FILE_NAMES.get(sys.platform, ("libllama.so",))
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise NativeError(f"no {' or '.join(names)} in {folder}. {_next_step()}")


def _next_step() -> str:
    if os.environ.get("LLAMA_CPP_LIB_PATH"):
        return "Unset LLAMA_CPP_LIB_PATH to use the library that triagent was built with."
    return REBUILD


def _import_bindings(vendor: Path, folder: Path) -> ModuleType:
    # The bindings read the variable while they are imported, and only then.
    before = os.environ.get("LLAMA_CPP_LIB_PATH")
    os.environ["LLAMA_CPP_LIB_PATH"] = str(folder)
    sys.path.insert(0, str(vendor))
    try:
        return importlib.import_module("llama_cpp.llama_cpp")
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        raise NativeError(
            f"the bindings in {vendor} do not fit the library in {folder}: {error}. {REBUILD}"
        ) from error
    finally:
        sys.path.remove(str(vendor))
        if before is None:
            del os.environ["LLAMA_CPP_LIB_PATH"]
        else:
            os.environ["LLAMA_CPP_LIB_PATH"] = before
