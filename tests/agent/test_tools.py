from __future__ import annotations

import json
import threading
import time

import pytest

from tests.agent import prompt_pieces
from tests.fakes import FolderWorkspace, KeptUndo, PlainSandbox
from triagent.agent.tools import TOOLS, Outputs, ToolContext, bash, edit, glob, grep, read
from triagent.agent.tools import text as words
from triagent.agent.tools.tool import misfit
from triagent.errors import ToolError

BY_NAME = {tool.schema.name: tool for tool in TOOLS}


@pytest.fixture
def work(tmp_path):
    root = tmp_path / "work"
    (root / "src").mkdir(parents=True)
    (root / "src/app.py").write_text("def main():\n    port = 8080\n    return port\n")
    (root / "README.md").write_text("# Demo\n")
    (root / ".gitignore").write_text("build/\n*.log\n")
    (root / "build").mkdir()
    (root / "build/out.log").write_text("port\n")
    return root


@pytest.fixture
def use(work, tmp_path):
    place = FolderWorkspace(work)
    context = ToolContext(
        workspace=place,
        sandbox=PlainSandbox(work),
        undo=KeptUndo(place),
        outputs=Outputs(tmp_path / "out"),
        recall=lambda query: f"recalled {query}",
        note=lambda text: None,
        output_chars=600,
        command_seconds=5,
    )

    def call(name, **arguments):
        assert misfit(BY_NAME[name].schema, arguments) == ""
        return BY_NAME[name].run(arguments, context).text

    call.context = context
    yield call
    context.sandbox.close()


# ---------------------------------------------------------------- read


def test_read_gives_lines_as_they_are(use):
    assert use("read", path="src/app.py") == "def main():\n    port = 8080\n    return port"


def test_read_of_a_part_says_what_is_left(use):
    part = use("read", path="src/app.py", limit=1)
    assert part == "def main():\n[lines 1-1 of 3; next: offset=2]"
    assert use("read", path="src/app.py", offset=3) == "    return port\n[lines 3-3 of 3]"


def test_read_of_a_long_file_stops_within_its_bound_and_can_go_on(work, use):
    (work / "long.txt").write_text("".join(f"line {i}\n" for i in range(500)))
    first = use("read", path="long.txt")
    assert len(first) < 700 and first.splitlines()[-1].startswith("[lines 1-")
    offset = int(first.rsplit("offset=", 1)[1].rstrip("]"))
    assert use("read", path="long.txt", offset=offset).startswith(f"line {offset - 1}\n")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("app.py", 'no file "app.py"; nearest: src/app.py'),
        ("src", '"src" is a folder; glob "*" with path "src" lists it'),
        ("../x", '"../x" is outside the workspace'),
        ("blob", '"blob" is not text (3 bytes)'),
        ("@out/9", 'no file "@out/9"'),
    ],
)
def test_read_explains_what_it_cannot_read(work, use, path, message):
    (work / "blob").write_bytes(b"\x00\x01\x02")
    with pytest.raises(ToolError) as caught:
        use("read", path=path)
    assert str(caught.value) == message


def test_what_hides_in_a_file_does_not_reach_the_model():
    assert read.render("a\x1b]0;evil\x07b\u202ec\u200b\r\nd\n") == "abc\nd"


def test_an_empty_file_says_so():
    assert read.render("") == "[empty file]"


# ---------------------------------------------------------------- write, edit


def test_write_says_whether_it_was_there(work, use):
    assert use("write", path="n/x.txt", content="a\nb\n") == "created n/x.txt (2 lines)"
    assert use("write", path="n/x.txt", content="a\n") == "wrote n/x.txt (1 line)"


def test_edit_replaces_exactly(work, use):
    assert use("edit", path="src/app.py", old="8080", new="9090") == "edited src/app.py (1 place)"
    assert "port = 9090" in (work / "src/app.py").read_text()


def test_edit_adapts_whitespace_and_keeps_the_file_s_indentation():
    text = "class A:\n        def f(self):\n            return  1\n"
    new, n, adapted = edit.apply(
        text, "def f(self):\n    return 1", "def f(self):\n    x = 2\n    return x"
    )
    assert adapted and n == 1
    assert new == "class A:\n        def f(self):\n            x = 2\n            return x\n"


def test_edit_keeps_windows_line_ends():
    assert edit.apply("a\r\nb\r\nc\r\n", "a\nb", "x\ny")[0] == "x\r\ny\r\nc\r\n"


def test_an_edit_that_misses_shows_the_closest_lines():
    text = "def total(items):\n    return sum(items)\n"
    with pytest.raises(ToolError) as caught:
        edit.apply(text, "def totals(item):\n    return 0", "x", path="a.py")
    assert str(caught.value) == (
        "old text not found in a.py; closest:\n1: def total(items):\n2:     return sum(items)"
    )


