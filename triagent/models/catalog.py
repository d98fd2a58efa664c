"""A short list of models that suit 8 to 24 GB of memory, and names by which to ask for them.

Names of repositories and files, sizes and shapes are as their publishers give them; nothing
here was measured by this project. Before a download the hub's own size and hash are shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from triagent.errors import ModelError


@dataclass(frozen=True)
class Source:
    """Where a file comes from."""

    repo: str
    """owner/name on the hub."""
    file: str
    revision: str = "main"

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"{self.repo}{at}/{self.file}"


@dataclass(frozen=True)
class CatalogModel:
    """One model of the list."""

    name: str
    source: Source
    n_bytes: int
    """To download, roughly."""
    n_layer: int
    n_head_kv: int
    head_dim: int
    n_ctx_train: int
    evicts: bool
    """Whether its cache can be kept within a budget; a sliding window cannot."""
    about: str


def _model(
    name: str,
    repo: str,
    file: str,
    gigabytes: float,
    shape: tuple[int, int, int],
    n_ctx_train: int,
    about: str,
    evicts: bool = True,
) -> CatalogModel:
    source = Source(repo, file)
    return CatalogModel(name, source, int(gigabytes * 1e9), *shape, n_ctx_train, evicts, about)


CATALOG: tuple[CatalogModel, ...] = (
    _model("qwen3-4b", "Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf",
           2.5, (36, 8, 128), 32768, "tools and thinking; for 6 GB"),
    _model("qwen3-8b", "Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf",
           5.0, (36, 8, 128), 32768, "tools and thinking; for 8 GB, a good first choice"),
    _model("qwen3-14b", "Qwen/Qwen3-14B-GGUF", "Qwen3-14B-Q4_K_M.gguf",
           9.0, (40, 8, 128), 32768, "tools and thinking; for 12 GB"),
    _model("qwen2.5-coder-7b", "Qwen/Qwen2.5-Coder-7B-Instruct-GGUF",
           "qwen2.5-coder-7b-instruct-q4_k_m.gguf",
           4.7, (28, 4, 128), 32768, "code, no thinking; for 8 GB"),
    _model("qwen2.5-coder-14b", "Qwen/Qwen2.5-Coder-14B-Instruct-GGUF",
           "qwen2.5-coder-14b-instruct-q4_k_m.gguf",
           9.0, (48, 8, 128), 32768, "code, no thinking; for 12 GB"),
    _model("llama-3.1-8b", "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
           "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
           4.9, (32, 8, 128), 131072, "tools, no thinking; for 8 GB"),
    _model("mistral-nemo-12b", "bartowski/Mistral-Nemo-Instruct-2407-GGUF",
           "Mistral-Nemo-Instruct-2407-Q4_K_M.gguf",
           7.5, (40, 8, 128), 131072, "tools, no thinking; for 12 GB"),
    _model("gemma-3-12b", "ggml-org/gemma-3-12b-it-GGUF", "gemma-3-12b-it-Q4_K_M.gguf",
           7.3, (48, 8, 256), 131072,
           "sliding window: runs without a budget; for 16 GB", evicts=False),
    _model("gpt-oss-20b", "ggml-org/gpt-oss-20b-GGUF", "gpt-oss-20b-mxfp4.gguf",
           12.1, (24, 8, 64), 131072,
           "thinking; sliding window: runs without a budget; for 16 GB", evicts=False),
)  # fmt: skip

_URL = re.compile(
    r"https://huggingface\.co/(?P<repo>[\w.-]+/[\w.-]+)/(?:resolve|blob)/(?P<at>[\w.-]+)/(?P<file>\S+)"
)
_PATH = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<at>[\w.-]+))?[:/](?P<file>[\w./ -]+\.gguf)")


def find(name: str) -> CatalogModel | None:
    """The model of this name in the list."""
    return next((model for model in CATALOG if model.name == name.lower()), None)


def source_of(text: str) -> Source:
    """What to download: a name of the list, owner/repo/file.gguf, or a page's address.

    Raises:
        ModelError: it is none of these.
    """
    if model := find(text):
        return model.source
    match = _URL.fullmatch(text.partition("?")[0]) or _PATH.fullmatch(text)
    if match is None or not match["file"].endswith(".gguf") or ".." in match["file"].split("/"):
        names = ", ".join(model.name for model in CATALOG)
        raise ModelError(
            f'"{text}" is no model of the list ({names}) and no owner/repo/file.gguf'
        )
    return Source(match["repo"], match["file"], match["at"] or "main")
