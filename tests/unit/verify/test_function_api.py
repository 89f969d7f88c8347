"""The Runtime API by a real client over a real socket, and by clients that nobody should write."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function import api
from lambundle.verify.function.api import RuntimeApi
from lambundle.verify.function.exchange import TOO_LARGE, Answer, Exchange, Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
EVENT = Invocation("b6cf7c46-6a7a-4d4c-a1ac-0d8b1c4a5f6e", b'{"a": 1}', 1542409706888)


@dataclass
class Side:
    """Both sides of one API."""

    exchange: Exchange
    address: tuple[str, int]

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=20)

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=20)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        client = self.client()
        with contextlib.closing(client):
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            client.request(method, path, body, fields, encode_chunked=fields.get("Transfer-Encoding") == "chunked")
            reply = client.getresponse()
            return reply.status, json.loads(reply.read())

    def raw(self, data: bytes) -> bytes:
        with self.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture
def side() -> Iterator[Side]:
    listener = socket.create_server(("127.0.0.1", 0))
    exchange = Exchange()
    server = RuntimeApi(listener, exchange, ARN)
    yield Side(exchange, listener.getsockname())
    exchange.end()
    server.close()


@pytest.fixture
def given(side: Side) -> Side:
    """Return an API whose runtime has an event to answer."""
    side.exchange.give(EVENT)
    side.exchange.next()
    return side


def path(what: str, request: str = EVENT.request) -> str:
    return f"{BASE}/invocation/{request}/{what}"


def test_next_has_the_event_and_its_headers(side: Side) -> None:
    side.exchange.give(EVENT)
    client = side.client()
    client.request("GET", f"{BASE}/invocation/next")
    reply = client.getresponse()
    assert (reply.status, reply.read()) == (200, EVENT.payload)
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Lambda-Runtime-Aws-Request-Id"] == EVENT.request
    assert reply.headers["Lambda-Runtime-Deadline-Ms"] == "1542409706888"
    assert reply.headers["Lambda-Runtime-Invoked-Function-Arn"] == ARN
    assert reply.headers["Lambda-Runtime-Trace-Id"].startswith("Root=1-b6cf7c46-6a7a4d4ca1ac0d8b1c4a5f6e;Parent=")
    client.close()


def test_one_connection_for_many_requests(side: Side) -> None:
    client = side.client()
    with contextlib.closing(client):
        for number in range(3):
            event = Invocation(f"id-{number}", str(number).encode(), 1)
            side.exchange.give(event)
            client.request("GET", f"{BASE}/invocation/next")
            assert client.getresponse().read() == event.payload
            client.request("POST", path("response", event.request), b"x" * number)
            reply = client.getresponse()
            assert (reply.status, json.loads(reply.read())) == (202, {"status": "OK"})
            assert side.exchange.answer == Answer(b"x" * number)


def test_error_and_its_type(given: Side) -> None:
    status, _ = given.call("POST", path("error"), b'{"errorMessage":"no"}', Lambda_Runtime_Function_Error_Type="E.No")
    assert status == 202
    assert given.exchange.answer == Answer(b'{"errorMessage":"no"}', "E.No")


def test_error_without_a_type_is_an_error(given: Side) -> None:
    assert given.call("POST", path("error"), b"no")[0] == 202
    assert given.exchange.answer == Answer(b"no", "")


def test_error_with_a_stack_trace_in_a_header(given: Side) -> None:
    cause = "x" * (1 << 20)
    headers = {"Lambda_Runtime_Function_XRay_Error_Cause": cause}
    assert given.call("POST", path("error"), b"{}", **headers)[0] == 202


def test_init_error(side: Side) -> None:
    status, _ = side.call("POST", f"{BASE}/init/error", b"{}", Lambda_Runtime_Function_Error_Type="Runtime.Import")
    assert status == 202
    assert side.exchange.answer == Answer(b"{}", "Runtime.Import")
    status, said = side.call("GET", f"{BASE}/invocation/next")
    assert (status, said["errorType"]) == (403, "InvalidStateTransition")


def test_streamed_answer(given: Side) -> None:
    parts = iter([b"one ", b"two"])
    headers = {"Transfer_Encoding": "chunked", "Lambda_Runtime_Function_Response_Mode": "streaming"}
    assert given.call("POST", path("response"), parts, **headers)[0] == 202
    assert given.exchange.answer == Answer(b"one two")


def test_streamed_answer_that_breaks_off(given: Side) -> None:
    request = (
        f"POST {path('response')} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Trailer: Lambda-Runtime-Function-Error-Type\r\n\r\n"
        "4\r\nhalf\r\n0\r\nLambda-Runtime-Function-Error-Type: Function.Broke\r\n\r\n"
    )
    assert given.raw(request.encode()).startswith(b"HTTP/1.1 202 ")
    assert given.exchange.answer == Answer(b"half", "Function.Broke")


@pytest.mark.parametrize("chunked", [False, True])
def test_largest_answer_and_one_more(given: Side, chunked: bool) -> None:
    headers = {"Transfer_Encoding": "chunked"} if chunked else {}

    def body(size: int) -> object:
        return iter([bytes(size - 1), b"x"]) if chunked else bytes(size)

    status, said = given.call("POST", path("response"), body(PAYLOAD_LIMIT + 1), **headers)
    assert (status, said["errorType"]) == (413, "RequestEntityTooLarge")
    assert given.exchange.answer == Answer(b"", TOO_LARGE)
    given.exchange.give(EVENT)
    assert given.call("GET", f"{BASE}/invocation/next") == (200, {"a": 1})
    assert given.call("POST", path("response"), body(PAYLOAD_LIMIT), **headers)[0] == 202
    answer = given.exchange.answer
    assert answer is not None
    assert len(answer.body) == PAYLOAD_LIMIT


def test_a_client_that_waits_to_be_told_to_go_on(given: Side) -> None:
    with given.connect() as connection:
        head = f"POST {path('response')} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 \r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    ("method", "where", "status", "kind"),
    [
        ("POST", path("response", "another"), 400, "InvalidRequestID"),
        ("POST", path("error", "another"), 400, "InvalidRequestID"),
        ("POST", f"{BASE}/init/error", 403, "InvalidStateTransition"),
        ("GET", path("response"), 405, "MethodNotAllowed"),
        ("POST", f"{BASE}/invocation/next", 405, "MethodNotAllowed"),
        ("GET", "/", 404, "NotFound"),
        ("GET", f"{BASE}/invocation/next/more", 404, "NotFound"),
        ("POST", f"{BASE}/invocation//response", 404, "NotFound"),
        ("GET", "/2020-01-01/extension/register", 404, "NotFound"),
    ],
)
def test_requests_out_of_place(given: Side, method: str, where: str, status: int, kind: str) -> None:
    got, said = given.call(method, where, b"")
    assert (got, said.pop("errorType")) == (status, kind)
    assert list(said) == ["errorMessage"]
    assert given.exchange.answer is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: no\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: " + b"b" * (3 << 20),
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_nonsense_ends_the_connection_and_nothing_else(given: Side, data: bytes) -> None:
    with contextlib.suppress(OSError):  # we may still be sending, or say too late that we are done
        reply = given.raw(data)
        assert reply == b"" or reply.startswith(b"HTTP/1.1 4")
    assert given.call("POST", path("response"), b"{}")[0] == 202


def test_truncated_answer_is_none(given: Side) -> None:
    head = f"POST {path('response')} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    given.raw(head.encode() + b"half")
    assert given.exchange.answer is None


def test_more_connections_than_there_is_room_for_wait(given: Side) -> None:
    idle = [given.connect() for _ in range(api.CONNECTIONS)]
    late = given.connect()
    late.sendall(f"POST {path('response')} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    late.settimeout(0.05)
    with pytest.raises(TimeoutError):
        late.recv(65536)
    idle.pop().close()
    late.settimeout(20)
    assert late.recv(65536).startswith(b"HTTP/1.1 202 ")
    for one in (late, *idle):
        one.close()


def test_close_ends_everything() -> None:
    before = set(threading.enumerate())
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    exchange = Exchange()
    server = RuntimeApi(listener, exchange, ARN)
    idle = socket.create_connection(address, timeout=20)
    waiting = socket.create_connection(address, timeout=20)
    waiting.sendall(f"GET {BASE}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    with contextlib.closing(idle), contextlib.closing(waiting):
        exchange.until_ready(10**9)
        exchange.end()
        server.close()
        assert idle.recv(1) == b""
        assert waiting.recv(1) == b""
    with pytest.raises(ConnectionError):
        socket.create_connection(address, timeout=20)
    socket.create_server(address).close()  # the port is free
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
    assert set(threading.enumerate()) <= before
