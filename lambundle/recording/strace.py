"""Recording with strace, which sees every program, static ones too, and what libc opens by itself."""

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
"""Seconds for which processes in the background may outlive their command under strace."""

_OPTIONS = (
    "-f",
    "-q",
    "-y",
    "-s0",  # of contents nothing is wanted; names are written in full whatever this says
    # What is mapped was opened before, so mmap, which is frequent, is not asked for.
    "-etrace=file,?fork,?vfork,?clone,?clone3,fchdir,?getdents,getdents64",
)


def usable_strace(machine: Machine, own: str) -> tuple[tuple[str, ...], str]:
    """The beginning of a command line that traces, or none and what is in the way."""
    program = find_command(machine.files, "strace", machine.search)
    if program is None:
        return (), "strace is not installed"
    obstacle = ""
    for quick in ("--seccomp-bpf", None):  # without it every system call stops the program
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
    """Records with strace, whose beginning of a command line is ``command``."""

    own: str
    command: tuple[str, ...]
    method: Method = Method.STRACE
    _ended: list[str] = field(default_factory=list)
    _count: int = 0

    def run(self, command: str, start: str, seen: Seen) -> int:
        """Run a command; returns its status."""
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
        """What has to be said of the commands."""
        if not self._ended:
            return ()
        names = ", ".join(dict.fromkeys(self._ended))
        return (f"{names} went on in the background and was ended {LINGER:g} s after the command",)


def _await(process: subprocess.Popen[bytes], log: str) -> list[str]:
    """Wait for strace; returns the names of processes that had to be ended.

    strace waits for everything that was started, and a daemon never ends. It cannot be left alone either:
    strace's filter stays with it and makes its system calls fail.
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
            with suppress(OSError):  # it may just have ended
                names.append(Path(f"/proc/{process}/comm").read_text(errors="backslashreplace").strip())
                os.kill(int(process), number)
    return names
