"""The completion scripts of the real program, read by the real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from triagent import completion
from triagent.cli import COMMANDS, build_parser

CHECK = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}
ZSH = """
autoload -U compinit && compinit -u -D
source {script}
[[ -n $_comps[triagent] ]] && echo registered
"""


@pytest.fixture
def written(tmp_path, absent):
    """(shell) -> its script on disk; the shell is there."""

    def write(shell: str) -> Path:
        if shutil.which(shell) is None:
            absent(shell, f"{shell} is not installed")
        path = tmp_path / f"triagent.{shell}"
        path.write_text(completion.script(shell, build_parser()))
        return path

    return write


def shell(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", CHECK)
def test_the_shell_finds_no_fault_in_its_script(written, name):
    shell(*CHECK[name], str(written(name)))


def test_bash_offers_commands_flags_and_values(written):
    code = (
        f"source {written('bash')}; COMP_WORDS=(triagent {{}}); COMP_CWORD=1; _triagent; "
        "echo ${{COMPREPLY[@]}}"
    )
    assert shell("bash", "-c", code.format("doc")).split() == ["doctor"]
    assert "--budget" in shell("bash", "-c", code.format("--bu"))
    two = code.replace("COMP_CWORD=1", "COMP_CWORD=2")
    assert shell("bash", "-c", two.format("--mode ''")).split() == [
        "read-only", "ask", "auto", "full"]  # fmt: skip
    assert "pull" in shell("bash", "-c", two.format("models ''")).split()


def test_zsh_registers_the_script(written):
    assert shell("zsh", "-fc", ZSH.format(script=written("zsh"))) == "registered\n"


def test_fish_offers_commands_flags_and_values(written):
    path = written("fish")

    def offered(line: str) -> set[str]:
        out = shell("fish", "-N", "-c", f"source {path}; complete -C '{line}'")
        return {row.split("\t")[0] for row in out.splitlines()}

    assert set(COMMANDS) <= offered("triagent ")
    assert offered("triagent --mode ") >= {"read-only", "ask", "auto", "full"}
    assert "pull" in offered("triagent models ") and "--budget" in offered("triagent --bud")
