"""Recording commands: run each, see what it used, keep what a bundle may hold."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.errors import RecordingError
from lambundle.machine import here
from lambundle.recording.choice import Bounds, choose, choose_directories, tidy
from lambundle.recording.method import Method
from lambundle.recording.seen import Seen, add_interpreters
from lambundle.recording.strace import Strace, usable_strace
from lambundle.recording.trace import runtime_recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.machine import Machine
    from lambundle.recording.trace import Runtime

_CLOCK_TICK = 0.02
"""Longer than the kernel's clock for time stamps stands still."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What commands used, sorted: absolute paths as they were asked for, links and ``..`` not resolved.

    ``files`` were opened, looked at, executed or mapped, and are regular files or links that lead
    somewhere; ``executed``, part of ``files``, are the programs, scripts and scripts' interpreters;
    ``directories`` were listed. ``status`` is each command's, as a shell gives it (128 + N for a signal).
    ``notes`` say what could not be seen, and what was left out and why.
    """

    files: tuple[str, ...]
    directories: tuple[str, ...]
    executed: tuple[str, ...]
    status: tuple[int, ...]
    notes: tuple[str, ...]
    method: Method


def record(commands: Sequence[str], *, home: Path | None = None, method: Method | None = None) -> Recording:
    """Run shell commands, one after the other, in the current directory, and say which files they used.

    They have the user's environment, stdin and stderr; their stdout goes to stderr too, since ours is for
    answers. ``home`` is the directory that is private beside the usual ones: the user's, unless given.
    ``method`` is chosen by what this machine allows unless it is given.

    A command that fails is no error here: see ``status``. Raises RecordingError where a command cannot be
    started, nothing is recorded of it, or the method asked for does not work.
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
        homes = machine.homes if home is None else (str(home),)
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
    "recorded with lambundle's runtime, which does not see what libc opens by itself (locales, character sets, name "
    "service), static programs, what is started with an emptied environment, and what goes on after the command"
)


def _recorder(machine: Machine, method: Method | None, own: str) -> tuple[Strace | Runtime, tuple[str, ...]]:
    """The way to record, and notes on why it is not the better one."""
    if method is Method.RUNTIME:
        return runtime_recorder(machine, own), (_UNSEEN,)
    command, obstacle = usable_strace(machine, own)
    if command:
        return Strace(own, command), ()
    if method is Method.STRACE:
        raise RecordingError(f"strace cannot be used: {obstacle}", hint="install strace, or allow ptrace")
    return runtime_recorder(machine, own), (f"{obstacle}: {_UNSEEN}",)
