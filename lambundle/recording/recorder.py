"""Recording of commands: run each, collect the files that it used, filter them."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.errors import RecordingError
from lambundle.machine import here
from lambundle.recording.filter import Bounds, choose, choose_directories, tidy
from lambundle.recording.method import Method
from lambundle.recording.seen import Seen, add_interpreters
from lambundle.recording.strace import Strace, usable_strace
from lambundle.recording.trace import runtime_recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.machine import Machine
    from lambundle.recording.trace import Runtime

_CLOCK_TICK = 0.02
"""Seconds, longer than the resolution of the kernel's time stamps."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The files that commands used, sorted: absolute paths as the commands named them, not resolved.

    ``files`` were opened, checked, executed or mapped, and are regular files or links to some; ``executed``, part of
    ``files``, are programs, scripts and their interpreters; ``directories`` were listed. ``status`` is the exit status
    of each command, as in a shell (128 + N for a signal). ``notes`` tell what was not seen or left out.
    """

    files: tuple[str, ...]
    directories: tuple[str, ...]
    executed: tuple[str, ...]
    status: tuple[int, ...]
    notes: tuple[str, ...]
    method: Method


def record(commands: Sequence[str], *, home: Path | None = None, method: Method | None = None) -> Recording:
    """Run shell commands in turn in the current directory; return the files that they used.

    They have the user's environment, stdin and stderr; their stdout goes to stderr. ``home`` is the private home
    directory (default: the user's). ``method`` is by default strace if it works.

    A failing command is no error: see ``status``. Raises RecordingError if a command cannot be started, nothing was
    recorded of it, or ``method`` does not work.
    """
    machine = here()
    with tempfile.TemporaryDirectory(prefix="lambundle-record-") as own:
        start = Path(own, "start")
        start.touch()
        time.sleep(_CLOCK_TICK)  # what the command makes gets a later time stamp than `start`
        recorder, notes = _recorder(machine, method, own)
        seen = Seen()
        status = tuple(recorder.run(command, str(start), seen) for command in commands)
        files = here().files  # as they are now
        add_interpreters(files, seen)
        homes = machine.home_directories if home is None else (str(home),)
        bounds = Bounds(machine.directory, homes, (own, str(runtime.BUILT)), start.stat().st_ctime_ns)
        taken, left_out = choose(files, seen.files, bounds)
        directories = choose_directories(files, seen.directories, bounds)
    chosen = frozenset(taken)
    return Recording(
        files=taken,
        directories=directories,
        executed=tuple(sorted(chosen.intersection(map(tidy, seen.executed)))),
        status=status,
        notes=(*notes, *recorder.notes(seen), *left_out),
        method=recorder.method,
    )


_UNSEEN = (
    "recorded with lambundle's runtime, which does not see files that libc opens (locales, character sets, name "
    "service), static programs, programs with an empty environment, and processes that outlive the command"
)


def _recorder(machine: Machine, method: Method | None, own: str) -> tuple[Strace | Runtime, tuple[str, ...]]:
    """Return a recorder, and notes if it is not strace."""
    if method is Method.RUNTIME:
        return runtime_recorder(machine, own), (_UNSEEN,)
    command, obstacle = usable_strace(machine, own)
    if command:
        return Strace(own, command), ()
    if method is Method.STRACE:
        raise RecordingError(f"strace cannot be used: {obstacle}", hint="install strace, or allow ptrace")
    return runtime_recorder(machine, own), (f"{obstacle}: {_UNSEEN}",)
