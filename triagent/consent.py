"""`triagent approvals` and `triagent trust`: what the user has consented to, and taking it back."""

from __future__ import annotations

import argparse

from triagent import settings
from triagent.agent.approval_rules import Rules
from triagent.agent.sanitize import shown
from triagent.agent.trust import Question, Trust
from triagent.config import Config
from triagent.errors import ConfigError

DIGEST_CHARS = 16
"""Of a content hash, enough to tell what was shown from what is there now."""


def add_approvals(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands of `triagent approvals`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help='what was answered with "always" in this workspace')
    revoke = actions.add_parser("revoke", help="take an answer back")
    revoke.add_argument("number", help='its number in the list, or "all"')


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands of `triagent trust`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("show", help="what this workspace brings along that would be used")
    accept = actions.add_parser("accept", help="trust it, as it is now")
    accept.add_argument("digest", help="as printed by show: another content is not trusted")
    actions.add_parser("revoke", help="trust nothing of this workspace")


def approvals(args: argparse.Namespace, config: Config) -> int:
    """Run `triagent approvals`; returns the exit status."""
    rules = Rules(settings.config_folder() / "approvals", config.workspace)
    found = rules.list()
    if args.action == "revoke":
        for rule in found if args.number == "all" else [_nth(found, args.number)]:
            rules.revoke(rule)
            print(f"revoked: {shown(str(rule))}")
        return 0
    if not found:
        print(f'nothing was answered with "always" in {config.workspace}')
    for number, rule in enumerate(found, 1):
        print(f"{number:3}  {shown(str(rule))}")
    return 0


def trust(args: argparse.Namespace, config: Config) -> int:
    """Run `triagent trust`; returns the exit status."""
    answers = Trust(settings.config_folder() / "trust", config.workspace)
    if args.action == "revoke":
        answers.revoke()
        print(f"nothing of {config.workspace} is trusted")
        return 0
    question = answers.question()
    if args.action == "accept":
        return _accept(answers, question, args.digest)
    if question is None:
        state = "is trusted" if answers.is_trusted() else "brings nothing that would be used"
        print(f"{config.workspace} {state}")
        return 0
    print(describe(question))
    print(f"To trust it as it is: triagent trust accept {question.digest[:DIGEST_CHARS]}")
    return 1


def describe(question: Question) -> str:
    """What the user is asked about, in a few lines."""
    lines = [f"{len(question.files)} files, {question.n_bytes} bytes, not trusted yet:"]
    lines += [f"  {shown(file.name)} ({len(file.data)} bytes)" for file in question.contents]
    if question.is_changed:
        lines.append("  ! another content of this project was trusted before")
    if question.n_hidden:
        lines.append(f"  ! {question.n_hidden} hidden characters or terminal commands in them")
    return "\n".join(lines)


def _accept(answers: Trust, question: Question | None, digest: str) -> int:
    if question is None:
        print("there is nothing to trust")
        return 0
    if len(digest) < DIGEST_CHARS or not question.digest.startswith(digest):
        raise ConfigError(
            f"{digest} is not what is there now ({question.digest[:DIGEST_CHARS]}); "
            "look again: triagent trust show"
        )
    answers.accept(question)
    print(f"trusted: {len(question.files)} files")
    return 0


def _nth(rules, number: str):
    if not number.isdigit() or not 1 <= int(number) <= len(rules):
        raise ConfigError(f'there is no answer "{number}"; triagent approvals list numbers them')
    return rules[int(number) - 1]
