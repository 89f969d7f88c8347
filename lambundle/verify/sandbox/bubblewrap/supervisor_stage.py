"""The supervisor's private mount namespace: /tmp, and the mounts of each run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lambundle import target
from lambundle.verify.sandbox.bubblewrap import kernel
from lambundle.verify.sandbox.bubblewrap.supervisor_request import STAGE, TMP, stage

if TYPE_CHECKING:
    from lambundle.verify.sandbox.bubblewrap.supervisor_request import RunRequest

_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV


class Identity(NamedTuple):
    """Who starts bubblewrap."""

    uid: int
    gid: int


def enter() -> Identity | None:
    """Enter a mount namespace of our own; return who is to start bubblewrap, None for ourselves. Raise OSError."""
    identity = Identity(target.UID, target.GID) if os.geteuid() == 0 and _can_become(target.UID) else None
    try:
        if identity is None:
            raise PermissionError  # noqa: TRY301  (both ways lead on below)
        kernel.unshare(kernel.CLONE_NEWNS)
    except PermissionError:  # root without the capability, in a container say, is like everybody else
        identity = None
        _enter_user_namespace()
    kernel.mount("none", "/", "none", kernel.MS_REC | kernel.MS_SLAVE)
    kernel.mount("tmpfs", STAGE, "tmpfs", _FLAGS, "mode=0755,size=16m")
    Path(TMP).mkdir()
    kernel.mount("tmpfs", TMP, "tmpfs", _FLAGS, "mode=1777")
    return identity


def _enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path(f"/proc/self/{name}").write_text(content, "ascii")


def _can_become(uid: int) -> bool:
    """Whether this user namespace knows the user; that of a container without root may not."""
    rows = Path("/proc/self/uid_map").read_text("ascii").splitlines()
    return any(
        first <= uid < first + count for first, _, count in ([int(word) for word in row.split()] for row in rows)
    )


def mount(request: RunRequest) -> None:
    """Make /tmp the size that a run may use, and mount what it is given; raise OSError, with nothing mounted."""
    kernel.mount("tmpfs", TMP, "tmpfs", kernel.MS_REMOUNT | _FLAGS, f"mode=1777,size={request.tmp}")
    try:
        _mount(request)
    except OSError:
        unmount(request)
        raise


def _mount(request: RunRequest) -> None:
    Path(STAGE, request.name).mkdir()
    for number, source in enumerate(request.binds):
        place = Path(stage(request.name, number))
        if Path(source).is_dir():
            place.mkdir()
        else:
            place.touch()
        kernel.mount(source, str(place), "none", kernel.MS_BIND | kernel.MS_REC)


def unmount(request: RunRequest) -> None:
    """Undo what ``mount`` did for a run."""
    for number in range(len(request.binds)):
        place = Path(stage(request.name, number))
        with contextlib.suppress(OSError):
            kernel.unmount(str(place))
        with contextlib.suppress(OSError):
            place.rmdir() if place.is_dir() else place.unlink()
    with contextlib.suppress(OSError):
        Path(STAGE, request.name).rmdir()


def tmp_used() -> int:
    """Bytes that lie in /tmp."""
    status = os.statvfs(TMP)
    return (status.f_blocks - status.f_bfree) * status.f_frsize
