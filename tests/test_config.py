import argparse
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from triagent import completion, settings, settings_file
from triagent.config import CacheConfig, Config, check
from triagent.errors import ConfigError


def load(tmp_path, text="", environ=None, **flags):
    file = tmp_path / "config.toml"
    file.write_text(text)
    return settings.load({k.replace("__", "."): v for k, v in flags.items()}, environ or {}, file)


def message(tmp_path, *args, **kw):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *args, **kw)
    return str(caught.value)


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path):
    text = "[cache]\nbudget = 1000\ninterval = 64\nchunk = 256\n"
    environ = {"TRIAGENT_CACHE_BUDGET": "2000", "TRIAGENT_CACHE_INTERVAL": "32", "HOME": "x"}
    loaded = load(tmp_path, text, environ, cache__budget=3000)
    cache = loaded.config.cache
    assert (cache.budget, cache.interval, cache.chunk, cache.n_sink) == (3000, 32, 256, 4)
    assert loaded.sources == {
        "cache.budget": "flag",
        "cache.interval": "TRIAGENT_CACHE_INTERVAL",
        "cache.chunk": str(tmp_path / "config.toml"),
    }


def test_every_setting_has_a_documentation_and_a_default_that_passes():
    for setting in settings.settings():
        assert len(setting.about) > 10, setting.key
        assert setting.takes
    check(Config())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[cache]\nbudgte = 1", 'did you mean "cache.budget"?'),
        ("[cahce]\nbudget = 1", 'did you mean "cache"?'),
        ("budget = 1", 'did you mean "cache.budget"?'),
        ("ofline = true", 'did you mean "offline"?'),
        ("cache = 1", "write [cache] above"),
        ('[cache]\nbudget = "many"', "takes a whole number"),
        ("[cache]\nbudget = true", "takes a whole number"),
        ("[cache]\nbudget = 12.5", "takes a whole number"),
        ("[ui]\nmouse = 1", "takes true or false"),
        ("[ui.keys]\nquit = 1", "takes a table of texts"),
        ("[model]\npath = 3", "takes a path"),
        ("[cache", "cannot be read"),
        ('[cache]\npolicy = "best"', "it is one of auto, triattention"),
        ("[cache]\nbudget = 10", "at least 69"),
        ("[sampling]\ntemperature = nan", "at least 0"),
        ("[sampling]\ntop_p = 2", "between 0 and 1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_source_and_the_way_out(tmp_path, text, expected):
    assert expected in message(tmp_path, text)


@pytest.mark.parametrize(
    "text", ['[ui.keys]\napp.memory = "f6"', '[ui.keys]\n"app.memory" = "f6"',
             '[ui.keys.app]\nmemory = "f6"', '[ui]\nkeys = { app.memory = "f6" }'],
)  # fmt: skip
def test_a_name_with_a_dot_is_taken_however_it_is_written(tmp_path, text):
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert settings.load({}, {}, file).config.ui.keys == {"app.memory": "f6"}


def test_several_values_out_of_range_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        check(Config(cache=CacheConfig(interval=0, chunk=0)))
    assert str(caught.value).count("\n") == 1


def test_mode_full_is_accepted_from_a_flag_and_from_nowhere_else(tmp_path):
    assert load(tmp_path, agent__mode="full").config.agent.mode == "full"
    assert "by flag only" in message(tmp_path, '[agent]\nmode = "full"')
    assert "by flag only" in message(tmp_path, "", {"TRIAGENT_AGENT_MODE": "full"})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("TRIAGENT_CACHE_BUDGTE", "1", 'did you mean "TRIAGENT_CACHE_BUDGET"?'),
        ("TRIAGENT_CACHE_BUDGET", "lots", "takes a whole number"),
        ("TRIAGENT_UI_MOUSE", "maybe", "takes true or false"),
        ("TRIAGENT_AGENT_MODE", "aks", 'is "aks"'),
    ],
)
def test_a_wrong_variable_is_named(tmp_path, name, text, expected):
    assert expected in message(tmp_path, "", {name: text})


