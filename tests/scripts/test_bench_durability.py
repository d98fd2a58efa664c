from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.bench import durability

REPORT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase name="a"><properties><property name="killed: the program" value="1200"/></properties>
</testcase>
<testcase name="b"><properties><property name="killed: the program" value="34"/>
<property name="killed: the engine" value="1"/></properties></testcase>
<testcase name="c"><properties><property name="hostile: models" value="7"/></properties></testcase>
<testcase name="d"><skipped message="bwrap is not here: x"/></testcase>
</testsuite></testsuites>"""


def test_the_table_adds_up_what_the_tests_said_and_names_what_was_left_out(tmp_path, monkeypatch):
    (tmp_path / "r.xml").write_text(REPORT)
    monkeypatch.setattr(sys, "argv", ["scripts/bench.py", "durability", "--out", "x.md"])
    text = durability.markdown(tmp_path / "r.xml")
    assert "## Kills survived: 1,235\n" in text and "| the program | 1,234 |" in text
    assert "## Damaged and hostile inputs tried: 7\n" in text and "| models | 7 |" in text
    assert "Left out: bwrap is not here: x" in text
    assert text.endswith("3 tests passed: `scripts/bench.py durability --out x.md`\n")


def test_every_test_that_counts_something_is_among_those_that_are_run():
    root = Path(durability.ROOT)
    counting = {
        path.relative_to(root).as_posix() for path in (root / "tests").rglob("test_*.py")
        if "record_property(" in path.read_text() and path.name != Path(__file__).name
    }  # fmt: skip
    assert counting <= set(durability.TESTS), counting - set(durability.TESTS)
    assert all((root / test).is_file() for test in durability.TESTS)


def test_its_arguments_are_described():
    parser = argparse.ArgumentParser()
    durability.add_arguments(parser)
    options = parser.parse_args(["--need", "bwrap,landlock", "--out", "x.md"])
    assert (options.need, options.quick) == ("bwrap,landlock", False)
