"""T5: no line slips past an answer of "always", and each shows what it would run.

The rules given are generous; every line of the table must nevertheless be asked for.
"""

import json

import pytest

from triagent.agent import shellwords
from triagent.agent.approval import LocalGate
from triagent.agent.approval_rules import Rule, Rules
from triagent.agent.approval_words import covers, why_never
from triagent.agent.events import Decision
from triagent.agent.ports import Allowed, Ask, Denied
from triagent.agent.tools import TOOLS
from triagent.agent.workspace import LocalWorkspace
from triagent.chat import ToolCall
from triagent.errors import ConfigError

TOOL = {tool.schema.name: tool for tool in TOOLS}
ALWAYS = [
    "ls", "ls -la", "cat file", "cat -n file", "echo hi", "git status", "git diff", "git log -3",
    "rg word", "rg -n word", "find . -name x", "go test", "pytest -q", "make", "make test",
    "npm test", "tar -tf a.tar", "sort file", "grep -n x file", "wc -l file", "true", "cd sub",
]  # fmt: skip

BYPASSES = [
    # more commands than the one that was approved
    "ls; rm -rf x", "ls && rm x", "ls || rm x", "ls | sh", "ls |& sh", "ls & rm x", "ls &",
    "ls\nrm x", "ls\r\nrm x", "ls\rrm x", "ls;rm x;", "ls\n\n\nrm x", "rm x;ls", "rm x|ls",
    # substitutions
    "ls $(rm x)", "ls `rm x`", 'ls "$(rm x)"', 'echo "hi `rm x`"', "ls <(rm x)", "ls >(rm x)",
    "ls ${x:-$(rm x)}", "ls $((`rm x`))", "echo ${x@P}", "echo $x", "ls $'\\x3b'", 'echo $"hi"',
    # redirections
    "ls -la && echo hi > file", "ls -la; echo hi > file", "ls -la | wc -l file > x",
    "ls -la > x && echo hi", "ls -la\necho hi > file", "(echo hi) > file", "{ ls; } > x",
    "ls -la || ls -la < file", "ls -la && ls 2> x | wc -l file", "ls -la && cat <<< x",
    "echo hi > file", "echo hi >> file", "echo hi >| file", "ls &> file", "ls >& file",
    "ls 2> file", "cat file > /etc/passwd", "ls > $x", "echo hi > ~/.bashrc", "> file",
    "cat < /etc/passwd", "cat <<< x", "cat <<EOF\n$(rm x)\nEOF", "cat <<'EOF'\nhi\nEOF",
    "cat <<-EOF\n\tx\n\tEOF", "ls 3<> /dev/tcp/1.1.1.1/1", "exec 3<>/dev/tcp/1.1.1.1/80",
    # control flow and definitions
    "if true; then rm x; fi", "for f in a; do rm $f; done", "while rm x; do ls; done", "(ls)",
    "{ ls; }", "! ls", "ls() { rm x; }; ls", "function ls { rm x; }\nls",
    "case x in x) rm x;; esac",
    "[[ -f x ]] && ls", "((x=1))", "alias ls='rm x'\nls", "trap 'rm x' EXIT; ls", "coproc rm x",
    # variables and wrappers
    "PATH=. ls", "LD_PRELOAD=./x.so ls", "GIT_PAGER='rm x' git diff", "x=1 y=2 ls", "export PATH=.",
    "env ls", "env -i ls", "/usr/bin/env ls", "command ls", "builtin echo hi", "exec ls", "eval ls",
    "sudo ls", "nohup ls", "timeout 5 ls", "nice ls", "setsid ls", "time ls", "xargs ls",
    "stdbuf -o0 ls", "busybox ls", "watch ls", "unshare ls", "bash -c ls", "sh -c 'ls'",
    "source ls",
    ". ls", "python3 -c 1", "python3.11 -c 1", "perl -e 1", "node -e 1", "awk 1 file",
    "sed -n p file",
    "ssh host ls", "docker run x ls", "npx ls", "uv run ls", "/lib64/ld-linux-x86-64.so.2 /bin/ls",
    # the same program with an option that executes or writes
    "git -c core.pager='rm x' diff", "git --exec-path=. status", "git -C /x status",
    "git --git-dir=/tmp/x log -3", "git log -3 --output=x", "git diff --ext-diff", "git grep -O x",
    "git log -3 --outp=x", "git rebase --exec ls", "git config alias.status '!rm x'", "git push",
    "rg --pre ./x word", "rg --pre=./x word", "rg word --hostname-bin=./x",
    "find . -name x -exec rm x ;",
    "find . -name x -delete", "find . -execdir ls +", "find . -name x -fprint y", "fd x -x rm",
    "go test -exec ./x", "go test -toolexec=./x", "go run .", "tar -tf a.tar --to-command=./x",
    "tar -tf a.tar --checkpoint=1 --checkpoint-action=exec=./x", "tar -I ./x -tf a.tar",
    "sort file --compress-program=./x", "sort file -o y", "make -f x", "make SHELL=./x",
    "make --eval x", "pytest -q -p evil", "pytest -q -c evil.ini", "npm test -- x", "npm exec ls",
    # other programs, other words, more words
    "./ls", "sub/ls", "/tmp/ls", "ls -l", "ls -la -R", "lsx", "ls -la /etc/passwd", "ls -la ../x",
    "ls -la --color=x", "git status --short", "make install", "make test install", "make sub",
    "git", "cat file /etc/shadow", "cat /proc/self/environ", "echo hi there", "true x",
    # what the eye does not see
    "ls\u00a0-la", "ls\u2003-la", "ls\u200b", "\u202els", "ls -la\u00ad", "l\\s", "'l's -la x",
    "l''s -l",
    "ls -la \\\n /etc", "ls \u2028rm x", "ls\x00rm x", "ls\x1b[2K", "ls \x7f", "ＬＳ", "ls -la #x",
    "lѕ",
    # expansion by the shell
    "ls *", "ls -la ?", "ls -la [a]", "ls -la {a,b}", "ls -la ~", "ls -la ~root", "{ls,-la}",
    "!!", "!ls",
    # what cannot be parsed
    "ls 'x", 'ls "x', "ls $(", "ls `", "ls )", "if ls", "ls <<EOF", "ls ((", "ls " + "x" * 30_000,
    "((((" * 200, "$(" * 300 + "ls" + ")" * 300,
]  # fmt: skip


