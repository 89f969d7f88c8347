"""System calls for namespaces and mounts that Python lacks."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
MNT_DETACH = 0x2

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Enter new namespaces, by the flags of the system call. Raise OSError."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Enter the namespace that is open at a descriptor, by the arguments of setns(2). Raise OSError."""
    _check(_libc.setns(ctypes.c_int(namespace), ctypes.c_int(kind)), "setns")


def mount(source: str, place: str, kind: str, flags: int, data: str = "") -> None:
    """Mount a file system, by the arguments of the system call. Raise OSError."""
    words = [ctypes.c_char_p(os.fsencode(word)) for word in (source, place, kind)]
    answer = _libc.mount(*words, ctypes.c_ulong(flags), ctypes.c_char_p(data.encode()))
    _check(answer, f"mount on {place}")


def unmount(place: str) -> None:
    """Take a mount out of sight; it goes when nobody uses it any more. Raise OSError."""
    _check(_libc.umount2(ctypes.c_char_p(os.fsencode(place)), ctypes.c_int(MNT_DETACH)), f"umount {place}")


def control(option: int, value: int) -> None:
    """Set an attribute of this process, by the arguments of prctl(2). Raise OSError."""
    _check(_libc.prctl(ctypes.c_int(option), *[ctypes.c_ulong(word) for word in (value, 0, 0, 0)]), "prctl")


def _check(answer: int, what: str) -> None:
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
