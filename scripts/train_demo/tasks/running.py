"""Commands and their output, repeated word for word; tests, git, background processes."""

from __future__ import annotations

# ruff: noqa: E501  a sentence is easier to read in one piece
from ..session import Session
from ..values import FIRST_NAMES
from .common import Check, block, done, located, name_file
from .tables import quoted_path

_LONG = 26
"""Most lines of output that an answer repeats."""


def _report(s: Session, command: str, output: str, code: int) -> Check:
    lines = output.split("\n") if output else []
    if not lines:
        s.say(f"`{command}` finished with exit code {code} and no output.")
        return done(s, f"exit code {code}")
    if len(lines) > _LONG:
        s.say(
            f"`{command}` finished with exit code {code}. The last lines:\n{block(chr(10).join(lines[-10:]))}"
        )
    else:
        s.say(f"`{command}` finished with exit code {code}:\n{block(output)}")
    return done(
        s, f"exit code {code}", *[line.strip()[:50] for line in lines[-10:] if line.strip()]
    )


def _run(s: Session, command: str, output: str, code: int) -> Check:
    s.bench.outputs[command] = (output, code)
    s.call("bash", command=command)
    return _report(s, command, output, code)


def run(s: Session) -> Check | None:
    """Any command."""
    command, output, code = _command(s)
    if (
        "`" in output
        or command in s.bench.outputs
        or output != output.strip("\n")
        or output.endswith(" ")
    ):
        return None
    s.ask("run", cmd=s.r.choice([command, command, f"`{command}`"]))
    return _run(s, command, output, code)


def _command(s: Session) -> tuple[str, str, int]:
    r, x = s.r, s.x
    script = r.choice([p for p in s.files if p.endswith((".py", ".sh"))] or ["main.py"])
    makers = (
        (5, lambda: _tests(s)), (4, lambda: _status(s)), (3, lambda: _ls(s)), (2, lambda: _df(s)), (2, lambda: _git_log(s)),
        (2, lambda: (f"python3 {quoted_path(script)}" if script.endswith(".py") else f"bash {quoted_path(script)}", *_free(s))),
        (1, lambda: ("python3 --version", f"Python 3.{r.randint(7, 14)}.{r.randint(0, 20)}", 0)), (1, lambda: ("uname -s", r.choice(["Linux", "Darwin"]), 0)),
        (1, lambda: ("whoami", r.choice([*FIRST_NAMES]).lower(), 0)), (1, lambda: ("hostname", x.ident(r), 0)), (1, lambda: ("date", f"{r.choice(['Mon', 'Tue', 'Wed', 'Thu', 'Fri'])} {r.choice(['Jan', 'Mar', 'Jul', 'Nov'])} {r.randint(1, 28)} {x.clock(r)}:{r.randint(10, 59)} UTC {r.randint(2020, 2027)}", 0)),
        (2, lambda: (f"make {x.word(r)}", *_free(s))), (2, lambda: (r.choice(["npm test", "npm run build", "cargo build", "go test ./...", "make", "make test", "make build", "ruff check .", "mypy src", "npm install", "docker ps", "cargo test", "tox"]), *_free(s))),
        (2, lambda: (x.word(r), "sh: 1: {c}: not found", 127)), (2, lambda: (f"echo {(w := x.words_of(r, 1, 4))}", w, 0)), (1, lambda: (f"{x.word(r)} --version", f"{x.word(r)} {x.version(r)}", 0)),
        (1, lambda: (f"git {r.choice(['diff --stat', 'stash list', 'remote -v', 'tag', 'show --stat', 'pull', 'fetch'])}", *_free(s))), (1, lambda: (f"ls {x.word(r)}", "ls: cannot access '{a}': No such file or directory", 2)),
        (1, lambda: ("env", "\n".join(f"{x.word(r).upper()}={x.value(r)}" for _ in range(r.randint(2, 6))), 0)), (1, lambda: ("ps", "\n".join(["    PID TTY          TIME CMD", *(f"{r.randint(1, 99999):7} pts/0    00:00:{r.randint(0, 59):02} {x.word(r)}" for _ in range(r.randint(2, 4)))]), 0)),
        (2, lambda: (f"{x.word(r)} {x.word(r)} --{x.word(r)} {x.value(r)}", *_free(s))), (1, lambda: (f"sleep {r.randint(1, 5)}", "", 0)), (1, lambda: ("true", "", 0)), (1, lambda: ("false", "", 1)), (1, lambda: (f"seq {r.randint(2, 5)}", "", 0)),
        (1, lambda: (f"sort {quoted_path(script)}", *_free(s))), (1, lambda: (f"du -sh {r.choice(list(s.bench.place.tree()))}", "", 0)),
    )  # fmt: skip
    command, output, code = r.choices([m for _, m in makers], [w for w, _ in makers])[0]()
    if command.startswith("seq "):
        output = "\n".join(str(i) for i in range(1, int(command[4:]) + 1))
    if command.startswith("du "):
        output = f"{r.randint(1, 900)}{r.choice('KMG')}\t{command[7:]}"
    return command, output.replace("{c}", command).replace("{a}", command[3:]), code


