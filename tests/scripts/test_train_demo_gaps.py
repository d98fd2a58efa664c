"""Tasks in which a small model does harm or goes in circles: sampled often, and run for true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from difflib import get_close_matches
from random import Random

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

from scripts.train_demo.documents import CHARS_PER_TOKEN, Maker
from scripts.train_demo.mixture import markdown, mixture
from scripts.train_demo.records_nested import _FORMS, nested
from scripts.train_demo.session import WEIGHT_ANSWER, Session, small
from scripts.train_demo.tasks import (
    TASKS,
    awk,
    by_roles,
    careful,
    following,
    nesting,
    pairing,
    parts,
    perform,
    records_rows,
    step,
    told_here,
)
from scripts.train_demo.values import Lexicon
from tests.scripts.test_train_demo import Both

LEXICON = Lexicon.build([], ())
MODULES = (careful, nesting, pairing, following, by_roles, told_here, parts, records_rows)
NAMES = [name for module in MODULES for name in module.TASKS]
N_SEEDS = 12
_ENDINGS = "csv tsv log yaml yml ini json toml sql html sh css cfg py js md txt ts env [ct]sv"
_RID = (
    "delete remove rid throw drop erase wipe discard trash kill clear scrap goes gone away destroy "
    "need vanish obsolete useless superfluous unlink eliminate purge dispose junk leftover ditch "
    "nuke disappear leave fired redundant removal deletion expunge obliterate toss chuck"
)


def says_so(text: str) -> bool:
    """Whether a text has a word of removing, mistyped or not."""
    words = re.findall(r"[a-z]+", text.lower())
    short = {"rm", "go", "bin", "cut", "out", "del"} & set(words)
    if short or any(verb in text.lower() for verb in _RID.split()):
        return True
    return any(get_close_matches(word, _RID.split(), 1, 0.72) for word in words)


class Watched(Session):
    """A session that keeps the workspace as it was when the last user's message came."""

    def user(self, text: str) -> str:
        self.before = dict(self.bench.place.files)
        return super().user(text)


def learned_calls(s: Session, turn) -> list[tuple[str, dict]]:
    """The calls of a turn that the model is to make itself."""
    texts = [text for text, w in turn.pieces if w == WEIGHT_ANSWER and "<tool_call>" in text]
    made = [json.loads(text.split("\n")[1]) for text in texts]
    return [(call["name"], call["arguments"]) for call in made]


def check_sample(s: Watched, name: str, check) -> None:
    assert all(text in s.answer for text in check.must), (name, check.must, s.answer)
    now = s.bench.place.files
    if check.harmless:
        assert now == s.before, (name, s.answer)
    for path, text in check.files.items():
        assert (now[path].decode() if path in now else None) == text, (name, path)
    for turn in s.turns:
        calls = learned_calls(s, turn)
        assert len({json.dumps(call) for call in calls}) == len(calls), (name, calls)
        for tool, arguments in calls:
            if tool == "edit":
                assert arguments["old"] != arguments["new"], (name, arguments)
            if tool == "grep":
                assert arguments["pattern"] == small(arguments["pattern"]), (name, arguments)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_right_when_it_is_run(name):
    n_fitting = 0
    for seed in range(N_SEEDS):
        s = Watched(Random(1000 + seed), LEXICON, short_prompt=True)
        check = perform(s, name)
        if check is not None:
            check_sample(s, name, check)
            n_fitting += 1
    assert n_fitting >= 2, name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_samples_are_right_when_they_are_run(name, request):
    n_seeds = request.config.getoption("--seeds")
    n_fitting = 0
    for seed in range(n_seeds):
        r = Random(50_000 + seed)
        s = Watched(r, LEXICON, short_prompt=True)
        for _ in range(seed % 4):
            step(s, r)
        check = perform(s, name)
        if check is not None:
            check_sample(s, name, check)
            n_fitting += 1
    assert n_fitting >= n_seeds // 6, name


def test_only_what_is_named_is_deleted_and_only_by_a_verb_that_says_so():
    n_removals = 0
    for seed in range(50):
        r = Random(9000 + seed)
        s = Session(r, LEXICON, short_prompt=True)
        for _ in range(6):
            step(s, r)
        for name in ("delete", "delete_by_role", "delete_folder", "follow_made", "permission"):
            perform(s, name)
        for i, turn in enumerate(s.turns):
            said = turn.pieces[1][0]
            for tool, arguments in learned_calls(s, turn):
                command = arguments.get("command", "")
                if tool != "bash" or not command.startswith("rm "):
                    continue
                n_removals += 1
                path = command.split(" ")[-1].strip("'")
                spoken = "".join(text for text, _ in s.turns[i - 1].pieces) if i else ""
                is_yes = spoken.rstrip().endswith("I have deleted nothing yet.<|im_end|>")
                assert is_yes or says_so(said), said
                names = (path, path.rsplit("/", 1)[-1].lower())
                is_named = any(name.lower() in said.lower() for name in names)
                assert is_named or path in spoken, (said, path)
    assert n_removals > 25


def test_a_role_alone_deletes_nothing():
    for name in ("delete_by_role", "delete_vaguely", "line_by_content", "would_delete", "odd_verb"):
        for seed in range(30):
            s = Watched(Random(seed), LEXICON, short_prompt=True)
            if perform(s, name) is None:
                continue
            assert all("rm " not in str(c) and c[0] not in ("edit", "write")
                       for c in learned_calls(s, s.turns[0])), name  # fmt: skip


