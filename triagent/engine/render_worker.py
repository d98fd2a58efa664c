"""Renders chat templates in a process of its own, started as a script by `render.Renderer`.

A template comes with the model file and is not to be trusted: jinja2's sandbox keeps it from
Python's internals, but not from looping for hours or building a string of gigabytes. Here the
address space is limited, and whoever asked may end the process at any time. One JSON request a
line on stdin, one JSON answer a line on stdout. Imports nothing of triagent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment

MAX_MEMORY_BYTES = 1 << 30
MAX_OUTPUT_CHARS = 8 << 20


class Generation(Extension):
    """The `{% generation %}` tag of training code: only its body matters here."""

    tags: ClassVar[set[str]] = {"generation"}

    def parse(self, parser: Parser) -> list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def to_json(
    value: Any,
    indent: int | None = None,
    ensure_ascii: bool = False,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as templates expect it: jinja2's own filter escapes for HTML."""
    return json.dumps(
        value,
        indent=indent,
        ensure_ascii=ensure_ascii,
        separators=separators,
        sort_keys=sort_keys,
        default=list,  # `tools | map(...)` is an iterator
    )


def raise_exception(message: object) -> None:
    """Lets a template refuse a conversation."""
    raise jinja2.TemplateError(str(message))


def environment(now: datetime) -> SandboxedEnvironment:
    """An environment with the dialect of Hugging Face's templates; `now` is the only clock."""
    env = SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
    )
    env.filters["tojson"] = to_json
    env.filters["from_json"] = json.loads
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = now.strftime
    return env


@lru_cache(maxsize=128)
def compiled(source: str, now: str) -> jinja2.Template:
    return environment(datetime.fromisoformat(now)).from_string(source)


def render(source: str, now: str, variables: dict[str, Any]) -> str:
    """Raises: jinja2.TemplateError and whatever a template's own mistakes raise."""
    pieces, n_chars = [], 0
    for piece in compiled(source, now).generate(**variables):
        n_chars += len(piece)
        if n_chars > MAX_OUTPUT_CHARS:
            raise MemoryError
        pieces.append(piece)
    return "".join(pieces)


def answer(request: dict[str, Any], render: Callable[..., str] = render) -> dict[str, str]:
    """One of {"text"}, {"refused"} (the template raised by itself), {"error"}."""
    try:
        return {"text": render(request["source"], request["now"], request["variables"])}
    except MemoryError:
        return {"error": "it builds more text than any prompt can hold"}
    except RecursionError:
        return {"error": "it calls itself without end"}
    except jinja2.TemplateSyntaxError as error:
        return {"error": f"line {error.lineno}: {error.message}"}
    except jinja2.sandbox.SecurityError as error:
        return {"error": f"it reaches for Python's internals: {error}"}
    except Exception as error:  # whatever a stranger's program raises is its own refusal
        return {"refused": f"{type(error).__name__}: {error}"[:500]}


def limit_memory() -> None:
    """Where the system can (Linux, macOS): an allocation beyond the limit raises MemoryError."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # the deadline and the bound on output remain


def main() -> None:
    limit_memory()
    for line in sys.stdin:
        reply = json.dumps(answer(json.loads(line)))
        print(reply, flush=True)


if __name__ == "__main__":
    main()
