"""Recording with strace, which sees static programs and the files that libc opens."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.machine import here
from lambundle.recording import shell
from lambundle.recording.method import Method
from lambundle.recording.strace_log import read_strace
from lambundle.scripts.shebang import find_command

if TYPE_CHECKING:
    from lambundle.machine import Machine
    from lambundle.recording.seen import Seen

LINGER = 2.0
"""Timeout in seconds for background processes that outlive their command under strace."""

_OPTIONS = (
    "-f",
    "-q",
    "-y",
    "-s0",  # no contents; paths are always written in full
    # Mapped files were opened before; mmap is frequent.
    "-etrace=file,?fork,?vfork,?clone,?clone3,fchdir,?getdents,getdents64",
)


def usable_strace(machine: Machine, own: str) -> tuple[tuple[str, ...], str]:
    """Return a command line prefix that traces; or an empty one and the obstacle."""
    program = find_command(machine.files, "strace", machine.search)
    if program is None:
        return (), "strace is not installed"
    obstacle = ""
    for quick in ("--seccomp-bpf", None):  # without it the program stops at every system call
        command = (program, *((quick,) if quick else ()), *_OPTIONS)
        log = Path(own, "probe")
        try:
            probe = subprocess.run(
                (*command, "-o", str(log), *shell.arguments(":")), check=False, capture_output=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return (), f"strace does not work here ({error})"
        if probe.returncode == 0 and log.exists() and b"execve(" in log.read_bytes():
            return command, ""
        said = probe.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        obstacle = f"strace does not work here ({said[0] if said else f'exit status {probe.returncode}'})"
    return (), obstacle


@dataclass(slots=True)
class Strace:
    """A recorder with strace; ``command`` is its command line prefix."""

    own: str
    command: tuple[str, ...]
    method: Method = Method.STRACE
    _ended: list[str] = field(default_factory=list)
    _count: int = 0

    def run(self, command: str, start: str, seen: Seen) -> int:
        """Run a command; return its exit status. Raises RecordingError."""
        self._count += 1
        log = os.path.join(self.own, f"strace.{self._count}")
        with shell.started((*self.command, "-o", log, *shell.arguments(command, start))) as process:
            self._ended += _await(process, log)
        try:
            marked = read_strace(here(), log, start, seen)
        except OSError as error:
            raise shell.nothing_recorded(command, "see what strace says above") from error
        if not marked:
            raise shell.nothing_recorded(command, "see what strace says above")
        return shell.status(process.returncode)

    def notes(self, _seen: Seen) -> tuple[str, ...]:
        """Return notes on the commands."""
        if not self._ended:
            return ()
        names = ", ".join(dict.fromkeys(self._ended))
        return (f"{names} ran on in the background and was ended {LINGER:g} s after the command",)


def _await(process: subprocess.Popen[bytes], log: str) -> list[str]:
    """Wait for strace; return the names of processes that had to be ended.

    strace waits for all processes, and a daemon never ends. Left alone, it would keep strace's seccomp filter, with
    which its system calls fail.
    """
    main: int | None = None
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            return []
        main = _first_process(log) if main is None else main
        if main is not None and _tracer(main) != process.pid:
            break
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=LINGER)
        return []
    names = _signal_traced(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=LINGER)
        return names
    _signal_traced(process.pid, signal.SIGKILL)
    return names


def _first_process(log: str) -> int | None:
    with suppress(OSError, ValueError, IndexError), Path(log).open("rb") as file:
        return int(file.readline().split()[0])
    return None


def _tracer(process: int | str) -> int | None:
    with suppress(OSError, ValueError), Path(f"/proc/{process}/status").open("rb") as file:
        return next((int(line.split()[1]) for line in file if line.startswith(b"TracerPid:")), None)
    return None


def _signal_traced(tracer: int, number: signal.Signals) -> list[str]:
    names = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        if _tracer(process) == tracer:
            with suppress(OSError):  # it may have ended
                names.append(Path(f"/proc/{process}/comm").read_text(errors="backslashreplace").strip())
                os.kill(int(process), number)
    return names
