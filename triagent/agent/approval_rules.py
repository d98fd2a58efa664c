"""Answers of "always", kept per workspace in our own folder, listed and revocable.

One small JSON file for each workspace, named by a hash of its path and readable by this user
alone. It lies outside of every workspace, where no tool can write.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from triagent.agent.approval_words import covers
from triagent.errors import ConfigError
from triagent.private import make_private, write_private


@dataclass(frozen=True)
class Rule:
    """One answer of "always"."""

    kind: str
    """"run" or "write"."""
    words: tuple[str, ...]
    """The command's words, or the file's path."""

    def __str__(self) -> str:
        return f"{self.kind} {' '.join(self.words)}"


class Rules:
    """The answers for one workspace."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        self._workspace = str(workspace.resolve())
        self._path = folder / f"{workspace_hash(workspace)}.json"
        self._rules = self._load()

    @property
    def path(self) -> Path:
        """The file they are kept in."""
        return self._path

    def list(self) -> tuple[Rule, ...]:
        """All rules, oldest first."""
        return tuple(self._rules)

    def problem(self) -> str:
        """Why answers cannot be kept, in words; empty when they can."""
        there = next(path for path in self._path.parents if path.exists())
        return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written"

    def add(self, rule: Rule) -> None:
        """Keep a rule, once; where nothing can be written it holds for this session."""
        if rule not in self._rules:
            self._rules.append(rule)
            with suppress(OSError):  # the command runs all the same; next time it is asked again
                self._save()

    def revoke(self, rule: Rule) -> bool:
        """Forget a rule; False when it was not there."""
        if rule not in self._rules:
            return False
        self._rules.remove(rule)
        self._save()
        return True

    def allows_run(self, words: Sequence[str], is_file: Callable[[str], bool]) -> bool:
        """Whether an answer covers a command of these words."""
        for rule in self._rules:
            if rule.kind == "run":
                more_are_files = all(map(is_file, words[len(rule.words) :]))
                if covers(rule.words, words, more_are_files):
                    return True
        return False

    def allows_write(self, path: str) -> bool:
        """Whether an answer covers writing this very file."""
        return Rule("write", (path,)) in self._rules

    def _load(self) -> list[Rule]:
        try:
            data = json.loads(self._path.read_text("utf-8"))
            rules = data["rules"]
            return [Rule(str(item["kind"]), tuple(map(str, item["words"]))) for item in rules]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self._path} is damaged ({error}); remove it to start without approvals"
            ) from error

    def _save(self) -> None:
        data = {
            "workspace": self._workspace,
            "rules": [{"kind": rule.kind, "words": list(rule.words)} for rule in self._rules],
        }
        make_private(self._path.parent)
        write_private(self._path, json.dumps(data, indent=1).encode())


def workspace_hash(workspace: Path) -> str:
    """A short name for a workspace, from its real path."""
    return hashlib.sha256(os.fsencode(workspace.resolve())).hexdigest()[:16]
