"""What went wrong, in plain words, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from triagent import errors
from triagent.ui.safe import plain


@dataclass(frozen=True)
class Failure:
    """One calm message."""

    title: str
    text: str
    steps: tuple[tuple[str, str], ...]
    """(what the app does, how it is offered): "retry", "models", "new", "report", "quit"."""


_RETRY = ("retry", "try again")
_MODELS = ("models", "choose another model")
_QUIT = ("quit", "leave triagent")
_SAFE = "The session is on disk up to its last step; nothing that was said is lost."


def explain(error: BaseException) -> Failure:
    """The message for an error."""
    text = plain(_words(error)) or type(error).__name__
    match error:
        case _ if errors.is_disk_full(error):
            text = f"{text}\n\n{_SAFE} Free some space, then go on."
            return Failure("The disk is full", text, (_RETRY, _QUIT))
        case errors.EngineDied():
            steps = (("retry", "start it again"), _MODELS, _QUIT)
            return Failure("The engine stopped", f"{text}\n\n{_SAFE}", steps)
        case errors.UnsupportedError():
            title = "This model's memory cannot be kept within a budget"
            return Failure(title, text, (_MODELS, _QUIT))
        case errors.NativeError():
            return Failure("The native library is not usable", text, (_RETRY, _QUIT))
        case errors.SidecarError():
            return Failure("The centers do not fit this model", text, (_MODELS, _RETRY, _QUIT))
        case errors.MemoryShortError():
            text = f"{text}\n\nClosing other programs may free what is missing."
            steps = (_MODELS, _RETRY, _QUIT)
            return Failure("There is not enough memory for this model", text, steps)
        case errors.ModelError():
            return Failure("The model cannot be loaded", text, (_MODELS, _RETRY, _QUIT))
        case errors.SessionError():
            steps = (("sessions", "choose another session"), ("new", "a new session"), _QUIT)
            return Failure("The session cannot be opened", text, steps)
        case errors.ConfigError():
            return Failure("A setting is wrong", text, (("settings", "change it"), _QUIT))
        case MemoryError():
            text = f"{text}\n\nA smaller model, a smaller budget or cache_type q8_0 needs less."
            steps = (_MODELS, ("settings", "change settings"), _QUIT)
            return Failure("There is not enough memory", text, steps)
        case errors.TriagentError() | OSError():
            return Failure("That did not work", text, (_RETRY, _QUIT))
        case _:
            text = f"{type(error).__name__}: {text}\n\nThis is a fault of triagent. {_SAFE}"
            return Failure("Something unexpected happened", text, (_RETRY, _QUIT))


def _words(error: BaseException) -> str:
    """What an error says, without the system's number for it."""
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    return str(error)
