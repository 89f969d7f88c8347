"""One run in the supervisor: bubblewrap is started, watched, and its end reported."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import platform
import resource
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lambundle import target
from lambundle.verify.sandbox.bubblewrap import kernel
from lambundle.verify.sandbox.bubblewrap.supervisor_request import TMP, stage
from lambundle.verify.sandbox.bubblewrap.supervisor_stage import mount, tmp_used, unmount
from lambundle.verify.sandbox.memory import Meter, processes_of
from lambundle.verify.sandbox.unmapped import UnmappedMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.verify.sandbox.bubblewrap.supervisor_request import Handles, RunRequest
    from lambundle.verify.sandbox.bubblewrap.supervisor_stage import Identity

_POLL = 0.02  # seconds between two looks at a run
_FIRST_POLL = 0.001
_SETUP = 30.0  # seconds that bubblewrap may take to put the sandbox together
_COUNTED_APART = (5, 14)  # since this Linux a user namespace has its own count of processes
_TIMED_OUT = 124  # as timeout(1)
_KILLED = 128 + signal.SIGKILL


class SupervisedRun:
    """One bubblewrap and what it runs."""

    def __init__(
        self,
        request: RunRequest,
        control: socket.socket,
        status: int,
        block: int,
        process: int,
        identity: Identity | None,
    ) -> None:
        self.request = request
        self._identity = identity
        self.control = control
        self.status = status  # bubblewrap tells here how it goes
        self.process = process  # bubblewrap itself, our child
        self.first: int | None = None  # the first process in the sandbox
        self._block = block  # bubblewrap waits for something here before it starts the command
        self._heard = b""
        self.talks = True
        self.ended_by = ""
        self._exit: int | None = None
        self._trouble = ""
        self._began = self._ended = time.monotonic()
        self._deadline = self._began + _SETUP
        self._meter: Meter | None = None
        self._interval = _FIRST_POLL
        self.next_look = self._deadline
        self._tmp = 0
        self._unmapped = UnmappedMemory()

    def hear(self) -> None:
        """Take in what bubblewrap says: the first process's id once there is one, the exit status at the end."""
        while b"\n" in self._heard or self._receive():
            line, newline, rest = self._heard.partition(b"\n")
            if not newline:
                continue
            self._heard = rest
            said = json.loads(line)
            if "child-pid" in said:
                self._begin(said["child-pid"])
            self._exit = said.get("exit-code", self._exit)

    def _receive(self) -> bool:
        try:
            more = os.read(self.status, 4096)
        except BlockingIOError:
            return False
        self._heard += more
        self.talks = bool(more)
        return self.talks

    def _begin(self, first: int) -> None:
        self.first = first
        try:
            with _counted_as(self._identity):
                _limit_processes(first, self.request.processes)
        except OSError as error:
            self._trouble = f"the number of processes cannot be limited: {error.strerror}"
            self.kill("killed")
            return
        self._unmapped = UnmappedMemory(_segments_of(first))
        self._meter = Meter(first, os.stat(TMP).st_dev, self._unmapped)
        self._began = self._ended = time.monotonic()
        self._deadline = self._began + self.request.seconds
        self.next_look = self._began
        os.write(self._block, b"1")

    def look(self) -> None:
        """See whether the run is within its limits."""
        began = time.monotonic()
        if self._meter is not None:
            self._tmp = max(self._tmp, tmp_used())
            if self._meter.measure() > self.request.memory:
                self.kill("memory")
        now = time.monotonic()
        if now >= self._deadline:
            self.kill("timeout")
        # Looking at a large family takes long: it may have a third of the time.
        self._interval = min(self._interval * 2, _POLL)
        pause = max(self._interval, 2 * (now - began))
        self.next_look = min(now + pause, max(self._deadline, now + _FIRST_POLL))

    def kill(self, why: str) -> None:
        """Kill everything; why is told by the report, of several reasons the first."""
        if self.process:  # our child, not yet waited for: the number is still its own
            self.ended_by = self.ended_by or why
            os.kill(self.process, signal.SIGKILL)

    def end(self) -> None:
        """Note that bubblewrap is gone; what it leaves is killed by the supervisor."""
        self.hear()
        self._ended = time.monotonic()
        self._tmp = max(self._tmp, tmp_used())
        self.process = 0
        self.next_look = math.inf

    def report(self) -> None:
        """Tell how the run ended, and let go of all that was its own."""
        report = {
            "status": {"timeout": _TIMED_OUT, "": self._exit}.get(self.ended_by, _KILLED),
            "ended_by": self.ended_by,
            "seconds": self._ended - self._began,
            "memory": self._meter.peak if self._meter else None,
            "tmp": self._tmp,
            "error": self._error(),
        }
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(report).encode())
        self.control.close()
        os.close(self.status)
        os.close(self._block)
        self._unmapped.close()
        unmount(self.request)

    def _error(self) -> str:
        has_run = self._meter is not None and (self._exit is not None or self.ended_by)
        if self._trouble or has_run or self.ended_by == "killed":
            return self._trouble
        return "bubblewrap could not put the sandbox together"  # on the run's standard error it has said why