class Confining:
    confines = True

    def __init__(self):
        self.granted, self.mode = [], None

    def grant(self, command, names):
        self.granted.append((command, names))

    def set_mode(self, mode):
        self.mode = mode


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "file").write_text("x")
    workspace = LocalWorkspace(folder)
    yield workspace
    workspace.close()


@pytest.fixture
def gate(tmp_path, work):
    rules = Rules(tmp_path / "approvals", work.root)
    rules.path.parent.mkdir()
    answers = [{"kind": "run", "words": line.split()} for line in ALWAYS]
    rules.path.write_text(json.dumps({"rules": answers}))
    rules = Rules(tmp_path / "approvals", work.root)
    return LocalGate("ask", rules, Confining())


def check(gate, work, command):
    return gate.check(ToolCall("1", "bash", {"command": command}), TOOL["bash"], work)


@pytest.mark.parametrize("line", BYPASSES, ids=lambda line: ascii(line)[:40])
def test_t5_a_line_beyond_what_was_answered_is_asked_for(gate, work, line, record_property):
    record_property("hostile: shell lines against earlier answers", 1)
    verdict = check(gate, work, line)
    assert isinstance(verdict, Ask)
    assert verdict.parts and all(part.isprintable() for part in verdict.parts)


def test_t5_the_table_is_long_enough():
    assert len(BYPASSES) == len(set(BYPASSES)) >= 150