def test_variables_take_paths_truth_values_and_nothing(tmp_path):
    environ = {
        "TRIAGENT_MODEL_PATH": "~/m.gguf",
        "TRIAGENT_UI_MOUSE": "off",
        "TRIAGENT_CACHE_BUDGET": "",
        "TRIAGENT_SAMPLING_TEMPERATURE": "1",
        "TRIAGENT_LLAMA_DIR": "of the build, not ours",
    }
    config = load(tmp_path, "[cache]\nbudget = 500", environ).config
    assert config.model.path == Path.home() / "m.gguf"
    assert config.ui.mouse is False and config.cache.budget is None
    assert config.sampling.temperature == 1.0


def test_a_settings_file_that_was_named_must_exist(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        settings.load({}, {}, tmp_path / "none.toml")


def test_the_reference_is_toml_that_loads_to_the_same_settings(tmp_path):
    config = load(tmp_path, "[cache]\nbudget = 777\n[ui]\nkeys = { quit = 'ctrl+q' }").config
    text = settings.reference(config, {"cache.budget": "flag"})
    assert "# from flag\nbudget = 777" in text
    assert tomllib.loads(text)["ui"]["keys"] == {"quit": "ctrl+q"}
    assert load(tmp_path, text).config == config
    for setting in settings.settings():
        assert setting.key.rsplit(".", 1)[-1] + " = " in text


def test_saving_changes_only_what_differs_and_keeps_comments(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('# mine\n[ui]\ntheme = "a"  # nice\n\n[cache]\nbudget = 500 # small\n')
    before = settings.load({}, {}, file).config
    after = replace(
        before,
        ui=replace(before.ui, theme='b "c"\\', mouse=False),
        cache=replace(before.cache, budget=None),
        sampling=replace(before.sampling, seed=7),
    )
    settings_file.save(after, before, file)
    text = file.read_text()
    assert "# mine" in text and "# nice" in text and "budget" not in text
    assert settings.load({}, {}, file).config == after


def test_mode_full_is_never_saved(tmp_path):
    file = tmp_path / "config.toml"
    before = Config()
    after = replace(before, agent=replace(before.agent, mode="full"))
    with pytest.raises(ConfigError, match="by flag only"):
        settings_file.save(after, before, file)
    assert not file.exists() and not list(tmp_path.iterdir())


def test_a_settings_file_in_a_folder_that_cannot_be_made_gives_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        settings_file.update(tmp_path / "file" / "config.toml", {"offline": True})


def parser():
    top = argparse.ArgumentParser(prog="tool")
    top.add_argument("--mode", choices=["ask", "auto"], help="permission mode: 100%% sure")
    top.add_argument("--model", help="it's a file")
    below = top.add_subparsers()
    models = below.add_parser("models", help="models on disk")
    models.add_subparsers().add_parser("pull").add_argument("--force", action="store_true")
    return top


def bash_completes(line):
    script = completion.script("bash", parser())
    words = " ".join(f"'{word}'" for word in line)
    state = f"COMP_WORDS=({words}); COMP_CWORD={len(line) - 1}"
    code = f"{script}\n{state}; _tool; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_bash_completes_commands_options_and_their_values():
    assert bash_completes(["tool", "mo"]) == ["models"]
    assert bash_completes(["tool", "--mo"]) == ["--mode", "--model"]
    assert bash_completes(["tool", "--mode", ""]) == ["ask", "auto"]
    assert bash_completes(["tool", "models", ""]) == ["pull", "-h", "--help"]
    assert bash_completes(["tool", "models", "pull", "--f"]) == ["--force"]


def test_values_of_settings_are_completed_in_the_real_program():
    from triagent.cli import build_parser

    script = completion.script("bash", build_parser())
    assert "words='read-only ask auto full'" in script and "words='per-layer-head" in script
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_is_a_script_for_each_shell_and_a_message_for_others():
    assert completion.script("zsh", parser()).startswith("#compdef tool")
    fish = completion.script("fish", parser())
    assert "-l mode -r -f -a 'ask auto' -d 'permission mode: 100% sure'" in fish
    assert "it\\'s a file" in fish
    with pytest.raises(ConfigError, match="bash, zsh, fish"):
        completion.script("csh", parser())
