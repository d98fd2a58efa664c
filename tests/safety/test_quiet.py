"""A whole session seen from outside: it connects to nobody, and what it leaves is private.

An audit hook in every Python process of the session records each connect, lookup and datagram;
that it would see one is tried last. The native libraries import no function to connect with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOOK = """
import os, sys

WATCHED = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
           "socket.sendmsg", "socket.bind", "urllib.Request", "http.client.connect"}

def seen(event, arguments):
    if event in WATCHED:
        line = f"{event} {arguments[1:]!r}\\n".encode()
        fd = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, line)
        os.close(fd)

sys.addaudithook(seen)
open(os.environ["SEEN"] + ".started", "a").write(f"{os.getpid()} {sys.argv}\\n")
"""
LAST = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"


class Home:
    """Folders of a user whose umask hides nothing, and every connection that was tried."""

    def __init__(self, root: Path) -> None:
        self.root, self.work, self.seen = root, root / "work", root / "seen"
        self.work.mkdir()
        (root / "hook").mkdir()
        (root / "hook/sitecustomize.py").write_text(HOOK)
        (self.work / "notes.txt").write_text("line one\nline two\n")

    def run(self, code: str) -> str:
        folders = {f"XDG_{x}_HOME": str(self.root / x.lower()) for x in ("CONFIG", "DATA", "CACHE")}
        paths = [str(self.root / "hook"), str(ROOT)]
        env = {**os.environ, **folders, "SEEN": str(self.seen), "PYTHONPATH": ":".join(paths)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, cwd=self.work, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, preexec_fn=lambda: os.umask(0),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def connections(self) -> list[str]:
        return self.seen.read_text().splitlines() if self.seen.exists() else []

    def open_to_others(self) -> list[str]:
        """Files and folders below the user's that anybody else may read or write."""
        tops = [self.root / name / "triagent" for name in ("config", "data", "cache")]
        found = [path for top in tops if top.exists() for path in (top, *top.rglob("*"))]
        assert found
        return [str(x.relative_to(self.root)) for x in found
                if not x.is_symlink() and x.stat().st_mode & 0o077]  # fmt: skip


SCRIPTED = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from tests.fakes import ScriptedModel, call, step
from triagent import opening, services
from triagent.config import AgentConfig, Config, UiConfig
from triagent.ui.app import TriagentApp

SCRIPT = [step(call("read", path="notes.txt")), step(call("write", path="a.txt", content="x")),
          step(call("bash", command="wc -l notes.txt; echo more > b.txt")), "all done"]
opening.with_model = lambda config: replace(
    config, model=replace(config.model, path=Path("scripted.gguf")))
opening.open_within_memory = lambda config, report: (ScriptedModel(SCRIPT), config)
config = Config(ui=UiConfig(motion=False), agent=AgentConfig(mode="auto"), workspace=Path.cwd())

async def play():
    app = TriagentApp(config, services.services(config), grace_s=0.0)
    async with app.run_test() as pilot:
        while app.chat.busy or app.thread.agent is None:
            await pilot.pause(0.02)
        app.chat.prompt.area.text = "please"
        await pilot.press("enter")
        await pilot.pause(0.1)
        while app.chat.busy:
            await pilot.pause(0.02)
        print(app.chat.last_answer(), app.thread.agent.session.turn)
        app.thread.agent.export(Path("out.md"))
        await pilot.press("ctrl+q")

asyncio.run(play())
"""


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    """What a session of the app left, with tools and an export, on a scripted model."""
    home = Home(tmp_path_factory.mktemp("scripted"))
    assert home.run(SCRIPTED) == "all done 1\n"
    assert (home.work / "a.txt").read_text() == "x" and (home.work / "b.txt").exists()
    return home


def test_a_session_of_the_app_connects_to_nobody(scripted):
    assert scripted.connections() == []


def test_what_a_session_of_the_app_leaves_is_its_users_alone(scripted):
    assert scripted.open_to_others() == []
    assert (scripted.work / "out.md").stat().st_mode & 0o777 == 0o600


def test_a_connection_would_have_been_seen(tmp_path):
    home = Home(tmp_path)
    home.run(LAST)
    assert home.connections() == ["socket.connect (('127.0.0.1', 9),)"]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """What a session left on the bundled model, and what it printed."""
    home = Home(tmp_path_factory.mktemp("real"))
    home.printed = home.run(
        "from triagent import cli\n"
        "for argv in (['run', '--json', '--mode', 'auto', 'Show notes.txt'], ['sessions'],\n"
        "             ['models', 'list'], ['sessions', 'export', 'last', 'out.md']):\n"
        "    assert cli.main(argv) == 0, argv\n"
    )
    return home


@pytest.mark.native
def test_a_session_on_the_bundled_model_connects_to_nobody(real):
    lines = [json.loads(x) for x in real.printed.splitlines() if x.startswith("{")]
    assert any(x.get("event") == "ToolEnded" for x in lines), lines[:5]
    started = (real.root / "seen.started").read_text()
    assert "triagent.engine.worker" in started or started.count("\n") > 1
    assert real.connections() == []


@pytest.mark.native
def test_what_a_session_on_the_bundled_model_leaves_is_its_users_alone(real):
    assert real.open_to_others() == []
    kinds = {path.suffix for path in (real.root / "data").rglob("*")}
    assert {".jsonl", ".state", ".sqlite"} <= kinds  # ledger, snapshot and index were looked at


@pytest.mark.native
def test_the_native_libraries_import_nothing_to_connect_with():
    from triagent.engine.library import load

    found = [path for path in load().folder.iterdir() if ".so" in path.name and path.is_file()]
    assert found
    for path in found:
        data = path.read_bytes()
        for name in (b"\0getaddrinfo\0", b"\0connect\0", b"\0gethostbyname\0"):
            assert name not in data, (path.name, name)
