"""Running commands and taking their time, memory and output, rivals in turn."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAIL = 2000

STARTER = """
import os, sys
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print("\\n", usage.ru_maxrss << 10)
sys.exit(os.waitstatus_to_exitcode(status) and 1)
"""
"""Starts a command, and prints the bytes of its largest process last."""


class CommandError(Exception):
    """A command that was to be measured did not do its work."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a command took, and what it printed."""

    seconds: float
    stdout: str


def clean_environment() -> dict[str, str]:
    """Return this process's environment as a user would have it: nothing that makes Python slower or faster."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Run:
    """Run ``command`` to its end; CommandError when that is not a good one."""
    arguments = [os.fspath(argument) for argument in command]
    with (
        Path(os.devnull).open("rb") as nothing,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        streams = ((nothing, 0), (stdout, 1), (stderr, 2))
        # posix_spawn costs a third of what subprocess does: of starting a small program it would be the most.
        begun = time.perf_counter()
        child = os.posix_spawnp(
            arguments[0],
            arguments,
            clean_environment() if environment is None else environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, stream.fileno(), number) for stream, number in streams],
        )
        _, status = os.waitpid(child, 0)
        seconds = time.perf_counter() - begun
        stdout.seek(0)
        stderr.seek(0)
        said, complained = (stream.read().decode(errors="replace") for stream in (stdout, stderr))
    if status != 0:
        code = os.waitstatus_to_exitcode(status)
        raise CommandError(f"{' '.join(arguments)} ended with {code}\n{(said + complained)[-TAIL:]}")
    return Run(seconds, said)


def peak(command: Sequence[str | Path]) -> int:
    """Return the resident memory, in bytes, of the largest process among ``command`` and its children.

    Linux counts for a process what the one that started it held at that time, getrusage(2) says nothing of
    it: so a small process starts the command, and not this one, which may hold more than the command does.
    CommandError as of ``run``.
    """
    return int(run([sys.executable, "-ISc", STARTER, *command]).stdout.split()[-1])


def in_turn(rounds: int, *commands: Sequence[str | Path], warm_up: bool = True) -> list[list[Run]]:
    """Run each of ``commands`` ``rounds`` times, in turn, so that whatever else the machine does meets all.

    The first of them comes last in the next round. A warm-up fills caches and is not counted.
    """
    if warm_up:
        for command in commands:
            run(command)
    runs: list[list[Run]] = [[] for _ in commands]
    for number in range(rounds):
        for place in range(len(commands)):
            which = (place + number) % len(commands)
            runs[which].append(run(commands[which]))
    return runs


def fastest(rounds: int, *commands: Sequence[str | Path], warm_up: bool = True) -> list[float]:
    """Return the seconds of each command's fastest run: others can only make a run slower."""
    return [min(run.seconds for run in runs) for runs in in_turn(rounds, *commands, warm_up=warm_up)]
