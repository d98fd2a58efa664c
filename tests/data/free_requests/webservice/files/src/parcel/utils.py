"""Helpers without a better home."""

RETRY_LIMIT = 4
BACKOFF_SECONDS = 1.5


def normalize_country(code: str) -> str:
    return code.strip().upper()


def chunked(items, size):
    for start in range(0, len(items), size):
        yield items[start : start + size]
