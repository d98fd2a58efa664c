"""The tools and golden messages that all tests of dialects share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from triagent.chat import ToolSchema
from triagent.engine.formats import DIALECTS
from triagent.engine.formats.dialect import Think
from triagent.engine.formats.stream import MessageParser

GOLDEN = Path(__file__).parents[2] / "data" / "formats"


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


_TEXT = {"type": "string"}
TOOLS = (
    ToolSchema("read", "Reads a file.", _schema(["path"], path=_TEXT, limit={"type": "integer"})),
    ToolSchema("write", "Writes a file.", _schema(["path", "content"], path=_TEXT, content=_TEXT)),
    ToolSchema(
        "search",
        "Searches files.",
        _schema(
            ["pattern"],
            pattern=_TEXT,
            paths={"type": "array", "items": _TEXT},
            ignore_case={"type": "boolean"},
            mode={"type": "string", "enum": ["lines", "files"]},
        ),
    ),
)


class Golden:
    """One family's message and what it means."""

    def __init__(self, path: Path) -> None:
        data = json.loads(path.read_text())
        self.family: str = data["family"]
        self.sampled: str = data["sampled"]
        self.text: str = data["text"]
        self.thinking: str = data["thinking"]
        self.calls = [(name, arguments) for name, arguments in data["calls"]]
        self.prime: str = data.get("prime", "")
        self.think = Think(*data["think"]) if "think" in data else None
        self.dialect = next(d for d in DIALECTS if d.family == self.family)

    def parser(self, grammar: bool = False, **options: Any) -> MessageParser:
        # The prompt opened the thinking where the message closes one that it never opened.
        opened = self.think and self.think.open not in self.prime + self.sampled
        return MessageParser(
            self.dialect,
            TOOLS,
            self.think,
            in_thinking=bool(opened),
            grammar=grammar,
            prime=self.prime,
            **options,
        )


ALL = [Golden(path) for path in sorted(GOLDEN.glob("*.json"))]


def pytest_generate_tests(metafunc):
    if "golden" in metafunc.fixturenames:
        metafunc.parametrize("golden", ALL, ids=[golden.family for golden in ALL])


@pytest.fixture
def tools():
    return TOOLS


@pytest.fixture
def goldens():
    return ALL
