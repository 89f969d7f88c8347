"""The supervisor: a process that holds one environment, its /tmp and its runs.

It lives in a mount namespace of its own, where /tmp is a tmpfs of the right size, and starts bubblewrap there once
for each run. What it does for a run: the rest of the limits, the clock, and to see that nothing of it is left. It
reads no bundle and has one thread. Its end is the end of the socket on descriptor 0: however verify ends, the socket
closes, every process of every run is killed, and the mounts go with the namespace.

Started as root it stays root for its mounts alone: bubblewrap is started as Lambda's user, and makes itself a user
namespace like everybody else's, in which the limit on processes counts those of one run.

Messages: on the socket, first ``{"error"}`` from here, empty when all is well; then one byte for each run with the
descriptors of ``Handles``. On a run's own socket: anything, or its end, kills the run; from here, one object when it
has ended (see ``SupervisedRun.report``).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING

from lambundle.verify.sandbox.bubblewrap import kernel
from lambundle.verify.sandbox.bubblewrap.supervised_run import start
from lambundle.verify.sandbox.bubblewrap.supervisor_request import Handles, RunRequest
from lambundle.verify.sandbox.bubblewrap.supervisor_stage import enter
from lambundle.verify.sandbox.memory import children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.verify.sandbox.bubblewrap.supervised_run import SupervisedRun
    from lambundle.verify.sandbox.bubblewrap.supervisor_stage import Identity

_PAUSE = 0.02  # seconds between two looks at what will not go
_CLEARING = 0.001
_GRACE = 5.0  # seconds that killed processes may take to be gone


class Supervisor:
    """Serves ``requests`` until they end."""

    def __init__(self, requests: socket.socket, identity: Identity | None) -> None:
        self._requests = requests
        self._identity = identity
        self._runs: list[SupervisedRun] = []

    def serve(self) -> None:
        """Start what is asked for and look after it; at the end of the requests, leave nothing of it."""
        with _woken_by_children() as wakeup:
            while self._attend(wakeup):
                self._clear_away()
            for run in self._runs:
                run.kill("killed")
            deadline = time.monotonic() + _GRACE
            while (self._runs or children(os.getpid())) and time.monotonic() < deadline:
                self._clear_away()
                select.select([wakeup], [], [], _PAUSE)

    def _attend(self, wakeup: int) -> bool:
        """Wait until there is something to do, and do it. False: no more requests."""
        requests = self._requests.fileno()
        controls = {run.control.fileno(): run for run in self._runs if not run.ended_by}
        statuses = {run.status: run for run in self._runs if run.talks}
        ready, _, _ = select.select([requests, wakeup, *controls, *statuses], [], [], self._pause())
        if wakeup in ready:
            os.read(wakeup, 4096)
        for handle in ready:
            if handle in statuses:
                statuses[handle].hear()
            elif handle in controls:
                controls[handle].kill("killed")
        now = time.monotonic()
        for run in self._runs:
            if run.next_look <= now:
                run.look()
        return requests not in ready or self._accept()

    def _pause(self) -> float | None:
        """Seconds until a run has to be looked at."""
        if any(not run.process for run in self._runs):
            return _CLEARING
        looks = [run.next_look for run in self._runs]
        return max(0.0, min(looks) - time.monotonic()) if looks else None

    def _accept(self) -> bool:
        message, received, _, _ = socket.recv_fds(self._requests, 1, len(Handles._fields))
        if not message:
            return False
        handles = Handles(*received)
        control = socket.socket(fileno=handles.control)
        try:
            request = RunRequest.read(handles.request)
            self._runs.append(start(request, handles, control, self._identity))
        except OSError as error:
            with contextlib.suppress(OSError):
                control.sendall(json.dumps({"error": str(error)}).encode())
            control.close()
        finally:
            for handle in handles:
                if handle != handles.control:
                    os.close(handle)
        return True

    def _clear_away(self) -> None:
        """Take note of processes that have ended, kill what they left, and report runs of which nothing is left."""
        for process in _ended_children():
            for run in self._runs:
                if run.process == process:
                    run.end()
        ours = {run.process for run in self._runs}
        left = {process for process in children(os.getpid()) if process not in ours}
        for process in left:  # orphans come to us, for we are their reaper
            os.kill(process, signal.SIGKILL)
        for run in [run for run in self._runs if not run.process]:
            if run.first not in left and not (run.first is None and left):
                run.report()
                self._runs.remove(run)


def _ended_children() -> Iterator[int]:
    with contextlib.suppress(ChildProcessError):
        while process := os.waitpid(-1, os.WNOHANG)[0]:
            yield process


@contextlib.contextmanager
def _woken_by_children() -> Iterator[int]:
    """Give a descriptor that can be read when a child has ended."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    try:
        yield readable
    finally:
        signal.set_wakeup_fd(-1)


def main() -> None:
    """Keep one environment until the socket on descriptor 0 ends."""
    requests = socket.socket(fileno=0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o022)
    kernel.control(kernel.PR_SET_CHILD_SUBREAPER, 1)
    try:
        identity = enter()
    except OSError as error:
        requests.sendall(json.dumps({"error": str(error)}).encode())
        return
    requests.sendall(json.dumps({"error": ""}).encode())
    Supervisor(requests, identity).serve()
