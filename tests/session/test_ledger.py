from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time

import pytest

from triagent.chat import Evicted, Origin, Span
from triagent.errors import SessionError
from triagent.session import ledger as ledgers
from triagent.session.ledger import Ledger
from triagent.session.record import decode, encode
from triagent.session.repair import repair


def span(pos, n=3, origin=Origin.USER):
    return Span(origin, pos, tuple(range(pos, pos + n)), f"words at {pos} ", False)


@pytest.fixture
def ledger(tmp_path):
    made = Ledger.create(tmp_path / "s", {"created": "now"})
    yield made
    made.close()


def filled(ledger, n=5):
    for i in range(n):
        ledger.add_span(span(3 * i))
    return ledger


def test_a_record_survives_and_any_changed_byte_is_noticed():
    line = encode(7, "event", {"name": "x", "text": "é\n\"'"})
    assert decode(line).data == {"name": "x", "text": "é\n\"'"}
    for i in range(len(line)):
        spoiled = line[:i] + bytes([line[i] ^ 1]) + line[i + 1 :]
        assert decode(spoiled) is None, i


def test_spans_come_back_as_they_were(ledger):
    filled(ledger)
    assert list(ledger.spans()) == [span(3 * i) for i in range(5)]
    assert list(ledger.spans(9)) == [span(9), span(12)]


def test_tokens_that_do_not_continue_are_refused(ledger):
    filled(ledger, 1)
    with pytest.raises(SessionError, match="position 5 do not continue the session at 3"):
        ledger.add_span(span(5))


def test_opening_finds_the_same_state(ledger):
    filled(ledger)
    ledger.add_round(Evicted(2, 15, 0.5, float("inf"), ((4, 6),), 1.0), "streaming")
    state, folder = ledger.state, ledger.folder
    ledger.close()
    again = Ledger(folder)
    assert again.state == state and again.state.n_evicted == 2
    again.close()


def test_a_second_opener_reads_only(ledger):
    filled(ledger)
    other = Ledger(ledger.folder)
    assert other.read_only and list(other.spans())[-1] == span(12)
    with pytest.raises(SessionError, match="another process"):
        other.add_span(span(15))
    ledger.add_span(span(15))


def test_a_last_line_torn_at_any_byte_is_set_aside(tmp_path, record_property):
    ledger = filled(Ledger.create(tmp_path / "s", {}))
    before = ledger.size
    ledger.add_span(span(15))
    ledger.close()
    whole = ledger.path.read_bytes()
    record_property("hostile: last record torn at a byte", len(whole) - before)
    for cut in range(before, len(whole)):
        ledger.path.write_bytes(whole[:cut])
        (tmp_path / "s" / ledgers.TORN).unlink(missing_ok=True)
        again = Ledger(tmp_path / "s")
        assert again.state.n_pos == 15 and not again.read_only
        torn = tmp_path / "s" / ledgers.TORN
        assert (torn.read_bytes() if torn.exists() else b"") == whole[before:cut]
        again.add_span(span(15))
        again.close()
        assert ledger.path.read_bytes() == whole


def test_damage_further_up_is_refused_and_repair_keeps_the_good_prefix(ledger):
    filled(ledger)
    ledger.close()
    data = bytearray(ledger.path.read_bytes())
    at = data.index(b"words at 9")
    data[at] ^= 1
    ledger.path.write_bytes(data)
    with pytest.raises(SessionError, match="triagent sessions repair s"):
        Ledger(ledger.folder)
    n_records, n_bytes = repair(ledger.folder)
    again = Ledger(ledger.folder)
    assert n_records == 4 and n_bytes > 0 and again.state.n_pos == 9
    assert b"vords" in (ledger.folder / ledgers.TORN).read_bytes()
    again.close()


def test_a_lost_line_is_damage(ledger):
    filled(ledger)
    ledger.close()
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(SessionError, match="damaged"):
        Ledger(ledger.folder)


def test_a_full_disk_leaves_the_log_as_it_was(ledger, monkeypatch):
    filled(ledger)
    before = ledger.path.read_bytes()
    real = os.write

    def half(file, data):
        if len(data) > 20:
            return real(file, data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledgers.os, "write", half)
    with pytest.raises(SessionError, match="No space left"):
        ledger.append("event", {"name": "x" * 9})
    monkeypatch.undo()
    assert ledger.path.read_bytes() == before
    ledger.add_span(span(15))


