"""The runtime's states: which request does what in which of them, and what waits for what."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function.exchange import TOO_LARGE, Answer, Exchange, Invocation, RefusedError, State

if TYPE_CHECKING:
    from collections.abc import Callable

ONE, TWO = Invocation("one", b"1", 1), Invocation("two", b"2", 2)


def started() -> Exchange:
    return Exchange()


def running() -> Exchange:
    exchange = Exchange()
    exchange.give(ONE)
    assert exchange.next() == ONE
    return exchange


def answered() -> Exchange:
    exchange = running()
    exchange.respond("one", b"done")
    return exchange


def broken() -> Exchange:
    exchange = Exchange()
    exchange.fail_init(b"{}", "Runtime.Bad")
    return exchange


def within(seconds: float) -> float:
    return time.monotonic() + seconds


REQUESTS: dict[str, Callable[[Exchange], object]] = {
    "response": lambda exchange: exchange.respond("one", b""),
    "error": lambda exchange: exchange.fail("one", b"", ""),
    "init/error": lambda exchange: exchange.fail_init(b"", ""),
}
STATES = {State.STARTED: started, State.RUNNING: running, State.RESPONSE_SENT: answered, State.INIT_ERROR: broken}
ALLOWED = {(State.STARTED, "init/error"), (State.RUNNING, "response"), (State.RUNNING, "error")}


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("state", STATES)
def test_each_request_has_its_states(state: State, request_name: str) -> None:
    exchange = STATES[state]()
    assert exchange.state is state
    if (state, request_name) in ALLOWED:
        REQUESTS[request_name](exchange)
        assert exchange.state is not state
        return
    with pytest.raises(RefusedError) as refused:
        REQUESTS[request_name](exchange)
    assert (refused.value.status, refused.value.kind) == (403, "InvalidStateTransition")
    assert refused.value.message.startswith(f"State transition from {state} to ")
    assert exchange.state is state


def test_no_event_for_a_runtime_that_could_not_start() -> None:
    with pytest.raises(RefusedError, match="from InitError to Ready"):
        broken().next()


def test_the_same_event_until_it_is_answered() -> None:
    exchange = running()
    assert exchange.next() == ONE
    exchange.respond("one", b"")
    exchange.give(TWO)
    assert exchange.next() == TWO


def test_answer_to_another_request_changes_nothing() -> None:
    exchange = running()
    with pytest.raises(RefusedError) as refused:
        exchange.respond("two", b"")
    assert (refused.value.status, refused.value.kind) == (400, "InvalidRequestID")
    with pytest.raises(RefusedError, match="Invalid request ID"):
        exchange.fail("two", b"", "")
    exchange.respond("one", b"late but right")
    assert exchange.answer == Answer(b"late but right")


def test_answer_of_the_largest_size() -> None:
    exchange = running()
    body = bytes(PAYLOAD_LIMIT)
    exchange.respond("one", body)
    assert exchange.answer == Answer(body)


def test_answer_over_the_limit_is_an_error_of_the_function() -> None:
    exchange = running()
    with pytest.raises(RefusedError, match=r"^Exceeded maximum allowed payload size \(6291556 bytes\)\.$") as refused:
        exchange.respond("one", bytes(PAYLOAD_LIMIT), whole=False)
    assert (refused.value.status, refused.value.kind) == (413, "RequestEntityTooLarge")
    assert exchange.answer == Answer(b"", TOO_LARGE)
    with pytest.raises(RefusedError, match="from RuntimeResponseSentState"):
        exchange.fail("one", b"", "")


def test_waiting_ends_with_what_is_waited_for() -> None:
    exchange = Exchange()
    got: list[Invocation | None] = []
    runtime = threading.Thread(target=lambda: got.extend([exchange.next()]))
    runtime.start()
    assert exchange.until_ready(within(10)) is State.READY
    exchange.give(ONE)
    runtime.join()
    assert got == [ONE]
    assert not exchange.until_done(within(0))
    exchange.respond("one", b"1")
    assert not exchange.until_done(within(0)), "it has not asked for the next one yet"
    runtime = threading.Thread(target=exchange.next)
    runtime.start()
    assert exchange.until_done(within(10))
    exchange.end()
    runtime.join()


@pytest.mark.parametrize("wait", ["until_ready", "until_done", "until_ended"])
def test_end_of_the_process_ends_every_wait(wait: str) -> None:
    exchange = running()
    threading.Timer(0.01, exchange.end).start()
    assert not getattr(exchange, wait)(within(10))
    assert exchange.ended
    assert exchange.next() is None


def test_deadline_ends_every_wait() -> None:
    exchange = Exchange()
    assert exchange.until_ready(within(0)) is None
    assert not exchange.until_done(within(0))
    exchange.until_ended(within(0))
    assert not exchange.ended
