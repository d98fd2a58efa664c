"""A shell line taken apart into the commands that it would run.

Parsed by tree-sitter-bash: every command of a pipeline, list, group, substitution and
heredoc becomes a `Part`, so that each one can be shown and asked about. Knows nothing of
approvals beyond one question: are the words of this line exactly what bash will run? Only
then, `exact`, may an earlier answer stand for it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser, Tree

from triagent.agent.sanitize import is_plain

_COMMANDS = {"command", "declaration_command", "unset_command", "test_command"}
_REDIRECTS = {"file_redirect", "heredoc_redirect", "herestring_redirect"}
# What a line may be made of and still be exact. Everything else (loops, functions, groups,
# substitutions, "&", "!") is split and shown, and asked for each time.
_EXACT_NODES = {
    "program", "list", "pipeline", "redirected_statement", "command", "command_name", "word",
    "number", "raw_string", "string", "string_content", "concatenation", "comment",
    "file_redirect", "file_descriptor",
}  # fmt: skip
_EXACT_TOKENS = {"|", "&&", "||", ";", "\n", '"', ">", ">&", "&>", "2>&1", "<"}
# Characters that every shell reads the same way, outside of quotes.
_EXACT_LINE = re.compile(r"[A-Za-z0-9_./:=,@%+^ \n\"'|&;<>-]*")
_HARMLESS_REDIRECT = re.compile(
    r"(?:[0-9]?>>? ?/dev/null|&>>? ?/dev/null|[012]?>&[012]|< ?/dev/null)"
)

MAX_CHARS = 20_000
"""Longest line that is parsed; a longer one counts as not understood."""
MAX_PARTS = 60
"""Most commands of a line; nobody would read more in a question."""


@dataclass(frozen=True)
class Part:
    """One command of a line."""

    text: str
    """As written, redirections included."""
    words: tuple[str, ...]
    """Its words with quotes removed; a word that bash would expand stays as written."""
    exact: bool = False
    """Whether bash will run exactly `words`: nothing is expanded, assigned or redirected."""


@dataclass(frozen=True)
class Line:
    """A whole command line."""

    text: str
    parts: tuple[Part, ...]
    understood: bool
    """False when any of it could not be parsed: then `parts` is the line as a whole."""

    @property
    def exact(self) -> bool:
        """Whether every command that can run is listed in `parts` with its final words."""
        return self.understood and bool(self.parts) and all(part.exact for part in self.parts)


def split(text: str) -> Line:
    """Take a bash command line apart."""
    tree = _parse(text)
    if tree is None or tree.root_node.has_error or "\x00" in text or _is_endless(tree.root_node):
        return Line(text, (Part(text, _rough_words(text)),), understood=False)
    exact_line = _is_exact_line(text, tree.root_node)
    found = [_part(node, exact_line) for node in _commands(tree.root_node)]
    found += [Part(_text(node), ()) for node in _loose_redirects(tree.root_node, exact_line)]
    parts = tuple(found) or ((Part(text, ()),) if text.strip() else ())
    return Line(text, parts, understood=True)


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def _parse(text: str) -> Tree | None:
    if len(text) > MAX_CHARS:
        return None
    return _parser().parse(text.encode("utf-8", "surrogatepass"))


def _walk(root: Node) -> Iterator[Node]:
    # Not recursive: a hostile line can nest deeper than Python's stack.
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _commands(root: Node) -> Iterator[Node]:
    return (node for node in _walk(root) if node.is_named and node.type in _COMMANDS)


def _loose_redirects(root: Node, exact_line: bool) -> Iterator[Node]:
    # Redirections that belong to no single command, which would not be shown with any.
    for node in () if exact_line else _walk(root):
        is_loose = node.type == "redirected_statement" and node.children[0].type not in _COMMANDS
        if is_loose:
            yield from (child for child in node.children if child.type in _REDIRECTS)


def _is_endless(root: Node) -> bool:
    return sum(1 for _ in _commands(root)) > MAX_PARTS


def _is_exact_line(text: str, root: Node) -> bool:
    if not _EXACT_LINE.fullmatch(text) or not is_plain(text.replace("\n", "")):
        return False
    for node in _walk(root):
        known = _EXACT_NODES if node.is_named else _EXACT_TOKENS
        if node.type not in known or node.is_missing:
            return False
        # Wherever it hangs: the grammar gives the redirection of a list's end to the whole list.
        if node.type in _REDIRECTS and not _HARMLESS_REDIRECT.fullmatch(_text(node)):
            return False
    return True


def _part(node: Node, exact_line: bool) -> Part:
    words = tuple(_word(child) for child in node.children if child.type not in _REDIRECTS)
    statement = _statement(node)
    exact = (
        exact_line
        and node.type == "command"
        # Two parsers must agree: what tree-sitter takes for one word, shlex must as well.
        and _shlex_words(_text(node)) == words
    )
    return Part(_text(statement), words, exact)


def _statement(node: Node) -> Node:
    # The command with its redirections, when they belong to it alone.
    parent = node.parent
    if parent is not None and parent.type == "redirected_statement":
        return parent if parent.children and parent.children[0] == node else node
    return node


def _word(node: Node) -> str:
    text = _text(node)
    words = _shlex_words(text)
    is_literal = not re.search(r"[$`*?~{\[\\(]", text)
    return words[0] if is_literal and words is not None and len(words) == 1 else text


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _shlex_words(text: str) -> tuple[str, ...] | None:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return None


def _rough_words(text: str) -> tuple[str, ...]:
    return tuple(text.split())