def test_a_process_killed_while_writing_loses_at_most_the_last_record(tmp_path):
    code = (
        "import sys, pathlib\n"
        "from triagent.session.ledger import Ledger\n"
        "from triagent.chat import Origin, Span\n"
        "l = Ledger.create(pathlib.Path(sys.argv[1]), {})\n"
        "for i in range(100000):\n"
        "    l.add_span(Span(Origin.USER, i, (i,), 'w'))\n"
        "    print(i, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True
    )
    for _ in range(50):
        process.stdout.readline()
    process.kill()
    said = [int(x) for x in process.stdout.read().split()] or [49]
    process.wait()
    ledger = Ledger(tmp_path / "s")
    assert ledger.state.n_pos >= max(said) + 1
    assert ledger.verify() == ledger.state.n_records
    ledger.close()


def test_files_are_private(ledger):
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.folder.stat().st_mode & 0o777 == 0o700


def test_a_long_log_opens_from_its_last_checkpoint(tmp_path, monkeypatch):
    ledger = Ledger.create(tmp_path / "s", {})
    ids = list(range(500))
    pos = 0
    while ledger.size < 24 << 20:
        data = {"origin": "user", "pos": pos, "ids": ids, "text": "x" * 4000, "sampled": False}
        ledger.append("tokens", data, sync=False)
        pos += 500
    ledger.close()
    # Damage in the middle is found when it is read, and does not slow the opening.
    with ledger.path.open("r+b") as file:
        file.seek(8 << 20)
        file.write(b"#")
    began = time.monotonic()
    again = Ledger(tmp_path / "s")
    seconds = time.monotonic() - began
    assert again.state.n_pos == pos and seconds < 1
    with pytest.raises(SessionError, match="damaged at byte"):
        again.verify()
    again.close()


def with_blocks(ledger, n):
    """Tokens, 4 MB a thousand; returns how many there are now."""
    for pos in range(ledger.state.n_pos, ledger.state.n_pos + 1000 * n, 1000):
        block = {"ids": list(range(1000)), "text": "x" * 4_000_000, "sampled": False}
        ledger.append("tokens", {"origin": "user", "pos": pos, **block}, sync=False)
    return ledger.state.n_pos


def put_hole_before(record, path, n_bytes):
    """Make a log so long without writing it: opening has no business there."""
    with path.open("r+b") as file:
        file.seek(record.offset)
        rest = file.read()
        file.truncate(record.offset)
        file.seek(n_bytes)
        file.write(b"\n" + rest)


@pytest.mark.slow
def test_a_log_of_5_gb_opens_within_a_second_and_200_mb(tmp_path):
    ledger = Ledger.create(tmp_path / "s", {})
    with_blocks(ledger, 20)
    mark = ledger.checkpoint()
    ledger.close()
    put_hole_before(mark, ledger.path, 5 << 30)
    ledger = Ledger(tmp_path / "s")
    pos = with_blocks(ledger, 60)
    ledger.close()
    code = (
        "import sys, pathlib, time\n"
        "from triagent.session.ledger import Ledger\n"
        "t = time.monotonic(); l = Ledger(pathlib.Path(sys.argv[1]))\n"
        "s = time.monotonic() - t\n"
        # ru_maxrss would be that of the process that started this one, which it inherits
        "peak = pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(s, l.state.n_pos, peak)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s")], capture_output=True, text=True
    ).stdout.split()
    print(f"{ledger.path.stat().st_size / 2**30:.1f} GiB in {out[0]} s, peak {out[2]} kB")
    assert float(out[0]) < 1 and int(out[1]) == pos and int(out[2]) < 200_000


def test_a_rewind_drops_tokens_and_the_session_goes_on_from_there(ledger):
    filled(ledger)
    ledger.append("event", {"name": "rewound", "pos": 6, "turn": 1})
    ledger.add_span(span(6, 2))
    assert list(ledger.spans()) == [span(0), span(3), span(6, 2)]
    assert ledger.state.n_pos == 8


def test_snapshots_from_before_a_rewind_are_not_offered(ledger):
    filled(ledger, 2)
    ledger.checkpoint("a.state")
    assert [mark.name for mark in ledger.snapshots()] == ["a.state"]
    ledger.append("event", {"name": "rewound", "pos": 3, "turn": 1})
    assert list(ledger.snapshots()) == []


def test_memory_stays_flat_while_reading(tmp_path):
    ledger = Ledger.create(tmp_path / "s", {})
    for i in range(2000):
        ledger.append("event", {"name": "x", "text": "y" * 10_000, "i": i}, sync=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert ledger.verify() > 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    ledger.close()


def test_a_ledger_may_be_closed_on_another_thread(ledger):
    thread = threading.Thread(target=ledger.close)
    thread.start()
    thread.join()
    again = Ledger(ledger.folder)
    assert not again.read_only
    again.close()
