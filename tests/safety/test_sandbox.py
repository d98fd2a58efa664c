import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from triagent.agent import landlock, sandbox_view
from triagent.agent import sandbox_ladder as ladder
from triagent.agent.sandbox import LocalSandbox
from triagent.agent.sandbox_output import Output
from triagent.errors import ToolError


def test_a_command_runs_in_the_workspace_and_says_how_it_ended(confined):
    (confined.work / "sub").mkdir()
    result = confined.run("pwd; echo out; echo err >&2; exit 3", cwd="sub")
    assert result.exit_code == 3 and not result.timed_out and not result.killed
    assert result.head == f"{confined.work}/sub\nout\nerr\n" and result.tail == ""
    assert result.n_bytes == len(result.head) == result.output_path.stat().st_size
    assert confined.run(["printf", "%s", "a b;$x"]).head == "a b;$x"
    assert confined.run("kill -9 $$").exit_code == 137
    assert confined.run("nonsense-command").exit_code == 127
    assert confined.run("cat").head == ""  # there is nothing on its standard input


def test_files_are_the_users_own_and_scratch_space_is_kept(confined):
    confined.run("echo x > made; echo kept > ~/.cache/file")
    assert (confined.work / "made").stat().st_uid == os.getuid()
    assert "kept" in confined.says("cat ~/.cache/file")
    assert not (Path.home() / ".cache" / "file").exists()


def test_programs_of_this_installation_stay_reachable(confined):
    text = confined.says(f"{sys.executable} -c 'import sys, psutil; print(sys.version_info[:2])'")
    assert text.strip() == str(sys.version_info[:2])
    assert confined.run("git --version && sh -c true && ls / >/dev/null").exit_code == 0


