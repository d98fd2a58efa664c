"""Runs an app without a terminal, for tests that are plain functions."""

from __future__ import annotations

import asyncio

from tests.ui.scenes import settled


def drive(app, steps, size=(100, 30), wait=True, limit_s=60):
    """Start the app, wait until its session is open, run `steps(pilot)`, return its value."""

    async def main():
        async with app.run_test(size=size) as pilot:
            if wait:
                await settled(pilot)
            return await steps(pilot)

    return asyncio.run(asyncio.wait_for(main(), limit_s))


async def until(pilot, condition, seconds=10.0):
    """Wait for something to become true."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"did not happen within {seconds} s")


async def typed(pilot, text):
    """Type a text, key by key."""
    special = {" ": "space", "/": "slash", "@": "at", "\n": "ctrl+j", ".": "full_stop"}
    await pilot.press(*[special.get(letter, letter) for letter in text])


def names(app):
    """Type names of the transcript's blocks."""
    return [type(block).__name__ for block in app.chat.transcript.blocks]


def screen_text(app):
    """What is on the screen, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines)