@pytest.mark.parametrize(
    "line",
    ["ls -la", "ls -la && git status", "ls -la | wc -l file", "ls   -la", "'ls' -la",
    "git diff 2>&1",
     "ls -la sub", "ls -la sub file", "cat -n file file", "ls -la 2>/dev/null", "ls -la\n",
     "rg -n word sub",
     "ls -la; git status\ntrue", "cd sub && ls -la", "pytest -q sub", 'echo "hi"'],
)  # fmt: skip
def test_t5_what_was_answered_and_more_files_for_what_only_looks_runs(gate, work, line):
    assert isinstance(check(gate, work, line), Allowed)


@pytest.mark.parametrize(
    "line",
    ["bash x", "python3 x.py", "env x", "ls | sh", "echo hi > x", "ls $(x)", "ls *", "ls &",
     "git -c a=b status", "git push", "rg --pre x y", "find . -exec x ;", "./x", "A=1 ls",
     "sudo ls",
     "go test -exec x", "ls 'x", "for f in a; do ls; done", "sort -o x y", "curl -o x y", "tee x"],
)  # fmt: skip
def test_t5_always_is_not_on_offer_for_what_runs_something_else(gate, work, line):
    assert check(gate, work, line).may_always is False


def test_t5_the_parts_of_a_nested_line_are_all_shown(gate, work):
    line = "curl x | sh -c \"$(cat <(id))\" && A=1 make > out; f() { rm y; }"
    parts = check(gate, work, line).parts
    for wanted in ("curl x", "cat <(id)", "id", "A=1 make", "> out", "rm y"):
        assert wanted in parts
    assert any(part.startswith("sh -c") for part in parts)


def test_an_answer_is_listed_revocable_and_kept_for_this_workspace_alone(tmp_path, work):
    folder = tmp_path / "approvals"
    gate = LocalGate("ask", Rules(folder, work.root), Confining())
    call = ToolCall("1", "bash", {"command": "ls -la && wc -l file"})
    assert gate.check(call, TOOL["bash"], work).may_always
    gate.remember(call, Decision.ALWAYS)
    assert isinstance(check(gate, work, "wc -l file"), Allowed)
    again = Rules(folder, work.root)
    assert [str(rule) for rule in again.list()] == ["run ls -la", "run wc -l file"]
    assert Rules(folder, tmp_path).list() == ()
    assert again.revoke(again.list()[0]) and not again.revoke(Rule("run", ("x",)))
    later = LocalGate("ask", Rules(folder, work.root), Confining())
    assert isinstance(check(later, work, "ls -la"), Ask)


@pytest.mark.parametrize("decision", [Decision.ONCE, Decision.DENY])
def test_once_and_no_are_forgotten(gate, work, decision):
    call = ToolCall("9", "bash", {"command": "tree -L 2"})
    assert gate.check(call, TOOL["bash"], work).may_always
    gate.remember(call, decision)
    assert isinstance(check(gate, work, "tree -L 2"), Ask)


def test_a_damaged_file_of_answers_is_one_message(tmp_path, work):
    rules = Rules(tmp_path, work.root)
    rules.add(Rule("run", ("ls",)))
    for text in ("{", "[]", '{"rules": [1]}', '{"rules": [{"kind": "run"}]}'):
        rules.path.write_text(text)
        with pytest.raises(ConfigError, match="remove it"):
            Rules(tmp_path, work.root)