def test_no_privilege_is_left_or_can_be_gained(confined):
    text = confined.says("grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status")
    values = dict(line.split(":") for line in text.replace("\t", "").splitlines())
    assert values["NoNewPrivs"] == "1"
    assert all(int(values[name], 16) == 0 for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"))
    for command in ("mount -t tmpfs x .", "umount /proc", "chroot /", "hostname evil"):
        assert confined.run(command).exit_code != 0, command


def test_other_processes_are_not_seen(confined):
    n_seen = confined.says("ls /proc | grep -c '^[0-9][0-9]*$'")
    assert int(n_seen) < 12
    assert confined.run(f"kill -0 {os.getpid()}").exit_code != 0


def test_read_only_mode_closes_the_workspace_to_commands(tmp_path, make_bench):
    bench = make_bench(tmp_path, "read-only")
    (bench.work / "f").write_text("x")
    if bench.machine.sandbox.confines:
        assert bench.run("cat f").exit_code == 0
        assert bench.run("echo y > f").exit_code != 0 and bench.run("touch g").exit_code != 0
        bench.machine.gate.set_mode("ask")
        assert bench.run("echo y > f").exit_code == 0
    else:
        assert not bench.machine.sandbox.confines
    bench.machine.close()


def test_mode_full_confines_nothing_and_says_so(tmp_path, make_bench):
    bench = make_bench(tmp_path, "full")
    sandbox = bench.machine.sandbox
    assert sandbox.level == "off" and not sandbox.confines and "unasked" in sandbox.describe()
    assert bench.says("echo $HOME").strip() == str(Path.home())
    bench.run(f"echo x > {tmp_path}/outside")
    assert (tmp_path / "outside").exists()
    bench.machine.close()


def test_output_comes_while_the_command_runs_and_long_output_keeps_its_ends(bench):
    times = []
    bench.run("echo a; sleep 0.4; echo b", on_output=lambda text: times.append(time.monotonic()))
    assert times[-1] - times[0] > 0.25
    result = bench.run("seq 1 100000", head_chars=20, tail_chars=10)
    assert result.head == "1\n2\n3\n4\n5\n6\n7\n8\n9\n10" and result.tail == "99\n100000\n"
    assert result.output_path.read_text().count("\n") == 100000


def test_output_that_is_no_text_is_shown_as_well_as_it_goes(bench):
    result = bench.run(r"printf 'a\xff\xfeb\xe2\x82'; sleep 0.1; printf '\xac\n'")
    assert result.head == "a��b€\n"


def test_what_is_kept_of_output_is_the_same_however_it_is_cut(tmp_path):
    text = "".join(f"line {n}\n" for n in range(500))
    for size in (1, 7, 64, 10_000):
        output = Output(tmp_path / "o", 10**6, 100, 50)
        data = text.encode()
        for at in range(0, len(data), size):
            output.feed(data[at : at + size])
        output.close()
        assert (output.head, output.tail) == (text[:100], text[-50:])
        assert (tmp_path / "o").read_text() == text


def test_a_folder_outside_a_missing_one_and_a_huge_command_are_refused(bench):
    for cwd in ("..", "/etc", "nowhere"):
        with pytest.raises(ToolError):
            bench.run("true", cwd=cwd)
    with pytest.raises(ToolError, match="write it to a file"):
        bench.run("echo " + "x" * 200_000)


def test_a_confinement_that_cannot_be_built_runs_nothing(tmp_path, make_bench):
    if landlock.version() == 0:
        bench = make_bench(tmp_path)
        assert bench.machine.sandbox.level != "landlock"
        bench.machine.close()
        return
    bench = make_bench(tmp_path, rung=ladder.LANDLOCK)
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(ToolError, match="not run: its confinement"):
        bench.run("touch ran")
    assert not (bench.work / "ran").exists()
    bench.machine.close()


def test_a_background_command_runs_on_is_polled_and_stopped_with_its_children(confined):
    box = confined.machine.sandbox
    path = confined.root / "bg"
    job = box.start_background(
        f"echo up; {sys.executable} -c 'import time; time.sleep(60)' {confined.marker}; true",
        output_path=path,
    )
    deadline = time.monotonic() + 10
    while not (confined.marked() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.poll() is None and path.read_text() == "up\n"
    assert job.stop() is not None and job.poll() is not None
    assert not confined.marked()
    quick = box.start_background("exit 4", output_path=path)
    while quick.poll() is None:
        time.sleep(0.02)
    assert quick.poll() == 4 == quick.stop()


def test_what_a_background_command_writes_is_undone(confined):
    machine = confined.machine
    (confined.work / "b.txt").write_text("as it was")
    machine.undo.begin(1)
    command = "echo early > b.txt; sleep 0.3; echo late > b.txt; echo new > made.txt"
    verdict = confined.check("bash", command=command, background=True)
    assert "undo puts back whatever changes" in verdict.why
    job = machine.sandbox.start_background(command, output_path=confined.root / "bg")
    machine.undo.begin(2)
    while job.poll() is None:
        time.sleep(0.02)
    job.stop()
    assert (confined.work / "made.txt").read_text() == "new\n"
    while machine.undo.undo():
        pass
    assert (confined.work / "b.txt").read_text() == "as it was"
    assert not (confined.work / "made.txt").exists()


def test_a_background_command_outlives_the_thread_that_started_it(confined):
    jobs = []
    box = confined.machine.sandbox
    thread = threading.Thread(
        target=lambda: jobs.append(
            box.start_background("sleep 30", output_path=confined.root / "bg")
        )
    )
    thread.start()
    thread.join()
    time.sleep(0.5)
    assert jobs[0].poll() is None
    box.close()
    box.close()
    assert jobs[0].poll() is not None


def test_changed_files_are_reported(bench):
    (bench.work / "old").write_text("x")
    result = bench.run("echo y > new; echo z >> old; touch old; cat old > /dev/null")
    assert result.changed == ("new", "old")
    assert bench.run("cat old").changed == ()


def test_the_ladder_takes_the_first_rung_that_works_and_tells_of_the_others():
    chosen = ladder.choose(lambda rung: "refused" if rung is not ladder.LANDLOCK_FILES else "")
    if sys.platform == "linux" and landlock.version():
        assert chosen.name == "landlock-files" and not chosen.confines and chosen.cure
        assert [text.split(":")[0] for text in chosen.tried] == ["bwrap", "landlock"]
    nothing = ladder.choose(lambda rung: "refused")
    assert nothing.name == "none" and "asked for" in nothing.summary


@pytest.mark.parametrize("error", ["unshare", "restrict", "pivot_root"])
def test_a_kernel_that_refuses_a_step_means_the_next_rung_at_start(tmp_path, monkeypatch, error):
    # What a container or AppArmor does: the probe's child fails, and says why.
    monkeypatch.setattr(
        LocalSandbox, "_works", lambda self, rung: f"{error}: Operation not permitted"
    )
    (tmp_path / "work").mkdir()
    box = LocalSandbox(tmp_path / "work", tmp_path / "private")
    assert box.level == "none" and not box.confines
    assert all("Operation not permitted" in text or "missing" in text or "not installed" in text
               or "no Landlock" in text for text in box.rung.tried)  # fmt: skip
    box.close()


def test_landlock_alone_holds_files_and_is_not_counted_as_confinement(tmp_path, make_bench):
    if landlock.version() == 0:
        assert ladder.choose(lambda rung: "").name != "landlock-files"
        return
    bench = make_bench(tmp_path, rung=ladder.LANDLOCK_FILES)
    (tmp_path / "victim").write_text("untouched")
    text = bench.says(f"echo x > inside; cat {tmp_path}/victim; echo x > {tmp_path}/victim; ls /")
    assert (bench.work / "inside").exists() and "untouched" not in text
    assert (tmp_path / "victim").read_text() == "untouched"
    assert not bench.machine.sandbox.confines
    bench.machine.close()


def test_the_profile_for_macos_denies_network_home_and_protected_names():
    profile = ladder.seatbelt_profile('/w/a "b"', ["/scratch"], ["/w/.git"])
    lines = profile.splitlines()
    assert lines[0] == "(version 1)" and {"(deny network*)", "(deny file-write*)"} <= set(lines)
    assert '(allow file-read* file-write* (subpath "/w/a \\"b\\""))' in lines
    last_allow = max(n for n, line in enumerate(lines) if "/scratch" in line)
    assert lines.index('(deny file-write* (subpath "/w/.git"))') > last_allow
    assert profile.count("(") == profile.count(")")


def test_the_view_guards_after_it_opens_and_hides_last(tmp_path):
    work = tmp_path / "home" / "work"
    (work / ".git" / "hooks").mkdir(parents=True)
    (work / ".env").write_text("x")
    private = sandbox_view.Private.make(tmp_path / "private")
    mounts = sandbox_view.build(work, private, search_path="/usr/bin:relative:/nowhere/bin")
    targets = [item.target for item in mounts]
    opened = targets.index(str(work))
    assert mounts[opened].kind == "rw"
    assert targets.index(str(work / ".git")) > opened
    assert mounts[targets.index(str(work / ".env"))].kind == "hide_file"
    assert not any("relative" in item or "nowhere" in item for item in targets)
    writable = sandbox_view.build(work, private, search_path="", writable=[".git"])
    kinds = {item.target: item.kind for item in writable}
    assert str(work / ".git") not in kinds and kinds[str(work / ".git/hooks")] == "ro"
    closed = sandbox_view.build(work, private, search_path="", read_only=True)
    assert {item.target: item.kind for item in closed}[str(work)] == "ro"


def test_a_link_planted_in_the_workspace_is_not_followed_by_the_view(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").symlink_to("/etc")
    (work / ".env").symlink_to("/etc/passwd")
    private = sandbox_view.Private.make(tmp_path / "private")
    targets = [item.target for item in sandbox_view.build(work, private, search_path="")]
    assert str(work / ".git") not in targets and str(work / ".env") not in targets
