"""Completion scripts for bash, zsh and fish, made from the argument parser itself.

What the parser accepts is what is offered, so that the two cannot drift apart.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from triagent.config import CACHE_TYPES, MODES, POLICIES, SELECTS
from triagent.errors import ConfigError

SHELLS = ("bash", "zsh", "fish")
# Settings whose values are checked with all others, and not by the parser.
_VALUES = {
    "agent.mode": MODES,
    "cache.policy": POLICIES,
    "cache.select": SELECTS,
    "model.cache_type": CACHE_TYPES,
}


@dataclass
class _Command:
    # What may follow a command: options with their texts, values of options, sub-commands.
    options: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    commands: dict[str, str] = field(default_factory=dict)


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script for a shell, to be sourced.

    Raises:
        ConfigError: there is none for this shell.
    """
    if shell not in SHELLS:
        raise ConfigError(f'no completion for "{shell}"; there is one for {", ".join(SHELLS)}')
    program = parser.prog
    commands = dict(_commands(parser, ""))
    if shell == "fish":
        return _fish(program, commands)
    text = _bash(program, commands)
    return f"#compdef {program}\nautoload -U +X bashcompinit && bashcompinit\n{text}" if (
        shell == "zsh"
    ) else text


def _commands(parser: argparse.ArgumentParser, path: str) -> list[tuple[str, _Command]]:
    command, below = _Command(), []
    for action in parser._actions:
        about = "" if action.help in (None, argparse.SUPPRESS) else str(action.help)
        if isinstance(action, argparse._SubParsersAction):
            helps = {item.dest: str(item.help or "") for item in action._choices_actions}
            for name, child in action.choices.items():
                command.commands[name] = helps.get(name, "")
                below += _commands(child, f"{path} {name}".strip())
            continue
        for option in action.option_strings or ([] if action.choices is None else [""]):
            command.options[option] = about.replace("%%", "%")
            choices = action.choices if action.choices is not None else _VALUES.get(action.dest)
            if choices is not None:
                command.choices[option] = [str(item) for item in choices]
            elif action.nargs != 0 and option:
                command.files.add(option)
    return [(path, command), *below]


def _bash(program: str, commands: dict[str, _Command]) -> str:
    name = "_" + program.replace("-", "_")
    cases = "\n".join(_bash_case(path, command) for path, command in commands.items())
    known = " ".join(sorted({f"'{path}'" for path in commands if path}))
    return f"""{name}() {{
    local word previous path words
    word="${{COMP_WORDS[COMP_CWORD]}}"
    previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    path=""
    for part in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        for known in {known or "''"}; do
            if [ "${{path:+$path }}$part" = "$known" ]; then path="$known"; break; fi
        done
    done
    words=""
    case "$path|$previous" in
{cases}
    esac
    COMPREPLY=( $(compgen -W "$words" -- "$word") )
}}
complete -o default -F {name} {program}
"""


def _bash_case(path: str, command: _Command) -> str:
    lines = [
        f"        '{path}|{option}') words='{' '.join(choices)}' ;;"
        for option, choices in command.choices.items()
        if option
    ]
    lines += [
        f"        '{path}|{option}') COMPREPLY=(); return ;;" for option in sorted(command.files)
    ]
    words = [*command.commands, *command.choices.get("", []), *filter(None, command.options)]
    return "\n".join([*lines, f"        '{path}|'*) words='{' '.join(words)}' ;;"])


def _fish(program: str, commands: dict[str, _Command]) -> str:
    lines = [f"complete -c {program} -e"]
    for path, command in commands.items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {part}" for part in path.split())
        below = " ".join(command.commands)
        none = f"not __fish_seen_subcommand_from {below}" if below else ""
        condition = "; and ".join(filter(None, (seen, none)))
        start = f"complete -c {program}" + (f" -n {_single(condition)}" if condition else "")
        for name, about in command.commands.items():
            lines.append(f"{start} -f -a {name}" + (f" -d {_single(about)}" if about else ""))
        for option, about in command.options.items():
            lines.append(start + _fish_option(option, about, command))
    return "\n".join(lines) + "\n"


def _fish_option(option: str, about: str, command: _Command) -> str:
    choices = command.choices.get(option)
    values = f" -f -a {_single(' '.join(choices))}" if choices else ""
    if not option:
        return values
    kind = "-l" if option.startswith("--") else "-s"
    takes = " -r" if choices or option in command.files else ""
    text = f" -d {_single(about)}" if about else ""
    return f" {kind} {option.lstrip('-')}{takes}{values}{text}"


def _single(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
