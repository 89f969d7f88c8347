"""Why the kernel refuses a sandbox, as far as this machine shows it."""

from __future__ import annotations

import os
from pathlib import Path

_FORBIDDEN = (
    "user namespaces must be allowed (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container --privileged), or use --sandbox docker"
)
_CHROOT = "start verify outside of the chroot, or enter its directory by systemd-nspawn, or use --sandbox docker"


def reason() -> str:
    """What is wrong here, in a few words."""
    if is_chroot():
        return "this is a chroot, and in one the kernel lets nobody make user namespaces"
    return "this machine does not let us make a sandbox"


def hint() -> str:
    """What helps."""
    return _CHROOT if is_chroot() else _FORBIDDEN


def is_chroot(proc: Path = Path("/proc")) -> bool:
    """Whether the root directory is not that of the mount namespace, where user_namespaces(7) has EPERM.

    The first process has the namespace's root, where we may look at it. Else the list of mounts tells: it is relative
    to our root, and only in a chroot has nothing mounted there.
    """
    try:
        return not os.path.samestat(os.stat(proc / "1/root/"), os.stat("/"))
    except OSError:
        pass
    try:
        rows = (proc / "self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return not (proc / "self").exists()  # not even /proc is there: a directory that was entered as it was unpacked
    return bool(rows) and not any(row.split()[4] == "/" for row in rows)
