"""Which commands may be answered with "always", and how far such an answer reaches.

A command that runs other commands (an interpreter, a wrapper, an option that names a program)
is never covered by an earlier answer: what it will do is not in its words. The tables do not
make anything safe; the sandbox does. They only decide when to ask again.
"""

from __future__ import annotations

from collections.abc import Sequence

_INTERPRETERS = {
    "sh", "bash", "dash", "zsh", "fish", "ksh", "mksh", "csh", "tcsh", "ash", "rbash", "elvish",
    "nu", "pwsh", "busybox", "toybox", "python", "pypy", "ipython", "perl", "ruby", "irb", "node",
    "nodejs", "deno", "bun", "ts-node", "tsx", "php", "lua", "luajit", "tclsh", "wish", "expect",
    "awk", "gawk", "mawk", "nawk", "sed", "ed", "ex", "vi", "vim", "nvim", "view", "nano", "emacs",
    "less", "more", "most", "man", "gdb", "lldb", "sqlite3", "psql", "mysql", "osascript", "guile",
    "racket", "ghci", "runghc", "ocaml", "julia", "R", "Rscript", "octave", "java", "jshell",
    "groovy", "scala", "kotlin", "swift", "erl", "iex", "elixir", "jq", "m4", "bc", "dc",
}  # fmt: skip
_WRAPPERS = {
    "env", "xargs", "parallel", "sudo", "doas", "su", "runuser", "pkexec", "nohup", "timeout",
    "nice", "ionice", "chrt", "taskset", "numactl", "setsid", "stdbuf", "unbuffer", "script",
    "time", "watch", "entr", "watchexec", "strace", "ltrace", "perf", "valgrind", "unshare",
    "nsenter", "chroot", "setarch", "linux32", "linux64", "setpriv", "capsh", "bwrap", "firejail",
    "flatpak", "proot", "fakeroot", "fakechroot", "flock", "exec", "eval", "source", ".", "command",
    "builtin", "coproc", "trap", "alias", "enable", "hash", "bind", "complete", "ssh", "scp",
    "sftp", "rsync", "nc", "ncat", "netcat", "socat", "telnet", "tmux", "screen", "docker",
    "podman", "kubectl", "systemd-run", "systemctl", "at", "batch", "crontab", "npx", "pnpx",
    "bunx", "uvx", "pipx", "uv", "poetry", "pdm", "hatch", "pipenv", "conda", "mamba", "nix",
    "nix-shell", "direnv", "dbus-run-session", "ssh-agent", "gpg-agent", "rlwrap", "catchsegv",
    "start-stop-daemon", "daemonize", "tox", "nox", "just", "go-task", "foreach", "mapfile",
    "readarray", "select", "caller", "rbenv", "pyenv", "asdf", "mise", "bundle", "corepack",
}  # fmt: skip
# Programs that are otherwise plain, with the words that make them run something else.
_EXECUTING: dict[str, tuple[str, ...]] = {
    "find": ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fls", "-fprintf"),
    "fd": ("-x", "-X", "--exec", "--exec-batch"),
    "fdfind": ("-x", "-X", "--exec", "--exec-batch"),
    "rg": ("--pre", "--hostname-bin", "--search-zip", "-z"),
    "git": (
        "-c", "--config-env", "--exec-path", "--git-dir", "--work-tree", "-C", "--namespace",
        "--upload-pack", "--receive-pack", "--exec", "-x", "--ext-diff", "--textconv", "--output",
        "-O", "--open-files-in-pager", "--paginate", "-p", "config", "filter-branch", "bisect",
        "difftool", "mergetool", "submodule", "clone", "fetch", "pull", "push", "remote", "init",
        "daemon", "gui", "instaweb", "send-email", "svn", "for-each-repo", "maintenance", "rebase",
    ),
    "go": ("-exec", "-toolexec", "-vettool", "run", "generate", "tool", "get", "install", "env"),
    "cargo": ("run", "install", "--config"),
    "npm": ("exec", "x", "explore", "install", "i", "ci", "config", "create", "init"),
    "pnpm": ("exec", "dlx", "install", "i", "add", "create", "config"),
    "yarn": ("exec", "dlx", "node", "install", "add", "create", "config"),
    "pip": ("install", "download", "wheel", "config"),
    "tar": ("--to-command", "--checkpoint-action", "-I", "--use-compress-program", "-F",
            "--info-script", "--new-volume-script", "--rsh-command", "--rmt-command"),
    "zip": ("-T", "-TT", "--unzip-command"),
    "sort": ("--compress-program", "-o", "--output"),
    "make": ("-f", "-C", "--file", "--makefile", "--eval", "-I", "SHELL"),
    "cmake": ("-P", "-E"),
    "ctest": ("-S", "--build-and-test"),
    "pytest": ("-p", "-c", "-o", "--override-ini", "--rootdir", "--confcutdir", "--import-mode"),
    "ruff": ("--config",),
    "eslint": ("--config", "-c", "--resolve-plugins-relative-to", "--rulesdir", "--parser"),
    "curl": ("-o", "-O", "-K", "--config", "--output", "--proxy", "-x"),
    "wget": ("--use-askpass", "-e", "--execute", "-O", "--config", "-i"),
    "openssl": ("engine", "-engine", "-provider"),
    "gcc": ("-wrapper", "-fplugin", "-B", "-specs"), "cc": ("-wrapper", "-fplugin", "-B", "-specs"),
    "g++": ("-wrapper", "-fplugin", "-B", "-specs"),
    "split": ("--filter",), "date": ("-s", "--set"), "tee": ("",), "dd": ("",), "install": ("",),
    "ln": ("",), "chmod": ("",), "chown": ("",), "mount": ("",), "kill": ("",), "pkill": ("",),
}  # fmt: skip
# What only looks: more files after an approved command are covered as well.
_LOOKERS = {
    "cat", "head", "tail", "wc", "ls", "stat", "file", "du", "grep", "egrep", "fgrep", "rg",
    "tree", "diff", "cmp", "md5sum", "sha256sum", "nl", "cut", "pytest", "ruff", "mypy", "pyright",
    "flake8", "shellcheck",
}  # fmt: skip
_GIT_LOOKS = {"status", "diff", "log", "show", "blame", "ls-files", "grep", "shortlog"}
_GIT_WRITES = {
    "add", "commit", "checkout", "switch", "restore", "stash", "branch", "merge", "rebase", "reset",
    "rm", "mv", "tag", "cherry-pick", "revert", "apply", "am", "init", "gc", "prune", "clean",
    "worktree", "notes", "update-index", "update-ref", "write-tree", "fetch", "pull", "config",
    "remote", "submodule", "bisect", "sparse-checkout", "lfs",
}  # fmt: skip


