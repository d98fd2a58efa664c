"""Secrets blanked out where text is shown or exported.

Only there: a placeholder that reached a file or the model's context would be written back
and destroy the user's own secret, so nothing here is used on either.
"""

from __future__ import annotations

import re

# Also right behind an escaped line end: arguments are often shown as JSON.
_START = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
# Every repetition that something must follow is bounded: the text may be hostile, and long.
_TOKENS = (
    ("AWS key", r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b"),
    ("GitHub token", r"(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    ("GitLab token", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("Hugging Face token", r"hf_[A-Za-z0-9]{30,}"),
    ("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("API key", r"(?:sk|pk|rk)[-_](?:live_|test_|proj-)?[A-Za-z0-9_-]{20,}"),
    ("Google key", r"AIza[A-Za-z0-9_-]{35}"),
    ("Slack token", r"xox[abposr]-[A-Za-z0-9-]{10,}"),
    ("npm token", r"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", r"pypi-[A-Za-z0-9_-]{50,}"),
    ("web token", r"eyJ[A-Za-z0-9_-]{8,999}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]+"),
)
_KEY_NAME = r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_PATTERNS = (
    ("private key", re.compile(
        rf"-----BEGIN {_KEY_NAME}(?:.*?-----END {_KEY_NAME}|[\s\S]{{0,8000}})", re.S)),
    *((kind, re.compile(_START + text)) for kind, text in _TOKENS),
)  # fmt: skip
_BEARER = re.compile(
    _START + r"(authorization\s*[:=]\s*(?:bearer|basic|token)\s+)([^\s\"',;\[]{8,})", re.I
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]{0,20}://[^\s/:@]{1,200}:)([^\s/@]{1,200})(?=@)", re.I)
_ASSIGNED = re.compile(
    r"(?i)(?P<name>(?:passw(?:or)?d|secret|api[_-]?key|access[_-]?key|auth[_-]?token"
    r"|private[_-]?key|client[_-]?secret|_token)[\"']?\s*(?:=|:)\s*)"
    r"(?P<quote>[\"']?)(?P<value>[^\s\"',;#(){}\[\]<>$]{8,})(?P=quote)"
)


def redact(text: str) -> str:
    """Replace what looks like a secret by its kind in brackets."""
    for kind, pattern in _PATTERNS:
        text = pattern.sub(f"[redacted {kind}]", text)
    text = _BEARER.sub(r"\1[redacted token]", text)
    text = _URL.sub(r"\1[redacted password]", text)
    return _ASSIGNED.sub(_assigned, text)


def _assigned(match: re.Match[str]) -> str:
    if match["value"].startswith("redacted"):
        return match.group()
    return f"{match['name']}{match['quote']}[redacted value]{match['quote']}"