def test_an_edit_that_fits_in_several_places_asks_for_more():
    with pytest.raises(ToolError, match=r"3 times \(lines 1, 2, 4\)"):
        edit.apply("a\na\nb\na\n", "a", "x")
    assert edit.apply("a\na\nb\na\n", "a", "x", all=True) == ("x\nx\nb\nx\n", 3, False)


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("a", "a")])
def test_an_edit_that_says_nothing_is_refused(old, new):
    with pytest.raises(ToolError):
        edit.apply("a", old, new)


def test_proposals_show_the_diff(use):
    tool = BY_NAME["edit"]
    proposal = tool.propose({"path": "src/app.py", "old": "8080", "new": "9"}, use.context)
    assert proposal.summary == "edit src/app.py (+1 -1)"
    assert "-    port = 8080\n+    port = 9" in proposal.diff
    created = BY_NAME["write"].propose({"path": "b", "content": "x\n"}, use.context)
    assert created.summary == "write b (+1 -0)"


# ---------------------------------------------------------------- bash, process


def test_bash_ends_with_the_exit_status(use):
    assert use("bash", command="echo hi; exit 3") == "hi\n[exit 3]"
    assert use("bash", command="true") == "[exit 0]"


def test_bash_is_stopped_at_its_time_limit(use):
    assert use("bash", command="echo a; sleep 9", timeout_s=1) == "a\n[timed out after 1 s]"


def test_long_output_is_head_and_tail_and_the_whole_can_be_read(use):
    text = use("bash", command="seq 1 2000")
    assert len(text) < 750 and text.startswith("1\n2\n") and text.endswith("2000\n[exit 0]")
    assert "whole output: @out/1]" in text
    assert use("read", path="@out/1", offset=1000, limit=1).startswith("1000\n[lines 1000-1000")
    assert use("grep", pattern="^1999$", path="@out/1") == "@out/1:1999: 1999"


def test_a_background_command_is_polled_and_stopped(use):
    assert use("bash", command="echo up; sleep 30", background=True) == "[started p1]"
    for _ in range(200):
        if (text := use("process", id="p1", action="poll")) != "[p1 running]":
            break
        time.sleep(0.01)
    assert text == "up\n[p1 running]"
    assert use("process", id="p1", action="poll") == "[p1 running]"
    assert use("process", id="p1", action="stop") == "[p1 stopped]"
    with pytest.raises(ToolError, match=r'no process "p2" \(p1\)'):
        use("process", id="p2", action="poll")


def test_rendered_results_need_no_machine():
    assert bash.render("out\n", 0) == "out\n[exit 0]"
    assert bash.render("", None, killed=True) == "[stopped by the user]"


# ---------------------------------------------------------------- grep, glob


def test_grep_shows_file_line_and_text(use):
    assert use("grep", pattern="PORT".lower()) == (
        "src/app.py:2: port = 8080\nsrc/app.py:3: return port"
    )
    assert use("grep", pattern="Demo", path="README.md") == "README.md:1: # Demo"
    assert use("grep", pattern="nothing") == 'no matches for "nothing" in 3 files'


def test_grep_searches_again_in_any_case_and_says_so(work, use):
    (work / "names.txt").write_text("Port of call\n")
    assert use("grep", pattern="Port") == "names.txt:1: Port of call"
    assert use("grep", pattern="PORT", path="src") == (
        "no match with these capitals; in any case:\n"
        "src/app.py:2: port = 8080\nsrc/app.py:3: return port"
    )
    assert use("grep", pattern="Harbour") == 'no matches for "Harbour" in 4 files, in any case'
    assert use("grep", pattern="Demo (", path="README.md").endswith("in 1 file, in any case")
    assert use("grep", pattern=r"P\w+\s=\s\d+", path="src/app.py").endswith("port = 8080")


def test_grep_bounds_the_second_search_as_the_first(use, monkeypatch):
    n_searched = []
    monkeypatch.setattr(grep, "MAX_SECONDS", 0.0)
    texts = lambda: n_searched.append(1) or [("a", "port\n" * 250)]  # noqa: E731
    with pytest.raises(ToolError, match="took too long"):
        grep.answer(texts, "PORT")
    monkeypatch.setattr(grep, "MAX_SECONDS", 20.0)
    n_searched.clear()
    shown = grep.answer(texts, "PORT").splitlines()
    assert (len(n_searched), len(shown)) == (2, 102)
    assert shown[-1] == "[100 of 250 matches]"
    assert grep.answer(texts, r"\S+") and len(n_searched) == 3  # `\S` is no capital letter


