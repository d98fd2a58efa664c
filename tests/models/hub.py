"""A hub on 127.0.0.1 that serves one file, and can drop, cut, and lie.

Answers HEAD and GET of /owner/repo/resolve/REVISION/FILE as the real one does for a large
file: size and SHA-256 in X-Linked headers, ranges honored.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.size = len(content)
        self.requests: list[tuple[str, str | None]] = []
        self.headers_seen: list[dict[str, str]] = []
        self.drop_after: list[int] = []
        """Bytes after which each of the next answers breaks off."""
        self.status = 200
        self.error_code = ""
        self.ignore_range = False
        self.extra = b""
        """Sent after the content, although it was not announced."""
        self.endpoint = ""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.requests.append((request.command, wanted))
        self.headers_seen.append(dict(request.headers))
        if self.status != 200:
            request.send_response(self.status)
            if self.error_code:
                request.send_header("X-Error-Code", self.error_code)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        start = 0
        if wanted and not self.ignore_range:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
        body = self.content[start:] + self.extra
        request.send_response(206 if start else 200)
        request.send_header("ETag", f'"{self.sha256}"')
        request.send_header("X-Linked-Etag", f'"{self.sha256}"')
        request.send_header("X-Linked-Size", str(self.size))
        request.send_header("X-Repo-Commit", "a" * 40)
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Length", str(len(body)))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{self.size - 1}/{self.size}")
        request.end_headers()
        if request.command == "GET":
            if self.drop_after:
                body = body[: self.drop_after.pop(0)]
                request.close_connection = True
            request.wfile.write(body)


@contextmanager
def serving(hub: Hub):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.handle(self)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            pass  # whoever asked was killed, as some tests want it

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
