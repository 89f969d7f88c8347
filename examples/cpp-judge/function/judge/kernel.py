"""What a judged program is not allowed to ask of the kernel, and three switches of the handler's own process.

A seccomp filter needs no privilege, only a kernel that permits it; where it does not, ``forbid`` says so and the
program runs with the other limits alone.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_KILL, _TGKILL = (62, 129), (234, 131)
_REFUSED = {
    # The network, and with it the Runtime API, through which an answer could be forged.
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    # Leaving the process group, which is killed as one.
    "setsid": (112, 157),
    "setpgid": (109, 154),
    # Other processes of the same user: the handler's above all.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "setpriority": (141, 140),
    # What outlives the process that made it, or is memory that no process is seen to have.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Parts of the kernel that no solution of an exercise needs.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}
"""System calls by their numbers on x86_64 and aarch64."""

_PRLIMIT = (302, 261)
_X32 = 0x40000000
"""Numbers from here on are x86_64's calls under other names."""

# Classic BPF: load a word of seccomp_data, jump, return.
_LOAD, _EQUAL, _AT_LEAST, _JUMP, _GIVE = 0x20, 0x15, 0x35, 0x05, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def become_keeper() -> None:
    """Close this process's environment and memory to others of the same user, and adopt all orphans below it."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def permits_filters() -> bool:
    """Whether the kernel lets a process without privileges install a filter; tried in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(0 if forbid(compose([])) else 1)
    return os.waitpid(child, 0)[1] == 0


def forbid(filter_: bytes) -> bool:
    """Give up privileges to come and install ``filter_`` in this process; False where the kernel refuses."""
    program = _Program(len(filter_) // 8, filter_)
    try:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
    except OSError:
        return False
    return True


def compose(spared: list[int]) -> bytes:
    """Make the filter. It refuses signals to the processes ``spared`` and to whole groups; b"" for other machines."""
    machine = platform.machine()
    if machine not in _AUDIT:
        return b""
    column = _COLUMN[machine]
    refuse = (_GIVE, 0, 0, _EPERM)
    code = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, _AUDIT[machine]), refuse]
    code += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), refuse]
    for numbers in _REFUSED.values():
        code += [(_EQUAL, 0, 1, numbers[column]), refuse]
    # A program may ask for its own limits, but not set those of the handler.
    code += [(_EQUAL, 0, 3, _PRLIMIT[column]), (_LOAD, 0, 0, _ARGUMENT), (_EQUAL, 1, 0, 0), refuse]
    code += [(_LOAD, 0, 0, _NUMBER)]
    signals = [(_LOAD, 0, 0, _ARGUMENT), (_AT_LEAST, 0, 1, 1 << 31), refuse]
    for pid in spared:
        signals += [(_EQUAL, 0, 1, pid), refuse]
    code += [(_EQUAL, 2, 0, _KILL[column]), (_EQUAL, 1, 0, _TGKILL[column]), (_JUMP, 0, 0, len(signals)), *signals]
    code += [(_GIVE, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _prctl(option: int, value: int, pointer: int = 0) -> None:
    arguments = [ctypes.c_ulong(number) for number in (value, pointer, 0, 0)]
    if _LIBC.prctl(ctypes.c_int(option), *arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