def _free(s: Session) -> tuple[str, int]:
    """Some output."""
    r, x = s.r, s.x
    code = r.choice([0, 0, 0, 1, 2])
    n = r.choice([0, 1, 1, 2, 3, 4, 6, 9, 14])
    line = lambda: r.choice((  # noqa: E731
        x.words_of(r, 1, 6), f"{x.word(r)}: {x.value(r)}", f"{x.path(r)}:{r.randint(1, 400)}: {x.words_of(r, 2, 5)}", f"[{r.randint(1, 9)}/{r.randint(9, 20)}] {x.words_of(r, 1, 3)}",
        f"{r.choice(['error', 'warning', 'note', 'INFO', 'ok', 'FAIL', 'done'])}: {x.words_of(r, 2, 5)}", x.value(r), f"Compiling {x.word(r)} v{x.version(r)}", f"{x.word(r)}\t{r.randint(0, 999)}", f"  {x.word(r)} = {x.value(r)}", f"Successfully installed {x.word(r)}-{x.version(r)}",
    ))  # fmt: skip
    return "\n".join(line() for _ in range(n)).strip(), code


def _tests(s: Session) -> tuple[str, str, int]:
    r, x = s.r, s.x
    command = r.choice(
        [
            "pytest -q",
            "pytest -q",
            "python -m pytest -q",
            "pytest",
            "python3 -m pytest",
            f"pytest tests/test_{x.word(r)}.py",
        ]
    )
    n_ok, n_bad, seconds = (
        r.randint(1, 200),
        r.choice([0, 0, 1, 2, 3]),
        f"{r.randint(0, 30)}.{r.randint(0, 99):02}s",
    )
    lines = (
        [
            "." * min(n_ok, 60)
            + "F" * n_bad
            + f" [{r.choice(['100%', ' 98%'])}]".replace(" 98%", "100%")
        ]
        if r.random() < 0.8
        else []
    )
    for _ in range(n_bad):
        lines.append(
            f"FAILED tests/test_{x.word(r)}.py::test_{x.snake(r)} - {r.choice(['AssertionError', 'ValueError: ' + x.words_of(r, 1, 3), 'KeyError', f'assert {r.randint(0, 9)} == {r.randint(10, 99)}'])}"
        )
    counts = f"{n_bad} failed, {n_ok} passed" if n_bad else f"{n_ok} passed"
    if r.random() < 0.2:
        counts += f", {r.randint(1, 9)} {r.choice(['skipped', 'warnings', 'xfailed'])}"
    lines.append(f"{counts} in {seconds}")
    return command, "\n".join(lines), 1 if n_bad else 0


def _status(s: Session) -> tuple[str, str, int]:
    r = s.r
    if r.random() < 0.12:
        return (
            r.choice(["git status --short", "git status"]),
            "fatal: not a git repository (or any of the parent directories): .git",
            128,
        )
    paths = r.sample(list(s.files), min(len(s.files), r.choice([0, 1, 2, 3, 5])))
    lines = [f"{r.choice(['M ', ' M', '??', 'A ', ' D'])} {path}" for path in sorted(paths)]
    output = "\n".join(lines)
    if output.startswith(" "):  # the tool strips nothing, but answers begin at the margin
        lines.sort(key=lambda line: line.startswith(" "))
        lines[0] = "M " + lines[0][2:]
        output = "\n".join(lines)
    return "git status --short", output, 0


def _ls(s: Session) -> tuple[str, str, int]:
    r = s.r
    entries = s.bench.place.list(".")
    if r.random() < 0.5:
        return "ls", "\n".join(e.name for e in entries), 0
    lines = [f"total {r.randint(4, 99)}"]
    for e in entries[:10]:
        lines.append(
            f"{'d' if e.is_dir else '-'}rw-r--r-- {r.randint(1, 4)} user user {r.randint(10, 9999):5} {r.choice(['Jan', 'May', 'Oct'])} {r.randint(1, 28):2} {s.x.clock(r)} {e.name}"
        )
    return r.choice(["ls -la", "ls -l"]), "\n".join(lines), 0


