"""The system prompt: a few fixed lines, then the workspace's own files as marked data.

It is rendered once, fed first and pinned for the whole session, so every word here is paid
for on every run. Knows nothing of tokens; bounds are in characters.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass

from triagent.agent.ports import Trusted, Workspace
from triagent.agent.tools.text import clean, decode
from triagent.errors import ToolError

PROMPT = (
    'You are triagent, an agent working in the folder "{name}" on {system}. '
    "Use the tools: look first, then act, then answer briefly with what you found or did. "
    "Words you can no longer see are not lost: recall finds them."
)
FILES_HEAD = "Files of the user, for information:"
SKILLS_HEAD = "Skills, read one before you use it:"
MAX_FILE_CHARS = 20_000
MAX_CHARS = 60_000
INSTRUCTIONS = ("AGENTS.md", "MEMORY.md")


@dataclass(frozen=True)
class Part:
    """A file that goes into the system prompt."""

    name: str
    text: str


def system_prompt(
    name: str,
    system: str = "",
    files: Iterable[Part] = (),
    skills: Iterable[tuple[str, str]] = (),
    max_chars: int = MAX_CHARS,
) -> str:
    """The whole text.

    Args:
        name: the workspace folder's name.
        system: the platform's name; empty: this one's.
        skills: (name to read it by, description).
        max_chars: most characters of all files together.
    """
    blocks = [PROMPT.format(name=name, system=system or platform.system())]
    lines = [f"{key}: {description}" for key, description in skills]
    if lines:
        blocks.append("\n".join([SKILLS_HEAD, *lines]))
    shown = [_mark(part) for part in _within(files, max_chars)]
    if shown:
        blocks.append("\n".join([FILES_HEAD, *shown]))
    return "\n\n".join(blocks)


def instructions(place: Workspace, trusted: Trusted) -> list[Part]:
    """AGENTS.md and MEMORY.md of the workspace, where they exist, are text and are trusted."""
    parts = []
    for name in INSTRUCTIONS:
        try:
            if not place.exists(name) or place.is_dir(name):
                continue
            with place.open_read(name) as file:
                data = file.read(MAX_FILE_CHARS * 4 + 1)
        except ToolError:  # unreadable: the session works without it
            continue
        text = decode(data)
        if text and text.strip() and trusted(name, data):
            parts.append(Part(name, clean(text).strip()))
    return parts


def _within(files: Iterable[Part], max_chars: int) -> list[Part]:
    shown, left = [], max_chars
    for part in files:
        limit = min(MAX_FILE_CHARS, left)
        if limit <= 0:
            break
        shown.append(Part(part.name, _cut(part.text, limit)))
        left -= len(shown[-1].text)
    return shown


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[{len(text) - limit} characters left out]"


def _mark(part: Part) -> str:
    # The closing mark must not be forged from inside the file.
    body = part.text.replace("</file", "< /file")
    return f'<file name="{part.name}">\n{body}\n</file>'
