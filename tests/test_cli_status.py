"""The exit status of `triagent run`, of a real process; what each means is in `headless`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.scripted_cli import STORIES


@pytest.fixture
def start(tmp_path):
    """(script, arguments) -> the process, its output on pipes."""
    own = {f"XDG_{x}_HOME": str(tmp_path / x) for x in ("CONFIG", "DATA", "CACHE")}
    (tmp_path / "work").mkdir()
    running = []

    def start(script, *arguments, stdin=subprocess.DEVNULL, **env):
        command = [sys.executable, "-m", "tests.scripted_cli", script, "run"]
        path = os.pathsep.join([str(STORIES.parents[3]), *filter(None, [os.getenv("PYTHONPATH")])])
        process = subprocess.Popen(
            [*command, "-C", str(tmp_path / "work"), *arguments], text=True,
            encoding="utf-8", errors="surrogateescape", stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | own | {"PYTHONPATH": path} | env, cwd=tmp_path / "work",
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    """(script, arguments) -> status, output, errors."""

    def run(script, *arguments, **env):
        process = start(script, *arguments, **env)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return process.returncode, out, err

    return run


@pytest.mark.parametrize(
    ("status", "script", "arguments", "told"),
    [
        (0, "answer", ["hi"], "0 tools ran"),
        (0, "tool", ["--mode", "auto", "hi"], "1 tool ran"),
        (0, "one-of-two", ["--mode", "auto", "hi"], "2 tools ran (1 failed)"),
        (1, "dead", ["hi"], "failed: the engine's process ended"),
        (2, "answer", [], "nothing to ask"),
        (2, "answer", ["--budget", "-3", "hi"], "-3"),
        (1, "answer", ["--resume", "nobody", "hi"], 'no session "nobody"'),
        (3, "cut", ["hi"], "stopped: the message was cut"),
        (3, "circles", ["hi"], "stopped: the same call came 5 times"),
        (4, "all-failed", ["hi"], "2 tools ran (2 failed)"),
        (4, "bash-failed", ["--mode", "auto", "hi"], "1 tool ran (1 failed)"),
        (4, "refused", ["hi"], "0 tools ran, 1 denied"),
        (4, "write", ["--mode", "read-only", "hi"], "0 tools ran, 1 denied"),
        (4, "lie", ["hi"], "no tool changed anything"),
    ],
)
def test_the_status_follows_the_facts(run, status, script, arguments, told):
    code, _, err = run(script, *arguments)
    assert code == status, err
    assert told in err


BEGUN = json.dumps("begun\n")  # what the command printed, not what the model asked for


def until_told(process, words):
    """Read the process's output up to a line that holds the words."""
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"{words!r} never came: {process.stderr.read()}")


@pytest.mark.parametrize(("script", "event"), [("slow", "AnswerText"), ("command", BEGUN)])
def test_ctrl_c_ends_the_turn_as_a_turn(start, script, event):
    process = start(script, "--json", "--mode", "auto", "hi")
    until_told(process, event)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    last = json.loads(out.splitlines()[-1])
    assert (process.returncode, last["event"], last["outcome"]) == (130, "TurnEnded", "cancelled")
    assert time.monotonic() - began < 15 and "Traceback" not in err


def test_a_second_ctrl_c_ends_the_program(start):
    process = start("deaf", "--json", "--mode", "auto", "hi")
    until_told(process, BEGUN)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err


def test_a_reader_that_leaves_ends_the_program_quietly(start):
    process = start("slow", "--json", "hi")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 141
    assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("env", [{"LC_ALL": "C.UTF-8"}, {"PYTHONIOENCODING": "latin-1"}])
def test_no_word_of_a_model_breaks_the_output(run, tmp_path, env):
    odd = os.fsdecode(b"odd\xff\xe2\x80\xa8")  # no UTF-8, and a line separator
    (tmp_path / "work" / odd).write_text("x")
    code, out, _ = run("odd", "--json", odd, **env)
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and events[-1]["event"] == "TurnEnded"
    said = "".join(event["text"] for event in events if event["event"] == "AnswerText")
    assert said == "line\u2028separator é 漢 🦙" and events[0]["text"] == odd.strip()
    code, out, _ = run("odd", odd, **env)
    assert code == 0 and out.startswith("line")


def test_what_comes_through_a_pipe_need_not_be_text(start):
    process = start("answer", "--json", "what is it?", stdin=subprocess.PIPE)
    out, err = process.communicate("\udcff\udcfe\n", timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[0])["text"].startswith("what is it?\n\n\ufffd")


def test_a_session_that_another_process_writes_is_left_alone(start, run):
    writer = start("slow", "--json", "hi")
    until_told(writer, "AnswerText")
    code, out, err = run("answer", "--resume", "last", "and me?")
    assert (code, out) == (1, "")
    assert err.startswith("failed: ") and "is open in another process" in err
    writer.send_signal(signal.SIGINT)
    rest, _ = writer.communicate(timeout=30)
    assert json.loads(rest.splitlines()[-1])["outcome"] == "cancelled"
    assert run("answer", "--resume", "last", "and now?")[:2] == (0, "It is so.\n")


@pytest.mark.native
def test_the_real_engine_answers_and_is_cancelled_with_the_same_statuses(tmp_path):
    """No script: the bundled model, from the command line to the last line of the stream."""
    (tmp_path / "app.yaml").write_text("port: 7341\n")
    own = {f"XDG_{x}_HOME": str(tmp_path / x) for x in ("CONFIG", "DATA", "CACHE")}
    command = [sys.executable, "-m", "triagent", "run", "--json", "--threads", "1",
               "--mode", "auto", "-C", str(tmp_path), "What is the port in app.yaml?"]  # fmt: skip

    def started():
        return subprocess.Popen(
            command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=os.environ | own, cwd=STORIES.parents[3],
        )  # fmt: skip

    with started() as process:
        out, err = process.communicate(timeout=120)
        events = [json.loads(line) for line in out.splitlines()]
        assert process.returncode == 0, err
        assert "7341" in "".join(x["text"] for x in events if x["event"] == "AnswerText")
        assert events[-1]["n_tools"] > 0
    with started() as process:
        until_told(process, '"StepStarted"')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in err
        assert json.loads(out.splitlines()[-1])["outcome"] == "cancelled"
