"""One process of a runtime, from its start to its end, with all that we hold of it outside the sandbox."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.errors import SandboxError
from lambundle.verify.function.api import RuntimeApi
from lambundle.verify.function.exchange import Exchange
from lambundle.verify.function.handover import HandoverListener
from lambundle.verify.function.output import Output

if TYPE_CHECKING:
    from lambundle.verify.function.handover import Handed
    from lambundle.verify.function.starting import FunctionStart
    from lambundle.verify.sandbox.interface import Outcome, Run, Sandbox

TIMEOUT = 5.0
"""Seconds to wait for what ends by itself once the sandbox has killed it."""

_SIGNALLED = 128


@dataclass(frozen=True, slots=True)
class Death:
    """Why a runtime ended or never began: AWS's error type and message."""

    kind: str
    message: str


class Environment:
    """A runtime that is started in ``sandbox``; close it in any case.

    ``started`` is when the program began (``time.monotonic``). Raise SandboxError when the sandbox itself does not
    come up.
    """

    def __init__(self, sandbox: Sandbox, start: FunctionStart, arn: str) -> None:
        self.exchange = Exchange()
        self._programs = start.programs
        self._outcome: Outcome | None = None
        self._trouble: Exception | None = None
        with contextlib.ExitStack() as stack:
            handed = self._begin(sandbox, start, stack)
            self.started = time.monotonic()
            self._program, self._error = handed.program, handed.error
            self.output = Output(handed.stdout, handed.stderr)
            stack.callback(self.output.join, TIMEOUT)
            stack.callback(RuntimeApi(handed.listener, self.exchange, arn).close)
            stack.callback(self.kill)
            self._stack = stack.pop_all()

    def kill(self) -> Outcome:
        """End the runtime if it has not ended, and return how it did. Its output can still be taken."""
        if not self.exchange.ended:
            self._running.kill()
        self._waiter.join()
        if self._trouble is not None:
            raise self._trouble
        if self._outcome is None:
            raise SandboxError("the sandbox does not tell how the function ended")
        return self._outcome

    def death(self) -> Death:
        """Say why a runtime that has ended did, as Lambda says it."""
        if not self._program:
            places = " ".join(self._programs)
            return Death("Runtime.InvalidEntrypoint", f"Couldn't find valid bootstrap(s): [{places}]")
        if self._error:
            reason = os.strerror(self._error).lower()
            return Death("Runtime.InvalidEntrypoint", f"fork/exec {self._program}: {reason}")
        outcome = self.kill()
        kind = "Runtime.OutOfMemory" if outcome.ended_by == "memory" else "Runtime.ExitError"
        return Death(kind, _exit(outcome.status))

    def close(self) -> None:
        """End the runtime and let go of everything."""
        self._stack.close()

    def _begin(self, sandbox: Sandbox, start: FunctionStart, stack: contextlib.ExitStack) -> Handed:
        with contextlib.closing(HandoverListener(start.place)) as listener:
            running = self._running = sandbox.start(start.command)
            ends = (running, listener)
            self._waiter = threading.Thread(target=self._wait, args=ends, name="function-end", daemon=True)
            self._waiter.start()
            stack.callback(self.kill)
            handed = listener.receive()
        if handed is None:
            outcome = self.kill()
            said = (outcome.stderr or outcome.stdout).decode(errors="replace").splitlines()
            raise SandboxError(
                f"the function could not be started in the sandbox ({sandbox.name})",
                context=tuple(said[-5:]) or (f"it ended with status {outcome.status}",),
            )
        return handed

    def _wait(self, running: Run, listener: HandoverListener) -> None:
        try:
            self._outcome = running.wait()
        except Exception as trouble:  # noqa: BLE001  (told by whoever asks how it ended)
            self._trouble = trouble
        finally:
            self.exchange.end()
            listener.cancel()


def _exit(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > _SIGNALLED and (name := _signal_name(status - _SIGNALLED)):
        return f"Runtime exited with error: signal: {name}"
    return f"Runtime exited with error: exit status {status}"


def _signal_name(number: int) -> str:
    try:
        return (signal.strsignal(number) or "").lower()
    except ValueError:
        return ""