def test_a_file_is_only_written_over_by_its_name():
    n_writes = 0
    for seed in range(60):
        r = Random(3000 + seed)
        s = Watched(r, LEXICON, short_prompt=True)
        for name in ("write", "overwrite", "write_described", "folder_then"):
            if perform(s, name) is None:
                continue
            said, before = s.turns[-1].pieces[1][0], s.before
            for tool, arguments in learned_calls(s, s.turns[-1]):
                if tool == "write" and arguments["path"] in before:
                    n_writes += 1
                    assert arguments["path"] in said and name == "overwrite"
    assert n_writes > 5


def test_a_permission_never_takes_the_file():
    for seed in range(80):
        s = Watched(Random(seed), LEXICON, short_prompt=True)
        if perform(s, "permission"):
            commands = [a["command"] for t, a in learned_calls(s, s.turns[0]) if t == "bash"]
            assert len(commands) == 1 and commands[0].startswith("chmod ")
            assert s.bench.place.files == s.before


def test_a_role_is_never_taken_for_an_ending():
    known = {f".{e}" for e in _ENDINGS.split()}
    for seed in range(60):
        r = Random(400 + seed)
        s = Session(r, LEXICON, short_prompt=True)
        for _ in range(10):
            step(s, r)
        for turn in s.turns:
            for tool, arguments in learned_calls(s, turn):
                if tool == "glob" and arguments["pattern"].startswith("*."):
                    assert arguments["pattern"][1:] in known, arguments


@pytest.mark.parametrize("form", list(_FORMS))
def test_a_nested_value_stands_where_its_leaf_says(form):
    for seed in range(40):
        maker = Session(Random(seed), LEXICON, short_prompt=True).maker
        file = nested(maker, "a.x", seed % 7, form)
        lines = file.made.split("\n")
        for leaf in file.leaves:
            assert file.line(leaf)[leaf.start :].startswith(leaf.value)
            assert leaf.parents[-1] in lines[file.heads[leaf.parents]]
        if form == "json":
            json.loads(file.made)


def test_an_edit_of_json_leaves_json():
    n_edits = 0
    for seed in range(80):
        s = Watched(Random(seed), LEXICON, short_prompt=True)
        for name in ("nested_edit", "nested_drop", "nested_add", "option"):
            check = perform(s, name)
            for path in check.files if check else ():
                if path.endswith(".json"):
                    json.loads(s.bench.place.text(path))
                    n_edits += 1
    assert n_edits > 10


@pytest.mark.skipif(sys.platform != "linux", reason="commands of Linux")
def test_commands_over_tables_print_what_the_generator_says(tmp_path):
    n_run = 0
    for seed in range(40):
        s = Watched(Random(seed), LEXICON, short_prompt=True)
        done = [perform(s, n) for n in ("both", "against", "count_rows_of", "rows_that", "add_up")]
        for path, data in s.bench.place.files.items():
            (tmp_path / str(seed) / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / str(seed) / path).write_bytes(data)
        for command, (output, code) in s.bench.outputs.items():
            if not command.startswith("awk "):
                continue
            ran = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path / str(seed), capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            assert (ran.stdout.rstrip("\n"), ran.returncode) == (output, code), command
            n_run += 1
        assert done
    assert n_run > 60


def test_tools_and_commands_do_on_a_disk_what_they_do_in_memory(tmp_path):
    n_calls = 0
    for seed in range(4):
        folder, scratch = tmp_path / f"{seed}", tmp_path / f"{seed}.out"
        folder.mkdir(), scratch.mkdir()
        session = Session(Random(seed), LEXICON, short_prompt=True)
        both = Both(session, folder, scratch)
        for name in NAMES:
            session.thin()
            perform(session, name)
        both.place.close()
        n_calls += sum(both.n_calls.values())
    assert n_calls > 150


def test_no_command_counts_a_column():
    assert "$3" not in awk.over_rows("a.csv", ",", awk.add("price", awk.is_value("kind", "Tea")))
    for seed in range(40):
        s = Session(Random(seed), LEXICON, short_prompt=True)
        for name in ("both", "add_up", "most", "extreme", "total", "filtered", "count_where"):
            perform(s, name)
        assert not any(re.search(r"\$[1-9]|-k\d", command) for command in s.bench.outputs)


def test_these_kinds_are_a_third_of_what_is_generated_and_shares_are_whole():
    found = mixture(Maker.load(None), seed=1, n_sessions=10, n_tokens=3000)
    kinds = {name: chars for name, _, chars, _ in found["kind"]}
    assert abs(sum(kinds.values()) - 1) < 1e-6
    assert abs(sum(row[1] for row in found["module"]) - 1) < 1e-6
    assert 0.22 < sum(kinds[name] for name in NAMES) < 0.48
    assert markdown(found["module"], "module").count("\n") == len(found["module"]) + 1


def test_long_rows_ask_late_for_what_was_told_early():
    maker, far, n_asked = Maker.load(None), 0, 0
    for seed in range(4):
        told, n = {}, 0
        for text, weight in maker.remembering(Random(seed), 8000):
            if weight == WEIGHT_ANSWER and (new := re.match(r"Noted: your .* is `(.*)`", text)):
                told[new[1]] = n
            if weight == WEIGHT_ANSWER and (asked := re.match(r"Your .* is `(.*)`", text)):
                n_asked += 1
                far += n - told.get(asked[1], n) > 4000 * CHARS_PER_TOKEN
            n += len(text)
    assert n_asked > 60 and far > n_asked // 4


def test_every_kind_is_registered_once():
    names = [name for module in MODULES for name in module.TASKS]
    assert len(set(names)) == len(names) and set(names) <= TASKS.keys()
