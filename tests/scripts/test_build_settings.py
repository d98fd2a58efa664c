from __future__ import annotations

import sys

import pytest
from triagent_build import settings
from triagent_build.settings import PYPI

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="writes the files of Unix systems")


@pytest.fixture
def environ(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    # Keep the machine's own files out: only what a test writes is read.
    monkeypatch.setattr(
        settings,
        "pip_config_paths",
        lambda environ, real=settings.pip_config_paths: [
            path for path in real(environ) if path.is_relative_to(tmp_path)
        ],
    )
    return {
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "UV_CONFIG_FILE": str(tmp_path / "uv.toml"),
    }


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_settings_it_is_pypi(environ):
    assert settings.read(environ) == settings.Settings(indexes=(PYPI,))


def test_our_own_variable_stands_alone(environ):
    environ |= {"TRIAGENT_INDEX_URL": "https://own", "PIP_EXTRA_INDEX_URL": "https://extra"}
    assert settings.read(environ).indexes == ("https://own",)


def test_pip_variables_replace_and_extend(environ):
    environ |= {"PIP_INDEX_URL": "https://a", "PIP_EXTRA_INDEX_URL": "https://b https://c"}
    assert settings.read(environ).indexes == ("https://a", "https://b", "https://c")


def test_pip_files_are_read_and_the_environment_wins(environ, tmp_path):
    write(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://machine\ncert = /ca\n")
    write(
        tmp_path / "config/pip/pip.conf",
        "[global]\nextra-index-url =\n  https://x\n  https://y\nfind_links = /wheels\n"
        "[install]\nindex-url = https://user\n",
    )
    read = settings.read(environ)
    assert read.indexes == ("https://user", "https://x", "https://y")
    assert read.find_links == ("/wheels",)
    assert read.ca_file == "/ca"
    assert settings.read({**environ, "PIP_INDEX_URL": "https://e"}).indexes[0] == "https://e"


def test_the_environments_own_pip_file_counts(environ, tmp_path):
    write(tmp_path / "prefix/pip.conf", "[global]\nindex-url = https://site\n")
    assert settings.read(environ).indexes == ("https://site",)


def test_an_extra_index_leaves_pypi_in_front(environ):
    environ["PIP_EXTRA_INDEX_URL"] = "file:///opt/simple"
    assert settings.read(environ).indexes == (PYPI, "file:///opt/simple")


def test_uv_variables_and_file(environ, tmp_path):
    environ |= {"UV_DEFAULT_INDEX": "https://uv", "UV_INDEX": "name=https://n https://m/?a=b"}
    assert settings.read(environ).indexes == ("https://uv", "https://n", "https://m/?a=b")
    del environ["UV_DEFAULT_INDEX"], environ["UV_INDEX"]
    write(
        tmp_path / "uv.toml",
        'find-links = ["/l"]\n[[index]]\nurl = "https://d"\ndefault = true\n'
        '[[index]]\nurl = "https://e"\n',
    )
    read = settings.read(environ)
    assert (read.indexes, read.find_links) == (("https://d", "https://e"), ("/l",))


def test_no_index_leaves_find_links(environ):
    environ |= {"PIP_NO_INDEX": "true", "PIP_FIND_LINKS": "/a /b", "PIP_INDEX_URL": ""}
    read = settings.read(environ)
    assert (read.indexes, read.find_links) == ((), ("/a", "/b"))


def test_proxy_trust_and_timeout_follow_pip(environ):
    environ |= {"PIP_PROXY": "http://p:1", "PIP_TRUSTED_HOST": "a b", "PIP_DEFAULT_TIMEOUT": "7"}
    read = settings.read(environ)
    assert (read.proxy, read.trusted_hosts, read.timeout_s) == ("http://p:1", ("a", "b"), 7.0)


def test_a_file_that_pip_could_not_read_either_is_passed_over(environ, tmp_path):
    write(tmp_path / "config/pip/pip.conf", "no section\n")
    write(tmp_path / "uv.toml", "= broken")
    assert settings.read(environ).indexes == (PYPI,)


def test_pips_dev_null_means_no_files(environ, tmp_path):
    write(tmp_path / "config/pip/pip.conf", "[global]\nindex-url = https://user\n")
    environ["PIP_CONFIG_FILE"] = "/dev/null"
    assert settings.read(environ).indexes == (PYPI,)
