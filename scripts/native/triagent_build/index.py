"""Find one file of a project in a package index (simple API, JSON or HTML) or a link page.

Knows the API (packaging.python.org, "Simple repository API") and nothing of downloads.
"""

from __future__ import annotations

import json
import os
import posixpath
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from triagent_build.web import UNREACHABLE, Web, explain

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
)


class NotFound(Exception):
    """A place does not have the file, or cannot be read; says why."""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.urls += [value for key, value in attrs if key == "href" and value]


def in_index(web: Web, index: str, project: str, filename: str) -> str:
    """Return the URL of `filename` in an index.

    Raises:
        NotFound: the index cannot be read or does not list the file.
    """
    return _on_page(web, f"{index.rstrip('/')}/{project}/", filename)


def in_find_links(web: Web, place: str, filename: str) -> str:
    """Return the URL of `filename` in a folder, or linked from a page.

    Raises:
        NotFound: the place cannot be read or does not have the file.
    """
    folder = local_path(place)
    if folder is None or folder.suffix in (".html", ".htm"):
        return _on_page(web, place, filename)
    file = folder / filename
    if not file.is_file():
        raise NotFound(f"no {filename} there")
    return file.resolve().as_uri()


def local_path(place: str) -> Path | None:
    """Return the path of a `file:` URL or a plain path; None for anything remote."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    # A Windows drive letter parses as a scheme.
    return Path(os.path.expanduser(place)) if len(parts.scheme) <= 1 else None


def _on_page(web: Web, url: str, filename: str) -> str:
    path = local_path(url)
    if path is not None:
        url = (path / "index.html" if path.suffix not in (".html", ".htm") else path).as_uri()
    try:
        with web.open(url, ACCEPT) as response:
            kind, page = response.headers.get_content_type(), response.read()
            base = response.url
    except UNREACHABLE as error:
        raise NotFound(explain(error)) from error
    for link in _links(kind, page):
        absolute = urljoin(base, link)
        if posixpath.basename(unquote(urlsplit(absolute).path)) == filename:
            return absolute
    raise NotFound(f"does not list {filename}")


def _links(kind: str, page: bytes) -> list[str]:
    if kind.endswith("json"):
        try:
            return [file["url"] for file in json.loads(page)["files"]]
        except (ValueError, KeyError, TypeError) as error:
            raise NotFound("answers with JSON that is not of the simple API") from error
    parser = _Links()
    parser.feed(page.decode("utf-8", errors="replace"))
    return parser.urls
