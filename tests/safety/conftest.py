"""A workspace with things to protect, and the machine around it, on each rung of the ladder.

Where a rung is not available the fixture `confined` checks the documented fallback and ends the
test by name: left out, or failed where `--need` asks for that rung.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from triagent.agent import sandbox_ladder as ladder
from triagent.agent.machine import Places, open_machine
from triagent.agent.ports import Ask
from triagent.agent.sandbox import Limits
from triagent.agent.tools import TOOLS
from triagent.chat import ToolCall

TOOL = {tool.schema.name: tool for tool in TOOLS}


class Bench:
    """One workspace, opened with one mode on one rung."""

    def __init__(self, root: Path, mode: str = "ask", rung=None, limits: Limits | None = None):
        self.root = root
        self.work = root / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.places = Places(root / "config", root / "data", root / "cache")
        self.machine = open_machine(
            self.work, self.places, mode, root / "data" / "copies", rung=rung, limits=limits
        )
        self.marker = f"marker{uuid.uuid4().hex}"

    def run(self, command, timeout_s=20.0, **options):
        path = self.root / "output.txt"
        return self.machine.sandbox.run(
            command, output_path=path, timeout_s=timeout_s, **options
        )

    def says(self, command, **options) -> str:
        result = self.run(command, **options)
        return result.head + result.tail

    def check(self, name, **arguments):
        self.call = ToolCall(uuid.uuid4().hex, name, arguments)
        return self.machine.gate.check(self.call, TOOL[name], self.machine.workspace)

    def marked(self) -> list[psutil.Process]:
        """Processes, anywhere, with our marker in their command line."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            if self.marker in " ".join(process.info["cmdline"] or []):
                found.append(process)
        return found


@pytest.fixture
def bench(tmp_path):
    """Without any confinement: for what does not run commands."""
    made = Bench(tmp_path, rung=ladder.NONE)
    yield made
    made.machine.close()


@pytest.fixture
def make_bench():
    return Bench


@pytest.fixture(params=["bwrap", "landlock"])
def confined_with(request, tmp_path, monkeypatch, absent):
    """Like `confined`, with these limits."""
    made = []

    def make(limits):
        made.append(on_rung(request.param, tmp_path, monkeypatch, limits=limits))
        check_rung(made[-1], request.param, absent)
        return made[-1]

    yield make
    for item in made:
        item.machine.close()


@pytest.fixture(params=["bwrap", "landlock"])
def confined(request, tmp_path, monkeypatch, absent):
    """A bench whose commands are confined by this rung."""
    made = on_rung(request.param, tmp_path, monkeypatch)
    try:
        check_rung(made, request.param, absent)
        yield made
    finally:
        made.machine.close()


def on_rung(wanted: str, root: Path, monkeypatch, mode: str = "ask", **options) -> Bench:
    if wanted != "bwrap":
        monkeypatch.setattr(ladder, "system_program", without_bwrap(ladder.system_program))
    return Bench(root, mode, **options)


def check_rung(made: Bench, wanted: str, absent) -> None:
    """Go on if this rung is in force; else see that its absence is told and every command asks."""
    sandbox = made.machine.sandbox
    if sandbox.level == wanted:
        return
    reasons = [text for text in sandbox.rung.tried if text.startswith(f"{wanted}: ")]
    assert reasons and len(reasons[0]) > len(wanted) + 5, sandbox.rung
    if not sandbox.confines:
        assert sandbox.rung.cure
        verdict = made.check("bash", command="true")
        assert isinstance(verdict, Ask) and not verdict.may_always
    absent(wanted, reasons[0])


def without_bwrap(find):
    return lambda name: None if name == "bwrap" else find(name)


class Listeners:
    """Sockets outside of the sandbox that count who comes."""

    def __init__(self, folder: Path) -> None:
        self.n_heard = 0
        self.path = str(folder / "socket")
        self.abstract = f"triagent-test-{uuid.uuid4().hex}"
        self._sockets = [
            self._listening(socket.AF_INET, ("127.0.0.1", 0)),
            self._listening(socket.AF_UNIX, self.path),
            self._listening(socket.AF_UNIX, "\0" + self.abstract),
        ]
        self.tcp = self._sockets[0].getsockname()[1]
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        self.udp = datagrams.getsockname()[1]
        self._sockets.append(datagrams)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, args=(item,), daemon=True)
            for item in self._sockets
        ]
        for thread in self._threads:
            thread.start()

    def _listening(self, family, address):
        item = socket.socket(family)
        item.bind(address)
        item.listen()
        return item

    def _serve(self, item) -> None:
        item.settimeout(0.05)
        while not self._stop.is_set():
            try:
                if item.type == socket.SOCK_DGRAM:
                    item.recvfrom(100)
                else:
                    item.accept()[0].close()
                self.n_heard += 1
            except TimeoutError:
                continue

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for item in self._sockets:
            with closing(item):
                pass


@pytest.fixture
def listeners(tmp_path_factory):
    made = Listeners(tmp_path_factory.mktemp("s"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def no_descriptor_is_left_open():
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    yield
    if before:
        after = set(os.listdir("/proc/self/fd"))
        assert len(after) <= len(before) + 2, sorted(after - before)
