"""What is wrong with the app's own settings; it starts all the same and says so."""

from __future__ import annotations

from collections.abc import Container, Iterator

from triagent.config import UiConfig


def complaints(config: UiConfig, themes: Container[str]) -> Iterator[str]:
    """One sentence for each setting that is passed over.

    Args:
        themes: names of all there are.
    """
    if config.theme not in themes:
        yield f'no theme is named "{config.theme}"; /theme lists them'
    if config.keys:
        from triagent.ui import keymap  # loads every screen, and most have no keys of their own

        yield from keymap.problems(config.keys, keymap.bindings())
