import argparse
import functools
import hashlib
import importlib.util
import json
import struct
from pathlib import Path

import pytest

from triagent.config import Config
from triagent.errors import ModelError
from triagent.models import commands, shelf

spec = importlib.util.spec_from_file_location("dl", Path(__file__).with_name("test_download.py"))
helpers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(helpers)


@pytest.fixture
def folder(tmp_path):
    helpers.write_model(tmp_path / "tiny.gguf")
    (tmp_path / "cut.gguf").write_bytes((tmp_path / "tiny.gguf").read_bytes()[:-5000])
    return tmp_path


def run(folder, *argv, config=None):
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    return commands.cli(parser.parse_args(argv), config or Config(), (), folder)


def test_the_list_shows_what_is_here_how_it_fits_and_what_is_refused(folder, capsys):
    assert run(folder) == 0
    text = capsys.readouterr().out
    assert "tiny" in text and "all 2 layers on the CPU" in text
    assert "The download was cut off" in text
    assert "qwen3-8b" in text and "as their publishers give them" in text


def test_the_list_is_one_json_object(folder, capsys):
    assert run(folder, "list", "--json") == 0
    models = {item["name"]: item for item in json.loads(capsys.readouterr().out)["models"]}
    assert models["tiny"]["fits"] and models["tiny"]["centers"] == "missing"
    assert not models["cut"]["fits"] and "cut off" in models["cut"]["problem"]
    assert models["qwen3-8b"]["path"] is None


def test_info_shows_the_hash_and_the_status_says_whether_it_is_usable(folder, capsys):
    assert run(folder, "info", "tiny") == 0
    assert "sha256" in capsys.readouterr().out
    assert run(folder, "info", "cut", "--json") == 1
    assert "cut off" in json.loads(capsys.readouterr().out)["problem"]


def test_remove_asks_and_deletes_only_in_its_folder(folder, capsys, tmp_path_factory):
    with pytest.raises(ModelError, match="--yes"):
        run(folder, "remove", "tiny")
    assert run(folder, "remove", "tiny", "--yes") == 0
    assert not (folder / "tiny.gguf").exists()
    elsewhere = helpers.write_model(tmp_path_factory.mktemp("x") / "mine.gguf")
    with pytest.raises(ModelError, match="delete it yourself"):
        run(folder, "remove", str(elsewhere), "--yes")
    assert elsewhere.exists()


def test_a_name_that_is_not_here_is_answered_with_those_that_are(folder):
    with pytest.raises(ModelError, match=r"cut.gguf, tiny.gguf"):
        run(folder, "info", "nothing")


def test_pull_offline_says_so(folder):
    with pytest.raises(ModelError, match="offline"):
        run(folder, "pull", "qwen3-4b", config=Config(offline=True))


HOSTILE = {
    "empty": b"",
    "magic only": b"GGUF",
    "not gguf": b"\x7fELF" + bytes(100),
    "huge tensor count": b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0),
    "huge key count": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
    "huge string": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62) + b"x" * 50,
    "huge array": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k"
    + struct.pack("<IIQ", 9, 4, 2**61),
    "array of arrays": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k"
    + struct.pack("<II", 9, 9) * 1000,
    "version 99": b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_one_line_in_the_list(tmp_path, data):
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    row = shelf.row(path, Config())
    assert row.fit is None and row.problem and "\n" not in row.problem


def test_a_header_with_any_byte_changed_is_read_or_refused_and_never_crashes(
    tmp_path, record_property
):
    whole = helpers.write_model(tmp_path / "m.gguf").read_bytes()
    path = tmp_path / "x.gguf"
    changes = [(at, value) for at in range(4, 500, 3) for value in (0x00, 0xFF)]
    record_property("hostile: headers of models with a byte changed", len(changes))
    for at, value in changes:
        path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
        row = shelf.row(path, Config())
        assert row.problem or row.fit is not None


@pytest.fixture
def hub(tmp_path_factory, monkeypatch):
    """A hub of our own in place of the real one."""
    real = commands.hub.download
    content = helpers.write_model(tmp_path_factory.mktemp("hub") / "m.gguf").read_bytes()
    with helpers.hub_module.serving(helpers.hub_module.Hub(content)) as hub:
        there = functools.partial(real, endpoint=hub.endpoint)
        monkeypatch.setattr(commands.hub, "download", there)
        yield hub


def test_pull_shows_the_hash_that_it_measured_and_that_the_hub_announced_it(hub, tmp_path, capsys):
    assert run(tmp_path, "pull", "owner/repo/pulled.gguf") == 0
    out = capsys.readouterr().out
    measured = hashlib.sha256((tmp_path / "pulled.gguf").read_bytes()).hexdigest()
    assert f"sha256 {measured} as announced by the hub" in out and measured == hub.sha256
    assert run(tmp_path, "info", "pulled", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["sha256"] == measured and facts["source"] == "owner/repo/pulled.gguf"


def test_pull_keeps_nothing_of_a_hub_that_lies_about_the_hash(hub, tmp_path):
    hub.content = hub.content[:-1] + b"X"
    with pytest.raises(ModelError, match=hub.sha256):
        run(tmp_path, "pull", "owner/repo/pulled.gguf")
    assert not any(tmp_path.iterdir())


def test_pull_offline_names_what_it_did_not_ask_for(hub, tmp_path):
    with pytest.raises(ModelError, match=r"offline: owner/repo/pulled.gguf was not downloaded"):
        run(tmp_path, "pull", "owner/repo/pulled.gguf", config=Config(offline=True))
    assert not hub.requests
