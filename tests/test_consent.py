import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import ScriptedModel
from triagent import opening, settings
from triagent.agent.approval_rules import Rule, Rules
from triagent.cli import main
from triagent.errors import ConfigError


@pytest.fixture
def work(tmp_path, monkeypatch):
    for name in ("config", "data", "cache"):
        folder = tmp_path / name
        monkeypatch.setattr(settings, f"{name}_folder", lambda folder=folder: folder)
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def run(work, *argv):
    return main([argv[0], "-C", str(work), *argv[1:]])


def test_answers_are_listed_and_taken_back(work, capsys):
    rules = Rules(settings.config_folder() / "approvals", work)
    for words in (("ls",), ("git", "sta\u202etus"), ("make",)):
        rules.add(Rule("run", words))
    assert run(work, "approvals") == 0
    assert capsys.readouterr().out == "  1  run ls\n  2  run git sta\\u202etus\n  3  run make\n"
    assert run(work, "approvals", "revoke", "2") == 0
    assert run(work, "approvals", "revoke", "9") == 2
    assert [str(rule) for rule in Rules(settings.config_folder() / "approvals", work).list()] == [
        "run ls", "run make"]  # fmt: skip
    assert run(work, "approvals", "revoke", "all") == 0
    capsys.readouterr()
    run(work, "approvals", "list")
    assert "nothing was answered" in capsys.readouterr().out


def test_a_project_is_trusted_by_what_was_shown(work, capsys):
    assert run(work, "trust") == 0
    skill = work / ".triagent/skills/x/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("run\u200b this")
    assert run(work, "trust", "show") == 1
    text = capsys.readouterr().out
    assert ".triagent/skills/x/SKILL.md" in text and "1 hidden" in text
    digest = text.split()[-1]
    skill.write_text("run that")
    assert run(work, "trust", "accept", digest) == 2
    assert "not what is there now" in capsys.readouterr().err
    run(work, "trust", "show")
    digest = capsys.readouterr().out.split()[-1]
    assert run(work, "trust", "accept", digest[:4]) == 2
    assert run(work, "trust", "accept", digest) == 0
    capsys.readouterr()
    assert run(work, "trust") == 0 and "is trusted" in capsys.readouterr().out
    assert run(work, "trust", "revoke") == 0 and run(work, "trust") == 1


@pytest.fixture
def asked(work, monkeypatch):
    """Runs `triagent run` on a scripted model; the system prompts that the model was given."""
    prompts = []

    def open_scripted(config, report):
        model = ScriptedModel(["fine"])
        model.add_note = lambda text: setattr(
            model, "_info", replace(model.info, notes=(*model.info.notes, text))
        )
        monkeypatch.setattr(model, "close", lambda: prompts.append(model.requests[0][1]))
        return model, config

    monkeypatch.setattr(opening, "with_model", lambda config: replace(
        config, model=replace(config.model, path=Path("scripted.gguf"))))  # fmt: skip
    monkeypatch.setattr(opening, "open_within_memory", open_scripted)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return prompts


def test_without_a_screen_nothing_of_a_project_is_used_unless_the_flag_says_so(
    work, asked, capsys
):
    skill = work / ".triagent/skills/x/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: x\ndescription: how it is done\n---\ndo it\n")
    (work / "AGENTS.md").write_text("Use tabs.")
    for flags, is_used in (
        ((), False),
        (("--trust",), True),
        ((), True),  # the answer is kept, for this content
    ):
        assert run(work, "run", *flags, "hello") == 0
        assert ("Use tabs." in asked[-1]) is is_used and ("how it is done" in asked[-1]) is is_used
        assert ("AGENTS.md" in capsys.readouterr().err) is not is_used
    (work / "AGENTS.md").write_text("Use taps.")
    assert run(work, "run", "--json", "hello") == 0
    assert "Use taps." not in asked[-1] and "how it is done" not in asked[-1]
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["level"] == "warning" and "AGENTS.md" in first["text"]


def test_damage_is_one_message(work, capsys):
    rules = Rules(settings.config_folder() / "approvals", work)
    rules.add(Rule("run", ("ls",)))
    rules.path.write_text("{")
    assert run(work, "approvals") == 2
    assert "damaged" in capsys.readouterr().err
    assert issubclass(ConfigError, Exception)
