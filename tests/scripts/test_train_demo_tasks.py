"""The tasks of the generator: commands give what they are said to give, answers fit, forms vary."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from random import Random

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

from scripts.train_demo import wording
from scripts.train_demo.documents import Maker
from scripts.train_demo.meanings import MEANINGS, meaning_of
from scripts.train_demo.planted import planted
from scripts.train_demo.session import Session
from scripts.train_demo.statements import question, search_word, statement
from scripts.train_demo.tasks import TASKS, perform, step
from scripts.train_demo.tasks.looking import unix_diff
from scripts.train_demo.tasks.sections import unique_old
from scripts.train_demo.unseen import UNSEEN

COMMANDS = (
    "filtered", "count_where", "count", "biggest", "count_files", "diff", "log_level_count",
    "log_edge", "measure", "total", "extreme", "count_rows", "tail", "count_below", "again_count",
)  # fmt: skip
"""Kinds whose commands the generator answers by itself."""


@pytest.fixture(scope="module")
def x():
    return Maker.load(None).x


@pytest.mark.skipif(sys.platform != "linux", reason="`find -printf` is GNU's")
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_prints_what_the_generator_says(kind, x, tmp_path):
    n_run = 0
    for seed in range(12):
        s = Session(Random(seed), x, short_prompt=True)
        if perform(s, kind) is None:
            continue
        folder = tmp_path / str(seed)
        for path, data in s.bench.place.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        for command, (output, code) in s.bench.outputs.items():
            argv = ["bash", "-c", command]
            ran = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
            is_wc = kind in ("measure", "again_count")
            said = " ".join(ran.stdout.split()) if is_wc else ran.stdout.strip("\n")
            assert said == output.strip("\n"), (kind, command)
            assert ran.returncode == code, (kind, command)
            n_run += 1
    assert n_run >= 4


def test_every_kind_fits_some_session(x):
    done = Counter()
    for seed in range(40):
        r = Random(seed)
        s = Session(r, x, short_prompt=True)
        for _ in range(60):
            done[step(s, r)] += 1
    for name in TASKS.keys() - done.keys():  # the rare ones
        fits = 0
        for seed in range(60):
            r = Random(seed)
            s = Session(r, x, short_prompt=True)
            for _ in range(6):
                step(s, r)
            for before in ("tell", "retell", "tell_sentence") if "ask_" in name else ():
                perform(s, before)
            s.lose(0) if "gone" in name or name == "ask_untold" else None
            fits += perform(s, name) is not None
        assert fits, name


@pytest.mark.parametrize("kind", sorted(UNSEEN))
def test_no_request_is_a_wording_kept_for_the_test(kind, x):
    r, kept = Random(4), {wording.letters(text) for text in UNSEEN[kind]}
    pool = [*wording.BASE.get(kind, ()), *wording._WIDE.get(kind, ())]
    drawn = {wording.letters(wording._drawn(r, kind, pool)) for _ in range(3000 if pool else 0)}
    assert not drawn & kept


@pytest.mark.parametrize(("kind", "least"), [
    ("value", 2000), ("value_nopath", 1500), ("edit", 2000), ("ask", 800), ("retell", 300),
])  # fmt: skip
def test_a_kind_has_very_many_wordings(kind, least, x):
    r = Random(7)
    pools = (wording.BASE[kind], wording._WIDE.get(kind, wording.BASE[kind]))
    made = {wording.expand(r, r.choice(r.choice(pools))) for _ in range(6000)}
    assert len(made) > least


def test_a_key_has_one_meaning_and_every_meaning_its_words():
    keys = [key for meaning in MEANINGS for key in meaning.keys]
    assert meaning_of("db.max_upload") is meaning_of("MAX-UPLOAD") is not None
    assert len(set(keys)) > 500
    for meaning in MEANINGS:
        assert meaning.searches and meaning.nouns and meaning.questions
        for text in meaning.questions:
            assert "{" not in wording.expand(Random(1), text)


def test_a_statement_is_asked_for_by_words_it_holds(x):
    r = Random(9)
    for _ in range(400):
        fact = statement(r, x)
        assert search_word(fact) in fact.text, fact
        assert "{" not in question(r, fact) + fact.text


def test_the_newest_value_answers_what_was_told_twice(x):
    for seed in range(10):
        s = Session(Random(seed), x, short_prompt=True)
        assert perform(s, "tell") and perform(s, "retell")
        check = perform(s, "ask_retold")
        first, second = (turn.pieces[3][0] for turn in s.turns[:2])
        assert check.must[0] in second and f"`{check.must[0]}`" in s.answer
        assert check.must[0] not in first or first == second


def test_a_detour_is_not_learnt(x):
    s = Session(Random(2), x, short_prompt=True)
    s.user("what is it?")
    s.detour("no such words here", share=1)
    calls = [(text, weight) for text, weight in s.turns[-1].pieces if "<tool_call>" in text]
    assert calls and all(weight == 0 for _, weight in calls)


def test_planted_facts_are_answered_with_their_values(x):
    text = "".join(part for part, _ in planted(Random(3), x, 6000))
    assert text.count("again?<|im_end|>") >= 6
    for part in text.split("again?<|im_end|>\n<|im_start|>assistant\n")[1:]:
        value = part.split(" is `")[1].split("`")[0]
        assert text.count(value) >= 2


def test_old_text_is_unique_by_its_section():
    text = "[a]\nport = 1\n[b]\nport = 1\n"
    assert unique_old(text, "b", "port = 1") == "[b]\nport = 1"
    assert unique_old("port = 1\n", "b", "port = 1") == "port = 1"
    assert unique_old(text, "c", "port = 1") == ""


def test_a_difference_is_written_as_diff_writes_it():
    assert unix_diff(["a", "b", "c"], ["a", "x", "c", "d"]) == "2c2\n< b\n---\n> x\n3a4\n> d"
