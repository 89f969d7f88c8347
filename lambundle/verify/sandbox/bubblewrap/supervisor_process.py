"""The client of the supervisor: starts it, requests runs, receives their ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import lambundle
from lambundle.errors import SandboxError
from lambundle.verify.sandbox import seccomp
from lambundle.verify.sandbox.bubblewrap import refused
from lambundle.verify.sandbox.bubblewrap.supervisor_request import Handles
from lambundle.verify.sandbox.interface import TIMED_OUT, Outcome
from lambundle.verify.sandbox.streams import tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.verify.sandbox.bubblewrap.supervisor_request import RunRequest
    from lambundle.verify.sandbox.streams import Streams

_TIMEOUT = 60.0  # seconds beyond a run's own until its supervisor counts as broken
_DRAIN = 10.0  # seconds to take in what an ended run has written

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from lambundle.verify.sandbox.bubblewrap.supervisor import main; main()"
)


class SupervisorProcess:
    """The supervisor's process (``supervisor.main``)."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        package = str(Path(lambundle.__file__).parent.parent)
        with theirs:
            # In a session of its own, so that Ctrl-C is ours to handle.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, package],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                start_new_session=True,
            )
        error = self._greeting()
        if error:
            self.close()
            raise SandboxError(refused.reason(), context=(error,), hint=refused.hint())

    def _greeting(self) -> str:
        self._requests.settimeout(_TIMEOUT)
        try:
            return str(json.loads(self._requests.recv(1 << 16) or b"{}").get("error", "its supervisor did not start"))
        except OSError as error:
            return f"its supervisor did not start: {error}"
        finally:
            self._requests.settimeout(None)

    def request(self, request: RunRequest, streams: Streams) -> socket.socket:
        """Have a run started; the answer is the run's own socket. Raise SandboxError when the supervisor is gone."""
        control, theirs = socket.socketpair()
        text = json.dumps(asdict(request)).encode()
        with theirs, _memory_file(text) as asked, _memory_file(seccomp.instructions()) as refused:
            ends = (streams.stdin, streams.stdout, streams.stderr)
            handles = Handles(asked.fileno(), theirs.fileno(), *ends, refused.fileno())
            try:
                socket.send_fds(self._requests, [b"r"], list(handles))
            except OSError as error:
                control.close()
                raise SandboxError(f"the sandbox's supervisor is gone: {self._last_words()}") from error
        return control

    def _last_words(self) -> str:
        self._process.kill()
        _, words = self._process.communicate()
        return tail(words)

    def close(self) -> None:
        """Let it end everything, and end."""
        self._requests.close()
        try:
            self._process.communicate(timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._last_words()


class BubblewrapRun:
    """A run under way."""

    def __init__(self, control: socket.socket, streams: Streams, seconds: float) -> None:
        self._control = control
        self._streams = streams
        self._timeout = seconds + _TIMEOUT
        self._lock = threading.Lock()
        self._outcome: Outcome | None = None

    def wait(self, seconds: float | None = None) -> Outcome:
        """Wait for the end, at most ``seconds``; then end it with all its children."""
        with self._lock:
            if self._outcome is None:
                self._outcome = self._finish(seconds)
            return self._outcome

    def kill(self) -> None:
        """End it with all its children, now."""
        with contextlib.suppress(OSError):
            self._control.send(b"k")

    def _finish(self, seconds: float | None) -> Outcome:
        report = None if seconds is None else self._report(seconds)
        late = seconds is not None and report is None
        if late:
            self.kill()
        report = report or self._report(self._timeout) or {"error": "the sandbox's supervisor is gone"}
        self._control.close()
        stdout, stderr, dropped = self._streams.finish(_DRAIN)
        if report["error"]:
            raise SandboxError(report["error"], context=(tail(stderr),), hint=refused.hint())
        return Outcome(
            status=TIMED_OUT if late else report["status"],
            stdout=stdout,
            stderr=stderr,
            seconds=report["seconds"],
            ended_by="timeout" if late else report["ended_by"],
            memory=report["memory"],
            tmp=report["tmp"],
            dropped=dropped,
        )

    def _report(self, seconds: float) -> dict[str, Any] | None:
        self._control.settimeout(seconds)
        try:
            message = self._control.recv(1 << 16)
        except TimeoutError:
            return None
        except OSError:
            message = b""
        return json.loads(message) if message else None


@contextlib.contextmanager
def _memory_file(content: bytes) -> Iterator[IO[bytes]]:
    with os.fdopen(os.memfd_create("lambundle"), "w+b") as file:
        file.write(content)
        file.flush()
        file.seek(0)
        yield file
