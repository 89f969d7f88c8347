"""What the caller of Invoke sees, and the lines that Lambda logs, word for word."""

from __future__ import annotations

import pytest

from lambundle.verify.function import lines
from lambundle.verify.function.environment import Death
from lambundle.verify.function.exchange import TOO_LARGE, Answer
from lambundle.verify.function.results import (
    Result,
    answered,
    died,
    error_type,
    failed_init,
    missing_module,
    timed_out,
)

DEATH = Death("Runtime.ExitError", "Runtime exited with error: exit status 1")
SAID = "RequestId: id Error: Runtime exited with error: exit status 1"


@pytest.mark.parametrize(
    ("body", "response"),
    [
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b'"text"', "text"),
        (b"not json", "not json"),
        (b"", ""),
        (b'{"a": NaN}', '{"a": NaN}'),
        (b"[1e999, -1e999]", "[1e999, -1e999]"),
        (b"[1e300]", [1e300]),
        (b"[" * 700 + b"]" * 700, "[" * 700 + "]" * 700),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b"[" * 100_000, "[" * 100_000),
    ],
)
def test_answer_is_parsed_where_it_can_be(body: bytes, response: object) -> None:
    assert answered(Answer(body)) == Result("ok", response)
    assert answered(Answer(body, "Any.Error")) == Result("error", response)


def test_answer_that_is_too_large() -> None:
    message = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    response = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    assert answered(Answer(b"", TOO_LARGE)) == Result("error", response)
    assert died("id", DEATH, Answer(b"", TOO_LARGE)).response == response


def test_death_without_an_answer() -> None:
    response = {"errorType": "Runtime.ExitError", "errorMessage": SAID}
    said = f"{SAID}\nRuntime.ExitError"
    assert died("id", DEATH, None) == Result("died", response, "error", "Runtime.ExitError", said)


@pytest.mark.parametrize(("error", "status"), [(None, "died"), ("E", "error")])
def test_death_after_an_answer_keeps_the_answer(error: str | None, status: str) -> None:
    result = died("id", DEATH, Answer(b"1", error))
    assert (result.status, result.response, result.fatal, result.error) == (status, 1, "error", "Runtime.ExitError")


def test_start_that_failed() -> None:
    assert failed_init(Answer(b'{"errorType":"E"}', "Runtime.E")) == Result(
        "error", {"errorType": "E"}, "error", "Runtime.E"
    )
    assert failed_init(Answer(b"", "")).error == "Runtime.Unknown"


def test_timeout() -> None:
    response = {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: id Error: Task timed out after 3.00 seconds",
    }
    assert timed_out("id", 3, None) == Result(
        "timeout", response, "timeout", said="id Task timed out after 3.00 seconds"
    )
    assert timed_out("id", 3, Answer(b"1")).response == 1


def test_report_lines() -> None:
    plain = lines.report(lines.Report("id", 12.344, 512, memory_used=84, init=120.111))
    assert plain == (
        "REPORT RequestId: id\tDuration: 12.34 ms\tBilled Duration: 133 ms\tMemory Size: 512 MB\t"
        "Max Memory Used: 84 MB\tInit Duration: 120.11 ms"
    )
    broken = lines.report(lines.Report("id", 133.0, 128, status="error", error="Runtime.ExitError"))
    assert broken == (
        "REPORT RequestId: id\tDuration: 133.00 ms\tBilled Duration: 133 ms\tMemory Size: 128 MB\t"
        "Status: error\tError Type: Runtime.ExitError"
    )
    assert lines.report(lines.Report("id", 1, 128, status="timeout")).endswith("\tStatus: timeout")


def test_other_lines() -> None:
    assert lines.start("id") == "START RequestId: id Version: $LATEST"
    assert lines.end("id") == "END RequestId: id"
    assert lines.init_report(1236.04, "init", "timeout") == (
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout"
    )
    assert lines.init_report(0.5, "invoke", "error", "Runtime.InvalidEntrypoint") == (
        "INIT_REPORT Init Duration: 0.50 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.InvalidEntrypoint"
    )


@pytest.mark.parametrize(
    ("response", "module"),
    [
        ({"errorMessage": "Unable to import module 'app': No module named 'boto3'"}, "boto3"),
        ({"errorMessage": "No module named 'botocore.session'"}, "botocore"),
        ({"errorMessage": "boto3 is sad"}, None),
        ({"errorMessage": None}, None),
        ("No module named 'boto3'", None),
        (None, None),
    ],
)
def test_the_module_that_was_not_found(response: object, module: str | None) -> None:
    assert missing_module(response) == module


@pytest.mark.parametrize("odd", [None, 7, 1.5, [], {}, True])
def test_an_error_type_that_is_no_text_is_none(odd: object) -> None:
    assert error_type({"errorType": odd}) == ""
    assert error_type(odd) == ""
    assert error_type({"errorType": "Runtime.OutOfMemory"}) == "Runtime.OutOfMemory"
