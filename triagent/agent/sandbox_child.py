"""The process between us and a command: it confines, limits, watches and ends it.

Started as a program of its own for each command, with a plan in JSON on a pipe. It stays
outside of the confinement, as the parent of everything in it: told to end (SIGTERM), or when
the program that started it dies, it asks all descendants to stop, waits, and kills them. The
command never runs when a step of its confinement failed.

Standard library and ctypes only; one thread. Knows nothing of approvals.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from typing import Any, NoReturn

if not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from triagent.agent import landlock
from triagent.agent import sandbox_kernel as kernel

_WATCH_S = 0.1
_FAILED = 125  # our own exit status, when the confinement could not be built


def main() -> NoReturn:
    """Run the plan that comes on the descriptor named by the first argument."""
    plan_fd, report_fd = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(report_fd, False)  # not for the command
    with os.fdopen(plan_fd, "rb") as file:
        plan = json.loads(file.read())
    report = os.fdopen(report_fd, "w", buffering=1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    kernel.die_with_parent(signal.SIGTERM)
    if os.getppid() != plan["parent"]:
        os._exit(_FAILED)  # it died before we asked to be told
    kernel.adopt_orphans()
    try:
        if plan["namespaces"]:
            _enter_namespaces()
            kernel.die_with_parent(signal.SIGTERM)  # forgotten when capabilities change
        child = os.fork()
        if child == 0:
            _become(plan, report)
    except OSError as error:
        _fail(report, error)
    _supervise(child, plan, report)


def _become(plan: dict[str, Any], report: Any) -> NoReturn:
    # In the child: confine this process as the plan says, then turn into the command.
    try:
        if plan["namespaces"]:
            kernel.die_with_parent(signal.SIGKILL)
            kernel.loopback_up()
            # Only here: the supervisor must go on seeing the /proc that it was started with.
            kernel.unshare(kernel.CLONE_NEWNS)
            _build_view(plan["mounts"], plan["stage"])
            kernel.drop_capabilities()
        kernel.no_new_privileges()
        if plan["landlock"] is not None:
            landlock.restrict(**plan["landlock"])
        os.chdir(plan["cwd"])
        if plan["namespaces"]:
            _be_first_process(plan, report)
        _execute(plan, report)
    except OSError as error:
        _fail(report, error)


def _execute(plan: dict[str, Any], report: Any) -> NoReturn:
    _set_limits(plan["limits"])
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and it is inherited
        signal.signal(number, signal.SIG_DFL)
    argv, env = plan["argv"], plan["env"]
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _be_first_process(plan: dict[str, Any], report: Any) -> NoReturn:
    # Process 1 of a namespace: when it ends, the kernel kills all the others in it.
    command = os.fork()
    if command == 0:
        _execute(plan, report)
    report.close()
    while True:
        pid, status = os.wait()
        if pid == command:
            os._exit(_exit_code(status))


def _enter_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(
        kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC
    )  # fmt: skip
    kernel.map_user(uid, gid)


def _build_view(mounts: list[dict[str, str]], stage: str) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", stage, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
    for item in mounts:
        _put(item["kind"], stage + item["target"], item["source"])
    kernel.pivot_root(stage)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)


def _put(kind: str, target: str, source: str) -> None:
    quiet = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    if kind == "link":
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(source, target)
    elif kind in {"ro", "rw"}:
        _place_for(source, target)
        kernel.bind(source, target, read_only=kind == "ro")
    elif kind == "hide_file":
        _place_for(source, target)
        kernel.bind(source, target, read_only=True)
    elif kind == "hide_folder":
        os.makedirs(target, exist_ok=True)
        kernel.mount("tmpfs", target, "tmpfs", quiet | kernel.MS_RDONLY, "mode=000,size=4k")
    elif kind == "tmpfs":
        os.makedirs(target, exist_ok=True)
        kernel.mount("tmpfs", target, "tmpfs", quiet & ~kernel.MS_NOEXEC, "mode=700,size=1g")
    elif kind == "proc":
        os.makedirs(target, exist_ok=True)
        kernel.mount("proc", target, "proc", quiet)
    elif kind == "dev":
        _put_devices(target)


def _put_devices(target: str) -> None:
    os.makedirs(target, exist_ok=True)
    kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NOEXEC, "mode=755")
    for name in ("null", "zero", "full", "random", "urandom"):
        _place_for(f"/dev/{name}", f"{target}/{name}")
        kernel.mount(f"/dev/{name}", f"{target}/{name}", None, kernel.MS_BIND)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{target}/{name}")
    os.symlink("/proc/self/fd", f"{target}/fd")
    os.mkdir(f"{target}/shm")
    kernel.mount("tmpfs", f"{target}/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")


def _place_for(source: str, target: str) -> None:
    # A mount needs something to lie on.
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _set_limits(limits: dict[str, int]) -> None:
    for name, most in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _supervise(child: int, plan: dict[str, Any], report: Any) -> NoReturn:
    while True:
        got = signal.sigtimedwait({signal.SIGTERM, signal.SIGCHLD}, _WATCH_S)
        code = _reap(child)
        if code is not None:
            _end_all()
            os._exit(code)
        if got is not None and got.si_signo == signal.SIGTERM:
            _ask_all(plan["grace_s"], spared=child if plan["wrapped"] else 0)
            _end_all()
            os._exit(128 + signal.SIGTERM)
        excess = _excess(plan["most_processes"], plan["most_bytes"])
        if excess:
            report.write(f"limit {excess}\n")
            _end_all()
            os._exit(128 + signal.SIGKILL)


def _reap(child: int) -> int | None:
    code = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                code = _exit_code(status)
    return code


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _ask_all(grace_s: float, spared: int) -> None:
    # Not the wrapper: when bubblewrap ends, everything in it is killed without being asked.
    _send(signal.SIGTERM, spared)
    deadline = time.monotonic() + grace_s
    while _descendants() - {spared} and time.monotonic() < deadline:
        if _reap(spared) is not None:
            return
        time.sleep(0.02)


def _end_all() -> None:
    # Again until nothing is left, for a process may start others meanwhile.
    while _descendants():
        _send(signal.SIGKILL)
        _reap(0)
        time.sleep(0.005)


def _send(number: int, spared: int = 0) -> None:
    for pid in _descendants() - {spared}:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _excess(most_processes: int, most_bytes: int) -> str:
    pids = _descendants()
    if len(pids) > most_processes:
        return f"more than {most_processes} processes"
    if sum(map(_resident_bytes, pids)) > most_bytes:
        return f"more than {most_bytes // 2**20} MiB of memory"
    return ""


def _descendants() -> set[int]:
    found: set[int] = set()
    queue = [os.getpid()]
    while queue:
        new = [pid for pid in _children(queue.pop()) if pid not in found]
        found.update(new)
        queue += new
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def _resident_bytes(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
    return 0


def _fail(report: Any, error: OSError) -> NoReturn:
    with suppress(OSError):
        report.write(f"failed {error.strerror or error}: {error.filename or ''}\n")
        report.flush()
    os._exit(_FAILED)


if __name__ == "__main__":
    main()
