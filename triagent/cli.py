"""The command line: arguments -> settings -> the app, one turn, or a tool of the house.

Imports are late where they are slow, so that the app paints at once and `--help` is instant.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from triagent import __version__
from triagent.errors import ConfigError, TriagentError

if TYPE_CHECKING:
    import argparse

    from triagent.config import Config
    from triagent.ui.ports import Services

# flag -> (setting, converter, help)
FLAGS: dict[str, tuple[str, Any, str]] = {
    "--model": ("model.path", Path, "GGUF model to run (the bundled one)"),
    "--sidecar": ("model.sidecar", Path, "centers of the model (found by themselves)"),
    "--budget": ("cache.budget", int, "most cells kept after a round (from free memory)"),
    "--policy": ("cache.policy", str, "what decides which cells go (auto)"),
    "--select": ("cache.select", str, "per-layer-head, per-head or shared"),
    "--shares": ("cache.shares", str, "auto, or equal: all layers keep equally many (auto)"),
    "--cache-type": ("model.cache_type", str, "type of cached keys and values (f16)"),
    "--n-ctx": ("model.n_ctx", int, "largest position of a session (as trained)"),
    "--gpu-layers": ("model.gpu_layers", int, "layers on the GPU (as many as fit)"),
    "--threads": ("model.threads", int, "CPU threads (cores less one)"),
    "--mode": ("agent.mode", str, "read-only, ask, auto or full (ask)"),
    "--temperature": ("sampling.temperature", float, "0 is greedy (0)"),
    "--seed": ("sampling.seed", int, "seed of the sampler (0)"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run triagent; returns the exit status."""
    given = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdin, sys.stdout):
        # No word that comes by may end the program. Once: what was read from cannot change.
        if isinstance(stream, io.TextIOWrapper) and stream.errors != "replace":
            stream.reconfigure(errors="replace")
    gc.disable()  # what is imported stays; to search it for garbage is a sixth of the start
    try:
        return _dispatch(_parsed(given))
    except TriagentError as error:
        print(f"triagent: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # what is still buffered has no reader either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"triagent: {where}{error.strerror or error} (triagent doctor looks at all folders)",
            file=sys.stderr,
        )
        return 1
    finally:
        gc.enable()


def _parsed(given: Sequence[str]) -> argparse.Namespace | SimpleNamespace:
    # To describe the arguments of all commands takes as long as to start; most need none.
    if not given:
        return SimpleNamespace(command=None, resume=None)
    return build_parser({word for word in given if word in COMMANDS}).parse_args(given)


def build_parser(only: Collection[str] | None = None) -> argparse.ArgumentParser:
    """The flags and the commands; completion is made from it.

    Args:
        only: the commands whose own arguments are wanted. None: all of them.
    """
    import argparse

    parser = argparse.ArgumentParser(
        prog="triagent", description="A terminal agent whose memory stays within a budget."
    )
    parser.add_argument("--version", action="version", version=f"triagent {__version__}")
    parser.add_argument("--resume", metavar="ID", help='session to open; "last" is the last used')
    _add_settings(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (about, add) in COMMANDS.items():
        command = commands.add_parser(name, help=about)
        if only is None or name in only:
            add(command)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    import argparse

    # SUPPRESS: a flag before the command is not undone by the command's own default
    for flag, (key, kind, about) in FLAGS.items():
        parser.add_argument(
            flag, dest=key, type=kind, help=about, default=argparse.SUPPRESS, metavar="X"
        )
    parser.add_argument(
        "-C", "--workspace", type=Path, default=argparse.SUPPRESS, help="folder to work in"
    )
    parser.add_argument(
        "--config", type=Path, default=argparse.SUPPRESS, help="settings file", metavar="FILE"
    )
    parser.add_argument(
        "--offline", action="store_true", default=argparse.SUPPRESS, help="never use the network"
    )


def _add_run(run: argparse.ArgumentParser) -> None:
    import argparse

    run.add_argument("prompt", nargs="*", help="what to ask")
    run.add_argument("--json", action="store_true", help="events as JSON lines")
    run.add_argument("--resume", metavar="ID", default=argparse.SUPPRESS, help="session to go on")
    run.add_argument(
        "--trust", action="store_true", help="use what the project brings along (AGENTS.md, skills)"
    )
    _add_settings(run)


def _add_sessions(sessions: argparse.ArgumentParser) -> None:
    actions = sessions.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="all sessions, the last used first")
    actions.add_parser("search", help="words in any session").add_argument("words", nargs="+")
    for name, about in (
        ("fork", "copy a session, to go on with the copy"),
        ("delete", "remove a session and its files"),
        ("check", "read every record of a session and say whether it is whole"),
        ("repair", "keep the good part of a damaged session"),
        ("audit", "what was evicted when, at what score"),
    ):
        actions.add_parser(name, help=about).add_argument("id")
    rename = actions.add_parser("rename", help="give a session another title")
    rename.add_argument("id")
    rename.add_argument("title")
    export = actions.add_parser("export", help="as Markdown, or JSON lines for *.json")
    export.add_argument("id")
    export.add_argument("file", type=Path)


