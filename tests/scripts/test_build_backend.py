from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import triagent_build
from triagent_build import applier, pin, report, toolchain
from triagent_build.errors import BuildError

import triagent

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "patches").glob("*.patch"))

unix = pytest.mark.skipif(sys.platform == "win32", reason="CMake finds Visual Studio by itself")


def compiler(folder, name, exit_code):
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)


@unix
def test_no_compiler_is_one_message_with_the_command_to_install_one(tmp_path):
    with pytest.raises(BuildError) as caught:
        toolchain.check({"PATH": str(tmp_path)})
    assert "no C++ compiler found (looked for c++, g++, clang++)" in str(caught.value)
    assert "install" in str(caught.value).lower().split("\n", 1)[1]


@unix
def test_a_compiler_that_cannot_run_does_not_count(tmp_path):
    compiler(tmp_path, "c++", 1)
    with pytest.raises(BuildError, match="no C\\+\\+ compiler"):
        toolchain.check({"PATH": str(tmp_path)})


@unix
def test_any_working_pair_of_compilers_will_do(tmp_path):
    compiler(tmp_path, "clang++", 0)
    with pytest.raises(BuildError, match="no C compiler"):
        toolchain.check({"PATH": str(tmp_path)})
    compiler(tmp_path, "clang", 0)
    toolchain.check({"PATH": str(tmp_path)})


@unix
def test_a_chosen_compiler_that_is_missing_is_named(tmp_path):
    with pytest.raises(BuildError, match="CXX=nope -O2 is not a working"):
        toolchain.check({"PATH": str(tmp_path), "CXX": "nope -O2"})


@unix
def test_cmake_arguments_may_name_the_compilers(tmp_path):
    arguments = "-DCMAKE_C_COMPILER=/x/cc -DCMAKE_CXX_COMPILER=/x/c++"
    toolchain.check({"PATH": str(tmp_path), "CMAKE_ARGS": arguments})


def test_a_foreseen_failure_ends_the_hook_without_a_traceback(capfd, monkeypatch, tmp_path):
    report._terminal.cache_clear()
    monkeypatch.setattr(report, "_terminal", lambda: None)

    def refuse():
        raise BuildError("no compiler, install one")

    monkeypatch.setattr(toolchain, "check", refuse)
    with pytest.raises(SystemExit) as caught:
        triagent_build.build_wheel(str(tmp_path))
    assert caught.value.code == 1
    assert capfd.readouterr().err == "triagent: error: no compiler, install one\n"


def test_options_that_changed_drop_the_cmake_cache_and_keep_the_objects(tmp_path, monkeypatch):
    monkeypatch.setattr(triagent_build, "BUILD", tmp_path)
    cache, object_file = tmp_path / "tag" / "CMakeCache.txt", tmp_path / "tag" / "a.o"
    cache.parent.mkdir()

    def remains(arguments):
        cache.write_text("")
        object_file.write_text("")
        monkeypatch.setenv("CMAKE_ARGS", arguments)
        triagent_build._forget_other_options(None)
        assert object_file.exists()
        return cache.exists()

    assert not remains("-DGGML_CUDA=ON")
    assert remains("-DGGML_CUDA=ON")
    assert not remains("")


def test_the_pin_is_complete_and_its_hash_is_one():
    upstream = pin.read_pin(ROOT / "patches" / "UPSTREAM")
    assert upstream.filename == f"llama_cpp_python-{upstream.version}.tar.gz"
    assert re.fullmatch(r"[0-9a-f]{9,40}", upstream.commit)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("llama-cpp-python = 1\n", "no line for sha256, llama.cpp"),
        ("llama-cpp-python = 1\nsha256 = 12\nllama.cpp = a\n", "sha256 = 12 is not 64"),
    ],
)
def test_a_pin_that_is_incomplete_says_what_is_missing(tmp_path, text, problem):
    (tmp_path / "UPSTREAM").write_text(text)
    with pytest.raises(BuildError, match=problem):
        pin.read_pin(tmp_path / "UPSTREAM")


def test_every_patch_can_be_parsed_and_reversed():
    for path in PATCHES:
        patch = applier.parse(path.name, path.read_bytes())
        assert patch.reversed().reversed() == patch
        for file in patch.files:
            assert not file.path.startswith(("/", "../"))


def test_project_metadata_agrees_with_the_tree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["build-backend"] == triagent_build.__name__
    backend = ROOT / project["build-system"]["backend-path"][0] / "triagent_build"
    assert backend == Path(triagent_build.__file__).parent
    for file in project["project"]["license-files"]:
        assert (ROOT / file).is_file()
    source = (ROOT / "triagent" / "__init__.py").read_text()
    assert f'__version__ = "{triagent.__version__}"' in source


def test_the_bindings_dependencies_are_declared_as_ours():
    # llama-cpp-python is shipped inside our wheel, so no installer reads its metadata.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[\w.-]+", text)[0] for text in project["dependencies"]}
    assert {"typing-extensions", "numpy", "diskcache", "jinja2"} <= names


def test_torch_is_in_an_extra_with_a_range_that_ends():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any(text.startswith("torch") for text in project["dependencies"])
    torch = [text for text in project["optional-dependencies"]["calibrate"] if "torch" in text]
    assert len(torch) == 1 and "<" in torch[0]


@pytest.mark.native
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_wheel_ships_libraries_bindings_and_licences(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("triagent-*.whl")
    assert re.search(r"-py3-none-(?!any)", wheel.name)
    names = zipfile.ZipFile(wheel).namelist()
    libraries = {Path(name).name.split(".")[0] for name in names if "triagent_native/lib/" in name}
    assert {"libllama", "libggml", "libggml-base", "libggml-cpu"} <= libraries
    sources = [path for path in (ROOT / "triagent").rglob("*") if path.is_file()]
    for path in sources:
        if "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names
    for name in (
        "triagent_native/__init__.py",
        "triagent_native/vendor/llama_cpp/llama_cpp.py",
        "triagent_native/licenses/llama.cpp.txt",
        "triagent_native/licenses/llama-cpp-python.txt",
    ):
        assert name in names
    assert {Path(name).name for name in names if "/licenses/" in name} >= {"LICENSE", "NOTICE"}
    assert not [name for name in names if name.startswith(("tests/", "scripts/", "build/"))]
