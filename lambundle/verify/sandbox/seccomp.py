"""The system calls that Lambda refuses, as a seccomp filter: instructions for bubblewrap, a profile for Docker.

Nothing may be traced or mounted, no namespace entered or made; a program that sandboxes itself, or an unpacker that
hopes for a user namespace, has to fail here too. The rest of the list keeps a hostile bundle off parts of the kernel
that no program on Lambda can use either.
"""

from __future__ import annotations

import errno
import json
import platform
import struct

from lambundle.errors import SandboxError
from lambundle.target import ARCHITECTURES

_NEWUSER = 0x10000000
_X32 = 0x40000000

_REFUSED = {
    "x86_64": {
        "ptrace": 101, "mount": 165, "umount2": 166, "unshare": 272, "setns": 308, "pivot_root": 155,
        "process_vm_readv": 310, "process_vm_writev": 311, "open_tree": 428, "move_mount": 429, "fsopen": 430,
        "fsmount": 432, "fspick": 433, "mount_setattr": 442, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "add_key": 248, "request_key": 249, "keyctl": 250, "kexec_load": 246, "init_module": 175,
        "finit_module": 313, "delete_module": 176, "open_by_handle_at": 304, "kcmp": 312,
    },
    "aarch64": {
        "ptrace": 117, "mount": 40, "umount2": 39, "unshare": 97, "setns": 268, "pivot_root": 41,
        "process_vm_readv": 270, "process_vm_writev": 271, "open_tree": 428, "move_mount": 429, "fsopen": 430,
        "fsmount": 432, "fspick": 433, "mount_setattr": 442, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "add_key": 217, "request_key": 218, "keyctl": 219, "kexec_load": 104, "init_module": 105,
        "finit_module": 273, "delete_module": 106, "open_by_handle_at": 265, "kcmp": 272,
    },
}  # fmt: skip
"""Refused with EPERM: numbers by machine, from the kernel's tables of system calls."""

_AUDIT = {name: 0xC0000000 | item.elf for name, item in ARCHITECTURES.items()}  # 64-bit, little-endian
_SOCKET = {"x86_64": 41, "aarch64": 198}
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK of socket(2), which the namespace keeps inside. AF_VSOCK reaches the host."""
_CLONE = {"x86_64": (56, 435), "aarch64": (220, 435)}  # clone, clone3


def instructions(machine: str | None = None) -> bytes:
    """Return the filter as the kernel takes it: an array of struct sock_filter for ``machine`` (default: this one)."""
    machine = machine or platform.machine()
    if machine not in _AUDIT:
        raise SandboxError(f"there is no Lambda on {machine}", hint="verify on an x86_64 or aarch64 machine")
    clone, clone3 = _CLONE[machine]
    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000
    eperm, enosys = refuse | errno.EPERM, refuse | errno.ENOSYS
    program = [(load, 0, 0, 4), (equal, 1, 0, _AUDIT[machine]), (give, 0, 0, eperm), (load, 0, 0, 0)]
    if machine == "x86_64":
        program += [(at_least, 0, 1, _X32), (give, 0, 0, enosys)]  # the same calls under other numbers
    for number in _REFUSED[machine].values():
        program += [(equal, 0, 1, number), (give, 0, 0, eperm)]
    # clone3's flags are behind a pointer that no filter can follow; libc falls back to clone.
    program += [(equal, 0, 1, clone3), (give, 0, 0, enosys)]
    program += [(equal, 0, 3, clone), (load, 0, 0, 16), (bits, 0, 1, _NEWUSER), (give, 0, 0, eperm)]
    families = [(equal, len(_FAMILIES) - place, 0, family) for place, family in enumerate(_FAMILIES)]
    program += [(equal, 0, len(families) + 2, _SOCKET[machine]), (load, 0, 0, 16), *families]
    program.append((give, 0, 0, refuse | errno.EAFNOSUPPORT))
    program.append((give, 0, 0, allow))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def docker_profile() -> str:
    """Return the same filter as a profile for ``docker run --security-opt seccomp=FILE``."""
    newuser = {"index": 0, "value": _NEWUSER, "valueTwo": _NEWUSER, "op": "SCMP_CMP_MASKED_EQ"}
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            "archMap": [
                {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
            ],
            "syscalls": [
                {"names": sorted(_REFUSED["x86_64"]), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
                {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
                {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM, "args": [newuser]},
                *map(_no_family, [each for each in range(_FAMILIES[-1]) if each not in _FAMILIES]),
                _no_family(_FAMILIES[-1], "SCMP_CMP_GT"),
            ],
        }
    )


def _no_family(family: int, compared: str = "SCMP_CMP_EQ") -> dict[str, object]:
    """Return a rule that refuses sockets; each is one comparison, for libseccomp makes none of several."""
    condition = {"index": 0, "value": family, "valueTwo": 0, "op": compared}
    return {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EAFNOSUPPORT, "args": [condition]}
