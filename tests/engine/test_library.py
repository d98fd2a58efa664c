from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import tree_sitter._binding

from triagent.engine import library
from triagent.errors import NativeError

NAME = library.FILE_NAMES.get(sys.platform, ("libllama.so",))[0]


@pytest.fixture
def stock(tmp_path):
    # Any loadable library without the symbol stands for an unpatched llama.cpp.
    shutil.copy(tree_sitter._binding.__file__, tmp_path / NAME)
    return tmp_path


def installed_at(monkeypatch, *folders):
    spec = SimpleNamespace(submodule_search_locations=[str(folder) for folder in folders])
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: spec if folders else None)


def test_without_the_native_package_it_says_how_to_install(monkeypatch):
    installed_at(monkeypatch)
    with pytest.raises(NativeError, match=r"not installed\. Run `pip install \.`"):
        library._package_folder()


def test_a_native_package_without_bindings_is_named(monkeypatch, tmp_path):
    installed_at(monkeypatch, tmp_path)
    with pytest.raises(NativeError, match="holds no vendor/llama_cpp"):
        library._package_folder()


def test_a_folder_without_the_library_is_named(tmp_path):
    with pytest.raises(NativeError, match=f"no {NAME}.* in {tmp_path}"):
        library.check(tmp_path)


def test_a_file_that_is_no_library_is_named(tmp_path):
    (tmp_path / NAME).write_bytes(b"text")
    with pytest.raises(NativeError, match=f"{NAME} cannot be loaded"):
        library.check(tmp_path)


def test_a_stock_library_is_refused_by_name(stock):
    with pytest.raises(NativeError) as caught:
        library.check(stock)
    assert f"{stock / NAME} is a llama.cpp without triagent's patch" in str(caught.value)
    assert "pip install ." in str(caught.value)


def test_a_library_chosen_by_variable_is_checked_as_well(stock, monkeypatch):
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(stock))
    with pytest.raises(NativeError, match="Unset LLAMA_CPP_LIB_PATH"):
        library.check(stock)


def test_llama_cpp_imported_from_elsewhere_is_refused(monkeypatch, tmp_path):
    module = ModuleType("llama_cpp")
    module.__file__ = "/elsewhere/llama_cpp/__init__.py"
    monkeypatch.setitem(sys.modules, "llama_cpp", module)
    with pytest.raises(NativeError, match="already imported from /elsewhere"):
        library._refuse_foreign_import(tmp_path)


def test_our_own_bindings_may_have_been_imported(monkeypatch, tmp_path):
    module = ModuleType("llama_cpp")
    module.__file__ = str(tmp_path / "llama_cpp" / "__init__.py")
    monkeypatch.setitem(sys.modules, "llama_cpp", module)
    library._refuse_foreign_import(tmp_path)


def in_new_process(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.native
def test_the_built_library_loads_with_its_bindings_and_abi_number():
    # In a process of its own: the bindings' import replaces llama.cpp's log callback.
    done = in_new_process(
        "from triagent.engine import library\n"
        "found = library.load()\n"
        "assert library.load() is found\n"
        "assert found.bindings.llama_max_devices() > 0\n"
        "print(found.abi_version, found.folder)\n"
    )
    assert done.returncode == 0, done.stderr
    abi_version, folder = done.stdout.split(maxsplit=1)
    assert int(abi_version) == library.ABI_VERSION
    assert (Path(folder.strip()) / NAME).is_file()


@pytest.mark.native
def test_a_library_of_another_abi_is_refused_with_both_numbers():
    done = in_new_process(
        "from triagent.engine import library\nlibrary.ABI_VERSION += 1\nlibrary.load()\n"
    )
    wanted = library.ABI_VERSION + 1
    expected = f"has eviction ABI {library.ABI_VERSION}, this triagent needs {wanted}"
    assert expected in done.stderr