def _segments_of(process: int) -> int | None:
    """Open the list of shared memory segments in a process's namespace; None where that cannot be had.

    In a child, since there is no way back from a namespace for who is not root here; what it opens stays the list of
    that namespace.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = os.fork()
        if child == 0:
            try:
                kernel.enter(os.open(f"/proc/{process}/ns/ipc", os.O_RDONLY), kernel.CLONE_NEWIPC)
                socket.send_fds(theirs, [b"x"], [os.open("/proc/sysvipc/shm", os.O_RDONLY)])
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        theirs.close()
        _, found, _, _ = socket.recv_fds(ours, 1, 1)
    return found[0] if found else None


@contextlib.contextmanager
def _counted_as(identity: Identity | None) -> Iterator[None]:
    """Be another user's by real id, which is what prlimit(2) asks of those without CAP_SYS_RESOURCE."""
    if identity is None:
        yield
        return
    os.setresgid(identity.gid, -1, -1)
    os.setresuid(identity.uid, -1, -1)
    try:
        yield
    finally:
        os.setresuid(0, -1, -1)
        os.setresgid(0, -1, -1)


def _limit_processes(process: int, limit: int) -> None:
    """Limit how many processes and threads there may be in the sandbox whose first process this is."""
    version = tuple(int(word) for word in platform.release().split("-")[0].split(".")[:2])
    if version < _COUNTED_APART:
        limit += processes_of(os.stat(f"/proc/{process}").st_uid)
    _, hard = resource.prlimit(process, resource.RLIMIT_NPROC)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.prlimit(process, resource.RLIMIT_NPROC, (limit, limit))


# --- starting one


def start(request: RunRequest, handles: Handles, control: socket.socket, identity: Identity | None) -> SupervisedRun:
    """Start bubblewrap; raise OSError where its mounts cannot be made."""
    mount(request)
    block_read, block_write = os.pipe()
    status_read, status_write = os.pipe()
    os.set_blocking(status_read, False)
    parent = os.getpid()
    process = os.fork()
    if process == 0:
        streams = (handles.stdin, handles.stdout, handles.stderr, handles.seccomp, block_read, status_write)
        _become_bubblewrap(request, streams, identity, parent)
    os.close(block_read)
    os.close(status_write)
    return SupervisedRun(request, control, status_read, block_write, process, identity)


def _become_bubblewrap(
    request: RunRequest, streams: tuple[int, ...], identity: Identity | None, parent: int
) -> NoReturn:
    try:
        # First out of the way, then to their places: one of these may be another's place.
        moved = [fcntl.fcntl(handle, fcntl.F_DUPFD, len(streams)) for handle in streams]
        for place, handle in enumerate(moved):
            os.dup2(handle, place)
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the directory itself was one of them
                if int(name) >= len(streams):
                    os.close(int(name))
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _set_limits()
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: request.processors])
        if identity is not None:
            os.setgroups([])
            os.setresgid(identity.gid, identity.gid, identity.gid)
            os.setresuid(identity.uid, identity.uid, identity.uid)
        kernel.control(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            program = f"{stage(request.name, 0)}/{request.program}"
            os.execve(program, [program, *request.arguments], {})  # noqa: S606  (a shell is of no use here)
    except BaseException as error:  # noqa: BLE001  (this process must not go on as a second supervisor)
        os.write(2, f"lambundle: {error}\n".encode(errors="replace"))
    os._exit(1)


def _set_limits() -> None:
    for name in ("nofile", "stack", "core"):
        number = getattr(resource, f"RLIMIT_{name.upper()}")
        _, hard = resource.getrlimit(number)
        limit = target.RLIMITS[name] if hard == resource.RLIM_INFINITY else min(target.RLIMITS[name], hard)
        resource.setrlimit(number, (limit, limit))
    # Where memory runs out before the run's limit is seen to be passed, the run is the one to go.
    Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
