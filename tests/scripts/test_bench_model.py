"""The model bench's items, its judge and its table; the model itself is not asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="comes with the train extra")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from bench import model_items, model_run, model_table

from scripts.train_demo.values import Lexicon
from scripts.train_demo.workspace import Bench, Memory
from triagent.agent.events import AnswerText, Outcome, StepStarted, TurnEnded
from triagent.chat import Usage


@pytest.fixture(scope="module")
def items():
    return model_items.known(60, Lexicon.build())


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
    once, again = model_items.unseen(27, x), model_items.unseen(27, x)
    assert once == again
    assert len({item.kind for item in once}) == 27


def test_walks_have_exactly_the_depth_that_is_asked_for():
    for depth in (2, 4):
        for item in model_items.walks(depth, 4, Lexicon.build()):
            _, *lines = item.turns[0].split("\n")
            below = {line.split(":")[0]: line.split(": ")[1].split() for line in lines}
            root = item.turns[0].split(" from ")[1].split(":")[0]
            assert _depth(below, root) == depth


def _depth(below: dict[str, list[str]], node: str) -> int:
    return 1 + max((_depth(below, child) for child in below.get(node, ())), default=0)


def test_figures_go_between_the_marks_of_a_card(tmp_path):
    card = tmp_path / "CARD.md"
    card.write_text("before\n<!-- figures: x -->\nold\n<!-- end of figures -->\nafter\n")
    row = {"section": "known", "label": "", "number": 0, "kind": "edit", "is_right": True,
           "is_harmful": False}  # fmt: skip
    model_table.into_card(card, {"model": "m.gguf", "command": "bench", "rows": [row] * 4})
    text = card.read_text()
    assert "old" not in text and text.startswith("before") and text.endswith("after\n")
    assert "1.000 [0.510, 1.000] n=4" in text


def test_a_card_without_marks_is_refused(tmp_path):
    card = tmp_path / "CARD.md"
    card.write_text("nothing")
    with pytest.raises(SystemExit, match="end of figures"):
        model_table.into_card(card, {"model": "", "command": "", "rows": []})
