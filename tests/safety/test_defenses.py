"""A test of the threat table is worth something only if it fails without the defense.

For each threat one defense is taken away, in a run of its own, and the named test must fail. The
names here are the table: T1 to T18, one each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.safety import namespaces

ROOT = Path(__file__).parents[2]
THREATS, MODEL, APPROVAL = (
    f"tests/safety/test_{name}.py" for name in ("threats", "threats_model", "approval")
)
SHARED_NETWORK = """
from triagent.agent import sandbox_ladder as ladder

real = ladder.bwrap_argv
ladder.bwrap_argv = lambda *a: (argv := real(*a))[:2] + ["--share-net"] + argv[2:]
"""
IN_THE_ENGINE = """
import subprocess

real = subprocess.Popen

def start(command, **options):
    if command[-1] == "triagent.engine.worker":
        main = "from triagent.engine import worker; worker.main()"
        command = [command[0], "-P", "-c", {code!r} + main]
    return real(command, **options)

subprocess.Popen = start
"""


@dataclass(frozen=True)
class Threat:
    test: str
    broken: str
    """What takes the defense away."""
    needs: str = ""


TABLE = {
    "T1": Threat(
        f"{THREATS}::test_t1_a_piped_download_shows_both_parts_and_reaches_nobody[bwrap]",
        SHARED_NETWORK, "bwrap"),
    "T2": Threat(f"{THREATS}::test_t2_no_path_leads_a_write_outside[link/x]", """
from triagent.agent.workspace import LocalWorkspace
LocalWorkspace.write_bytes = lambda self, path, data, mode=None: (
    (self._root / path).write_bytes(data))
"""),
    "T3": Threat(f"{THREATS}::test_t3_only_listed_variables_pass", """
import os
from triagent.agent.sandbox_plan import Planner
Planner.environment = lambda self, rung: dict(os.environ)
"""),
    "T4": Threat(f"{THREATS}::test_t4_no_kind_of_socket_reaches_the_outside[bwrap]",
                 SHARED_NETWORK, "bwrap"),
    "T5": Threat(f"{APPROVAL}::test_t5_a_line_beyond_what_was_answered_is_asked_for", """
from triagent.agent.approval import LocalGate
LocalGate._why_never = lambda self, line: ""
"""),
    "T6": Threat(f"{THREATS}::test_t6_nothing_is_left_even_without_confinement[setsid]", """
import time
from triagent.agent.sandbox_job import Job

def end(self):  # the child alone, and not what it started
    self._ended_at = time.monotonic()
    self._process.kill()

Job.end = end
"""),
    "T7": Threat(f"{THREATS}::test_t7_a_memory_bomb_is_ended_within_its_limit[bwrap]", """
from triagent.agent.sandbox import Limits
Limits.most_bytes = 2**40
""", "bwrap"),
    "T8": Threat(f"{THREATS}::test_t8_no_terminal_command_passes", """
from triagent.agent.sanitize import Cleaner
Cleaner.feed = lambda self, text: text
"""),
    "T9": Threat(f"{THREATS}::test_t9_hidden_characters_are_removed_counted_and_shown_in_questions",
                 """
import re
from triagent.agent import sanitize
sanitize._HIDDEN = re.compile("(?!)")
"""),
    "T10": Threat(f"{THREATS}::test_t10_nothing_runs_before_trust_and_one_byte_asks_again", """
import hashlib
from types import SimpleNamespace
from triagent.agent import trust
one = SimpleNamespace(update=lambda data: None, hexdigest=lambda: "the same for all")
trust.hashlib = SimpleNamespace(sha256=lambda: one)
"""),
    "T11": Threat(f"{THREATS}::test_t11_the_program_listens_on_nothing", """
import socket
from triagent.agent import machine
real, kept = machine.open_machine, []

def open_machine(*arguments, **options):
    kept.append(socket.create_server(("127.0.0.1", 0)))
    return real(*arguments, **options)

machine.open_machine = open_machine
"""),
    "T12": Threat(
        f"{MODEL}::test_t12_a_hostile_template_is_one_message_and_runs_nothing[lipsum]", """
import jinja2
from triagent.engine.render import Renderer
Renderer.render = lambda self, source, **more: jinja2.Template(source).render(**more)
"""),
    "T13": Threat(
        f"{MODEL}::test_t13_a_damaged_or_foreign_snapshot_is_refused_and_the_engine_goes_on",
        IN_THE_ENGINE.format(
            code="from triagent.engine import snapshot; snapshot._compare = lambda *a: None; "
            "snapshot._crc = snapshot._check_sum = lambda *a: 0; "
        ), "native"),
    "T14": Threat(f"{MODEL}::test_t14_secrets_reach_the_file_whole_and_the_export_never", """
from triagent.agent import redact
redact.redact = lambda text: text
"""),
    "T15": Threat(f"{THREATS}::test_t15_protected_paths_are_denied_in_every_mode", """
from triagent.agent import paths
paths.is_protected = lambda path: False
"""),
    "T16": Threat(f"{THREATS}::test_t16_an_answer_counts_only_for_the_call_that_was_shown[bwrap]",
                  """
from triagent.agent.approval import LocalGate

def remember(self, call, decision):
    for rule in self._asked.pop(call.id).rules:
        self.rules.add(rule)

LocalGate.remember = remember
""", "bwrap"),
    "T17": Threat(f"{MODEL}::test_t17_the_system_prompt_survives_every_round_of_a_real_cache",
                  IN_THE_ENGINE.format(
                      code="from triagent.engine.engine import Engine; "
                      "Engine.pin = lambda *a: None; "
                  ), "native"),
    "T18": Threat(f"{MODEL}::test_t18_text_of_a_tool_yields_no_special_token",
                  IN_THE_ENGINE.format(
                      code="import re; from triagent.engine.template import Template; "
                      "from triagent.engine.vocab import Vocab; real = Vocab.tokenize; "
                      "Vocab.tokenize = lambda self, text, special=False: real(self, text, True); "
                      "Template._guard_pattern = lambda *a: re.compile('(?!)'); "
                  ), "native"),
}  # fmt: skip


def cases():
    for name, threat in TABLE.items():
        marks = [pytest.mark.slow] + [pytest.mark.native] * (threat.needs == "native")
        yield pytest.param(name, marks=marks)


def test_the_table_is_whole():
    assert list(TABLE) == [f"T{n}" for n in range(1, 19)]
    for threat in TABLE.values():
        path, _, name = threat.test.partition("::")
        assert f"def {name.split('[')[0]}(" in (ROOT / path).read_text(), threat.test


@pytest.mark.parametrize("name", cases())
def test_without_its_defense_the_test_of_a_threat_fails(tmp_path, name, absent):
    threat = TABLE[name]
    if threat.needs == "bwrap" and (why := namespaces.possible()):
        absent("bwrap", why)
    (tmp_path / "broken.py").write_text(threat.broken)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "broken", threat.test],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and re.search(r"\d+ failed", done.stdout), done.stdout
    # It fails by what it asserts, and not by what was broken.
    assert re.search(r"AssertionError|DID NOT RAISE|EngineDied", done.stdout), done.stdout
