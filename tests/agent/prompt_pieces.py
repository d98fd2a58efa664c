"""Cuts the opening of a session into tokens with Qwen's own vocabulary and keeps the pieces.

`python tests/agent/prompt_pieces.py ggml-vocab-qwen2.gguf` writes `tests/data/prompt/qwen2.json`;
llama.cpp's source brings that vocabulary in `models/`. To be run again when the prompt changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/data/prompt/qwen2.json"
TEMPLATE = ROOT / "tests/data/templates/Qwen-Qwen3-0.6B.jinja"


def opening() -> str:
    """System prompt and all schemas, as Qwen3's template shows them."""
    from triagent.agent.context import system_prompt
    from triagent.agent.tools import TOOLS
    from triagent.engine.render import Renderer
    from triagent.engine.template import Template

    with Renderer() as renderer:
        template = Template.from_model(TEMPLATE.read_text(), "", "<|im_end|>", renderer=renderer)
        segments = template.opening(
            system_prompt("demo", "Linux"), [tool.schema for tool in TOOLS]
        )
        return "".join(segment.text for segment in segments)


def pieces(vocabulary: Path, text: str) -> list[str]:
    """The text of each token."""
    from triagent.engine.library import load
    from triagent.engine.vocab import Vocab

    lib = load().bindings
    lib.llama_backend_init()
    params = lib.llama_model_default_params()
    params.vocab_only = True
    vocab = Vocab(lib, lib.llama_model_load_from_file(str(vocabulary).encode(), params))
    return [vocab.piece(id).decode("utf-8") for id in vocab.tokenize(text, special=True)]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    made = pieces(Path(sys.argv[1]), opening())
    GOLDEN.write_text(json.dumps(made, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(made)} tokens")
