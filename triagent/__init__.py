"""A terminal agent on a llama.cpp whose KV cache stays within a budget.

Folders are layers, in the order data flows: `ui`, `agent`, `session`, `engine`, `kv`;
`models` beside them; `config`, `errors` and `chat` below all. `cli` puts them together.
"""

__version__ = "0.1.0"
