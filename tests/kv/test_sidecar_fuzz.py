"""Ten thousand mutated sidecars: named errors, no crash, bounded memory.

`scripts/bench.py fuzz` reads a million of the same.
"""

from __future__ import annotations

import re
import resource
import struct

import pytest

from scripts.bench import fuzz
from triagent.errors import SidecarError
from triagent.kv.seal import BLANK, is_intact, sealed
from triagent.kv.sidecar import SEAL, read_sidecar

N_INPUTS = 10_000


@pytest.fixture(scope="module")
def outcome():
    return fuzz.run(N_INPUTS)


def test_every_mutant_costs_a_named_error_or_is_sound(outcome, record_property):
    record_property("hostile: mutated sidecars", N_INPUTS)
    assert outcome.crashes == []
    n_accepted = sum(outcome.same.values()) + sum(outcome.other.values())
    assert sum(outcome.refused.values()) + n_accepted == N_INPUTS


def test_a_damaged_file_that_is_accepted_means_what_it_meant(outcome):
    assert outcome.other["damage"] == 0 and outcome.same["damage"] > 0


def test_the_mutants_reach_every_check_of_a_reader(outcome):
    words = (
        "truncated", "there twice", "no queries can have", "not finite", "do not belong together",
        "does not belong", "dimensions", "unknown type", "more than a model has", "damaged",
        "format version", "malformed",
    )  # fmt: skip
    missing = [word for word in words if not any(word in why for why in outcome.refused)]
    assert missing == []


def test_memory_stays(outcome):
    assert outcome.grown_mib < 32


@pytest.fixture
def path(tmp_path):
    fuzz.example(tmp_path / "m.centers.gguf")
    return tmp_path / "m.centers.gguf"


def refusal(path, data):
    path.write_bytes(data)
    with pytest.raises(SidecarError) as caught:
        read_sidecar(path)
    return str(caught.value)


def entry(name, value):
    """A string of the metadata as bytes."""
    raw = value.encode()
    head = f"triattention.{name}".encode() + struct.pack("<I", 8)
    return head + struct.pack("<Q", len(raw)) + raw


def with_table(path, name, value):
    """The example with another text under `name`, sealed anew."""
    data = path.read_bytes()
    start = data.index(f"triattention.{name}".encode() + struct.pack("<I", 8))
    at = start + len(f"triattention.{name}") + 4
    (n,) = struct.unpack("<Q", data[at : at + 8])
    # alignment: the texts are padded with blanks to the same length
    return sealed(data[:start] + entry(name, value.ljust(n)) + data[at + 8 + n :], SEAL)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('[["x",1e999,0,null]]', "malformed"),
        ('[["x",-1,0.5,null]]', "malformed"),
        ('[["x",1,2.0,null]]', "not between 0 and 1"),
        ('[["x",1,.5,null]]', "not JSON"),
        ('{"x":1}', "another shape"),
    ],
)
def test_a_table_of_nonsense_is_refused(path, value, words):
    assert words in refusal(path, with_table(path, "self_tests", value))


def test_a_flipped_bit_of_one_value_is_noticed(path):
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    assert "damaged" in refusal(path, bytes(data))
    data[-40] ^= 1
    path.write_bytes(data)
    assert read_sidecar(path).layers


def test_a_file_of_the_first_version_needs_no_digest(path):
    data = path.read_bytes()
    at = data.index(b"triattention.version") + len("triattention.version") + 4
    old = data[:at] + struct.pack("<I", 1) + data[at + 4 :]
    old = old.replace(b"file_sha256", b"file_sha999")
    path.write_bytes(old)
    assert read_sidecar(path).fingerprint == "ab" * 32
    assert "damaged" in refusal(path, data.replace(b"file_sha256", b"file_sha999"))


def test_a_name_cannot_move_the_cursor_of_a_terminal(path):
    data = with_table(path, "recommended_score", "\x1b[2J")
    path.write_bytes(data)
    assert "\x1b" not in read_sidecar(path).recommended_score


def test_a_huge_file_is_refused_before_it_is_read(path):
    with path.open("r+b") as file:
        file.truncate(1 << 34)  # sparse: no disk is used
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SidecarError, match="too large"):
        read_sidecar(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_a_message_stays_short_whatever_the_file_says(path):
    data = path.read_bytes().replace(b"triattention.fingerprint", b"triattention.fingerprinX")
    assert len(refusal(path, data)) < 300
    assert re.search("text is needed", refusal(path, data))


def test_a_digest_covers_all_but_itself():
    data = b"head" + b"key" + struct.pack("<IQ", 8, 64) + BLANK.encode() + b"tail"
    whole = sealed(data, "key")
    assert is_intact(whole, "key") and len(whole) == len(data)
    for i in range(len(whole)):
        assert not is_intact(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :], "key")
    with pytest.raises(ValueError, match="no text 'other'"):
        sealed(data, "other")
