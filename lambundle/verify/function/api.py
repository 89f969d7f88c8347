"""The Runtime API, for one runtime on one listening socket.

The runtime is not trusted: its requests are bounded in size and number, and none of them can end the server.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from typing import TYPE_CHECKING

from lambundle.verify.function.exchange import RefusedError
from lambundle.verify.function.wire import HttpReply, talk

if TYPE_CHECKING:
    from lambundle.verify.function.exchange import Exchange, Invocation
    from lambundle.verify.function.wire import HttpRequest

CONNECTIONS = 64
"""Most connections at a time; a runtime needs one or two."""

_PATHS = re.compile(
    r"/2018-06-01/runtime/(?:(?P<init>init)/error|invocation/(?P<next>next)|invocation/(?P<id>[^/]+)/(?P<what>response|error))"
)
_ERROR_TYPE = "lambda-runtime-function-error-type"


class RuntimeApi:
    """Answers on ``listener``, which it owns, for the function ``arn``, until it is closed."""

    def __init__(self, listener: socket.socket, exchange: Exchange, arn: str) -> None:
        self._listener = listener
        self._exchange = exchange
        self._arn = arn
        self._room = threading.Semaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._closed = False
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # which connections inherit
        self._acceptor = threading.Thread(target=self._accept, name="runtime-api", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """End every connection and give the port free; ``Exchange.end`` comes first, for those who wait there."""
        with self._lock:
            self._closed = True
            for one in (self._listener, *self._connections):
                _shut(one)
        self._acceptor.join()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):  # which is how accept ends once the listener is shut
            while self._room.acquire():
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                with self._lock:
                    self._connections.add(connection)
                    if self._closed:
                        _shut(connection)
                talk(connection, self._answer)
        finally:
            with self._lock:
                self._connections.remove(connection)
            self._room.release()

    def _answer(self, request: HttpRequest) -> HttpReply | None:
        """Carry out ``request``; None when nobody will answer it any more."""
        found = _PATHS.fullmatch(request.path)
        if found is None:
            return _error(404, "NotFound", f"no such resource: {request.path}")
        if request.method != ("GET" if found["next"] else "POST"):
            return _error(405, "MethodNotAllowed", f"{request.method} is not for {request.path}")
        try:
            if found["next"]:
                invocation = self._exchange.next()
                return self._event(invocation) if invocation is not None else None
            self._take(found, request)
        except RefusedError as refused:
            return _error(refused.status, refused.kind, refused.message)
        return _json(202, {"status": "OK"})

    def _take(self, found: re.Match[str], request: HttpRequest) -> None:
        error = request.headers.get(_ERROR_TYPE)
        if found["init"]:
            self._exchange.fail_init(request.body, error or "")
        elif found["what"] == "error":
            self._exchange.fail(found["id"], request.body, error or "")
        elif error is not None:  # in the trailers: a streamed answer broke off
            self._exchange.fail(found["id"], request.body, error)
        else:
            self._exchange.respond(found["id"], request.body, whole=request.whole)

    def _event(self, invocation: Invocation) -> HttpReply:
        trace = invocation.request.replace("-", "")
        headers = (
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", self._arn),
            ("Lambda-Runtime-Trace-Id", f"Root=1-{trace[:8]}-{trace[8:]};Parent={trace[:16]};Sampled=0"),
        )
        return HttpReply(200, invocation.payload, headers)


def _error(status: int, kind: str, message: str) -> HttpReply:
    return _json(status, {"errorMessage": message, "errorType": kind})


def _json(status: int, content: dict[str, str]) -> HttpReply:
    return HttpReply(status, json.dumps(content).encode(), (("Content-Type", "application/json"),))


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is gone already
        one.shutdown(socket.SHUT_RDWR)
