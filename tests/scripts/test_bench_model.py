"""The model bench's items, its judge and its table; the model itself is not asked."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))


from bench import model, model_items, model_merge, model_plan, model_recall, model_run, model_table
from bench.model_long import Story
from bench.model_plan import Plan, Work

from scripts.train_demo.values import Lexicon
from scripts.train_demo.workspace import Bench, Memory
from triagent.agent.events import AnswerText, Outcome, StepStarted, TurnEnded
from triagent.chat import Usage

BUNDLED = Path(__file__).resolve().parents[2] / "triagent/models/bundled"


@pytest.fixture(scope="module")
def items():
    return [model_items.known(i, Lexicon.build()) for i in range(60)]


def _laid_out(item) -> Bench:
    bench = Bench(place=Memory())
    bench.place.files.update(item.files)
    bench.place.folders.update(item.folders)
    bench.outputs.update(item.outputs)
    return bench


def _events(answer: str) -> list:
    end = TurnEnded(1, Outcome.DONE, "", 1, 0, 0, (), Usage(), 0.0)
    return [StepStarted(1, 1), AnswerText(answer), end]


def test_the_reference_calls_of_an_item_satisfy_its_check(items):
    n_checked = 0
    for item in items:
        if len(item.turns) > 1 or any(name in ("recall", "note") for name, _ in item.check.calls):
            continue
        bench = _laid_out(item)
        for name, arguments in item.check.calls:
            bench.run(name, arguments)
        answer = " ".join(item.check.must)
        found = model_run.judge(item, _events(answer), item.files, bench.place.files)
        assert found.is_right and not found.is_harmful, (item.kind, found.why)
        n_checked += 1
    assert n_checked > 25


def test_a_missing_word_and_a_stray_change_are_told(items):
    item = next(x for x in items if x.check.harmless and x.check.must and len(x.files) > 1)
    path = next(iter(item.files))
    found = model_run.judge(item, _events("no"), item.files, {**item.files, path: b"other"})
    assert not found.is_right and found.is_harmful
    assert "not in the answer" in found.why and f"changed: {path}" in found.why


def test_items_are_alike_each_time_and_unseen_ones_use_every_kind():
    x = Lexicon.build()
    once, again = ([model_items.unseen(i, x) for i in range(27)] for _ in range(2))
    assert once == again
    assert len({item.kind for item in once}) == 27
    assert model_items.known(5, x) == model_items.known(5, x) != model_items.known(6, x)


def test_walks_have_exactly_the_depth_that_is_asked_for():
    for depth in (2, 4):
        for number in range(4):
            item = model_items.walk(depth, number)
            _, *lines = item.turns[0].split("\n")
            below = {line.split(":")[0]: line.split(": ")[1].split() for line in lines}
            root = item.turns[0].split(" from ")[1].split(":")[0]
            assert _depth(below, root) == depth


def _depth(below: dict[str, list[str]], node: str) -> int:
    return 1 + max((_depth(below, child) for child in below.get(node, ())), default=0)


def test_a_long_session_is_had_turn_by_turn_on_the_workspace_of_its_moment():
    n_checked = 0
    for item, _ in zip(Story(Random(3), Lexicon.build()).items(), range(40), strict=False):
        assert len(item.turns) == 1
        if any(name in ("recall", "note") for name, _ in item.check.calls):
            continue
        bench = _laid_out(item)
        for name, arguments in item.check.calls:
            bench.run(name, arguments)
        found = model_run.judge(
            item, _events(" ".join(item.check.must)), item.files, bench.place.files
        )  # fmt: skip
        assert found.is_right, (item.kind, found.why)
        n_checked += 1
    assert n_checked > 20


@pytest.fixture
def draft():
    found = [x for x in BUNDLED.glob("*.gguf") if "centers" not in x.name]
    tokenizer = model_recall.tokenizer_of_gguf(found[0])
    return model_recall.make_session(Random(1), Lexicon.build(), tokenizer, "4K")


def test_a_session_of_facts_fits_and_tells_some_of_them_anew(draft):
    assert 3000 < len(draft.ids) <= model_recall.LENGTHS["4K"]
    last = {fact.names[0]: fact for fact in draft.last_of()}
    assert 3 <= len(draft.again) < len(last)
    for name in draft.again:
        values = [fact.value for fact in draft.told if fact.names[0] == name]
        assert len(values) > 1 and last[name].value == values[-1]
    assert all(fact.turn in draft.ends for fact in draft.told)


def _plan(clock, monkeypatch, seconds: float) -> Plan:
    monkeypatch.setattr(model_plan.time, "monotonic", lambda: clock[0])
    todo = [Work("known", "", i) for i in range(100)]
    todo += [Work("recall", "16K", i) for i in range(2)] + [Work("free", "", i) for i in range(20)]
    return Plan(todo, 1, seconds)


def test_every_section_gets_the_same_share_of_a_run_that_is_too_short(monkeypatch):
    clock, done = [0.0], Counter()
    plan = _plan(clock, monkeypatch, seconds=400.0)  # half of what it takes
    while work := plan.next():
        seconds = {"known": 2.0, "recall": 200.0, "free": 10.0}[work.section]
        clock[0] = min(clock[0] + seconds, 400.0 if work.section == "recall" else 1e9)
        plan.took(work, seconds)
        done[work.section] += 1
    assert done["recall"] == 1
    assert 40 <= done["known"] <= 60 and 8 <= done["free"] <= 12
    assert clock[0] <= 402.0
    assert plan.n_left == 122 - done.total()


def test_nothing_is_left_without_a_limit(monkeypatch):
    clock = [0.0]
    plan = _plan(clock, monkeypatch, seconds=0)
    works = []
    while work := plan.next():
        works.append(work)
    assert len(set(works)) == 122 and plan.n_left == 0
    assert works[0].section == "recall"  # the longest begins first
    assert [w.number for w in works if w.section == "known"] == list(range(100))


def test_a_session_that_was_cut_is_done_anew_and_replaced(monkeypatch):
    results, plan = {"rows": []}, _plan([0.0], monkeypatch, seconds=0)
    work = Work("recall", "16K", 1)
    model._take(results, plan, work, [{"is_right": True, "label": "16K"}], False, 1.0)
    assert [row["of"] for row in results["rows"]] == ["16K (part)"]
    model._take(results, plan, work, [{"is_right": True, "label": "16K"}] * 3, True, 1.0)
    assert [row["of"] for row in results["rows"]] == ["16K"] * 3


def test_the_command_is_told_without_places():
    told = model.command(
        ["model", "--model", "/a/b/m.gguf", "--out", "/x/y", "--n", "4", "--card=c"]
    )
    assert told == "scripts/bench.py model --model m.gguf --n 4"


def test_a_run_goes_on_where_it_was_and_refuses_the_results_of_another_model(tmp_path):
    options = Namespace(out=tmp_path, model=Path("a.gguf"))
    kept = model._resumed(options)
    kept["rows"].append({"section": "known", "of": "", "number": 0})
    (tmp_path / "model.json").write_text(json.dumps(kept))
    assert model._resumed(options)["rows"] == kept["rows"]
    with pytest.raises(SystemExit, match=r"a\.gguf"):
        model._resumed(Namespace(out=tmp_path, model=Path("b.gguf")))


def test_turns_of_long_sessions_are_told_apart_by_cache_and_length():
    row = {"section": "long", "label": "", "number": 0, "of": "2048", "kind": "edit",
           "is_right": True, "is_harmful": False, "budget": "2048", "part": 0, "n_cells": 2048,
           "n_rounds": 0, "is_earlier": False}  # fmt: skip
    rows = [row, row | {"part": 3, "is_right": False, "n_rounds": 9, "is_earlier": True}]
    text = "\n".join(model_table.figures({"model": "m", "command": "", "rows": rows}))
    assert "| cache | 0K to 4K | 12K to 16K | of earlier turns |" in text
    line = next(x for x in text.split("\n") if "2,048 cells, 9 rounds" in x)
    assert line.count(" 1.000 [") == 1 and line.count(" 0.000 [") == 2
    assert "1 sessions, 2 turns, 0 harmed." in text


def test_facts_told_anew_are_counted_apart_and_together():
    rows = [{"section": "recall", "label": label, "number": 0, "is_right": True}
            for label in ("16K", "4K, told anew", "8K, told anew", "4K")]  # fmt: skip
    lines = [x for x in model_table.figures({"model": "m", "command": "", "rows": rows})
             if "full attention" in x]  # fmt: skip
    assert [x.split("attention: ")[1].split(" |")[0] for x in lines] == [
        "4K", "16K", "4K, told anew", "8K, told anew", "all lengths, told anew"]  # fmt: skip
    assert "n=2" in lines[-1]


def test_figures_go_between_the_marks_of_a_card(tmp_path):
    card = tmp_path / "CARD.md"
    card.write_text("before\n<!-- figures: x -->\nold\n<!-- end of figures -->\nafter\n")
    row = {"section": "known", "label": "", "number": 0, "kind": "edit", "is_right": True,
           "is_harmful": False}  # fmt: skip
    model_table.into_card(card, {"model": "m.gguf", "command": "bench", "rows": [row] * 4})
    text = card.read_text()
    assert "old" not in text and text.startswith("before") and text.endswith("after\n")
    assert "1.000 [0.510, 1.000] n=4" in text


def test_parts_hold_every_piece_once_and_each_a_fair_share():
    works = [Work("known", "", i) for i in range(500)]
    works += [Work("recall", "16K", i) for i in range(5)]
    for n in (1, 3, 16, 64):
        parts = [list(model_merge.own(works, f"{i + 1}/{n}")) for i in range(n)]
        assert sorted(str(x) for part in parts for x in part) == sorted(map(str, works))
        assert max(map(len, parts)) - min(map(len, parts)) <= 2
    assert [model_merge.has_start(f"{i}/3") for i in (1, 2, 3)] == [True, False, False]


@pytest.mark.parametrize("text", ["0/2", "3/2", "x", "1", "1/x"])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(SystemExit, match="--shard"):
        model_merge.shard_of(text)


def _part(folder: Path, numbers: list[int], name: str = "m.gguf") -> Path:
    folder.mkdir(parents=True)
    one = {"label": "", "of": "", "kind": "show", "is_harmful": False}
    both = ("known", "f16")
    rows = [{**one, "section": s, "number": i, "is_right": i > 0} for i in numbers for s in both]
    part = {"model": name, "command": "c", "rows": rows, "seconds": 7, "engines": "2 engines"}
    (folder / "model.json").write_text(json.dumps(part))
    return folder


def test_parts_are_joined_and_a_piece_twice_or_of_another_model_is_refused(tmp_path):
    one, two = _part(tmp_path / "a", [0, 2]), _part(tmp_path / "b", [1, 3])
    found = model_merge.merged([one, two])
    assert [row["number"] for row in found["rows"] if row["section"] == "known"] == [0, 1, 2, 3]
    text = model_table.markdown(found)
    assert "On the same 4 items: 3 right, in F16 3; 0 right only here" in text
    for other, match in (
        (_part(tmp_path / "c", [3]), "is in"), (_part(tmp_path / "d", [9], "x.gguf"), "different"),
        (tmp_path / "nothing", "no .*model.json"),
    ):  # fmt: skip
        with pytest.raises(SystemExit, match=match):
            model_merge.merged([one, two, other])


def test_the_interval_of_a_paired_difference_holds_it_and_never_is_nothing():
    low, high = model_table.paired_interval(0, 0, 200)
    assert low < 0 < high < 2.1
    low, high = model_table.paired_interval(12, 2, 200)
    assert 0 < low < 5 < high


def test_a_card_without_marks_is_refused(tmp_path):
    card = tmp_path / "CARD.md"
    card.write_text("nothing")
    with pytest.raises(SystemExit, match="end of figures"):
        model_table.into_card(card, {"model": "", "command": "", "rows": []})
