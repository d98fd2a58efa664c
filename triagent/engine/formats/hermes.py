"""Hermes, Qwen 2.5 and 3, Granite 4, and all models whose template knows no tools.

<tool_call>
{"name": "read", "arguments": {"path": "a.py"}}
</tool_call>
"""

from triagent.engine.formats import jsoncalls, jsonish
from triagent.engine.formats.dialect import Dialect

HERMES = Dialect(
    family="hermes",
    opens=("<tool_call>",),
    closes=("</tool_call>",),
    read=jsoncalls.read_objects,
    whole=jsonish.ends_whole,
    signs=("<tool_call>",),
    stops=("<|im_end|>", "<|end|>", "<|eot_id|>", "<end_of_turn>", "<|end_of_text|>"),
    grammar=jsoncalls.grammar(after="</tool_call>"),
)
