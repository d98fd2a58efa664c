"""The fidelity bench's tables, plots and page; no model is asked."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from bench import fidelity, fidelity_doc, fidelity_plot, fidelity_table, fidelity_walks

BUNDLED = Path(__file__).resolve().parents[2] / "triagent/models/bundled"


def results(**sections) -> dict:
    return {"model": "m", "device": "CPU", "command": "x", "fingerprint": "f"} | sections


def cell(right: int, n: int) -> dict:
    return {"right": right, "n": n}


def test_parts_of_one_model_are_added_up(tmp_path):
    for i, right in enumerate((3, 5)):
        part = results(recall={"4096": {"full": {"1": cell(right, 8)}}})
        (tmp_path / f"{i}.json").write_text(json.dumps(part))
    fidelity.merge([tmp_path / "0.json", tmp_path / "1.json"], tmp_path / "all")
    total = json.loads((tmp_path / "all/fidelity.json").read_text())
    assert total["recall"]["4096"]["full"]["1"] == cell(8, 16)
    assert "0.500 [0.28, 0.72] n=16" in (tmp_path / "all/fidelity.md").read_text()


def test_parts_of_two_models_are_not(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(results()))
    (tmp_path / "b.json").write_text(json.dumps(results() | {"fingerprint": "other"}))
    with pytest.raises(SystemExit, match="another model"):
        fidelity.merge([tmp_path / "a.json", tmp_path / "b.json"], tmp_path / "all")


def test_budgets_stand_from_large_to_small_and_full_in_each():
    rows = {"full": {"1": cell(9, 10)}, "random": {"1/16": cell(1, 10), "1/2": cell(5, 10)}}
    lines = fidelity_table.table(rows, fidelity_table.share)
    assert lines[0] == "| ranking | 1/2 | 1/16 |"
    assert lines[2].count("0.900") == 2
    assert lines[3].index("0.500") < lines[3].index("0.100")


def test_an_interval_holds_the_share_and_narrows_with_n():
    small, large = fidelity_table.wilson(9, 10), fidelity_table.wilson(900, 1000)
    assert small[0] < large[0] < 0.9 < large[1] < small[1] <= 1


def test_nats_lost_have_their_interval():
    shown = fidelity_table.nats({"nats": 8.0, "lost": 4.0, "lost2": 8.0, "kl": 2.0, "n": 4})
    assert shown == "+1.000 ± 0.980, KL 0.500, n=4"


def test_layers_stand_side_by_side_in_their_order():
    part = {"mass": 1.0, "found": 1.0, "n": 4}
    groups = {f"questions, layer {i}": {"knorm": {"1/8": part}} for i in (0, 10, 9)}
    lines = fidelity_table.section_lines(
        results(mass={"questions": {"knorm": {"1/8": part}}} | groups), "mass"
    )
    assert "| ranking | layer 0 | layer 9 | layer 10 |" in lines
    assert "| knorm | 0.25 | 0.25 | 0.25 |" in lines and "| knorm | 0.25, 0.25, n=4 |" in lines


@pytest.mark.parametrize("depth", [2, 4, 6])
def test_a_walk_visits_every_node_once_parents_first(depth):
    tree, root, order = fidelity_walks.walk(random.Random(depth), depth)
    parents = {
        child: line.split(":")[0]
        for line in tree.splitlines()
        for child in line.split(": ")[1].split()
    }
    assert order[0] == root and len(set(order)) == len(order) == len(parents) + 1
    assert all(order.index(parent) < order.index(child) for child, parent in parents.items())


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib", reason="comes with the calibrate extra")


def test_the_page_keeps_what_was_written_and_makes_the_rest_anew(tmp_path, matplotlib):
    page = tmp_path / "page.md"
    made = results(recall={"4096": {"knorm": {"1/8": cell(1, 2), "1/4": cell(2, 2)}}})
    fidelity_doc.write(page, made)
    page.write_text(page.read_text().replace("# What", "Written.\n\n# What"))
    made["recall"]["4096"]["knorm"]["1/8"] = cell(2, 2)
    fidelity_doc.write(page, made)
    text = page.read_text()
    assert text.startswith("Written.") and text.count("| knorm |") == 1
    assert "1.000 [0.34, 1.00] n=2" in text
    assert (tmp_path / "page/recall-4096.svg").stat().st_size < 60_000


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("mine\n")
    with pytest.raises(SystemExit, match="no marks"):
        fidelity_doc.write(page, results())
    assert page.read_text() == "mine\n"


def test_every_kind_of_plot_is_made_from_what_it_needs(tmp_path, matplotlib):
    point = {"lost": 0.5, "n": 2}
    made = fidelity_plot.plots(
        results(
            stream={"4096": {"full": {"1": cell(2, 2)}, "fitted": {"1/8": cell(1, 2)}}},
            distance={"up to 512": {"fitted": {"1/8": cell(1, 2)}}},
            position={"prose": {"fitted": {"1/8": {"0": point, "128": point}}}},
        ),
        tmp_path,
    )
    assert [path.name for path in made] == ["stream-4096.svg", "distance.svg", "position-prose.svg"]


def test_a_generated_session_holds_its_facts_where_it_says():
    pytest.importorskip("tokenizers", reason="comes with the train extra")
    from bench.fidelity_sessions import Generator

    maker = Generator(next(BUNDLED.glob("*q8_0.gguf")))
    session = maker.session(1, 2500)
    assert 2000 < len(session.ids) <= 2500 and 500 < session.n_prompt < 1000
    assert maker.session(1, 2500) == session
    names = [(planted.fact.path, planted.fact.key) for planted in session.facts]
    assert len(names) == len(set(names)) > 3
    for planted in session.facts:
        text = maker.text(session.ids[planted.start : planted.stop])
        assert planted.fact.value in text
        assert session.n_prompt <= planted.start < planted.stop <= len(session.ids) + 1
    assert any(not path for path, _ in names)  # something was told