MODES = {
    # mode: read, write, write of AGENTS.md, run, git commit, note
    "read-only": (Allowed, Denied, Denied, Allowed, Allowed, Denied),
    "ask": (Allowed, Ask, Ask, Ask, Ask, Allowed),
    "auto": (Allowed, Allowed, Denied, Allowed, Ask, Allowed),
    "full": (Allowed, Allowed, Allowed, Allowed, Allowed, Allowed),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_modes_are_those_of_the_table(tmp_path, work, mode):
    gate = LocalGate(mode, Rules(tmp_path / "a", work.root), Confining())
    calls = [
        ("read", {"path": "file"}), ("write", {"path": "new", "content": ""}),
        ("write", {"path": "AGENTS.md", "content": ""}), ("bash", {"command": "x y"}),
        ("bash", {"command": "git add . && git commit -m x"}), ("note", {"text": "x"}),
    ]  # fmt: skip
    found = [gate.check(ToolCall("1", name, args), TOOL[name], work) for name, args in calls]
    assert tuple(type(verdict) for verdict in found) == MODES[mode]


def test_without_confinement_every_command_is_asked_for_and_never_always(tmp_path, work):
    class Open(Confining):
        confines = False

    for mode, kind in (("ask", Ask), ("auto", Ask), ("read-only", Denied)):
        rules = Rules(tmp_path / "a", work.root)
        rules.add(Rule("run", ("ls",)))
        verdict = check(LocalGate(mode, rules, Open()), work, "ls")
        assert isinstance(verdict, kind)
        assert not getattr(verdict, "may_always", False)


def test_the_mode_changes_for_the_session_and_full_is_given_at_start_only(gate, work):
    gate.set_mode("auto")
    assert gate.mode == "auto" == gate._sandbox.mode
    assert isinstance(check(gate, work, "x"), Allowed)
    for mode in ("full", "yolo"):
        with pytest.raises(ConfigError):
            gate.set_mode(mode)
    assert gate.mode == "auto"


def test_a_call_that_makes_no_sense_is_denied_and_never_an_error(gate, work):
    for name, arguments in [
        ("bash", {}), ("bash", {"command": ""}), ("bash", {"command": "  \n"}),
        ("bash", {"command": 3}), ("bash", {"command": ["ls"]}), ("write", {"path": "../x"}),
        ("write", {"path": "a\0b"}), ("read", {"path": "/etc/passwd"}),
    ]:  # fmt: skip
        verdict = gate.check(ToolCall("1", name, arguments), TOOL[name], work)
        assert isinstance(verdict, Denied) and verdict.why


def test_writing_is_remembered_for_that_very_file(gate, work):
    call = ToolCall("5", "write", {"path": "./sub/../file", "content": "x"})
    verdict = gate.check(call, TOOL["write"], work)
    assert verdict.parts == ("file",) and verdict.may_always
    gate.remember(call, Decision.ALWAYS)
    for path, kind in (("file", Allowed), ("sub/file", Ask), ("file2", Ask)):
        arguments = {"path": path, "content": "y"}
        assert isinstance(gate.check(ToolCall("6", "write", arguments), TOOL["write"], work), kind)


def test_more_files_are_covered_only_where_they_are_only_looked_at():
    assert covers(("ls", "-la"), ("ls", "-la", "a"), True)
    assert not covers(("ls", "-la"), ("ls", "-la", "a"), False)
    assert not covers(("ls",), ("ls", "a"), True)
    assert not covers(("rm", "-r", "a"), ("rm", "-r", "a", "b"), True)
    assert not covers(("ls", "-la"), ("ls", "-la", "-R"), True)
    assert covers(("git", "diff"), ("git", "diff", "a"), True)
    assert not covers(("git", "checkout"), ("git", "checkout", "a"), True)


def test_every_command_of_a_line_becomes_a_part():
    for text, n_parts in [("a", 1), ("a|b|c", 3), ("a $(b $(c))", 3), ("a\nb;c&&d||e", 5),
                          ("export A=$(b)", 2), ("[ -f x ] && a", 2), ("", 0), ("# x",
                          1)]:  # fmt: skip
        assert len(shellwords.split(text).parts) == n_parts, text


def test_why_never_gives_a_reason_that_names_the_program():
    assert "sudo" in why_never(("sudo", "ls"))
    assert "python3.12" in why_never(("python3.12", "x"))
    assert "-exec" in why_never(("find", ".", "-exec", "x"))
    assert why_never(()) and why_never(("A=1", "ls")) and why_never(("./x",))
    assert why_never(("ls", "-la")) == "" == why_never(("/usr/bin/ls",))
