"""A digest of a GGUF file inside the file: damage that leaves every count sound is noticed too.

The digest is the sha256 of the whole file with the digest's own 64 characters as zeros. It tells
a damaged file from a sound one; it is no signature, since anyone can seal anew.
"""

from __future__ import annotations

import hashlib
import struct

BLANK = "0" * 64
"""What is written for the digest before it is known."""
STRING = 8
"""GGUF's type number of a string."""


def sealed(data: bytes, key: str) -> bytes:
    """The file with the digest of its contents under `key`.

    Raises: ValueError when the file has no such string of 64 characters.
    """
    at = _place(data, key)
    if at < 0:
        raise ValueError(f"the file has no text {key!r} of {len(BLANK)} characters")
    return b"".join((data[:at], _digest(data, at), data[at + len(BLANK) :]))


def is_intact(data: bytes, key: str) -> bool:
    """Whether the file's contents are those that were sealed under `key`."""
    at = _place(data, key)
    return at >= 0 and data[at : at + len(BLANK)] == _digest(data, at)


def _place(data: bytes, key: str) -> int:
    """Where the digest's characters begin, -1 when the file has none."""
    entry = key.encode() + struct.pack("<IQ", STRING, len(BLANK))
    at = data.find(entry)
    return at + len(entry) if at >= 0 else -1


def _digest(data: bytes, at: int) -> bytes:
    view = memoryview(data)
    digest = hashlib.sha256(view[:at])
    digest.update(BLANK.encode())
    digest.update(view[at + len(BLANK) :])
    return digest.hexdigest().encode()
