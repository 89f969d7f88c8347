"""The emulator's side of ``handover``, the program that gives it a port inside the sandbox (see handover.c)."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle import runtime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLACE = "/run/lambundle-function"
"""Where the directory is in the sandbox."""
PORT = 9001
"""Of the Runtime API, as on the service."""

_DESCRIPTORS = 3
_MESSAGE = 4096 + 1  # a path and its end


@dataclass(frozen=True, slots=True)
class Handed:
    """The socket and output of the program, handed out of the sandbox.

    ``program`` is the one that was chosen, empty when none of them is there; ``error`` the errno with which it
    could not be started, 0 when it runs. Whoever has this owns the socket and both descriptors.
    """

    listener: socket.socket
    stdout: int
    stderr: int
    program: str
    error: int


def prepare(directory: Path) -> None:
    """Make ``directory``, to be mounted in the sandbox as PLACE (read-only will do), with the program in it."""
    directory.mkdir()
    directory.chmod(0o755)
    shutil.copyfile(runtime.handover(platform.machine()), directory / "handover")
    (directory / "handover").chmod(0o755)


def command(programs: Sequence[str]) -> list[str]:
    """Return the command that starts in the sandbox the first of ``programs`` that is there."""
    return [f"{PLACE}/handover", f"{PLACE}/socket", str(PORT), *programs]


class HandoverListener:
    """Receives the handover of one start; ``directory`` was prepared."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "socket"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:  # sun_path has 108 bytes, and the directory may have a longer name
            self._socket.bind(f"/proc/self/fd/{fd}/socket")
        finally:
            os.close(fd)
        self._path.chmod(0o666)  # whoever the sandbox runs as
        self._socket.listen(1)

    def receive(self) -> Handed | None:
        """Wait until the program has begun, or could not; None when the sandbox ended before."""
        try:
            channel, _ = self._socket.accept()
        except OSError:
            return None
        with channel:
            message, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
            if len(descriptors) != _DESCRIPTORS:  # it gave up before
                return None
            listener, stdout, stderr = descriptors
            program = message.rstrip(b"\0").decode()
            error = b"".join(iter(lambda: channel.recv(16), b""))
            return Handed(socket.socket(fileno=listener), stdout, stderr, program, int(error or b"0"))

    def cancel(self) -> None:
        """End a waiting ``receive``: no program will come."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._path.unlink()
