import hashlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import pytest

from triagent.errors import ModelError
from triagent.models import download as hub_download
from triagent.models.catalog import CATALOG, Source, source_of
from triagent.models.download import Stopped, download, local_source, remove

spec = importlib.util.spec_from_file_location("hub", Path(__file__).with_name("hub.py"))
hub_module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hub_module)

SOURCE = Source("owner/repo", "tiny.gguf")


def write_model(path, n_layer=2):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(64)
    writer.add_block_count(n_layer)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_tensor("token_embd.weight", np.ones((1000, 64), dtype=np.float32))
    for layer in range(n_layer):
        writer.add_tensor(f"blk.{layer}.attn_q.weight", np.ones((64, 64), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "m.gguf").read_bytes()


@pytest.fixture
def hub(content, monkeypatch):
    hub_download.quiet_client()
    import huggingface_hub.file_download as client

    # The client waits a second before each new try.
    monkeypatch.setattr(client, "time", SimpleNamespace(sleep=lambda seconds: None))
    # It hands on pieces of this size, and what is in an unfinished one is lost.
    monkeypatch.setattr(client.constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    with hub_module.serving(hub_module.Hub(content)) as hub:
        yield hub


def get(hub, folder, **options):
    return download(SOURCE, folder, endpoint=hub.endpoint, **options)


def refused(hub, folder, **options):
    with pytest.raises(ModelError) as caught:
        get(hub, folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_arrives_whole_with_the_hash_that_was_announced(hub, tmp_path, content):
    seen = []
    done = get(hub, tmp_path, report=lambda text, share: seen.append(share))
    assert done.path.read_bytes() == content
    assert done.sha256 == hashlib.sha256(content).hexdigest() and done.was_announced
    assert local_source(done.path) == done
    assert seen[-1] == 1.0 and not list(tmp_path.glob("*.part"))
    assert remove(done.path) == len(content) and not any(tmp_path.iterdir())


def test_a_dropped_connection_is_taken_up_where_it_broke(hub, tmp_path, content):
    hub.drop_after = [70_000, 50_000]
    assert get(hub, tmp_path).path.read_bytes() == content
    ranges = [wanted for command, wanted in hub.requests if command == "GET"]
    assert ranges == [None, "bytes=70000-", "bytes=120000-"]


def test_a_download_that_failed_is_continued_by_the_next_run(hub, tmp_path, content):
    hub.drop_after = [100_000] + [0] * 20
    text = refused(hub, tmp_path)
    assert "interrupted at 100000 of" in text and "run it again" in text
    assert not (tmp_path / "tiny.gguf").exists()
    hub.drop_after, hub.requests = [], []
    assert get(hub, tmp_path).path.read_bytes() == content
    assert ("GET", "bytes=100000-") in hub.requests


def test_a_server_that_ignores_ranges_costs_time_and_not_the_file(hub, tmp_path, content):
    hub.drop_after = [100_000] + [0] * 20
    refused(hub, tmp_path)
    hub.drop_after, hub.ignore_range = [], True
    assert get(hub, tmp_path).path.read_bytes() == content


def test_stopping_keeps_what_came(hub, tmp_path, content):
    with pytest.raises(Stopped, match="run it again"):
        get(hub, tmp_path, stop=lambda: True)
    assert get(hub, tmp_path).path.read_bytes() == content


def test_content_with_another_hash_is_thrown_away(hub, tmp_path, content):
    hub.content = content[:-1] + b"X"
    text = refused(hub, tmp_path)
    assert hub.sha256 in text and "thrown away" in text
    assert not any(tmp_path.iterdir())


def test_a_server_that_sends_more_than_it_announced_is_cut_off(hub, tmp_path):
    hub.extra = bytes(3_000_000)
    assert "more than the" in refused(hub, tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_server_that_sends_less_than_it_announced_is_found_out(hub, tmp_path, content):
    hub.content = content[:-100]
    text = refused(hub, tmp_path)
    assert f"at {len(content) - 100} of {len(content)} bytes" in text
    assert not (tmp_path / "tiny.gguf").exists()


@pytest.mark.parametrize("size", [0, 10**15])
def test_a_size_that_cannot_be_is_refused_before_anything_is_fetched(hub, tmp_path, size):
    hub.size = size
    assert "no usable size" in refused(hub, tmp_path)
    assert [command for command, _ in hub.requests] == ["HEAD"]


def test_a_page_in_place_of_a_model_is_thrown_away(hub, tmp_path):
    hub.content = b"<html>sign in</html>" * 100
    hub.size = len(hub.content)
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    assert "not usable and was thrown away" in refused(hub, tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "RepoNotFound", "does not exist"),
        (404, "EntryNotFound", "does not exist"),
        (403, "GatedRepo", "accept its terms"),
        (403, "", "refused"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(hub, tmp_path, status, code, expected):
    hub.status, hub.error_code = status, code
    assert expected in refused(hub, tmp_path)


def test_a_hub_that_is_not_there_is_one_sentence(tmp_path, hub):
    with pytest.raises(ModelError, match="cannot be reached"):
        download(SOURCE, tmp_path, endpoint="http://127.0.0.1:9")


def test_offline_asks_nobody(hub, tmp_path):
    assert "offline" in refused(hub, tmp_path, offline=True)
    assert not hub.requests


def test_a_full_disk_is_noticed_before_the_download(hub, tmp_path, monkeypatch):
    usage = SimpleNamespace(total=1, used=1, free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert "make room" in refused(hub, tmp_path)
    assert [command for command, _ in hub.requests] == ["HEAD"]


def test_a_file_that_is_here_is_not_fetched_again(hub, tmp_path):
    get(hub, tmp_path)
    hub.requests.clear()
    get(hub, tmp_path)
    assert [command for command, _ in hub.requests] == ["HEAD"]


def test_nothing_about_the_user_is_sent(hub, tmp_path):
    get(hub, tmp_path)
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    from huggingface_hub import constants

    assert constants.HF_HUB_DISABLE_TELEMETRY or "huggingface_hub" in sys.modules
    assert all("Authorization" not in headers for headers in hub.headers_seen)


def test_names_of_the_list_paths_and_addresses_are_understood():
    assert source_of("Qwen3-8B") == next(m.source for m in CATALOG if m.name == "qwen3-8b")
    wanted = Source("o-w.n/re_po", "dir/m.gguf")
    assert source_of("o-w.n/re_po/dir/m.gguf") == wanted
    assert source_of("o-w.n/re_po:dir/m.gguf") == wanted
    address = "https://huggingface.co/o-w.n/re_po/resolve/v1/dir/m.gguf?download=true"
    assert source_of(address) == Source("o-w.n/re_po", "dir/m.gguf", "v1")


@pytest.mark.parametrize(
    "text",
    ["", "qwen", "a/b", "a/b/c.bin", "a/b/../../c.gguf", "http://x/a/b/c.gguf", "a/b c/d.gguf"],
)
def test_what_is_no_source_is_refused_with_the_list(text):
    with pytest.raises(ModelError, match="qwen3-8b"):
        source_of(text)


def kills(n_most, hub, folder, content):
    """Kill a download at its write boundaries; the next one always ends with the whole file."""
    from tests.safety import boundaries

    def work(where):
        return lambda: get(hub, where)

    n_boundaries = boundaries.count(work(folder / "counted"), folder / "n")
    points = range(1, n_boundaries + 1, max(1, n_boundaries // n_most))
    for nth in points:
        where = folder / str(nth)
        assert boundaries.killed(work(where), nth)
        path = where / "tiny.gguf"
        assert not path.exists() or path.read_bytes() == content  # never half a model by its name
        done = get(hub, where)
        assert done.path.read_bytes() == content and local_source(path) == done
        assert [item.name for item in where.iterdir() if item.name.endswith(".part")] == []
        shutil.rmtree(where)
    return len(points)


def test_a_download_that_was_killed_is_completed_by_the_next(
    hub, tmp_path, content, record_property
):
    n_kills = kills(10, hub, tmp_path, content)
    record_property("killed: the program, at a write of another file", n_kills)


@pytest.mark.slow
def test_a_download_that_was_killed_anywhere_is_completed_by_the_next(
    hub, tmp_path, content, record_property
):
    n_kills = kills(10**6, hub, tmp_path, content)
    record_property("killed: the program, at a write of another file", n_kills)
