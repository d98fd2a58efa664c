from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading

import pytest
from triagent_build import fetch
from triagent_build.errors import BuildError
from triagent_build.pin import Pin

CONTENT = b"source " * 5000
NAME = "llama_cpp_python-9.9.tar.gz"
PIN = Pin("9.9", hashlib.sha256(CONTENT).hexdigest(), "abc")
JSON = "application/vnd.pypi.simple.v1+json"


class Index(http.server.ThreadingHTTPServer):
    """A package index: path -> (content type, content) or a status; records its requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {}
        self.requests = []
        self.login = None
        self.cut_to = None  # send only so many bytes of a file

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def add_project(self, kind="json"):
        file = f"../../files/{NAME}#sha256=whatever"
        other = "../../files/llama_cpp_python-9.8.tar.gz"
        if kind == "json":
            files = [{"filename": url.rsplit("/", 1)[-1], "url": url} for url in (other, file)]
            page = (JSON, json.dumps({"files": files}).encode())
        else:
            links = "".join(f'<a href="{url}">x</a>' for url in (other, file))
            page = ("text/html", f"<html><body>{links}</body></html>".encode())
        self.pages["/simple/llama-cpp-python/"] = page
        self.pages[f"/files/{NAME}"] = ("application/gzip", CONTENT)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        page = self.server.pages.get(self.path, 404)
        login = self.server.login
        if login and self.headers.get("Authorization") != login:
            page = 401
        if isinstance(page, int):
            self.send_error(page)
            return
        kind, content = page
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = self.server.cut_to if self.path.startswith("/files") else None
        self.wfile.write(content[:cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def index():
    server = Index()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def environ(tmp_path, index, monkeypatch):
    monkeypatch.setattr(fetch, "PAUSES_S", (0.0, 0.0))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": "/dev/null",
        "UV_NO_CONFIG": "1",
        "PIP_INDEX_URL": f"{index.url}/simple",
    }


@pytest.mark.parametrize("kind", ["json", "html"])
def test_the_file_is_found_checked_and_cached(index, environ, kind):
    index.add_project(kind)
    path = fetch.get_sdist(PIN, environ)
    assert path.read_bytes() == CONTENT
    assert path.parent == fetch.cache_folder(environ)
    assert [file.name for file in path.parent.iterdir()] == [NAME]


def test_a_cached_file_needs_no_index(index, environ):
    index.add_project()
    first = fetch.get_sdist(PIN, environ)
    index.requests.clear()
    assert fetch.get_sdist(PIN, environ) == first
    assert index.requests == []


def test_a_damaged_cached_file_is_fetched_again(index, environ):
    index.add_project()
    fetch.get_sdist(PIN, environ).write_bytes(b"damaged")
    assert fetch.get_sdist(PIN, environ).read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_not_cached(index, environ):
    index.add_project()
    index.pages[f"/files/{NAME}"] = ("application/gzip", b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(BuildError) as caught:
        fetch.get_sdist(PIN, environ)
    assert f"expected {PIN.sha256}, found {found}" in str(caught.value)
    assert list(fetch.cache_folder(environ).iterdir()) == []


def test_a_truncated_download_is_tried_again_and_then_reported(index, environ):
    index.add_project()
    index.cut_to = 1000
    with pytest.raises(BuildError, match=f"broke off after 1000 of {len(CONTENT)} bytes"):
        fetch.get_sdist(PIN, environ)
    assert index.requests.count(f"/files/{NAME}") == 3


def test_a_download_that_recovers_succeeds(index, environ, monkeypatch):
    index.add_project()
    index.cut_to = 1000
    monkeypatch.setattr(fetch.time, "sleep", lambda _: setattr(index, "cut_to", None))
    assert fetch.get_sdist(PIN, environ).read_bytes() == CONTENT


def test_an_index_without_the_project_says_so_and_what_to_do(index, environ):
    with pytest.raises(BuildError) as caught:
        fetch.get_sdist(PIN, environ)
    message = str(caught.value)
    assert f"{index.url}/simple: HTTP 404" in message
    for hint in ("PIP_INDEX_URL", "HTTPS_PROXY", f"TRIAGENT_LLAMA_SDIST=/path/to/{NAME}"):
        assert hint in message


def test_an_index_without_the_version_is_reported(index, environ):
    index.pages["/simple/llama-cpp-python/"] = (JSON, b'{"files": []}')
    with pytest.raises(BuildError, match=f"does not list {NAME}"):
        fetch.get_sdist(PIN, environ)


def test_json_that_is_not_an_index_is_reported(index, environ):
    index.pages["/simple/llama-cpp-python/"] = (JSON, b'["surprise"]')
    with pytest.raises(BuildError, match="not of the simple API"):
        fetch.get_sdist(PIN, environ)


def test_no_network_is_one_message_with_the_way_round(environ):
    with pytest.raises(BuildError) as caught:
        fetch.get_sdist(PIN, environ | {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert "http://127.0.0.1:9/simple: " in str(caught.value)
    assert "TRIAGENT_LLAMA_SDIST" in str(caught.value)


def test_the_next_index_is_asked_when_the_first_fails(index, environ):
    index.add_project()
    environ["PIP_INDEX_URL"] = f"{index.url}/empty"
    environ["PIP_EXTRA_INDEX_URL"] = f"{index.url}/simple"
    assert fetch.get_sdist(PIN, environ).read_bytes() == CONTENT


def test_credentials_are_sent_and_never_shown(index, environ):
    index.add_project()
    index.login = "Basic " + base64.b64encode(b"me:p@ss").decode()
    with_login = f"http://me:p%40ss@127.0.0.1:{index.server_port}/simple"
    environ["PIP_INDEX_URL"] = with_login
    assert fetch.get_sdist(PIN, environ).read_bytes() == CONTENT
    environ["PIP_INDEX_URL"] = with_login.replace("p%40ss", "wrong")
    fetch.get_sdist(PIN, environ).unlink()
    with pytest.raises(BuildError, match="HTTP 401") as caught:
        fetch.get_sdist(PIN, environ)
    assert "wrong" not in str(caught.value)


def test_a_file_index_and_a_folder_of_links_serve_it_without_network(tmp_path, environ):
    folder = tmp_path / "some where"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    page = folder / "simple" / "llama-cpp-python" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../{NAME}">it</a>')
    by_index = {**environ, "PIP_INDEX_URL": (folder / "simple").as_uri()}
    by_links = {**environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder.as_uri()}
    for settings in (by_index, by_links):
        path = fetch.get_sdist(PIN, settings)
        assert path.read_bytes() == CONTENT
        path.unlink()


def test_without_any_index_it_says_why(environ):
    del environ["PIP_INDEX_URL"]
    with pytest.raises(BuildError, match="no index is configured"):
        fetch.get_sdist(PIN, {**environ, "PIP_NO_INDEX": "1"})


def test_a_given_file_is_used_in_place(tmp_path, index, environ):
    given = tmp_path / "given.tar.gz"
    given.write_bytes(CONTENT)
    assert fetch.get_sdist(PIN, {**environ, "TRIAGENT_LLAMA_SDIST": str(given)}) == given
    assert index.requests == []


def test_a_given_file_that_is_missing_or_other_is_refused_with_both_hashes(tmp_path, environ):
    environ["TRIAGENT_LLAMA_SDIST"] = str(tmp_path / "nope.tar.gz")
    with pytest.raises(BuildError, match="is not a file"):
        fetch.get_sdist(PIN, environ)
    (tmp_path / "nope.tar.gz").write_bytes(b"other")
    with pytest.raises(BuildError) as caught:
        fetch.get_sdist(PIN, environ)
    assert PIN.sha256 in str(caught.value)
    assert hashlib.sha256(b"other").hexdigest() in str(caught.value)
