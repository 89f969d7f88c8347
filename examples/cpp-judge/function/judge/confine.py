"""Runs a command that nobody trusts: bounded in every respect, and gone with all its children afterwards."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import selectors
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from judge import kernel, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MIB = 1 << 20
OUTPUT = 64 << 10
"""Most bytes of stdout, and of stderr."""
PROCESSES = 128
"""Most processes and threads of a command together."""
FILES = 64
"""Most open files."""
STACKS = 512 * MIB
"""Address space beyond the memory limit, for stacks of threads: they are reserved whole and hardly touched."""
TICK = 0.005
"""Most seconds between two looks at what the command uses; in its first moments they follow faster."""
BLOCK = 64 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of CPU of all processes together, seconds by the clock, bytes of memory, bytes of one file."""

    cpu: float
    wall: float
    memory: int
    file: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    ``ended_by`` is empty where it ended by itself, else the limit that it met: ``time``, ``memory``, ``output``.
    ``exit`` is None after a ``signal``, which is given by name. ``wall`` and ``cpu`` are seconds, ``memory`` bytes.
    """

    ended_by: str
    exit: int | None
    signal: str | None
    stdout: bytes
    stderr: bytes
    wall: float
    cpu: float
    memory: int


def run(command: Sequence[str], *, cwd: str, environment: dict[str, str], stdin: bytes, limits: Limits) -> Outcome:
    """Run ``command`` to its end, or to the first limit that it meets. No process of it is left then."""
    with tempfile.TemporaryFile(dir=cwd) as given:
        given.write(stdin)
        given.seek(0)
        started = time.monotonic()
        with subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            start_new_session=True,
            preexec_fn=_confinement(limits),  # noqa: PLW1509  (this process has one thread)
        ) as process:
            return _Watch(process, limits, started).outcome()


def _confinement(limits: Limits) -> Callable[[], None]:
    """What the new process does to itself just before it becomes the command."""
    spared = [process.pid for process in processes.everybody()]
    threads = processes.threads_of_this_user()
    bounds = {
        resource.RLIMIT_CPU: math.ceil(limits.cpu) + 1,  # should this process be too slow to notice
        resource.RLIMIT_DATA: limits.memory + STACKS,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_NPROC: threads + PROCESSES,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    filter_ = kernel.compose(spared)

    def confine() -> None:
        for name, bound in bounds.items():
            hard = resource.getrlimit(name)[1]
            lowered = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
            resource.setrlimit(name, (lowered, lowered))
        kernel.forbid(filter_)

    return confine


class _Watch:
    """Watches one command from its start until nothing of it is left."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, started: float) -> None:
        self._process = process
        self._limits = limits
        self._started = started
        self._output: dict[IO[bytes], bytearray] = {}
        self._selector = selectors.DefaultSelector()
        self._own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._reaped_cpu = 0.0
        self._memory = 0
        self._status = 0
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._output[pipe] = bytearray()
                self._selector.register(pipe, selectors.EVENT_READ)

    def outcome(self) -> Outcome:
        with self._selector:
            try:
                ended_by = self._until_the_end()
            finally:
                wall = time.monotonic() - self._started
                self._end_all()
            while self._collect(0):  # until the last of what is in the pipes
                pass
        code = os.waitstatus_to_exitcode(self._status)
        self._process.returncode = code  # reaped here, not by Popen
        stdout, stderr = (bytes(output[:OUTPUT]) for output in self._output.values())
        if not ended_by and self._too_much_output():
            ended_by = "output"
        if not ended_by and code == -signal.SIGXCPU:
            ended_by = "time"
        name = signal.Signals(-code).name if code < 0 else None
        exit_ = code if code >= 0 else None
        # One that ended before the first look used less than this process.
        memory = self._memory or self._own_peak * 1024
        return Outcome(ended_by, exit_, name, stdout, stderr, wall, self._reaped_cpu, memory)

    def _until_the_end(self) -> str:
        while not self._has_ended():
            self._collect(min(TICK, TICK / 10 + (time.monotonic() - self._started) / 10))
            if self._too_much_output():
                return "output"
            alive = processes.descendants()
            self._memory = max(self._memory, processes.memory(alive, self._limits.memory))
            if self._memory > self._limits.memory:
                return "memory"
            cpu = self._reaped_cpu + sum(process.cpu for process in alive)
            if cpu > self._limits.cpu or time.monotonic() - self._started > self._limits.wall:
                return "time"
        return ""

    def _collect(self, seconds: float) -> bool:
        """Read what there is, waiting for it at most ``seconds``; False when nothing came."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
            block = os.read(pipe.fileno(), BLOCK)
            self._output[pipe] += block
            if not block:
                self._selector.unregister(pipe)
        return bool(ready)

    def _too_much_output(self) -> bool:
        return any(len(output) > OUTPUT for output in self._output.values())

    def _has_ended(self) -> bool:
        """Whether the command itself has; orphans that ended are put away."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while (ended := os.waitid(os.P_ALL, 0, options)) is not None:
            if ended.si_pid == self._process.pid:
                return True  # it stays, so that its group keeps its number
            self._reap(ended.si_pid)
        return False

    def _end_all(self) -> None:
        """Kill everything. The group is killed as one, then whoever left it, until this process has no child."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                if not self._reap(-1):
                    for process in processes.descendants():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(process.pid, signal.SIGKILL)
                    time.sleep(TICK / 10)

    def _reap(self, pid: int) -> bool:
        reaped, status, usage = os.wait4(pid, os.WNOHANG)
        if reaped == 0:
            return False
        self._reaped_cpu += usage.ru_utime + usage.ru_stime
        # The kernel counts in what the process was before it became the command: a copy of this one.
        if usage.ru_maxrss > self._own_peak:
            self._memory = max(self._memory, usage.ru_maxrss * 1024)
        if reaped == self._process.pid:
            self._status = status
        return True
