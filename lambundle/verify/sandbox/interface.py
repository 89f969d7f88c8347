"""The interface of sandboxes, which run commands as Lambda would: bubblewrap or Docker."""

from __future__ import annotations

import contextlib
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lambundle.errors import SandboxError
from lambundle.target import TASK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lambundle.verify.sandbox.stdin import SharedInput

MIB = 1 << 20

TIMED_OUT = 124
"""Status of a run that was out of time, as with timeout(1)."""
KILLED = 128 + 9
"""Status of a run that was killed, for its memory or because it was asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run: bytes of memory of all its processes together, bytes of /tmp, seconds."""

    memory: int = 2048 * MIB
    tmp: int = 512 * MIB
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run: ``argv`` in ``cwd`` with exactly ``environment``, whose PATH is searched.

    ``mounts`` maps mount points (``/opt``, ``/var/task``) to directories or files here, mounted read-only.
    ``writable`` maps further mount points to directories here, for lambundle's own use (a trace, a socket); they
    and what is in them are opened to every user. /tmp belongs to the sandbox: it is kept from run to run, as a warm
    environment's is.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    mounts: Mapping[str, Path]
    cwd: str = TASK
    stdin: bytes | SharedInput = b""
    limits: Limits = field(default_factory=Limits)
    writable: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: exit status (128 + N for signal N), output, and what it used.

    ``ended_by`` is empty when the run ended by itself, else ``timeout`` (status 124), ``memory`` or ``killed``
    (status 137; ``Run.kill``). ``seconds`` is the time from its start to its end. ``memory`` is the peak in bytes
    of what all its processes held together and the kernel could not take back; ``tmp`` the most bytes that lay in
    /tmp. None is what cannot be measured. Of output only so much is kept (``streams.OUTPUT_LIMIT``); ``dropped``
    bytes were not.
    """

    status: int
    stdout: bytes
    stderr: bytes
    seconds: float
    ended_by: str = ""
    memory: int | None = None
    tmp: int | None = None
    dropped: int = 0


class Run(Protocol):
    """A run under way."""

    def wait(self, seconds: float | None = None) -> Outcome:
        """Wait for the end, at most ``seconds``; then end it with all its children.

        Raise SandboxError when it was the sandbox that failed. Asked again, the answer is the same.
        """

    def kill(self) -> None:
        """End it with all its children, now; from any thread."""


class Sandbox(Protocol):
    """One environment of Lambda: it lives until it is closed, and /tmp with it."""

    name: str

    def unavailable(self) -> str | None:
        """Say why this sandbox cannot be had here; None when it can."""

    def start(self, command: Command) -> Run:
        """Start ``command``; raise SandboxError when the sandbox cannot be had or made."""

    def close(self) -> None:
        """Leave nothing behind: no process, mount, container, directory."""


def under_env(command: Command) -> list[str]:
    """Return the command line that clears the environment first: both sandboxes would add to it."""
    # A first word with = in it would be taken for one more variable; nice(1) looks for none.
    shield = ["/usr/bin/nice", "-n", "0"] if "=" in command.argv[0] else []
    variables = [f"{name}={value}" for name, value in command.environment.items()]
    return ["/usr/bin/env", "-i", *variables, *shield, *command.argv]


def admit(directory: Path) -> None:
    """Let every user, Lambda's among them, use a directory and all in it: files, and sockets to connect to.

    Raise SandboxError when there is no such directory, or it is not ours.
    """
    try:
        directory.chmod(0o777)
    except OSError as error:
        raise SandboxError(f"{directory} cannot be opened to the sandbox: {error.strerror}") from error
    for path in directory.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            continue
        with contextlib.suppress(PermissionError):  # what a run in a container left is not ours to open
            path.chmod(stat.S_IMODE(mode) | (0o777 if stat.S_ISDIR(mode) else 0o666))