def test_grep_takes_what_is_no_expression_as_text(work, use):
    (work / "b.c").write_text("call(a\n")
    assert use("grep", pattern="call(a") == "b.c:1: call(a"


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "((a+))+$", "(a*b?)*$", "(a{1,9})*$", r"(\w+\s?)+:"]
)
def test_grep_is_not_trapped_by_an_endless_expression(work, use, pattern, monkeypatch):
    monkeypatch.setattr(grep, "MAX_SECONDS", 0.5)
    (work / "a.txt").write_text("a" * 60 + "!\n")
    began = time.monotonic()
    with pytest.raises(ToolError, match="took too long"):
        use("grep", pattern=pattern)
    assert time.monotonic() - began < 8


def test_grep_is_stopped_in_an_endless_expression(work):
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    began = time.monotonic()
    grep.search([("a.txt", "a" * 60 + "!")], "(a+)+$", cancel)
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("pattern", [r"\w+ = \d+", r"(por|hos)t+ =", "^p.*8.*0$", "port"])
def test_grep_finds_the_same_in_a_process_of_its_own(pattern):
    text = "import x\nport = 8080\n host = a\nport = 80\n"
    texts = text.splitlines()
    expression = grep.expression_of(pattern)
    here = [n for n, line in enumerate(texts) if expression.search(line)]
    (apart,) = grep._match_apart(expression, [texts], time.monotonic() + 20, None)
    assert apart == here
    shown, n, _ = grep.search([("a", text)], pattern)
    assert n == len(shown) == len(here) > 0


def test_grep_bounds_what_it_shows():
    shown, n, _ = grep.search([("a", "x\n" * 250)], "x")
    assert grep.render("x", shown, n, 1).endswith("[100 of 250 matches]")


def test_glob_lists_a_folder_and_finds_names_at_any_depth(use):
    assert use("glob", pattern="*") == ".gitignore\nREADME.md\nbuild/\nsrc/"
    assert use("glob", pattern="*", path="src") == "src/app.py"
    assert use("glob", pattern="*.py") == "src/app.py"
    assert use("glob", pattern="src/**") == "src/app.py"
    assert use("glob", pattern="src") == "src/"
    assert use("glob", pattern="*.log") == 'no files match "*.log"'
    assert use("glob", pattern="reedme.md") == 'no files match "reedme.md"; nearest: README.md'


def test_glob_of_a_missing_folder_names_the_nearest(use):
    with pytest.raises(ToolError) as caught:
        use("glob", pattern="*", path="scr")
    assert str(caught.value) == 'no folder "scr"; nearest: src/'


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.py", ["a.py", "s/b.py", "s/t/c.py"]),
        ("s/*", ["s/b.py", "s/t/"]),
        ("*.{py,md}", ["a.py", "d.md", "s/b.py", "s/t/c.py"]),
        ("[ab].py", ["a.py", "s/b.py"]),
        ("[!a].py", ["s/b.py", "s/t/c.py"]),
        ("?.md", ["d.md"]),
        ("./a.py", ["a.py"]),
    ],
)
def test_patterns(pattern, found):
    names = ["a.py", "d.md", "s/", "s/b.py", "s/t/", "s/t/c.py"]
    assert glob.match(names, pattern) == found


# ---------------------------------------------------------------- all of them


def test_prompt_and_schemas_are_at_most_2000_tokens_of_qwen():
    """The pieces are those of Qwen's own vocabulary; another prompt has to be cut anew."""
    cut = json.loads(prompt_pieces.GOLDEN.read_text())
    again = "the prompt changed: run tests/agent/prompt_pieces.py"
    assert "".join(cut) == prompt_pieces.opening(), again
    assert 500 < len(cut) <= 2000


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("read", {}, "read needs path"),
        ("read", {"path": 3}, "path must be of type string"),
        ("read", {"path": "a", "offset": True}, "offset must be of type integer"),
        ("read", {"path": "a", "limit": None}, ""),
        ("note", {"text": "a", "to": 1}, 'note has no argument "to"; it takes text'),
        ("process", {"id": "p1", "action": "kill"}, "action must be one of poll, stop"),
    ],
)  # fmt: skip
def test_arguments_are_checked_against_the_schema(name, arguments, problem):
    assert misfit(BY_NAME[name].schema, arguments) == problem


def test_names_in_errors_are_the_nearest():
    names = ["src/config.py", "tests/test_config.py", "docs/setup.md", "config.yaml"]
    assert words.nearest("confg.py", names)[0] == "src/config.py"
    assert words.nearest("conf/config.yaml", names)[0] == "config.yaml"
    assert words.nearest("zzz", names) == []