def _df(s: Session) -> tuple[str, str, int]:
    r = s.r
    size = r.randint(20, 900)
    used = r.randint(1, size)
    return (
        r.choice(["df -h .", "df -h"]),
        f"Filesystem      Size  Used Avail Use% Mounted on\n/dev/{r.choice(['sda1', 'vda1', 'nvme0n1p2', 'root'])}       {size}G  {used}G  {size - used}G  {100 * used // size}% /",
        0,
    )


def _git_log(s: Session) -> tuple[str, str, int]:
    r, n = s.r, s.r.choice([3, 5, 5, 10])
    lines = [f"{s.x.hex(r, 7)} {s.x.words_of(r, 2, 6)}" for _ in range(min(n, r.randint(1, 6)))]
    return f"git log --oneline -n {n}", "\n".join(lines), 0


def run_file(s: Session) -> Check | None:
    """A script by its path."""
    file = s.pick(lambda f: f.path.endswith((".py", ".sh")))
    if not file:
        return None
    named = name_file(s, file)
    s.ask("run_python", path=named.text)
    if not located(s, named):
        return None
    output, code = _free(s)
    if "`" in output:
        return None
    return _run(
        s,
        f"{'python3' if file.path.endswith('.py') else 'bash'} {quoted_path(file.path)}",
        output,
        code,
    )


_WORDS = (
    ("tests", lambda s: ("pytest -q", *_tests(s)[1:])),
    ("git_status", lambda s: ("git status --short", *_status(s)[1:])),
    ("git_log", lambda s: ("git log --oneline -n 5", "\n".join(_git_log(s)[1].split("\n")[:5]), 0)),
    (
        "git_branch",
        lambda s: (
            "git branch --show-current",
            s.r.choice(["main", "master", "develop", s.x.ident(s.r), f"feature/{s.x.word(s.r)}"]),
            0,
        ),
    ),
    ("disk", lambda s: ("df -h .", *_df(s)[1:])),
    ("whereami", lambda s: ("pwd", f"/home/{s.x.word(s.r)}/{s.x.word(s.r)}", 0)),
)


def by_words(s: Session) -> Check | None:
    """A command that the user asks for in words."""
    kind, make = s.r.choice(_WORDS)
    s.ask(kind)
    command, output, code = make(s)
    return _run(s, command, output, code)


def measure(s: Session) -> Check | None:
    """Lines, words or bytes of a file."""
    if not s.files:
        return None
    file = s.r.choice(list(s.files.values()))
    kind, flag = s.r.choice([("lines", "l"), ("lines", "l"), ("words", "w"), ("size", "c")])
    named = name_file(s, file)
    s.ask(kind, path=named.text)
    if not located(s, named):
        return None
    data = s.bench.place.files[file.path]
    n = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}[flag]
    command = f"wc -{flag} {quoted_path(file.path)}"
    s.bench.outputs[command] = (f"{n} {file.path}", 0)
    s.call("bash", command=command)
    what = {"l": "line", "w": "word", "c": "byte"}[flag]
    s.say(f"`{file.path}` has {n} {what}{'' if n == 1 else 's'}.")
    return done(s, f" {n} {what}", harmless=True)


def background(s: Session) -> Check | None:
    """Start in the background; look; stop."""
    r = s.r
    command = r.choice(
        [
            "python3 -m http.server",
            f"python3 {s.x.word(r)}.py",
            "npm start",
            "make serve",
            f"./{s.x.word(r)}.sh",
            "uvicorn app:app",
            "npm run dev",
        ]
    )
    id = f"p{r.randint(1, 4)}"
    s.bench.answers[("bash", "background")] = f"[started {id}]"
    s.ask("background", cmd=r.choice([command, f"`{command}`"]))
    s.call("bash", command=command, background=True)
    s.say(f"`{command}` runs in the background as {id}.")
    if r.random() < 0.5:
        lines = "\n".join(s.x.words_of(r, 1, 4) for _ in range(r.randint(0, 3)))
        state = r.choice([f"[{id} running]", f"[{id} exit {r.choice([0, 1])}]"])
        s.bench.answers[("process", "poll")] = f"{lines}\n{state}" if lines else state
        s.ask("poll", id=id)
        s.call("process", id=id, action="poll")
        words = (
            "is still running"
            if "running" in state
            else f"has ended with exit code {state[:-1].rsplit(' ', 1)[1]}"
        )
        s.say(f"{id} {words}" + (f":\n{block(lines)}" if lines else "."))
    else:
        s.bench.answers[("process", "stop")] = f"[{id} stopped]"
        s.ask("stop", id=id)
        s.call("process", id=id, action="stop")
        s.say(f"Stopped {id}.")
    return done(s, id)


TASKS = {
    "run": (7, run),
    "run_file": (1, run_file),
    "by_words": (3, by_words),
    "measure": (3, measure),
    "background": (0.8, background),
}
