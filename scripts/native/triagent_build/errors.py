"""The one exception of the build: a message for a person, printed without a traceback."""

from __future__ import annotations


class BuildError(Exception):
    """The build cannot go on. The message says what, which value, and what to do next."""
