"""The states of a runtime and what each request to the Runtime API does to them, as AWS's own emulator has them.

Nothing is known here of HTTP, sockets and processes. The server's threads call ``next``, ``respond``, ``fail`` and
``fail_init``; the invoker calls ``give`` and the waiting ``until_…``; whoever sees the process end, ``end``.
"""

from __future__ import annotations

import enum
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.target import PAYLOAD_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_LARGE = "Function.ResponseSizeTooLarge"


class State(enum.StrEnum):
    """The state of a runtime, by the names in the API's errors."""

    STARTED = "Started"
    READY = "Ready"
    RUNNING = "Running"
    RESPONSE_SENT = "RuntimeResponseSentState"
    INIT_ERROR = "InitError"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way: the request's id, the payload, and until when (Unix time in milliseconds)."""

    request: str
    payload: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The runtime's answer: a body, and the type of the error when it is one (which may be empty)."""

    body: bytes
    error: str | None = None


class RefusedError(Exception):
    """A request that the API answers with an error: the HTTP status and AWS's words."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


class Exchange:
    """The runtime's state and the invocation that is under way, shared between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = State.STARTED
        self._invocation: Invocation | None = None
        self._answer: Answer | None = None
        self._ended = False

    # --- for the server: what the runtime asks

    def next(self) -> Invocation | None:
        """Wait for an event and return it, the same one until it is answered; None when there will be none."""
        with self._changed:
            if self._state is State.INIT_ERROR:
                raise self._not_from_here(State.READY)
            if self._state is not State.RUNNING:
                self._become(State.READY)
            self._changed.wait_for(lambda: self._invocation is not None or self._ended)
            if self._ended:
                return None
            self._become(State.RUNNING)
            return self._invocation

    def respond(self, request: str, body: bytes, *, whole: bool = True) -> None:
        """Take the answer to ``request``; one that is not ``whole`` was longer than the limit."""
        with self._changed:
            self._check(request, "InvocationResponse")
            if not whole:
                self._settle(Answer(b"", TOO_LARGE))
                raise RefusedError(
                    413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
                )
            self._settle(Answer(body))

    def fail(self, request: str, body: bytes, error: str) -> None:
        """Take the error that ``request`` ended in."""
        with self._changed:
            self._check(request, "InvocationErrorResponse")
            self._settle(Answer(body, error))

    def fail_init(self, body: bytes, error: str) -> None:
        """Take the error in which the start of the runtime ended."""
        with self._changed:
            if self._state is not State.STARTED:
                raise self._not_from_here(State.INIT_ERROR)
            self._answer = Answer(body, error)
            self._become(State.INIT_ERROR)

    # --- for the invoker

    def give(self, invocation: Invocation) -> None:
        """Let the runtime have ``invocation``, which is ready for it."""
        with self._changed:
            self._answer = None
            self._invocation = invocation
            self._changed.notify_all()

    def until_ready(self, deadline: float) -> State | None:
        """Wait until the runtime asks for an event, or for its end, or the ``deadline`` (``time.monotonic``).

        Return the state that was reached, READY or INIT_ERROR; None when neither was.
        """
        with self._changed:
            self._wait(lambda: self._ended or self._state in {State.READY, State.INIT_ERROR}, deadline)
            return self._state if self._state in {State.READY, State.INIT_ERROR} else None

    def until_done(self, deadline: float) -> bool:
        """Wait until the invocation is answered and the runtime asks for the next one; whether it did."""

        def done() -> bool:
            return self._state is State.READY and self._invocation is None

        with self._changed:
            self._wait(lambda: self._ended or done(), deadline)
            return done()

    def until_ended(self, deadline: float) -> None:
        """Wait for the end of the runtime."""
        with self._changed:
            self._wait(lambda: self._ended, deadline)

    def end(self) -> None:
        """Note that the runtime's process is gone, or that it is answered no more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def state(self) -> State:
        """The state of the runtime."""
        with self._changed:
            return self._state

    @property
    def ended(self) -> bool:
        """Whether ``end`` was called."""
        with self._changed:
            return self._ended

    @property
    def answer(self) -> Answer | None:
        """The last answer, to this invocation or to the start."""
        with self._changed:
            return self._answer

    # --- with the lock held

    def _check(self, request: str, wanted: str) -> None:
        if self._state is not State.RUNNING:
            raise self._not_from_here(wanted)
        if self._invocation is None or request != self._invocation.request:
            raise RefusedError(400, "InvalidRequestID", "Invalid request ID")

    def _settle(self, answer: Answer) -> None:
        self._answer = answer
        self._invocation = None
        self._become(State.RESPONSE_SENT)

    def _become(self, state: State) -> None:
        self._state = state
        self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool], deadline: float) -> None:
        self._changed.wait_for(condition, max(0.0, deadline - time.monotonic()))

    def _not_from_here(self, wanted: str) -> RefusedError:
        return RefusedError(
            403,
            "InvalidStateTransition",
            f"State transition from {self._state} to {wanted} failed for runtime. "
            "Error: State transition is not allowed",
        )
