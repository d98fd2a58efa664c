from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from triagent import cli
from triagent.agent.events import AnswerText


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Nothing of the person who runs the tests is read or written."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def run(capsys, *argv: str) -> tuple[int, str, str]:
    try:
        status = cli.main(argv)
    except SystemExit as ended:  # of --help
        status = int(ended.code or 0)
    told = capsys.readouterr()
    return status, told.out, told.err


def test_a_flag_means_the_same_before_and_after_its_command():
    parser = cli.build_parser()
    for argv in (["--budget", "512", "run", "x"], ["run", "--budget", "512", "x"]):
        assert vars(parser.parse_args(argv))["cache.budget"] == 512


def test_every_flag_names_a_setting_that_exists():
    from triagent import settings

    known = {setting.key for setting in settings.settings()}
    assert {key for key, _, _ in cli.FLAGS.values()} <= known


def test_nothing_to_ask_is_told_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, out, err = run(capsys, "run")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and "triagent run" in err


def test_a_model_that_is_not_there_is_told_with_the_next_step(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, _, err = run(capsys, "run", "--model", "/nowhere/m.gguf", "hello")
    assert status == 1
    assert "/nowhere/m.gguf" in err and "Traceback" not in err


def test_what_is_to_be_known_of_the_model_is_told_before_the_answer(capsys, monkeypatch):
    class Played:
        info = SimpleNamespace(notes=("No centers: run triagent centers MODEL.gguf",))

        def turn(self, text):
            yield AnswerText("It is 3.")

        def close(self):
            pass

    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    monkeypatch.setattr("triagent.opening.open_agent", lambda *args, **kwargs: Played())
    _, out, err = run(capsys, "run", "what is it?")
    assert out == "It is 3." and err.startswith("warning: No centers: run triagent centers")


def test_a_setting_out_of_range_names_itself(capsys):
    status, _, err = run(capsys, "config", "--budget", "-3")
    assert status == 2
    assert "budget" in err and "-3" in err


def test_the_settings_show_what_a_flag_changed(capsys):
    status, out, _ = run(capsys, "config", "--budget", "768")
    assert status == 0
    assert "768" in out and "flag" in out


def test_the_app_without_a_terminal_says_what_to_use(capsys):
    status, _, err = run(capsys)
    assert status == 2
    assert "triagent run" in err


def test_sessions_are_an_empty_list_at_first_and_unknown_ones_are_named(capsys):
    assert run(capsys, "sessions") == (0, "", "")
    status, _, err = run(capsys, "sessions", "export", "nobody", "x.md")
    assert status == 1 and "nobody" in err


def test_a_damaged_session_is_named_by_list_and_check(capsys):
    from triagent.opening import open_store

    store = open_store()
    session = store.create(Path("/work"))
    session.rename("mine")
    session.close()
    store.close()
    assert run(capsys, "sessions", "check", session.id)[:2] == (
        0, f"3 records, {session.ledger.size} bytes, none damaged\n")  # fmt: skip
    data = bytearray(session.ledger.path.read_bytes())
    data[60] ^= 1
    session.ledger.path.write_bytes(bytes(data))
    status, out, _ = run(capsys, "sessions", "list")
    assert status == 0 and f"triagent sessions repair {session.id}" in out
    status, _, err = run(capsys, "sessions", "check", session.id)
    assert status == 1 and "damaged at byte 0" in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_every_command(capsys, shell):
    status, out, _ = run(capsys, "completion", shell)
    assert status == 0
    for word in ("run", "sessions", "models", "centers", "doctor", "--budget"):
        assert word.lstrip("-") in out


def test_measuring_without_torch_names_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    import triagent.calibrate as package

    for name in [name for name in sys.modules if name.startswith("triagent.calibrate.")]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(package, name.removeprefix("triagent.calibrate."), raising=False)
    status, _, err = run(capsys, "centers", "m.gguf")
    assert status == 2
    assert "triagent[calibrate]" in err


def test_a_word_of_a_flag_that_is_also_a_command_hides_no_command(capsys):
    status, out, err = run(capsys, "-C", "run", "models", "--help")
    assert (status, err) == (0, "") and "pull" in out


def test_the_help_of_a_start_names_every_command(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(f"    {name} " in out for name in cli.COMMANDS)


def test_the_first_picture_needs_no_layer_below_the_app():
    heavy = "numpy gguf jinja2 huggingface_hub sqlite3 tree_sitter_bash markdown_it psutil"
    heavy += " textual.widgets._markdown triagent.opening triagent.services triagent.engine"
    script = "import sys; from triagent import cli, settings; from triagent.ui import app; "
    script += f"print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
