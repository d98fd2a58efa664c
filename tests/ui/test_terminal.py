from __future__ import annotations

import base64
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.ui.terminal import Terminal
from triagent.ui.approve import GRACE_S

APP = [sys.executable, str(Path(__file__).with_name("terminal_app.py"))]
ENTER, ESCAPE, CONTROL_C, F4 = "\r", "\x1b", "\x03", "\x1bOS"


@pytest.fixture
def start(tmp_path):
    running = []

    def begin(*command, size=(100, 30), **env):
        home = {f"XDG_{part}_HOME": str(tmp_path / part) for part in ("CONFIG", "DATA", "CACHE")}
        running.append(Terminal([*command], {**home, **env}, size))
        return running[-1]

    yield begin
    for terminal in running:
        terminal.close()


def test_a_conversation_on_a_real_terminal_ends_with_the_terminal_restored(start, tmp_path):
    terminal = start(*APP, str(tmp_path))
    terminal.wait_for("list the files here")
    terminal.send("hi")
    terminal.send(ENTER)
    terminal.wait_for("Hello, there.")
    terminal.wait_for("asks: the mode is ask")
    terminal.forget()
    terminal.send(ESCAPE)
    terminal.wait_for("denied")
    terminal.send(CONTROL_C)
    terminal.wait_for("Ctrl+C again")
    terminal.send(CONTROL_C)
    assert terminal.wait_end() == 0
    assert terminal.is_restored


REMOTE = {"TERM": "screen-256color", "NO_COLOR": "1", "TMUX": "/tmp/tmux-0/default,1,0",
          "SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}  # fmt: skip


def colors(seen):
    """Every color that was asked for; the default ones, 39 and 49, are none."""
    runs = re.findall(rb"\x1b\[([0-9;:]*)m", seen)
    codes = [int(code) for run in runs for code in re.split(b"[;:]", run) if code]
    return [code for code in codes if code >= 30 and code not in (39, 49)]


def test_over_ssh_in_tmux_without_color_it_is_whole_at_80x24(start, tmp_path):
    terminal = start(*APP, str(tmp_path), "no-mouse", size=(80, 24), **REMOTE)
    terminal.wait_for("list the files here")
    terminal.wait_for("all keys")  # the welcome is one screen, to its last line
    terminal.send("hi")
    terminal.send(ENTER)
    terminal.wait_for("Hello, there.")
    terminal.wait_for("esc no")
    time.sleep(2 * GRACE_S)  # a key that comes at once was meant for the prompt
    terminal.send("y")
    terminal.wait_for("1 tool ran")
    terminal.send("/copy")
    terminal.send(ENTER)
    # OSC 52 goes through ssh to the clipboard of the terminal that one sits at.
    copied = base64.b64encode(b"Hello, **there**.")
    terminal.wait_until(lambda seen: b"\x1b]52;c;" + copied in seen, "OSC 52")
    assert colors(terminal.seen) == [] and b"\x1b[?1000h" not in terminal.seen
    terminal.send(CONTROL_C)
    terminal.wait_for("Ctrl+C again")
    terminal.send(CONTROL_C)
    assert terminal.wait_end() == 0 and terminal.is_restored


def test_a_notification_finds_its_way_out_of_tmux(start, tmp_path):
    terminal = start(*APP, str(tmp_path), "slow", **REMOTE)
    terminal.wait_for("list the files here")
    terminal.send("hi")
    terminal.send(ENTER)
    terminal.wait_for("Hello, there.")
    terminal.send("\x1b[O")  # the window is looked at no longer
    told = b"\x1bPtmux;\x1b\x1b]9;triagent asks: bash: make\x07"
    terminal.wait_until(lambda seen: told in seen, "OSC 9")


def test_a_fault_of_ours_is_one_sentence_on_a_restored_terminal(start, tmp_path):
    terminal = start(*APP, str(tmp_path), "fault")
    terminal.wait_for("list the files here")
    terminal.send("hi")
    terminal.send(ENTER)
    assert terminal.wait_end() == 1
    assert terminal.is_restored
    after = terminal.seen.rsplit(b"\x1b[?1049l", 1)[1]
    assert b"Something unexpected happened" in after and b"Traceback" not in after
    assert "ZeroDivisionError" in (tmp_path / "CACHE" / "triagent" / "crash.txt").read_text()


@pytest.mark.parametrize(("options", "captured"), [([], True), (["no-mouse"], False)])
def test_the_mouse_is_captured_only_where_it_is_wanted(start, tmp_path, options, captured):
    terminal = start(*APP, str(tmp_path), *options)
    terminal.wait_for("list the files here")
    assert (b"\x1b[?1000h" in terminal.seen) is captured


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal(start, tmp_path, number):
    terminal = start(*APP, str(tmp_path))
    terminal.wait_for("list the files here")
    terminal.process.send_signal(number)
    assert terminal.wait_end() == 128 + number
    assert terminal.is_restored


@pytest.mark.native
@pytest.mark.slow
def test_the_bundled_model_answers_in_the_app(start, tmp_path):
    from triagent.models.shelf import bundled

    assert bundled() is not None, "this checkout has no bundled model"
    work = tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").write_text("the port is 8432\n")
    command = [sys.executable, "-m", "triagent", "-C", str(work), "--threads", "1"]
    root = str(Path(__file__).parents[2])
    terminal = start(*command, PYTHONPATH=root)
    terminal.wait_for("You can type already")
    terminal.wait_for("ready", 120)
    terminal.send("list the files here")
    terminal.send(ENTER)
    terminal.wait_for("ran · 0 files changed", 120)
    assert "notes.txt" in terminal.words
    terminal.send(F4)
    terminal.wait_for("held by", 30)
    terminal.forget()
    terminal.send(ESCAPE)
    terminal.wait_for("F1 help", 30)
    terminal.send(CONTROL_C)
    terminal.wait_for("Ctrl+C again")
    terminal.send(CONTROL_C)
    assert terminal.wait_end(60) == 0
    assert terminal.is_restored