def _add_models(parser: argparse.ArgumentParser) -> None:
    from triagent import models

    models.add_arguments(parser)


def _add_centers(parser: argparse.ArgumentParser) -> None:
    from triagent.calibrate.arguments import add_arguments

    add_arguments(parser)


def _add_doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    _add_settings(doctor)


def _add_approvals(parser: argparse.ArgumentParser) -> None:
    from triagent import consent

    _add_settings(parser)
    consent.add_approvals(parser)


def _add_trust(parser: argparse.ArgumentParser) -> None:
    from triagent import consent

    _add_settings(parser)
    consent.add_trust(parser)


def _add_completion(completion: argparse.ArgumentParser) -> None:
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("one turn without a screen; reads a prompt from a pipe", _add_run),
    "sessions": ("list, search, rename, fork, export, delete", _add_sessions),
    "models": ("list, pull, info, remove", _add_models),
    "centers": ("measure a model and write its sidecar", _add_centers),
    "doctor": ("what is here, what is wrong, and the cure", _add_doctor),
    "approvals": ('what was answered with "always"; take it back', _add_approvals),
    "trust": ("what a project brings along that would be used", _add_trust),
    "config": ("every setting, its value and where it comes from", _add_settings),
    "completion": ("completion script of a shell", _add_completion),
}
"""Name -> help, and what describes its arguments."""


def _dispatch(args: argparse.Namespace | SimpleNamespace) -> int:
    if args.command is not None:
        gc.enable()
    if args.command == "completion":
        from triagent.completion import script

        print(script(args.shell, build_parser()), end="")
        return 0
    if args.command == "centers":
        return _centers(args)
    if args.command == "doctor":
        return _doctor(args)
    loaded = _load(args)
    if args.command == "config":
        from triagent import settings

        print(settings.reference(loaded.config, loaded.sources))
        return 0
    if args.command == "models":
        from triagent import models

        return models.cli(args, loaded.config)
    if args.command in ("approvals", "trust"):
        from triagent import consent

        return getattr(consent, args.command)(args, loaded.config)
    if args.command == "sessions":
        from triagent import session_commands

        return session_commands.cli(args)
    if args.command == "run":
        return _run(args, loaded.config)
    return _app(args, loaded.config)


def _load(args: argparse.Namespace | SimpleNamespace):
    from triagent import settings

    given = vars(args)
    flags = {key: given[key] for key, _, _ in FLAGS.values() if key in given}
    flags |= {key: given[key] for key in ("workspace", "offline") if key in given}
    return settings.load(flags, file=given.get("config"))


def _centers(args: argparse.Namespace) -> int:
    try:
        from triagent.calibrate import cli
    except ImportError as error:
        raise ConfigError(
            f"measuring a model needs {error.name}: pip install 'triagent[calibrate]'"
        ) from error
    return cli.main(args)


def _doctor(args: argparse.Namespace) -> int:
    from triagent import doctor

    config: Config | None = None
    problem = ""
    try:
        config = _load(args).config
    except TriagentError as error:
        problem = str(error)
    return doctor.main(config, args.json, problem)


def _run(args: argparse.Namespace, config: Config) -> int:
    from triagent.agent import headless
    from triagent.opening import open_agent

    prompt = headless.prompt_from(" ".join(args.prompt))
    if not prompt:
        raise ConfigError('nothing to ask; give a prompt (triagent run "...") or pipe one in')
    agent = open_agent(config, args.resume, report=_tell_less, trust=args.trust)
    try:
        return headless.run(agent, prompt, args.json, warnings=agent.info.notes)
    finally:
        agent.close()


def _tell_less(progress: str) -> None:
    from triagent.loading import TRYING

    if progress.startswith(TRYING):  # the rest of loading is no news where nobody watches
        print(f"triagent: {progress}", file=sys.stderr)


def _app(args: argparse.Namespace | SimpleNamespace, config: Config) -> int:
    # The picture goes to standard error, so that output can be taken elsewhere.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise ConfigError('the app needs a terminal; without one, use: triagent run "..."')
    from triagent.ui import app

    first = None
    if args.resume:
        from triagent.ui.ports import Open

        first = Open(session=args.resume)

    def services() -> Services:
        # After the first paint: the layers below take longer to import than the app to start.
        gc.freeze()
        gc.enable()
        from triagent import services

        return services.services(config)

    return app.run(config, services, first)
