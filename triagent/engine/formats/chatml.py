"""For models whose file has no template, and for templates that know no tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""

TOOLS_HEAD = """

# Tools

You may call one or more functions. Their signatures, one JSON object a line:
<tools>
"""
TOOLS_TAIL = """</tools>

To call a function, write its name and arguments as JSON between these tags, and wait:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>"""


def tools_prompt(tools: Sequence[dict[str, Any]]) -> str:
    """To append to the system prompt of a model whose template does not show tools."""
    lines = "".join(json.dumps(tool, ensure_ascii=False) + "\n" for tool in tools)
    return TOOLS_HEAD + lines + TOOLS_TAIL


def tool_result(text: str) -> str:
    """A tool's result as part of a user's message."""
    return f"<tool_response>\n{text}\n</tool_response>"
