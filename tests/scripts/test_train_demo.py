"""The generator of the bundled model: seeded, true to the tools, true to the chat template."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

from scripts.train_demo import wording
from scripts.train_demo.documents import Maker
from scripts.train_demo.export import TEMPLATE
from scripts.train_demo.session import Session, schemas
from scripts.train_demo.tasks import step
from scripts.train_demo.unseen import TASKS, UNSEEN
from tests.fakes import PlainSandbox
from triagent.agent import paths
from triagent.agent.context import system_prompt
from triagent.agent.tools import TOOLS, Outputs, ToolContext, error_text
from triagent.agent.workspace import LocalWorkspace
from triagent.chat import Message, Role
from triagent.engine.template import Template
from triagent.errors import ToolError

ROOT = Path(__file__).resolve().parents[2]
IMITATED = ("mkdir", "touch", "rm", "mv", "cp")


def _digest() -> str:
    maker = Maker.load(None)
    made = [maker.document(Random(seed), 2048, 1500) for seed in range(6)]
    made += [maker.session(Random(seed), 2500) for seed in range(2)]
    return hashlib.sha256(repr(made).encode()).hexdigest()


def test_a_seed_gives_the_same_documents_in_any_process():
    code = "from tests.scripts.test_train_demo import _digest; print(_digest())"
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert other.stdout.strip() == _digest()


def test_other_seeds_give_other_documents():
    maker = Maker.load(None)
    made = {repr(maker.session(Random(seed), 1500)) for seed in range(8)}
    assert len(made) == 8


class Both:
    """Runs every call in memory and by the real tools on a folder, and compares."""

    def __init__(self, session: Session, folder: Path, scratch: Path) -> None:
        self.bench, self.folder = session.bench, folder
        self.in_memory = session.bench.run
        session.bench.run = self.run
        self.place = LocalWorkspace(folder)
        self.context = ToolContext(
            workspace=self.place, sandbox=PlainSandbox(folder), undo=self, outputs=Outputs(scratch),
            recall=lambda query: "", note=lambda text: "notes.md",
        )  # fmt: skip
        self.n_calls: dict[str, int] = {}

    def record(self, path: str) -> None:
        """The undo of the tools' context: nothing is taken back here."""

    def run(self, name: str, arguments: dict) -> str:
        self.lay_out()
        expected = self.in_memory(name, arguments)
        command = str(arguments.get("command", ""))
        is_told = command in self.bench.outputs or command.split(" ")[0] not in IMITATED
        if name in ("recall", "process", "note") or (name == "bash" and is_told):
            return expected
        tool = next(tool for tool in TOOLS if tool.schema.name == name)
        try:
            found = tool.run(arguments, self.context).text
        except ToolError as error:
            found = error_text(str(error))
        assert found == expected, (name, arguments)
        assert self.files() == self.bench.place.files, (name, arguments)
        self.n_calls[name] = self.n_calls.get(name, 0) + 1
        return expected

    def lay_out(self) -> None:
        """Bring the folder to what the memory holds, which the generator adds to."""
        here = self.files()
        for path in here.keys() - self.bench.place.files.keys():
            (self.folder / path).unlink()
        for path, data in self.bench.place.files.items():
            if here.get(path) != data:
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_bytes(data)
            if paths.is_secret(path):
                self.place.unlock(path)  # the user allowed it
        for path in self.bench.place.folders:
            (self.folder / path).mkdir(parents=True, exist_ok=True)
        self._drop_empty()

    def _drop_empty(self) -> None:
        kept = self.bench.place.tree()
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir() and path.relative_to(self.folder).as_posix() not in kept:
                path.rmdir()

    def files(self) -> dict[str, bytes]:
        """All files of the folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}


def test_tools_in_memory_give_what_the_tools_give_on_a_disk(tmp_path):
    maker, counts = Maker.load(None), {}
    for seed in range(6):
        folder, scratch = tmp_path / f"{seed}", tmp_path / f"{seed}.out"
        folder.mkdir(), scratch.mkdir()
        r = Random(seed)
        session = Session(r, maker.x, short_prompt=True)
        both = Both(session, folder, scratch)
        for _ in range(30):
            step(session, r)
        both.place.close()
        for name, n in both.n_calls.items():
            counts[name] = counts.get(name, 0) + n
    assert sum(counts.values()) > 100
    assert {"read", "grep", "glob", "edit", "bash", "write"} <= counts.keys()


@pytest.fixture(scope="module")
def template():
    made = Template.from_model(TEMPLATE, "<|endoftext|>", "<|im_end|>")
    yield made
    made.close()


def test_the_opening_is_what_the_template_renders(template):
    session = Session(Random(3), Maker.load(None).x)
    system = session.head[1][0]
    assert system.startswith(system_prompt("x", "Linux")[:20])
    rendered = template.opening(system, [tool.schema for tool in TOOLS])
    assert [x.text for x in rendered] == [text for text, _ in session.head]
    assert [json.loads(line) for line in re.findall(r"^\{.*\}$", "".join(
        x.text for x in rendered), re.MULTILINE)[: len(TOOLS)]] == schemas()  # fmt: skip


def test_turns_are_what_the_template_renders_piece_by_piece(template):
    r = Random(5)
    session = Session(r, Maker.load(None).x)
    system = session.head[1][0]
    rendered = "".join(x.text for x in template.opening(system, [t.schema for t in TOOLS]))
    made = "".join(text for text, _ in session.head)
    for _ in range(25):
        step(session, r)
    first = True
    for turn in session.turns:
        made += "".join(text for text, _ in turn.pieces)
        for message, answer in _messages(turn.pieces):
            ended = "" if first else "<|im_end|>"
            new = template.delta([message], first=first, ended=ended)
            rendered += "".join(x.text for x in new) + answer
            first = False
    assert made == rendered + "\n"


def _messages(pieces) -> list[tuple[Message, str]]:
    """Each message that is fed, and what the model answers to it."""
    found = []
    for i in range(0, len(pieces) - 3, 3):
        head, content, answer = pieces[i][0], pieces[i + 1][0], pieces[i + 3][0]
        role = Role.TOOL if "<tool_response>" in head else Role.USER
        found.append((Message(role, content), answer))
        pieces = [*pieces[: i + 3], *pieces[i + 4 :]]
        if i + 4 >= len(pieces):
            break
    return found


def test_every_wording_fills_the_slots_of_its_kind():
    r = Random(1)
    for kind, templates in wording._WIDE.items():
        needed = set.intersection(*(_slots(x) for x in wording.BASE[kind]))
        for text in templates:
            made = wording.expand(r, text)
            assert needed <= _slots(made), (kind, text)
            assert not re.search(r"[\[\]|@]", made), (kind, text, made)


def test_unseen_wordings_are_many_and_none_is_a_wording_of_the_generator():
    assert UNSEEN.keys() == TASKS.keys()
    assert sum(len(texts) >= 10 for texts in UNSEEN.values()) >= 10
    for kind, texts in UNSEEN.items():
        assert len(set(texts)) == len(texts) >= 6
        r = Random(2)
        pool = [*wording.BASE.get(kind, ()), *wording._WIDE.get(kind, ())]
        kept = {wording.letters(text) for text in texts}
        made = {wording.letters(wording._drawn(r, kind, [x])) for x in pool for _ in range(40)}
        assert not made & kept, kind


def _slots(text: str) -> set[str]:
    return set(re.findall(r"\{([a-z0-9_]+)\}", text))
