"""Requests over tables, logs, documents and pairs of files: true to commands, changing nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

from scripts.train_demo.session import Session
from scripts.train_demo.tasks import TASKS, perform
from scripts.train_demo.tasks import records as tasks
from scripts.train_demo.tasks.records_told import FACTS
from scripts.train_demo.values import Lexicon
from tests.scripts.test_train_demo import Both

ROOT = Path(__file__).resolve().parents[2]
LEXICON = Lexicon.build([], ())


def _session(seed: int) -> Session:
    return Session(Random(seed), LEXICON, short_prompt=True)


def _digest() -> str:
    made = []
    for seed in range(3):
        session = _session(seed)
        for name in tasks.TASKS:
            perform(session, name)
        made.append(session.pieces())
    return hashlib.sha256(repr(made).encode()).hexdigest()


def test_a_seed_gives_the_same_requests_in_any_process():
    code = "from tests.scripts.test_train_demo_records import _digest; print(_digest())"
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "11"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert other.stdout.strip() == _digest()


def test_the_kinds_are_registered_and_about_a_quarter_of_all():
    assert tasks.TASKS.keys() <= TASKS.keys()
    own = sum(weight for weight, _ in tasks.TASKS.values())
    assert 0.2 < own / sum(weight for weight, _ in TASKS.values()) < 0.32


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_a_kind_fits_often_answers_what_it_promises_and_changes_nothing(name):
    n_fitting = 0
    for seed in range(8):
        session = _session(seed)
        check = perform(session, name)
        if check is None:
            assert not session.turns
            continue
        n_fitting += 1
        assert check.harmless and check.must
        assert all(text in session.answer for text in check.must), session.answer
        assert not {"write", "edit"} & {call for call, _ in check.calls}
        assert "{" not in session.turns[-1].pieces[1][0]
    assert n_fitting >= 2


def test_commands_and_tools_give_what_they_give_on_a_disk(tmp_path):
    n_commands = 0
    for seed in range(6):
        folder, scratch = tmp_path / f"{seed}", tmp_path / f"{seed}.out"
        folder.mkdir(), scratch.mkdir()
        session = _session(seed)
        both = Both(session, folder, scratch)
        session.bench.run = run = _Checked(both)
        for name in tasks.TASKS:
            perform(session, name)
        both.place.close()
        n_commands += run.n_commands
    assert n_commands > 25


class _Checked:
    """Runs what `Both` runs, and every command by a shell too."""

    def __init__(self, both: Both) -> None:
        self.both, self.n_commands = both, 0

    def __call__(self, name: str, arguments: dict) -> str:
        result = self.both.run(name, arguments)
        if name == "bash":
            command = arguments["command"]
            made = subprocess.run(
                ["bash", "-c", command], cwd=self.both.folder, capture_output=True, text=True
            )
            output, code = self.both.bench.outputs[command]
            assert (made.stdout.rstrip("\n"), made.returncode) == (output, code), command
            self.n_commands += 1
        return result


def test_the_newest_of_two_told_facts_is_the_answer():
    found = 0
    for seed in range(200):
        session = _session(seed)
        told = [perform(session, "tell_free") for _ in range(9)]
        labels = [answer for answer in told if answer]
        check = perform(session, "ask_free")
        assert check.must[0] in session.answer
        facts = {s.names[0]: s.value for s in session.seen if not s.path}
        asked = next(label for label in facts if session.answer.startswith(f"Your {label} is"))
        assert check.must[0] == facts[asked]
        found += len(facts) < len(labels)
        if found > 3:
            break
    assert found > 3 and len(FACTS) > 30


def test_many_requests_are_many_wordings():
    made = set()
    for seed in range(60):
        session = _session(seed)
        if perform(session, "row_value"):
            made.add(session.turns[0].pieces[1][0])
    assert len(made) > 50
