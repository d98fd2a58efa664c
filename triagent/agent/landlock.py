"""Landlock: a process gives up files, network and signals for itself and all its children.

Linux 5.13 and later, without root and without any program. A rule grants rights on a folder
and all beneath it; what no rule grants is denied. Source: the kernel's
Documentation/userspace-api/landlock.rst and <linux/landlock.h>.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_libc = ctypes.CDLL(None, use_errno=True)

_SYS_CREATE_RULESET = 444  # one number on every architecture
_SYS_ADD_RULE = 445
_SYS_RESTRICT_SELF = 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REFER = 1 << 13  # from version 2
_TRUNCATE = 1 << 14  # from version 3
_IOCTL_DEV = 1 << 15  # from version 5
_NET_BIND_TCP, _NET_CONNECT_TCP = 1 << 0, 1 << 1  # from version 4
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1  # from version 6

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


def version() -> int:
    """The kernel's Landlock version; 0 when it has none or it is switched off."""
    result = _libc.syscall(_SYS_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    return max(0, result)


def restrict(read: Iterable[str], write: Iterable[str], *, deny_tcp: bool = False) -> None:
    """Confine this process for good; `no_new_privileges` must have been called.

    Args:
        read: folders and files that may be read and executed.
        write: folders and files that may also be changed.
        deny_tcp: refuse TCP as well, for want of a network namespace; UDP stays open.

    Raises:
        OSError: the kernel refused; nothing is confined then.
    """
    known = version()
    handled = _handled(known)
    # struct landlock_ruleset_attr { __u64 handled_access_fs, handled_access_net, scoped; }
    net = (_NET_BIND_TCP | _NET_CONNECT_TCP) if deny_tcp and known >= 4 else 0
    scoped = (_SCOPE_ABSTRACT_SOCKET | _SCOPE_SIGNAL) if known >= 6 else 0
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    attributes = struct.pack("=QQQ", handled, net, scoped)[:size]
    ruleset = _checked(
        _libc.syscall(_SYS_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0), "create"
    )
    try:
        for paths, rights in ((read, _READ), (write, handled)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        _checked(_libc.syscall(_SYS_RESTRICT_SELF, ruleset, 0), "restrict")
    finally:
        os.close(ruleset)


def _handled(known: int) -> int:
    if known <= 0:
        raise OSError(38, "this kernel has no Landlock")
    rights = (1 << 13) - 1  # all of version 1
    rights |= _REFER if known >= 2 else 0
    rights |= _TRUNCATE if known >= 3 else 0
    return rights | (_IOCTL_DEV if known >= 5 else 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # nothing there to grant
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _ON_FILES
        # struct landlock_path_beneath_attr { __u64 allowed_access; __s32 parent_fd; } packed
        rule = struct.pack("=Qi", rights, fd)
        result = _libc.syscall(_SYS_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
        _checked(result, f"rule for {path}")
    finally:
        os.close(fd)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock {what}: {os.strerror(number)}")
    return result
