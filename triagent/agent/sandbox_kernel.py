"""The few Linux calls that confine a process, which Python's library does not offer.

Namespaces, mounts and process attributes by ctypes; Landlock is in `landlock`. Used only in
a child process of ours that has one thread (`sandbox_child`), never in the program itself.
Imports nothing but the standard library, so that the child starts quickly.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct

_libc = ctypes.CDLL(None, use_errno=True)

# <linux/sched.h>
CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# <sys/mount.h>
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "loongarch64": 41}
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91, "riscv64": 91, "loongarch64": 91}
_SYS_MOUNT_SETATTR = 442  # one number on all of these
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
_MOUNT_ATTR_NODEV = 0x4


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0) -> None:
    """int prctl(int option, unsigned long arg2, ...)"""
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def die_with_parent(signal_number: int) -> None:
    """Get this signal when the thread that started this process ends."""
    prctl(_PR_SET_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent has ended."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    """Give up setuid programs, for this process and all that it starts."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability, and the chance to gain one by executing a program."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # past the last one that this kernel knows
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    # struct __user_cap_header_struct { __u32 version; int pid; }; then two sets of three __u32
    header = struct.pack("=Ii", 0x20080522, 0)
    _checked(_libc.syscall(_number(_SYS_CAPSET, "capset"), header, bytes(24)), "capset")


def unshare(flags: int) -> None:
    """int unshare(int flags)"""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def map_user(uid: int, gid: int) -> None:
    """Keep user and group in a fresh user namespace; no other id exists there."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                       ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """int mount(const char *, const char *, const char *, unsigned long, const void *)"""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() if kind else None,
        ctypes.c_ulong(flags), data.encode(),
    )  # fmt: skip
    _checked(result, f"mount {source} on {target}")


def bind(source: str, target: str, read_only: bool) -> None:
    """Show `source` (with the mounts in it) at `target`; without devices or setuid programs."""
    mount(source, target, None, MS_BIND | MS_REC)
    set_attributes(target, read_only)


def set_attributes(target: str, read_only: bool, devices: bool = False) -> None:
    """int mount_setattr(int, const char *, unsigned, struct mount_attr *, size_t), recursively"""
    wanted = _MOUNT_ATTR_NOSUID | (0 if devices else _MOUNT_ATTR_NODEV)
    wanted |= _MOUNT_ATTR_RDONLY if read_only else 0
    attributes = struct.pack("=QQQQ", wanted, 0, 0, 0)
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes,
        ctypes.c_size_t(len(attributes)),
    )  # fmt: skip
    _checked(result, f"mount_setattr {target}")


def pivot_root(new_root: str) -> None:
    """int pivot_root(const char *new_root, const char *put_old), then let the old one go."""
    os.chdir(new_root)
    number = _number(_SYS_PIVOT_ROOT, "pivot_root")
    _checked(_libc.syscall(number, b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def loopback_up() -> None:
    """Switch on 127.0.0.1 in a fresh network namespace; there is no other interface."""
    get_flags, set_flags, is_up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(control, get_flags, request))[1]
        fcntl.ioctl(control, set_flags, struct.pack("16sh22x", b"lo", flags | is_up))


def _number(table: dict[str, int], name: str) -> int:
    machine = platform.machine()
    if machine not in table:
        raise OSError(38, f"{name}: not known for {machine}")
    return table[machine]
