"""Open URLs as the installers would: proxy, certificates, credentials, `file:` included."""

from __future__ import annotations

import base64
import http.client
import netrc
import ssl
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit, urlunsplit

from triagent_build.settings import Settings

UNREACHABLE = (OSError, http.client.HTTPException)
"""What a failing connection raises: URLError, timeouts and resets are all OSError."""


def without_credentials(url: str) -> str:
    """Return the URL as it may be shown."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Web:
    """Opens URLs with one machine's settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.logins = {}  # host -> (user, password)
        for url in settings.indexes + settings.find_links:
            parts = urlsplit(url)
            if parts.username:
                login = unquote(parts.username), unquote(parts.password or "")
                self.logins[parts.hostname] = login

    def open(self, url: str, accept: str = "*/*"):
        """Return the response; the caller closes it.

        Raises:
            OSError, http.client.HTTPException: see `explain`.
        """
        request = urllib.request.Request(without_credentials(url), headers={"Accept": accept})
        request.add_header("User-Agent", "triagent-build")
        login = self._login(urlsplit(url).hostname)
        if login:
            token = base64.b64encode(":".join(login).encode()).decode()
            # Not sent on when the index redirects to another host.
            request.add_unredirected_header("Authorization", f"Basic {token}")
        return self._opener(url).open(request, timeout=self.settings.timeout_s)

    def _opener(self, url: str) -> urllib.request.OpenerDirector:
        handlers: list = [urllib.request.HTTPSHandler(context=self._context(url))]
        if self.settings.proxy:
            proxy = self.settings.proxy
            handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
        return urllib.request.build_opener(*handlers)

    def _context(self, url: str) -> ssl.SSLContext:
        context = ssl.create_default_context()  # honours SSL_CERT_FILE and SSL_CERT_DIR
        if not context.cert_store_stats()["x509_ca"]:
            _load_certifi(context)
        if self.settings.ca_file:
            context.load_verify_locations(self.settings.ca_file)
        parts = urlsplit(url)
        if {parts.hostname, parts.netloc.rpartition("@")[2]} & set(self.settings.trusted_hosts):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _login(self, host: str | None) -> tuple[str, str] | None:
        if host in self.logins:
            return self.logins[host]
        try:
            entry = netrc.netrc().authenticators(host) if host else None
        except (OSError, netrc.NetrcParseError):
            return None
        return (entry[0], entry[2] or "") if entry else None


def _load_certifi(context: ssl.SSLContext) -> None:
    """Some Pythons for macOS come without certificates; the build asks for certifi there."""
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(certifi.where())


def explain(error: Exception) -> str:
    """Say in a few words why a URL could not be read."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted (set SSL_CERT_FILE to your CA bundle)"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return str(reason) or type(reason).__name__
