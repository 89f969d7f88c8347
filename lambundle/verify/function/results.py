"""The response of Invoke: the answer, or Lambda's error. Pure."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function.exchange import TOO_LARGE

if TYPE_CHECKING:
    from lambundle.verify.function.environment import Death
    from lambundle.verify.function.exchange import Answer

_LEVELS = 100
_NO_MODULE = re.compile(r"No module named '(?P<python>[^']+)'|Cannot find (?:module|package) '(?P<node>[^']+)'")


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
    """Return what a function could not import, by the words of its error; None for another error.

    It is the top of a package in Python; in JavaScript a package, or its scope where it has one.
    """
    if not isinstance(response, dict):
        return None
    found = _NO_MODULE.search(str(response.get("errorMessage")))
    if found is None:
        return None
    return found["python"].partition(".")[0] if found["python"] else found["node"].partition("/")[0]


def error_type(response: object) -> str:
    """Return the errorType of an answer; empty where it has none that is a text, whatever a runtime put there."""
    found = response.get("errorType") if isinstance(response, dict) else None
    return found if isinstance(found, str) else ""


def parse_json(text: bytes) -> object:
    """Parse a JSON text; raise ValueError or RecursionError where it is none, as with NaN, which Python would take.

    So would it take 1e999 for an infinity, which is then written as no JSON.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        _refuse(text)
    return value


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _response(answer: Answer) -> object:
    if answer.error == TOO_LARGE and not answer.body:
        message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        return {"errorType": TOO_LARGE, "errorMessage": message}
    try:
        response = parse_json(answer.body)
    except (ValueError, RecursionError):
        return answer.body.decode(errors="replace")
    return response if _is_shallow(response) else answer.body.decode(errors="replace")


def _is_shallow(value: object) -> bool:
    """Whether a value can be written again: reading takes more levels than writing."""
    level = [value]
    for _ in range(_LEVELS):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False
