"""What a session survived: runs the tests of safety, slow ones too, and counts what they tried.

Each test says what it did (`record_property`); a test that fails ends this with its words, so a
table is of tests that passed. No token may be lost in any of them: that is what they check.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
TESTS = (
    "tests/safety/test_durability.py",
    "tests/safety/test_kills.py",
    "tests/safety/test_engine_faults.py",
    "tests/safety/test_cancel_native.py",
    "tests/safety/test_memory_short.py",
    "tests/safety/test_small_disk.py",
    "tests/safety/test_closed_folders.py",
    "tests/safety/test_undo.py",
    "tests/safety/test_broken_models.py",
    "tests/safety/test_threats.py",
    "tests/safety/test_threats_model.py",
    "tests/safety/test_approval.py",
    "tests/models/test_download.py",
    "tests/models/test_commands.py",
    "tests/kv/test_sidecar_fuzz.py",
    "tests/session/test_ledger.py",
    "tests/agent/test_resume.py",
    "tests/agent/test_native_session.py",
)
KINDS = {
    "killed": "Kills survived",
    "cancelled": "Instants cancelled",
    "disk full": "Full disks",
    "hostile": "Damaged and hostile inputs tried",
}
"""What a property begins with -> what its kind is called."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="without the slow tests")
    parser.add_argument("--need", metavar="NAME,...", help="fail if this is not here: bwrap, ...")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write")


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *TESTS]
        command += [] if options.quick else ["--slow"]
        command += ["--need", options.need] if options.need else []
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            print("nothing is written: a test failed", file=sys.stderr)
            return status
        text = markdown(report)
    options.out.write_text(text)
    print(text)
    return 0


def markdown(report: Path) -> str:
    """The table of what was tried, and how many tests tried it.

    Args:
        report: what pytest wrote with --junitxml.
    """
    tried: Counter[str] = Counter()
    n_tests, left_out = 0, []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        n_tests += 1
        left_out += [item.attrib["message"] for item in case.iter("skipped")]
        for item in case.iter("property"):
            tried[item.attrib["name"]] += int(item.attrib["value"])
    lines = [
        "# What a session survived",
        "",
        "Every kill and every cancel ends with the session opened again and going on, and ledger",
        "and cache holding the same tokens but for those that the ledger says were evicted; every",
        "token that was reported before is still there, every file is as it was or as it was to",
        "be, and no tool that may have run is run again. Every damaged or hostile input costs one",
        "named error, a question, or nothing. **Of what had been told to be kept: 0 tokens, 0",
        "bytes lost.**",
        "",
    ]
    for kind, title in KINDS.items():
        rows = {name: n for name, n in sorted(tried.items()) if name.partition(":")[0] == kind}
        lines += [f"## {title}: {sum(rows.values()):,}", "", "| what | times |", "| --- | --- |"]
        lines += [f"| {name.partition(': ')[2]} | {n:,} |" for name, n in rows.items()] + [""]
    lines += [f"Left out: {why}" for why in sorted(set(left_out))]
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return "\n".join([*lines, f"{n_tests - len(left_out)} tests passed: `scripts/{command}`", ""])