def why_never(words: Sequence[str]) -> str:
    """Say why these words can never be answered with "always"; empty when they can."""
    if not words or not words[0]:
        return "it has no plain program name"
    program = words[0]
    name = program.rsplit("/", 1)[-1]
    if "=" in program:
        return "it sets a variable for the command"
    if "/" in program and not program.startswith(("/usr/", "/bin/", "/sbin/")):
        return "it runs a file that can change"
    bare = name.rstrip("0123456789.") or name  # python3.11, perl5
    if {name, bare, name.lower()} & _INTERPRETERS:
        return f"{name} runs what it is given"
    if {name, name.lower()} & _WRAPPERS or name.startswith("ld-linux"):
        return f"{name} runs other programs"
    return _why_option(bare if bare in _EXECUTING else name, words[1:])


def covers(rule: Sequence[str], words: Sequence[str], is_file: bool) -> bool:
    """Whether an answer for `rule` stands for `words`.

    Args:
        rule: words that were answered with "always".
        words: words of the command that wants to run.
        is_file: whether all words beyond the rule's are files of the workspace.
    """
    if tuple(rule) == tuple(words):
        return True
    begins_alike = tuple(words[: len(rule)]) == tuple(rule) and len(rule) > 1
    more = words[len(rule) :]
    return begins_alike and is_file and _only_looks(rule) and not any(
        word.startswith(("-", "+", "@")) or "=" in word for word in more
    )


def writes_git(words: Sequence[str]) -> bool:
    """Whether this is a git command that changes the repository's own folder."""
    if not words or words[0].rsplit("/", 1)[-1] != "git":
        return False
    verbs = [word for word in words[1:] if not word.startswith("-")]
    # Not the first of them alone: that may be the value of an option ("-c a=b", "-C folder").
    return any(word in _GIT_WRITES for word in verbs[:4])


def _only_looks(rule: Sequence[str]) -> bool:
    if rule[0] == "git":
        return len(rule) > 1 and rule[1] in _GIT_LOOKS
    return rule[0] in _LOOKERS


def _why_option(name: str, rest: Sequence[str]) -> str:
    for option in _EXECUTING.get(name, ()):
        if not option:
            return f"{name} changes things outside of its words"
        for word in rest:
            if _is_option(word, option):
                return f"{name} {word} can run or write something else"
    return ""


def _is_option(word: str, option: str) -> bool:
    # Exact; with its value attached ("--pre=x", "-cx"); or a long option cut short ("--upload").
    if word == option or word.startswith(f"{option}="):
        return True
    if option.startswith("--"):
        name = word.split("=", 1)[0]
        return len(name) > 3 and option.startswith(name)
    is_short = len(option) == 2 and option[0] == "-"
    return is_short and word[:1] == "-" and word[:2] != "--" and option[1] in word[1:]
