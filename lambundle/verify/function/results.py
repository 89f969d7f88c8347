"""The response of Invoke: the answer, or Lambda's error. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function.exchange import TOO_LARGE

if TYPE_CHECKING:
    from lambundle.verify.function.environment import Death
    from lambundle.verify.function.exchange import Answer

_NO_MODULE = re.compile(r"No module named '([^']+)'")


@dataclass(frozen=True, slots=True)
class Result:
    """How an invocation ended.

    ``status`` and ``response`` are those of the Run. ``fatal`` is ``error`` or ``timeout`` when the runtime did not
    survive it, with the type of the ``error`` for the REPORT line; ``said`` what Lambda adds to the log.
    """

    status: str
    response: object
    fatal: str = ""
    error: str = ""
    said: str = ""


def answered(answer: Answer) -> Result:
    """Return the result of a runtime that answered and lives on."""
    return Result("ok" if answer.error is None else "error", _response(answer))


def died(request: str, death: Death, answer: Answer | None) -> Result:
    """Return the result of a runtime that ended in the middle of ``request``, perhaps after it had answered.

    What it had answered is the response all the same, but Lambda counts the invocation as failed.
    """
    message = f"RequestId: {request} Error: {death.message}"
    said = f"{message}\n{death.kind}"
    if answer is None:
        return Result("died", {"errorType": death.kind, "errorMessage": message}, "error", death.kind, said)
    status = "died" if answer.error is None else "error"
    return Result(status, _response(answer), "error", death.kind, said)


def failed_init(answer: Answer) -> Result:
    """Return the result of a runtime that said that it could not start."""
    return Result("error", _response(answer), "error", answer.error or "Runtime.Unknown")


def timed_out(request: str, seconds: float, answer: Answer | None) -> Result:
    """Return the result of a runtime that had not asked for the next event after ``seconds``."""
    message = f"Task timed out after {seconds:.2f} seconds"
    response: object = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request} Error: {message}"}
    return Result("timeout", response if answer is None else _response(answer), "timeout", said=f"{request} {message}")


def missing_module(response: object) -> str | None:
    """Return the module that a Python function could not import, by the words of its error; None for another."""
    if not isinstance(response, dict):
        return None
    found = _NO_MODULE.search(str(response.get("errorMessage")))
    return None if found is None else found[1].partition(".")[0]


def parse_json(text: bytes) -> object:
    """Parse a JSON text; raise ValueError or RecursionError where it is none, as with NaN, which Python would take."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _response(answer: Answer) -> object:
    if answer.error == TOO_LARGE and not answer.body:
        message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        return {"errorType": TOO_LARGE, "errorMessage": message}
    try:
        return parse_json(answer.body)
    except (ValueError, RecursionError):
        return answer.body.decode(errors="replace")
