"""HTTP/1.1 on one connection: requests in, replies out. Requests are bounded in size."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from lambundle.target import PAYLOAD_LIMIT

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

HEAD_LIMIT = 2 << 20
"""Most bytes of a request's head: awslambdaric sends up to 1 MiB of stack trace in one header."""

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One whole request.

    ``body`` is cut where it goes beyond what a payload may have, and then the request is not ``whole``.
    ``headers`` has the trailers too, which is where a streamed answer says that it failed; names in lower case.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply; the length of ``body`` is added."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def talk(connection: socket.socket, answer: Callable[[HttpRequest], HttpReply | None]) -> None:
    """Answer request after request until the other side, an error, or an ``answer`` of None ends it."""
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)
    # The function may be gone, and what it asked for may allow no such reply as ours (HEAD).
    with contextlib.suppress(OSError, h11.LocalProtocolError):
        try:
            while (request := _receive(connection, http)) is not None and (reply := answer(request)) is not None:
                _send(connection, http, reply)
                if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                    return
                http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            if http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                _send(connection, http, HttpReply(error.error_status_hint, b""))


def _receive(connection: socket.socket, http: h11.Connection) -> HttpRequest | None:
    head: h11.Request | None = None
    body = bytearray()
    size = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                _write(connection, http, h11.InformationalResponse(status_code=100, headers=[]))
            http.receive_data(connection.recv(_BLOCK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            body += event.data[: max(0, PAYLOAD_LIMIT - len(body))]
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            fields = [*head.headers, *event.headers]
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in fields}
            return HttpRequest(
                head.method.decode(), head.target.decode("latin-1"), headers, bytes(body), size == len(body)
            )
        else:
            return None


def _send(connection: socket.socket, http: h11.Connection, reply: HttpReply) -> None:
    headers = [*reply.headers, ("Content-Length", str(len(reply.body)))]
    head = http.send(h11.Response(status_code=reply.status, headers=headers))
    body = http.send(h11.Data(data=reply.body))
    connection.sendall(b"".join(part for part in (head, body, http.send(h11.EndOfMessage())) if part))


def _write(connection: socket.socket, http: h11.Connection, event: h11.InformationalResponse) -> None:
    connection.sendall(http.send(event) or b"")
