"""One name for a model's weights, from its GGUF file alone.

Two files get the same fingerprint when they have the same tensors (names, shapes, types) and the
same token embedding at its start. Names, templates and other metadata do not count: they change
without the queries changing. Hashing whole files would take minutes for nothing more.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from triagent.kv.gguf_file import Header, read_bytes, read_header

SAMPLE = 1 << 20  # bytes of the token embedding


def fingerprint(path: Path, header: Header | None = None) -> str:
    """Return 64 hex digits that name the weights in `path`.

    Raises:
        GgufError: the file is damaged.
    """
    header = header or read_header(path)
    digest = sha256(b"triagent model 1\n")
    for info in sorted(header.tensors.values(), key=lambda t: t.name):
        digest.update(f"{info.name} {info.shape} {info.type}\n".encode())
    embedding = next((n for n in header.tensors if n.startswith("token_embd.")), None)
    if embedding is not None:
        digest.update(read_bytes(path, header, embedding, SAMPLE))
    return digest.hexdigest()
