"""What the slash commands do, one function each: `command_<name>(app, argument)`.

The command palette, the keys and the prompt all come here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from triagent.chat import Evicted
from triagent.ui import slash
from triagent.ui.ports import Agent, Open
from triagent.ui.welcome import welcome
from triagent.ui.worker import Opened

if TYPE_CHECKING:
    from textual.screen import Screen

    from triagent.ui.app import TriagentApp


def run(app: TriagentApp, name: str, argument: str) -> None:
    """Run a slash command by name."""
    command = slash.BY_NAME.get(name)
    if command is None:
        near = slash.nearest(name)
        hint = f"; did you mean /{near}?" if near else "; /help lists them"
        app.chat.note(f"no command is named /{name}{hint}", "warning")
        return
    if command.argument.startswith("<") and not argument:
        app.chat.note(f"/{name} needs {command.argument}: {command.help}", "warning")
        return
    if command.needs_session and (app.thread is None or app.thread.agent is None):
        app.chat.note(f"/{name} has to wait until the model is loaded", "warning")
        return
    globals()[f"command_{name}"](app, argument)


def opened(app: TriagentApp, item: Opened) -> None:
    """Welcome to an empty session; offer centers to a model without, once in a run."""
    info = item.agent.info
    app.chat.welcome(welcome(info, item.agent.mode, item.cache.budget, item.advice))
    while app.complaints:
        app.chat.note(app.complaints.pop(0), "warning")
    app.chat.offer.hide()
    if item.lacks_centers:
        app.chat.offer.show(info)


def make_centers(app: TriagentApp) -> None:
    """Measure the open model and go on with what came of it."""
    if app.thread is None or app.thread.agent is None:
        return
    info = app.thread.agent.info
    app.chat.note(f"Measuring {info.name}. The session goes on afterwards; Esc stops it.")
    app.chat.set_status(replace(app.chat.status, phase="measuring", busy=True))
    app.thread.cancel()
    app.thread.make_centers(info.path, _again(app))


def _again(app: TriagentApp) -> Open:
    """What opens the session that is or was open. One in which nothing was said is not kept."""
    session = app.chat.session if app.chat.feed.turns else app.first.session
    return replace(app.first, session=session, fork=False)


def after_failure(app: TriagentApp, step: str) -> None:
    """Take a step that a failure offered."""
    app.chat.prompt.display = True
    app.chat.prompt.area.focus()
    match step:
        case "retry":
            app.open(_again(app))
        case "new":
            app.open(Open(model=app.first.model))
        case "models" | "sessions" | "settings":
            run(app, step, "")
        case "quit":
            run(app, "quit", "")


# -- screens


def _toggle(app: TriagentApp, kind: type[Screen], *arguments) -> None:
    """Open a screen, or leave it by the key that opened it, whichever key that is."""
    if isinstance(app.screen, kind):
        app.screen.dismiss()
    else:
        app.push_screen(kind(*arguments))


def command_help(app: TriagentApp, argument: str) -> None:
    """Show keys and commands."""
    from triagent.ui.help import HelpScreen

    _toggle(app, HelpScreen)


def command_memory(app: TriagentApp, argument: str) -> None:
    """Open the memory screen."""
    from triagent.ui.memory import MemoryScreen

    _toggle(app, MemoryScreen)


def command_settings(app: TriagentApp, argument: str) -> None:
    """Open the settings screen."""
    from triagent.ui.settings import SettingsScreen

    _toggle(app, SettingsScreen, app.config)


def command_sessions(app: TriagentApp, argument: str) -> None:
    """Open the session list."""
    from triagent.ui.sessions import SessionsScreen

    if app.services.sessions is None:
        app.chat.note("sessions are not kept in this run", "warning")
        return
    _toggle(app, SessionsScreen, app.services.sessions, argument)


def command_models(app: TriagentApp, argument: str) -> None:
    """Open the model list."""
    from triagent.ui.models import ModelsScreen

    if app.services.models is None:
        app.chat.note("the model list is not there in this run", "warning")
        return
    _toggle(app, ModelsScreen, app.services.models)


def command_theme(app: TriagentApp, argument: str) -> None:
    """Change colors, or choose from the list."""
    if not argument:
        app.search_themes()
    elif argument in app.available_themes:
        app.theme = argument
    else:
        app.chat.note(f'no theme is named "{argument}"; /theme lists them', "warning")


# -- sessions


def command_model(app: TriagentApp, argument: str) -> None:
    """Say what is loaded, or open the list to choose another."""
    if argument:
        path = Path(argument).expanduser()
        if path.suffix != ".gguf" or not path.is_file():
            app.chat.note(f"no GGUF file at {path}; /models lists what is installed", "warning")
            return
        app.open(Open(model=path))
        return
    info = app.thread.agent.info
    facts = [
        f"{info.name}: {info.architecture}, {info.n_params / 1e6:,.0f} M parameters",
        f"on {info.device}, cache {info.cache_type}, policy {info.policy}",
        f"up to position {info.n_ctx:,}, tool format {info.format}",
        f"centers: {info.sidecar or 'none'}",
        str(info.path),
        *info.notes,
    ]
    app.chat.note("\n".join(facts))


def command_new(app: TriagentApp, argument: str) -> None:
    """Begin a new session on the same model."""
    app.open(Open(model=app.first.model))


def command_fork(app: TriagentApp, argument: str) -> None:
    """Go on in a copy."""
    if not app.chat.feed.turns:
        app.chat.note("there is nothing to copy yet", "warning")
        return
    app.open(Open(app.thread.agent.session_id, fork=True, model=app.first.model))


def command_rename(app: TriagentApp, argument: str) -> None:
    """Give the session a title."""

    def renamed(_: None) -> None:
        app.chat.set_title(app.thread.agent)

    app.ask("rename", lambda agent: agent.rename(argument), renamed)


def command_export(app: TriagentApp, argument: str) -> None:
    """Write the session as Markdown."""
    agent = app.thread.agent
    path = Path(argument or f"{agent.session_id}.md").expanduser()
    path = path if path.is_absolute() else app.config.workspace / path
    app.ask("export", lambda agent: agent.export(path), lambda to: app.chat.note(f"written: {to}"))


def command_quit(app: TriagentApp, argument: str) -> None:
    """Leave."""
    app.run_worker(app.action_quit())


# -- files and conversation


def command_undo(app: TriagentApp, argument: str) -> None:
    """Put back files."""

    def undone(paths: tuple[str, ...]) -> None:
        text = "put back: " + ", ".join(paths) if paths else "there is no change to undo"
        app.chat.note(text)

    app.ask("undo", lambda agent: agent.undo(), undone)


def command_rewind(app: TriagentApp, argument: str) -> None:
    """Go back to before a turn."""
    turn = _turn(app, argument)
    if turn is None:
        return

    def go_back(agent: Agent) -> tuple:
        return agent.rewind(turn), agent.past(), agent.status()

    def gone_back(found: tuple) -> None:
        paths, past, cache = found
        app.chat.show_past(past)
        files = f"; put back: {', '.join(paths)}" if paths else ""
        app.chat.note(f"back to before turn {turn}{files}")
        app.chat.set_status(replace(app.chat.status, cache=cache))

    app.ask("rewind", go_back, gone_back)


def command_mode(app: TriagentApp, argument: str) -> None:
    """Say or change what runs without asking."""
    agent = app.thread.agent
    if not argument:
        app.chat.note(f"mode {agent.mode}; others: read-only, ask, auto")
    elif argument not in ("read-only", "ask", "auto"):
        full = "; full is given only at start" if argument == "full" else ""
        app.chat.note(f'no mode is named "{argument}"{full}', "warning")
    else:

        def changed(_: None) -> None:
            app.chat.set_status(replace(app.chat.status, mode=agent.mode))
            app.chat.note(f"mode {agent.mode}")

        app.ask("mode", lambda agent: agent.set_mode(argument), changed, between=True)


def command_copy(app: TriagentApp, argument: str) -> None:
    """Copy the last answer."""
    app.copy_words(app.chat.last_answer())


# -- memory


def command_recall(app: TriagentApp, argument: str) -> None:
    """Put words back at the tail."""
    if app.chat.busy:
        app.chat.note("/recall has to wait until the turn ends", "warning")
        return
    app.thread.stream("recall", lambda agent: agent.recall(argument))


def command_pin(app: TriagentApp, argument: str) -> None:
    """Keep a turn in memory."""
    if not argument:
        command_memory(app, "")
        return
    turn = _turn(app, argument)
    if turn is None:
        return

    from triagent.ui import keeping

    def pin(agent: Agent) -> float:
        start, stop = _of_turn(agent, turn)
        agent.pin(start, stop)
        return keeping.share_of(agent.holding(), start, stop)

    def pinned(left: float) -> None:
        if left <= 0.0:
            app.chat.note(f"nothing of turn {turn} is left to pin; /recall brings words back")
        else:
            app.chat.note(f"turn {turn}: {keeping.pinned_part(left) or 'pinned'}")

    app.ask("pin", pin, pinned, between=True)


def command_forget(app: TriagentApp, argument: str) -> None:
    """Evict a turn."""
    turn = _turn(app, argument)
    if turn is None:
        return

    from triagent.ui import keeping

    def forget(agent: Agent) -> tuple[Evicted, float]:
        start, stop = _of_turn(agent, turn)
        return agent.forget(start, stop), keeping.share_of(agent.holding(), start, stop)

    def forgotten(found: tuple[Evicted, float]) -> None:
        done, left = found
        app.chat.show_forgotten(done)
        what = "evicted" if done.n_evicted else "nothing of it was left to forget"
        app.chat.note(f"turn {turn}: {keeping.kept_part(left) or what}; /recall brings words back")

    app.ask("forget", forget, forgotten, between=True)


def _of_turn(agent: Agent, turn: int) -> tuple[int, int]:
    """First position of a turn, and the one after its last."""
    starts = agent.turn_starts()
    if turn not in starts:
        raise ValueError(f"there is no turn {turn}; the last is {max(starts, default=0)}")
    later = [start for number, start in starts.items() if number > turn]
    return starts[turn], min(later, default=agent.status().n_pos)


def _turn(app: TriagentApp, argument: str) -> int | None:
    if argument.isdigit():
        return int(argument)
    app.chat.note(f'"{argument}" is not the number of a turn', "warning")
    return None
